/* Slices: a pointer and a length, never owned by the slice itself.
 *
 * A `struct str` does not end in NUL and may hold any byte. Whoever hands one out says how long the bytes live. */
#ifndef ROOKERY_BASE_STR_H
#define ROOKERY_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

/* A slice of a string literal. A macro because only a macro can take sizeof a literal. */
#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
/* For printf: `"%.*s", STR_FMT(s)`. */
#define STR_FMT(s) (int)(s).n, (s).p

static inline struct str str_make(const char *p, size_t n)
{
    return (struct str){p, n};
}
/* Of a C string; NULL gives the empty slice. */
static inline struct str str_c(const char *s)
{
    return (struct str){s, s ? strlen(s) : 0};
}
static inline bool str_empty(struct str s)
{
    return s.n == 0;
}
/* A slice whose pointer is NULL means "absent" where a header says so. */
static inline bool str_null(struct str s)
{
    return s.p == NULL;
}
static inline bool str_eq(struct str a, struct str b)
{
    if (a.n != b.n) return false;
    if (a.n == 0) return true;
    if (!a.p || !b.p) __builtin_unreachable(); /* what has bytes has a place */
    return memcmp(a.p, b.p, a.n) == 0;
}
static inline bool str_is(struct str a, const char *lit)
{
    return str_eq(a, str_c(lit));
}
static inline bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}
static inline bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}
/* The rest of `s` from byte `at` on; empty when `at` is beyond its end. */
static inline struct str str_from(struct str s, size_t at)
{
    size_t skip = at < s.n ? at : s.n;
    return (struct str){skip ? s.p + skip : s.p, s.n - skip};
}
static inline struct str str_first(struct str s, size_t n)
{
    return (struct str){s.p, n < s.n ? n : s.n};
}

/* Byte order, shorter first among equals: the order of the store's keys. */
int str_cmp(struct str a, struct str b);
/* Offset of the first `c`, or -1. */
ptrdiff_t str_find(struct str s, char c);
/* Whole slice as a decimal number (an optional '-' first); false when it is none or does not fit. */
bool str_to_int64(struct str s, int64_t *out);
/* True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool str_is_utf8(struct str s);
/* Length of the longest well-formed beginning; the whole length when all is well-formed. */
size_t str_utf8_prefix(struct str s);
/* ASCII case-insensitive equality (header names). */
bool str_eq_nocase(struct str a, struct str b);
/* 64-bit hash for tables in memory, with a seed of the process, so that nobody outside can choose keys that collide; never
 * written anywhere. */
uint64_t str_hash(struct str s);

#endif
