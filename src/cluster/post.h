/* Messages between the homes of different nodes. What concerns a slot goes to the other node's home of that slot.
 *
 * They may be lost, and so may a part of a large one: then all of it is. From one home to another they arrive in order. What they are for: calls
 * (away.c), letters (letter.c), interest and deliveries (relay.c). */
#ifndef ROOKERY_CLUSTER_POST_H
#define ROOKERY_CLUSTER_POST_H

#include "base/buf.h"
#include "base/list.h"

enum post_kind {
    POST_PART,       /* of a message that is too large for one */
    POST_COMMAND,    /* to the owner: life, number, patience in ms, epoch, the last time of the owner that the caller has heard, command */
    POST_REPLY,      /* from it: number, whether to ask again, what the call follows, reply; or the time that came too late */
    POST_CAST,       /* to the owner: command */
    POST_LETTER,     /* to the receiver's owner: sender, number, the one before, receiver's epoch, command */
    POST_LETTER_ACK, /* back: receiver, number, whether it was ignored */
    POST_INTEREST,   /* to the owner: all the keys that are followed from here */
    POST_UNFOLLOW,   /* to the owner: key */
    POST_WELCOME,    /* from it: epoch, chain, position: all of that interest is known */
    POST_FOLLOW,     /* from it: epoch, chain, gateway, key: the gateway's command has begun to follow it */
    POST_ITEMS,      /* from it: epoch, chain, items */
    POST_PULSE,      /* from it: epoch, chain, sum over the keys that it takes this node to follow */
    POST_CLOCK,      /* the sender's time: first in whatever one tick has for another home */
    POST_INHERIT,    /* to the next owner: epoch, position, kind and key of an entity, what the sender had in memory of it */
    POST_KINDS
};

enum { POST_MAX = 64 * 1048576 };

struct home;
struct slot;

/* A message that has come. `body` lives for the call. */
struct post {
    struct home *home;
    int node; /* who sent it */
    struct slot *slot;
    enum post_kind kind;
    struct str body;
};

/* An empty message to write the body to; then post_send, or buf_release. */
void post_begin(struct buf *b, enum post_kind kind, const struct slot *s);
/* Sends it with what else this tick, or some milliseconds after what went last, have for that node; takes the buffer's memory. A node that is not there gets
 * nothing. */
void post_send(struct home *h, int node, const struct slot *s, struct buf *b);

/* What waits for some milliseconds, and what is said next, goes when the tick ends: a slot is on its way, and somebody waits for it. */
void post_hurry(struct home *h);

/* A record of this home has come back from the broker after so long. What is known of that fades when nothing comes. */
void post_note_trip(struct home *h, int64_t ms);
void post_sweep(struct home *h);

void post_listen(struct home *h);
void post_release(struct home *h);
/* The node's number is nobody's now. */
void post_forget(struct home *h, int node);

#endif
