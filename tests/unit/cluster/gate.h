/* A store that holds what it is told to hold, so that a test decides when a batch reaches the store inside and when a read is answered.
 * It also plays the store of a process that has died: nothing that it still says reaches the store inside. One thread. */
#ifndef ROOKERY_TESTS_CLUSTER_GATE_H
#define ROOKERY_TESTS_CLUSTER_GATE_H

#include "contract/stands.h"

enum gate_reads {
    GATE_READS_PASS,
    GATE_READS_LATE,  /* asked when let go */
    GATE_READS_STALE, /* asked at once, answered when let go: as of then */
};

struct gate {
    struct store store;
    struct store *inside;
    bool hold; /* batches */
    enum gate_reads hold_reads;
    bool hold_looks;
    bool dead;               /* batches are refused */
    enum err broken;         /* what reads, and the question where a slot stands, are answered with */
    enum table broken_table; /* reads of this one alone; T__COUNT: of all */
    unsigned broken_slot;    /* likewise of this one; STORE_SLOTS: of all */
    struct list batches, reads, looks;
    _Atomic uint64_t applied;
};

static inline struct gate *gate_of(struct store *s)
{
    return (struct gate *)(void *)s;
}

/* --- batches --- */

struct held_batch {
    struct list link;
    struct store_batch *batch;
};

static inline void gate_said(struct task *task)
{
    struct store_batch *b = list_item(task, struct store_batch, task);
    b->done(b);
}

static inline void gate_say(struct store_batch *b, enum err e)
{
    b->err = e;
    b->task.run = gate_said;
    loop_post(b->loop, &b->task);
}

static inline bool gate_holds(const struct gate *g, unsigned slot)
{
    list_each(it, &g->batches) if (list_item(it, struct held_batch, link)->batch->slot == slot) return true;
    return false;
}

static inline void gate_apply(struct store *s, struct store_batch *b)
{
    struct gate *g = gate_of(s);
    if (g->dead) {
        gate_say(b, ERR_STORAGE);
    } else if (g->hold || gate_holds(g, b->slot)) { /* a slot's batches keep their order */
        struct held_batch *h = mem_zero(sizeof *h);
        h->batch = b;
        list_push(&g->batches, &h->link);
    } else {
        g->applied++;
        store_apply(g->inside, b);
    }
}

/* The oldest batch that is held, of this slot or (STORE_SLOTS) of any. */
static inline struct store_batch *gate_take(struct gate *g, unsigned slot)
{
    list_each(it, &g->batches)
    {
        struct held_batch *h = list_item(it, struct held_batch, link);
        struct store_batch *b = h->batch;
        if (slot < STORE_SLOTS && b->slot != slot) continue;
        list_remove(&h->link);
        mem_free(h);
        return b;
    }
    return NULL;
}

static inline bool gate_let_batch(struct gate *g, unsigned slot)
{
    struct store_batch *b = gate_take(g, slot);
    if (!b) return false;
    g->applied++;
    store_apply(g->inside, b);
    return true;
}

static inline void gate_forget(struct store_batch *b)
{
    mem_free(b);
}

/* The batch gets into the store; its maker hears of it when the test says so (gate_say). */
static inline struct store_batch *gate_let_in(struct gate *g, unsigned slot)
{
    struct store_batch *b = gate_take(g, slot);
    if (!b) return NULL;
    struct store_batch *copy = mem_alloc(sizeof *copy);
    *copy = *b;
    copy->done = gate_forget;
    store_apply(g->inside, copy);
    return b;
}

/* And nobody ever hears of it: for a process that is about to die. */
static inline bool gate_let_unheard(struct gate *g, unsigned slot)
{
    struct store_batch *b = gate_let_in(g, slot);
    if (b) gate_say(b, ERR_STORAGE);
    return b != NULL;
}

/* --- reads --- */

struct held_read {
    struct list link;
    struct store_read *read, copy;
    bool stale;
};

static inline void gate_nothing(struct store_read *r)
{
    (void)r;
}

static inline void gate_answer(struct store_read *r, enum err e)
{
    r->err = e;
    r->row = NULL;
    r->count = 0;
    r->more = false;
    r->done(r);
}

static inline bool gate_is_broken(const struct gate *g, unsigned slot)
{
    return g->broken && (g->broken_slot == STORE_SLOTS || g->broken_slot == slot);
}

