#include "blob/files/files.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/random.h"
#include "crypto/crypto.h"
#include "loop/fiber.h"

/* What a writer gathers before it goes to a worker thread: a small blob costs one trip, a large one few. */
enum { BLOCK = 256 * 1024 };
static const char TEMPORARY[] = ".tmp-";

struct files {
    struct blobs blobs;
    int root;
};

struct writer {
    struct blob_writer w;
    int fd; /* -1: no file yet */
    char name[sizeof TEMPORARY + 16];
    struct buf pending;
    struct sha256_stream *hash;
    uint64_t size;
    struct fault failed; /* code OK: not failed */
};

struct reader {
    struct blob_reader r;
    int fd;
};

/* <root>/ab/<hash> */
struct place {
    char dir[3], file[BLOB_HASH_LEN + 4];
};

static struct files *files_of(struct blobs *s)
{
    return (struct files *)(void *)s;
}
static struct writer *writer_of(struct blob_writer *w)
{
    return (struct writer *)(void *)w;
}
static struct reader *reader_of(struct blob_reader *r)
{
    return (struct reader *)(void *)r;
}

static void off_loop(void (*fn)(void *arg), void *arg)
{
    if (fiber_current()) {
        fiber_work(fn, arg);
    } else {
        assert(!loop_current());
        fn(arg);
    }
}

static enum err io_fault(struct fault *f, const char *what)
{
    int code = errno;
    if (code == ENOSPC || code == EDQUOT || code == EFBIG)
        return fault_set(f, ERR_FULL, "The disk that holds the media is full. Try again when there is room.");
    char text[100];
    log_event(LOG_ERROR, "blob", "failed", "what=%s error=\"%s\"", what, strerror_r(code, text, sizeof text));
    return fault_set(f, ERR_STORAGE, "The server cannot reach its stored files at the moment.");
}

static struct place place_of(struct str hash)
{
    struct place p;
    memcpy(p.dir, hash.p, 2);
    p.dir[2] = 0;
    snprintf(p.file, sizeof p.file, "%s/%.*s", p.dir, BLOB_HASH_LEN, hash.p);
    return p;
}

/* --- writing; these run on a worker thread --- */

/* A new file that no cleaning process has taken for a left one between its making and its lock. */
static enum err temporary_open(struct files *s, struct writer *w, struct fault *f)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        snprintf(w->name, sizeof w->name, "%s%016llx", TEMPORARY, (unsigned long long)random_u64());
        int fd = openat(s->root, w->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST) return io_fault(f, "create");
        if (fd < 0) continue;
        struct stat st;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1) {
            w->fd = fd;
            return ERR_OK;
        }
        close(fd);
    }
    errno = EEXIST;
    return io_fault(f, "create");
}

static void temporary_close(struct files *s, struct writer *w, bool remove)
{
    if (w->fd < 0) return;
    if (remove) unlinkat(s->root, w->name, 0);
    close(w->fd);
    w->fd = -1;
}

static enum err append(struct writer *w, struct str piece, struct fault *f)
{
    if (piece.n) sha256_update(w->hash, piece);
    w->size += piece.n;
    while (piece.n) {
        ssize_t n = write(w->fd, piece.p, piece.n);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return io_fault(f, "write");
        piece = str_from(piece, (size_t)n);
    }
    return ERR_OK;
}

struct write_job {
    struct writer *w;
    struct str piece;
};

/* What was gathered, then the piece. */
static void write_run(void *arg)
{
    struct write_job *j = arg;
    struct writer *w = j->w;
    struct files *s = files_of(w->w.blobs);
    struct fault *f = &w->failed;
    enum err e = w->fd < 0 ? temporary_open(s, w, f) : ERR_OK;
    if (!e) e = append(w, buf_str(&w->pending), f);
    if (!e) e = append(w, j->piece, f);
    buf_clear(&w->pending);
    /* A full disk gets its room back now, not when the client has noticed. */
    if (e) temporary_close(s, w, true);
}

