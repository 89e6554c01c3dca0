/* Randomness from the kernel; fit for secrets. Safe from every thread. */
#ifndef ROOKERY_BASE_RANDOM_H
#define ROOKERY_BASE_RANDOM_H

#include "base/arena.h"

void random_bytes(void *out, size_t n);
uint64_t random_u64(void);
/* `n` characters of [A-Za-z0-9], in the arena: about 5.95 bits each. */
struct str random_id(struct arena *a, size_t n);

#endif
