#include "broker/amqp/line.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/random.h"

/* TICK_MS: also from one heartbeat to the next. The broker gives up who is cut off so long after the last one, and what an owner may answer without hearing
 * from it (cluster/journal_queue.c) is less. */
enum { TICK_MS = 500, RETRY_FIRST_MS = 50, RETRY_MOST_MS = 1000, OUTPUT_SLACK = 32 * 1048576 };

/* --- ending --- */

static void line_end(struct line *l, enum line_state state)
{
    timer_clear(l->loop, &l->tick);
    timer_clear(l->loop, &l->retry);
    client_close(&l->client);
    l->blocked = false;
    l->state = state;
    channels_end(l);
    l->ops->ended(l);
}

void line_cut(struct line *l)
{
    if (l->state != LINE_DEAD) line_end(l, LINE_DEAD);
}

void line_leave(struct line *l)
{
    if (l->state != LINE_OPEN) {
        line_cut(l);
        return;
    }
    l->state = LINE_LEAVING;
    l->began_ms = loop_now_ms(l->loop);
    greeting_close(l);
}

static void retry(struct timer *t)
{
    line_start(list_item(t, struct line, retry));
}

/* The other hosts at once, then all of them again after a pause that grows, and is not the same for everybody. */
static int64_t pause_ms(const struct line *l)
{
    unsigned hosts = (unsigned)l->config->amqp.urls, round = l->failures / hosts;
    int64_t ms = l->failures % hosts || round == 0 ? RETRY_FIRST_MS : round < 5 ? RETRY_FIRST_MS << round : RETRY_MOST_MS;
    if (ms > RETRY_MOST_MS) ms = RETRY_MOST_MS;
    return ms / 2 + (int64_t)(random_u64() % (uint64_t)ms);
}

/* Each host once, then one line for ten rounds. */
static void tell(const struct line *l, bool was_open)
{
    const struct url *u = &l->config->url[l->url];
    unsigned hosts = (unsigned)l->config->amqp.urls;
    bool first = was_open || l->failures < hosts || l->failures % (10 * hosts) == 0;
    log_event(first ? LOG_WARN : LOG_DEBUG, "broker", was_open ? "connection lost" : "not reached", "host=%s port=%u line=%s reason=\"%s\"",
              u->host, u->port, l->what, l->why.text);
}

void line_fail(struct line *l, enum err e, const char *fmt, ...)
{
    char text[200];
    va_list args;
    if (!line_is_up(l)) return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const struct url *u = &l->config->url[l->url];
    (void)fault_set(&l->why, e, "[broker] url: %s:%u: %s", u->host, u->port, text);
    bool leaving = l->state == LINE_LEAVING;
    if (!leaving) tell(l, l->state == LINE_OPEN);
    l->failures++;
    l->url = (l->url + 1) % (unsigned)l->config->amqp.urls;
    line_end(l, leaving ? LINE_DEAD : LINE_RESTING);
    if (l->state == LINE_RESTING) timer_set(l->loop, &l->retry, pause_ms(l), retry);
}

static void client_failed(struct client *c, const char *why)
{
    line_fail(list_item(c, struct line, client), c->distrusted ? ERR_FORBIDDEN : ERR_UNAVAILABLE, "%s", why);
}

/* --- time --- */

/* What has come while this thread was kept from running counts as heard. */
static bool is_silent(struct line *l, int64_t ms)
{
    if (loop_now_ms(l->loop) - l->heard_ms < ms) return false;
    client_look(&l->client);
    return line_is_up(l) && loop_now_ms(l->loop) - l->heard_ms >= ms;
}

static void tick(struct timer *t)
{
    struct line *l = list_item(t, struct line, tick);
    const struct broker_amqp_config *c = &l->config->amqp;
    int64_t now = loop_now_ms(l->loop);
    timer_set(l->loop, &l->tick, TICK_MS, tick);
    if (l->state != LINE_OPEN) {
        if (now - l->began_ms >= c->patience_ms) line_fail(l, ERR_UNAVAILABLE, "it does not answer");
    } else if (is_silent(l, c->silence_ms)) {
        line_fail(l, ERR_UNAVAILABLE, "it has said nothing for %lld ms", (long long)(now - l->heard_ms));
    } else {
        wire_end(line_out(l), wire_begin(line_out(l), FRAME_HEARTBEAT, 0));
        line_flush_soon(l);
    }
}

void line_start(struct line *l)
{
    const struct url *u = &l->config->url[l->url];
    l->state = LINE_GREETING;
    l->frame_max = LINE_FRAME_MAX;
    l->began_ms = l->heard_ms = loop_now_ms(l->loop);
    timer_set(l->loop, &l->tick, TICK_MS, tick);
    greeting_begin(l);
    client_open(&l->client, u->host, u->port, amqp_url_tls(u) ? l->config->tls : NULL);
}

/* --- bytes --- */

static void take_frame(struct line *l, const struct frame *f)
{
    if (f->channel) {
        channels_frame(l, f);
    } else if (f->type == FRAME_METHOD) {
        struct wire_in args = {.rest = f->payload};
        unsigned method = wire_u32(&args);
        greeting_method(l, method, &args);
    }
}

static void client_input(struct client *c)
{
    struct line *l = list_item(c, struct line, client);
    struct str rest = buf_str(&c->in);
    struct frame f;
    enum wire_got got;
    l->heard_ms = loop_now_ms(l->loop);
    while ((got = wire_frame(&rest, l->frame_max, &f)) == WIRE_FRAME) {
        take_frame(l, &f);
        if (!line_is_up(l)) return;
    }
    if (got == WIRE_BAD)
        line_fail(l, ERR_UNAVAILABLE, "what it says is no AMQP 0-9-1");
    else
        buf_shift(&c->in, c->in.n - rest.n);
}

static const struct client_ops client_ops = {client_input, client_failed};

void line_init(struct line *l, const struct line_config *c, struct loop *loop, const char *what, const struct line_ops *ops)
{
    *l = (struct line){.config = c, .ops = ops, .loop = loop, .what = what, .frame_max = LINE_FRAME_MAX};
    l->url = (unsigned)(random_u64() % c->amqp.urls);
    client_init(&l->client, loop, &client_ops, LINE_INPUT, c->amqp.output_bytes + OUTPUT_SLACK);
}

void line_release(struct line *l)
{
    client_release(&l->client);
}
