/* Growing byte buffers with a declared maximum.
 *
 * Past the maximum a buffer stops taking bytes and is `full` for good (until cleared): writers need not check each
 * call, whoever uses the result checks once with buf_ok. The buffer owns its memory, but for what buf_init_in lent it. */
#ifndef ROOKERY_BASE_BUF_H
#define ROOKERY_BASE_BUF_H

#include "base/mem.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t n, cap, max; /* n <= max, cap <= max + 1 */
    bool full, borrowed;
};

void buf_init(struct buf *b, size_t max);
/* Begins in memory that the caller lends for the buffer's life (an arena's, for one); allocates when more is needed. */
void buf_init_in(struct buf *b, size_t max, void *room, size_t n);
void buf_release(struct buf *b);
/* Empties, keeps the memory. */
void buf_clear(struct buf *b);
static inline bool buf_ok(const struct buf *b)
{
    return !b->full;
}
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

/* The slow half of buf_room. */
char *buf_grow(struct buf *b, size_t n);
/* Room for `n` more bytes at b->p + b->n, or NULL when that passes the maximum. buf_added says how many were used. */
static inline char *buf_room(struct buf *b, size_t n)
{
    return n < b->cap - b->n && !b->full ? b->p + b->n : buf_grow(b, n);
}
static inline void buf_added(struct buf *b, size_t n)
{
    b->n += n;
}

void buf_add(struct buf *b, struct str s);
static inline void buf_byte(struct buf *b, char c)
{
    char *p = buf_room(b, 1);
    if (!p) return;
    *p = c;
    b->n++;
}
void buf_int(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
/* Drops the first n bytes. */
void buf_shift(struct buf *b, size_t n);

#endif
