#include "hist.h"

static size_t bucket_of(uint64_t v)
{
    if (v < 128) return (size_t)v;
    unsigned e = 63 - (unsigned)__builtin_clzll(v);
    size_t i = 128 + (size_t)(e - 7) * 64 + (size_t)((v >> (e - 6)) - 64);
    return i < HIST_BUCKETS ? i : HIST_BUCKETS - 1;
}

uint64_t hist_upper(size_t i)
{
    if (i < 128) return i;
    unsigned e = (unsigned)((i - 128) / 64) + 7;
    return (((i - 128) % 64 + 64 + 1) << (e - 6)) - 1;
}

void hist_add(struct hist *h, int64_t us)
{
    uint64_t v = us > 0 ? (uint64_t)us : 0;
    h->count++;
    h->sum += (double)v;
    if (v > h->max) h->max = v;
    h->bucket[bucket_of(v)]++;
}

uint64_t hist_quantile(const struct hist *h, double q)
{
    uint64_t seen = 0;
    double wanted = q * (double)h->count;
    for (size_t i = 0; i < HIST_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen > 0 && (double)seen >= wanted) return hist_upper(i) < h->max ? hist_upper(i) : h->max;
    }
    return h->max;
}

double hist_mean(const struct hist *h)
{
    return h->count ? h->sum / (double)h->count : 0;
}
