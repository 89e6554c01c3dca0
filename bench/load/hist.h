/* Latency histograms with logarithmic buckets: 64 per power of two, so a quantile is off by less than 1.6 %. Values are microseconds. */
#ifndef ROOKERY_LOAD_HIST_H
#define ROOKERY_LOAD_HIST_H

#include <stddef.h>
#include <stdint.h>

enum { HIST_BUCKETS = 128 + 64 * 34 };
struct hist {
    uint64_t count, max;
    double sum;
    uint64_t bucket[HIST_BUCKETS];
};

void hist_add(struct hist *h, int64_t us);
/* The least value that at least the share `q` (0 to 1) of all values does not exceed; 0 when empty. */
uint64_t hist_quantile(const struct hist *h, double q);
double hist_mean(const struct hist *h);
/* The largest value that falls into a bucket. */
uint64_t hist_upper(size_t bucket);

#endif
