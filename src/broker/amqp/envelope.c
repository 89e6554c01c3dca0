#include "broker/amqp/envelope.h"

#include "base/varint.h"

enum { FORMAT = 1 };

static void put_number(struct buf *b, uint64_t v)
{
    char *p = buf_room(b, VARINT_MAX);
    if (p) buf_added(b, (size_t)(varint_put(p, v) - p));
}

void envelope_put_text(struct buf *b, struct str s)
{
    put_number(b, s.n);
    buf_add(b, s);
}

void envelope_put(struct buf *b, const struct envelope *e)
{
    buf_byte(b, FORMAT);
    buf_byte(b, (char)e->kind);
    envelope_put_text(b, e->from);
    if (e->kind == ENVELOPE_MESSAGES) {
        put_number(b, e->port);
        put_number(b, e->count);
    } else if (e->kind == ENVELOPE_ANNOUNCEMENT || e->kind == ENVELOPE_GONE) {
        put_number(b, e->session);
        envelope_put_text(b, e->text);
    }
}

bool envelope_next(struct str *in, struct str *out)
{
    uint64_t n;
    if (!varint_take(in, &n) || n > in->n) return false;
    *out = str_first(*in, (size_t)n);
    *in = str_from(*in, (size_t)n);
    return true;
}

static bool read_messages(struct str rest, struct envelope *e)
{
    uint64_t port, count;
    if (!varint_take(&rest, &port) || !varint_take(&rest, &count) || port >= BROKER_PORTS || count > BROKER_BATCH_MAX) return false;
    e->port = (unsigned)port;
    e->count = (size_t)count;
    e->rest = rest;
    return true;
}

static bool read_told(struct str rest, struct envelope *e)
{
    if (!varint_take(&rest, &e->session) || !envelope_next(&rest, &e->text) || rest.n) return false;
    return e->kind == ENVELOPE_GONE ? broker_name_ok(e->text) : e->text.n <= BROKER_ANNOUNCEMENT_MAX;
}

bool envelope_read(struct str bytes, struct envelope *e)
{
    struct str rest = str_from(bytes, 2);
    *e = (struct envelope){0};
    if (bytes.n < 2 || bytes.p[0] != FORMAT || !envelope_next(&rest, &e->from) || !broker_name_ok(e->from)) return false;
    e->kind = (enum envelope_kind)(unsigned char)bytes.p[1];
    switch (e->kind) {
    case ENVELOPE_MESSAGES:
        return read_messages(rest, e);
    case ENVELOPE_ANNOUNCEMENT:
    case ENVELOPE_GONE:
        return read_told(rest, e);
    case ENVELOPE_ASK:
    case ENVELOPE_LEAVE:
    case ENVELOPE_PROBE:
        return rest.n == 0;
    default:
        return false;
    }
}

bool envelope_messages(const struct envelope *e, struct str *out)
{
    struct str rest = e->rest;
    for (size_t i = 0; i < e->count; i++)
        if (!envelope_next(&rest, &out[i])) return false;
    return rest.n == 0;
}
