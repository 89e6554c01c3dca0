/* What the files of the cluster layer share. */
#ifndef ROOKERY_CLUSTER_PRIV_H
#define ROOKERY_CLUSTER_PRIV_H

#include "base/map.h"
#include "base/stat.h"
#include "cluster/cluster.h"
#include "cluster/nodes.h"
#include "cluster/overlay.h"
#include "cluster/post.h"
#include "cluster/record.h"
#include "cluster/stock.h"

enum { KINDS_MAX = 8, LETTER_PATIENCE_MS = 5000, OPEN_PATIENCE_MS = 5000, CALL_PATIENCE_MS = 10000, REOPEN_MS = 1000, SWEEP_MS = 1000 };

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
    struct list link;    /* in slot->flying, home->spare, or a list of the journal's */
    struct block *block; /* the answers to its commands, see answered.c */
    size_t answer_bytes;
    /* the queue's, see journal_queue.c */
    struct broker_publish publish;
    struct buf bytes;
    size_t size;
    uint64_t tag;
    int64_t published_ms;
    struct list out; /* in slot->queue.out */
    unsigned users;  /* the list that `link` is in, and the publish that is under way */
};

/* A letter until the receiver's record names it. */
struct letter {
    struct list link;
    unsigned to;
    int64_t number, sent_ms;
    struct bytes *command;
    struct call *call; /* whose answer waits for it, or NULL */
};

struct entity_table {
    struct map map;
    struct list lru; /* oldest first */
    int64_t cold;    /* what is not in memory, or has not changed since it was read, has last changed at or before this position */
};

_Static_assert((int)CLUSTER_NODES_MAX == (int)NODES_MAX, "one number of nodes");
_Static_assert((int)CLUSTER_SLOTS == (int)BROKER_SLOTS && (int)CLUSTER_SLOTS == (int)STORE_SLOTS, "one number of slots");

enum slot_state { SLOT_CLOSED, SLOT_OPENING, SLOT_OPEN, SLOT_LEAVING /* ends what it has begun */ };

/* What the queue as the journal needs for a slot. */
struct queue {
    struct stand stand; /* after the last record that was taken */
    uint64_t opener;    /* this opening's records have it */
    uint64_t last_tag;  /* of what came last */
    int64_t began;      /* where the epoch did */
    /* while it opens */
    struct fiber *opening;
    bool looking;      /* where the store stands: what comes in meanwhile has to wait, */
    struct list early; /* struct early, in order */
    bool mark_taken, mark_void;
    enum err broken;
    struct timer patience;
    /* while it is open */
    struct timer beat;
    int64_t beat_ms;   /* when a beat was sent that has not come back; 0: none is under way */
    int64_t proved_ms; /* when the newest thing that has come back was sent: then the slot was held */
    struct list out;   /* records whose publish is under way */
    struct list signs; /* struct sign: beats and marks, likewise */
    /* to be written to the store, in order, see persist.c */
    struct list unwritten;
    struct persist *persist;
    struct timer persist_next; /* when to write, or to try to */
    bool persist_looks;        /* where the store stands */
    bool store_is_away;
};

struct interest {
    uint64_t gateways; /* a bit per loop */
    uint64_t *nodes;   /* a bit per node, or NULL */
    size_t key_n;
    char key[];
};

/* How this node follows a slot that another one holds. */
struct hearing {
    bool in_step; /* nothing has been missed since the owner took note of all interest */
    uint64_t chain;
    uint64_t difference; /* at the last pulse, between what this node follows and what the owner takes it to follow */
    int64_t asked_ms, heard_ms;
};

/* Who holds a slot, as far as this node knows. */
struct owner {
    int node;
    int64_t epoch;
};

enum { NEVER_MS = INT32_MIN }; /* longer ago than anything is waited for, also where the clock has just begun */

