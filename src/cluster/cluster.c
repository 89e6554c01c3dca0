#include "cluster/cluster.h"

#include "base/log.h"
#include "base/random.h"
#include "cluster/cluster_priv.h"
#include "matrix/id.h"

/* A queue takes a little more than its owner gives it, so that beats still get in. */
enum {
    BACKLOG_BYTES = 64 * 1048576,
    BACKLOG_QUEUE_BYTES = BROKER_BACKLOG_BYTES / 4 * 3,
    CAST_BYTES = 1048576,
    AT_HAND_BYTES = 4 * 1048576
};

unsigned cluster_slot_of(struct str key)
{
    return id_slot(key);
}
struct str cluster_history(const struct cluster *c)
{
    return str_c(c->history);
}

static enum err load_history(struct cluster *c, struct fault *f)
{
    struct arena a;
    arena_init(&a);
    struct str history;
    struct store *s = c->config.store;
    char fresh[sizeof c->history];
    snprintf(fresh, sizeof fresh, "%016llx", (unsigned long long)random_u64());
    enum err e = s->ops->meta_add(s, STR("history"), str_c(fresh), &a, &history);
    if (e == ERR_OK && history.n != 16) e = ERR_INTERNAL;
    if (e == ERR_OK) memcpy(c->history, history.p, 16);
    arena_release(&a);
    if (e != ERR_OK) return fault_set(f, e, "The store's history id cannot be read or written (%s).", err_name(e));
    return ERR_OK;
}

static void start_home(struct task *t)
{
    struct home *h = list_item(t, struct home, start);
    if (h->cluster->config.broker) broker_listen(h->cluster->config.broker, &h->port);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        if (h->cluster->slot[i].home == h) slot_go_on(&h->cluster->slot[i]);
}

enum err cluster_new(const struct cluster_config *config, struct cluster **out, struct fault *f)
{
    struct cluster *c = mem_zero(sizeof *c);
    c->config = *config;
    c->life = random_u64();
    if (!c->config.backlog_bytes) c->config.backlog_bytes = config->journal == JOURNAL_QUEUE ? BACKLOG_QUEUE_BYTES : BACKLOG_BYTES;
    if (!c->config.record_bytes) c->config.record_bytes = CLUSTER_RECORD_BYTES;
    if (!c->config.at_hand_bytes) c->config.at_hand_bytes = AT_HAND_BYTES;
    if (config->journal == JOURNAL_QUEUE && !config->broker) abort();
    if (config->loops == 0 || config->loops > CLUSTER_LOOPS_MAX || config->kinds > KINDS_MAX) abort();
    if (config->record_bytes > CLUSTER_RECORD_BYTES) abort(); /* what else a record takes is reckoned with that */
    enum err e = load_history(c, f);
    if (e != ERR_OK) {
        mem_free(c);
        return e;
    }
    for (size_t i = 0; i < config->loops; i++) {
        struct home *h = &c->home[i];
        h->cluster = c;
        h->loop = config->loop[i];
        h->seal.run = home_seal;
        h->flush.run = home_flush;
        h->start.run = start_home;
        h->leave.run = home_leave;
        list_init(&h->dirty);
        list_init(&h->spare);
        list_init(&h->listening);
        for (unsigned n = 0; n < CLUSTER_SLOTS; n++)
            h->owner[n].node = NODE_NOBODY;
        post_listen(h);
    }
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        slot_init(&c->slot[i], c, i, &c->home[i % config->loops]);
    if (config->broker) c->nodes = nodes_new(c);
    for (size_t i = 0; i < config->loops; i++)
        loop_post(c->home[i].loop, &c->home[i].start);
    *out = c;
    return ERR_OK;
}

void cluster_free(struct cluster *c)
{
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        slot_release(&c->slot[i]);
    for (size_t i = 0; i < c->config.loops; i++)
        home_release(&c->home[i]);
    nodes_free(c->nodes);
    mem_free(c);
}

void cluster_leave(struct cluster *c)
{
    if (atomic_exchange(&c->leaving, true)) return;
    nodes_say_leaving(c->nodes);
    for (size_t i = 0; i < c->config.loops; i++)
        loop_post(c->home[i].loop, &c->home[i].leave);
}

static void run_fiber(void *arg)
{
    struct call *call = arg;
    turn_run(&call->cluster->slot[cluster_slot_of(call->cmd.key)], call);
}

static void run_at_owner(struct task *task)
{
    fiber_spawn(run_fiber, list_item(task, struct call, task));
}

static void group_finish(struct call *call)
{
    call->group->pending--;
    fiber_wake(call->group->fiber);
}

