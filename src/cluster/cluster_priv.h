/* What the files of the cluster layer share. */
#ifndef ROOKERY_CLUSTER_PRIV_H
#define ROOKERY_CLUSTER_PRIV_H

#include "base/map.h"
#include "base/stat.h"
#include "cluster/cluster.h"
#include "cluster/overlay.h"

enum { KINDS_MAX = 8, LETTER_PATIENCE_MS = 5000, OPEN_PATIENCE_MS = 5000, REOPEN_MS = 1000 };

/* What became of a batch of commands, on its way to the journal. Owns the bytes of its rows. */
struct record {
    struct store_batch batch; /* first: the store gives this back */
    struct slot *slot;
    unsigned generation;
    struct arena arena;
    struct change *change;
    size_t changes, change_cap;
    struct item **item;
    size_t items, item_cap;
    struct list letters; /* struct letter: sent when the record has returned */
    struct list link;    /* in slot->flying, or home->spare */
};

/* A letter until the receiver's record names it. */
struct letter {
    struct list link;
    unsigned to;
    int64_t number;
    struct bytes *command;
    struct call *call; /* whose answer waits for it, or NULL */
};

struct entity_table {
    struct map map;
    struct list lru; /* oldest first */
};

_Static_assert((int)CLUSTER_SLOTS == (int)BROKER_SLOTS && (int)CLUSTER_SLOTS == (int)STORE_SLOTS, "one number of slots");

enum slot_state { SLOT_CLOSED, SLOT_OPENING, SLOT_OPEN };

struct interest {
    uint64_t gateways; /* a bit per loop */
    size_t key_n;
    char key[];
};

struct slot {
    unsigned index;
    struct cluster *cluster;
    struct home *home;
    struct loop *loop;
    enum slot_state state;
    struct broker_hold hold;
    bool subscribed, holding; /* wants it; the broker says that it is this node's */
    bool opening;             /* open_fiber is at work */
    bool left;                /* for good */
    bool writable;
    enum err refusal;    /* why it is not: STORAGE or FULL */
    unsigned generation; /* counts the openings; what began under another one is void */
    int64_t epoch, position, durable;
    struct record *open;
    struct list link_dirty;
    bool dirty;         /* in home's list of slots with an open record */
    struct list flying; /* records that the store has */
    size_t in_flight;
    int64_t in_flight_bytes;
    struct overlay *overlay;
    struct entity_table table[KINDS_MAX];
    struct list waiting;         /* calls, by `need` */
    struct list waiting_to_open; /* struct opening_waiter */
    struct map interest;
    uint64_t chain[CLUSTER_LOOPS_MAX];
    int64_t sent_to[CLUSTER_LOOPS_MAX];
    struct list letters_out[CLUSTER_SLOTS];
    int64_t letter_in[CLUSTER_SLOTS];
    int64_t letter_stuck[CLUSTER_SLOTS]; /* could not be applied at the moment: none after it may be, until it is; 0: none */
    int64_t peer_epoch[CLUSTER_SLOTS];
    struct fiber_lock letter_lock[CLUSTER_SLOTS];
    struct timer retry;
};

struct outbox {
    struct item **item;
    size_t count, cap;
};

/* What one loop's slots share. */
struct home {
    struct cluster *cluster;
    struct loop *loop;
    struct task seal, flush, start, leave;
    bool seal_due, flush_due;
    struct list dirty;
    struct list spare; /* records for reuse, with some of their memory */
    size_t spares;
    struct outbox outbox[CLUSTER_LOOPS_MAX];
    struct cluster_stats stats; /* this thread's; read by others without order */
};

struct cluster {
    struct cluster_config config;
    char history[17];
    struct home home[CLUSTER_LOOPS_MAX];
    struct slot slot[CLUSTER_SLOTS];
};

struct turn {
    struct slot *slot;
    struct call *call;
    struct entity *entity;
    const struct command_spec *spec;
    int64_t now_ms, need;
    unsigned generation;
    bool writing;
    enum err broken;    /* a row beyond its limits */
    struct list others; /* entities that turn_other holds */
    /* where the open record stood when writing began, for the way back */
    size_t changes, items;
    int64_t position;
    struct list letters;
    struct list *last_letter;
};

/* slot.c */
void slot_init(struct slot *s, struct cluster *c, unsigned index, struct home *home);
void slot_release(struct slot *s);
/* What has to happen next for a closed slot, once nothing of its former life is under way: hold it, open it. */
void slot_go_on(struct slot *s);
/* Undoes everything that is not durable. It goes on as it can. */
void slot_fail(struct slot *s, enum err why);
/* False when it does not open in OPEN_PATIENCE_MS. Waits. */
must_use bool slot_wait_open(struct slot *s);
/* The record that turns add to; made when there is none. */
struct record *slot_open_record(struct slot *s);
void slot_drop_open_record(struct slot *s);
void home_release(struct home *h);
void slot_mark_dirty(struct slot *s);
void home_seal(struct task *t);
/* Entities. */
struct entity *entity_get(struct slot *s, unsigned kind, struct str key, bool make);
void entity_unuse(struct slot *s, struct entity *e);

/* hold.c: the broker's part. Subscribes; calls slot_go_on when the slot is held, slot_fail when it is lost. */
void slot_subscribe(struct slot *s);
/* To the end of the queue of those who want it. */
void slot_let_go(struct slot *s);
void home_leave(struct task *t);

/* turn.c: runs the call in the current fiber; answers it or leaves it among the waiting. Waits. */
void turn_run(struct slot *s, struct call *call);
void call_answer(struct call *call);
void record_add(struct record *r, const struct change *c);

/* letter.c */
void letter_send(struct slot *s, struct letter *l);
void letters_announce(struct slot *s);
/* The letter could not be applied at the moment, and comes again. */
void letter_stuck(struct slot *s, unsigned from, int64_t number);
must_use enum err letters_load(struct slot *s);
void letter_free(struct letter *l);
void letters_forget_call(struct slot *s, struct call *call);

/* delivery.c */
void delivery_add(struct slot *s, struct item *i);
void home_flush(struct task *t);

#endif
