/* The cluster layer: slots and their owners, commands and letters between them, records and their journal, deliveries.
 *
 * It knows entities (rooms, users, names), rows and items, but not what they mean: that is the engine's, which gives it a table
 * of commands. A slot belongs to one loop, whose thread runs everything of it. */
#ifndef ROOKERY_CLUSTER_CLUSTER_H
#define ROOKERY_CLUSTER_CLUSTER_H

#include "base/clock.h"
#include "broker/broker.h"
#include "cluster/command.h"
#include "cluster/item.h"
#include "loop/fiber.h"
#include "store/store.h"

enum { CLUSTER_SLOTS = 64, CLUSTER_LOOPS_MAX = 64 };

struct cluster;
struct slot;
struct turn;

/* An entity in the memory of its slot's owner. `state` is the engine's, and is freed by it when the entity goes cold. */
struct entity {
    struct str key;
    unsigned kind;
    struct fiber_lock lock;
    unsigned users;   /* commands under way */
    bool detached;    /* its slot was opened anew: whoever still holds it gives up */
    int64_t position; /* newest position of a change of it; 0 when unknown */
    int64_t changed;  /* the same, of a change in the tables that are kept elsewhere (cluster_config.kept) */
    struct list lru;
    void *state;
};

struct entity_kind {
    const char *name;
    size_t warm_max; /* per slot; the least recently used beyond it go cold */
    void (*free_state)(void *state);
    /* What the next owner had to read or to work out anew, for a slot that is handed over; see turn_inherits. NULL, or nothing written: it reads. */
    void (*tell)(const void *state, struct buf *b);
};

/* A row of the engine's command table. */
struct command_spec {
    const char *name;
    unsigned kind; /* of the entity */
    bool shared;   /* a query that may run beside others on its entity: takes no lock */
    enum err (*run)(struct turn *t);
};

/* Where records become durable. */
enum cluster_journal {
    JOURNAL_STORE, /* in the store itself: one machine */
    JOURNAL_QUEUE  /* in the slot's queue; the store gets them later */
};

enum { CLUSTER_RECORD_BYTES = 1048576 };

struct cluster_config {
    struct loop **loop;
    size_t loops;
    struct store *store;
    struct broker *broker; /* who holds which slot; NULL (with JOURNAL_STORE only): nobody else can hold any */
    enum cluster_journal journal;
    const struct clock *clock;
    const struct entity_kind *kind;
    size_t kinds;
    const struct command_spec *command;
    size_t commands;
    void *engine; /* turn_engine() */
    /* A bit per table: its rows are kept elsewhere, too, by those whose first key cell they have, the entity's key. A turn that changes some says so in
     * T_changed, with its position: who has them from before knows that they are old. */
    uint64_t kept;
    /* With JOURNAL_QUEUE: which rows an owner has at hand once a command on an entity of that kind has read them, see cluster/stock.h. For each
     * table the number of key cells (0: none) whose values say what belongs together; NULL: nothing. */
    const unsigned char *at_hand;
    unsigned at_hand_kind;
    size_t at_hand_bytes;  /* of a slot; 0: the default */
    int64_t backlog_bytes; /* unwritten bytes of a slot before it refuses changes; 0: the default */
    /* With JOURNAL_QUEUE: a record that has grown to `record_bytes` (at most, and 0: CLUSTER_RECORD_BYTES) is published at once; any other waits
     * `tick_ms` for more from its first command on, and for the one before it to come back. */
    size_t record_bytes;
    int64_t tick_ms;
    /* Records that have come back are written to the store at moments so far apart, the same for all slots; 0: at once. */
    int64_t gather_ms;
    /* Messages for other nodes leave a loop so far apart at least; further when the broker is busy. */
    int64_t spacing_ms;
    /* Between two slots that a loop hands over to other nodes; a quarter of it between two that it asks for where they are served. */
    int64_t rest_ms;
    /* On the gateway's loop; the items live for the call, take a reference to keep one. */
    void (*delivered)(void *engine, struct loop *gateway, const struct delivery *d);
    /* This node alone has lost the broker: news go to others, and so should who waits for them. Or (false) not any more. On each loop; NULL: nobody wants to know. */
    void (*alone)(void *engine, struct loop *gateway, bool is);
    /* An item on its way to another node: what it is besides kind, key and position; and there, with one reference. NULL: it cannot be read. */
    void (*item_encode)(const struct item *i, struct buf *b);
    struct item *(*item_decode)(void *engine, unsigned kind, struct str key, int64_t position, struct str bytes);
};

/* The store must be open. Fails with a sentence when it does not belong to this program's slots. */
must_use enum err cluster_new(const struct cluster_config *config, struct cluster **out, struct fault *f);
/* After the loops have ended and the broker and the store are closed. */
void cluster_free(struct cluster *c);
/* Gives every slot away, for good: what is on its way comes back first. Calls go to who holds them next. From any thread; it is done soon. */
void cluster_leave(struct cluster *c);
/* The history that tokens belong to: 16 hex digits. */
struct str cluster_history(const struct cluster *c);
unsigned cluster_slot_of(struct str key);

