#include "engine/sync/gateway.h"

#include "base/stat.h"
#include "engine/session.h"
#include "engine/sync/job.h"
#include "engine/sync/section.h"

enum {
    ABSENT_MS = 40000,
    WATCH_MS = 5000,
    SAY_S = 20,
    UNUSED_MS = 60000,
    KEPT_MS = 60000,
    SWEEP_MS = 10000,
    ALONE_MS = 1000,
    ASK_AGAIN_MS = 2000,
    ANSWER_MAX = 512 * 1048576
};

struct sync_gateway {
    struct engine *engine;
    struct loop *loop;
    struct map follows;
    struct list unused; /* oldest first */
    struct list jobs;   /* working or waiting */
    struct list kept;   /* oldest first */
    struct timer sweep;
    bool stopping;
    bool alone; /* what is new others hear */
    struct task stop;
    int64_t heard[CLUSTER_SLOTS];
    uint64_t chain[CLUSTER_SLOTS];
    uint64_t waiting;
    uint64_t answered;
    uint64_t events;
    struct histogram delivery;
    struct list watch; /* oldest first */
    struct timer watching;
};

/* A user who syncs here; goes offline some time after the last request. */
struct presence_watch {
    struct list link;
    struct follow *follow; /* the user's, which stays as long as this */
    int64_t seen_ms;       /* last request */
    uint32_t told_s;       /* when its owner was last told; 0: never */
    enum presence_state state;
};

