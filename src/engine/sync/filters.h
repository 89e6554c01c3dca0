/* Filters that clients sync with, parsed once per loop and shared: most clients of a kind send the same text with every request.
 *
 * One pool per loop, touched by its thread alone. Filters that nobody uses stay for a while, a bounded number of them. */
#ifndef ROOKERY_ENGINE_SYNC_FILTERS_H
#define ROOKERY_ENGINE_SYNC_FILTERS_H

#include "base/arena.h"
#include "base/list.h"
#include "matrix/filter.h"

struct filter_pool;

struct shared_filter {
    struct sync_filter filter;
    struct str text; /* as sent; empty: no filter */
    uint64_t id;     /* never given out again by this pool */
    /* the pool's */
    struct arena arena;
    struct list unused;
    unsigned users;
};

struct filter_pool *filter_pool_new(void);
/* All filters must have been dropped. */
void filter_pool_free(struct filter_pool *p);
/* NULL and a fault when the text is no filter. Give it back with filter_drop. */
const struct shared_filter *filter_take(struct filter_pool *p, struct str text, struct fault *f);
/* NULL is allowed. */
void filter_drop(struct filter_pool *p, const struct shared_filter *f);

#endif
