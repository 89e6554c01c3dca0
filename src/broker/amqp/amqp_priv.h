/* What the files of this back end share. The loops' calls come in at the top of each file's last part; all else runs on the back end's own loop
 * (`io`), unless a comment says otherwise. */
#ifndef ROOKERY_BROKER_AMQP_AMQP_PRIV_H
#define ROOKERY_BROKER_AMQP_AMQP_PRIV_H

#include <pthread.h>
#include <semaphore.h>

#include "broker/amqp/amqp.h"
#include "broker/amqp/envelope.h"
#include "broker/amqp/ledger.h"
#include "broker/amqp/line.h"

struct node;

/* A subscription, as long as anybody may have to do with it: longer than the caller's struct. It lives until its loop has got POST_GONE. */
struct wish {
    struct node *node;
    unsigned slot;
    struct list of_node; /* under the node's lock */
    struct mailbox box;
    struct task subscribe, ack, release;
    atomic_bool ack_posted;
    _Atomic uint64_t ack_tag;
    /* Its loop's. */
    struct broker_hold *hold; /* NULL: released, or told that it is lost */
    bool releasing;
    /* io's. */
    struct channel channel;
    enum { WISH_RESTS, WISH_ASKS, WISH_WAITS, WISH_HOLDS, WISH_CLOSES, WISH_OVER } state;
    struct list link; /* among the node's wishes that are not over */
    bool held;        /* once at least */
    bool doubted;     /* WISH_ASKS, for long */
    unsigned doublings;
    struct timer timer;
    uint64_t life; /* a number of its own */
    struct ledger backlog;
    size_t backlog_bytes;
    size_t coming, coming_bytes; /* published by this node while it held, and not come back */
};

/* What is published to a slot, on a channel of its own: a queue without a leader holds up nothing but itself. */
struct publisher {
    struct node *node;
    unsigned slot;
    struct channel channel;
    uint64_t number; /* of the last one */
    struct ledger flying;
    bool works;    /* the queue has taken something on this channel */
    bool renewing; /* the channel is being closed, for another one */
    struct timer again;
    int64_t since_ms;     /* it does not */
    int64_t tries_ms;     /* since when it has been tried whether it does; 0: it is not, or it does */
    struct task *waiting; /* publishes until it does */
    struct task **waiting_end;
    size_t waiting_count, waiting_bytes;
};

/* A port that somebody listens to. */
struct inbox {
    struct mailbox box;
    struct broker_port *port;
    _Atomic size_t bytes; /* arrived and not taken */
};

/* A node that lives. */
struct peer {
    struct list link; /* by name */
    struct str name, announcement;
    uint64_t session;
    int64_t heard_ms;
    char room[];
};

struct lookout {
    struct mailbox box;
    struct task begin;
    struct list link;
    struct node *node;
    struct broker_watch *watch;
};

struct counters {
    _Atomic uint64_t sent, received, lost, published, refused, delivered, acknowledged, holding, backlog_records, backlog_bytes;
};

struct node {
    struct broker broker; /* first */
    struct line_config config;
    char name[BROKER_NAME_MAX + 1], prefix[BROKER_AMQP_PREFIX_MAX + 1];
    struct counters count;
    pthread_mutex_t lock; /* around `all_wishes` */
    struct list all_wishes;
    struct loop *io;
    pthread_t thread;

    /* io's. */
    struct line taking, giving;
    struct list dirty; /* mailboxes that have gathered something */
    struct task mail;
    bool mailing;
    struct list wishes;
    struct wish *holder[BROKER_SLOTS];
    uint64_t lives;
    struct publisher publisher[BROKER_SLOTS];
    uint64_t stuck;                              /* a bit for each that has not worked for long, and of which that has been said */
    _Atomic(struct inbox *) inbox[BROKER_PORTS]; /* who listens puts it there */
    struct channel queue;                        /* on `taking`: the node's own queue */
    struct channel letters;                      /* on `giving`: what is sent to other nodes' queues */
    bool queue_ready;
    atomic_bool ready; /* both lines serve; said elsewhere, too */
    struct timer queue_retry;
    int64_t began_ms;

