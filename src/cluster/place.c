/* Which slots this node takes, and when it gives one to another: rendezvous hashing over those who live and stay.
 *
 * The first one for a slot wants it at once, the second after a while, so that it is there when the first dies, the others later. An owner that is
 * not the first any more hands the slot over when the first waits for it: what is on its way comes back, then it lets go. */
#include "cluster/cluster_priv.h"

enum { SECOND_MS = 1000, OTHERS_MS = 3000, HAND_OVER_MS = 1000 };

/* The node that should have the slot, and waits for it, is another one. */
static bool somebody_better_waits(const struct slot *s)
{
    int first;
    const struct view *v = s->home->view;
    if (!v || view_rank(v, s->index, &first) == 0 || first < 0 || v->node[first].self) return false;
    return v->node[first].stands[s->index] == STANDS_WAITING;
}

static int64_t patience_of(unsigned rank)
{
    return rank == 0 ? 0 : rank == 1 ? SECOND_MS : OTHERS_MS;
}

static bool is_in(const struct view *v)
{
    for (size_t i = 0; v && i < v->count; i++)
        if (v->node[i].self) return true;
    return false;
}

static void wanted(struct timer *t)
{
    struct slot *s = list_item(t, struct slot, place);
    if (!s->subscribed) slot_subscribe(s);
}

void place_want(struct slot *s)
{
    if (!s->cluster->nodes) {
        slot_subscribe(s);
        return;
    }
    int64_t now = loop_now_ms(s->loop);
    if (!s->wanted) s->wanted_ms = now;
    s->wanted = true;
    if (!is_in(s->home->view)) return; /* it will be */
    int64_t wait = s->wanted_ms + patience_of(view_rank(s->home->view, s->index, NULL)) - now;
    if (wait > 0) {
        timer_set(s->loop, &s->place, wait, wanted);
        return;
    }
    timer_clear(s->loop, &s->place);
    slot_subscribe(s);
}

/* --- handing over --- */

static void let_go(struct timer *t)
{
    struct slot *s = list_item(t, struct slot, place);
    if (s->state != SLOT_LEAVING) return;
    stat_add(&s->home->stats.handed_over, 1);
    slot_let_go(s);
    slot_fail(s, ERR_UNAVAILABLE);
}

void place_go_on(struct slot *s)
{
    if (s->state == SLOT_LEAVING && !s->open && list_is_empty(&s->flying)) timer_set(s->loop, &s->place, 0, let_go);
}

void place_leave(struct slot *s)
{
    if (s->state != SLOT_OPEN) return;
    s->state = SLOT_LEAVING;
    timer_set(s->loop, &s->place, HAND_OVER_MS, let_go);
    place_go_on(s);
}

bool place_yields(struct slot *s)
{
    return somebody_better_waits(s);
}

void place_look(struct slot *s)
{
    if (s->left) return;
    if (s->state == SLOT_OPEN && somebody_better_waits(s))
        place_leave(s);
    else if (s->wanted && !s->subscribed)
        place_want(s);
}
