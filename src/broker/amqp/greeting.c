/* The connection's own methods: who we are, what we agree on, and how it ends. */
#include <stdio.h>

#include "base/log.h"
#include "broker/amqp/line.h"

enum { CODE_OK = 200, CODE_FORBIDDEN = 403, CODE_NOT_ALLOWED = 530 };

void greeting_begin(struct line *l)
{
    buf_add(line_out(l), STR("AMQP\0\0\x09\x01"));
}

static void put_properties(struct line *l)
{
    struct buf *b = line_out(l);
    char name[BROKER_NAME_MAX + 32];
    snprintf(name, sizeof name, "%.*s (%s)", STR_FMT(l->config->name), l->what);
    size_t table = wire_begin_table(b);
    wire_put_text_field(b, "product", STR("Rookery"));
    wire_put_text_field(b, "connection_name", str_c(name));
    wire_put_short(b, STR("capabilities"));
    buf_byte(b, 'F');
    size_t inner = wire_begin_table(b);
    wire_put_bool_field(b, "publisher_confirms", true);
    wire_put_bool_field(b, "consumer_cancel_notify", true);
    wire_put_bool_field(b, "basic.nack", true);
    wire_put_bool_field(b, "connection.blocked", true);
    wire_put_bool_field(b, "authentication_failure_close", true);
    wire_end_table(b, inner);
    wire_end_table(b, table);
}

static unsigned leading_number(struct str s)
{
    unsigned v = 0;
    for (size_t i = 0; i < s.n && i < 4 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        v = v * 10 + (unsigned)(s.p[i] - '0');
    return v;
}

static void put_login(struct buf *b, const struct url *u)
{
    struct str user = str_c(u->user), password = str_c(u->password);
    wire_put_short(b, STR("PLAIN"));
    wire_put_u32(b, (uint32_t)(user.n + password.n + 2));
    wire_put_u8(b, 0);
    buf_add(b, user);
    wire_put_u8(b, 0);
    buf_add(b, password);
}

static void start(struct line *l, struct wire_in *args)
{
    struct str version;
    wire_u16(args);
    l->broker_major = wire_table_text(wire_long(args), STR("version"), &version) ? leading_number(version) : 0;
    size_t begun = wire_begin_method(line_out(l), 0, CONNECTION_START_OK);
    put_properties(l);
    put_login(line_out(l), &l->config->url[l->url]);
    wire_put_short(line_out(l), STR("en_US"));
    wire_end(line_out(l), begun);
}

/* The smaller of the two, where 0 says "as you like". */
static uint32_t agree(uint32_t theirs, uint32_t ours)
{
    return theirs && theirs < ours ? theirs : ours;
}

static void tune(struct line *l, struct wire_in *args)
{
    struct buf *b = line_out(l);
    l->channels = agree(wire_u16(args), LINE_CHANNELS);
    l->frame_max = agree(wire_u32(args), LINE_FRAME_MAX);
    if (args->bad || l->frame_max < FRAME_LEAST) {
        line_fail(l, ERR_UNAVAILABLE, "it wants frames that are too small");
        return;
    }
    size_t begun = wire_begin_method(b, 0, CONNECTION_TUNE_OK);
    wire_put_u16(b, l->channels);
    wire_put_u32(b, (uint32_t)l->frame_max);
    wire_put_u16(b, l->config->amqp.heartbeat_s);
    wire_end(b, begun);
    begun = wire_begin_method(b, 0, CONNECTION_OPEN);
    wire_put_short(b, str_c(l->config->url[l->url].path));
    wire_put_u16(b, 0);
    wire_end(b, begun);
}

static void opened(struct line *l)
{
    const struct url *u = &l->config->url[l->url];
    l->state = LINE_OPEN;
    l->failures = 0;
    log_event(LOG_INFO, "broker", "connected", "host=%s port=%u line=%s tls=%s", u->host, u->port, l->what,
              amqp_url_tls(u) ? "true" : "false");
    l->ops->opened(l);
}

static void closed(struct line *l, struct wire_in *args)
{
    unsigned code = wire_u16(args);
    struct str text = str_first(wire_short(args), 120);
    bool refused = l->state != LINE_OPEN && (code == CODE_FORBIDDEN || code == CODE_NOT_ALLOWED);
    line_fail(l, refused ? ERR_FORBIDDEN : ERR_UNAVAILABLE, "%.*s", STR_FMT(text));
}

static void blocked(struct line *l, bool on, struct str reason)
{
    if (l->blocked == on) return;
    l->blocked = on;
    reason = str_first(reason, 120);
    log_event(LOG_WARN, "broker", on ? "broker takes nothing: it is short of something" : "broker takes again", "line=%s reason=\"%.*s\"",
              l->what, STR_FMT(reason));
}

void greeting_close(struct line *l)
{
    size_t begun = wire_begin_method(line_out(l), 0, CONNECTION_CLOSE);
    wire_put_u16(line_out(l), CODE_OK);
    wire_put_short(line_out(l), STR("goodbye"));
    wire_put_u32(line_out(l), 0);
    wire_end(line_out(l), begun);
    line_flush_soon(l);
}

void greeting_method(struct line *l, unsigned method, struct wire_in *args)
{
    bool greeting = l->state == LINE_GREETING;
    switch (method) {
    case CONNECTION_START:
        if (greeting) start(l, args);
        break;
    case CONNECTION_TUNE:
        if (greeting) tune(l, args);
        break;
    case CONNECTION_OPEN_OK:
        if (greeting) opened(l);
        break;
    case CONNECTION_CLOSE:
        closed(l, args);
        break;
    case CONNECTION_CLOSE_OK:
        line_cut(l);
        break;
    case CONNECTION_BLOCKED:
        blocked(l, true, wire_short(args));
        break;
    case CONNECTION_UNBLOCKED:
        blocked(l, false, STR(""));
        break;
    default:
        break;
    }
    if (line_is_up(l)) line_flush_soon(l);
}