    struct list peers, lookouts;
    struct peer *self; /* NULL: nothing announced yet */
    uint64_t session;
    struct timer beat, settle;
    unsigned beats;
    bool settled; /* those who are there have had time to say so */
    bool roll_posted;
    struct task roll_task;

    struct timer patience;
    sem_t attached;
    bool waited_for; /* attach waits for the first result */
    enum err verdict;
    struct fault fault;
    struct task leave, cut;
    struct timer leaving;
    bool stopping;
    sem_t is_cut;
};

static inline struct node *node_of(struct broker *b)
{
    return (struct node *)(void *)b;
}
static inline struct node *node_of_taking(struct line *l)
{
    return list_item(l, struct node, taking);
}
static inline struct node *node_of_giving(struct line *l)
{
    return list_item(l, struct node, giving);
}
static inline void count_up(_Atomic uint64_t *c, uint64_t by)
{
    atomic_fetch_add_explicit(c, by, memory_order_relaxed);
}
static inline void count_down(_Atomic uint64_t *c, uint64_t by)
{
    atomic_fetch_sub_explicit(c, by, memory_order_relaxed);
}

/* names.c: names at the broker, and declaring what they name. */
enum { NAME_ROOM = 160 };
struct str slot_queue_name(const struct node *n, unsigned slot, char room[NAME_ROOM]);
struct str node_queue_name(const struct node *n, struct str node, char room[NAME_ROOM]);
struct str exchange_name(const struct node *n, char room[NAME_ROOM]);
/* The node whose queue is called that; empty: none's. */
struct str node_of_queue(const struct node *n, struct str queue);
void slot_queue_declare(const struct node *n, struct channel *c, unsigned slot);
void node_queue_declare(const struct node *n, struct channel *c);
void exchange_declare(const struct node *n, struct channel *c);
void queue_consume(struct channel *c, struct str queue, unsigned prefetch, bool no_ack);

/* hold.c */
void amqp_subscribe(struct broker *b, struct broker_hold *h);
void amqp_release(struct broker *b, struct broker_hold *h);
void amqp_acknowledge(struct broker *b, struct broker_hold *h, uint64_t tag);
void wishes_start(struct node *n); /* both lines are open */
/* The slot's queue works: it has taken something. */
void wishes_go_on(struct node *n, unsigned slot);
void wishes_ping(struct node *n); /* somebody has gone, or nobody could look for a while: who holds now? */
void wish_free(struct wish *w);
/* May this much more be published? Then it is expected back by the life that is returned, 0: by none. */
bool wish_admits(struct node *n, unsigned slot, size_t bytes, uint64_t *life);
void wish_does_not_expect(struct node *n, unsigned slot, uint64_t life, size_t bytes);

/* publish.c */
void amqp_publish(struct broker *b, struct broker_publish *p);
void publishers_init(struct node *n);
void publishers_tick(struct node *n);
/* An empty record, of which nobody is told. To a queue that is not known to work it is the first. */
void publish_ping(struct node *n, unsigned slot);
/* The same, to a queue that may not be there; wishes_go_on is called when it has it. */
void publish_first_ping(struct node *n, unsigned slot);

/* post.c */
void amqp_listen(struct broker *b, struct broker_port *p);
void amqp_send(struct broker *b, struct str to, unsigned port, const struct str *message, size_t count);
void amqp_inbox_free(struct inbox *in);
void letters_open(struct node *n); /* `giving` is open */
void queue_open(struct node *n);   /* `taking` is open */
/* To a node's queue; a `to` that is empty: to all. False: it cannot be sent now. */
bool node_write(struct node *n, struct str to, struct str envelope);

/* roll.c */
void amqp_announce(struct broker *b, struct str announcement);
void amqp_watch(struct broker *b, struct broker_watch *w);
void roll_init(struct node *n);
void roll_release(struct node *n);
void roll_begin_session(struct node *n);                  /* it is ready */
void roll_take(struct node *n, const struct envelope *e); /* anything but messages */
void roll_no_queue(struct node *n, struct str name);      /* that node has none */
void roll_leave(struct node *n);

/* amqp.c: what attach is told, if it still waits; and: one of the lines serves, or no longer. */
void node_attached(struct node *n, enum err e, const char *why);
void node_check_ready(struct node *n);
/* What the mailboxes have gathered arrives at the end of the tick. */
void mail_soon(struct node *n);

#endif
