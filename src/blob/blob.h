/* Blobs: bytes under the SHA-256 of themselves. What media is made of; names, owners and types are rows elsewhere.
 *
 * Promises, which the contract tests check for every back end:
 *  - When commit says ERR_OK the blob survives kill -9 and the power cord. Before that nothing of it can be read.
 *  - Identical content is stored once. A blob never changes.
 *  - Whoever has opened a blob can read it to the end, even when it is deleted meanwhile; a back end for which that has a limit says so in its header.
 *  - A writer whose process died leaves nothing behind for good.
 *  - A hash is 64 lower-case hex digits; any other string is simply not there (and never a path).
 *
 * Calls wait: made in a fiber they let its loop go on (a back end on disk works on libuv's threads); made on a thread that is no loop's they
 * block. On a loop's thread outside of a fiber they are a bug. One writer or reader is used by one at a time.
 * Nobody counts references here: deleting what a row still names is the caller's mistake. */
#ifndef ROOKERY_BLOB_BLOB_H
#define ROOKERY_BLOB_BLOB_H

#include "base/arena.h"
#include "base/err.h"

enum { BLOB_HASH_LEN = 64 };
struct blob_hash {
    char hex[BLOB_HASH_LEN + 1]; /* ends in NUL */
};

struct blobs;
struct blob_writer;
struct blob_reader;

/* A back end: one const table of functions. Failures: FULL, or STORAGE with a sentence (disk broken, server away). */
struct blobs_ops {
    const char *name;
    enum err (*begin)(struct blobs *s, struct blob_writer **out, struct fault *f);
    /* After a failure the writer takes nothing more; every later call fails alike. */
    enum err (*write)(struct blob_writer *w, struct str piece, struct fault *f);
    /* Ends and frees the writer, whatever comes out. `size` may be NULL. */
    enum err (*commit)(struct blob_writer *w, struct blob_hash *out, uint64_t *size, struct fault *f);
    /* Frees the writer and what it wrote; NULL is allowed. */
    void (*abort)(struct blob_writer *w);
    /* NOT_FOUND when it is not there. */
    enum err (*open)(struct blobs *s, struct str hash, struct blob_reader **out, uint64_t *size, struct fault *f);
    /* Up to n bytes from offset `at`; *got is less than n only at the end of the blob. */
    enum err (*read)(struct blob_reader *r, uint64_t at, char *out, size_t n, size_t *got, struct fault *f);
    void (*close_reader)(struct blob_reader *r);
    /* OK or NOT_FOUND. */
    enum err (*exists)(struct blobs *s, struct str hash, struct fault *f);
    /* OK also when it is not there. May come back after a power cut: a deletion is no promise. */
    enum err (*del)(struct blobs *s, struct str hash, struct fault *f);
    /* All writers and readers have ended before. */
    void (*close)(struct blobs *s);
};

/* Every back end's structs begin with these. */
struct blobs {
    const struct blobs_ops *ops;
};
struct blob_writer {
    struct blobs *blobs;
};
struct blob_reader {
    struct blobs *blobs;
};

static inline must_use enum err blob_begin(struct blobs *s, struct blob_writer **out, struct fault *f)
{
    return s->ops->begin(s, out, f);
}
static inline must_use enum err blob_write(struct blob_writer *w, struct str piece, struct fault *f)
{
    return w->blobs->ops->write(w, piece, f);
}
static inline must_use enum err blob_commit(struct blob_writer *w, struct blob_hash *out, uint64_t *size, struct fault *f)
{
    return w->blobs->ops->commit(w, out, size, f);
}
static inline void blob_abort(struct blob_writer *w)
{
    if (w) w->blobs->ops->abort(w);
}
static inline must_use enum err blob_open(struct blobs *s, struct str hash, struct blob_reader **out, uint64_t *size, struct fault *f)
{
    return s->ops->open(s, hash, out, size, f);
}
static inline must_use enum err blob_read(struct blob_reader *r, uint64_t at, char *out, size_t n, size_t *got, struct fault *f)
{
    return r->blobs->ops->read(r, at, out, n, got, f);
}
static inline void blob_close(struct blob_reader *r)
{
    if (r) r->blobs->ops->close_reader(r);
}
static inline must_use enum err blob_exists(struct blobs *s, struct str hash, struct fault *f)
{
    return s->ops->exists(s, hash, f);
}
static inline must_use enum err blob_delete(struct blobs *s, struct str hash, struct fault *f)
{
    return s->ops->del(s, hash, f);
}
static inline void blobs_close(struct blobs *s)
{
    s->ops->close(s);
}

/* --- the same for every back end (blob.c) --- */
bool blob_hash_ok(struct str hash);
static inline struct str blob_hash_str(const struct blob_hash *h)
{
    return (struct str){h->hex, BLOB_HASH_LEN};
}
/* All of a small blob in one call. */
must_use enum err blob_put(struct blobs *s, struct str content, struct blob_hash *out, struct fault *f);
/* All of a blob, in the arena. TOO_LARGE when it has more than `max` bytes. */
must_use enum err blob_get(struct blobs *s, struct str hash, size_t max, struct arena *a, struct str *out, struct fault *f);

#endif
