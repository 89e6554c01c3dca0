#include "engine/room/txns.h"

#include "cluster/wire.h"
#include "matrix/id.h"

static const int64_t TIME_MAX_MS = (int64_t)1 << 53;

enum { SET_MAX = 12288, SET_MIN = 16, DAY_MS = 24 * 3600 * 1000, MARK_BYTES = 4 };

void txns_init(struct txns *t, int64_t since_ms)
{
    *t = (struct txns){.since_ms = since_ms};
}

void txns_release(struct txns *t)
{
    mem_free(t->young.mark);
    mem_free(t->old.mark);
    txns_init(t, t->since_ms);
}

static uint32_t mark_of(struct str id)
{
    uint32_t mark = (uint32_t)(id_hash(id) >> 32); /* the same at every node */
    return mark ? mark : 1;
}

/* Where the mark is, or is to be. */
static uint32_t *place(const struct txn_set *s, uint32_t mark)
{
    size_t i = mark & (s->cap - 1);
    while (s->mark[i] && s->mark[i] != mark)
        i = (i + 1) & (s->cap - 1);
    return &s->mark[i];
}

static bool contains(const struct txn_set *s, uint32_t mark)
{
    return s->cap && *place(s, mark) == mark;
}

static void grow(struct txn_set *s)
{
    struct txn_set more = *s;
    more.cap = s->cap ? s->cap * 2 : SET_MIN;
    more.mark = mem_zero(more.cap * sizeof *more.mark);
    for (size_t i = 0; i < s->cap; i++)
        if (s->mark[i]) *place(&more, s->mark[i]) = s->mark[i];
    mem_free(s->mark);
    *s = more;
}

static void add(struct txn_set *s, uint32_t mark)
{
    if (!mark || contains(s, mark)) return;
    if ((s->count + 1) * 4 > s->cap * 3) grow(s);
    *place(s, mark) = mark;
    s->count++;
}

/* What the old set held came before the young one began. */
static void forget_old(struct txns *t, int64_t now_ms)
{
    if (t->old.count && t->since_ms <= t->young.began_ms) t->since_ms = t->young.began_ms + 1;
    mem_free(t->old.mark);
    t->old = t->young;
    t->young = (struct txn_set){.began_ms = now_ms};
}

void txns_note(struct txns *t, struct str id, int64_t now_ms)
{
    struct txn_set *s = &t->young;
    if (s->count == 0) s->began_ms = now_ms;
    if (s->count == SET_MAX || now_ms - s->began_ms >= DAY_MS) forget_old(t, now_ms);
    add(s, mark_of(id));
}

/* The marks of a set one after another, low byte first. */
static void set_tell(const struct txn_set *s, struct buf *b)
{
    wire_put_int(b, s->began_ms);
    wire_put_uint(b, s->count);
    for (size_t i = 0; i < s->cap; i++) {
        uint32_t m = s->mark[i];
        const char bytes[MARK_BYTES] = {(char)m, (char)(m >> 8), (char)(m >> 16), (char)(m >> 24)};
        if (m) buf_add(b, str_make(bytes, MARK_BYTES));
    }
}

static bool time_inherit(int64_t *ms, struct str *in)
{
    return wire_get_int(in, ms) && *ms >= -TIME_MAX_MS && *ms <= TIME_MAX_MS;
}

static bool set_inherit(struct txn_set *s, struct str *in)
{
    uint64_t count;
    if (!time_inherit(&s->began_ms, in) || !wire_get_uint(in, &count) || count > SET_MAX || in->n / MARK_BYTES < count) return false;
    for (const unsigned char *p = (const unsigned char *)in->p; count; count--, p += MARK_BYTES) {
        add(s, p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        *in = str_from(*in, MARK_BYTES);
    }
    return true;
}

void txns_tell(const struct txns *t, struct buf *b)
{
    wire_put_int(b, t->since_ms);
    set_tell(&t->young, b);
    set_tell(&t->old, b);
}

bool txns_inherit(struct txns *t, struct str *in)
{
    txns_init(t, 0);
    if (time_inherit(&t->since_ms, in) && set_inherit(&t->young, in) && set_inherit(&t->old, in)) return true;
    txns_release(t);
    return false;
}

bool txns_is_new(const struct txns *t, struct str id, int64_t now_ms)
{
    uint32_t mark = mark_of(id);
    return t->since_ms <= now_ms - DAY_MS && !contains(&t->young, mark) && !contains(&t->old, mark);
}
