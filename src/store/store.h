/* The store: ordered rows in declared tables (tables.def), partitioned by slot.
 *
 * Promises, which the contract tests check for every back end:
 *  - A batch is applied once, whole or not at all, and only if the slot stands at the batch's predecessor, in its epoch or an older one. (The
 *    position alone would not do: a former owner's batch may name one that another owner has given since.)
 *  - When `done` says ERR_OK the batch survives kill -9 and the power cord.
 *  - Batches of a slot become visible in order. A read sees a slot as of one position, deletes included.
 *  - Any bytes (NUL, invalid UTF-8) may stand in a CELL_STR, up to the limit of the column.
 *  - Calls are made on a loop's thread; `done` is called on that same thread, never before the call returns for apply,
 *    and possibly before it returns for reads and looks that need no waiting. */
#ifndef ROOKERY_STORE_STORE_H
#define ROOKERY_STORE_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/histogram.h"
#include "loop/loop.h"

enum {
    STORE_CELLS_MAX = 10,
    STORE_KEY_CELLS_MAX = 4,
    STORE_KEY_MAX = 2048,         /* bytes of all key cells of a row */
    STORE_VALUE_MAX = 2 * 1048576 /* bytes of all value cells of a row */
};

enum table {
#define TABLE(name, purpose) T_##name,
#define KEY_STR(name, max)
#define KEY_INT(name)
#define VAL_STR(name, max)
#define VAL_INT(name)
#define END
#include "store/tables.def"
#undef TABLE
#undef KEY_STR
#undef KEY_INT
#undef VAL_STR
#undef VAL_INT
#undef END
    T__COUNT
};

/* Column numbers (made from tables.def by tools/gen-columns), to read a row by name: row->c[C_timeline_json].s */
#include "store/columns.h"

enum cell_type { CELL_STR, CELL_INT };
struct column {
    const char *name;
    enum cell_type type;
    bool key;
    size_t max;
};
struct table_info {
    const char *name, *purpose;
    unsigned columns, keys;
    struct column column[STORE_CELLS_MAX];
};
/* The declaration of a table; for back ends and tools. */
const struct table_info *store_table(enum table t);

/* One value; which member counts is the column's type. */
struct cell {
    struct str s;
    int64_t i;
};
static inline struct cell cell_str(struct str s)
{
    return (struct cell){.s = s};
}
static inline struct cell cell_int(int64_t i)
{
    return (struct cell){.i = i};
}

struct row {
    enum table table;
    struct cell c[STORE_CELLS_MAX]; /* key cells first, in the order of tables.def */
};

/* Does the row keep the declared limits? The sentence names the column. */
must_use enum err store_row_check(const struct row *r, struct fault *f);
/* The least text that is greater: where a reader goes on behind a key. */
struct str store_str_after(struct arena *a, struct str s);

struct change {
    bool del; /* only the key cells count */
    struct row row;
};

/* One slot's record to write. The bytes belong to the caller and stay until `done`. */
struct store_batch {
    struct task task; /* the store's while it works */
    struct loop *loop;
    unsigned slot;
    int64_t epoch;
    int64_t predecessor, position; /* the slot must stand at `predecessor`; afterwards it stands at `position`, which is greater */
    struct change *change;
    size_t count;
    /* CONFLICT: the slot stands elsewhere, or in a newer epoch. STORAGE, or FULL where the back end knows that it has no room: not written, nothing
     * of it is visible. A back end that cannot know whether it was written (a connection was lost in the commit) does not answer before it does; only
     * when another writer has gone on meanwhile, CONFLICT may hide that it was. */
    enum err err;
    struct list link;
    void (*done)(struct store_batch *b);
};

/* A read: rows whose first `prefix` key cells equal key[], and, where asked, whose next key cell lies in [from, to). */
struct store_read {
    struct task task;
    struct loop *loop;
    unsigned slot;
    enum table table;
    unsigned prefix;
    struct cell key[STORE_KEY_CELLS_MAX];
    bool has_from, has_to, reverse;
    struct cell from, to;
    size_t limit;        /* rows; at least 1 */
    struct arena *arena; /* rows and their bytes go here */
    /* answer */
    enum err err; /* OK also when nothing was found. UNAVAILABLE: the store is away. STORAGE: it is broken */
    struct row *row;
    size_t count;
    bool more;     /* the limit cut it */
    int64_t as_of; /* everything up to this position of the slot is in the answer (perhaps more) */
    void (*done)(struct store_read *r);
    void *arg;
};

struct store_slot {
    int64_t position, epoch;
};

/* A look at where a slot stands. */
struct store_look {
    struct task task; /* the store's while it works */
    struct loop *loop;
    unsigned slot;
    /* answer */
    enum err err;         /* as for a read */
    struct store_slot at; /* {0,0} when it was never written */
    void (*done)(struct store_look *l);
};

struct store_stats {
    uint64_t batches, commits, changes, reads, cold_reads, bytes_written;
    uint64_t queue; /* batches waiting now */
    /* Of one commit; of a read that had to go to the disk, from the question on. They live as long as the store; NULL: not measured. */
    const struct histogram *commit_time, *read_time;
};

struct store;

/* A back end: one const table of functions. */
struct store_ops {
    const char *name;
    /* Queues a batch; batches of all slots that wait together share one commit. */
    void (*apply)(struct store *s, struct store_batch *b);
    void (*read)(struct store *s, struct store_read *r);
    void (*look)(struct store *s, struct store_look *l);
    /* Small settings of the whole store (history id, slot count, keys); names have at most 255 bytes. Blocking, at start only. get: NOT_FOUND when
     * absent. add: sets only what is absent, and says what stands there then; of several nodes that add the same name at once one succeeds, and all
     * are told its value. */
    enum err (*meta_get)(struct store *s, struct str name, struct arena *a, struct str *out);
    enum err (*meta_set)(struct store *s, struct str name, struct str value);
    enum err (*meta_add)(struct store *s, struct str name, struct str value, struct arena *a, struct str *out);
    /* A consistent copy into an empty or absent directory, while the store is in use. Blocking; on a worker thread. UNRECOGNIZED, and a sentence that
     * says what to do instead: this back end has none. */
    enum err (*backup)(struct store *s, const char *to, struct fault *f);
    void (*stats)(struct store *s, struct store_stats *out);
    /* All batches that were queued are done before it returns. */
    void (*close)(struct store *s);
};

/* Every back end's struct begins with this. */
struct store {
    const struct store_ops *ops;
};

static inline void store_apply(struct store *s, struct store_batch *b)
{
    s->ops->apply(s, b);
}
static inline void store_read(struct store *s, struct store_read *r)
{
    s->ops->read(s, r);
}
static inline void store_look(struct store *s, struct store_look *l)
{
    s->ops->look(s, l);
}

/* The store's format; a newer one is refused with a sentence. */
enum { STORE_FORMAT = 1 };
/* How many slots there are: written in the store, and checked when it is opened. */
enum { STORE_SLOTS = 64 };

#endif
