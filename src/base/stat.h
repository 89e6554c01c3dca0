/* Counters that one thread writes and others read, in no order: numbers for people, never for decisions. */
#ifndef ROOKERY_BASE_STAT_H
#define ROOKERY_BASE_STAT_H

#include <stdint.h>

static inline uint64_t stat_get(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}
/* On the counter's own thread. */
static inline void stat_add(uint64_t *counter, int64_t by)
{
    __atomic_store_n(counter, stat_get(counter) + (uint64_t)by, __ATOMIC_RELAXED);
}

#endif
