/* The broker: what the nodes of a cluster say to each other, and a queue per slot that decides who owns the slot and in which order its
 * records count. A `struct broker` is one node's place at it.
 *
 * Messages (broker_send) go from node to node. They may be lost, and one may come twice in a row; those that arrive, arrive in the order in
 * which the sending loop sent them to that port. Whoever needs more than that numbers them.
 *
 * Slots: a node that wants a slot subscribes. Of all who have, exactly one is the holder, until it releases the slot, dies or loses the
 * broker, which all look the same to the others; then one of the others is.
 *  - Who has waited longest is the next one, with the back ends that there are: so a node that should have the slot later steps back in line.
 *  - The holder is told `held`, also when the queue is empty. (A broker that tells it only by a delivery: the back end of a node that waits
 *    publishes an empty record, which no back end passes on.)
 *  - What is published to the slot, by whomever, comes to the holder in one order: the queue's. Records that one loop publishes
 *    stand there in the order of its calls.
 *  - A new holder first gets everything that was not acknowledged, in that order, delivered before or not; then the rest.
 *    So a back end gives up a slot by closing its channel and not by cancelling, and lets more be under way than the backlog may hold.
 *  - Two nodes may take themselves for the holder for a while (one that was stopped or cut off does not know yet, and reads what had been sent to
 *    it before). What the former one reads then stands first in what the new one gets. The broker does not repair this; callers count
 *    only what they themselves got back, and see by its content that it is not what they expected: then they release and subscribe again.
 *
 * Nodes announce a few bytes; everybody watches who is there.
 *
 * All calls are made on the thread of one of the node's loops, those about a hold on its own loop; callbacks come on the loop that
 * is named, never before the call that caused them returns. A broker that is away is found again by the back end itself. */
#ifndef ROOKERY_BROKER_BROKER_H
#define ROOKERY_BROKER_BROKER_H

#include "base/err.h"
#include "loop/loop.h"

enum {
    BROKER_SLOTS = 64,
    BROKER_PORTS = 64,      /* of a node */
    BROKER_NAME_MAX = 64,   /* bytes of a node's name: letters, digits, '.', '_', '-' */
    BROKER_BATCH_MAX = 256, /* messages of one send, records of one delivery */
    BROKER_MESSAGE_MAX = 8 * 1048576,
    BROKER_INBOX_BYTES = 64 * 1048576, /* of a port that does not keep up; what comes then is lost */
    BROKER_RECORD_MAX = 8 * 1048576,
    BROKER_ANNOUNCEMENT_MAX = 4096,
    /* What a slot's queue may hold that is not acknowledged. Beyond either a publish of the holder's node is refused, that of another may be. */
    BROKER_BACKLOG_RECORDS = 50000,
    BROKER_BACKLOG_BYTES = 64 * 1048576
};

/* Where messages arrive. The caller's memory, until the broker is closed. */
struct broker_port {
    struct loop *loop;
    unsigned number; /* below BROKER_PORTS; each once per node */
    /* The bytes live for the call. */
    void (*received)(struct broker_port *p, struct str from, const struct str *message, size_t count);
};

struct broker_record {
    uint64_t tag; /* grows; valid while the hold is */
    struct str bytes;
    unsigned again; /* how often it was delivered before, to anybody; about */
};

/* A wish to hold a slot. The caller's memory from subscribe until release, or until `lost`. */
struct broker_hold {
    struct loop *loop;
    unsigned slot;
    /* At most once, before `held`: it stands in line now, and who subscribes later comes after it. May be NULL. */
    void (*waits)(struct broker_hold *h);
    /* Once, before any record: this is the holder now. */
    void (*held)(struct broker_hold *h);
    /* The bytes live for the call. Acknowledging and releasing are allowed in it; after a release nothing more comes. */
    void (*records)(struct broker_hold *h, const struct broker_record *r, size_t count);
    /* The wish has ended by itself, whether it was the holder or not. Subscribe again. */
    void (*lost)(struct broker_hold *h, enum err why);
    void *inner; /* the back end's */
};

/* A record on its way into a slot's queue. The bytes (at least one) belong to the caller and stay until `done`.
 *  OK: the queue has it. That alone means nothing: it counts for whom it comes back to.
 *  UNAVAILABLE, TOO_LARGE: refused, it never comes back. Those published after it may, though.
 *  TIMEOUT: nobody knows; it may come back, also much later. */
