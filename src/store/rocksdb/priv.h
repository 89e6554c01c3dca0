/* What the files of this folder share.
 *
 * Threads: loops call apply and read; one writer thread commits and is the only one to change `slot` and to open and close the database
 * afresh; libuv's workers do cold reads. The database handle is behind a door, so that it can be exchanged while reads go on. */
#ifndef ROOKERY_STORE_ROCKSDB_PRIV_H
#define ROOKERY_STORE_ROCKSDB_PRIV_H

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "store/rocksdb/rocksdb.h"
#include "store/scan.h"

/* --- door.c: the handle --- */

struct door {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    rocksdb_t *db;   /* NULL: none at the moment */
    bool between;    /* the writer is exchanging it: wait, there will be an answer */
    unsigned inside; /* those who use `db` now */
    unsigned cold;   /* cold reads on their way */
};
void door_init(struct door *d);
void door_release(struct door *d);
/* The handle, to be used until door_leave. NULL: there is none (now, when not asked to wait; or at all). */
rocksdb_t *door_enter(struct door *d, bool wait);
void door_leave(struct door *d);
/* Lets nobody in, waits until all are out, and gives the handle. */
rocksdb_t *door_shut(struct door *d);
void door_open(struct door *d, rocksdb_t *db);
void door_cold(struct door *d, int change);
void door_wait_cold(struct door *d);

/* --- options.c --- */

struct options {
    rocksdb_options_t *db;
    rocksdb_writeoptions_t *write;
    size_t write_buffer;
};
void options_init(struct options *o, const struct store_rocksdb_config *config);
void options_release(struct options *o);

/* --- the store --- */

enum { LOOPS_MAX = 256 };
/* Wakes the writer at the end of a loop's tick, when all batches of the tick are queued. Each touched by its loop's thread alone. */
struct waker {
    struct task task;
    struct queue *queue;
    bool set;
};

/* The way from the loops to the writer. Counted, since a tick may end after the store was closed. */
struct queue {
    atomic_uint refs;
    pthread_mutex_t lock; /* around the next four */
    pthread_cond_t more;
    struct list batches;
    bool idle, closing;
    struct waker waker[LOOPS_MAX];
};

struct counters {
    atomic_uint_fast64_t batches, commits, changes, reads, cold_reads, commit_us, bytes_written, queue;
};

struct rocks {
    struct store store;
    char *path;
    struct options options;
    struct door door;
    struct counters count;
    _Atomic int64_t position[STORE_SLOTS]; /* committed; what a read may count on */

    struct queue *queue;

    /* committing, under `commit`: the writer's, but for the settings written at start */
    pthread_mutex_t commit;
    struct store_slot slot[STORE_SLOTS]; /* committed */
    uint64_t sequence;                   /* RocksDB's number of the last write that succeeded */
    atomic_bool broken;                  /* a write failed, and the database was not opened afresh since */
    bool read_only;                      /* broken, and all that could be opened is a view to read from */
    int64_t retry_us;                    /* when to look at the disk again */

    /* the writer's own */
    pthread_t writer;
    struct list pending;
    struct store_slot next[STORE_SLOTS]; /* where the slots will stand after this commit */
    uint64_t dirty;                      /* slots of this commit */
    rocksdb_writebatch_t *wb;
    struct buf value;
};
static inline struct rocks *rocks_of(struct store *s)
{
    return (struct rocks *)(void *)s;
}

/* --- open.c --- */

/* Makes a failure of RocksDB into a code and a sentence; frees `why`. */
enum err rocks_fault(struct fault *f, const char *path, char *why);
/* store_rocksdb_open, but a restore may be under way. */
must_use enum err rocks_open(const char *path, const struct store_rocksdb_config *config, struct store **out, struct fault *f);
must_use enum err rocks_db_open(const char *path, const struct options *o, rocksdb_t **out, struct fault *f);
must_use enum err rocks_slots_load(rocksdb_t *db, struct store_slot slot[STORE_SLOTS]);
enum err rocks_meta_get(struct store *s, struct str name, struct arena *a, struct str *out);
enum err rocks_meta_set(struct store *s, struct str name, struct str value);
/* Keys of what is not a row: they sort after all slots. */
struct key rocks_meta_key(struct str name);
struct key rocks_slot_key(unsigned slot);
enum { SLOT_VALUE = 16 };
void rocks_slot_value(char out[SLOT_VALUE], struct store_slot s);

/* --- writer.c --- */

struct queue *queue_new(void);
void queue_unref(struct queue *q);
must_use bool writer_start(struct rocks *s);
/* Commits what is queued and ends the thread. */
void writer_stop(struct rocks *s);
void rocks_apply(struct store *s, struct store_batch *b);

/* --- repair.c, under `commit` --- */

/* Writes with sync; on failure the store is broken, and the rest of the failed write cut off. Logs. */
must_use enum err rocks_write(struct rocks *s, rocksdb_writebatch_t *wb);
/* Tries to make a broken store whole, if it is time. False: still broken. */
must_use bool rocks_repair(struct rocks *s);

/* --- wal.c --- */

/* Cuts off of the newest log of the database in `path` every write after `sequence`. False: that could not be made sure. */
must_use bool wal_cut(const char *path, uint64_t sequence);

/* --- read.c --- */

void rocks_read(struct store *s, struct store_read *r);

/* --- backup.c, files.c --- */

enum err rocks_backup(struct store *s, const char *to, struct fault *f);
extern const char restore_mark[]; /* the file that marks a half-made restore */
bool file_exists(const char *dir, const char *name);
/* ERR_OK: `path` is absent (`*there` false) or an empty directory. */
must_use enum err dir_is_free(const char *path, bool *there, struct fault *f);
must_use enum err dir_sync(const char *path, bool files, struct fault *f);
must_use enum err file_copy(const char *from_dir, const char *to_dir, const char *name, struct fault *f);

#endif
