#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* In a build with AddressSanitizer, what has not been handed out (again) may not be touched; without it these are nothing. */
#include <sanitizer/asan_interface.h>

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    _Alignas(16) char data[];
};

enum { CHUNK = 8192 - sizeof(struct arena_chunk) - 16 };

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

void arena_init_small(struct arena *a, size_t first)
{
    *a = (struct arena){.first = first};
}

static void free_chunks(struct arena_chunk *c)
{
    while (c) {
        struct arena_chunk *next = c->next;
        mem_free(c);
        c = next;
    }
}

void arena_release(struct arena *a)
{
    free_chunks(a->chunks);
    *a = (struct arena){.first = a->first};
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *keep = a->chunks;
    /* An outsized chunk is not worth keeping: one large request must not hold its memory for ever. */
    if (keep && keep->size > 8 * CHUNK) {
        arena_release(a);
        return;
    }
    if (keep) {
        free_chunks(keep->next);
        keep->next = NULL;
        a->at = keep->data;
        a->end = keep->data + keep->size;
        ASAN_POISON_MEMORY_REGION(keep->data, keep->size);
    }
    a->used = 0;
}

static void grow(struct arena *a, size_t n)
{
    size_t size = a->chunks ? a->chunks->size * 2 : a->first ? a->first : CHUNK;
    if (size > 1u << 20) size = 1u << 20;
    if (size < n) size = n;
    struct arena_chunk *c = mem_alloc(sizeof *c + size);
    c->size = size;
    c->next = a->chunks;
    a->chunks = c;
    a->at = c->data;
    a->end = c->data + size;
    ASAN_POISON_MEMORY_REGION(c->data, size);
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX / 2) abort();
    if (n == 0) n = 1; /* a fresh arena has no address to give otherwise */
    size_t room = (n + 15) & ~(size_t)15;
    if ((size_t)(a->end - a->at) < room) grow(a, room);
    void *p = a->at;
    ASAN_UNPOISON_MEMORY_REGION(p, n);
    a->at += room;
    a->used += room;
    return p;
}

void *arena_zero(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);
    memset(p, 0, n);
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n)) abort();
    return arena_zero(a, n);
}

struct str arena_str(struct arena *a, struct str s)
{
    if (s.p == NULL) return s;
    char *p = arena_alloc(a, s.n + 1);
    if (s.n) memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return (struct str){p, s.n};
}

char *arena_cstr(struct arena *a, struct str s)
{
    return (char *)(uintptr_t)arena_str(a, s.p ? s : STR("")).p;
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) abort();
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return (struct str){p, (size_t)n};
}

struct str arena_join(struct arena *a, struct str x, struct str y, struct str z)
{
    char *p = arena_alloc(a, x.n + y.n + z.n + 1);
    if (x.n) memcpy(p, x.p, x.n);
    if (y.n) memcpy(p + x.n, y.p, y.n);
    if (z.n) memcpy(p + x.n + y.n, z.p, z.n);
    p[x.n + y.n + z.n] = 0;
    return (struct str){p, x.n + y.n + z.n};
}
