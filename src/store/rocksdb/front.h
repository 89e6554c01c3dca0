/* The front: the rows that are durable in the log but not yet in a table file, in memory and in order.
 *
 * Rows point into bytes that the front owns. Whoever changes or reads a slot's rows holds that slot's lock (place, in priv.h); a
 * frozen front does not change any more. */
#ifndef ROOKERY_STORE_ROCKSDB_FRONT_H
#define ROOKERY_STORE_ROCKSDB_FRONT_H

#include <pthread.h>

#include "store/store.h"

/* A row as bytes (key.h). A deleted one hides what the tables hold. */
struct front_row {
    const char *key; /* the value's bytes follow the key's */
    uint32_t kn, vn;
    bool deleted;
};
static inline struct str front_key(const struct front_row *r)
{
    return str_make(r->key, r->kn);
}
static inline struct str front_value(const struct front_row *r)
{
    return str_make(r->key + r->kn, r->vn);
}

/* Ordered by key, each key once: an array of short sorted arrays. */
struct branch;
struct rows {
    struct branch *branch;
    size_t count, cap;
};
void rows_release(struct rows *r);
/* Takes the place of a row with the same key. */
void rows_put(struct rows *r, const struct front_row *row);

/* A walk over rows that do not change meanwhile. */
struct walk {
    const struct rows *rows;
    size_t leaf, at;
};
/* The first row >= key, the last row < key, and on from there. NULL: none. */
const struct front_row *rows_from(const struct rows *r, struct str key, struct walk *w);
const struct front_row *rows_before(const struct rows *r, struct str key, struct walk *w);
const struct front_row *rows_next(struct walk *w);
const struct front_row *rows_prev(struct walk *w);

/* Memory of fronts that have settled, for the next one to fill: pages that are there cost nothing. Any thread. */
struct chunk;
struct spare {
    pthread_mutex_t lock;
    struct chunk *chunks;
};
void spare_init(struct spare *s);
/* Gives it back to the system. */
void spare_clear(struct spare *s);
void spare_release(struct spare *s);

struct front {
    uint64_t generation; /* fronts are numbered in the order in which they go to tables */
    size_t bytes;
    struct rows rows[STORE_SLOTS];
    struct store_slot slot[STORE_SLOTS]; /* where it leaves those slots that it concerns */
    uint64_t dirty;                      /* a bit for each of them */
    struct spare *spare;
    struct chunk *chunks;
    char *at, *end;
};
/* `spare` outlives it. */
struct front *front_new(uint64_t generation, struct spare *spare);
/* NULL is allowed. Leaves its memory to the spare. */
void front_free(struct front *f);
/* Memory of the front's own, for what its rows point to. */
char *front_bytes(struct front *f, size_t n);

#endif
