/* What cache.h promises, checked on every back end. A back end adds a row to `backends`; one that waits gives a `run` that calls
 * inside a fiber, and an `advance` that really waits. */
#include "cache/cache.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "cache/local/local.h"
#include "cache/redis/redis.h"
#include "contract/in_fiber.h"
#include "redis_server.h"

struct backend {
    const char *name;
    struct cache *(*open)(void);
    void (*advance)(int64_t ms);
    void (*run)(void (*fn)(void));
};

/* --- the local back end: time is a variable --- */
static int64_t now_us = 1000;
static int64_t fake_now(void *ctx)
{
    (void)ctx;
    return now_us;
}
static const struct clock fake_clock = {.wall_ms = fake_now, .mono_us = fake_now};
static struct cache *local_open(void)
{
    return cache_local_open(64u << 20, &fake_clock);
}
static void local_advance(int64_t ms)
{
    now_us += ms * 1000;
}
static void call(void (*fn)(void))
{
    fn();
}

/* --- Redis: a server for all tests, emptied before each --- */
static struct redis_server redis;
static struct cache *redis_open(void)
{
    struct cache *c = NULL;
    if (!redis.pid) redis_start(&redis);
    redis_do(&redis, "FLUSHALL");
    const struct cache_redis_config config = {.url = str_c(redis.url), .prefix = STR("contract"), .patience_ms = 20000};
    return cache_redis_open(&config, &c, NULL) == ERR_OK ? c : NULL;
}
static void redis_advance(int64_t ms)
{
    fiber_sleep_ms(ms);
}

static const struct backend backends[] = {{"local", local_open, local_advance, call}, {"redis", redis_open, redis_advance, in_fiber}};

static const struct backend *backend;
static struct cache *cache;
static struct arena arena;

static void has(struct str key, struct str value, int64_t position)
{
    struct cache_value v;
    assert_true(cache_get(cache, key, &arena, &v));
    assert_true(str_eq(v.value, value));
    assert_int_equal(v.position, position);
}

static void has_not(struct str key)
{
    struct cache_value v;
    assert_false(cache_get(cache, key, &arena, &v));
}

static void set_get_replace(void)
{
    has_not(STR("a"));
    cache_set(cache, STR("a"), STR("one"), 5, 60000);
    has(STR("a"), STR("one"), 5);
    has_not(STR("b"));
    has_not(STR(""));
    cache_set(cache, STR("a"), STR("two"), 6, 60000);
    has(STR("a"), STR("two"), 6);
    cache_set(cache, STR("a"), STR(""), 7, 60000);
    has(STR("a"), STR(""), 7);
}

static void older_never_overwrites_newer(void)
{
    cache_set(cache, STR("k"), STR("new"), 10, 60000);
    cache_set(cache, STR("k"), STR("old"), 9, 60000);
    has(STR("k"), STR("new"), 10);
    cache_set(cache, STR("k"), STR("same"), 10, 60000);
    has(STR("k"), STR("same"), 10);
    cache_set(cache, STR("k"), STR("far"), INT64_C(1) << 60, 60000);
    cache_set(cache, STR("k"), STR("near"), (INT64_C(1) << 60) - 1, 60000);
    has(STR("k"), STR("far"), INT64_C(1) << 60);
}

static void deletion_keeps_older_out(void)
{
    cache_set(cache, STR("k"), STR("v"), 10, 60000);
    cache_del(cache, STR("k"), 9); /* what is there is newer than this deletion */
    has(STR("k"), STR("v"), 10);
    cache_del(cache, STR("k"), 12);
    has_not(STR("k"));
    cache_set(cache, STR("k"), STR("late"), 11, 60000);
    has_not(STR("k"));
    cache_set(cache, STR("k"), STR("after"), 12, 60000);
    has(STR("k"), STR("after"), 12);
    cache_del(cache, STR("never there"), 3);
    cache_set(cache, STR("never there"), STR("x"), 2, 60000);
    has_not(STR("never there"));
}

static void time_to_live(void)
{
    cache_set(cache, STR("short"), STR("v"), 1, 1000);
    cache_set(cache, STR("long"), STR("v"), 1, 20000);
    has(STR("short"), STR("v"), 1);
    backend->advance(1100);
    has_not(STR("short"));
    has(STR("long"), STR("v"), 1);
    cache_set(cache, STR("long"), STR("w"), 2, 0); /* over already: as a deletion */
    has_not(STR("long"));
    cache_set(cache, STR("long"), STR("v"), 1, 20000);
    has_not(STR("long"));
}

static void a_new_set_begins_a_new_time(void)
{
    cache_set(cache, STR("k"), STR("v"), 1, 1000);
    cache_set(cache, STR("k"), STR("w"), 2, 20000);
    backend->advance(1100);
    has(STR("k"), STR("w"), 2);
}

static void counters(void)
{
    int64_t n = 0;
    assert_true(cache_incr(cache, STR("c"), 1, 1000, &n));
    assert_int_equal(n, 1);
    assert_true(cache_incr(cache, STR("c"), 41, 60000, &n)); /* does not prolong */
    assert_int_equal(n, 42);
    assert_true(cache_incr(cache, STR("c"), -2, 1000, &n));
    assert_int_equal(n, 40);
    assert_true(cache_incr(cache, STR("c"), 0, 1000, &n));
    assert_int_equal(n, 40);
    backend->advance(1100);
    assert_true(cache_incr(cache, STR("c"), 1, 1000, &n));
    assert_int_equal(n, 1);
}

