#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p, size_t n)
{
    if (p == NULL) {
        fprintf(stderr, "rookery: out of memory (%zu bytes wanted)\n", n);
        abort();
    }
    return p;
}

void *mem_alloc(size_t n)
{
    return checked(malloc(n ? n : 1), n);
}

void *mem_zero(size_t n)
{
    return checked(calloc(1, n ? n : 1), n);
}

static size_t product(size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n)) abort();
    return n;
}

void *mem_array(size_t count, size_t size)
{
    return mem_alloc(product(count, size));
}

void *mem_resize(void *p, size_t count, size_t size)
{
    size_t n = product(count, size);
    return checked(realloc(p, n ? n : 1), n);
}

void mem_free(void *p)
{
    free(p);
}

void mem_wipe(void *p, size_t n)
{
    explicit_bzero(p, n);
}

struct bytes *bytes_new(struct str s)
{
    struct bytes *b = mem_alloc(sizeof *b + s.n);
    atomic_init(&b->refs, 1);
    b->n = s.n;
    if (s.n) memcpy(b->p, s.p, s.n);
    return b;
}

struct bytes *bytes_ref(struct bytes *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void bytes_unref(struct bytes *b)
{
    if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1) mem_free(b);
}
