/* Gateways of several nodes that follow a box, and what each has heard of it: so that a test sees what came twice, out of order, or not at all without
 * a gap that says so. */
#ifndef ROOKERY_TESTS_CLUSTER_EARS_H
#define ROOKERY_TESTS_CLUSTER_EARS_H

#include "unit/cluster/nodes.h"

enum { EAR_THINGS = 8000 };

/* One gateway, in one life of its node. */
struct ear {
    struct ask *follow; /* NULL: it does not */
    uint64_t chain;
    int64_t position;  /* of the last item */
    int64_t looked_to; /* a gap made it look at everything up to here */
    unsigned gaps, disorder;
    bool heard[EAR_THINGS];
};

struct ears {
    struct nodes *n;
    struct str box;
    struct ear ear[NODES][NODE_LOOPS];
};

/* The deliveries' way to it. */
static struct ears *ears_of_test;

static inline void ear_take(struct ear *e, const struct delivery *d, const struct item *i)
{
    int64_t id = list_item(i, struct toy_item, item)->id;
    assert_in_range(id, 0, EAR_THINGS - 1);
    bool orderly = i->position > e->position && i->position > d->from && i->position <= d->to && !e->heard[id];
    if (!orderly && e->disorder++ == 0)
        print_message("out of order: thing %lld at %lld after %lld, in a delivery of %lld to %lld, heard before: %d, gaps: %u up to %lld\n",
                      (long long)id, (long long)i->position, (long long)e->position, (long long)d->from, (long long)d->to, e->heard[id],
                      e->gaps, (long long)e->looked_to);
    e->position = i->position;
    e->heard[id] = true;
}

static inline void ear_hears(void *engine, struct loop *gateway, const struct delivery *d)
{
    struct ears *x = ears_of_test;
    size_t node = (size_t)((struct node *)engine - x->n->node);
    struct ear *e = &x->ear[node][loop_index(gateway)];
    if (d->slot != cluster_slot_of(x->box)) return;
    if (d->chain != e->chain + 1) {
        e->gaps++;
        e->looked_to = d->to;
    }
    e->chain = d->chain;
    for (size_t i = 0; i < d->count; i++)
        if (str_eq(d->item[i]->key, x->box)) ear_take(e, d, d->item[i]);
}

static inline void ears_init(struct ears *x, struct nodes *n, struct str box)
{
    memset(x, 0, sizeof *x);
    x->n = n;
    x->box = box;
    n->config.delivered = ear_hears;
    ears_of_test = x;
}

static inline struct ear *ear_follow(struct ears *x, unsigned node, unsigned gateway)
{
    struct ear *e = &x->ear[node][gateway];
    e->follow = ask_on(scene_of(x->n, node), gateway, (struct command){.type = BOX_FOLLOW, .key = x->box, .num = {gateway}});
    return e;
}

/* Its node has died. */
static inline void ears_forget(struct ears *x, unsigned node)
{
    memset(x->ear[node], 0, sizeof x->ear[node]);
}

static inline bool ear_follows(const struct ear *e)
{
    return e->follow && e->follow->done && e->follow->reply.err == ERR_OK;
}

/* It was there when the ear began to listen, or it was heard, or a gap said that something was missing. */
static inline void ears_check(const struct ears *x, const struct ask *add)
{
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned g = 0; g < NODE_LOOPS; g++) {
            const struct ear *e = &x->ear[i][g];
            int64_t id = add->cmd.num[0], position = add->reply.num[0];
            assert_int_equal(e->disorder, 0);
            if (ear_follows(e)) assert_true(e->heard[id] || position <= e->looked_to || list_has(&e->follow->reply, id));
        }
}

#endif
