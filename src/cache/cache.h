/* The cache: values and counters that may be lost at any time, so that reads are cheaper. Nothing that must be right rests on
 * it: a caller that finds nothing, or something older than it needs, asks the store.
 *
 * Every entry carries the position (of the slot that it belongs to) as of which it was true, and an older one never replaces a
 * newer: a reader that was slow to fill the cache cannot bring back what has been changed since.
 *
 * Rules for callers, the same for every back end:
 *  - Calls may wait (a network back end asks a server): they are made in a fiber. A back end that needs no waiting
 *    completes at once, and then code between two calls is not interrupted; do not rely on it.
 *  - There are no errors. A cache that is away, slow or full is an empty one.
 *  - Values, counters and debts are apart: those of the same key do not know each other.
 *  - Keys are any bytes up to CACHE_KEY_MAX, values any bytes up to CACHE_VALUE_MAX; what is longer is not kept. */
#ifndef ROOKERY_CACHE_CACHE_H
#define ROOKERY_CACHE_CACHE_H

#include "base/arena.h"

enum {
    CACHE_KEY_MAX = 200,       /* with a prefix it fits the smallest limit of the servers in use, 250 */
    CACHE_VALUE_MAX = 1000000, /* likewise, 1 MiB with what stands around it */
    CACHE_FORGET_MS = 60000    /* how long a deletion keeps older values out, where the cache does not lose it */
};
/* Longer times to live are cut to this. */
#define CACHE_TTL_MAX_MS ((int64_t)30 * 86400 * 1000)

struct cache_value {
    struct str value; /* in the caller's arena */
    int64_t position;
};

struct cache_stats {
    uint64_t hits, misses, sets, refused /* older than what is there, or too large */, evicted;
    uint64_t unanswered;     /* calls that a cache was not there for */
    uint64_t entries, bytes; /* now; 0 where the back end cannot tell */
};

struct cache;

/* A back end: one const table of functions. All may wait, except close. */
struct cache_ops {
    const char *name;
    /* False: not there. */
    bool (*get)(struct cache *c, struct str key, struct arena *a, struct cache_value *out);
    /* Keeps a copy for at most ttl_ms, unless something newer is there. A ttl of 0 or less is a del. */
    void (*set)(struct cache *c, struct str key, struct str value, int64_t position, int64_t ttl_ms);
    /* Removes what is as old as `position` or older, and keeps that out for CACHE_FORGET_MS. */
    void (*del)(struct cache *c, struct str key, int64_t position);
    /* Adds to a counter and says what it is now; the first add begins it at 0 and fixes when it ends: ttl_ms from then.
     * False: nobody knows; the caller decides what that means. */
    bool (*incr)(struct cache *c, struct str key, int64_t by, int64_t ttl_ms, int64_t *now);
    /* A debt that time pays off, a millisecond for each that passes: adds to what the key owes, to `most_ms` in all, and says what that is now. Both are
     * at least 1. False as above. */
    bool (*owe)(struct cache *c, struct str key, int64_t add_ms, int64_t most_ms, int64_t *owed_ms);
    void (*stats)(struct cache *c, struct cache_stats *out);
    /* No call may be under way. */
    void (*close)(struct cache *c);
};

/* Every back end's struct begins with this. */
struct cache {
    const struct cache_ops *ops;
};

static inline must_use bool cache_get(struct cache *c, struct str key, struct arena *a, struct cache_value *out)
{
    return c->ops->get(c, key, a, out);
}
static inline void cache_set(struct cache *c, struct str key, struct str value, int64_t position, int64_t ttl_ms)
{
    c->ops->set(c, key, value, position, ttl_ms);
}
static inline void cache_del(struct cache *c, struct str key, int64_t position)
{
    c->ops->del(c, key, position);
}
static inline must_use bool cache_incr(struct cache *c, struct str key, int64_t by, int64_t ttl_ms, int64_t *now)
{
    return c->ops->incr(c, key, by, ttl_ms, now);
}
static inline must_use bool cache_owe(struct cache *c, struct str key, int64_t add_ms, int64_t most_ms, int64_t *owed_ms)
{
    return c->ops->owe(c, key, add_ms, most_ms, owed_ms);
}
static inline void cache_stats(struct cache *c, struct cache_stats *out)
{
    c->ops->stats(c, out);
}
static inline void cache_close(struct cache *c)
{
    c->ops->close(c);
}

#endif