static void counters_and_values_are_apart(void)
{
    int64_t n = 0;
    cache_set(cache, STR("k"), STR("v"), 10, 60000);
    assert_true(cache_incr(cache, STR("k"), 7, 60000, &n));
    assert_int_equal(n, 7);
    has(STR("k"), STR("v"), 10);
    cache_del(cache, STR("k"), 10);
    assert_true(cache_incr(cache, STR("k"), 1, 60000, &n));
    assert_int_equal(n, 8);
}

static void debts(void)
{
    int64_t owed = 0;
    cache_set(cache, STR("d"), STR("v"), 10, 60000);
    assert_true(cache_owe(cache, STR("d"), 20000, 100000, &owed));
    assert_int_equal(owed, 20000);
    assert_true(cache_owe(cache, STR("d"), 60000, 100000, &owed));
    assert_in_range(owed, 60001, 80000);
    backend->advance(1100);
    assert_true(cache_owe(cache, STR("d"), 1, 100000, &owed)); /* a second of it has been paid off */
    assert_in_range(owed, 40000, 78901);
    assert_true(cache_owe(cache, STR("d"), 1000000, 100000, &owed)); /* not beyond the most */
    assert_int_equal(owed, 100000);
    assert_true(cache_owe(cache, STR("other"), 700, 100000, &owed));
    backend->advance(800);
    assert_true(cache_owe(cache, STR("other"), 5, 100000, &owed)); /* all of it paid off */
    assert_int_equal(owed, 5);
    has(STR("d"), STR("v"), 10);
    assert_true(cache_incr(cache, STR("d"), 3, 1000, &owed));
    assert_int_equal(owed, 3);
}

static void hostile_keys_and_values(void)
{
    char key[CACHE_KEY_MAX + 1];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (char)(i * 7);
    struct str longest = str_make(key, CACHE_KEY_MAX), too_long = str_make(key, CACHE_KEY_MAX + 1);
    static const struct str keys[] = {{"\0", 1}, {"\0\0", 2}, {"a b\r\nc", 6}, {"\xff\xfe", 2}, {"", 0}, {"set x 0 0 1\r\n", 13}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        cache_set(cache, keys[i], str_make("\0v\r\n\xff", 1 + i % 5), (int64_t)i, 60000);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        has(keys[i], str_make("\0v\r\n\xff", 1 + i % 5), (int64_t)i);
    cache_set(cache, longest, STR("longest"), 1, 60000);
    cache_set(cache, too_long, STR("too long"), 1, 60000);
    has(longest, STR("longest"), 1);
    has_not(too_long);
    int64_t n;
    assert_false(cache_incr(cache, too_long, 1, 1000, &n));
    assert_true(cache_incr(cache, longest, 1, 1000, &n));
    cache_del(cache, too_long, 1);
}

static void large_values(void)
{
    char *big = mem_alloc(CACHE_VALUE_MAX + 1);
    for (size_t i = 0; i <= CACHE_VALUE_MAX; i++)
        big[i] = (char)(i * 31 >> 3);
    cache_set(cache, STR("big"), str_make(big, CACHE_VALUE_MAX), 1, 60000);
    has(STR("big"), str_make(big, CACHE_VALUE_MAX), 1);
    /* Not kept, but what was there is not true any more. */
    cache_set(cache, STR("big"), str_make(big, CACHE_VALUE_MAX + 1), 2, 60000);
    has_not(STR("big"));
    mem_free(big);
}

static void many(void)
{
    enum { N = 2000 };
    char key[32], value[32];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < N; i++) {
            snprintf(key, sizeof key, "key %d", i);
            snprintf(value, sizeof value, "value %d.%d", i, round);
            cache_set(cache, str_c(key), str_c(value), round, 60000);
            if (i % 3 == 0 && round == 1) cache_del(cache, str_c(key), round);
        }
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof key, "key %d", i);
        snprintf(value, sizeof value, "value %d.1", i);
        if (i % 3 == 0)
            has_not(str_c(key));
        else
            has(str_c(key), str_c(value), 1);
    }
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    cache = backend->open();
    return cache == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    cache_close(cache);
    arena_release(&arena);
    return 0;
}

static void in_backend(void **state)
{
    backend->run((void (*)(void))(uintptr_t)*state);
}

#define ON_BACKEND(f)                                                                                                                      \
    {                                                                                                                                      \
#f, in_backend, set_up, tear_down, (void *)(uintptr_t)f                                                                            \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        ON_BACKEND(set_get_replace),
        ON_BACKEND(older_never_overwrites_newer),
        ON_BACKEND(deletion_keeps_older_out),
        ON_BACKEND(time_to_live),
        ON_BACKEND(a_new_set_begins_a_new_time),
        ON_BACKEND(counters),
        ON_BACKEND(counters_and_values_are_apart),
        ON_BACKEND(debts),
        ON_BACKEND(hostile_keys_and_values),
        ON_BACKEND(large_values),
        ON_BACKEND(many),
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
        backend = &backends[i];
        failed += cmocka_run_group_tests_name(backend->name, tests, NULL, NULL);
    }
    redis_kill(&redis);
    return failed;
}
