/* Which slots are this node's: the broker says so, and says when they no longer are. */
#include "cluster/cluster_priv.h"

static void waits(struct broker_hold *h)
{
    struct slot *s = list_item(h, struct slot, hold);
    s->in_line = true;
    s->lacks_ms = 0; /* a new place in the line: the one before it is the broker's business for a while */
    slot_say(s);
}

static void held(struct broker_hold *h)
{
    struct slot *s = list_item(h, struct slot, hold);
    s->in_line = s->holding = true;
    slot_say(s);
    slot_go_on(s);
}

static void records(struct broker_hold *h, const struct broker_record *r, size_t count)
{
    struct slot *s = list_item(h, struct slot, hold);
    s->journal->records(s, r, count);
}

static void lost(struct broker_hold *h, enum err why)
{
    struct slot *s = list_item(h, struct slot, hold);
    (void)why;
    s->subscribed = s->in_line = s->holding = false;
    s->missed = true;
    slot_fail(s, ERR_UNAVAILABLE);
    slot_say(s);
}

void slot_subscribe(struct slot *s)
{
    struct broker *b = s->cluster->config.broker;
    s->subscribed = true;
    s->wanted = false;
    slot_say(s);
    if (!b) {
        s->holding = true;
        slot_go_on(s);
        return;
    }
    s->hold = (struct broker_hold){.loop = s->loop, .slot = s->index, .waits = waits, .held = held, .records = records, .lost = lost};
    broker_subscribe(b, &s->hold);
}

void slot_let_go(struct slot *s)
{
    struct broker *b = s->cluster->config.broker;
    if (s->subscribed && b) {
        broker_release(b, &s->hold);
        s->missed = true;
    }
    s->subscribed = s->in_line = s->holding = false;
    slot_say(s);
}

void home_leave(struct task *t)
{
    struct home *h = list_item(t, struct home, leave);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        struct slot *s = &h->cluster->slot[i];
        if (s->home != h || s->left) continue;
        s->left = true;
        if (slot_is_served(s)) {
            place_leave(s);
            continue;
        }
        timer_clear(s->loop, &s->place);
        slot_let_go(s);
        slot_fail(s, ERR_UNAVAILABLE);
    }
}