struct slot {
    unsigned index;
    struct cluster *cluster;
    struct home *home;
    struct loop *loop;
    enum slot_state state;
    struct broker_hold hold;
    bool subscribed, in_line, holding; /* wants it; the broker says that it waits, that it is this node's */
    bool opening;                      /* open_fiber is at work */
    bool left;                         /* for good */
    atomic_bool reachable;             /* counted as such */
    _Atomic int64_t unreached_ms;      /* if not: since when, or NEVER_MS */
    atomic_bool was_lost;              /* and that it was open here, and was not given to another node */
    bool wanted;                       /* it will be subscribed to when its time has come */
    int64_t wanted_ms;                 /* since */
    int64_t leave_ms;                  /* since when somebody else should have it; 0: nobody */
    struct task drained;               /* nothing of it is on its way any more */
    bool drained_due;
    int given_to;          /* the node that it was given to last, which has not opened it, or NODE_NOBODY */
    int64_t kept_until_ms; /* since that one does not get it; 0: it is given away */
    int64_t lacks_ms;      /* since when this node should have it, or somebody, and does not; 0: all is well */
    bool handing;          /* is on its way to another node, */
    struct timer arrival;  /* which has not opened it until then */
    struct timer place;
    unsigned failures; /* to open it, one after another */
    bool missed;       /* others may have held it since it was last open here: followers have not heard all */
    bool resting;      /* tries again when `retry` fires, and not before */
    bool writable;
    enum err refusal;    /* why it is not: STORAGE or FULL */
    unsigned generation; /* counts the openings; what began under another one is void */
    int64_t epoch, position, durable;
    int64_t persisted;      /* the store has it; what is above is in the overlay */
    struct store_slot seen; /* where the store said that it stands, while the broker is not reached; see alone.c */
    int64_t mark;           /* of this owner, on its way to the store, which may show it before it answers; 0: none */
    const struct journal *journal;
    struct queue queue;
    struct record *open;
    struct timer tick; /* until then `open` waits for more */
    struct list link_dirty;
    bool dirty;         /* in home's list of slots with an open record */
    struct list flying; /* records that are on their way to the journal */
    size_t in_flight;   /* calls of the store and the broker that have something of this slot */
    int64_t in_flight_bytes;
    size_t backlog; /* records that the store has not; counted with the queue only */
    struct overlay *overlay;
    struct stock *stock; /* NULL where the store is the journal: it is here, and without it nothing goes on anyway */
    struct entity_table table[KINDS_MAX];
    struct inheritance *inheritance; /* what the former owner has told of its entities; NULL: nothing */
    struct list waiting;             /* calls, by `need` */
    struct task answer;              /* those that need wait no longer */
    bool answer_due;
    struct list waiting_to_open; /* struct opening_waiter */
    struct map interest;
    uint64_t follows;           /* a sum over the keys that gateways here follow */
    struct listener **listener; /* by node; NULL while none has listened */
    uint64_t listened;          /* how many listeners there have been */
    struct hearing hearing;
    uint64_t calls;   /* numbered so far */
    struct list away; /* calls that another node has */
    struct map inbound, answers, forgotten;
    struct list answer_blocks;
    uint64_t chain[CLUSTER_LOOPS_MAX];
    int64_t sent_to[CLUSTER_LOOPS_MAX];
    struct list letters_out[CLUSTER_SLOTS];
    int64_t letter_in[CLUSTER_SLOTS];
    int64_t letter_stuck[CLUSTER_SLOTS]; /* could not be applied at the moment: none after it may be, until it is; 0: none */
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
    bool handing; /* a slot is on its way to another node */
    int64_t rest_until_ms;
    struct list dirty;
    struct list spare; /* records for reuse, with some of their memory */
    size_t spares;
    struct outbox outbox[CLUSTER_LOOPS_MAX];
    /* other nodes */
    struct view *view; /* NULL before the first */
    struct owner owner[CLUSTER_SLOTS];
    int64_t clock_of[NODES_MAX]; /* each node's time, as it was in its last word; 0: not heard */
    struct broker_port port;
    struct list packets, partials, listening;
    struct task post_flush;
    struct timer post_later;
    int64_t flushed_ms; /* when messages last went out */
    bool post_due;
    bool hurry;       /* they go when the tick ends, however short that is after the last ones */
    int64_t trips_ms; /* what the last 64 records or so took to the broker and back, together */
    uint64_t parted;
    struct timer sweep;
    bool looks, told_alone; /* alone.c's */
    unsigned look_next;
    struct cluster_stats stats; /* this thread's; read by others without order */
};