struct broker_publish {
    struct task task; /* the broker's while it works */
    struct loop *loop;
    unsigned slot;
    struct str bytes;
    enum err err;
    void (*done)(struct broker_publish *p);
    void *inner; /* the back end's */
};

struct broker_node {
    struct str name, announcement;
};

/* The caller's memory, until the broker is closed. */
struct broker_watch {
    struct loop *loop;
    /* All nodes that live, this one included, soon after the watch began and after each change. The bytes live for the call. */
    void (*changed)(struct broker_watch *w, const struct broker_node *node, size_t count);
};

struct broker_stats {
    uint64_t sent, received, lost; /* messages; lost: as far as this node knows */
    uint64_t published, refused, delivered, acknowledged;
    uint64_t connected;                      /* 1: the broker answers this node, now */
    uint64_t holding;                        /* slots, now */
    uint64_t backlog_records, backlog_bytes; /* of these slots: delivered and not acknowledged, now */
};

struct broker;

/* A back end: one const table of functions. */
struct broker_ops {
    const char *name;
    /* The node's name lives as long as the broker. */
    struct str (*self)(struct broker *b);
    /* From now on messages to this port arrive. */
    void (*listen)(struct broker *b, struct broker_port *p);
    /* At most BROKER_BATCH_MAX messages for one port of a node (this one too); they travel, and arrive or are lost, together. The bytes are
     * needed for the call only. What nobody listens to, what has more than BROKER_MESSAGE_MAX bytes together, and what the port cannot
     * hold is lost. */
    void (*send)(struct broker *b, struct str node, unsigned port, const struct str *message, size_t count);
    void (*subscribe)(struct broker *b, struct broker_hold *h);
    /* Ends the wish or the holding; no callback of it comes after this. What it had not acknowledged is the next holder's. */
    void (*release)(struct broker *b, struct broker_hold *h);
    /* Everything up to this tag is done with, and leaves the queue. The word may be lost together with the hold. */
    void (*acknowledge)(struct broker *b, struct broker_hold *h, uint64_t tag);
    void (*publish)(struct broker *b, struct broker_publish *p);
    /* What others see of this node; replaces. At most BROKER_ANNOUNCEMENT_MAX bytes; before the first one they see nothing of it. */
    void (*announce)(struct broker *b, struct str announcement);
    void (*watch)(struct broker *b, struct broker_watch *w);
    /* From any thread. */
    void (*stats)(struct broker *b, struct broker_stats *out);
    /* Leaves: everything held is released. When the node's loops have ended: no callback comes any more, `done` of publishes included. */
    void (*close)(struct broker *b);
};

/* Every back end's struct begins with this. */
struct broker {
    const struct broker_ops *ops;
};

/* May a node be called that? */
bool broker_name_ok(struct str name);

static inline struct str broker_self(struct broker *b)
{
    return b->ops->self(b);
}
static inline void broker_listen(struct broker *b, struct broker_port *p)
{
    b->ops->listen(b, p);
}
static inline void broker_send(struct broker *b, struct str node, unsigned port, const struct str *message, size_t count)
{
    b->ops->send(b, node, port, message, count);
}
static inline void broker_subscribe(struct broker *b, struct broker_hold *h)
{
    b->ops->subscribe(b, h);
}
static inline void broker_release(struct broker *b, struct broker_hold *h)
{
    b->ops->release(b, h);
}
static inline void broker_acknowledge(struct broker *b, struct broker_hold *h, uint64_t tag)
{
    b->ops->acknowledge(b, h, tag);
}
static inline void broker_publish(struct broker *b, struct broker_publish *p)
{
    b->ops->publish(b, p);
}
static inline void broker_announce(struct broker *b, struct str announcement)
{
    b->ops->announce(b, announcement);
}
static inline void broker_watch(struct broker *b, struct broker_watch *w)
{
    b->ops->watch(b, w);
}
static inline void broker_stats(struct broker *b, struct broker_stats *out)
{
    b->ops->stats(b, out);
}
static inline void broker_close(struct broker *b)
{
    b->ops->close(b);
}

#endif
