#include "blob/files/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "blob/spool.h"

static const char TEMPORARY[] = ".tmp-";

struct files {
    struct blobs blobs;
    int root;
};

struct writer {
    struct spool spool;
    char name[sizeof TEMPORARY + 16]; /* of its file */
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

static struct place place_of(struct str hash)
{
    struct place p;
    memcpy(p.dir, hash.p, 2);
    p.dir[2] = 0;
    snprintf(p.file, sizeof p.file, "%s/%.*s", p.dir, BLOB_HASH_LEN, hash.p);
    return p;
}

/* --- writing; these run on a worker thread --- */

static struct writer *writer_with(struct spool *s)
{
    return (struct writer *)(void *)s;
}

/* A new file that no cleaning process has taken for a left one between its making and its lock. */
static enum err temporary_make(struct spool *spool, struct fault *f)
{
    struct writer *w = writer_with(spool);
    int root = files_of(w->spool.w.blobs)->root;
    for (int attempt = 0; attempt < 100; attempt++) {
        snprintf(w->name, sizeof w->name, "%s%016llx", TEMPORARY, (unsigned long long)random_u64());
        int fd = openat(root, w->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST) return blob_io_fault(f, "create");
        if (fd < 0) continue;
        struct stat st;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1) {
            spool->fd = fd;
            return ERR_OK;
        }
        close(fd);
    }
    errno = EEXIST;
    return blob_io_fault(f, "create");
}

static void temporary_drop(struct spool *spool)
{
    struct writer *w = writer_with(spool);
    unlinkat(files_of(w->spool.w.blobs)->root, w->name, 0);
    close(spool->fd);
    spool->fd = -1;
}

/* Syncs the directory, so that a name in it is as durable as the file. */
static enum err directory_sync(struct files *s, const char *dir, struct fault *f)
{
    int fd = openat(s->root, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return blob_io_fault(f, "open directory");
    int failed = fsync(fd);
    enum err e = failed ? blob_io_fault(f, "sync directory") : ERR_OK;
    close(fd);
    return e;
}

struct commit_job {
    struct writer *w;
    struct blob_hash *out;
    enum err err;
};

/* The rename replaces a blob of the same content by itself: this way there is one path, and the one that is acknowledged now has
 * been synced now, whoever else was about to write it. */
static enum err settle(struct writer *w, struct str hash)
{
    struct files *s = files_of(w->spool.w.blobs);
    struct fault *f = &w->spool.failed;
    struct place p = place_of(hash);
    if (fsync(w->spool.fd) != 0) return blob_io_fault(f, "sync");
    if (renameat(s->root, w->name, s->root, p.file) != 0) return blob_io_fault(f, "rename");
    close(w->spool.fd);
    w->spool.fd = -1;
    return directory_sync(s, p.dir, f);
}

static void commit_run(void *arg)
{
    struct commit_job *j = arg;
    j->err = spool_end(&j->w->spool, j->out);
    if (!j->err) j->err = settle(j->w, blob_hash_str(j->out));
}

/* --- the interface --- */

static enum err files_begin(struct blobs *s, struct blob_writer **out, struct fault *f)
{
    (void)f;
    struct writer *w = mem_zero(sizeof *w);
    spool_init(&w->spool, s, temporary_make, temporary_drop);
    *out = &w->spool.w;
    return ERR_OK;
}

static enum err files_commit(struct blob_writer *b, struct blob_hash *out, uint64_t *size, struct fault *f)
{
    struct writer *w = writer_of(b);
    struct commit_job j = {.w = w, .out = out, .err = w->spool.failed.code};
    if (!j.err) blob_off_loop(commit_run, &j);
    if (j.err) spool_failed(&w->spool, f);
    if (size) *size = w->spool.size;
    spool_abort(b);
    return j.err;
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
        j->err = errno == ENOENT ? ERR_NOT_FOUND : blob_io_fault(j->f, "open");
    } else if (fstat(j->fd, &st) != 0) {
        j->err = blob_io_fault(j->f, "stat");
        close(j->fd);
    } else {
        j->size = (uint64_t)st.st_size;
    }
}

static enum err files_open(struct blobs *s, struct str hash, struct blob_reader **out, uint64_t *size, struct fault *f)
{
    if (!blob_hash_ok(hash)) return ERR_NOT_FOUND;
    struct name_job j = {.s = files_of(s), .hash = hash, .f = f};
    blob_off_loop(open_run, &j);
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
        if (n < 0) j->err = blob_io_fault(j->f, "read");
        if (n <= 0) return;
        j->got += (size_t)n;
    }
}

static enum err files_read(struct blob_reader *r, uint64_t at, char *out, size_t n, size_t *got, struct fault *f)
{
    struct read_job j = {.fd = reader_of(r)->fd, .at = at, .p = out, .n = n, .f = f};
    if (n) blob_off_loop(read_run, &j);
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
    if (faccessat(j->s->root, p.file, F_OK, 0) != 0) j->err = errno == ENOENT ? ERR_NOT_FOUND : blob_io_fault(j->f, "look");
}

static enum err files_exists(struct blobs *s, struct str hash, struct fault *f)
{
    if (!blob_hash_ok(hash)) return ERR_NOT_FOUND;
    struct name_job j = {.s = files_of(s), .hash = hash, .f = f};
    blob_off_loop(exists_run, &j);
    return j.err;
}

static void delete_run(void *arg)
{
    struct name_job *j = arg;
    struct place p = place_of(j->hash);
    if (unlinkat(j->s->root, p.file, 0) != 0 && errno != ENOENT) j->err = blob_io_fault(j->f, "delete");
}

static enum err files_del(struct blobs *s, struct str hash, struct fault *f)
{
    if (!blob_hash_ok(hash)) return ERR_OK;
    struct name_job j = {.s = files_of(s), .hash = hash, .f = f};
    blob_off_loop(delete_run, &j);
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
    .write = spool_write,
    .commit = files_commit,
    .abort = spool_abort,
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
