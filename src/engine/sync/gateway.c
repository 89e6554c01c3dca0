#include "engine/sync/gateway.h"

#include "base/stat.h"
#include "engine/session.h"
#include "engine/sync/job.h"

enum { ABSENT_MS = 40000, WATCH_MS = 5000, SAY_MS = 20000, UNUSED_MS = 60000, SWEEP_MS = 10000, ANSWER_MAX = 512 * 1048576 };

struct sync_gateway {
    struct engine *engine;
    struct loop *loop;
    struct map follows;
    struct list unused; /* oldest first */
    struct list jobs;
    struct timer sweep;
    bool sweeping;
    uint64_t waiting;
    uint64_t answered;
    struct map present; /* struct presence_watch, by user */
    struct list watch;  /* oldest first */
    struct timer watching;
};

/* A user who syncs here; goes offline some time after the last request. */
struct presence_watch {
    struct list link;
    int64_t seen_ms, said_ms; /* last request; when its owner was last told */
    enum presence_state state;
    size_t n;
    char user_id[];
};

struct sync_gateway *sync_gateway_new(struct engine *e, struct loop *l)
{
    struct sync_gateway *g = mem_zero(sizeof *g);
    g->engine = e;
    g->loop = l;
    list_init(&g->unused);
    list_init(&g->jobs);
    list_init(&g->watch);
    return g;
}

bool sync_gateway_follows(const struct sync_gateway *g, struct str key)
{
    return map_get(&g->follows, key) != NULL;
}
unsigned gateway_index(const struct sync_gateway *g)
{
    return loop_index(g->loop);
}
size_t sync_gateway_waiting(const struct sync_gateway *g)
{
    return (size_t)stat_get(&g->waiting);
}
uint64_t sync_gateway_answered(const struct sync_gateway *g)
{
    return stat_get(&g->answered);
}

void job_keep(struct str *field, struct str value)
{
    if (str_eq(*field, value)) return;
    mem_free((char *)(uintptr_t)field->p);
    char *p = value.n ? mem_alloc(value.n) : NULL;
    if (p) memcpy(p, value.p, value.n);
    *field = str_make(p, value.n);
}

/* --- following --- */

/* What nobody has followed for a while is unfollowed at its owner. Not at once: the next request of the same client is on its way. */
static void sweep(struct timer *t)
{
    struct sync_gateway *g = list_item(t, struct sync_gateway, sweep);
    int64_t now = loop_now_ms(g->loop);
    while (!list_is_empty(&g->unused)) {
        struct follow *f = list_item(g->unused.next, struct follow, unused);
        if (f->unused_since_ms + UNUSED_MS > now) break;
        list_remove(&f->unused);
        struct str key = str_make(f->key, f->n);
        map_del(&g->follows, key);
        /* Sessions are remembered only while their user is followed. */
        session_cache_end(g->engine->session[gateway_index(g)], key, STR(""));
        cluster_unfollow(g->engine->cluster, key, gateway_index(g));
        mem_free(f);
    }
    g->sweeping = !list_is_empty(&g->unused);
    if (g->sweeping) timer_set(g->loop, &g->sweep, SWEEP_MS, sweep);
}

void follow_add(struct sync_gateway *g, struct follower *f, struct sync_job *job, struct str key)
{
    struct follow *at = map_get(&g->follows, key);
    if (!at) {
        at = mem_zero(sizeof *at + key.n);
        if (key.n) memcpy(at->key, key.p, key.n);
        at->n = key.n;
        at->slot = cluster_slot_of(key);
        list_init(&at->followers);
        list_init(&at->unused);
        map_put(&g->follows, str_make(at->key, at->n), at);
    }
    list_remove(&at->unused);
    f->follow = at;
    f->job = job;
    list_push(&at->followers, &f->link);
}

void follow_remove(struct sync_gateway *g, struct follower *f)
{
    struct follow *at = f->follow;
    if (!at) return;
    list_remove(&f->link);
    f->follow = NULL;
    if (!list_is_empty(&at->followers)) return;
    at->unused_since_ms = loop_now_ms(g->loop);
    list_push(&g->unused, &at->unused);
    if (g->sweeping) return;
    g->sweeping = true;
    timer_set(g->loop, &g->sweep, SWEEP_MS, sweep);
}

