/* The broker inside the process: an exchange to which the nodes of one process attach (one in `rookery serve`, several in tests), each
 * with loops of its own on threads of their own.
 *
 * Nothing survives the process, and nothing needs to: with one machine the journal is the store. One lock around all of an exchange: it is
 * held for a few pointers and the copy of a record or message, and the way of a message on one machine does not come here. */
#ifndef ROOKERY_BROKER_LOCAL_LOCAL_H
#define ROOKERY_BROKER_LOCAL_LOCAL_H

#include "broker/broker.h"

struct broker_exchange;

struct broker_exchange *broker_exchange_new(void);
/* All its nodes are closed. */
void broker_exchange_free(struct broker_exchange *x);

/* CONFLICT: a node of that name is there. */
must_use enum err broker_local_attach(struct broker_exchange *x, struct str name, struct broker **out, struct fault *f);

/* For tests: takes the node for dead, as a broker does that has not heard of it for too long. Its subscriptions end (it is told when its loop
 * runs next), messages to it are lost, the others do not see it until it calls again. From any thread. */
void broker_local_expel(struct broker *b);

#endif