/* Syncs the directory, so that a name in it is as durable as the file. */
static enum err directory_sync(struct files *s, const char *dir, struct fault *f)
{
    int fd = openat(s->root, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return io_fault(f, "open directory");
    int failed = fsync(fd);
    enum err e = failed ? io_fault(f, "sync directory") : ERR_OK;
    close(fd);
    return e;
}

struct commit_job {
    struct writer *w;
    struct blob_hash *out;
    enum err err;
    struct fault *f;
};

/* The rename replaces a blob of the same content by itself: this way there is one path, and the one that is acknowledged now has
 * been synced now, whoever else was about to write it. */
static enum err settle(struct writer *w, struct str hash, struct fault *f)
{
    struct files *s = files_of(w->w.blobs);
    struct place p = place_of(hash);
    if (fsync(w->fd) != 0) return io_fault(f, "sync");
    if (renameat(s->root, w->name, s->root, p.file) != 0) return io_fault(f, "rename");
    temporary_close(s, w, false);
    return directory_sync(s, p.dir, f);
}

static void commit_run(void *arg)
{
    struct commit_job *j = arg;
    struct writer *w = j->w;
    struct write_job rest = {.w = w};
    write_run(&rest);
    j->err = w->failed.code;
    if (j->err) return;
    unsigned char hash[SHA256_BYTES];
    sha256_end(w->hash, hash);
    w->hash = NULL;
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(j->out->hex + 2 * i, 3, "%02x", hash[i]);
    j->err = settle(w, blob_hash_str(j->out), &w->failed);
    temporary_close(files_of(w->w.blobs), w, true);
}

static void abort_run(void *arg)
{
    struct writer *w = arg;
    temporary_close(files_of(w->w.blobs), w, true);
}

/* --- the interface --- */

static enum err files_begin(struct blobs *s, struct blob_writer **out, struct fault *f)
{
    (void)f;
    struct writer *w = mem_zero(sizeof *w);
    w->w.blobs = s;
    w->fd = -1;
    w->hash = sha256_begin();
    buf_init(&w->pending, BLOCK);
    *out = &w->w;
    return ERR_OK;
}

/* Says again what the writer has met. */
static enum err writer_failed(const struct writer *w, struct fault *f)
{
    if (f && w->failed.code) *f = w->failed;
    return w->failed.code;
}

static enum err files_write(struct blob_writer *b, struct str piece, struct fault *f)
{
    struct writer *w = writer_of(b);
    if (w->failed.code) return writer_failed(w, f);
    if (piece.n <= BLOCK - w->pending.n) {
        buf_add(&w->pending, piece);
        return ERR_OK;
    }
    struct write_job j = {w, piece};
    off_loop(write_run, &j);
    return writer_failed(w, f);
}

static void writer_free(struct writer *w)
{
    if (w->hash) {
        unsigned char unused[SHA256_BYTES];
        sha256_end(w->hash, unused);
    }
    buf_release(&w->pending);
    mem_free(w);
}

static enum err files_commit(struct blob_writer *b, struct blob_hash *out, uint64_t *size, struct fault *f)
{
    struct writer *w = writer_of(b);
    struct commit_job j = {.w = w, .out = out, .err = w->failed.code};
    if (!j.err) off_loop(commit_run, &j);
    if (j.err) writer_failed(w, f);
    if (size) *size = w->size;
    writer_free(w);
    return j.err;
}

static void files_abort(struct blob_writer *b)
{
    struct writer *w = writer_of(b);
    if (w->fd >= 0) off_loop(abort_run, w);
    writer_free(w);
}

struct name_job {
    struct files *s;
    struct str hash;
    struct fault *f;
    enum err err;
    int fd;
    uint64_t size;
};

static void open_run(void *arg)
{
    struct name_job *j = arg;
    struct place p = place_of(j->hash);
    struct stat st;
    j->fd = openat(j->s->root, p.file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (j->fd < 0) {
        j->err = errno == ENOENT ? ERR_NOT_FOUND : io_fault(j->f, "open");
    } else if (fstat(j->fd, &st) != 0) {
        j->err = io_fault(j->f, "stat");
        close(j->fd);
    } else {
        j->size = (uint64_t)st.st_size;
    }
}

static enum err files_open(struct blobs *s, struct str hash, struct blob_reader **out, uint64_t *size, struct fault *f)
{
    if (!blob_hash_ok(hash)) return ERR_NOT_FOUND;
    struct name_job j = {.s = files_of(s), .hash = hash, .f = f};
    off_loop(open_run, &j);
    if (j.err) return j.err;
    struct reader *r = mem_zero(sizeof *r);
    r->r.blobs = s;
    r->fd = j.fd;
    *out = &r->r;
    *size = j.size;
    return ERR_OK;
}

struct read_job {
    int fd;
    uint64_t at;
    char *p;
    size_t n, got;
    struct fault *f;
    enum err err;
};

static void read_run(void *arg)
{
    struct read_job *j = arg;
    if (j->at > INT64_MAX - (uint64_t)j->n) return; /* beyond any file's end */
    while (j->got < j->n) {
        ssize_t n = pread(j->fd, j->p + j->got, j->n - j->got, (off_t)(j->at + j->got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) j->err = io_fault(j->f, "read");
        if (n <= 0) return;
        j->got += (size_t)n;
    }
}

static enum err files_read(struct blob_reader *r, uint64_t at, char *out, size_t n, size_t *got, struct fault *f)
{
    struct read_job j = {.fd = reader_of(r)->fd, .at = at, .p = out, .n = n, .f = f};
    if (n) off_loop(read_run, &j);
    *got = j.got;
    return j.err;
}

/* Closing a file that was only read does not wait for the disk. */
static void files_close_reader(struct blob_reader *r)
{
    close(reader_of(r)->fd);
    mem_free(r);
}

static void exists_run(void *arg)
{
    struct name_job *j = arg;
    struct place p = place_of(j->hash);
    if (faccessat(j->s->root, p.file, F_OK, 0) != 0) j->err = errno == ENOENT ? ERR_NOT_FOUND : io_fault(j->f, "look");
}

static enum err files_exists(struct blobs *s, struct str hash, struct fault *f)
{
    if (!blob_hash_ok(hash)) return ERR_NOT_FOUND;
    struct name_job j = {.s = files_of(s), .hash = hash, .f = f};
    off_loop(exists_run, &j);
    return j.err;
}

static void delete_run(void *arg)
{
    struct name_job *j = arg;
    struct place p = place_of(j->hash);
    if (unlinkat(j->s->root, p.file, 0) != 0 && errno != ENOENT) j->err = io_fault(j->f, "delete");
}

static enum err files_del(struct blobs *s, struct str hash, struct fault *f)
{
    if (!blob_hash_ok(hash)) return ERR_OK;
    struct name_job j = {.s = files_of(s), .hash = hash, .f = f};
    off_loop(delete_run, &j);
    return j.err;
}

static void files_close(struct blobs *s)
{
    close(files_of(s)->root);
    mem_free(s);
}

static const struct blobs_ops ops = {
    .name = "files",
    .begin = files_begin,
    .write = files_write,
    .commit = files_commit,
    .abort = files_abort,
    .open = files_open,
    .read = files_read,
    .close_reader = files_close_reader,
    .exists = files_exists,
    .del = files_del,
    .close = files_close,
};

/* A temporary file that can be locked has no writer any more. */
static void remove_left(int root, const char *name)
{
    int fd = openat(root, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        unlinkat(root, name, 0);
        log_event(LOG_INFO, "blob", "removed what an unfinished upload left", "file=%s", name);
    }
    close(fd);
}

static void clean(int root)
{
    int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0) close(fd);
        return;
    }
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        if (str_starts(str_c(e->d_name), str_c(TEMPORARY))) remove_left(root, e->d_name);
    closedir(d);
}

/* All 256 at once and synced, so that no commit has to ask whether its directory is durable. Also the root's own name. */
static bool make_directories(int root)
{
    char name[3];
    for (unsigned i = 0; i < 256; i++) {
        snprintf(name, sizeof name, "%02x", i);
        if (mkdirat(root, name, 0700) != 0 && errno != EEXIST) return false;
    }
    int parent = openat(root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0) return errno == EACCES && fsync(root) == 0; /* not ours to look at: then it was not made just now */
    bool ok = fsync(parent) == 0 && fsync(root) == 0;
    close(parent);
    return ok;
}

static enum err start_fault(struct fault *f, const char *root)
{
    char text[100];
    return fault_set(f, ERR_STORAGE, "Cannot use %s as the media directory: %s.", root, strerror_r(errno, text, sizeof text));
}

enum err blobs_files_open(const char *root, struct blobs **out, struct fault *f)
{
    if (mkdir(root, 0700) != 0 && errno != EEXIST) return start_fault(f, root);
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return start_fault(f, root);
    if (!make_directories(fd)) {
        enum err e = start_fault(f, root);
        close(fd);
        return e;
    }
    clean(fd);
    struct files *s = mem_zero(sizeof *s);
    s->blobs.ops = &ops;
    s->root = fd;
    *out = &s->blobs;
    return ERR_OK;
}
