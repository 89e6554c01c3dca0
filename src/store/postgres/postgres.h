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

/* Beside whom? ANYHOW asks nobody: for tools, and tests. */
enum store_postgres_use { STORE_POSTGRES_ANYHOW, STORE_POSTGRES_SHARED, STORE_POSTGRES_ALONE };

struct store_postgres_config {
    const struct str *url; /* one per shard, in any order: postgresql://user@host,host/database?options */
    size_t urls;
    enum store_postgres_use use; /* CONFLICT, and a sentence, where somebody else uses them who must not */
    unsigned readers;            /* connections per shard for reading, beside the one for writing; 0: 4 */
};

/* Blocking. On failure `f` says in a sentence what stands in the way: a database that cannot be reached or would lose what it has acknowledged, a newer
 * format, a shard that is missing. UNAVAILABLE: it may be there later. */
must_use enum err store_postgres_open(const struct store_postgres_config *config, struct store **out, struct fault *f);

/* A shard as an administrator sees it. */
struct store_shard {
    const char *name; /* host:port/database */
    uint64_t slots;   /* a bit for each that lives there */
    int64_t bytes;    /* of its tables */
};
/* Makes the databases ready: tables, and slots where there are none yet. Blocking. */
must_use enum err store_postgres_prepare(const struct store_postgres_config *config, struct fault *f);
/* One for each URL, in that order. Only reads: a database that is not ready has no slots, and a slot that is just moving may be seen in none. Blocking,
 * some seconds for each host of a URL at most, however many URLs there are and whatever the databases do. */
must_use enum err store_postgres_shards(const struct store_postgres_config *config, struct arena *a, struct store_shard *out,
                                        struct fault *f);

struct store_move_progress {
    unsigned slot;
    uint64_t copied, rows; /* rows: as many as there were when it began */
    bool done;             /* it lives there */
};
struct store_move_config {
    uint64_t slots;                                                   /* a bit for each that is to live there */
    size_t to;                                                        /* number of the URL */
    void (*progress)(void *ctx, const struct store_move_progress *p); /* may be NULL */
    void *ctx;
};
/* Moves slots one after another, while servers use them; all of these must have the shard among their URLs. Blocking. What it was doing when it fails or is
 * killed is done again by the next call; what was moved stays so. */
must_use enum err store_postgres_move(const struct store_postgres_config *config, const struct store_move_config *c, struct fault *f);

#endif