/* --- presence by syncing --- */

static void say_presence(struct sync_gateway *g, struct str user_id, int state, bool active)
{
    struct command c = {.type = CMD_presence_set, .key = user_id, .num = {state, active}};
    cluster_cast(g->engine->cluster, &c);
}

static bool is_waiting(struct sync_gateway *g, struct str user_id)
{
    struct follow *f = map_get(&g->follows, user_id);
    return f && !list_is_empty(&f->followers);
}

static void watch(struct timer *t)
{
    struct sync_gateway *g = list_item(t, struct sync_gateway, watching);
    int64_t now = loop_now_ms(g->loop);
    list_each_safe(it, &g->watch)
    {
        struct presence_watch *w = list_item(it, struct presence_watch, link);
        struct str user = str_make(w->user_id, w->n);
        if (w->seen_ms + ABSENT_MS > now) break;
        list_remove(&w->link);
        if (is_waiting(g, user)) {
            w->seen_ms = now;
            list_push(&g->watch, &w->link);
            continue;
        }
        say_presence(g, user, PRESENCE_OFFLINE, false);
        map_del(&g->present, user);
        mem_free(w);
    }
    if (!list_is_empty(&g->watch)) timer_set(g->loop, &g->watching, WATCH_MS, watch);
}

/* A request with set_presence (or without: online). */
static void seen(struct sync_gateway *g, struct str user_id, enum presence_state state)
{
    if (!g->engine->config.presence || state == PRESENCE_OFFLINE) return;
    struct presence_watch *w = map_get(&g->present, user_id);
    if (!w) {
        w = mem_zero(sizeof *w + user_id.n);
        if (user_id.n) memcpy(w->user_id, user_id.p, user_id.n);
        w->n = user_id.n;
        list_init(&w->link);
        w->said_ms = -SAY_MS;
        map_put(&g->present, str_make(w->user_id, w->n), w);
        if (list_is_empty(&g->watch)) timer_set(g->loop, &g->watching, WATCH_MS, watch);
    }
    w->seen_ms = loop_now_ms(g->loop);
    list_remove(&w->link);
    list_push(&g->watch, &w->link);
    if (w->state == state && w->said_ms + SAY_MS > w->seen_ms) return;
    w->state = state;
    w->said_ms = w->seen_ms;
    say_presence(g, user_id, (int)state, state == PRESENCE_ONLINE);
}

/* --- jobs --- */

static void job_free(struct sync_job *job)
{
    struct sync_gateway *g = job->gateway;
    if (job->handle) *job->handle = NULL;
    timer_clear(g->loop, &job->timer);
    follow_remove(g, &job->user);
    for (size_t i = 0; i < job->rooms; i++) {
        follow_remove(g, &job->room[i]->follower);
        mem_free(job->room[i]);
    }
    mem_free(job->room);
    list_remove(&job->link);
    struct str *fields[] = {&job->user_id, &job->device_id, &job->filter, &job->token, &job->rules, &job->ignored};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        mem_free((char *)(uintptr_t)fields[i]->p);
    mem_free(job);
}

static void work(void *arg);

static void run_wake(struct task *t)
{
    struct sync_job *job = list_item(t, struct sync_job, wake);
    fiber_spawn(work, job);
}

/* From waiting to working. */
static void wake(struct sync_job *job)
{
    job->again = true;
    if (job->working) return;
    job->working = true;
    stat_add(&job->gateway->waiting, -1);
    job->wake.run = run_wake;
    loop_defer(job->gateway->loop, &job->wake);
}

static void time_over(struct timer *t)
{
    struct sync_job *job = list_item(t, struct sync_job, timer);
    job->over = true;
    wake(job);
}

