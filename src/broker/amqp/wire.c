#include "broker/amqp/wire.h"

enum { FRAME_END = 0xCE, TABLE_DEPTH = 8 };

/* --- reading --- */

static struct str take(struct wire_in *in, size_t n)
{
    if (in->bad || n > in->rest.n) {
        in->bad = true;
        return STR("");
    }
    struct str s = str_first(in->rest, n);
    in->rest = str_from(in->rest, n);
    return s;
}

static uint64_t number(struct wire_in *in, size_t bytes)
{
    struct str s = take(in, bytes);
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++)
        v = v << 8 | (unsigned char)s.p[i];
    return v;
}

uint8_t wire_u8(struct wire_in *in)
{
    return (uint8_t)number(in, 1);
}
uint16_t wire_u16(struct wire_in *in)
{
    return (uint16_t)number(in, 2);
}
uint32_t wire_u32(struct wire_in *in)
{
    return (uint32_t)number(in, 4);
}
uint64_t wire_u64(struct wire_in *in)
{
    return number(in, 8);
}
struct str wire_short(struct wire_in *in)
{
    return take(in, wire_u8(in));
}
struct str wire_long(struct wire_in *in)
{
    return take(in, wire_u32(in));
}

enum wire_got wire_frame(struct str *in, size_t max, struct frame *out)
{
    struct wire_in r = {.rest = *in};
    out->type = wire_u8(&r);
    out->channel = wire_u16(&r);
    size_t n = wire_u32(&r);
    if (r.bad) return WIRE_MORE;
    if (n + FRAME_OVERHEAD > max) return WIRE_BAD;
    out->payload = take(&r, n);
    unsigned end = wire_u8(&r);
    if (r.bad) return WIRE_MORE;
    *in = r.rest;
    return end == FRAME_END ? WIRE_FRAME : WIRE_BAD;
}

struct value {
    enum { VALUE_OTHER, VALUE_NUMBER, VALUE_TEXT } kind;
    int64_t number;
    struct str text;
};

static struct value number_value(struct wire_in *in, size_t bytes, bool is_signed)
{
    uint64_t v = number(in, bytes);
    unsigned drop = 64 - 8 * (unsigned)bytes;
    return (struct value){.kind = VALUE_NUMBER, .number = is_signed ? (int64_t)(v << drop) >> drop : (int64_t)v};
}

/* As RabbitMQ writes them, which is not in everything as the standard says. */
static struct value take_value(struct wire_in *in)
{
    switch (wire_u8(in)) {
    case 't':
    case 'B':
        return number_value(in, 1, false);
    case 'b':
        return number_value(in, 1, true);
    case 's':
        return number_value(in, 2, true);
    case 'u':
        return number_value(in, 2, false);
    case 'I':
        return number_value(in, 4, true);
    case 'i':
        return number_value(in, 4, false);
    case 'l':
    case 'L':
    case 'T':
        return number_value(in, 8, true);
    case 'S':
    case 'x':
        return (struct value){.kind = VALUE_TEXT, .text = wire_long(in)};
    case 'f':
        take(in, 4);
        break;
    case 'd':
        take(in, 8);
        break;
    case 'D':
        take(in, 5);
        break;
    case 'A':
    case 'F':
        wire_long(in);
        break;
    case 'V':
        break;
    default:
        in->bad = true;
    }
    return (struct value){0};
}

static bool find(struct str table, struct str key, struct value *out)
{
    struct wire_in in = {.rest = table};
    while (in.rest.n && !in.bad) {
        struct str name = wire_short(&in);
        *out = take_value(&in);
        if (!in.bad && str_eq(name, key)) return true;
    }
    return false;
}

bool wire_table_number(struct str table, struct str key, int64_t *out)
{
    struct value v;
    if (!find(table, key, &v) || v.kind != VALUE_NUMBER) return false;
    *out = v.number;
    return true;
}

bool wire_table_text(struct str table, struct str key, struct str *out)
{
    struct value v;
    if (!find(table, key, &v) || v.kind != VALUE_TEXT) return false;
    *out = v.text;
    return true;
}

/* Of the properties, in the order of their flags: content type, encoding, headers, delivery mode, priority, correlation id. */
bool wire_header(struct str payload, struct wire_header *out)
{
    struct wire_in in = {.rest = payload};
    *out = (struct wire_header){0};
    if (wire_u16(&in) != CLASS_BASIC) return false;
    wire_u16(&in);
    out->size = wire_u64(&in);
    unsigned flags = wire_u16(&in);
    if (flags & 1 << 15) wire_short(&in);
    if (flags & 1 << 14) wire_short(&in);
    if (flags & 1 << 13) out->headers = wire_long(&in);
    if (flags & 1 << 12) wire_u8(&in);
    if (flags & 1 << 11) wire_u8(&in);
    if (flags & 1 << 10) out->correlation = wire_short(&in);
    return !in.bad;
}

