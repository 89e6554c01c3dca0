/* A broker that fails on command, around any other: for tests. It owns the broker inside, and closes it.
 *
 * Faults are counted: the nth from now on, 1 the next, 0 none. They may be set from any thread. */
#ifndef ROOKERY_BROKER_FAULTY_H
#define ROOKERY_BROKER_FAULTY_H

#include "broker/broker.h"

struct broker *broker_faulty_new(struct broker *inside);

/* Of what this node sends: every nth batch is lost, or comes twice. */
void broker_faulty_lose_every(struct broker *b, uint64_t n);
/* Of what this node sends: each message that `lose` says yes to is lost; NULL: none. On the thread that sends. Set it before anything is sent. */
void broker_faulty_lose_if(struct broker *b, bool (*lose)(void *arg, struct str message), void *arg);
void broker_faulty_repeat_every(struct broker *b, uint64_t n);
/* This node does not reach the broker, and knows it: what it sends or announces is lost, what it publishes is refused, it hears of no announcements, and of the
 * slots that it subscribes to nothing. Those that it holds it keeps until it lets go of them, and messages that others send to it arrive. */
void broker_faulty_cut(struct broker *b, bool on);
/* All that it sends arrives so much later, in order. */
void broker_faulty_delay_ms(struct broker *b, int64_t ms);

enum broker_publish_fault {
    PUBLISH_REFUSED,       /* UNAVAILABLE */
    PUBLISH_LOST_UNKNOWN,  /* TIMEOUT, and it never comes */
    PUBLISH_THERE_UNKNOWN, /* TIMEOUT, though it is in the queue */
    PUBLISH_LOST_CLAIMED,  /* OK, though it never comes: what no broker should do */
};
void broker_faulty_publish_nth(struct broker *b, uint64_t n, enum broker_publish_fault what);
/* Every publish is refused while it is on. */
void broker_faulty_refuse_all(struct broker *b, bool on);
/* The nth delivery of records does not reach its hold: that one is lost instead. */
void broker_faulty_drop_nth(struct broker *b, uint64_t n);

enum broker_hold_fault {
    HOLD_WELL,
    HOLD_NOWHERE, /* is told that it waits, though the broker does not know of it: `held` never comes */
    HOLD_UNHEARD, /* the broker does not know of it, and it is told nothing */
    HOLD_DEAF,    /* is told that it waits, and nothing else, also when it is the holder */
};
/* What becomes of subscriptions from now on. */
void broker_faulty_hold(struct broker *b, enum broker_hold_fault what);

#endif
