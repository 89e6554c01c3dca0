#include "base/histogram.h"

const int64_t histogram_bound_us[HISTOGRAM_BOUNDS] = {100,   250,    500,    1000,   2500,    5000,    10000,  25000,
                                                      50000, 100000, 250000, 500000, 1000000, 2500000, 5000000};

static void add(atomic_uint_fast64_t *v, uint64_t n)
{
    atomic_fetch_add_explicit(v, n, memory_order_relaxed);
}

void histogram_add(struct histogram *h, int64_t us)
{
    unsigned i = 0;
    while (i < HISTOGRAM_BOUNDS && us > histogram_bound_us[i])
        i++;
    add(&h->range[i], 1);
    if (us > 0) add(&h->us, (uint64_t)us);
}

void histogram_join(struct histogram *into, const struct histogram *from)
{
    for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
        add(&into->range[i], atomic_load_explicit(&from->range[i], memory_order_relaxed));
    add(&into->us, atomic_load_explicit(&from->us, memory_order_relaxed));
}

static uint64_t count_of(const struct histogram *h, unsigned range)
{
    return atomic_load_explicit(&h->range[range], memory_order_relaxed);
}

uint64_t histogram_count(const struct histogram *h)
{
    uint64_t n = 0;
    for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
        n += count_of(h, i);
    return n;
}

double histogram_quantile_us(const struct histogram *h, double part)
{
    double left = part * (double)histogram_count(h), from = 0;
    if (left <= 0) return 0;
    for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
        double n = (double)count_of(h, i), to = (double)histogram_bound_us[i];
        if (left <= n) return from + (to - from) * left / n;
        left -= n;
        from = to;
    }
    return from;
}
