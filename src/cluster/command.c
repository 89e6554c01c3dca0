#include "cluster/command.h"

static void put_varint(struct buf *b, uint64_t v)
{
    while (v >= 0x80) {
        buf_byte(b, (char)(v | 0x80));
        v >>= 7;
    }
    buf_byte(b, (char)v);
}

static bool get_varint(struct str *in, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && in->n; shift += 7) {
        unsigned char c = (unsigned char)in->p[0];
        *in = str_from(*in, 1);
        v |= (uint64_t)(c & 0x7F) << shift;
        if (!(c & 0x80)) {
            *out = v;
            return true;
        }
    }
    return false;
}

/* 0 is the null slice, otherwise the length and one. */
static void put_str(struct buf *b, struct str s)
{
    put_varint(b, s.p ? s.n + 1 : 0);
    buf_add(b, s);
}

static bool get_str(struct str *in, struct str *out)
{
    uint64_t n;
    if (!get_varint(in, &n)) return false;
    *out = (struct str){0};
    if (n == 0) return true;
    if (n - 1 > in->n) return false;
    *out = str_first(*in, (size_t)(n - 1));
    *in = str_from(*in, (size_t)(n - 1));
    return true;
}

static uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}
static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

void command_encode(struct buf *b, const struct command *c)
{
    unsigned nums = COMMAND_INTS, strs = COMMAND_STRS;
    while (nums && c->num[nums - 1] == 0)
        nums--;
    while (strs && str_null(c->s[strs - 1]))
        strs--;
    put_varint(b, c->type);
    put_str(b, c->key);
    put_varint(b, nums);
    put_varint(b, strs);
    for (unsigned i = 0; i < nums; i++)
        put_varint(b, zigzag(c->num[i]));
    for (unsigned i = 0; i < strs; i++)
        put_str(b, c->s[i]);
}

bool command_decode(struct str in, struct command *out)
{
    uint64_t type, nums, strs, v;
    *out = (struct command){0};
    if (!get_varint(&in, &type) || !get_str(&in, &out->key) || !get_varint(&in, &nums) || !get_varint(&in, &strs)) return false;
    if (type > 0xFFFF || nums > COMMAND_INTS || strs > COMMAND_STRS) return false;
    out->type = (unsigned)type;
    for (unsigned i = 0; i < nums; i++) {
        if (!get_varint(&in, &v)) return false;
        out->num[i] = unzigzag(v);
    }
    for (unsigned i = 0; i < strs; i++)
        if (!get_str(&in, &out->s[i])) return false;
    return in.n == 0;
}
