#include "blob/spool.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "crypto/crypto.h"
#include "loop/fiber.h"

/* What is gathered before it goes to a worker thread: a small blob costs one trip, a large one few. */
enum { BLOCK = 256 * 1024 };

void blob_off_loop(void (*fn)(void *arg), void *arg)
{
    if (fiber_current()) {
        fiber_work(fn, arg);
    } else {
        assert(!loop_current());
        fn(arg);
    }
}

enum err blob_io_fault(struct fault *f, const char *what)
{
    int code = errno;
    if (code == ENOSPC || code == EDQUOT || code == EFBIG)
        return fault_set(f, ERR_FULL, "The disk that holds the media is full. Try again when there is room.");
    char text[100];
    log_event(LOG_ERROR, "blob", "failed", "what=%s error=\"%s\"", what, strerror_r(code, text, sizeof text));
    return fault_set(f, ERR_STORAGE, "The server cannot reach its stored files at the moment.");
}

static struct spool *spool_of(struct blob_writer *w)
{
    return (struct spool *)(void *)w;
}

void spool_init(struct spool *s, struct blobs *blobs, enum err (*make)(struct spool *s, struct fault *f), void (*drop)(struct spool *s))
{
    *s = (struct spool){.w.blobs = blobs, .fd = -1, .make = make, .drop = drop, .hash = sha256_begin()};
    buf_init(&s->pending, BLOCK);
}

enum err spool_failed(const struct spool *s, struct fault *f)
{
    if (f && s->failed.code) *f = s->failed;
    return s->failed.code;
}

static enum err append(struct spool *s, struct str piece)
{
    if (piece.n) sha256_update(s->hash, piece);
    s->size += piece.n;
    while (piece.n) {
        ssize_t n = write(s->fd, piece.p, piece.n);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return blob_io_fault(&s->failed, "write");
        piece = str_from(piece, (size_t)n);
    }
    return ERR_OK;
}

struct append_job {
    struct spool *spool;
    struct str piece;
};

/* What was gathered, then the piece. */
static void append_run(void *arg)
{
    struct append_job *j = arg;
    struct spool *s = j->spool;
    enum err e = s->fd < 0 ? s->make(s, &s->failed) : ERR_OK;
    if (!e) e = append(s, buf_str(&s->pending));
    if (!e) e = append(s, j->piece);
    buf_clear(&s->pending);
    /* A full disk gets its room back now, not when the client has noticed. */
    if (e && s->fd >= 0) s->drop(s);
}

enum err spool_write(struct blob_writer *w, struct str piece, struct fault *f)
{
    struct spool *s = spool_of(w);
    if (s->failed.code) return spool_failed(s, f);
    if (piece.n <= BLOCK - s->pending.n) {
        buf_add(&s->pending, piece);
        return ERR_OK;
    }
    struct append_job j = {s, piece};
    blob_off_loop(append_run, &j);
    return spool_failed(s, f);
}

enum err spool_end(struct spool *s, struct blob_hash *out)
{
    struct append_job rest = {.spool = s};
    append_run(&rest);
    if (s->failed.code) return s->failed.code;
    unsigned char hash[SHA256_BYTES];
    sha256_end(s->hash, hash);
    s->hash = NULL;
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(out->hex + 2 * i, 3, "%02x", hash[i]);
    return ERR_OK;
}

static void drop_run(void *arg)
{
    struct spool *s = arg;
    s->drop(s);
}

void spool_abort(struct blob_writer *w)
{
    struct spool *s = spool_of(w);
    if (s->fd >= 0) blob_off_loop(drop_run, s);
    if (s->hash) {
        unsigned char unused[SHA256_BYTES];
        sha256_end(s->hash, unused);
    }
    buf_release(&s->pending);
    mem_free(s);
}
