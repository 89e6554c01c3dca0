#include "cache/limiter.h"

#include <sodium.h>

#include "base/random.h"
#include "loop/fiber.h"

/* A word is a tag of 20 bits above a time of 44 bits: the theoretical arrival time (TAT) in microseconds, modulo 203 days.
 * The TAT is when the bucket will be full again; one that is not in the future says the same as no word at all. 0 is free. */
enum { WAYS = 8, TIME_BITS = 44, TAG_BITS = 64 - TIME_BITS, STEPS = 8 };
#define TIME_MASK (((uint64_t)1 << TIME_BITS) - 1)
#define AHEAD_MAX ((int64_t)1 << (TIME_BITS - 2)) /* of a full bucket; a shared one may be overdrawn by as much again */

struct limiter {
    uint64_t mask; /* number of sets - 1 */
    unsigned char secret[crypto_shorthash_KEYBYTES];
    _Atomic uint64_t *word; /* sets of WAYS words: with the usual line of 64 bytes, one miss per take */
    struct cache *cache;    /* NULL: not shared */
    atomic_uint *untold;    /* by word: taken, and not told to the cache yet. A key that takes over a place may inherit a little */
    atomic_uint telling;    /* fibers */
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
    mem_free(l->untold);
    mem_free(l);
}

void limiter_share(struct limiter *l, struct cache *c)
{
    l->cache = c;
    l->untold = mem_zero((l->mask + 1) * WAYS * sizeof *l->untold);
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
        int64_t d = ahead(w, now_us, 2 * AHEAD_MAX);
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

bool limiter_is_telling(const struct limiter *l)
{
    return atomic_load(&l->telling) > 0;
}

/* What is asked for: a bucket, by its place and its measures. */
struct bucket {
    _Atomic uint64_t *set;
    uint64_t tag;
    int64_t interval_us, most_us; /* of one; of all */
};

static struct bucket bucket_of(struct limiter *l, unsigned kind, struct str key, double per_second, unsigned burst)
{
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)(key.n ? key.p : ""), key.n, l->secret);
    hash ^= (kind + 1) * 0x9E3779B97F4A7C15u;
    int64_t interval = interval_us(per_second, burst);
    return (struct bucket){l->word + (hash & l->mask) * WAYS, hash >> TIME_BITS, interval, interval * burst};
}

/* What there is about the bucket's key: where, the word, and how much is owed. */
struct place {
    unsigned at;
    uint64_t seen;
    int64_t owed_us;
    bool ours; /* false: somebody else's, or free */
};

static struct place look(const struct bucket *b, int64_t now_us)
{
    struct place p = {0};
    p.at = choose(b->set, b->tag, now_us, &p.seen);
    p.ours = p.seen && p.seen >> TIME_BITS == b->tag;
    p.owed_us = p.ours ? ahead(p.seen, now_us, 2 * b->most_us) : 0;
    return p;
}

/* False: it has been changed meanwhile. Nothing else is published through the words, so relaxed order does. */
static bool change(const struct bucket *b, struct place *p, int64_t tat_us)
{
    uint64_t next = make_word(b->tag, tat_us);
    if (next == 0) next = 1; /* 0 means free */
    return atomic_compare_exchange_weak_explicit(&b->set[p->at], &p->seen, next, memory_order_relaxed, memory_order_relaxed);
}

/* --- sharing --- */

struct tale {
    struct limiter *limiter;
    struct bucket bucket;
    int64_t now_us, cost_us;
    char name[48];
};

/* At least so much is owed in all. */
static void learn(const struct bucket *b, int64_t now_us, int64_t owed_us)
{
    struct place p;
    do
        p = look(b, now_us);
    while (p.owed_us < owed_us && !change(b, &p, now_us + owed_us));
}

static void tell(void *arg)
{
    struct tale *t = arg;
    int64_t add_ms = (t->cost_us + 500) / 1000, most_ms = 2 * t->bucket.most_us / 1000, owed_ms;
    if (cache_owe(t->limiter->cache, str_c(t->name), add_ms > 1 ? add_ms : 1, most_ms > 1 ? most_ms : 1, &owed_ms))
        learn(&t->bucket, t->now_us, owed_ms * 1000);
    atomic_fetch_sub(&t->limiter->telling, 1);
    mem_free(t);
}

/* All nodes give a key the same name, from which nobody reads who it is. */
static void name_key(char *out, size_t size, unsigned kind, struct str key)
{
    unsigned char hash[crypto_generichash_BYTES_MIN];
    char hex[2 * sizeof hash + 1];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)(key.n ? key.p : ""), key.n, NULL, 0);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    snprintf(out, size, "limit%u:%s", kind, hex);
}

static void note(struct limiter *l, const struct bucket *b, const struct place *p, unsigned step, unsigned kind, struct str key,
                 int64_t now_us)
{
    atomic_uint *untold = &l->untold[b->set - l->word + p->at];
    if (!p->ours) atomic_store_explicit(untold, 0, memory_order_relaxed);
    if (atomic_fetch_add_explicit(untold, 1, memory_order_relaxed) + 1 < step) return;
    unsigned n = atomic_exchange_explicit(untold, 0, memory_order_relaxed);
    if (n == 0) return; /* another thread tells */
    struct tale *t = mem_alloc(sizeof *t);
    *t = (struct tale){.limiter = l, .bucket = *b, .now_us = now_us, .cost_us = n * b->interval_us};
    name_key(t->name, sizeof t->name, kind, key);
    atomic_fetch_add(&l->telling, 1);
    fiber_spawn(tell, t);
}

bool limiter_take(struct limiter *l, unsigned kind, struct str key, int64_t now_us, double per_second, unsigned burst, int64_t *retry_ms)
{
    if (!(per_second > 0)) return true;
    if (burst == 0) burst = 1;
    struct bucket b = bucket_of(l, kind, key, per_second, burst);
    struct place p;
    int64_t after;
    do {
        p = look(&b, now_us);
        after = p.owed_us + b.interval_us;
        if (after > b.most_us) {
            if (retry_ms) *retry_ms = (after - b.most_us + 999) / 1000;
            return false;
        }
    } while (!change(&b, &p, now_us + after));
    if (l->cache) note(l, &b, &p, burst / STEPS ? burst / STEPS : 1, kind, key, now_us);
    return true;
}
