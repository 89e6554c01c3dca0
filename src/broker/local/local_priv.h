/* What the files of the in-process broker share. Everything here is under the exchange's lock, unless a comment says otherwise. */
#ifndef ROOKERY_BROKER_LOCAL_LOCAL_PRIV_H
#define ROOKERY_BROKER_LOCAL_LOCAL_PRIV_H

#include <pthread.h>

#include "base/list.h"
#include "broker/local/local.h"

/* A record in a slot's queue. */
struct entry {
    struct list link;
    struct bytes *bytes;
    uint64_t tag; /* what its present holder calls it; 0: not delivered to that one */
    unsigned again;
};

struct queue {
    struct list entries;    /* all that is not acknowledged */
    struct list *delivered; /* the last one that the holder has; the list itself: none */
    size_t records, bytes;
    struct list wishes; /* struct wish: the first holds */
};

/* A hold, as long as its loop may have to do with it: longer than the caller's struct. */
struct wish {
    struct task task;
    bool posted, running;
    struct list link; /* in the queue; of itself when it has left that */
    struct list of_node;
    struct node *node;
    struct loop *loop;
    unsigned slot;
    struct broker_hold *hold; /* its loop's; NULL: released */
    bool waits, told, ended;  /* the first two: it has been told so */
    uint64_t tag;             /* last one given out */
    size_t records, bytes;
};

struct parcel {
    struct list link;
    struct bytes *from;
    size_t count;
    struct str message[];
};

struct inbox {
    struct task task;
    bool posted;
    struct broker_exchange *exchange;
    struct broker_port *port;
    struct list parcels;
    size_t bytes;
    struct node *node;
};

struct lookout {
    struct task task;
    bool posted;
    struct broker_exchange *exchange;
    struct broker_watch *watch;
    struct list link;
};

struct node {
    struct broker broker; /* first */
    struct broker_exchange *exchange;
    struct list link;
    struct bytes *name, *announcement;
    bool away; /* expelled, and has not called since */
    struct inbox *inbox[BROKER_PORTS];
    struct list lookouts, wishes;
    struct broker_stats stats;
};

struct broker_exchange {
    pthread_mutex_t lock;
    struct list nodes;
    struct queue queue[BROKER_SLOTS];
};

static inline struct node *node_of(struct broker *b)
{
    return (struct node *)(void *)b;
}
/* The node has called: takes the lock, and lists the node again if it was expelled. */
struct broker_exchange *node_enter(struct broker *b);
void node_list_changed(struct broker_exchange *x);

/* queue.c */
void queue_init(struct queue *q);
void queue_release(struct queue *q);
void local_subscribe(struct broker *b, struct broker_hold *h);
void local_release(struct broker *b, struct broker_hold *h);
void local_acknowledge(struct broker *b, struct broker_hold *h, uint64_t tag);
void local_publish(struct broker *b, struct broker_publish *p);
/* The node's wishes leave their queues; those whose loops run are told, unless the node is `closing`. */
void wishes_end(struct node *n, bool closing);

/* post.c */
void local_listen(struct broker *b, struct broker_port *p);
void local_send(struct broker *b, struct str to, unsigned port, const struct str *message, size_t count);
void inbox_free(struct inbox *in);

#endif
