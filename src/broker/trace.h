/* Counts what passes through to another broker, and logs it at debug level: nodes, slots and numbers, never content. It owns the broker
 * inside, and closes it. */
#ifndef ROOKERY_BROKER_TRACE_H
#define ROOKERY_BROKER_TRACE_H

#include "broker/broker.h"

struct broker_trace {
    uint64_t sends, messages, received;
    uint64_t subscribes, releases, held, lost;
    uint64_t publishes, publishes_failed, deliveries, records, again, acknowledges, announces;
};

struct broker *broker_trace_new(struct broker *inside);
void broker_trace_counts(struct broker *b, struct broker_trace *out);

#endif
