/* Arenas: memory for one request's, command's or parse's life, freed at once. Not thread-safe; one owner.
 *
 * Everything handed out lives until arena_reset or arena_release. There is no free of single pieces. */
#ifndef ROOKERY_BASE_ARENA_H
#define ROOKERY_BASE_ARENA_H

#include "base/mem.h"
#include "base/str.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks; /* newest first */
    char *at, *end;
    size_t used;  /* bytes handed out since the last reset */
    size_t first; /* of the first chunk; 0: the usual */
};

void arena_init(struct arena *a);
/* For something small that stays: the first chunk has room for `first` bytes only. */
void arena_init_small(struct arena *a, size_t first);
/* Frees all; the arena may be used again afterwards, as after init. */
void arena_release(struct arena *a);
/* Forgets all, but keeps one chunk for the next round. */
void arena_reset(struct arena *a);

/* 16-byte aligned, never NULL. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
void *arena_zero(struct arena *a, size_t n) __attribute__((returns_nonnull));
void *arena_array(struct arena *a, size_t count, size_t size) __attribute__((returns_nonnull));
struct str arena_str(struct arena *a, struct str s);
/* NUL-terminated copy, for C libraries; embedded NULs stay. */
char *arena_cstr(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) printf_like(2, 3);
/* a+b(+c) in one. */
struct str arena_join(struct arena *a, struct str x, struct str y, struct str z);

#endif
