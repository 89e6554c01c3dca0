/* Rate limits: GCRA (a token bucket that needs one number per key) in a table of fixed size.
 *
 * One limiter serves all loops: a key costs one 64-bit word, every change is one compare-and-swap, there are no locks and
 * nothing is ever allocated or swept. The price is that it may err, always in favour of the caller when the table is crowded:
 *  - A key whose set of places is full of busier keys pushes out the one that would be free again soonest.
 *  - Two keys share a limit with a chance of about 1 in 100,000. The hash is keyed, so nobody can choose to share
 *    another's.
 * Limits are per process; what must hold for a whole cluster is counted in the cache. */
#ifndef ROOKERY_CACHE_LIMITER_H
#define ROOKERY_CACHE_LIMITER_H

#include "base/mem.h"

struct limiter;

/* `keys`: how many busy keys it should hold (rounded up; 8 bytes each). */
struct limiter *limiter_new(size_t keys);
void limiter_free(struct limiter *l);

/* Takes one from the bucket of (kind, key), which holds `burst` (at least 1) and refills at `per_second`. False when it is empty:
 * then *retry_ms (may be NULL) is when to try again, at least 1. A rate of 0 or less switches the limit off.
 * `now_us` is a monotonic clock. Safe from every thread. */
bool limiter_take(struct limiter *l, unsigned kind, struct str key, int64_t now_us, double per_second, unsigned burst, int64_t *retry_ms);

#endif
