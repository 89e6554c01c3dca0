/* Has this node alone lost the broker?
 *
 * Who does not reach it cannot ask others whether they do; but the store tells. Where a slot that was open here stands in a newer epoch, somebody has opened it since,
 * and for that one needs the broker. Then news go elsewhere: who waits for some here is sent away, to another node that has them, and calls are refused at once.
 * While the broker is away for all no slot is opened, and everybody goes on waiting where they are.
 *
 * That it was opened may have been the last thing that the broker did for anybody. So it counts for as long as something moves in the store; where nothing does there is
 * no news, and no harm in waiting. */
#include "base/log.h"
#include "cluster/cluster_priv.h"

enum { STILL_MS = 15000, FAILURES_MAX = 3 /* of a look: the shard of a slot may be away, which tells nothing of others */ };

/* As far as this node has heard it had the slot last. */
static bool was_here(const struct slot *s)
{
    return s->epoch > 0 && s->epoch >= s->home->owner[s->index].epoch;
}

/* Of slots that others had all the time it is of interest whether they move. */
static bool is_asked(const struct home *h, const struct slot *s)
{
    return s->home == h && !slot_is_served(s) && (was_here(s) || atomic_load(&h->cluster->taken));
}

/* The loop waits for the answer before it ends; the slot does not, which may be given to this node meanwhile, and has to be opened at once then. */
static enum err look_at(struct slot *s, struct store_slot *at)
{
    stat_add(&s->home->stats.in_flight, 1);
    enum err e = slot_stands(s, at);
    stat_add(&s->home->stats.in_flight, -1);
    return e;
}

/* Since the last look. */
static bool has_moved(struct slot *s, const struct store_slot *at)
{
    bool moved = s->seen.epoch && (at->epoch != s->seen.epoch || at->position != s->seen.position);
    s->seen = *at;
    return moved;
}

static void is_alone(struct home *h, bool news)
{
    int64_t now = loop_now_ms(h->loop);
    if (atomic_exchange(&h->cluster->alone_until_ms, now + STILL_MS) > now) return;
    log_event(news ? LOG_WARN : LOG_INFO, "cluster",
              "this server alone does not reach the broker: others serve its slots, and who waits here is sent away",
              "again=%d do=\"look at the network between this server and broker.url\"", !news);
}

static void judge(struct home *h, bool taken, bool moved)
{
    struct cluster *c = h->cluster;
    if (cluster_reaches_broker(c)) return;
    bool news = taken && !atomic_exchange(&c->taken, true);
    if (news || (moved && atomic_load(&c->taken))) is_alone(h, news);
}

/* From where the last look ended: each slot's turn comes. */
static void look(void *arg)
{
    struct home *h = arg;
    for (unsigned n = 0, failures = 0; n < CLUSTER_SLOTS && failures < FAILURES_MAX; n++) {
        struct slot *s = &h->cluster->slot[h->look_next++ % CLUSTER_SLOTS];
        struct store_slot at;
        if (!is_asked(h, s))
            continue;
        else if (look_at(s, &at) != ERR_OK)
            failures++;
        else
            judge(h, !slot_is_served(s) && was_here(s) && at.epoch > s->epoch, has_moved(s, &at));
    }
    h->looks = false;
}

static void forget(struct slot *s)
{
    s->seen = (struct store_slot){0};
}

static void tell(struct home *h)
{
    struct cluster *c = h->cluster;
    bool alone = cluster_is_alone(c);
    if (alone) home_each_slot(h, slot_wake_waiting);
    if (h->told_alone == alone) return;
    h->told_alone = alone;
    if (c->config.alone) c->config.alone(c->config.engine, h->loop, alone);
}

void alone_sweep(struct home *h)
{
    struct cluster *c = h->cluster;
    if (cluster_reaches_broker(c)) {
        atomic_store(&c->taken, false);
        atomic_store(&c->alone_until_ms, 0);
        home_each_slot(h, forget);
    } else if (!h->looks) {
        h->looks = true;
        fiber_spawn(look, h);
    }
    tell(h);
}

bool cluster_is_alone(const struct cluster *c)
{
    int64_t until_ms = atomic_load(&c->alone_until_ms);
    return until_ms && until_ms > loop_now_ms(loop_current()) && !cluster_reaches_broker(c);
}
