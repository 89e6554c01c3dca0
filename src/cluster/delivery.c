/* From returned records to gateways: items by interest, one message per gateway and tick. */
#include "cluster/cluster_priv.h"

struct message {
    struct task task;
    struct cluster *cluster;
    struct loop *gateway;
    size_t count;
    struct delivery *delivery;
    size_t deliveries;
    struct item *item[];
};

/* --- interest --- */

enum { WORD = 64 };

static struct interest *interest_make(struct slot *s, struct str key)
{
    struct interest *in = map_get(&s->interest, key);
    if (in) return in;
    in = mem_zero(sizeof *in + key.n);
    in->key_n = key.n;
    memcpy(in->key, key.p, key.n);
    map_put(&s->interest, interest_key(in), in);
    return in;
}

static void interest_free(struct interest *in)
{
    mem_free(in->nodes);
    mem_free(in);
}

static void drop_if_unused(struct slot *s, struct interest *in)
{
    if (in->gateways || interest_next_node(in, 0) >= 0) return;
    map_del(&s->interest, interest_key(in));
    interest_free(in);
}

int interest_next_node(const struct interest *in, int from)
{
    for (int node = from; in->nodes && node < NODES_MAX; node++)
        if (in->nodes[node / WORD] & (uint64_t)1 << node % WORD) return node;
    return -1;
}

void interest_add(struct slot *s, struct str key, unsigned gateway)
{
    interest_make(s, key)->gateways |= (uint64_t)1 << gateway;
}

void interest_add_node(struct slot *s, struct str key, int node)
{
    struct interest *in = interest_make(s, key);
    if (!in->nodes) in->nodes = mem_zero(NODES_MAX / 8);
    in->nodes[node / WORD] |= (uint64_t)1 << node % WORD;
}

static void del_node(struct slot *s, struct interest *in, int node)
{
    if (!in->nodes) return;
    in->nodes[node / WORD] &= ~((uint64_t)1 << node % WORD);
    drop_if_unused(s, in);
}

void interest_del_node(struct slot *s, struct str key, int node)
{
    struct interest *in = map_get(&s->interest, key);
    if (in) del_node(s, in, node);
}

void interest_drop_node(struct slot *s, int node)
{
    struct interest *in;
    for (size_t at = 0; (in = map_next(&s->interest, &at));)
        del_node(s, in, node);
}

void interest_release(struct slot *s)
{
    struct interest *in;
    for (size_t at = 0; (in = map_next(&s->interest, &at));)
        interest_free(in);
    map_release(&s->interest);
}

void turn_follow(struct turn *t, struct str key, unsigned gateway)
{
    if (t->call->inbound)
        relay_follow(t->slot, key, t->call->node, gateway);
    else
        interest_add(t->slot, key, gateway);
}

bool turn_is_followed(struct turn *t, struct str key)
{
    return map_get(&t->slot->interest, key) != NULL;
}

struct unfollow {
    struct task task;
    struct slot *slot;
    unsigned gateway;
    size_t n;
    char key[];
};

static void unfollow_run(struct task *task)
{
    struct unfollow *u = list_item(task, struct unfollow, task);
    struct str key = str_make(u->key, u->n);
    struct interest *in = map_get(&u->slot->interest, key);
    if (in) {
        in->gateways &= ~((uint64_t)1 << u->gateway);
        if (!in->gateways) relay_unfollowed(u->slot, key);
        drop_if_unused(u->slot, in);
    }
    mem_free(u);
}

void cluster_unfollow(struct cluster *c, struct str key, unsigned gateway)
{
    struct unfollow *u = mem_zero(sizeof *u + key.n);
    u->task.run = unfollow_run;
    u->slot = &c->slot[cluster_slot_of(key)];
    u->gateway = gateway;
    u->n = key.n;
    memcpy(u->key, key.p, key.n);
    /* In the same order as the follows that this loop asks for. */
    if (u->slot->loop == loop_current())
        unfollow_run(&u->task);
    else
        loop_post(u->slot->loop, &u->task);
}