/* --- writing --- */

static void put(struct buf *b, uint64_t v, size_t bytes)
{
    char *p = buf_room(b, bytes);
    if (!p) return;
    for (size_t i = bytes; i-- > 0; v >>= 8)
        p[i] = (char)v;
    buf_added(b, bytes);
}

void wire_put_u8(struct buf *b, unsigned v)
{
    put(b, v, 1);
}
void wire_put_u16(struct buf *b, unsigned v)
{
    put(b, v, 2);
}
void wire_put_u32(struct buf *b, uint32_t v)
{
    put(b, v, 4);
}
void wire_put_u64(struct buf *b, uint64_t v)
{
    put(b, v, 8);
}
void wire_put_short(struct buf *b, struct str s)
{
    s = str_first(s, 255);
    put(b, s.n, 1);
    buf_add(b, s);
}
void wire_put_long(struct buf *b, struct str s)
{
    put(b, s.n, 4);
    buf_add(b, s);
}

/* Writes the length of what follows those four bytes. */
static void patch(struct buf *b, size_t at, size_t n)
{
    if (!buf_ok(b)) return;
    for (size_t i = 4; i-- > 0; n >>= 8)
        b->p[at + i] = (char)n;
}

size_t wire_begin(struct buf *b, enum frame_type type, unsigned channel)
{
    size_t begun = b->n;
    put(b, type, 1);
    put(b, channel, 2);
    put(b, 0, 4);
    return begun;
}

size_t wire_begin_method(struct buf *b, unsigned channel, unsigned method)
{
    size_t begun = wire_begin(b, FRAME_METHOD, channel);
    put(b, method, 4);
    return begun;
}

void wire_end(struct buf *b, size_t begun)
{
    patch(b, begun + 3, b->n - begun - (FRAME_OVERHEAD - 1));
    put(b, FRAME_END, 1);
}

void wire_put_method(struct buf *b, unsigned channel, unsigned method, size_t zeros)
{
    size_t begun = wire_begin_method(b, channel, method);
    put(b, 0, zeros);
    wire_end(b, begun);
}

size_t wire_begin_table(struct buf *b)
{
    size_t begun = b->n;
    put(b, 0, 4);
    return begun;
}

void wire_end_table(struct buf *b, size_t begun)
{
    patch(b, begun, b->n - begun - 4);
}

static void put_key(struct buf *b, const char *key, char type)
{
    wire_put_short(b, str_c(key));
    buf_byte(b, type);
}

void wire_put_text_field(struct buf *b, const char *key, struct str value)
{
    put_key(b, key, 'S');
    wire_put_long(b, value);
}

void wire_put_bool_field(struct buf *b, const char *key, bool value)
{
    put_key(b, key, 't');
    put(b, value, 1);
}

void wire_put_number_field(struct buf *b, const char *key, int64_t value)
{
    put_key(b, key, 'l');
    put(b, (uint64_t)value, 8);
}

static void put_header(struct buf *b, unsigned channel, const struct wire_message *m)
{
    enum { HAS_DELIVERY_MODE = 1 << 12, HAS_CORRELATION = 1 << 10, PERSISTENT = 2 };
    size_t begun = wire_begin(b, FRAME_HEADER, channel);
    put(b, CLASS_BASIC, 2);
    put(b, 0, 2);
    put(b, m->body.n, 8);
    put(b, (m->durable ? HAS_DELIVERY_MODE : 0) | (m->correlation.n ? HAS_CORRELATION : 0), 2);
    if (m->durable) put(b, PERSISTENT, 1);
    if (m->correlation.n) wire_put_short(b, m->correlation);
    wire_end(b, begun);
}

void wire_put_publish(struct buf *b, unsigned channel, size_t frame_max, const struct wire_message *m)
{
    enum { MANDATORY = 1 };
    size_t begun = wire_begin_method(b, channel, BASIC_PUBLISH);
    put(b, 0, 2);
    wire_put_short(b, m->exchange);
    wire_put_short(b, m->key);
    put(b, MANDATORY, 1);
    wire_end(b, begun);
    put_header(b, channel, m);
    for (struct str rest = m->body; rest.n;) {
        struct str part = str_first(rest, frame_max - FRAME_OVERHEAD);
        begun = wire_begin(b, FRAME_BODY, channel);
        buf_add(b, part);
        wire_end(b, begun);
        rest = str_from(rest, part.n);
    }
}
