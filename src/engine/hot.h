/* What would have to be read from the store again after a restart or a fail-over, kept in the cache: rooms' state, rows of users, presence.
 *
 * Nothing that must be right rests on it. An entry says as of which position of its slot it was true, and its reader believes it only where a row of the
 * store proves that nothing has changed since: user/kept.h and room/pages.h say which. And an entry is sealed, with a key that is made of the server's and its
 * name and position: who can write to the cache, or shares it, can lose entries and not make them. The name has the history in it, so what is of a time before
 * a restore is not found.
 *
 * Only where the cache is one that outlives the process; otherwise every call is as if there were none. Nobody waits for a put. */
#ifndef ROOKERY_ENGINE_HOT_H
#define ROOKERY_ENGINE_HOT_H

#include "engine/engine.h"

enum { HOT_NAME = 96, HOT_VALUE_MAX = CACHE_VALUE_MAX - SEAL_BYTES };
#define HOT_TTL_MS ((int64_t)7 * 86400 * 1000)

/* An entry's name. */
struct hot_name {
    char p[HOT_NAME];
    size_t n;
};
enum hot_kind { HOT_ROWS = 'r', HOT_ROOM_PAGE = 'e', HOT_PRESENCE = 'p' };
/* Of the number and the parts, whatever bytes they have: nobody reads from it who they are. */
void hot_name_make(struct hot_name *n, const struct engine *e, enum hot_kind kind, unsigned number, const struct str *part, size_t parts);

struct hot *hot_new(const struct engine *e);
void hot_free(struct hot *h);
/* Is there something under way to the cache? Loops that are polled bring it to its end. */
bool hot_is_telling(const struct hot *h);
static inline bool hot_is_on(const struct engine *e)
{
    return e->config.keep_hot;
}

/* What was put under that name, in the arena, and its position. False: nothing that is ours. Waits. */
must_use bool hot_get(struct engine *e, const struct hot_name *n, struct arena *a, struct cache_value *out);
/* In the background: copies. What is longer than HOT_VALUE_MAX, or more than the cache keeps up with, is left out. */
void hot_put(struct engine *e, const struct hot_name *n, struct str value, int64_t position, int64_t ttl_ms);

/* What became of the entries that were found: for the metrics. `old`: something has changed since. */
enum hot_verdict { HOT_USED, HOT_OLD, HOT_NONE, HOT_BROKEN, HOT_VERDICTS };
void hot_count(struct engine *e, enum hot_verdict v);
/* Of all loops. */
uint64_t hot_counted(const struct engine *e, enum hot_verdict v);

/* Rows of one table as bytes. False from the first: they do not fit an entry. Bytes may be anything for the second, which checks them all; strings are in
 * the arena. */
must_use bool hot_rows_pack(struct buf *out, unsigned slot, const struct row *row, size_t count);
must_use bool hot_rows_unpack(struct str in, unsigned slot, enum table table, struct arena *a, struct row **row, size_t *count);

#endif