struct sync_gateway *sync_gateway_new(struct engine *e, struct loop *l)
{
    struct sync_gateway *g = mem_zero(sizeof *g);
    g->engine = e;
    g->loop = l;
    list_init(&g->unused);
    list_init(&g->jobs);
    list_init(&g->kept);
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
int64_t gateway_heard(const struct sync_gateway *g, unsigned slot)
{
    return g->heard[slot];
}
struct engine *sync_gateway_engine(const struct sync_gateway *g)
{
    return g->engine;
}
size_t sync_gateway_waiting(const struct sync_gateway *g)
{
    return (size_t)stat_get(&g->waiting);
}
uint64_t sync_gateway_answered(const struct sync_gateway *g)
{
    return stat_get(&g->answered);
}

uint64_t sync_gateway_events(const struct sync_gateway *g)
{
    return stat_get(&g->events);
}
const struct histogram *sync_gateway_delivery(const struct sync_gateway *g)
{
    return &g->delivery;
}

static struct share *texts_of(struct sync_gateway *g)
{
    return &g->engine->texts[gateway_index(g)];
}

void job_keep_key_counts(struct sync_job *job, struct str members)
{
    bytes_unref(job->key_counts);
    job->key_counts = share_text(texts_of(job->gateway), members);
}

/* --- following --- */

static void job_free(struct sync_job *job);

static void sweep_later(struct sync_gateway *g);

/* What nobody has followed for a while is unfollowed at its owner. Not at once: the next request of the same client is on its way. */
static void sweep(struct timer *t)
{
    struct sync_gateway *g = list_item(t, struct sync_gateway, sweep);
    int64_t now = loop_now_ms(g->loop);
    while (!list_is_empty(&g->kept)) {
        struct sync_job *job = list_item(g->kept.next, struct sync_job, link);
        if (job->until_ms > now) break;
        job_free(job);
    }
    while (!list_is_empty(&g->unused)) {
        struct follow *f = list_item(g->unused.next, struct follow, unused);
        if (f->unused_since_ms + UNUSED_MS > now) break;
        list_remove(&f->unused);
        if (f->watch) { /* goes first */
            f->unused_since_ms = now;
            list_push(&g->unused, &f->unused);
            continue;
        }
        struct str key = follow_key(f);
        map_del(&g->follows, key);
        /* Sessions are remembered only while their user is followed. */
        session_cache_end(g->engine->session[gateway_index(g)], key, STR(""));
        cluster_unfollow(g->engine->cluster, key, gateway_index(g));
        mem_free(f);
    }
    if (!list_is_empty(&g->unused) || !list_is_empty(&g->kept)) sweep_later(g);
}

static void sweep_later(struct sync_gateway *g)
{
    if (!timer_is_set(&g->sweep)) timer_set(g->loop, &g->sweep, SWEEP_MS, sweep);
}

void follow_add(struct sync_gateway *g, struct follower *f, struct sync_job *job, struct str key)
{
    struct follow *at = map_get(&g->follows, key);
    if (!at) {
        at = mem_zero(sizeof *at + key.n);
        if (key.n) memcpy(at->key, key.p, key.n);
        at->n = (unsigned)key.n;
        at->slot = cluster_slot_of(key);
        list_init(&at->followers);
        list_init(&at->unused);
        map_put(&g->follows, follow_key(at), at);
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
    sweep_later(g);
}

/* --- presence by syncing --- */

static void say_presence(struct sync_gateway *g, struct str user_id, int state, bool active)
{
    struct command c = {.type = CMD_presence_set, .key = user_id, .num = {state, active}};
    cluster_cast(g->engine->cluster, &c);
}

static bool is_waiting(const struct follow *f)
{
    list_each(it, &f->followers) if (list_item(it, struct follower, link)->job->state != JOB_KEPT) return true;
    return false;
}

static void unwatch(struct presence_watch *w)
{
    list_remove(&w->link);
    w->follow->watch = NULL;
    mem_free(w);
}

static void watch(struct timer *t)
{
    struct sync_gateway *g = list_item(t, struct sync_gateway, watching);
    int64_t now = loop_now_ms(g->loop);
    list_each_safe(it, &g->watch)
    {
        struct presence_watch *w = list_item(it, struct presence_watch, link);
        if (w->seen_ms + ABSENT_MS > now) break;
        if (is_waiting(w->follow)) {
            w->seen_ms = now;
            list_remove(&w->link);
            list_push(&g->watch, &w->link);
            continue;
        }
        say_presence(g, follow_key(w->follow), PRESENCE_OFFLINE, false);
        unwatch(w);
    }
    if (!list_is_empty(&g->watch)) timer_set(g->loop, &g->watching, WATCH_MS, watch);
}

/* A request with set_presence (or without: online). */
static void seen(struct sync_gateway *g, struct follow *user, enum presence_state state)
{
    if (!g->engine->config.presence || state == PRESENCE_OFFLINE) return;
    struct presence_watch *w = user->watch;
    if (!w) {
        w = user->watch = mem_zero(sizeof *w);
        w->follow = user;
        list_init(&w->link);
        if (list_is_empty(&g->watch)) timer_set(g->loop, &g->watching, WATCH_MS, watch);
    }
    w->seen_ms = loop_now_ms(g->loop);
    list_remove(&w->link);
    list_push(&g->watch, &w->link);
    uint32_t now_s = (uint32_t)(w->seen_ms / 1000) + 1;
    if (w->state == state && w->told_s && now_s - w->told_s < SAY_S) return;
    w->state = state;
    w->told_s = now_s;
    say_presence(g, follow_key(user), (int)state, state == PRESENCE_ONLINE);
}

/* --- jobs --- */

static struct sync_job *job_new(struct sync_gateway *g, const struct sync_params *p)
{
    struct sync_job *job = mem_zero(sizeof *job + p->device_id.n);
    if (p->device_id.n) memcpy(job->device_id, p->device_id.p, p->device_id.n);
    job->device_n = p->device_id.n;
    job->gateway = g;
    job->flags = p->flags;
    job->look_all = ALL_SLOTS;
    list_init(&job->link);
    list_push(&g->jobs, &job->link);
    follow_add(g, &job->user, job, p->user_id);
    return job;
}

static void job_free(struct sync_job *job)
{
    struct sync_gateway *g = job->gateway;
    if (job->handle) *job->handle = NULL;
    timer_clear(g->loop, &job->timer);
    follow_remove(g, &job->user);
    for (size_t i = 0; i < job->rooms; i++)
        follow_remove(g, &job->room[i]);
    mem_free(job->room);
    mem_free(job->stand);
    list_remove(&job->link);
    filter_drop(g->engine->filters[gateway_index(g)], job->filter);
    bytes_unref(job->key_counts);
    bytes_unref(job->user_texts);
    bytes_unref(job->unsure);
    bytes_unref(job->filter_id);
    mem_free(job);
}

static void job_keep_for_next(struct sync_job *job)
{
    struct sync_gateway *g = job->gateway;
    job->state = JOB_KEPT;
    job->until_ms = loop_now_ms(g->loop) + KEPT_MS;
    list_remove(&job->link);
    list_push(&g->kept, &job->link);
    sweep_later(g);
}

static void work(void *arg);

static void run_wake(struct task *t)
{
    struct sync_job *job = list_item(t, struct sync_job, wake);
    fiber_spawn(work, job);
}

/* Something that it follows has changed. From waiting to working. */
static void wake(struct sync_job *job)
{
    job->again = true;
    if (job->state != JOB_WAITING) return;
    job->state = JOB_WORKING;
    stat_add(&job->gateway->waiting, -1);
    job->wake.run = run_wake;
    loop_defer(job->gateway->loop, &job->wake);
}

static void time_over(struct timer *t)
{
    struct sync_job *job = list_item(t, struct sync_job, timer);
    job->over = loop_now_ms(job->gateway->loop) >= job->until_ms;
    wake(job);
}

/* At most so long; less where a slot is to be asked again. */
static void wait_for_news(struct sync_job *job, int64_t ms)
{
    int64_t pause = job->ask_again_ms - loop_now_ms(job->gateway->loop);
    if (job_lacks(job) && pause < ms) ms = pause > 0 ? pause : 1;
    job->state = JOB_WAITING;
    job->waited = true;
    stat_add(&job->gateway->waiting, 1);
    timer_set(job->gateway->loop, &job->timer, ms, time_over);
    job->callbacks->waiting(job->ctx);
}

static void answer(struct sync_job *job, enum err e, const struct fault *f, struct str body)
{
    timer_clear(job->gateway->loop, &job->timer);
    if (!job->cancelled) {
        stat_add(&job->gateway->answered, 1);
        if (job->handle) *job->handle = NULL;
        job->handle = NULL;
        job->callbacks->answer(job->ctx, e, f, body);
    }
    if (e == ERR_OK && !job->gateway->stopping)
        job_keep_for_next(job);
    else
        job_free(job);
}

/* The filter by its text, or by the id under which the user has stored it. */
static enum err find_filter(struct sync_job *job, struct str param, struct fault *f)
{
    struct engine *e = job_engine(job);
    struct arena a;
    struct reply r;
    enum err err = ERR_OK;
    struct str text = param;
    arena_init(&a);
    if (!str_empty(param) && param.p[0] != '{') {
        job->filter_id = share_text(texts_of(job->gateway), param); /* the request, and its text, may be gone after the wait */
        struct command c = {.type = CMD_user_filter_get, .key = job_user(job), .s[0] = bytes_str(job->filter_id)};
        err = engine_call(e, &c, &a, &r, f);
        if (err == ERR_NOT_FOUND) err = fault_set(f, ERR_INVALID_PARAM, "There is no filter with that id.");
        text = r.s[0];
    }
    if (err == ERR_OK) {
        job->filter = filter_take(e->filters[gateway_index(job->gateway)], text, f);
        if (!job->filter) err = f->code;
    }
    arena_release(&a);
    return err;
}

/* A look changes nothing: one that met a slot being undone (a full disk, for one) is repeated, since what cannot be written can still be read. A slot
 * that cannot be asked for longer than that is left alone for a while each time, and what there is of the others is told. */
static enum err look(struct sync_job *job, struct buf *out, struct found *found, struct fault *f)
{
    int64_t since_ms = loop_now_ms(job->gateway->loop);
    enum err e = ERR_UNAVAILABLE;
    bool known = job->behind != 0;
    while (!job->cancelled) {
        e = compose(job, out, found, f);
        bool nothing = e == ERR_OK && job->behind && !known && !found->something;
        if (!engine_ask_again(job->gateway->engine, nothing ? ERR_UNAVAILABLE : e, since_ms)) break;
    }
    int64_t now = loop_now_ms(job->gateway->loop);
    if (job_lacks(job) && job->ask_again_ms <= now) job->ask_again_ms = now + ASK_AGAIN_MS;
    return job->cancelled ? ERR_UNAVAILABLE : e;
}

/* How long events were on their way is known of clients that waited for them; others come when they like. */
static void count_delivery(const struct sync_job *job, const struct found *found)
{
    struct sync_gateway *g = job->gateway;
    stat_add(&g->events, (int64_t)found->events);
    if (job->waited && found->oldest_ms) histogram_add(&g->delivery, (clock_wall_ms(g->engine->clock) - found->oldest_ms) * 1000);
}

/* Who does not wait is told all that there is, or that it is not to be had. And so is who waited without anything being known of the user's keys: an
 * answer without their counts would say that there are none. */
static enum err is_away(const struct sync_job *job, struct fault *f)
{
    if (!job->behind || (job->waited && job->key_counts)) return ERR_OK;
    enum err e = fault_set(f, ERR_UNAVAILABLE, "A part of the server cannot be asked at the moment. Try again shortly.");
    f->retry_ms = ASK_AGAIN_MS;
    return e;
}

/* Looks until there is something, or the time is over, or there is nothing to wait for. With no time left it looks once more at what came while
 * it looked, but not for as long as something comes: a filter may hide it all. */
static void work(void *arg)
{
    struct sync_job *job = arg;
    struct buf out;
    struct fault f = {0};
    struct found found = {0};
    buf_init(&out, ANSWER_MAX);
    for (int looks = 1;; looks++) {
        job->again = false;
        enum err e = look(job, &out, &found, &f);
        int64_t left = job->until_ms - loop_now_ms(job->gateway->loop);
        if (e != ERR_OK || found.something || job->over || job->cancelled || (left <= 0 && (!job->again || looks > 1))) {
            if (e == ERR_OK && !found.something) e = is_away(job, &f);
            if (e == ERR_OK && !job->cancelled) count_delivery(job, &found);
            answer(job, e, &f, buf_str(&out));
            break;
        }
        if (job->again) continue;
        wait_for_news(job, left);
        break;
    }
    buf_release(&out);
}

static bool is_filter(const struct sync_job *job, struct str param)
{
    if (str_empty(param) || param.p[0] == '{') return !job->filter_id && str_eq(job->filter->text, param);
    return job->filter_id && str_eq(bytes_str(job->filter_id), param);
}

/* What was kept of this client. With another token or filter than before it begins anew, and what is of no use then goes: however often a client
 * begins, little is kept of it. `since` NULL: it begins anew anyway. */
static struct sync_job *find_kept(struct sync_gateway *g, const struct sync_params *p, const struct sync_token *since)
{
    const struct follow *u = map_get(&g->follows, p->user_id);
    struct sync_job *found = NULL;
    if (!u) return NULL;
    list_each_safe(it, &u->followers)
    {
        struct sync_job *job = list_item(it, struct follower, link)->job;
        if (job->state != JOB_KEPT || !str_eq(job_device(job), p->device_id)) continue;
        bool fits = !found && since && job->flags == p->flags && is_filter(job, p->filter) && packed_token_is(job->stand, since);
        if (fits)
            found = job;
        else
            job_free(job);
    }
    return found;
}

/* How long the client may be kept waiting. */
static int64_t patience_of(const struct sync_gateway *g, const struct sync_params *p)
{
    return g->alone && p->timeout_ms > ALONE_MS ? ALONE_MS : p->timeout_ms;
}

static void job_begin(struct sync_job *job, const struct sync_params *p, const struct sync_callbacks *callbacks, void *ctx,
                      struct sync_job **out)
{
    struct sync_gateway *g = job->gateway;
    job->state = JOB_WORKING;
    job->over = job->cancelled = job->waited = false;
    job->callbacks = callbacks;
    job->ctx = ctx;
    job->handle = out;
    job->until_ms = loop_now_ms(g->loop) + (job->initial || g->stopping ? 0 : patience_of(g, p));
    *out = job;
    seen(g, job->user.follow, p->presence);
}

static void begin_anew(struct sync_job *job, const struct sync_params *p, const struct sync_token *since)
{
    struct fault f = {0};
    if (!job->initial) sync_token_pack(&job->stand, since);
    enum err e = find_filter(job, p->filter, &f);
    if (e == ERR_OK)
        work(job);
    else
        answer(job, e, &f, STR(""));
}

void sync_begin(struct sync_gateway *g, const struct sync_params *p, const struct sync_callbacks *callbacks, void *ctx,
                struct sync_job **out)
{
    struct sync_token since = {0};
    struct fault f = {0};
    bool stale = false;
    enum err e = ERR_OK;
    if (!str_null(p->since)) e = sync_token_read(p->since, cluster_history(g->engine->cluster), &since, &stale, &f);
    /* After a restore the positions mean something else: the client begins afresh. */
    bool initial = str_null(p->since) || stale;
    bool anew = initial || (p->flags & SYNC_FULL_STATE);
    struct sync_job *job = e == ERR_OK ? find_kept(g, p, anew ? NULL : &since) : NULL;
    bool kept = job != NULL;
    if (!kept) job = job_new(g, p);
    job->initial = initial;
    if (kept) {
        list_remove(&job->link);
        list_push(&g->jobs, &job->link);
    }
    job_begin(job, p, callbacks, ctx, out);
    /* Who does not wait is told all that was answered to anybody before: of that a delivery may still be under way. */
    if (p->timeout_ms <= 0) {
        job->look_all = ALL_SLOTS;
        job->ask_again_ms = 0;
    }
    if (e != ERR_OK)
        answer(job, e, &f, STR(""));
    else if (!kept)
        begin_anew(job, p, &since);
    else if (job->again || job->look_user || job->look_all || g->stopping)
        work(job);
    else
        wait_for_news(job, patience_of(g, p));
}

void sync_cancel(struct sync_job *job)
{
    job->cancelled = true;
    if (job->handle) *job->handle = NULL;
    job->handle = NULL;
    if (job->state != JOB_WAITING) return;
    stat_add(&job->gateway->waiting, -1);
    timer_clear(job->gateway->loop, &job->timer);
    job_keep_for_next(job);
}

/* Nobody's time goes on: who waits is answered now, who looks when it has. */
static void end_waiting(struct sync_gateway *g)
{
    int64_t now = loop_now_ms(g->loop);
    list_each_safe(it, &g->jobs)
    {
        struct sync_job *job = list_item(it, struct sync_job, link);
        if (job->until_ms > now) job->until_ms = now;
        if (job->state == JOB_WAITING) time_over(&job->timer);
    }
}

static void stop(struct task *t)
{
    struct sync_gateway *g = list_item(t, struct sync_gateway, stop);
    g->stopping = true;
    end_waiting(g);
}

void sync_gateway_stop(struct sync_gateway *g)
{
    g->stop.run = stop;
    loop_post(g->loop, &g->stop);
}

void sync_gateway_alone(struct sync_gateway *g, bool is)
{
    g->alone = is;
    if (is) end_waiting(g);
}

void sync_gateway_free(struct sync_gateway *g)
{
    if (!g) return;
    struct list *lists[] = {&g->jobs, &g->kept};
    for (int i = 0; i < 2; i++)
        while (!list_is_empty(lists[i]))
            job_free(list_item(lists[i]->next, struct sync_job, link));
    while (!list_is_empty(&g->watch))
        unwatch(list_item(g->watch.next, struct presence_watch, link));
    struct follow *f;
    for (size_t at = 0; (f = map_next(&g->follows, &at));)
        mem_free(f);
    map_release(&g->follows);
    mem_free(g);
}

static void heard_of(struct follow *f, int64_t position)
{
    if (position > f->position) f->position = position;
    list_each(it, &f->followers) wake(list_item(it, struct follower, link)->job);
}

/* A delivery is missing: anything that is followed in the slot may have changed. */
static void fill_gap(struct sync_gateway *g, const struct delivery *d)
{
    struct follow *f;
    for (size_t at = 0; (f = map_next(&g->follows, &at));)
        if (f->slot == d->slot) heard_of(f, d->to);
}

void sync_gateway_delivered(struct sync_gateway *g, const struct delivery *d)
{
    bool gap = d->chain != g->chain[d->slot] + 1;
    g->chain[d->slot] = d->chain;
    if (d->to > g->heard[d->slot]) g->heard[d->slot] = d->to;
    for (size_t i = 0; i < d->count; i++) {
        struct follow *f = map_get(&g->follows, d->item[i]->key);
        if (f) heard_of(f, d->item[i]->position);
    }
    if (gap) fill_gap(g, d);
}
