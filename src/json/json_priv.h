/* What the files of json/ share. */
#ifndef ROOKERY_JSON_JSON_PRIV_H
#define ROOKERY_JSON_JSON_PRIV_H

#include <endian.h>

#include "json/json.h"

#define JSON_INTEGER_MAX 9007199254740991 /* 2^53-1 */

/* A member and the first bytes of its key as a number, which decides most comparisons. */
struct json_sorted {
    uint64_t prefix;
    struct json *member;
};
enum { JSON_FEW = 16 };
/* The object's members by key, in byte order, which for UTF-8 is the order of code points. `room` is used when it is enough
 * (JSON_FEW), else the result is allocated. Give it back with json_sorted_free. */
struct json_sorted *json_sort(const struct json *object, struct json_sorted room[JSON_FEW]);
static inline void json_sorted_free(struct json_sorted *s, const struct json_sorted *room)
{
    if (s != room) mem_free(s);
}

static inline bool json_is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

/* High bit set in each byte of `w` that is zero. Bytes above the first such byte may be marked wrongly. */
static inline uint64_t json_zero_bytes(uint64_t w)
{
    return (w - 0x0101010101010101u) & ~w & 0x8080808080808080u;
}

/* High bit set in the first byte of `w` (loaded little-endian) that cannot stand in a string as it is; 0 when there is none. */
static inline uint64_t json_special(uint64_t w)
{
    uint64_t control = (w - 0x2020202020202020u) & ~w & 0x8080808080808080u;
    return control | json_zero_bytes(w ^ 0x2222222222222222u) | json_zero_bytes(w ^ 0x5C5C5C5C5C5C5C5Cu);
}

/* The first byte from `p` on that cannot stand in a string as it is (quote, backslash, control character), or `end`.
 * Eight bytes at a time. `*high` collects the bytes' high bits: when none is set, all were ASCII. */
static inline const char *json_plain_end(const char *p, const char *end, uint64_t *high)
{
    while (end - p >= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        w = le64toh(w);
        uint64_t special = json_special(w);
        *high |= w & 0x8080808080808080u;
        if (special) return p + (__builtin_ctzll(special) >> 3);
        p += 8;
    }
    for (; p < end && json_is_plain((unsigned char)*p); p++)
        *high |= (unsigned char)*p & 0x80;
    return p;
}

#endif
