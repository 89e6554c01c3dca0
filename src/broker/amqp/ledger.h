/* What is under way on a channel, by its growing number: publishes that are not confirmed, deliveries that are not acknowledged. */
#ifndef ROOKERY_BROKER_AMQP_LEDGER_H
#define ROOKERY_BROKER_AMQP_LEDGER_H

#include "broker/broker.h"

struct ledger_entry {
    uint64_t number;
    size_t bytes;
    /* Of publishes. */
    struct broker_publish *publish; /* NULL: a ping, or answered already */
    uint64_t life;                  /* of the wish that expects it back; 0: none does */
    int64_t at_ms;
    bool returned, settled;
};

/* A ring that grows. Zeroed is empty. */
struct ledger {
    struct ledger_entry *entry;
    size_t cap, head, count; /* cap is 0 or a power of two */
};
void ledger_release(struct ledger *l);
/* Valid until the next push. */
struct ledger_entry *ledger_push(struct ledger *l, uint64_t number);
/* From the oldest on; i < count. */
struct ledger_entry *ledger_at(struct ledger *l, size_t i);
/* NULL when it is empty. */
struct ledger_entry *ledger_first(struct ledger *l);
void ledger_pop(struct ledger *l);
/* Where the numbers have no gaps; NULL: not there. */
struct ledger_entry *ledger_find(struct ledger *l, uint64_t number);

#endif
