#include "engine/media/shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "loop/fiber.h"

/* The folder's parts have an equal share of its bytes each, so that making room looks at one of them only. */
enum {
    PARTS = 64,
    HASH = 64,
    TYPE_MAX = 64,
    ITEM_MAX = 33 << 20,
    SHARE_OF_ITEM = 4, /* what is larger than that part of a part's bytes would push out too much */
    REFUSAL_S = 3600,
    TOUCH_S = 3600
};

struct shelf {
    char *folder;
    uint64_t part_bytes;
    atomic_uint_fast64_t found, missed;
};

/* A file: this, the type, the bytes. */
struct head {
    uint64_t check; /* of all that follows */
    uint32_t refusal, original, type, unused;
    uint64_t bytes;
};

struct shelf *shelf_new(const char *folder, uint64_t max_bytes)
{
    struct shelf *s = mem_zero(sizeof *s);
    size_t n = strlen(folder) + 1;
    s->folder = mem_alloc(n);
    memcpy(s->folder, folder, n);
    s->part_bytes = max_bytes / PARTS;
    return s;
}

void shelf_free(struct shelf *s)
{
    if (!s) return;
    mem_free(s->folder);
    mem_free(s);
}

void shelf_stats(struct shelf *s, struct shelf_stats *out)
{
    *out = (struct shelf_stats){.found = atomic_load_explicit(&s->found, memory_order_relaxed),
                                .missed = atomic_load_explicit(&s->missed, memory_order_relaxed)};
}

/* --- places --- */

struct place {
    char part[PATH_MAX], file[PATH_MAX];
};

