/* Items: what an owner delivers to the gateways that are interested. Immutable and refcounted, so that the room's tail, every
 * delivery and every waiting client share one copy. The engine embeds `struct item` first in what it delivers. */
#ifndef ROOKERY_CLUSTER_ITEM_H
#define ROOKERY_CLUSTER_ITEM_H

#include "base/mem.h"

struct item {
    atomic_uint refs;
    unsigned kind; /* the engine's */
    unsigned slot;
    int64_t position; /* in its slot */
    struct str key;   /* the room or user whose followers get it; its bytes belong to the item */
    void (*free)(struct item *i);
};

static inline struct item *item_ref(struct item *i)
{
    atomic_fetch_add_explicit(&i->refs, 1, memory_order_relaxed);
    return i;
}
static inline void item_unref(struct item *i)
{
    if (i && atomic_fetch_sub_explicit(&i->refs, 1, memory_order_acq_rel) == 1) i->free(i);
}

/* What one gateway (event loop) gets from one slot at a time. Chain numbers count a slot's deliveries to that gateway from 1, so that
 * a lost one is noticed; `from` and `to` say which positions it covers. One without items, and a number left out before it, says that its slot
 * was elsewhere for a while. */
struct delivery {
    unsigned slot;
    uint64_t chain;
    int64_t from, to; /* everything of interest with from < position <= to is in it */
    struct item *const *item;
    size_t count;
};

#endif
