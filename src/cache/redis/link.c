#include "cache/redis/link.h"

#include "base/log.h"
#include "base/random.h"
#include "base/stat.h"
#include "cache/cache.h"
#include "loop/fiber.h"

enum {
    ANSWER_MAX = CACHE_VALUE_MAX + 100,
    INPUT_MAX = 2 * ANSWER_MAX,
    OUTPUT_MAX = 16 * 1048576, /* what Redis has not taken yet */
    REACH_MS = 2000,
    REST_FIRST_MS = 50,
    REST_MOST_MS = 5000
};

struct call {
    struct list link;
    struct fiber *fiber;
    struct arena *arena;
    struct resp *out;
    int64_t due_ms;
    bool done, answered;
};

static void call_done(struct call *c, bool answered)
{
    list_remove(&c->link);
    c->answered = answered;
    c->done = true;
    fiber_wake(c->fiber);
}

/* --- when it is away --- */

static void reach(struct link *l);

static void reach_again(struct timer *t)
{
    reach(list_item(t, struct link, pace));
}

/* Not the same for everybody, so that a cache that comes back is not asked by all at once. */
static int64_t rest_ms(const struct link *l)
{
    int64_t ms = l->failures < 7 ? (int64_t)REST_FIRST_MS << l->failures : REST_MOST_MS;
    if (ms > REST_MOST_MS) ms = REST_MOST_MS;
    return ms / 2 + (int64_t)(random_u64() % (uint64_t)ms);
}

static void away(struct link *l, const char *why)
{
    bool told = atomic_exchange(&l->config->told, true);
    log_event(told ? LOG_DEBUG : LOG_WARN, "cache", "redis is away", "host=%s port=%u reason=\"[cache] url: %s\"", l->config->url.host,
              l->config->port, why);
    l->state = LINK_RESTING;
    timer_clear(l->client.loop, &l->patience);
    timer_set(l->client.loop, &l->pace, rest_ms(l), reach_again);
    if (l->failures < UINT16_MAX) l->failures++;
    while (!list_is_empty(&l->calls))
        call_done(list_item(l->calls.next, struct call, link), false);
}

static void client_failed(struct client *c, const char *why)
{
    away(list_item(c, struct link, client), why);
}

static void give_up(struct link *l, const char *why)
{
    client_close(&l->client);
    away(l, why);
}

static void reached_too_late(struct timer *t)
{
    give_up(list_item(t, struct link, pace), "it cannot be reached in time");
}

/* --- patience --- */

static void out_of_patience(struct timer *t);

static void watch_oldest(struct link *l)
{
    struct loop *loop = l->client.loop;
    if (list_is_empty(&l->calls)) {
        timer_clear(loop, &l->patience);
        return;
    }
    const struct call *oldest = list_item(l->calls.next, struct call, link);
    timer_set(loop, &l->patience, oldest->due_ms - loop_now_ms(loop), out_of_patience);
}

static bool oldest_is_due(const struct link *l)
{
    return !list_is_empty(&l->calls) && list_item(l->calls.next, struct call, link)->due_ms <= loop_now_ms(l->client.loop);
}

static void out_of_patience(struct timer *t)
{
    struct link *l = list_item(t, struct link, patience);
    /* It may be us who were slow. */
    client_look(&l->client);
    if (oldest_is_due(l))
        give_up(l, "it does not answer in time");
    else if (l->state != LINK_RESTING)
        watch_oldest(l);
}

/* --- answers --- */

/* An error of the kind that only concerns what was asked. Any other says that this server is none for us now: it has no memory of the data (LOADING), is a
 * replica (READONLY), part of a Redis Cluster (MOVED), wants to know who we are (NOAUTH), and so on. */
static bool is_harmless(struct str error)
{
    return str_starts(error, STR("ERR ")) || str_starts(error, STR("OOM ")) || str_starts(error, STR("WRONGTYPE "));
}

/* Only the first word: the rest may repeat what we said. */
static void refused(struct link *l, const char *what, struct str error)
{
    char why[120];
    ptrdiff_t blank = str_find(error, ' ');
    snprintf(why, sizeof why, "%s: it says %.*s", what, STR_FMT(str_first(error, blank >= 0 && blank < 40 ? (size_t)blank : 40)));
    give_up(l, why);
}

static const char *greeting_fault(const struct link *l, struct str error)
{
    if (l->greetings == 2 || str_starts(error, STR("NOAUTH "))) return "the user or the password is not right";
    return str_starts(error, STR("ERR ")) ? "there is no database of that number" : "it does not serve us";
}

