/* From returned records to gateways: items by interest, one message per gateway and tick. */
#include "cluster/cluster_priv.h"
#include "matrix/id.h"

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
    struct interest *in = interest_make(s, key);
    if (!in->gateways) s->follows ^= id_hash(key);
    in->gateways |= (uint64_t)1 << gateway;
}

bool interest_has(const struct slot *s, struct str key, unsigned gateway)
{
    const struct interest *in = map_get(&s->interest, key);
    return in && (in->gateways & (uint64_t)1 << gateway);
}

bool interest_add_node(struct slot *s, struct str key, int node)
{
    struct interest *in = interest_make(s, key);
    if (!in->nodes) in->nodes = mem_zero(NODES_MAX / 8);
    uint64_t bit = (uint64_t)1 << node % WORD, *word = &in->nodes[node / WORD];
    bool known = *word & bit;
    *word |= bit;
    return !known;
}

static bool del_node(struct slot *s, struct interest *in, int node)
{
    if (!in->nodes) return false;
    uint64_t bit = (uint64_t)1 << node % WORD, *word = &in->nodes[node / WORD];
    bool known = *word & bit;
    *word &= ~bit;
    drop_if_unused(s, in);
    return known;
}

bool interest_del_node(struct slot *s, struct str key, int node)
{
    struct interest *in = map_get(&s->interest, key);
    return in && del_node(s, in, node);
}

void interest_drop_node(struct slot *s, int node)
{
    struct interest *in;
    for (size_t at = 0; (in = map_next(&s->interest, &at));)
        (void)del_node(s, in, node);
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
    t->call->follows = true;
    if (t->call->inbound)
        away_follow(t->call, key, gateway);
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
    if (interest_has(u->slot, key, u->gateway)) {
        struct interest *in = map_get(&u->slot->interest, key);
        in->gateways &= ~((uint64_t)1 << u->gateway);
        if (!in->gateways) {
            u->slot->follows ^= id_hash(key);
            relay_unfollowed(u->slot, key);
        }
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

static void deliver_soon(struct slot *s, struct item *i, uint64_t gateways)
{
    for (uint64_t bits = gateways; bits; bits &= bits - 1) {
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

void delivery_add(struct slot *s, struct item *i)
{
    struct interest *in = map_get(&s->interest, i->key);
    stat_add(&s->home->stats.items, 1);
    if (!in) return;
    if (in->nodes && slot_is_served(s)) relay_item(s, in, i);
    deliver_soon(s, i, in->gateways);
}

/* Among the items, a place where some may be missing. */
static void gap_free(struct item *i)
{
    mem_free(i);
}
static bool is_gap(const struct item *i)
{
    return i->free == gap_free;
}

void delivery_gap(struct slot *s, int64_t position)
{
    uint64_t gateways = 0;
    struct interest *in;
    for (size_t at = 0; (in = map_next(&s->interest, &at));)
        gateways |= in->gateways;
    struct item *gap = mem_zero(sizeof *gap);
    *gap = (struct item){.refs = 1, .slot = s->index, .position = position, .free = gap_free};
    deliver_soon(s, gap, gateways);
    item_unref(gap);
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

/* A run of items of one slot is one delivery. So is a gap: a chain number is left out, so that everything is looked at. Returns where it ends. */
static size_t make_delivery(struct message *m, size_t from, unsigned gateway)
{
    struct slot *s = &m->cluster->slot[m->item[from]->slot];
    bool gap = is_gap(m->item[from]);
    size_t end = from + 1;
    while (!gap && end < m->count && m->item[end]->slot == s->index && !is_gap(m->item[end]))
        end++;
    s->chain[gateway] += gap ? 2 : 1;
    m->delivery[m->deliveries++] = (struct delivery){.slot = s->index,
                                                     .chain = s->chain[gateway],
                                                     .from = s->sent_to[gateway],
                                                     .to = m->item[end - 1]->position,
                                                     .item = &m->item[from],
                                                     .count = gap ? 0 : end - from};
    s->sent_to[gateway] = m->item[end - 1]->position;
    return end;
}

static void make_deliveries(struct message *m, unsigned gateway)
{
    m->delivery = mem_array(m->count, sizeof *m->delivery);
    for (size_t i = 0; i < m->count;)
        i = make_delivery(m, i, gateway);
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