static inline void gate_read(struct store *s, struct store_read *r)
{
    struct gate *g = gate_of(s);
    if (gate_is_broken(g, r->slot) && (g->broken_table == T__COUNT || g->broken_table == r->table)) {
        gate_answer(r, g->broken);
        return;
    }
    if (g->hold_reads == GATE_READS_PASS) {
        store_read(g->inside, r);
        return;
    }
    struct held_read *h = mem_zero(sizeof *h);
    h->read = r;
    h->stale = g->hold_reads == GATE_READS_STALE;
    if (h->stale) {
        h->copy = *r;
        h->copy.done = gate_nothing; /* the store in memory answers before it returns */
        store_read(g->inside, &h->copy);
    }
    list_push(&g->reads, &h->link);
}

/* Answers the oldest read that is held. */
static inline bool gate_let_read(struct gate *g)
{
    struct list *n = list_pop(&g->reads);
    if (!n) return false;
    struct held_read *h = list_item(n, struct held_read, link);
    struct store_read *r = h->read;
    if (h->stale) {
        r->err = h->copy.err;
        r->row = h->copy.row;
        r->count = h->copy.count;
        r->more = h->copy.more;
        r->as_of = h->copy.as_of;
        r->done(r);
    } else if (gate_is_broken(g, r->slot)) {
        gate_answer(r, g->broken);
    } else {
        store_read(g->inside, r);
    }
    mem_free(h);
    return true;
}

/* --- looks --- */

struct held_look {
    struct list link;
    struct store_look *look;
};

static inline void gate_look(struct store *s, struct store_look *l)
{
    struct gate *g = gate_of(s);
    if (g->hold_looks) {
        struct held_look *h = mem_zero(sizeof *h);
        h->look = l;
        list_push(&g->looks, &h->link);
    } else if (gate_is_broken(g, l->slot)) {
        l->err = g->broken;
        l->done(l);
    } else {
        store_look(g->inside, l);
    }
}

/* All that are held, asked now. */
static inline void gate_let_looks(struct gate *g)
{
    struct list *n;
    g->hold_looks = false;
    while ((n = list_pop(&g->looks))) {
        struct store_look *l = list_item(n, struct held_look, link)->look;
        mem_free(list_item(n, struct held_look, link));
        gate_look(&g->store, l);
    }
}

/* Everything that is held, and from now on all as it comes. */
static inline void gate_open(struct gate *g)
{
    gate_let_looks(g);
    g->hold = false;
    g->hold_reads = GATE_READS_PASS;
    while (gate_let_batch(g, STORE_SLOTS))
        ;
    while (gate_let_read(g))
        ;
}

/* The process dies: what is held never gets to the store. */
static inline void gate_kill(struct gate *g)
{
    struct store_batch *b;
    g->dead = true;
    while ((b = gate_take(g, STORE_SLOTS)))
        gate_say(b, ERR_STORAGE);
    gate_open(g);
}

/* --- passed on as they are --- */

static inline enum err gate_meta_get(struct store *s, struct str name, struct arena *a, struct str *out)
{
    return gate_of(s)->inside->ops->meta_get(gate_of(s)->inside, name, a, out);
}
static inline enum err gate_meta_set(struct store *s, struct str name, struct str value)
{
    return gate_of(s)->inside->ops->meta_set(gate_of(s)->inside, name, value);
}
static inline enum err gate_meta_add(struct store *s, struct str name, struct str value, struct arena *a, struct str *out)
{
    return gate_of(s)->inside->ops->meta_add(gate_of(s)->inside, name, value, a, out);
}
static inline void gate_stats(struct store *s, struct store_stats *out)
{
    gate_of(s)->inside->ops->stats(gate_of(s)->inside, out);
}
/* The store inside stays as it is. */
static inline void gate_close(struct store *s)
{
    mem_free(gate_of(s));
}

static inline struct gate *gate_new(struct store *inside)
{
    static const struct store_ops ops = {.name = "gate",
                                         .apply = gate_apply,
                                         .read = gate_read,
                                         .look = gate_look,
                                         .meta_get = gate_meta_get,
                                         .meta_set = gate_meta_set,
                                         .meta_add = gate_meta_add,
                                         .stats = gate_stats,
                                         .close = gate_close};
    struct gate *g = mem_zero(sizeof *g);
    g->store.ops = &ops;
    g->inside = inside;
    g->broken_table = T__COUNT;
    g->broken_slot = STORE_SLOTS;
    list_init(&g->batches);
    list_init(&g->reads);
    list_init(&g->looks);
    return g;
}

#endif
