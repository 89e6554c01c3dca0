/* What a home knows of the other nodes, and what happens to its slots when that changes. */
#include "cluster/cluster_priv.h"
#include "cluster/wire.h"

static bool is_own(const struct home *h, unsigned slot)
{
    return h->cluster->slot[slot].home == h;
}

/* --- who holds which slot --- */

static void owner_changed(struct home *h, unsigned slot)
{
    if (is_own(h, slot)) {
        struct slot *s = &h->cluster->slot[slot];
        place_arrived(s);
        slot_say(s);
        relay_owner_changed(s); /* before any call: it may follow something there */
        slot_wake_waiting(s);
        if (h->owner[slot].node != NODE_NOBODY) away_go_again(s);
    }
    letters_owner_changed(h, slot);
    post_hurry(h);
}

void home_owner_is(struct home *h, unsigned slot, int node, int64_t epoch)
{
    struct owner *o = &h->owner[slot];
    if (epoch < o->epoch || (epoch == o->epoch && node == o->node)) return;
    *o = (struct owner){.node = node, .epoch = epoch};
    owner_changed(h, slot);
}

void home_owner_gone(struct home *h, unsigned slot)
{
    h->owner[slot].node = NODE_NOBODY;
    if (!is_own(h, slot)) return;
    h->cluster->slot[slot].lacks_ms = 0;
    slot_say(&h->cluster->slot[slot]);
    relay_owner_changed(&h->cluster->slot[slot]);
}

void home_hears_clock(const struct post *p)
{
    struct str body = p->body;
    int64_t ms;
    if (wire_get_int(&body, &ms)) p->home->clock_of[p->node] = ms;
}

/* --- views --- */

static void node_gone(struct home *h, int node)
{
    post_forget(h, node);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        if (h->owner[i].node == node) home_owner_gone(h, i);
        if (!is_own(h, i)) continue;
        if (h->cluster->slot[i].given_to == node) h->cluster->slot[i].given_to = NODE_NOBODY;
        relay_forget_node(&h->cluster->slot[i], node);
        away_forget_node(&h->cluster->slot[i], node);
    }
}

static void note_gone(struct home *h, const struct view *old)
{
    for (size_t i = 0; old && i < old->count; i++) {
        bool same = i < h->view->count && strcmp(old->node[i].name, h->view->node[i].name) == 0;
        if (old->node[i].name[0] && !same) node_gone(h, (int)i);
    }
}

static void note_stands(struct home *h, const struct view *old, int node)
{
    const struct node_view *n = &h->view->node[node];
    bool is_news = !old || (size_t)node >= old->count || old->node[node].clock_ms != n->clock_ms;
    if (is_news || !h->clock_of[node]) h->clock_of[node] = n->clock_ms;
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        if (n->stands[i] >= STANDS_OPEN)
            home_owner_is(h, i, node, (int64_t)(n->stands[i] - STANDS_OPEN));
        else if (h->owner[i].node == node)
            home_owner_gone(h, i);
    }
}

void home_each_slot(struct home *h, void (*fn)(struct slot *s))
{
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        if (is_own(h, i)) fn(&h->cluster->slot[i]);
}

/* Nothing that goes over the network is certain: what was lost is sent again. */
static void sweep(struct timer *t)
{
    struct home *h = list_item(t, struct home, sweep);
    alone_sweep(h); /* before those who ask it */
    home_each_slot(h, relay_pulses);
    home_each_slot(h, relay_sweep);
    home_each_slot(h, letters_sweep);
    home_each_slot(h, away_sweep);
    home_each_slot(h, inherit_sweep);
    place_watch(h);
    post_sweep(h);
    timer_set(h->loop, &h->sweep, SWEEP_MS, sweep);
}

void home_view_changed(struct home *h, struct view *v)
{
    struct view *old = h->view;
    h->view = v;
    if (h == h->cluster->home) stat_add(&h->stats.others, (int64_t)v->others - (old ? old->others : 0));
    note_gone(h, old);
    for (size_t i = 0; i < v->count; i++)
        if (v->node[i].name[0] && !v->node[i].self) note_stands(h, old, (int)i);
    home_each_slot(h, place_look);
    if (!timer_is_set(&h->sweep)) timer_set(h->loop, &h->sweep, SWEEP_MS, sweep);
    view_unref(old);
}
