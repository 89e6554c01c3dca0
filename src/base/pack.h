/* Lists of slices in one slice: each with its length before it. For lists inside a command or reply. */
#ifndef ROOKERY_BASE_PACK_H
#define ROOKERY_BASE_PACK_H

#include "base/buf.h"

static inline void pack_str(struct buf *b, struct str s)
{
    uint32_t n = (uint32_t)s.n;
    buf_add(b, str_make((const char *)&n, sizeof n));
    buf_add(b, s);
}
/* The next one; false at the end (or where the bytes end too early). */
static inline bool pack_next(struct str *in, struct str *out)
{
    uint32_t n;
    if (in->n < sizeof n) return false;
    memcpy(&n, in->p, sizeof n);
    if (n > in->n - sizeof n) return false;
    *out = str_make(in->p + sizeof n, n);
    *in = str_from(*in, sizeof n + n);
    return true;
}

#endif
