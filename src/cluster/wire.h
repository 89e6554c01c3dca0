/* Numbers and slices as bytes: what commands and records are made of on their way to another node or into a row. */
#ifndef ROOKERY_CLUSTER_WIRE_H
#define ROOKERY_CLUSTER_WIRE_H

#include "base/buf.h"
#include "base/varint.h"

static inline void wire_put_uint(struct buf *b, uint64_t v)
{
    char bytes[VARINT_MAX];
    buf_add(b, str_make(bytes, (size_t)(varint_put(bytes, v) - bytes)));
}

/* Takes it off the front of `in`; false where there is none. */
static inline bool wire_get_uint(struct str *in, uint64_t *out)
{
    return varint_take(in, out);
}

/* Small ones of either sign are short. */
static inline void wire_put_int(struct buf *b, int64_t v)
{
    wire_put_uint(b, varint_fold(v));
}
static inline bool wire_get_int(struct str *in, int64_t *out)
{
    uint64_t v;
    if (!wire_get_uint(in, &v)) return false;
    *out = varint_unfold(v);
    return true;
}

/* 0 is the null slice, otherwise the length and one. */
static inline void wire_put_str(struct buf *b, struct str s)
{
    wire_put_uint(b, s.p ? s.n + 1 : 0);
    buf_add(b, s);
}
static inline bool wire_get_str(struct str *in, struct str *out)
{
    uint64_t n;
    if (!wire_get_uint(in, &n)) return false;
    *out = (struct str){0};
    if (n == 0) return true;
    if (n - 1 > in->n) return false;
    *out = str_first(*in, (size_t)(n - 1));
    *in = str_from(*in, (size_t)(n - 1));
    return true;
}

#endif