static void take_greeting(struct link *l, const struct resp *r)
{
    if (r->kind == RESP_ERROR) {
        refused(l, greeting_fault(l, r->text), r->text);
        return;
    }
    if (--l->greetings) return;
    l->state = LINK_OPEN;
    timer_clear(l->client.loop, &l->pace);
    log_event(LOG_DEBUG, "cache", "redis is there", "host=%s port=%u", l->config->url.host, l->config->port);
}

static void take_answer(struct link *l, const struct resp *r)
{
    if (r->kind == RESP_ERROR && !is_harmless(r->text)) {
        refused(l, "it does not serve us", r->text);
        return;
    }
    l->failures = 0;
    if (atomic_load_explicit(&l->config->told, memory_order_relaxed) && atomic_exchange(&l->config->told, false))
        log_event(LOG_INFO, "cache", "redis is back", "host=%s port=%u", l->config->url.host, l->config->port);
    struct call *c = list_item(l->calls.next, struct call, link);
    *c->out = *r;
    c->out->text = arena_str(c->arena, r->text);
    call_done(c, true);
}

static void client_input(struct client *c)
{
    struct link *l = list_item(c, struct link, client);
    struct str rest = buf_str(&c->in);
    struct resp r;
    enum resp_got got;
    while ((got = resp_read(&rest, ANSWER_MAX, &r)) == RESP_ANSWER) {
        if (!l->greetings && list_is_empty(&l->calls)) break;
        if (l->greetings)
            take_greeting(l, &r);
        else
            take_answer(l, &r);
        if (l->state == LINK_RESTING) return;
    }
    if (got != RESP_MORE) {
        give_up(l, "what it says is no answer of Redis");
        return;
    }
    buf_shift(&c->in, c->in.n - rest.n);
    watch_oldest(l);
}

static const struct client_ops client_ops = {.input = client_input, .failed = client_failed};

/* --- asking --- */

static void say(struct link *l, const struct str *arg, size_t args)
{
    resp_command(&l->client.out, arg, args);
    client_flush_soon(&l->client);
}

static void greet(struct link *l)
{
    const struct url *u = &l->config->url;
    const struct str auth[] = {STR("AUTH"), str_c(*u->user ? u->user : "default"), str_c(u->password)};
    const struct str select[] = {STR("SELECT"), str_c(*u->path ? u->path : "0")};
    l->greetings = 1;
    if (*u->password) {
        l->greetings = 2;
        say(l, auth, 3);
    }
    say(l, select, 2);
}

static void reach(struct link *l)
{
    struct link_config *c = l->config;
    l->state = LINK_REACHING;
    timer_set(l->client.loop, &l->pace, REACH_MS, reached_too_late);
    greet(l);
    client_open(&l->client, c->url.host, c->port, c->tls);
}

/* Does not wait where nobody is known to be there. */
static bool is_hopeful(const struct link *l)
{
    return l->state == LINK_OPEN || (l->state == LINK_REACHING && l->failures == 0);
}

bool link_ask(struct link *l, const struct str *arg, size_t args, struct arena *a, struct resp *out)
{
    struct call call = {.fiber = fiber_current(), .arena = a, .out = out};
    if (l->state == LINK_NEW) reach(l);
    if (is_hopeful(l) && l->client.out.n + resp_size(arg, args) <= OUTPUT_MAX) {
        say(l, arg, args);
        call.due_ms = (int64_t)(uv_hrtime() / 1000000) + l->config->patience_ms; /* the tick may have begun long ago */
        list_push(&l->calls, &call.link);
        if (!timer_is_set(&l->patience)) watch_oldest(l);
        while (!call.done)
            fiber_park();
    }
    if (!call.answered) stat_add(&l->unanswered, 1);
    return call.answered;
}

/* --- life --- */

void link_init(struct link *l, struct link_config *c, struct loop *loop)
{
    *l = (struct link){.config = c};
    client_init(&l->client, loop, &client_ops, INPUT_MAX, OUTPUT_MAX);
    list_init(&l->calls);
}

void link_release(struct link *l)
{
    client_release(&l->client);
}

static void begin(struct task *t)
{
    struct link *l = list_item(t, struct link, begin);
    if (l->state == LINK_NEW) reach(l);
}

void link_begin(struct link *l)
{
    l->begin.run = begin;
    loop_post(l->client.loop, &l->begin);
}
