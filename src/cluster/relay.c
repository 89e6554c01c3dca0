/* Interest and deliveries between nodes.
 *
 * A node that has followers of a slot which another one holds follows it there itself, and hands on what it hears as if its own slot had made it. Everything that
 * the owner tells a listener has a chain number; who finds a gap, hears nothing for a while, or sees another owner sends all its interest again, and when
 * that has been taken note of, tells its gateways that they have missed something. */
#include "base/log.h"
#include "cluster/cluster_priv.h"
#include "cluster/wire.h"
#include "matrix/id.h"

enum { ASK_MS = 1000, SILENCE_MS = 4000 };

/* At the owner: a node that listens to a slot. */
struct listener {
    struct list link; /* in home->listening, when it has items to send */
    struct slot *slot;
    int node;
    uint64_t chain;
    uint64_t follows; /* a sum over the keys */
    struct buf items;
};

/* --- at the owner --- */

static struct listener *listener_of(struct slot *s, int node)
{
    if (!s->listener)
        s->listener = mem_array(NODES_MAX, sizeof(struct listener *)), memset(s->listener, 0, NODES_MAX * sizeof(struct listener *));
    struct listener *l = s->listener[node];
    if (l) return l;
    l = s->listener[node] = mem_zero(sizeof *l);
    l->slot = s;
    l->node = node;
    l->chain = ++s->listened << 32; /* no number comes again while the epoch lasts, whoever is forgotten and comes back */
    list_init(&l->link);
    buf_init(&l->items, POST_MAX / 2);
    return l;
}

static void listener_free(struct slot *s, int node)
{
    struct listener *l = s->listener[node];
    if (!l) return;
    s->listener[node] = NULL;
    list_remove(&l->link);
    buf_release(&l->items);
    mem_free(l);
}

/* Takes a key of the slot off the front. */
static bool get_key(const struct slot *s, struct str *in, struct str *key)
{
    return wire_get_str(in, key) && !str_empty(*key) && cluster_slot_of(*key) == s->index;
}

static void begin_link(struct buf *b, enum post_kind kind, struct listener *l, uint64_t chain)
{
    post_begin(b, kind, l->slot);
    wire_put_int(b, l->slot->epoch);
    wire_put_uint(b, chain);
}

static void listen_to(struct listener *l, struct str key)
{
    if (interest_add_node(l->slot, key, l->node)) l->follows ^= id_hash(key);
}

void relay_follow(struct slot *s, struct str key, int node, unsigned gateway)
{
    if (node < 0) return; /* it has gone meanwhile */
    struct listener *l = listener_of(s, node);
    listen_to(l, key);
    struct buf b;
    begin_link(&b, POST_FOLLOW, l, ++l->chain);
    wire_put_uint(&b, gateway);
    wire_put_str(&b, key);
    post_send(s->home, node, s, &b);
}

static void put_item(struct buf *b, const struct cluster *c, const struct item *i)
{
    struct buf body;
    buf_init(&body, POST_MAX / 2);
    wire_put_uint(&body, i->kind);
    wire_put_int(&body, i->position);
    wire_put_str(&body, i->key);
    c->config.item_encode(i, &body);
    wire_put_str(b, buf_str(&body));
    buf_release(&body);
}

void relay_item(struct slot *s, const struct interest *in, const struct item *i)
{
    struct buf bytes;
    buf_init(&bytes, POST_MAX / 2);
    put_item(&bytes, s->cluster, i);
    for (int node = interest_next_node(in, 0); node >= 0; node = interest_next_node(in, node + 1)) {
        struct listener *l = listener_of(s, node);
        buf_add(&l->items, buf_str(&bytes));
        list_remove(&l->link);
        list_push(&s->home->listening, &l->link);
    }
    buf_release(&bytes);
}

