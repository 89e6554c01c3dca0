/* Which slots this node takes, and when it gives one to another: rendezvous hashing over those who live and stay.
 *
 * The first one for a slot wants it at once, the second after a while, so that it is there when the first dies, the others later. An owner that is
 * not the first any more, or leaves, hands the slot over when the first waits for it: what is on its way comes back, then it lets go.
 *
 * The broker gives a slot to who has waited longest, and each node that gets it and passes it on makes the pause longer. So the others who wait
 * step aside before; the owner lets them, for a moment. And it gives one slot after another: so the next owner can open each at once, and what
 * then reads the slot's rooms and users anew, since the new owner does not know them, does not do so for all slots at the same time.
 *
 * That the first waits is what it says of itself, and may be wrong. So a slot is given to it once; who gets it back before anybody has opened it keeps
 * it for a while. And whoever should get a slot that nobody has asks for it anew in the end: a broker that has forgotten it, or has given it the
 * slot without its knowing, is told again. */
#include "base/log.h"
#include "cluster/cluster_priv.h"

enum {
    SECOND_MS = 1000,
    FAILED_MS = 30000,
    KEPT_MS = 30000, /* a slot that was given away in vain */
    UNHEARD_MS =
        5000, /* for the broker to say that one is in the line for a slot that nobody has, and so much longer for each who comes before this node: */
    UNHEARD_RANK_MS = 2000,
    NOWHERE_MS = 15000,   /* for who is in the line to get it: longer than the broker takes to miss an owner that was cut off, 4 to 6 s */
    ELSEWHERE_MS = 20000, /* for an owner to hand over to the first, which waits; shorter than it keeps what it gave in vain */
    OTHERS_MS = 3000,
    DRAIN_MS = 1000, /* for what is on its way */
    ASIDE_MS = 300,  /* for the others to step aside */
    LEAVE_MS = 1000, /* for the next owner of what a node leaves to be there */
    OPENING_MS = 500 /* for the next owner to open it, before one more follows */
};

/* Who should have the slot, if it is another node; else negative. */
static int somebody_better(const struct slot *s)
{
    int first = NODE_NOBODY;
    const struct view *v = s->home->view;
    if (v) (void)view_rank(v, s->index, &first);
    return first < 0 || v->node[first].self ? NODE_NOBODY : first;
}

static bool waits(const struct slot *s, int node)
{
    return s->home->view->node[node].stands[s->index] == STANDS_WAITING;
}

static bool is_kept(const struct slot *s)
{
    return loop_now_ms(s->loop) < s->kept_until_ms;
}

/* The node that should have the slot, and waits for it, is another one. */
static bool somebody_better_waits(const struct slot *s)
{
    int first = somebody_better(s);
    return first >= 0 && waits(s, first) && !is_kept(s);
}

/* It waits, and nobody else does. */
static bool is_next_in_line(const struct slot *s, int node)
{
    const struct view *v = s->home->view;
    for (size_t i = 0; i < v->count; i++)
        if ((int)i != node && v->node[i].name[0] && !v->node[i].self && waits(s, (int)i)) return false;
    return waits(s, node);
}

/* The slot lives at another node, which is about to give it to a third one: whoever else waits would get it first. */
static bool is_in_the_way(const struct slot *s)
{
    int owner = s->home->owner[s->index].node;
    return owner >= 0 && owner != somebody_better(s) && somebody_better_waits(s);
}

/* Who could not open it leaves it to others, and does not take it again and again from one who can. And who comes to a cluster that is at work does
 * not ask the broker for all slots at the same moment. */
static int64_t patience_of(const struct slot *s)
{
    unsigned rank = view_rank(s->home->view, s->index, NULL);
    bool served = s->home->owner[s->index].node >= 0;
    if (s->failures) return served ? FAILED_MS : OTHERS_MS;
    return (rank == 0 ? 0 : rank == 1 ? SECOND_MS : OTHERS_MS) + (served ? (int64_t)s->index * s->cluster->config.rest_ms / 4 : 0);
}

static bool is_in(const struct view *v)
{
    for (size_t i = 0; v && i < v->count; i++)
        if (v->node[i].self) return true;
    return false;
}

static void wanted(struct timer *t);

