/* What the local cache promises beyond the contract: the bound, who has to go, threads. */
#include "cache/local/local.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/random.h"

static void put(struct cache *c, const char *prefix, int i, size_t size)
{
    static char filler[300000];
    char key[32];
    snprintf(key, sizeof key, "%s%d", prefix, i);
    cache_set(c, str_c(key), str_make(filler, size), 1, 60000);
}

static bool there(struct cache *c, const char *prefix, int i)
{
    struct arena a;
    struct cache_value v;
    char key[32];
    arena_init(&a);
    snprintf(key, sizeof key, "%s%d", prefix, i);
    bool found = cache_get(c, str_c(key), &a, &v);
    arena_release(&a);
    return found;
}

static void stays_below_its_bound(void **state)
{
    (void)state;
    enum { BOUND = 4 << 20 };
    struct cache *c = cache_local_open(BOUND, &clock_system);
    struct cache_stats s;
    for (int i = 0; i < 20000; i++) {
        put(c, "k", i, (size_t)(i % 1000));
        if (i % 1000 == 0) {
            cache_stats(c, &s);
            assert_true(s.bytes <= BOUND);
        }
    }
    cache_stats(c, &s);
    assert_true(s.bytes > BOUND / 2);
    assert_true(s.evicted > 1000);
    assert_int_equal(s.entries + s.evicted, 20000);
    cache_close(c);
}

static void least_recently_used_goes_first(void **state)
{
    (void)state;
    struct cache *c = cache_local_open(4 << 20, &clock_system);
    for (int i = 0; i < 50; i++)
        put(c, "hot", i, 100);
    for (int i = 0; i < 20000; i++) {
        put(c, "cold", i, 1000);
        assert_true(there(c, "hot", i % 50));
    }
    assert_false(there(c, "cold", 0));
    assert_true(there(c, "cold", 19999));
    cache_close(c);
}

static void too_large_for_a_shard(void **state)
{
    (void)state;
    struct cache *c = cache_local_open(1 << 20, &clock_system); /* 64 KiB a shard */
    struct cache_stats s;
    put(c, "k", 1, 1000);
    put(c, "k", 1, 100000);
    assert_false(there(c, "k", 1));
    cache_stats(c, &s);
    assert_int_equal(s.entries, 0);
    assert_int_equal(s.bytes, 0);
    assert_int_equal(s.refused, 1);
    cache_close(c);
}

static void nothing_fits(void **state)
{
    (void)state;
    struct cache *c = cache_local_open(0, &clock_system);
    int64_t n;
    put(c, "k", 1, 1);
    assert_false(there(c, "k", 1));
    assert_false(cache_incr(c, STR("c"), 1, 1000, &n));
    cache_close(c);
}

static void counters_stop_at_the_ends(void **state)
{
    (void)state;
    struct cache *c = cache_local_open(1 << 20, &clock_system);
    int64_t n;
    assert_true(cache_incr(c, STR("c"), INT64_MAX, 10000, &n));
    assert_true(cache_incr(c, STR("c"), 5, 10000, &n));
    assert_true(n == INT64_MAX);
    cache_close(c);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *hammer(void *arg)
{
    struct cache *c = arg;
    struct arena a;
    arena_init(&a);
    uint64_t x = random_u64();
    for (int i = 0; i < ROUNDS; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        char key[32], value[64];
        int k = (int)(x >> 33) % 200;
        snprintf(key, sizeof key, "k%d", k);
        int64_t n;
        struct cache_value v;
        if (x >> 62 == 0) {
            snprintf(value, sizeof value, "value of k%d at %d", k, i);
            cache_set(c, str_c(key), str_c(value), i, 60000);
        } else if (x >> 58 == 63) {
            cache_del(c, str_c(key), i);
        } else if (cache_get(c, str_c(key), &a, &v)) {
            snprintf(value, sizeof value, "value of k%d at %lld", k, (long long)v.position);
            if (!str_eq(v.value, str_c(value))) return (void *)1;
        }
        if (!cache_incr(c, STR("total"), 1, 600000, &n)) return (void *)1;
        arena_reset(&a);
    }
    arena_release(&a);
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    struct cache *c = cache_local_open(1 << 20, &clock_system);
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, hammer, c), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(t[i], &failed);
        assert_null(failed);
    }
    int64_t n;
    assert_true(cache_incr(c, STR("total"), 0, 1000, &n));
    assert_int_equal(n, THREADS * ROUNDS);
    cache_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_below_its_bound), cmocka_unit_test(least_recently_used_goes_first), cmocka_unit_test(too_large_for_a_shard),
        cmocka_unit_test(nothing_fits),          cmocka_unit_test(counters_stop_at_the_ends),      cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