struct cluster {
    struct cluster_config config;
    char history[17];
    uint64_t life; /* a random number: commands are numbered within it */
    struct nodes *nodes;
    atomic_bool leaving;
    /* see alone.c: in this outage of the broker somebody else has taken a slot that was open here; until when that counts */
    atomic_bool taken;
    _Atomic int64_t alone_until_ms;
    struct home home[CLUSTER_LOOPS_MAX];
    struct slot slot[CLUSTER_SLOTS];
};

/* Where records become durable: chosen once. */
struct journal {
    /* Takes over the record, which is in s->flying. slot_durable follows, or slot_fail. */
    void (*publish)(struct slot *s, struct record *r);
    /* In a fiber of its own, when the slot is held: ends with slot_serve, or slot_try_later. Also (the store) when the slot is open, but not
     * writable. Waits. */
    void (*open)(struct slot *s);
    /* What came from the slot's queue. */
    void (*records)(struct slot *s, const struct broker_record *r, size_t count);
    /* The slot is undone: what the journal has of it, nobody wants any more. A queue is let go. */
    void (*undo)(struct slot *s);
    void (*release)(struct slot *s);
    /* May a turn that changes something go on? NULL: yes. */
    enum err (*admit)(const struct slot *s, const struct record *r, struct fault *f);
    /* Does a record wait for more, until its tick is over and the one before it is back? */
    bool gathers;
    /* Is the open record so large that it should go now? NULL: never. */
    bool (*is_enough)(const struct record *r);
    /* May the slot have been another node's for some time without this one knowing? NULL: no. */
    bool (*is_doubtful)(struct slot *s);
};
extern const struct journal journal_store, journal_queue;