void place_want(struct slot *s)
{
    if (!s->cluster->nodes) {
        slot_subscribe(s);
        return;
    }
    int64_t now = loop_now_ms(s->loop);
    if (!s->wanted) s->wanted_ms = now;
    s->wanted = true;
    if (!is_in(s->home->view) || is_in_the_way(s)) return; /* place_look comes again */
    int64_t wait = s->wanted_ms + patience_of(s) - now;
    if (wait > 0) {
        timer_set(s->loop, &s->place, wait, wanted);
        return;
    }
    timer_clear(s->loop, &s->place);
    slot_subscribe(s);
}

static void wanted(struct timer *t)
{
    place_look(list_item(t, struct slot, place));
}

/* --- handing over --- */

static void look_again(struct timer *t)
{
    place_look(list_item(t, struct slot, place));
}

static bool is_drained(const struct slot *s)
{
    return s->state == SLOT_LEAVING && !s->open && list_is_empty(&s->flying);
}

static void let_go(struct slot *s)
{
    s->given_to = somebody_better(s);
    stat_add(&s->home->stats.handed_over, 1);
    slot_let_go(s);
    if (is_drained(s) && s->given_to >= 0) inherit_send(s, s->given_to);
    post_hurry(s->home); /* the last answers, too: who hears of the new owner first does not take them any more */
    slot_fail(s, ERR_UNAVAILABLE);
}

static void drained(struct task *t)
{
    struct slot *s = list_item(t, struct slot, drained);
    s->drained_due = false;
    if (is_drained(s)) let_go(s);
}

static void not_drained(struct timer *t)
{
    struct slot *s = list_item(t, struct slot, place);
    if (s->state == SLOT_LEAVING) let_go(s);
}

void place_go_on(struct slot *s)
{
    if (!is_drained(s) || s->drained_due) return;
    s->drained_due = true;
    s->drained.run = drained;
    loop_defer(s->loop, &s->drained); /* whoever calls still works with the slot */
}

static void arrived(struct slot *s)
{
    if (!s->handing) return;
    s->handing = false;
    s->home->handing = false;
    s->home->rest_until_ms = loop_now_ms(s->loop) + s->cluster->config.rest_ms;
    timer_clear(s->loop, &s->arrival);
}

void place_arrived(struct slot *s)
{
    arrived(s);
    s->lacks_ms = 0;
    if (s->home->owner[s->index].node < 0) return; /* here */
    s->given_to = NODE_NOBODY;
    s->kept_until_ms = 0;
}

/* The next one's turn. */
static void not_arrived(struct timer *t)
{
    struct slot *s = list_item(t, struct slot, arrival);
    arrived(s);
    home_each_slot(s->home, place_leave);
}

static void hand_over(struct slot *s)
{
    arrived(s);
    s->leave_ms = 0;
    s->handing = true;
    s->home->handing = true;
    timer_set(s->loop, &s->arrival, DRAIN_MS + OPENING_MS, not_arrived);
    s->state = SLOT_LEAVING;
    timer_set(s->loop, &s->place, DRAIN_MS, not_drained);
    if (s->open) slot_mark_dirty(s);
    place_go_on(s);
}

/* The store is away, as far as the home knows: nobody could open what it gives away, with something to write or not. */
static bool store_is_away(const struct home *h)
{
    const struct cluster *c = h->cluster;
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        if (c->slot[i].home == h && persist_is_held_up(&c->slot[i])) return true;
    return false;
}

/* How long to wait before one looks again whether the home may hand over one more; 0: it may. */
static int64_t until_its_turn(const struct slot *s)
{
    int64_t rest = s->home->rest_until_ms - loop_now_ms(s->loop);
    if (s->home->handing) return OPENING_MS; /* or when that one has arrived */
    if (!s->left && store_is_away(s->home)) return OPENING_MS;
    return rest > 0 && !s->left ? rest : 0; /* who stops has not the time for it */
}

static bool somebody_stays(const struct slot *s)
{
    const struct view *v = s->home->view;
    for (size_t i = 0; v && i < v->count; i++)
        if (v->node[i].name[0] && !v->node[i].self && !v->node[i].leaving) return true;
    return false;
}

/* How long an owner goes on that has to give the slot to somebody. */
static int64_t still_waits(struct slot *s, int64_t now)
{
    int better = somebody_better(s);
    if (!somebody_stays(s) || (better >= 0 && is_next_in_line(s, better))) return 0;
    int64_t until = s->leave_ms + (somebody_better_waits(s) ? ASIDE_MS : LEAVE_MS);
    return until > now ? until - now : 0;
}