void delivery_add(struct slot *s, struct item *i)
{
    struct interest *in = map_get(&s->interest, i->key);
    stat_add(&s->home->stats.items, 1);
    if (!in) return;
    if (in->nodes && slot_is_served(s)) relay_item(s, in, i);
    for (uint64_t bits = in->gateways; bits; bits &= bits - 1) {
        struct outbox *o = &s->home->outbox[__builtin_ctzll(bits)];
        if (o->count == o->cap) {
            o->cap = o->cap ? o->cap * 2 : 32;
            o->item = mem_resize(o->item, o->cap, sizeof(*o->item));
        }
        o->item[o->count++] = item_ref(i);
    }
    if (s->home->flush_due) return;
    s->home->flush_due = true;
    loop_defer(s->loop, &s->home->flush);
}

static void hand_over(struct message *m)
{
    for (size_t i = 0; i < m->deliveries; i++)
        m->cluster->config.delivered(m->cluster->config.engine, m->gateway, &m->delivery[i]);
    for (size_t i = 0; i < m->count; i++)
        item_unref(m->item[i]);
    mem_free(m->delivery);
    mem_free(m);
}

static void arrive(struct task *task)
{
    hand_over(list_item(task, struct message, task));
}

/* A run of items of one slot is one delivery. */
static void make_deliveries(struct message *m, unsigned gateway)
{
    m->delivery = mem_array(m->count, sizeof *m->delivery);
    for (size_t i = 0; i < m->count;) {
        struct slot *s = &m->cluster->slot[m->item[i]->slot];
        size_t from = i;
        while (i < m->count && m->item[i]->slot == s->index)
            i++;
        m->delivery[m->deliveries++] = (struct delivery){.slot = s->index,
                                                         .chain = ++s->chain[gateway],
                                                         .from = s->sent_to[gateway],
                                                         .to = m->item[i - 1]->position,
                                                         .item = &m->item[from],
                                                         .count = i - from};
        s->sent_to[gateway] = m->item[i - 1]->position;
    }
}

void home_flush(struct task *t)
{
    struct home *h = list_item(t, struct home, flush);
    struct cluster *c = h->cluster;
    h->flush_due = false;
    relay_flush(h);
    for (unsigned g = 0; g < c->config.loops; g++) {
        struct outbox *o = &h->outbox[g];
        if (o->count == 0) continue;
        struct message *m = mem_zero(sizeof *m + o->count * sizeof m->item[0]);
        m->cluster = c;
        m->gateway = c->config.loop[g];
        m->count = o->count;
        memcpy(m->item, o->item, o->count * sizeof m->item[0]);
        o->count = 0;
        make_deliveries(m, g);
        stat_add(&h->stats.deliveries, (int64_t)m->deliveries);
        if (m->gateway == h->loop) {
            hand_over(m);
            continue;
        }
        m->task.run = arrive;
        loop_post(m->gateway, &m->task);
    }
}

/* Of what was made durable elsewhere nobody was told: a chain number is left out, so that everything is looked at. */
void delivery_gap(struct slot *s, int64_t position)
{
    uint64_t bits = 0;
    struct interest *in;
    struct cluster *c = s->cluster;
    for (size_t at = 0; (in = map_next(&s->interest, &at));)
        bits |= in->gateways;
    for (; bits; bits &= bits - 1) {
        unsigned g = (unsigned)__builtin_ctzll(bits);
        struct message *m = mem_zero(sizeof *m);
        *m = (struct message){.task.run = arrive, .cluster = c, .gateway = c->config.loop[g], .deliveries = 1};
        m->delivery = mem_array(1, sizeof *m->delivery);
        s->chain[g] += 2;
        *m->delivery = (struct delivery){.slot = s->index, .chain = s->chain[g], .from = s->sent_to[g], .to = position};
        s->sent_to[g] = position;
        loop_post(m->gateway, &m->task);
    }
}
