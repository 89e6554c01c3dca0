/* What the files of this folder share.
 *
 * The way of a row: apply queues its batch (writer.c); the writer makes one record of all that is queued, appends it to the log and
 * syncs (log.h), and puts the rows into the front (front.h), where reads find them. When the front is full it is frozen, a new one and
 * the other log file take over, and the settler writes the frozen rows as one table file and hands that to RocksDB (settle.c), which
 * merges table files and reads them. RocksDB's own log and memory table hold nothing but settings. So a row is put in order
 * once, in memory that fits it, and a commit is one write and one sync of blocks that exist.
 *
 * Locks, in the order in which they are taken: `commit`, `settle.lock`, a slot's lock. The queue's lock and the door's are held for nothing
 * else. Threads: loops call apply and read; the writer commits; the settler settles; libuv's workers do cold reads. */
#ifndef ROOKERY_STORE_ROCKSDB_PRIV_H
#define ROOKERY_STORE_ROCKSDB_PRIV_H

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>

#include "store/rocksdb/front.h"
#include "store/rocksdb/log.h"
#include "store/rocksdb/record.h"
#include "store/rocksdb/rocksdb.h"
#include "store/scan.h"

/* --- door.c: the handle of the database, which can be exchanged while reads go on --- */

struct door {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    rocksdb_t *db;   /* NULL: none at the moment */
    bool between;    /* it is being exchanged: wait, there will be an answer */
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
    size_t front_bytes; /* a front that holds more is frozen */
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
    atomic_uint_fast64_t batches, commits, changes, reads, cold_reads, bytes_written, queue;
    struct histogram commit_time, read_time;
};

/* What is committed of a slot and not in the tables, under its lock. */
struct place {
    pthread_mutex_t lock;
    struct front *active, *frozen; /* frozen may be NULL; active rows count before frozen ones */
    struct store_slot at;
};

struct settle {
    pthread_t thread;
    pthread_mutex_t lock; /* around the next five */
    pthread_cond_t changed;
    struct front *frozen; /* NULL: nothing to do */
    uint64_t settled;     /* fronts up to this generation are in the tables */
    bool failing;         /* the last attempt did not succeed; it is repeated */
    bool closing;
    bool reopen;            /* the settler's own: RocksDB has failed and must be opened afresh */
    _Atomic uint64_t begun; /* the generation that may be on its way into the tables */
};

struct rocks {
    struct store store;
    char *path;
    int dir; /* the same, open */
    struct options options;
    struct door door;
    struct counters count;
    struct place place[STORE_SLOTS];
    struct settle settle;
    struct queue *queue;
    pthread_t writer;

    /* committing, under `commit` */
    pthread_mutex_t commit;
    struct front *active;
    struct spare spare; /* the fronts' */
    struct log log;     /* what is in `active` */
    int64_t retry_us;
    bool full; /* the log's last write found no room */
    struct list pending;
    struct store_slot next[STORE_SLOTS]; /* where the slots will stand after this commit */
    struct buf record;
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
/* The key of a slot's row: it sorts after all rows of tables. */
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
/* Puts a record's rows in order; its bytes are copied. False: it is damaged, or (`replay`) does not go on where its slots stand. */
must_use bool rocks_index(struct rocks *s, struct front *front, struct str content, bool replay);

/* --- settle.c --- */

must_use bool settler_start(struct rocks *s);
void settler_stop(struct rocks *s);
/* Under `commit`: the active front becomes the frozen one. False: there is one already, or no new log can be begun. */
must_use bool rocks_freeze(struct rocks *s);
/* How much of a log file is allocated in advance: what fills a front, and some. */
size_t rocks_log_bytes(const struct rocks *s);
extern const char settle_file[]; /* the table that is on its way to RocksDB; there only as long as that has not worked */
/* One attempt to bring a front into the tables. */
must_use enum err rocks_settle(struct rocks *s, struct front *front, struct fault *f);
/* All that is committed is in the tables when it returns; false: not at the moment. */
must_use bool rocks_settle_all(struct rocks *s);

/* --- read.c --- */

void rocks_read(struct store *s, struct store_read *r);

/* --- backup.c, files.c --- */

enum err rocks_backup(struct store *s, const char *to, struct fault *f);
extern const char restore_mark[]; /* the file that marks a half-made restore */
/* Does the disk take a file of that size now? */
bool disk_has_room(const char *dir, size_t bytes);
/* The same as the file system says it, without trying. */
bool disk_has(int dir, size_t bytes);
bool file_exists(const char *dir, const char *name);
/* ERR_OK: `path` is absent (`*there` false) or an empty directory. */
must_use enum err dir_is_free(const char *path, bool *there, struct fault *f);
must_use enum err dir_sync(const char *path, bool files, struct fault *f);
must_use enum err file_copy(const char *from_dir, const char *to_dir, const char *name, struct fault *f);

#endif