static void look_whether_to_leave(struct slot *s)
{
    int64_t now = loop_now_ms(s->loop);
    if (!s->left && !somebody_better_waits(s)) {
        s->leave_ms = 0;
        if (is_kept(s)) timer_set(s->loop, &s->place, s->kept_until_ms - now, look_again);
        return;
    }
    if (!s->leave_ms) s->leave_ms = now;
    int64_t wait = still_waits(s, now);
    if (wait == 0 && somebody_stays(s)) wait = until_its_turn(s);
    if (wait)
        timer_set(s->loop, &s->place, wait, look_again);
    else
        hand_over(s);
}

void place_leave(struct slot *s)
{
    if (s->state == SLOT_OPEN) look_whether_to_leave(s);
}

bool place_yields(struct slot *s)
{
    if (!somebody_better_waits(s)) return false;
    int first = somebody_better(s);
    bool again = s->given_to == first;
    s->given_to = first;
    if (!again) return true;
    s->kept_until_ms = loop_now_ms(s->loop) + KEPT_MS;
    log_event(LOG_WARN, "cluster", "slot is kept: the server that should have it says that it waits, and does not get it",
              "slot=%u node=%s", s->index, s->home->view->node[first].name);
    return false;
}

/* --- slots that this node does not get --- */

/* How long one may be held by nobody, or by another node though this one waits for it and should have it. Negative: for ever, as things are. (Who does not reach the broker
 * cannot ask it anew, and does so anyway when it is back.) */
static int64_t may_lack_ms(const struct slot *s)
{
    bool tries = s->state == SLOT_CLOSED && !s->holding && !s->opening && !s->in_flight && !s->resting && !s->left &&
                 is_in(s->home->view) && cluster_reaches_broker(s->cluster);
    if (!tries) return -1;
    unsigned rank = view_rank(s->home->view, s->index, NULL);
    if (s->home->owner[s->index].node < 0) return (s->in_line ? NOWHERE_MS : UNHEARD_MS) + UNHEARD_RANK_MS * (int64_t)rank;
    return rank == 0 && s->subscribed ? ELSEWHERE_MS : -1;
}

static bool is_overdue(struct slot *s, int64_t now)
{
    int64_t may_ms = may_lack_ms(s);
    if (may_ms < 0)
        s->lacks_ms = 0;
    else if (!s->lacks_ms)
        s->lacks_ms = now;
    return may_ms >= 0 && now - s->lacks_ms >= may_ms;
}

static const char *name_of(const struct slot *s, int node)
{
    return node < 0 ? "" : s->home->view->node[node].name;
}

/* What has befallen many at once is told of one of them. */
static void say_overdue(const struct slot *s, size_t count)
{
    int better = somebody_better(s);
    log_event(LOG_WARN, "cluster", "slot is not given to this server, which asks for it anew",
              "slot=%u slots=%zu owner=%s subscribed=%d in_line=%d wanted=%d in_flight=%zu failures=%u better=%s better_waits=%d", s->index,
              count, name_of(s, s->home->owner[s->index].node), s->subscribed, s->in_line, s->wanted, s->in_flight, s->failures,
              name_of(s, better), better >= 0 && waits(s, better));
}

void place_watch(struct home *h)
{
    struct slot *overdue[CLUSTER_SLOTS];
    size_t count = 0;
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        struct slot *s = &h->cluster->slot[i];
        if (s->home == h && is_overdue(s, loop_now_ms(h->loop))) overdue[count++] = s;
    }
    if (count) say_overdue(overdue[0], count);
    for (size_t i = 0; i < count; i++) {
        overdue[i]->lacks_ms = 0;
        slot_let_go(overdue[i]);
        overdue[i]->wanted = true; /* and has been for long: it is not patient once more, while nobody else may be in the line */
        overdue[i]->wanted_ms = loop_now_ms(h->loop) - OTHERS_MS;
        slot_go_on(overdue[i]);
    }
}

void place_look(struct slot *s)
{
    if (s->state == SLOT_OPEN) {
        look_whether_to_leave(s);
        return;
    }
    if (s->left || s->state != SLOT_CLOSED) return;
    if (s->subscribed && !s->holding && is_in_the_way(s)) {
        slot_let_go(s);
        place_want(s);
    } else if (s->wanted && !s->subscribed) {
        place_want(s);
    }
}
