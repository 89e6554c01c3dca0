/* The cache that is Redis (7, or what speaks like it), shared by all nodes. Each loop has a connection of its own; what its fibers ask in one tick
 * leaves in one write.
 *
 * A cache that does not answer is an empty one, and soon costs nothing: a call that has waited `patience_ms` gives up the connection, and with it all who
 * wait there; it is then looked for again in the background, ever less often, and until it has been found no call waits at all.
 *
 * What a key holds in Redis is one string: 20 digits (the position, shifted so that it is never negative), '=' or '-' (deleted), the value. Since digits of
 * one length are ordered as their numbers are, "an older one never replaces a newer" is one comparison of strings: a script of two lines here, and the same
 * with `gets` and `cas` where there are no scripts. A debt is the time to live of an empty string. Names begin with the prefix and one letter for the kind. */
#ifndef ROOKERY_CACHE_REDIS_REDIS_H
#define ROOKERY_CACHE_REDIS_REDIS_H

#include "base/err.h"
#include "cache/cache.h"
#include "loop/loop.h"

enum { CACHE_REDIS_LOOPS_MAX = 64, CACHE_REDIS_PREFIX_MAX = 40 };

struct cache_redis_config {
    struct str url;      /* redis[s]://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER] */
    const char *ca_file; /* PEM: whose signature makes a server believed, for rediss://; NULL: who the system believes */
    struct str prefix;   /* of all keys: what several clusters that share one Redis must not share */
    int64_t patience_ms;
};

/* Is this an address that can be tried? The sentence says what is wrong, without the password. */
must_use enum err cache_redis_check_url(struct str url, struct fault *f);

/* INVALID_PARAM: the URL or the CA file. That nobody answers there, or wants another password, is said in the log and is no failure. May be
 * used on loops with an index below CACHE_REDIS_LOOPS_MAX, and is closed when these have been freed. */
must_use enum err cache_redis_open(const struct cache_redis_config *c, struct cache **out, struct fault *f);

/* Before the loop runs: it connects at once, so that what is wrong is said at start. Otherwise its first call does. */
void cache_redis_begin(struct cache *c, struct loop *l);

#endif