/* --- asking --- */

/* Runs the command at the owner of its key and waits for the answer, which is durable when it says OK. The reply's strings are in `a`,
 * which must not be used by anyone else meanwhile. Waits. Returns reply->err. */
must_use enum err cluster_call(struct cluster *c, const struct command *cmd, struct arena *a, struct reply *reply);

/* Several at once: start each, then wait for all. Each call has an arena of its own, from start to call_release. */
struct call {
    struct task task;
    struct cluster *cluster;
    struct loop *from;
    struct command cmd;
    struct arena own, *arena; /* where the reply's strings are */
    struct reply reply;
    struct call_group *group;
    void (*finish)(struct call *call); /* on `from`, when answered */
    /* who asks, and until when, see away.c */
    uint64_t life, number; /* 0: it is not repeated */
    int64_t deadline_ms, sent_ms;
    bool inbound, cast; /* from another node; without an answer */
    int node;           /* that one */
    bool follows;       /* it has registered interest */
    bool repeatable;    /* see turn_repeatable */
    /* the owner's */
    struct slot *slot;
    bool undone;      /* what it saw or did does not count: it may be run again */
    bool late;        /* was refused once, since its owner had not been heard of for long */
    int64_t heard_ms; /* the owner's time that it was sent with */
    int64_t need;     /* answered when this position is durable */
    unsigned letters; /* and so many letters are answered */
    struct timer patience;
    struct list waiting;
    unsigned letter_from; /* CLUSTER_SLOTS: not a letter */
    int64_t letter_number;
    int64_t epoch; /* of the owner that it is meant for, when it is a letter or comes from another node; else 0 */
};
struct call_group {
    struct fiber *fiber;
    unsigned pending;
};
/* `call->cmd` is filled in; its strings live until the wait is over. Initialises the rest. */
void cluster_call_start(struct cluster *c, struct call *call, struct call_group *g);
void cluster_call_wait(struct call_group *g); /* waits */
void call_release(struct call *call);

/* --- a turn: one command at its owner. For the engine's `run` functions --- */

void *turn_engine(const struct turn *t);
const struct command *turn_command(const struct turn *t);
struct reply *turn_reply(const struct turn *t);
struct fault *turn_fault(struct turn *t);
/* Until the answer is gone. */
struct arena *turn_arena(struct turn *t);
struct entity *turn_entity(const struct turn *t);
unsigned turn_slot(const struct turn *t);
struct loop *turn_loop(const struct turn *t);
int64_t turn_now_ms(const struct turn *t);
/* True when the command came as a letter: then it may not fail for good, only be found pointless. */
bool turn_is_letter(const struct turn *t);
/* Last position that is durable (with JOURNAL_QUEUE the store may not have it yet). */
int64_t turn_durable(const struct turn *t);
/* Last position given out (some of it perhaps not durable yet). */
int64_t turn_last(const struct turn *t);

/* Run again after a fail-over, or since its answer was lost, the command would find what it has done and answer the same: so the answer is not kept. */
void turn_repeatable(struct turn *t);

/* Another entity of the same slot, loaded or not; valid until the command ends. Not locked. It may hold changes that are not
 * durable: turn_saw(t, e->position) unless the caller leaves out what is newer than turn_durable. */
struct entity *turn_other(struct turn *t, unsigned kind, struct str key);
/* What the former owner's `tell` has written of an entity of which nothing is in memory yet, as of this owner's beginning; once, and only where the slot was
 * handed over in order. Whatever loads entities of a kind that has `tell` has to ask, or what is told of them grows old. Bytes of another node, of this program or
 * an older or newer one. The copy is in `a`. */
bool turn_inherits(struct turn *t, const struct entity *e, struct arena *a, struct str *out);
/* Has nothing of it that is written changed after that position? Known also of one that is not in memory, if no change that this owner does not remember can be so new; otherwise false. */
bool turn_is_unchanged(const struct turn *t, const struct entity *e, int64_t since);
/* The turn changes another entity of its slot, at this position, without having to load it. Returns it if it is in memory, else NULL. */
struct entity *turn_changes(struct turn *t, unsigned kind, struct str key, int64_t position);
/* The entity if it is in memory; else NULL. */
struct entity *turn_peek(struct turn *t, unsigned kind, struct str key);

/* Reads wait, and see everything that this owner has written, durable or not; the answer of the command is then held until
 * it is. UNAVAILABLE when the slot was opened anew meanwhile: return it. Rows are in the turn's arena. */
