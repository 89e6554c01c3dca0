/* A writer whose bytes go into a file first: gathered in blocks, hashed, counted. For back ends; each says how its file is made, and what becomes of it
 * at the commit.
 *
 * The spool owns the file from when it was made until spool_abort or a failure, after which it takes nothing more. */
#ifndef ROOKERY_BLOB_SPOOL_H
#define ROOKERY_BLOB_SPOOL_H

#include "base/buf.h"
#include "blob/blob.h"

struct spool {
    struct blob_writer w;
    int fd; /* -1: no file, or no more */
    /* On a worker thread. `make` sets fd, with the first block; `drop` closes it, and removes what stands for it. */
    enum err (*make)(struct spool *s, struct fault *f);
    void (*drop)(struct spool *s);
    struct buf pending;
    struct sha256_stream *hash;
    uint64_t size;
    struct fault failed; /* code OK: not failed */
};

/* `s` is what a writer of mem_zero begins with. */
void spool_init(struct spool *s, struct blobs *blobs, enum err (*make)(struct spool *s, struct fault *f), void (*drop)(struct spool *s));
/* For the back end's table. */
must_use enum err spool_write(struct blob_writer *w, struct str piece, struct fault *f);
void spool_abort(struct blob_writer *w);
/* On a worker thread, once: all is in the file, `out` is its hash. A failure stays in `failed`. */
must_use enum err spool_end(struct spool *s, struct blob_hash *out);
/* Says again what the spool has met. */
enum err spool_failed(const struct spool *s, struct fault *f);

/* Runs it on a worker thread, or at once on a thread that is no loop's. */
void blob_off_loop(void (*fn)(void *arg), void *arg);
/* What errno says of a call to the file system, for a client; more of it in the log. */
enum err blob_io_fault(struct fault *f, const char *what);

#endif
