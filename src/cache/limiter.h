/* Rate limits: GCRA (a token bucket that needs one number per key) in a table of fixed size.
 *
 * One limiter serves all loops: a key costs one 64-bit word, every change is one compare-and-swap, there are no locks and
 * nothing is ever allocated or swept. The price is that it may err, always in favour of the caller when the table is crowded:
 *  - A key whose set of places is full of busier keys pushes out the one that would be free again soonest.
 *  - Two keys share a limit with a chance of about 1 in 100,000. The hash is keyed, so nobody can choose to share
 *    another's.
 * Limits are per process, unless they are shared through a cache: then each process says there what it has let through, an eighth of a bucket at a time, and
 * learns what all have. Nobody waits for that, so n processes may let through n eighths of a bucket more than one would, and what the answer takes. With
 * the cache away limits are per process. */
#ifndef ROOKERY_CACHE_LIMITER_H
#define ROOKERY_CACHE_LIMITER_H

#include "cache/cache.h"

struct limiter;

/* `keys`: how many busy keys it should hold (rounded up; 8 bytes each). */
struct limiter *limiter_new(size_t keys);
void limiter_free(struct limiter *l);

/* From now on limits are shared: limiter_take is then called on a loop's thread, and the cache must live until no fiber of a loop runs any more.
 * Before there are threads. */
void limiter_share(struct limiter *l, struct cache *c);

/* Is there something under way to the cache? Loops that are polled bring it to its end. */
bool limiter_is_telling(const struct limiter *l);

/* Takes one from the bucket of (kind, key), which holds `burst` (at least 1) and refills at `per_second`. False when it is empty:
 * then *retry_ms (may be NULL) is when to try again, at least 1. A rate of 0 or less switches the limit off.
 * `now_us` is a monotonic clock. Safe from every thread. */
bool limiter_take(struct limiter *l, unsigned kind, struct str key, int64_t now_us, double per_second, unsigned burst, int64_t *retry_ms);

#endif
