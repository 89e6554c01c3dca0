/* Has this node alone lost the broker?
 *
 * Who does not reach it cannot ask others whether they do; but the store tells. Where a slot that was open here stands in a newer epoch, somebody has opened it since,
 * and for that one needs the broker. Then news go elsewhere: who waits for some here is sent away, to another node that has them, and calls are refused at once.
 * While the broker is away for all no slot is opened, and everybody goes on waiting where they are. */
#include "base/log.h"
#include "cluster/cluster_priv.h"

/* As far as this node has heard it had the slot last. */
static bool was_here(const struct home *h, const struct slot *s)
{
    return s->home == h && !slot_is_served(s) && s->epoch > 0 && s->epoch >= h->owner[s->index].epoch;
}

/* Waits. */
static enum err look_at(struct slot *s, bool *taken)
{
    struct store_slot at;
    slot_under_way(s, 1);
    enum err e = slot_stands(s, &at);
    slot_under_way(s, -1);
    *taken = e == ERR_OK && at.epoch > s->epoch && was_here(s->home, s);
    slot_go_on(s);
    return e;
}

static void look(void *arg)
{
    struct home *h = arg;
    struct cluster *c = h->cluster;
    bool taken = false;
    enum err e = ERR_OK;
    for (unsigned i = 0; i < CLUSTER_SLOTS && e == ERR_OK && !taken; i++)
        if (was_here(h, &c->slot[i])) e = look_at(&c->slot[i], &taken);
    h->looks = false;
    if (!taken || cluster_reaches_broker(c) || atomic_exchange(&c->alone, true)) return;
    log_event(LOG_WARN, "cluster", "this server alone does not reach the broker: others serve its slots, and who waits here is sent away",
              "%s", "");
}

static void tell(struct home *h)
{
    struct cluster *c = h->cluster;
    bool alone = cluster_is_alone(c);
    if (h->told_alone == alone) return;
    h->told_alone = alone;
    home_each_slot(h, slot_wake_waiting);
    if (c->config.alone) c->config.alone(c->config.engine, h->loop, alone);
}

void alone_sweep(struct home *h)
{
    struct cluster *c = h->cluster;
    if (cluster_reaches_broker(c)) {
        atomic_store(&c->alone, false);
    } else if (!h->looks && !cluster_is_alone(c)) {
        h->looks = true;
        fiber_spawn(look, h);
    }
    tell(h);
}

bool cluster_is_alone(const struct cluster *c)
{
    return atomic_load(&c->alone);
}
