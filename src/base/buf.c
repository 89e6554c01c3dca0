#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2};
}

void buf_init_in(struct buf *b, size_t max, void *room, size_t n)
{
    buf_init(b, max);
    b->p = room;
    b->cap = n <= b->max ? n : b->max + 1;
    b->borrowed = true;
}

void buf_release(struct buf *b)
{
    if (!b->borrowed) mem_free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->full = false;
}

/* There is always one byte more than the content needs: for the NUL of buf_printf, and so that an empty buffer has an address. */
char *buf_grow(struct buf *b, size_t n)
{
    if (b->full || n > b->max - b->n) {
        b->full = true;
        return NULL;
    }
    size_t cap = b->cap ? b->cap : 256;
    while (cap - b->n <= n)
        cap = cap > b->max / 2 ? b->max + 1 : cap * 2;
    if (cap > b->max) cap = b->max + 1;
    char *lent = b->borrowed ? b->p : NULL;
    b->p = mem_resize(lent ? NULL : b->p, cap, 1);
    if (lent && b->n) memcpy(b->p, lent, b->n);
    b->borrowed = false;
    b->cap = cap;
    return b->p + b->n;
}

void buf_add(struct buf *b, struct str s)
{
    if (s.n == 0) return;
    char *p = buf_room(b, s.n);
    if (!p) return;
    memcpy(p, s.p, s.n);
    b->n += s.n;
}

void buf_int(struct buf *b, int64_t v)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        digits[--at] = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (v < 0) digits[--at] = '-';
    buf_add(b, str_make(digits + at, sizeof digits - at));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *p = n < 0 ? NULL : buf_room(b, (size_t)n);
    if (p) {
        vsnprintf(p, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void buf_shift(struct buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}
