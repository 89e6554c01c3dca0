/* The cache inside the process: least recently used out first, bounded by bytes. Never waits; safe from every thread.
 *
 * It is cut into shards by the hash of the key, each with a mutex: a lookup has to move the entry to the front of its list, and a
 * list with two ends cannot be changed by one atomic. The lock is held for a lookup and a few pointers (values are copied outside
 * of it), there are more shards than loops usually are, and the way of a message does not come here. */
#ifndef ROOKERY_CACHE_LOCAL_LOCAL_H
#define ROOKERY_CACHE_LOCAL_LOCAL_H

#include "base/clock.h"
#include "cache/cache.h"

enum { CACHE_LOCAL_SHARDS = 16 };

/* Takes at most about `bytes`, what it needs for itself included; a value larger than a shard's part of it is not kept. `clock` must
 * live as long as the cache. */
struct cache *cache_local_open(size_t bytes, const struct clock *clock);

#endif
