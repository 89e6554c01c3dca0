#include "cluster/command.h"

#include "cluster/wire.h"

/* The fields that both have: those at the end which say nothing are left out. */
static void put_fields(struct buf *b, const int64_t *num, const struct str *s)
{
    unsigned nums = COMMAND_INTS, strs = COMMAND_STRS;
    while (nums && num[nums - 1] == 0)
        nums--;
    while (strs && str_null(s[strs - 1]))
        strs--;
    wire_put_uint(b, nums);
    wire_put_uint(b, strs);
    for (unsigned i = 0; i < nums; i++)
        wire_put_int(b, num[i]);
    for (unsigned i = 0; i < strs; i++)
        wire_put_str(b, s[i]);
}

static bool get_fields(struct str *in, int64_t *num, struct str *s)
{
    uint64_t nums, strs;
    if (!wire_get_uint(in, &nums) || !wire_get_uint(in, &strs) || nums > COMMAND_INTS || strs > COMMAND_STRS) return false;
    for (unsigned i = 0; i < nums; i++)
        if (!wire_get_int(in, &num[i])) return false;
    for (unsigned i = 0; i < strs; i++)
        if (!wire_get_str(in, &s[i])) return false;
    return in->n == 0;
}

void command_encode(struct buf *b, const struct command *c)
{
    wire_put_uint(b, c->type);
    wire_put_str(b, c->key);
    put_fields(b, c->num, c->s);
}

bool command_decode(struct str in, struct command *out)
{
    uint64_t type;
    *out = (struct command){0};
    if (!wire_get_uint(&in, &type) || !wire_get_str(&in, &out->key) || type > 0xFFFF) return false;
    out->type = (unsigned)type;
    return get_fields(&in, out->num, out->s);
}

void reply_encode(struct buf *b, const struct reply *r)
{
    wire_put_uint(b, (uint64_t)r->err);
    wire_put_int(b, r->fault.retry_ms);
    wire_put_str(b, str_c(r->fault.text));
    put_fields(b, r->num, r->s);
}

bool reply_decode(struct str in, struct reply *out)
{
    uint64_t e;
    struct str text;
    *out = (struct reply){0};
    if (!wire_get_uint(&in, &e) || !wire_get_int(&in, &out->fault.retry_ms) || !wire_get_str(&in, &text)) return false;
    if (e >= ERR__COUNT || text.n >= sizeof out->fault.text) return false;
    out->err = out->fault.code = (enum err)e;
    if (text.n) memcpy(out->fault.text, text.p, text.n);
    return get_fields(&in, out->num, out->s);
}

void reply_own(struct arena *a, struct reply *r)
{
    for (unsigned i = 0; i < COMMAND_STRS; i++)
        if (!str_null(r->s[i])) r->s[i] = arena_str(a, r->s[i]);
}