must_use enum err turn_get(struct turn *t, enum table table, const struct cell *key, struct row *out); /* NOT_FOUND */
must_use enum err turn_range(struct turn *t, struct store_read *r); /* fill in table, prefix, key, range, limit, reverse */
/* What turn_range would find has been found elsewhere: these are all rows that begin with the read's key cells. */
void turn_knows(struct turn *t, const struct store_read *r);
/* Several at once: what does not depend on each other is asked for in one go, for each round trip is a pause of who waits for the turn. */
must_use enum err turn_ranges(struct turn *t, struct store_read *r, size_t n);
/* The answer depends on this position: hold it until that is durable. */
void turn_saw(struct turn *t, int64_t position);
/* Is all that the turn has seen durable? Then it was so for good, and others may be told. */
bool turn_is_settled(const struct turn *t);
/* A read has failed with `e`, which may pass, and the command can go on without what it looked for: OK, and no fault. Otherwise, and when the slot was opened anew
 * meanwhile, an error: return it. */
must_use enum err turn_does_without(struct turn *t, enum err e);
/* The turn has waited for something that is not the store: UNAVAILABLE when the slot was opened anew meanwhile. Return it. */
must_use enum err turn_resumed(struct turn *t);

/* Writing: after the first of these calls the command must not wait any more. Everything is dropped when `run` fails. */
int64_t turn_position(struct turn *t); /* the next position: one per item */
void turn_put(struct turn *t, const struct row *row);
void turn_del(struct turn *t, const struct row *row);
/* Takes over the reference. The kind, key and position are set; the slot is filled in. */
void turn_item(struct turn *t, struct item *i);
/* A command for the owner of `cmd->key`, exactly once, after this one. The answer waits for it, unless `apart`. */
void turn_letter(struct turn *t, const struct command *cmd, bool apart);
/* Do all rows keep their limits? Call it after the last put, before changing anything in memory. */
must_use enum err turn_ready(struct turn *t);

/* Interest of a gateway (a loop) in the items of a key of this slot. A query may register it in the same turn in which it reads. */
void turn_follow(struct turn *t, struct str key, unsigned gateway);
/* From the gateway's loop; no answer. */
void cluster_unfollow(struct cluster *c, struct str key, unsigned gateway);
bool turn_is_followed(struct turn *t, struct str key);

/* Runs a command without an answer and without waiting (presence, for one). May be lost; one of more than 1 MiB is. */
void cluster_cast(struct cluster *c, const struct command *cmd);

struct cluster_stats {
    uint64_t commands, records, changes, letters, items, deliveries, slots_open, warm, in_flight, failed_records, reopened;
    uint64_t away, inbound;   /* commands to other nodes, and from them */
    uint64_t posted, relayed; /* messages to other nodes; those of them that bring items */
    uint64_t envelopes;       /* what they travelled in */
    uint64_t handed_over;     /* slots given to who should have them */
    uint64_t inherited;       /* entities of which the former owner's word was taken */
    uint64_t slots_reachable; /* slots that are open here, or whose owner is known */
    uint64_t others;          /* nodes that live, besides this one */
    uint64_t backlog;         /* records that are durable and not in the store yet */
    uint64_t slots_opening;   /* slots that are being opened here, or have just ceased to be wanted and not ended that yet */
    uint64_t reads_at_hand;   /* reads that the store was not asked for */
};
void cluster_stats(const struct cluster *c, struct cluster_stats *out);
/* False: there is none. */
bool cluster_broker_stats(const struct cluster *c, struct broker_stats *out);
/* Who lives, and who has which slot, as this node sees it. */
enum { CLUSTER_NODES_MAX = 256 };
struct cluster_status_node {
    char name[BROKER_NAME_MAX + 1];
    bool self, leaving;
    unsigned loops, open, waiting; /* of the slots */
};
struct cluster_status_slot {
    int node; /* its place among the nodes; -1: nobody has it open */
    int64_t epoch;
};
struct cluster_status {
    size_t nodes;
    struct cluster_status_node node[CLUSTER_NODES_MAX];
    struct cluster_status_slot slot[CLUSTER_SLOTS];
};
/* Blocks: from a thread that is not a loop's, while the loops run. */
void cluster_status(struct cluster *c, struct cluster_status *out);
/* Is it this node's at the moment? From any thread, for what need not be right. */
bool cluster_holds(const struct cluster *c, unsigned slot);
/* Is it served here, or its owner known? Who asks it otherwise waits for that. Likewise. */
bool cluster_reaches(const struct cluster *c, unsigned slot);
/* Others reach the broker and have this node's slots, and it does not: it can do nothing for anybody. On a loop. */
bool cluster_is_alone(const struct cluster *c);
/* NULL: clients may be sent here; else why not. Once all slots are reached; and from then on while each is, or was 5 s ago. A slot that is handed over, or taken over from
 * the dead, is missing for a moment at all nodes: they would all say no, and clients would be sent from one to another. But who does not reach the
 * broker, or has lost most of its own slots, is cut off from the rest. From any loop, with its time. */
const char *cluster_not_ready(const struct cluster *c, int64_t now_ms);

#endif