static unsigned hex_digit(char c)
{
    return c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* False where there can be no such file. */
static bool place_of(const struct shelf *s, const struct shelf_key *k, struct place *p)
{
    if (k->image.n != HASH) return false;
    for (size_t i = 0; i < HASH; i++)
        if (hex_digit(k->image.p[i]) > 15) return false;
    unsigned part = (hex_digit(k->image.p[0]) << 4 | hex_digit(k->image.p[1])) % PARTS;
    int n = snprintf(p->part, sizeof p->part, "%s/%02x", s->folder, part);
    int m = snprintf(p->file, sizeof p->file, "%s/%02x/%.*s-%ux%u%s", s->folder, part, HASH, k->image.p, k->width, k->height,
                     k->crop ? "-crop" : "");
    return n > 0 && m > 0 && (size_t)n < sizeof p->part && (size_t)m < sizeof p->file;
}

/* --- reading; on a worker thread --- */

struct reading {
    struct place place;
    char *content; /* owned */
    size_t n;
};

static bool read_whole(int fd, char *p, size_t n)
{
    while (n) {
        ssize_t got = read(fd, p, n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        p += got;
        n -= (size_t)got;
    }
    return true;
}

/* What is asked for is not old. */
static void touch(int fd, const struct stat *st)
{
    if (st->st_mtim.tv_sec + TOUCH_S < clock_wall_ms(&clock_system) / 1000) (void)!futimens(fd, NULL);
}

static bool is_sound(const struct reading *r)
{
    struct head h;
    memcpy(&h, r->content, sizeof h);
    return h.type <= TYPE_MAX && h.bytes <= ITEM_MAX && sizeof h + h.type + h.bytes == r->n && h.refusal < ERR__COUNT &&
           h.check == XXH3_64bits(r->content + sizeof h.check, r->n - sizeof h.check);
}

static bool is_over(const struct reading *r, const struct stat *st)
{
    struct head h;
    memcpy(&h, r->content, sizeof h);
    return h.refusal != ERR_OK && st->st_mtim.tv_sec + REFUSAL_S < clock_wall_ms(&clock_system) / 1000;
}

static void read_run(void *arg)
{
    struct reading *r = arg;
    struct stat st;
    int fd = open(r->place.file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return;
    bool ok = fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(struct head) && st.st_size <= ITEM_MAX;
    if (ok) {
        r->n = (size_t)st.st_size;
        r->content = mem_alloc(r->n);
        ok = read_whole(fd, r->content, r->n) && is_sound(r) && !is_over(r, &st);
    }
    if (ok) {
        struct head h;
        memcpy(&h, r->content, sizeof h);
        if (h.refusal == ERR_OK) touch(fd, &st);
    } else {
        unlink(r->place.file);
        mem_free(r->content);
        r->content = NULL;
    }
    close(fd);
}

bool shelf_get(struct shelf *s, const struct shelf_key *k, struct arena *a, struct shelf_item *out)
{
    struct reading *r = mem_zero(sizeof *r);
    if (s->part_bytes && place_of(s, k, &r->place)) fiber_work(read_run, r);
    bool found = r->content != NULL;
    atomic_fetch_add_explicit(found ? &s->found : &s->missed, 1, memory_order_relaxed);
    if (found) {
        struct head h;
        memcpy(&h, r->content, sizeof h);
        *out = (struct shelf_item){.refusal = (enum err)h.refusal, .original = h.original != 0};
        out->type = arena_str(a, str_make(r->content + sizeof h, h.type));
        out->bytes = arena_str(a, str_make(r->content + sizeof h + h.type, (size_t)h.bytes));
        mem_free(r->content);
    }
    mem_free(r);
    return found;
}

/* --- making room; on a worker thread --- */

struct old_file {
    char name[256];
    uint64_t bytes;
    struct timespec used;
};
struct part {
    struct old_file *file;
    size_t count, cap;
    uint64_t bytes;
};

static void part_read(struct part *p, int fd)
{
    DIR *d = fdopendir(dup(fd));
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        if (e->d_name[0] == '.' && (!e->d_name[1] || (e->d_name[1] == '.' && !e->d_name[2]))) continue;
        if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) continue;
        if (p->count == p->cap) p->file = mem_resize(p->file, p->cap = p->cap ? 2 * p->cap : 64, sizeof *p->file);
        struct old_file *f = &p->file[p->count++];
        snprintf(f->name, sizeof f->name, "%s", e->d_name);
        f->bytes = (uint64_t)st.st_blocks * 512;
        f->used = st.st_mtim;
        p->bytes += f->bytes;
    }
    closedir(d);
}

static int oldest_first(const void *x, const void *y)
{
    const struct old_file *a = x, *b = y;
    if (a->used.tv_sec != b->used.tv_sec) return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
    return a->used.tv_nsec < b->used.tv_nsec ? -1 : a->used.tv_nsec > b->used.tv_nsec;
}

/* An eighth more than is needed, so that not each new file has to push out another. */
static void make_room(const struct shelf *s, const char *part)
{
    struct part p = {0};
    int fd = open(part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    part_read(&p, fd);
    if (p.bytes > s->part_bytes) {
        qsort(p.file, p.count, sizeof *p.file, oldest_first);
        for (size_t i = 0; i < p.count && p.bytes > s->part_bytes - s->part_bytes / 8; i++)
            if (unlinkat(fd, p.file[i].name, 0) == 0) p.bytes -= p.file[i].bytes;
    }
    close(fd);
    mem_free(p.file);
}

/* --- writing; on a worker thread --- */

struct writing {
    struct shelf *shelf;
    struct place place;
    struct buf content;
};

static bool write_whole(int fd, struct str s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        s = str_from(s, (size_t)n);
    }
    return true;
}

/* Under its name it is whole, unless the power goes: see is_sound. */
static void write_run(void *arg)
{
    struct writing *w = arg;
    char temporary[PATH_MAX];
    int n = snprintf(temporary, sizeof temporary, "%s/.%016llx", w->place.part, (unsigned long long)random_u64());
    if (n < 0 || (size_t)n >= sizeof temporary) return;
    if (mkdir(w->shelf->folder, 0700) != 0 && errno != EEXIST) return;
    if (mkdir(w->place.part, 0700) != 0 && errno != EEXIST) return;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return;
    bool ok = write_whole(fd, buf_str(&w->content));
    close(fd);
    if (!ok || rename(temporary, w->place.file) != 0) {
        log_event(LOG_DEBUG, "media", "thumbnail not kept", "error=%d", errno);
        unlink(temporary);
    }
    make_room(w->shelf, w->place.part);
}

void shelf_put(struct shelf *s, const struct shelf_key *k, const struct shelf_item *item)
{
    struct writing *w = mem_zero(sizeof *w);
    struct head h = {.refusal = item->refusal, .original = item->original, .type = (uint32_t)item->type.n, .bytes = item->bytes.n};
    w->shelf = s;
    buf_init(&w->content, ITEM_MAX);
    buf_add(&w->content, str_make((const char *)&h, sizeof h));
    buf_add(&w->content, item->type);
    buf_add(&w->content, item->bytes);
    bool fits = buf_ok(&w->content) && item->type.n <= TYPE_MAX && w->content.n <= s->part_bytes / SHARE_OF_ITEM;
    if (fits && place_of(s, k, &w->place)) {
        h.check = XXH3_64bits(w->content.p + sizeof h.check, w->content.n - sizeof h.check);
        memcpy(w->content.p, &h.check, sizeof h.check);
        fiber_work(write_run, w);
    }
    buf_release(&w->content);
    mem_free(w);
}
