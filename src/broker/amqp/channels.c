/* The channels of a line: their numbers, and putting together what comes in on them in pieces. */
#include "broker/amqp/line.h"

enum { CONTENT_MOST = BROKER_MESSAGE_MAX + 65536 };

/* --- numbers --- */

static unsigned free_number(struct line *l)
{
    for (unsigned i = 1; i <= l->channels; i++) {
        unsigned number = (l->last_channel + i - 1) % l->channels + 1;
        if (!l->channel[number]) return number;
    }
    return 0;
}

bool channel_open(struct line *l, struct channel *c, const struct channel_ops *ops)
{
    unsigned number = l->state == LINE_OPEN ? free_number(l) : 0;
    if (!number) return false;
    *c = (struct channel){.ops = ops, .line = l, .number = number};
    l->channel[number] = c;
    l->last_channel = number;
    wire_put_method(line_out(l), number, CHANNEL_OPEN, 1);
    line_flush_soon(l);
    return true;
}

static void forget_content(struct channel *c)
{
    mem_free(c->content.post);
    c->content = (struct content){0};
}

void channel_close(struct channel *c)
{
    struct buf *b = line_out(c->line);
    c->closing = true;
    forget_content(c);
    size_t begun = wire_begin_method(b, c->number, CHANNEL_CLOSE);
    wire_put_u16(b, 200);
    wire_put_u8(b, 0);
    wire_put_u32(b, 0);
    wire_end(b, begun);
    line_flush_soon(c->line);
}

static void channel_end(struct channel *c, unsigned code, struct str text)
{
    c->line->channel[c->number] = NULL;
    c->line = NULL;
    forget_content(c);
    c->ops->closed(c, code, text);
}

void channels_end(struct line *l)
{
    for (unsigned i = 1; i <= LINE_CHANNELS; i++)
        if (l->channel[i]) channel_end(l->channel[i], 0, STR(""));
}

/* --- content --- */

static void whole(struct channel *c)
{
    struct content t = c->content;
    c->content = (struct content){0};
    c->ops->content(c, &t);
    mem_free(t.post);
}

static void begin_content(struct channel *c, unsigned method, struct wire_in *args)
{
    struct content *t = &c->content;
    forget_content(c);
    t->under_way = true;
    t->returned = method == BASIC_RETURN;
    if (t->returned) {
        wire_u16(args);
        wire_short(args);
    } else {
        wire_short(args);
        t->tag = wire_u64(args);
        t->again = wire_u8(args) & 1;
    }
    wire_short(args); /* the exchange */
    struct str key = wire_short(args);
    if (key.n) memcpy(t->key, key.p, key.n);
    t->key[key.n] = 0;
}

static bool take_header(struct channel *c, struct str payload)
{
    struct content *t = &c->content;
    struct wire_header h;
    int64_t number;
    if (!t->under_way || t->post || !wire_header(payload, &h) || h.size > CONTENT_MOST) return false;
    t->count = t->again;
    (void)wire_table_number(h.headers, STR("x-delivery-count"), &t->count);
    if (str_to_int64(h.correlation, &number) && number > 0) t->number = (uint64_t)number;
    t->post = post_new(POST_BYTES, (size_t)h.size);
    if (h.size == 0) whole(c);
    return true;
}

static bool take_body(struct channel *c, struct str payload)
{
    struct content *t = &c->content;
    if (!t->post || payload.n > t->post->n - t->got) return false;
    if (payload.n) memcpy(t->post->bytes + t->got, payload.p, payload.n);
    t->got += payload.n;
    if (t->got == t->post->n) whole(c);
    return true;
}

/* --- frames --- */

static void closed_by_broker(struct channel *c, struct wire_in *args)
{
    struct line *l = c->line;
    unsigned code = wire_u16(args);
    struct str text = wire_short(args);
    wire_put_method(line_out(l), c->number, CHANNEL_CLOSE_OK, 0);
    line_flush_soon(l);
    channel_end(c, c->closing ? 0 : code ? code : 1, text);
}

static bool take_method(struct channel *c, struct str payload)
{
    struct wire_in args = {.rest = payload};
    unsigned method = wire_u32(&args);
    if (method == CHANNEL_CLOSE)
        closed_by_broker(c, &args);
    else if (method == CHANNEL_CLOSE_OK && c->closing)
        channel_end(c, 0, STR(""));
    else if (!c->closing && (method == BASIC_DELIVER || method == BASIC_RETURN))
        begin_content(c, method, &args);
    else if (!c->closing)
        c->ops->method(c, method, &args);
    return !args.bad;
}

/* Who closed a channel when the broker just did too gets two answers. */
static bool is_late_answer(const struct frame *f)
{
    struct wire_in in = {.rest = f->payload};
    return f->type == FRAME_METHOD && wire_u32(&in) == CHANNEL_CLOSE_OK;
}

void channels_frame(struct line *l, const struct frame *f)
{
    struct channel *c = f->channel <= LINE_CHANNELS ? l->channel[f->channel] : NULL;
    bool ok = c != NULL || is_late_answer(f);
    if (c && f->type == FRAME_METHOD)
        ok = take_method(c, f->payload);
    else if (c && !c->closing)
        ok = f->type == FRAME_HEADER ? take_header(c, f->payload) : f->type == FRAME_BODY && take_body(c, f->payload);
    if (!ok && line_is_up(l)) line_fail(l, ERR_UNAVAILABLE, "it says something on channel %u that has no place there", f->channel);
}