void relay_flush(struct home *h)
{
    struct list *n;
    while ((n = list_pop(&h->listening))) {
        struct listener *l = list_item(n, struct listener, link);
        struct buf b;
        begin_link(&b, POST_ITEMS, l, ++l->chain);
        buf_add(&b, buf_str(&l->items));
        if (buf_ok(&l->items)) /* otherwise the number that is left out says it */
            post_send(h, l->node, l->slot, &b);
        else
            buf_release(&b);
        buf_release(&l->items);
        buf_init(&l->items, POST_MAX / 2);
        stat_add(&h->stats.relayed, 1);
    }
}

/* Also its interest, in all that it follows. */
static void forget_listener(struct slot *s, int node)
{
    if (!s->listener || !s->listener[node]) return;
    listener_free(s, node);
    interest_drop_node(s, node);
}

void relay_forget_node(struct slot *s, int node)
{
    forget_listener(s, node);
}

void relay_forget(struct slot *s)
{
    for (int node = 0; s->listener && node < NODES_MAX; node++)
        forget_listener(s, node);
}

void relay_release(struct slot *s)
{
    for (int node = 0; s->listener && node < NODES_MAX; node++)
        listener_free(s, node);
    mem_free(s->listener);
    s->listener = NULL;
}

void relay_interest(const struct post *p)
{
    struct slot *s = p->slot;
    struct str body = p->body, key;
    if (!slot_is_served(s)) return; /* it will be sent to whoever has it next */
    struct listener *l = listener_of(s, p->node);
    interest_drop_node(s, p->node);
    l->follows = 0;
    list_remove(&l->link);
    buf_clear(&l->items); /* it is told to look at everything */
    while (get_key(s, &body, &key))
        listen_to(l, key);
    struct buf b;
    begin_link(&b, POST_WELCOME, l, ++l->chain);
    wire_put_int(&b, s->durable);
    post_send(s->home, p->node, s, &b);
}

void relay_unfollow(const struct post *p)
{
    struct str body = p->body, key;
    struct listener *l = p->slot->listener ? p->slot->listener[p->node] : NULL;
    if (l && get_key(p->slot, &body, &key) && interest_del_node(p->slot, key, p->node)) l->follows ^= id_hash(key);
}

void relay_pulses(struct slot *s)
{
    for (int node = 0; s->listener && node < NODES_MAX; node++) {
        struct listener *l = s->listener[node];
        if (!l) continue;
        struct buf b;
        begin_link(&b, POST_PULSE, l, l->chain);
        wire_put_uint(&b, l->follows);
        post_send(s->home, node, s, &b);
    }
}

/* --- at the listener --- */

static void send_interest(struct slot *s)
{
    int node = s->home->owner[s->index].node;
    s->hearing.in_step = false;
    s->hearing.asked_ms = loop_now_ms(s->loop);
    if (node < 0 || map_count(&s->interest) == 0) return;
    struct buf b;
    struct interest *in;
    post_begin(&b, POST_INTEREST, s);
    for (size_t at = 0; (in = map_next(&s->interest, &at));)
        if (in->gateways) wire_put_str(&b, interest_key(in));
    post_send(s->home, node, s, &b);
}

void relay_owner_changed(struct slot *s)
{
    s->hearing = (struct hearing){.asked_ms = 0};
    if (s->home->owner[s->index].node < 0) return;
    s->missed = true;
    send_interest(s);
}

void relay_sweep(struct slot *s)
{
    struct hearing *h = &s->hearing;
    int64_t now = loop_now_ms(s->loop);
    if (s->home->owner[s->index].node < 0 || map_count(&s->interest) == 0) return;
    if (h->in_step ? now - h->heard_ms >= SILENCE_MS : now - h->asked_ms >= ASK_MS) send_interest(s);
}

void relay_unfollowed(struct slot *s, struct str key)
{
    int node = s->home->owner[s->index].node;
    if (node < 0) return;
    struct buf b;
    post_begin(&b, POST_UNFOLLOW, s);
    wire_put_str(&b, key);
    post_send(s->home, node, s, &b);
}

/* Takes epoch and chain number off the front. False: it is not from the slot's owner as this node knows it. (That it is the owner itself it knows a
 * moment before its homes hear of it.) */
