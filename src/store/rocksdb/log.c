#include "store/rocksdb/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/random.h"

/* All numbers least significant byte first: these files do not leave the machine, but its kind may change. */
enum { HEADER = 4096, HEADER_USED = 56 };
static const char magic[8] = "RKRYLOG1";

static void put64(char *p, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        p[i] = (char)(v >> 8 * i);
}

static uint64_t get64(const char *p)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v |= (uint64_t)(unsigned char)p[i] << 8 * i;
    return v;
}

static void file_name(char out[16], unsigned file)
{
    snprintf(out, 16, "log-%u", file);
}

static bool write_all(int fd, const char *p, size_t n, uint64_t at)
{
    while (n) {
        ssize_t done = pwrite(fd, p, n, (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        p += done;
        n -= (size_t)done;
        at += (uint64_t)done;
    }
    return true;
}

static bool read_all(int fd, char *p, size_t n, uint64_t at)
{
    while (n) {
        ssize_t got = pread(fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        p += got;
        n -= (size_t)got;
        at += (uint64_t)got;
    }
    return true;
}

/* --- writing --- */

static bool write_header(const struct log *l, const struct log *before)
{
    char h[HEADER] = {0};
    memcpy(h, magic, sizeof magic);
    put64(h + 8, l->number);
    put64(h + 16, l->salt);
    put64(h + 24, before ? before->number : 0);
    put64(h + 32, before ? before->end : 0);
    put64(h + 48, XXH3_64bits(h, 48));
    return write_all(l->fd, h, sizeof h, 0);
}

/* A new file's name must be on the disk too; the header is with the first record that is synced. */
static bool log_open(struct log *l)
{
    char name[16];
    file_name(name, l->file);
    l->fd = openat(l->dir, name, O_RDWR | O_CLOEXEC);
    if (l->fd >= 0) return true;
    if (errno != ENOENT) return false;
    l->fd = openat(l->dir, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return l->fd >= 0 && fsync(l->dir) == 0;
}

/* Room to overwrite, if there is; without it the file grows as it is written. */
static void allocate(const struct log *l)
{
    struct stat st;
    if (fstat(l->fd, &st) < 0 || (size_t)st.st_size >= l->allocated) return;
    (void)!fallocate(l->fd, 0, 0, (off_t)l->allocated);
}

bool log_begin(struct log *out, int dir, unsigned file, uint64_t number, const struct log *before, size_t allocated)
{
    struct log l = {.dir = dir, .fd = -1, .file = file, .number = number, .salt = random_u64(), .end = HEADER, .allocated = allocated};
    if (!log_open(&l)) {
        log_end(&l);
        return false;
    }
    allocate(&l);
    if (!write_header(&l, before)) {
        log_end(&l);
        return false;
    }
    *out = l;
    return true;
}

void log_end(struct log *l)
{
    if (l->fd >= 0) close(l->fd);
    l->fd = -1;
}

static uint64_t check_of(uint64_t salt, uint64_t at, const char *after_check, size_t n)
{
    return XXH3_64bits_withSeed(after_check, n, salt ^ at * 0x9E3779B97F4A7C15u);
}

bool log_append(struct log *l, struct buf *record)
{
    if (l->torn || !buf_ok(record) || record->n < LOG_HEAD || record->n > LOG_RECORD_MAX) return false;
    put64(record->p + 8, record->n - LOG_HEAD);
    put64(record->p, check_of(l->salt, l->end, record->p + 8, record->n - 8));
    if (!write_all(l->fd, record->p, record->n, l->end) || fdatasync(l->fd) < 0) {
        l->torn = true;
        return false;
    }
    l->end += record->n;
    return true;
}

bool log_cut(struct log *l)
{
    if (!l->torn) return true;
    if (ftruncate(l->fd, (off_t)l->end) < 0 || fsync(l->fd) < 0) return false;
    allocate(l);
    l->torn = false;
    return true;
}

/* --- reading --- */

struct old_log {
    int fd;
    uint64_t number, salt, before, before_end, size, end;
};

static bool read_header(struct old_log *l)
{
    char h[HEADER_USED];
    struct stat st;
    if (fstat(l->fd, &st) < 0 || !read_all(l->fd, h, sizeof h, 0)) return false;
    if (memcmp(h, magic, sizeof magic) != 0 || get64(h + 48) != XXH3_64bits(h, 48)) return false;
    l->size = (uint64_t)st.st_size;
    l->number = get64(h + 8);
    l->salt = get64(h + 16);
    l->before = get64(h + 24);
    l->before_end = get64(h + 32);
    return true;
}

/* The record at l->end, in memory that is added to `a`; null: there is none. */
static struct str read_record(struct old_log *l, struct arena *a)
{
    char head[LOG_HEAD];
    if (l->size - l->end < LOG_HEAD || !read_all(l->fd, head, sizeof head, l->end)) return (struct str){0};
    uint64_t n = get64(head + 8);
    if (n > LOG_RECORD_MAX || n > l->size - l->end - LOG_HEAD) return (struct str){0};
    char *record = arena_alloc(a, n + LOG_HEAD);
    if (!read_all(l->fd, record, n + LOG_HEAD, l->end)) return (struct str){0};
    if (get64(record) != check_of(l->salt, l->end, record + 8, n + 8)) return (struct str){0};
    l->end += n + LOG_HEAD;
    return str_make(record + LOG_HEAD, n);
}

/* Up to `limit`, where the next log says that this one ended. */
static enum err replay_one(struct old_log *l, uint64_t limit, struct log_replay *r, struct fault *f)
{
    struct arena a;
    arena_init(&a);
    enum err e = ERR_OK;
    for (l->end = HEADER; !e && l->end < limit;) {
        struct str content = read_record(l, &a);
        if (str_null(content)) break;
        e = r->record(r->ctx, content);
        arena_reset(&a);
    }
    arena_release(&a);
    if (!e && limit != UINT64_MAX && l->end != limit)
        e = fault_set(f, ERR_STORAGE, "Log %llu of the store is damaged: it ends at byte %llu and not at %llu.",
                      (unsigned long long)l->number, (unsigned long long)l->end, (unsigned long long)limit);
    return e;
}

static enum err replay_in_order(struct old_log *log, size_t count, struct log_replay *r, struct fault *f)
{
    uint64_t done = 0;
    for (size_t left = count; left; left--) {
        struct old_log *first = NULL, *second = NULL;
        for (size_t i = 0; i < count; i++)
            if (log[i].number > done && (!first || log[i].number < first->number)) first = &log[i];
        if (!first) break;
        for (size_t i = 0; i < count; i++)
            if (log[i].number > first->number && log[i].before == first->number) second = &log[i];
        enum err e = replay_one(first, second ? second->before_end : UINT64_MAX, r, f);
        if (e) return e;
        done = r->newest = first->number;
    }
    return ERR_OK;
}

enum err log_replay(int dir, struct log_replay *r, struct fault *f)
{
    struct old_log log[LOG_FILES];
    size_t count = 0;
    r->newest = 0;
    for (unsigned i = 0; i < LOG_FILES; i++) {
        char name[16];
        file_name(name, i);
        struct old_log l = {.fd = openat(dir, name, O_RDONLY | O_CLOEXEC)};
        if (l.fd >= 0 && read_header(&l))
            log[count++] = l;
        else if (l.fd >= 0)
            close(l.fd);
    }
    enum err e = replay_in_order(log, count, r, f);
    for (size_t i = 0; i < count; i++)
        close(log[i].fd);
    return e;
}
