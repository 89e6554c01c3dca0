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
uint64_t histogram_count(const struct histogram *h);
/* The time that a part (0 to 1) of all did not exceed, in microseconds, as if those of a range were spread evenly over it; beyond the last bound it is that.
 * 0 when there are none. */
double histogram_quantile_us(const struct histogram *h, double part);

#endif