void cluster_call_start(struct cluster *c, struct call *call, struct call_group *g)
{
    struct command cmd = call->cmd;
    *call =
        (struct call){.cluster = c, .from = loop_current(), .cmd = cmd, .group = g, .finish = group_finish, .letter_from = CLUSTER_SLOTS};
    call->arena = &call->own;
    g->fiber = fiber_current();
    g->pending++;
    struct slot *s = &c->slot[cluster_slot_of(cmd.key)];
    if (s->loop == call->from) {
        fiber_spawn(run_fiber, call);
        return;
    }
    call->task.run = run_at_owner;
    loop_post(s->loop, &call->task);
}

void cluster_call_wait(struct call_group *g)
{
    while (g->pending)
        fiber_park();
}

void call_release(struct call *call)
{
    arena_release(&call->own);
}

enum err cluster_call(struct cluster *c, const struct command *cmd, struct arena *a, struct reply *reply)
{
    struct call_group g = {.fiber = fiber_current(), .pending = 1};
    struct call call = {
        .cluster = c, .from = loop_current(), .cmd = *cmd, .group = &g, .finish = group_finish, .letter_from = CLUSTER_SLOTS, .arena = a};
    struct slot *s = &c->slot[cluster_slot_of(cmd->key)];
    if (s->loop == call.from) {
        turn_run(s, &call);
    } else {
        call.task.run = run_at_owner;
        loop_post(s->loop, &call.task);
    }
    cluster_call_wait(&g);
    *reply = call.reply;
    return reply->err;
}

struct cast {
    struct call call;
    struct bytes *command;
};

static void cast_finish(struct call *call)
{
    struct cast *cast = list_item(call, struct cast, call);
    bytes_unref(cast->command);
    arena_release(&call->own);
    mem_free(cast);
}

void cluster_cast(struct cluster *c, const struct command *cmd)
{
    struct buf b;
    buf_init(&b, CAST_BYTES);
    command_encode(&b, cmd);
    if (!buf_ok(&b)) {
        log_event(LOG_WARN, "cluster", "command too large to cast", "command=%u", cmd->type);
        buf_release(&b);
        return;
    }
    struct cast *cast = mem_zero(sizeof *cast);
    cast->command = bytes_new(buf_str(&b));
    buf_release(&b);
    cast->call = (struct call){.cluster = c, .finish = cast_finish, .letter_from = CLUSTER_SLOTS};
    cast->call.arena = &cast->call.own;
    cast->call.cast = true;
    if (!command_decode(bytes_str(cast->command), &cast->call.cmd)) abort();
    struct slot *s = &c->slot[cluster_slot_of(cmd->key)];
    cast->call.from = s->loop;
    cast->call.task.run = run_at_owner;
    /* On the owner's loop before anything that comes in later: what a turn casts happens before the client's next request. */
    if (s->loop == loop_current())
        loop_defer(s->loop, &cast->call.task);
    else
        loop_post(s->loop, &cast->call.task);
}

bool cluster_holds(const struct cluster *c, unsigned slot)
{
    return nodes_serves(c->nodes, slot);
}

bool cluster_reaches(const struct cluster *c, unsigned slot)
{
    return atomic_load_explicit(&c->slot[slot].reachable, memory_order_acquire);
}

/* Long enough for a dead node's slots to be served by others. */
enum { MISSING_MS = 5000 };

const char *cluster_not_ready(const struct cluster *c, int64_t now_ms)
{
    unsigned here = 0, lost = 0;
    if (!cluster_reaches_broker(c)) return "this server does not reach the broker";
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        if (cluster_reaches(c, i))
            here += cluster_holds(c, i);
        else if (now_ms - atomic_load_explicit(&c->slot[i].unreached_ms, memory_order_relaxed) >= MISSING_MS)
            return "not all slots are served";
        else
            lost += atomic_load_explicit(&c->slot[i].was_lost, memory_order_relaxed);
    }
    return lost <= here ? NULL : "this server has lost most of its slots";
}

bool cluster_broker_stats(const struct cluster *c, struct broker_stats *out)
{
    if (!c->config.broker) return false;
    broker_stats(c->config.broker, out);
    return true;
}

bool cluster_reaches_broker(const struct cluster *c)
{
    struct broker_stats b;
    return !cluster_broker_stats(c, &b) || b.connected;
}

/* Sums of what each loop's thread counts. The struct is nothing but counters. */
void cluster_stats(const struct cluster *c, struct cluster_stats *out)
{
    enum { COUNTERS = sizeof *out / sizeof(uint64_t) };
    uint64_t sum[COUNTERS] = {0};
    for (size_t i = 0; i < c->config.loops; i++) {
        const uint64_t *counter = (const uint64_t *)(const void *)&c->home[i].stats;
        for (size_t n = 0; n < COUNTERS; n++)
            sum[n] += stat_get(&counter[n]);
    }
    memcpy(out, sum, sizeof sum);
}
