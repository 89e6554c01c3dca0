/* How the store on PostgreSQL works.
 *
 * One thread of the store has all connections, on a loop of its own (libpq in pipeline mode, never blocking). Chat's loops hand it batches and reads, and
 * it hands back answers, by loop_post; what was read is made into rows on the reader's loop. So batches of all loops share a commit, a process needs few
 * connections, which are dear in PostgreSQL, and what libpq cannot do without blocking (names, TLS) never holds up a chat. New connections are
 * made on threads that live as long as that takes (connect.c), with libpq's own fail-over between the hosts of a URL.
 *
 *   apply ──post──> job ──> shard.pending ──gather──> tx ──link──> lock slots, fence, rows; sync ──> answer ──post──> done
 *   read  ──post──> reading ──> shard.waiting ──────> one of the reader links ──post──> rows ──> done
 *
 * Each shard has one link that writes, with one transaction under way at a time: what arrives meanwhile goes with the next one. A transaction has at
 * most one run of batches per slot, each following the one before. It locks the slots' rows in order, moves them on by the function rookery.advance, which fails
 * when one stands elsewhere, and writes the rows, a statement per table. All of it is one pipeline, and so one implicit transaction that the sync commits.
 * When the fence fails, the rows that were locked tell which slots it was; their batches are conflicts, and the others go again.
 *
 * A connection that is lost takes the knowledge of its transaction with it. Its jobs are `uncertain`, stay first in line and are sent again: if they had
 * been committed, the fence fails, and the slot's row stands where the last of them leads to. The lock waits for what is left of the old connection. */
#ifndef ROOKERY_STORE_POSTGRES_PRIV_H
#define ROOKERY_STORE_POSTGRES_PRIV_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "store/postgres/postgres.h"
#include "store/postgres/sql.h"

enum {
    PATIENCE_MS = 5000,        /* of reads, and of batches that cannot be sent */
    AWAY_MS = 500,             /* without a connection: then reads are refused at once */
    WRITE_PATIENCE_MS = 20000, /* of a transaction under way; then its connection is given up */
    CONNECT_TIMEOUT_S = 3,     /* for each host */
    DEPTH_MAX = 16,            /* reads under way on a connection */
    WAITING_MAX = 20000,       /* reads that wait for a connection */
    SWEEP_MS = 250,
    CLOSE_PATIENCE_MS = 10000
};

struct pg;
struct shard;
struct link;

/* --- a connection (link.c) --- */

/* What was sent up to one sync. */
enum over { OVER_DONE, OVER_FAILED, OVER_LOST };
struct ask {
    struct list link;
    int64_t sent_ms;
    char state[6]; /* SQLSTATE of the first error; empty: none */
    char why[160];
    /* A statement's rows, for the time of the call; true: the ask keeps the result. May be NULL. */
    bool (*result)(struct ask *a, unsigned statement, PGresult *r);
    /* FAILED: the transaction was rolled back. LOST: nobody knows. */
    void (*over)(struct ask *a, enum over how);
};

struct params {
    int n;
    const char *value[SQL_PARAMS_MAX]; /* in PostgreSQL's binary form */
    int length[SQL_PARAMS_MAX];
};

struct link {
    struct shard *shard;
    bool writer;
    PGconn *conn;        /* NULL: away */
    struct watch *watch; /* of its socket */
    struct list asks;
    unsigned depth;      /* asks under way */
    struct buf expected; /* what comes next: struct expect, see link.c */
    unsigned char prepared[(SQL__COUNT + 7) / 8];
    struct connecting *connecting;
    struct timer retry;
    unsigned failures; /* to connect, in a row */
    bool broken;       /* is given up when the tick ends */
    struct task give_up;
};

void pg_link_init(struct link *l, struct shard *s, bool writer);
/* Begins to connect; tries until it can, and again whenever the connection is lost. */
void pg_link_start(struct link *l);
static inline bool pg_link_is_up(const struct link *l)
{
    return l->conn && !l->broken;
}
/* A statement of the ask that pg_link_sync will end. */
void pg_link_send(struct link *l, unsigned statement, const struct params *p);
void pg_link_sync(struct link *l, struct ask *a);
/* The connection is of no use any more: soon all its asks are lost. */
void pg_link_drop(struct link *l);
/* Has it nothing under way, so that pg_link_close may be called? */
static inline bool pg_link_is_idle(const struct link *l)
{
    return !l->connecting && list_is_empty(&l->asks);
}
/* For good. */
void pg_link_close(struct link *l);
/* Since when the oldest ask has been waiting for an answer; 0: none is. */
int64_t pg_link_oldest_ms(const struct link *l);

/* --- connecting, blocking (connect.c) --- */

/* A connection as it comes, within CONNECT_TIMEOUT_S for each host; NULL: `f` says why there is none. */
PGconn *shard_dial(const struct shard *s, struct fault *f);
/* The same, made a session as this back end needs it. */
PGconn *shard_connect(const struct shard *s, bool writer, struct fault *f);
/* After that: nobody is there, or nobody who writes, or not yet. False: a setting is wrong, here or there. */
bool shard_may_come(const struct shard *s, const struct fault *why);
/* One or more statements without parameters. */
must_use enum err guard_take(PGconn *c, enum store_postgres_use use, struct fault *f); /* blocking */
must_use enum err conn_run(PGconn *c, const char *sql, struct fault *f);
/* A statement with text parameters; its rows as text, for the caller to clear. NULL: it failed. */
PGresult *conn_ask(PGconn *c, const char *sql, const char *const *param, int params, struct fault *f);
/* Statements without parameters, given up at that time of clock_mono_us, whatever the server does; the rows of the last one. */
PGresult *shard_ask_until(const struct shard *s, PGconn *c, const char *sql, int64_t until_us, struct fault *f);