static bool take_link(const struct post *p, struct str *body, uint64_t *chain)
{
    const struct owner *o = &p->home->owner[p->slot->index];
    int64_t epoch;
    *body = p->body;
    if (!wire_get_int(body, &epoch) || !wire_get_uint(body, chain)) return false;
    return p->node == o->node && epoch == o->epoch && !slot_is_served(p->slot);
}

/* Is it the next one? Otherwise what was missed is found out. */
static bool is_next(struct slot *s, uint64_t chain)
{
    struct hearing *h = &s->hearing;
    if (!h->in_step || chain <= h->chain) return false;
    h->heard_ms = loop_now_ms(s->loop);
    if (chain == ++h->chain) return true;
    send_interest(s);
    return false;
}

static void fall_in_step(struct slot *s, uint64_t chain)
{
    s->hearing = (struct hearing){.in_step = true, .chain = chain, .heard_ms = loop_now_ms(s->loop)};
}

void relay_welcome(const struct post *p)
{
    struct str body;
    uint64_t chain;
    int64_t position;
    if (!take_link(p, &body, &chain) || !wire_get_int(&body, &position)) return;
    if (chain <= p->slot->hearing.chain) return; /* it came twice */
    fall_in_step(p->slot, chain);
    delivery_gap(p->slot, position);
}

void relay_followed(const struct post *p)
{
    struct slot *s = p->slot;
    struct str body, key;
    uint64_t chain, gateway;
    if (!take_link(p, &body, &chain) || !wire_get_uint(&body, &gateway) || !get_key(s, &body, &key)) return;
    if (gateway >= s->cluster->config.loops || chain <= s->hearing.chain) return;
    if (map_count(&s->interest) == 0)
        fall_in_step(s, chain); /* nothing can have been missed */
    else
        (void)is_next(s, chain);
    interest_add(s, key, (unsigned)gateway);
}

void relay_follows(struct slot *s, struct str list)
{
    bool missed = false;
    uint64_t gateway;
    struct str key;
    while (!str_empty(list) && wire_get_uint(&list, &gateway) && get_key(s, &list, &key)) {
        if (gateway >= s->cluster->config.loops || interest_has(s, key, (unsigned)gateway)) continue;
        interest_add(s, key, (unsigned)gateway);
        missed = true;
    }
    if (missed) send_interest(s);
}

static void hand_on(struct slot *s, struct str bytes)
{
    const struct cluster_config *c = &s->cluster->config;
    uint64_t kind;
    int64_t position;
    struct str key;
    if (!wire_get_uint(&bytes, &kind) || kind > UINT32_MAX || !wire_get_int(&bytes, &position) || !wire_get_str(&bytes, &key)) return;
    struct item *i = c->item_decode(c->engine, (unsigned)kind, key, position, bytes);
    if (!i) return;
    i->slot = s->index;
    delivery_add(s, i);
    item_unref(i);
}

void relay_items(const struct post *p)
{
    struct str body, item;
    uint64_t chain;
    if (!take_link(p, &body, &chain) || !is_next(p->slot, chain)) return;
    while (!str_empty(body) && wire_get_str(&body, &item))
        hand_on(p->slot, item);
}

/* Messages that cross can leave the two ends of different minds about what is followed: an unfollow and a new follow, all the interest and a follow. Then
 * the sums over the keys differ, and when they do in the same way for a second, it is not because something is under way. */
void relay_pulse(const struct post *p)
{
    struct hearing *h = &p->slot->hearing;
    struct str body;
    uint64_t chain, follows;
    if (!take_link(p, &body, &chain) || !wire_get_uint(&body, &follows) || !h->in_step || chain < h->chain) return;
    uint64_t difference = follows ^ p->slot->follows;
    bool differs = difference && difference == h->difference;
    h->difference = difference;
    h->heard_ms = loop_now_ms(p->home->loop);
    if (chain != h->chain || differs) send_interest(p->slot);
}