struct turn {
    struct slot *slot;
    struct call *call;
    struct entity *entity;
    const struct command_spec *spec;
    int64_t now_ms, need;
    unsigned generation;
    bool writing;
    enum err broken;    /* a row beyond its limits */
    uint64_t changed;   /* a bit per kept table: T_changed tells of it */
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
/* Undoes everything that is not durable; then it goes on as it can. */
void slot_fail(struct slot *s, enum err why);
void slot_undo(struct slot *s, enum err why); /* the first half */
/* The record has come back: who waited for it is told. */
void slot_durable(struct slot *s, struct record *r);
/* The store has it. */
void slot_written(struct slot *s, struct record *r);
/* Calls of the store or the broker begin (1) or have ended (-1). */
void slot_under_way(struct slot *s, int by);
/* It is open; epoch, position, durable and persisted are set. */
void slot_serve(struct slot *s, bool writable);
/* Opens it in a second. */
void slot_try_later(struct slot *s);
must_use enum err slot_stands(struct slot *s, struct store_slot *out); /* waits */
enum err refusal_of(enum err why);
struct record *record_new(struct slot *s);
void record_free(struct record *r);
/* Until somebody else has it than before, or that time has come. Waits. */
void slot_wait(struct slot *s, int64_t until_ms);
/* Until it is open, another node has it, or OPEN_PATIENCE_MS are over; not at all where only others can open it (alone.c). Waits. */
enum where { SLOT_HERE, SLOT_AWAY, SLOT_NOWHERE };
enum where slot_find(struct slot *s);
/* Undoes it if another node may have it by now without this one knowing. */
void slot_doubt(struct slot *s);
/* Who has it is known now: those who wait look again. */
void slot_wake_waiting(struct slot *s);
static inline bool slot_is_served(const struct slot *s)
{
    return s->state == SLOT_OPEN || s->state == SLOT_LEAVING;
}
/* It, or what is known of its owner, has changed: tells the other nodes how this one stands to it. */
void slot_say(struct slot *s);
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

/* home.c: what a home knows of the other nodes. Takes the reference. */
void home_view_changed(struct home *h, struct view *v);
/* Calls `fn` with each slot of this home. */
void home_each_slot(struct home *h, void (*fn)(struct slot *s));
/* Somebody has opened the slot. */
void home_owner_is(struct home *h, unsigned slot, int node, int64_t epoch);
/* It is known that this node no longer does. */
void home_owner_gone(struct home *h, unsigned slot);
void home_hears_clock(const struct post *p);

/* place.c */
void place_want(struct slot *s);    /* subscribes when this node's time for it has come */
void place_look(struct slot *s);    /* the others have changed */
void place_leave(struct slot *s);   /* this node leaves: it hands the slot over as soon as the next one waits for it */
void place_go_on(struct slot *s);   /* something that was under way has come back */
void place_arrived(struct slot *s); /* it has an owner */
bool place_yields(struct slot *s);  /* it is held: does it belong to another node, which waits for it? */
void place_watch(struct home *h);   /* now and then: asks anew for slots that it should have been given */

/* away.c */
void call_number(struct slot *s, struct call *call);
void call_key(char *key, uint64_t life, uint64_t number);         /* 16 bytes */
bool call_is_over(const struct slot *s, const struct call *call); /* its deadline has passed: its answer may have been forgotten */
bool call_may_go_again(const struct slot *s, const struct call *call);
void call_go_again(struct slot *s, struct call *call);
void away_call(struct slot *s, struct call *call);
void away_go_again(struct slot *s);
void away_sweep(struct slot *s);
void away_command(const struct post *p);
void away_reply(const struct post *p);
void away_cast(const struct post *p);
/* That node has gone: what its calls want to follow, nobody hears. */
void away_forget_node(struct slot *s, int node);
/* The call from there has begun to follow something. */
void away_follow(struct call *call, struct str key, unsigned gateway);

/* cluster.c: it answers, or there is none. From any thread. */
bool cluster_reaches_broker(const struct cluster *c);

/* alone.c */
void alone_sweep(struct home *h);

/* answered.c */
must_use bool answered_find(struct slot *s, struct call *call);
void answered_add(struct slot *s, struct record *r, const struct call *call); /* its reply is complete */
bool answered_is_enough(const struct record *r);
size_t answered_room(const struct record *r); /* that its answers may take, with one more */
void answered_seal(struct slot *s, struct record *r);
void answered_forget(struct slot *s);
must_use enum err answered_take(struct slot *s, const struct store_read *rows); /* in place of those that it has */

/* read.c: fill in table, prefix, key, range, limit, reverse, arena. `at_hand`: may be answered from the stock, and fill it; `overlaid`: some of it is perhaps not durable yet. UNAVAILABLE when the slot
 * was undone meanwhile. Waits. */
must_use enum err slot_read(struct slot *s, struct store_read *r, bool at_hand, bool *overlaid);

/* These are all rows of the range of which they are, as is known without asking the store: they are at hand from now on, if such rows are. */
void slot_know(struct slot *s, const struct store_read *r);
/* read.c: reads that are asked at once. */
struct slot_reads {
    struct store_read *read;
    size_t count;
    unsigned generation;
    size_t *limit, *room; /* of each: the caller's, and the rows that the overlay had when it was asked */
};
/* Fill in table, prefix, key, range, limit, reverse, arena of each. Does not wait; slot_reads_end must follow in the same fiber. */
void slot_reads_begin(struct slot *s, struct slot_reads *q, struct store_read *r, size_t n);
/* What the slot has now, also of records that have come since the beginning. `overlaid` becomes true when some of it is perhaps not durable yet.
 * UNAVAILABLE when the slot was undone meanwhile. Waits. */
must_use enum err slot_reads_end(struct slot *s, struct slot_reads *q, bool *overlaid);

/* load.c: what an owner has to know of a slot besides its entities: the letters and the answers. */
enum { LOADS = 3 };
struct load {
    struct arena arena;
    struct store_read read[LOADS];
    struct slot_reads reads;
};
/* Asks the store for all of it at once. load_end must follow, whatever happens. */
void load_begin(struct slot *s, struct load *l);
/* `e` other than OK: it is not wanted any more. Waits. */
must_use enum err load_end(struct slot *s, struct load *l, enum err e);

/* journal_queue.c, for persist.c: these records are not the queue's any more. Empties the list. */
void queue_forget(struct slot *s, struct list *records);
/* What is in the queue cannot be, or cannot be read: nobody serves the slot until somebody has looked. */
void queue_set_aside(struct slot *s, const char *why, const struct record_head *h);
/* persist.c */
void persist_go_on(struct slot *s);
/* The store refuses the slot's commits, or does not answer. */
bool persist_is_held_up(const struct slot *s);
/* When no callback comes any more. */
void persist_release(struct slot *s);

/* turn.c: runs the call in the current fiber; answers it or leaves it among the waiting. Waits. */
void turn_run(struct slot *s, struct call *call);
void call_answer(struct call *call);
void record_add(struct record *r, const struct change *c);

/* letter.c */
void letter_send(struct slot *s, struct letter *l);
void letters_announce(struct slot *s);
/* The letter could not be applied at the moment, and comes again. */
void letter_stuck(struct slot *s, unsigned from, int64_t number);
void letters_take(struct slot *s, const struct store_read *in, const struct store_read *out);
void letter_free(struct letter *l);
/* Those that are open go from their rows, by whoever has the slot next. */
void letters_forget(struct slot *s);
void letters_forget_call(struct slot *s, struct call *call);
void letters_owner_changed(struct home *h, unsigned slot);
void letters_sweep(struct slot *s);
void letter_arrived(const struct post *p);
void letter_back(const struct post *p);

/* delivery.c */
void delivery_add(struct slot *s, struct item *i);
void home_flush(struct task *t);
/* Up to `position` not everything has been heard: everybody who follows something looks at everything. */
void delivery_gap(struct slot *s, int64_t position);
void interest_add(struct slot *s, struct str key, unsigned gateway);
bool interest_has(const struct slot *s, struct str key, unsigned gateway);
/* True when that is news. */
bool interest_add_node(struct slot *s, struct str key, int node);
bool interest_del_node(struct slot *s, struct str key, int node);
void interest_drop_node(struct slot *s, int node);
/* The first node from this one on; -1: none. */
int interest_next_node(const struct interest *in, int from);
void interest_release(struct slot *s);
static inline struct str interest_key(const struct interest *in)
{
    return str_make(in->key, in->key_n);
}

/* relay.c */
void relay_follow(struct slot *s, struct str key, int node, unsigned gateway);
void relay_item(struct slot *s, const struct interest *in, const struct item *i);
void relay_flush(struct home *h);
void relay_pulses(struct slot *s);
void relay_forget_node(struct slot *s, int node);
void relay_forget(struct slot *s); /* all of them */
void relay_release(struct slot *s);
void relay_owner_changed(struct slot *s);
void relay_sweep(struct slot *s);
void relay_unfollowed(struct slot *s, struct str key);
void relay_interest(const struct post *p);
void relay_unfollow(const struct post *p);
void relay_welcome(const struct post *p);
void relay_followed(const struct post *p);
/* From an answer: what its call follows, in case that relay_followed never came. */
void relay_follows(struct slot *s, struct str list);
void relay_items(const struct post *p);
void relay_pulse(const struct post *p);

/* inherit.c */
void inherit_send(struct slot *s, int node); /* nothing of the slot is under way any more, and the node gets it */
void inherit_arrived(const struct post *p);
void inherit_forget(struct slot *s);
void inherit_sweep(struct slot *s);

#endif
