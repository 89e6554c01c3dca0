#include "cache/limiter.h"

#include <sodium.h>

#include "base/random.h"

/* A word is a tag of 20 bits above a time of 44 bits: the theoretical arrival time (TAT) in microseconds, modulo 203 days.
 * The TAT is when the bucket will be full again; one that is not in the future says the same as no word at all. 0 is free. */
enum { WAYS = 8, TIME_BITS = 44, TAG_BITS = 64 - TIME_BITS };
#define TIME_MASK (((uint64_t)1 << TIME_BITS) - 1)
#define AHEAD_MAX ((int64_t)1 << (TIME_BITS - 2))

struct limiter {
    uint64_t mask; /* number of sets - 1 */
    unsigned char secret[crypto_shorthash_KEYBYTES];
    _Atomic uint64_t *word; /* sets of WAYS words: with the usual line of 64 bytes, one miss per take */
};

struct limiter *limiter_new(size_t keys)
{
    uint64_t sets = 1;
    while (sets * WAYS < keys && sets < (uint64_t)1 << 28)
        sets *= 2;
    struct limiter *l = mem_zero(sizeof *l);
    l->mask = sets - 1;
    random_bytes(l->secret, sizeof l->secret);
    size_t size = sets * WAYS * sizeof *l->word;
    if (posix_memalign((void **)&l->word, 64, size) != 0) abort();
    memset((void *)l->word, 0, size);
    return l;
}

void limiter_free(struct limiter *l)
{
    if (!l) return;
    free((void *)l->word);
    mem_free(l);
}

/* How far the word's TAT lies after `now`; 0 when it says nothing (free, over, or left from before the clock's last lap: no
 * limit reaches further than `most` ahead). */
static int64_t ahead(uint64_t word, int64_t now_us, int64_t most)
{
    if (word == 0) return 0;
    int64_t d = (int64_t)((word - (uint64_t)now_us) & TIME_MASK);
    return d > most ? 0 : d;
}

static uint64_t make_word(uint64_t tag, int64_t tat_us)
{
    return tag << TIME_BITS | ((uint64_t)tat_us & TIME_MASK);
}

/* The place of the tag; else a free one; else the one that will be free first. */
static unsigned choose(_Atomic uint64_t *set, uint64_t tag, int64_t now_us, uint64_t *seen)
{
    unsigned best = 0;
    int64_t least = INT64_MAX;
    for (unsigned i = 0; i < WAYS; i++) {
        uint64_t w = atomic_load_explicit(&set[i], memory_order_relaxed);
        if (w && w >> TIME_BITS == tag) {
            *seen = w;
            return i;
        }
        int64_t d = ahead(w, now_us, AHEAD_MAX);
        if (d < least) {
            least = d;
            best = i;
            *seen = w;
        }
    }
    return best;
}

static int64_t interval_us(double per_second, unsigned burst)
{
    double t = 1e6 / per_second, most = (double)AHEAD_MAX / burst;
    if (t > most) t = most;
    return t < 1 ? 1 : (int64_t)(t + 0.5);
}

bool limiter_take(struct limiter *l, unsigned kind, struct str key, int64_t now_us, double per_second, unsigned burst, int64_t *retry_ms)
{
    if (!(per_second > 0)) return true;
    if (burst == 0) burst = 1;
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)(key.n ? key.p : ""), key.n, l->secret);
    hash ^= (kind + 1) * 0x9E3779B97F4A7C15u;
    uint64_t tag = hash >> TIME_BITS;
    _Atomic uint64_t *set = l->word + (hash & l->mask) * WAYS;
    int64_t interval = interval_us(per_second, burst), most = interval * burst;
    /* Nothing else is published through the words, so relaxed order does. */
    for (;;) {
        uint64_t seen = 0;
        unsigned at = choose(set, tag, now_us, &seen);
        bool ours = seen && seen >> TIME_BITS == tag;
        int64_t after = (ours ? ahead(seen, now_us, most) : 0) + interval;
        if (after > most) {
            if (retry_ms) *retry_ms = (after - most + 999) / 1000;
            return false;
        }
        uint64_t next = make_word(tag, now_us + after);
        if (next == 0) next = 1; /* 0 means free */
        if (atomic_compare_exchange_weak_explicit(&set[at], &seen, next, memory_order_relaxed, memory_order_relaxed)) return true;
    }
}
