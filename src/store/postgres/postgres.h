/* The store on PostgreSQL, in one to many shards (priv.h tells how).
 *
 * Each shard is a database, with the tables of tables.def as real tables in the schema `rookery`, made and extended when the store is opened. Any
 * number of nodes share the shards; that only one of them writes a slot at a time is the fence's work: a batch is committed only where the slot's row
 * holds its predecessor, in its epoch or an older one.
 *
 * A database that is away: reads and looks end with ERR_UNAVAILABLE after a few seconds, batches that were not sent with ERR_STORAGE; connections are
 * made again by themselves, to whichever host of the URL takes writes. A batch whose commit was cut off is sent again until the slot's row says what
 * became of it, and so is never answered wrongly. */
#ifndef ROOKERY_STORE_POSTGRES_POSTGRES_H
#define ROOKERY_STORE_POSTGRES_POSTGRES_H

#include "store/store.h"

enum { STORE_POSTGRES_SHARDS_MAX = STORE_SLOTS, STORE_POSTGRES_READERS_MAX = 64 };

struct store_postgres_config {
    const struct str *url; /* one per shard, in any order: postgresql://user@host,host/database?options */
    size_t urls;
    unsigned readers; /* connections per shard for reading, beside the one for writing; 0: 4 */
};

/* Blocking. On failure `f` says in a sentence what stands in the way: a database that cannot be reached or would lose what it has acknowledged, a newer
 * format, a shard that is missing. */
must_use enum err store_postgres_open(const struct store_postgres_config *config, struct store **out, struct fault *f);

#endif
