/* What goes from the back end's own loop to one of the node's: posts, in order, many at a time. */
#ifndef ROOKERY_BROKER_AMQP_MAILBOX_H
#define ROOKERY_BROKER_AMQP_MAILBOX_H

#include "loop/loop.h"

enum post_kind { POST_BYTES, POST_WAITS, POST_HELD, POST_LOST, POST_GONE };

struct post {
    struct post *next;
    enum post_kind kind;
    unsigned again;
    uint64_t tag;
    size_t n;
    char bytes[];
};
struct post *post_new(enum post_kind kind, size_t n);

struct mailbox {
    struct task task;
    struct loop *to;
    /* On `to`: all that there is, first come first; its own from then on. It may free the mailbox. */
    void (*take)(struct mailbox *m, struct post *first);
    _Atomic(struct post *) arrived; /* newest first */
    struct post *newest, *oldest;   /* gathered, not sent yet; the sender's */
    struct list dirty;              /* among those that have gathered something; of itself otherwise */
};
void mailbox_init(struct mailbox *m, struct loop *to, void (*take)(struct mailbox *m, struct post *first));
/* When neither side runs any more. */
void mailbox_release(struct mailbox *m);
/* The sender's: gathers; mailbox_send lets it arrive. */
void mailbox_add(struct mailbox *m, struct post *p, struct list *dirty);
void mailbox_send(struct mailbox *m);
void mailbox_send_all(struct list *dirty);

#endif
