/* Allocation. Running out of memory ends the process: every acknowledged change is durable, any process may die at any
 * time (invariant 3), and every size that a peer can choose is bounded by a limit before anything is allocated for it.
 * So no caller has an error path for it that nobody has ever run. */
#ifndef ROOKERY_BASE_MEM_H
#define ROOKERY_BASE_MEM_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/str.h"

#define must_use __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args), nonnull(fmt)))

/* Never NULL. `mem_zero` clears; the caller frees with mem_free. */
void *mem_alloc(size_t n) __attribute__((malloc, returns_nonnull));
void *mem_zero(size_t n) __attribute__((malloc, returns_nonnull));
/* An array of `count` items of `size`; the product is checked. */
void *mem_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_resize(void *p, size_t count, size_t size) __attribute__((returns_nonnull));
void mem_free(void *p);
/* Overwrites a secret in a way that the compiler keeps. */
void mem_wipe(void *p, size_t n);

/* Refcounted immutable bytes: what crosses threads or lifetimes (a serialised event, for one). */
struct bytes {
    atomic_uint refs;
    size_t n;
    char p[];
};
struct bytes *bytes_new(struct str s);
struct bytes *bytes_ref(struct bytes *b);
/* NULL is allowed. */
void bytes_unref(struct bytes *b);
static inline struct str bytes_str(const struct bytes *b)
{
    return b ? (struct str){b->p, b->n} : (struct str){0};
}

#endif