/* Is there anything that the job follows and has not looked at? */
static bool is_behind(const struct sync_job *job)
{
    struct sync_token t;
    bool stale;
    if (sync_token_read(job->token, cluster_history(job->engine->cluster), &t, &stale, NULL) != ERR_OK) return false;
    const struct follow *u = job->user.follow;
    if (u->position > sync_token_at(&t, u->slot)) return true;
    for (size_t i = 0; i < job->rooms; i++) {
        const struct follow *f = job->room[i]->follower.follow;
        if (f->position > sync_token_at(&t, f->slot)) return true;
    }
    return false;
}

static void answer(struct sync_job *job, enum err e, const struct fault *f, struct str body)
{
    if (!job->cancelled) {
        stat_add(&job->gateway->answered, 1);
        if (job->handle) *job->handle = NULL;
        job->handle = NULL;
        job->callbacks.answer(job->ctx, e, f, body);
    }
    job_free(job);
}

/* Looks until there is something, or the time is over, or there is nothing to wait for. */
static void work(void *arg)
{
    struct sync_job *job = arg;
    struct buf out;
    struct fault f = {0};
    bool something = false;
    buf_init(&out, ANSWER_MAX);
    for (;;) {
        job->again = false;
        enum err e = job->cancelled ? ERR_UNAVAILABLE : compose(job, &out, &something, &f);
        if (e != ERR_OK || something || job->over || job->cancelled) {
            answer(job, e, &f, buf_str(&out));
            break;
        }
        if (job->again || is_behind(job)) continue;
        int64_t left = job->deadline_ms - loop_now_ms(job->gateway->loop);
        if (left <= 0) {
            answer(job, ERR_OK, &f, buf_str(&out));
            break;
        }
        job->working = false;
        stat_add(&job->gateway->waiting, 1);
        timer_set(job->gateway->loop, &job->timer, left, time_over);
        job->callbacks.waiting(job->ctx);
        break;
    }
    buf_release(&out);
}

void sync_begin(struct sync_gateway *g, const struct sync_params *p, const struct sync_callbacks *callbacks, void *ctx,
                struct sync_job **out)
{
    struct sync_job *job = mem_zero(sizeof *job);
    job->gateway = g;
    job->engine = g->engine;
    job->callbacks = *callbacks;
    job->ctx = ctx;
    job->handle = out;
    job->flags = p->flags;
    job->first = job->working = true;
    job->initial = str_null(p->since);
    list_init(&job->link);
    list_push(&g->jobs, &job->link);
    job_keep(&job->user_id, p->user_id);
    job_keep(&job->device_id, p->device_id);
    job_keep(&job->filter, p->filter);
    if (!job->initial) job_keep(&job->token, p->since);
    job->deadline_ms = loop_now_ms(g->loop) + (job->initial ? 0 : p->timeout_ms);
    follow_add(g, &job->user, job, p->user_id);
    seen(g, p->user_id, p->presence);
    *out = job;
    work(job);
}

void sync_cancel(struct sync_job *job)
{
    job->cancelled = true;
    if (job->handle) *job->handle = NULL;
    job->handle = NULL;
    if (job->working) return;
    stat_add(&job->gateway->waiting, -1);
    job_free(job);
}

void sync_gateway_free(struct sync_gateway *g)
{
    if (!g) return;
    while (!list_is_empty(&g->jobs))
        job_free(list_item(g->jobs.next, struct sync_job, link));
    struct follow *f;
    for (size_t at = 0; (f = map_next(&g->follows, &at));)
        mem_free(f);
    map_release(&g->follows);
    struct list *n;
    while ((n = list_pop(&g->watch)))
        mem_free(list_item(n, struct presence_watch, link));
    map_release(&g->present);
    mem_free(g);
}

void sync_gateway_delivered(struct sync_gateway *g, const struct delivery *d)
{
    for (size_t i = 0; i < d->count; i++) {
        struct follow *f = map_get(&g->follows, d->item[i]->key);
        if (!f) continue;
        if (d->item[i]->position > f->position) f->position = d->item[i]->position;
        list_each(it, &f->followers) wake(list_item(it, struct follower, link)->job);
    }
}
