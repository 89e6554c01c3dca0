/* How long things took, counted by ranges. Any thread adds, any thread reads, in no order: numbers for people, never for decisions. */
#ifndef ROOKERY_BASE_HISTOGRAM_H
#define ROOKERY_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 15 };
/* Upper bounds of the ranges in microseconds, ascending; the last range has none. */
extern const int64_t histogram_bound_us[HISTOGRAM_BOUNDS];

struct histogram {
    atomic_uint_fast64_t range[HISTOGRAM_BOUNDS + 1], us;
};

/* A negative time (clocks that were set) counts as none. */
void histogram_add(struct histogram *h, int64_t us);
void histogram_join(struct histogram *into, const struct histogram *from);

#endif