/* --- a shard --- */

struct shard {
    struct pg *pg;
    const char *url;  /* with the password: never shown */
    const char *name; /* host:port/database */
    char id[17];      /* made by the shard's first start */
    unsigned slots;   /* that live here */
    /* writing (write.c) */
    struct link writer;
    struct list pending; /* struct job, in order */
    struct tx *tx;       /* under way, or NULL */
    size_t alone;        /* so many jobs are sent one by one, to find the one that fails */
    struct task write;   /* at the end of the tick */
    bool write_due;
    struct timer write_retry;
    /* reading (read.c) */
    struct link *reader;
    unsigned readers;
    int64_t here_ms;     /* when there was a connection the last time, about; 0: not yet */
    struct list waiting; /* struct reading */
    size_t waitings;
    struct task read;
    bool read_due;
    bool away; /* it has been told in the log */
};

/* A link of the shard is there (again), or has come free. */
void shard_go_on(struct shard *s);

/* --- writing --- */

void pg_apply(struct store *store, struct store_batch *b);
void write_init(struct shard *s);
void write_go_on(struct shard *s);
/* Ends what has waited too long. `all`: everything, since the store closes. */
void write_sweep(struct shard *s, bool all);
bool write_is_idle(const struct shard *s);

/* The rows of a transaction (rows.c): statements that make the changes of these batches, of which the last for a key counts. */
struct rows *rows_new(void);
void rows_free(struct rows *r);
void rows_add(struct rows *r, const struct store_batch *b);
/* Sends them, and forgets them. */
void rows_send(struct rows *r, struct link *l);

/* --- reading --- */

void pg_read(struct store *store, struct store_read *r);
void pg_look(struct store *store, struct store_look *l);
void read_init(struct shard *s);
void read_go_on(struct shard *s);
void read_sweep(struct shard *s, bool all);

/* --- settings of a shard (meta.c), blocking --- */

must_use enum err meta_get(PGconn *c, struct str name, struct arena *a, struct str *out, struct fault *f);
must_use enum err meta_set(PGconn *c, struct str name, struct str value, struct fault *f);
must_use enum err meta_add(PGconn *c, struct str name, struct str value, struct arena *a, struct str *out, struct fault *f);

/* --- the start (schema.c, slots.c), blocking --- */

/* The tables, made or extended; refuses what is of a newer format. */
must_use enum err schema_prepare(PGconn *c, struct shard *s, struct fault *f);
/* Which slot lives where; on the first start, decides that. `conn`: one per shard. */
must_use enum err slots_find(struct pg *p, PGconn **conn, struct fault *f);
/* What the rows say now; finishes what a move has left half-done. NULL in `home`: on its way, or in a shard that is not listed. */
must_use enum err slots_read(struct pg *p, PGconn **conn, struct shard *home[STORE_SLOTS], struct fault *f);

/* The shards by their names, without connections. On failure, too, to be freed. */
must_use enum err pg_new(const struct store_postgres_config *config, struct pg **out, struct fault *f);
void pg_free(struct pg *p);
/* The store without its thread, and connections to its shards, for tools. On failure, too, to be released. */
must_use enum err pg_prepare(const struct store_postgres_config *config, struct pg **out, PGconn **conn, struct fault *f);
void pg_unprepare(struct pg *p, PGconn **conn);

/* --- slots that have moved (home.c) --- */

/* The slot does not live in its home: what concerns it waits until it is found. */
void home_lost(struct pg *p, unsigned slot);
void home_search(struct pg *p);
/* Batches, reads that wait for the slot go to its new home. */
void write_hand_over(struct shard *from, struct shard *to, unsigned slot);
void read_hand_over(struct shard *from, struct shard *to, unsigned slot);

/* --- the store --- */

struct counters {
    atomic_uint_fast64_t batches, commits, changes, reads, bytes_written, queue;
    struct histogram commit_time, read_time;
};

struct pg {
    struct store store; /* first */
    struct arena arena; /* names and URLs */
    struct loop *loop;  /* the store's own */
    pthread_t thread;
    struct shard *shard;
    size_t shards;
    struct shard *home[STORE_SLOTS];
    struct shard *settings; /* where they were when it was opened */
    PGconn *guard;          /* see guard.c; NULL: none */
    uint64_t homeless;      /* a bit for each slot that is looked for */
    bool searching;
    unsigned searches; /* one after another that found nothing */
    bool said_homeless;
    struct timer search_later;
    struct counters count;
    struct rows *rows;
    struct timer sweep;
    bool closing;
    int64_t close_ms; /* until when a close waits */
    struct task close;
};

static inline bool is_homeless(const struct pg *p, unsigned slot)
{
    return p->homeless >> slot & 1;
}
static inline struct pg *pg_of(struct store *s)
{
    return (struct pg *)(void *)s;
}

#endif
