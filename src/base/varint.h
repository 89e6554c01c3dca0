/* Unsigned numbers as bytes, small ones in few: seven bits each, the lowest first, the eighth says that more follow. In records of the store's
 * log, commands, sync tokens. */
#ifndef ROOKERY_BASE_VARINT_H
#define ROOKERY_BASE_VARINT_H

#include "base/str.h"

enum { VARINT_MAX = 10 }; /* bytes of the largest */

/* Returns the byte behind it; there is room for VARINT_MAX. */
static inline char *varint_put(char *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (char)(v | 0x80);
    *p++ = (char)v;
    return p;
}

/* Takes it off the front of `in`; false, and `in` as it was, on bytes that varint_put does not write. */
static inline bool varint_take(struct str *in, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned at = 0; at < in->n && at < VARINT_MAX; at++) {
        unsigned char b = (unsigned char)in->p[at];
        v |= (uint64_t)(b & 0x7F) << 7 * at;
        if (b & 0x80) continue;
        if ((at == VARINT_MAX - 1 && b > 1) || (at && b == 0)) return false;
        *in = str_from(*in, at + 1);
        *out = v;
        return true;
    }
    return false;
}

/* Numbers of either sign as unsigned ones, so that small ones are short. */
static inline uint64_t varint_fold(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}
static inline int64_t varint_unfold(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

#endif
