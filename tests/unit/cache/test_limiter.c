#include "cache/limiter.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { S = 1000000 };

static unsigned take_until_refused(struct limiter *l, struct str key, int64_t now, double rate, unsigned burst)
{
    unsigned n = 0;
    while (n < 100000 && limiter_take(l, 1, key, now, rate, burst, NULL))
        n++;
    return n;
}

static void burst_then_rate(void **state)
{
    (void)state;
    struct limiter *l = limiter_new(1000);
    struct str k = STR("@alice:example.org");
    int64_t now = 5 * S, retry = 0;
    assert_int_equal(take_until_refused(l, k, now, 2, 10), 10);
    assert_false(limiter_take(l, 1, k, now, 2, 10, &retry));
    assert_int_equal(retry, 500);
    assert_false(limiter_take(l, 1, k, now + 499000, 2, 10, &retry));
    assert_int_equal(retry, 1);
    assert_true(limiter_take(l, 1, k, now + retry * 1000 + 499000, 2, 10, &retry));
    assert_false(limiter_take(l, 1, k, now + 500000, 2, 10, NULL));
    /* 3 s later six have come back; after very long the burst, and not more. */
    assert_int_equal(take_until_refused(l, k, now + 500000 + 3 * S, 2, 10), 6);
    assert_int_equal(take_until_refused(l, k, now + INT64_C(1000) * S, 2, 10), 10);
    limiter_free(l);
}

static void steady_rate_is_never_refused(void **state)
{
    (void)state;
    struct limiter *l = limiter_new(1000);
    int64_t now = 1;
    for (int i = 0; i < 10000; i++, now += S / 5)
        assert_true(limiter_take(l, 1, STR("k"), now, 5, 1, NULL));
    limiter_free(l);
}

static void long_run_rate(void **state)
{
    (void)state;
    struct limiter *l = limiter_new(1000);
    unsigned taken = 0;
    for (int64_t now = 0; now < 60 * (int64_t)S; now += 1000)
        taken += limiter_take(l, 1, STR("k"), now, 7.5, 20, NULL);
    assert_in_range(taken, 20 + 449, 20 + 450);
    limiter_free(l);
}

static void kinds_and_keys_are_apart(void **state)
{
    (void)state;
    struct limiter *l = limiter_new(1000);
    assert_true(limiter_take(l, 1, STR("k"), 0, 0.1, 1, NULL));
    assert_false(limiter_take(l, 1, STR("k"), 0, 0.1, 1, NULL));
    assert_true(limiter_take(l, 2, STR("k"), 0, 0.1, 1, NULL));
    assert_true(limiter_take(l, 1, STR("j"), 0, 0.1, 1, NULL));
    assert_true(limiter_take(l, 0, STR(""), 0, 0.1, 1, NULL));
    assert_false(limiter_take(l, 0, STR(""), 0, 0.1, 1, NULL));
    limiter_free(l);
}

static void off(void **state)
{
    (void)state;
    struct limiter *l = limiter_new(1000);
    for (int i = 0; i < 1000; i++) {
        assert_true(limiter_take(l, 1, STR("k"), 0, 0, 1, NULL));
        assert_true(limiter_take(l, 1, STR("k"), 0, -3, 1, NULL));
    }
    limiter_free(l);
}

static void odd_rates(void **state)
{
    (void)state;
    struct limiter *l = limiter_new(1000);
    int64_t retry = 0;
    assert_int_equal(take_until_refused(l, STR("fast"), 0, 1e6, 50), 50);
    assert_int_equal(take_until_refused(l, STR("slow"), 0, 1e-9, 4000000000u), 100000); /* only bounded, no overflow */
    assert_true(limiter_take(l, 1, STR("slower"), 0, 1e-9, 1, &retry));
    assert_false(limiter_take(l, 1, STR("slower"), 0, 1e-9, 1, &retry));
    assert_true(retry > INT64_C(40) * 86400 * 1000);
    assert_true(limiter_take(l, 1, STR("none"), 0, 1, 0, &retry)); /* a burst of 0 is 1 */
    assert_false(limiter_take(l, 1, STR("none"), 0, 1, 0, &retry));
    limiter_free(l);
}

/* The times in the table wrap after 203 days: what is older must not read as "far ahead". */
static void wraps(void **state)
{
    (void)state;
    struct limiter *l = limiter_new(8);
    int64_t lap = INT64_C(1) << 44;
    for (int64_t now = lap - 3 * S; now < lap + 3 * S; now += S)
        assert_int_equal(take_until_refused(l, STR("k"), now, 10, 10), 10);
    assert_int_equal(take_until_refused(l, STR("k"), lap * 3 - 100 * (int64_t)S, 10, 10), 10);
    assert_int_equal(take_until_refused(l, STR("k"), lap * 3, 10, 10), 10);
    limiter_free(l);
}

static void crowded_table_errs_for_the_caller(void **state)
{
    (void)state;
    struct limiter *l = limiter_new(8); /* one set */
    char key[32];
    for (int i = 0; i < 8; i++) {
        snprintf(key, sizeof key, "busy %d", i);
        assert_int_equal(take_until_refused(l, str_c(key), 0, 1, 100), 100);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "new %d", i);
        assert_true(limiter_take(l, 1, str_c(key), 0, 1, 100, NULL));
    }
    /* The busy ones were not pushed out by passers-by, except for the place that these used. */
    unsigned limited = 0;
    for (int i = 0; i < 8; i++) {
        snprintf(key, sizeof key, "busy %d", i);
        limited += !limiter_take(l, 1, str_c(key), 0, 1, 100, NULL);
    }
    assert_true(limited >= 6);
    limiter_free(l);
}

enum { THREADS = 4, KEYS = 50, BURST = 1000 };
struct race {
    struct limiter *l;
    unsigned taken[KEYS];
};

static void *race(void *arg)
{
    struct race *r = arg;
    for (int i = 0; i < BURST; i++)
        for (int k = 0; k < KEYS; k++) {
            char key[32];
            snprintf(key, sizeof key, "k%d", k);
            r->taken[k] += limiter_take(r->l, 1, str_c(key), 77, 0.001, BURST, NULL);
        }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    struct limiter *l = limiter_new(100000);
    struct race r[THREADS] = {0};
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++) {
        r[i].l = l;
        assert_int_equal(pthread_create(&t[i], NULL, race, &r[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    for (int k = 0; k < KEYS; k++) {
        unsigned sum = 0;
        for (int i = 0; i < THREADS; i++)
            sum += r[i].taken[k];
        assert_int_equal(sum, BURST); /* four threads tried 4 * BURST: not one too many, none lost */
    }
    limiter_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_then_rate),
        cmocka_unit_test(steady_rate_is_never_refused),
        cmocka_unit_test(long_run_rate),
        cmocka_unit_test(kinds_and_keys_are_apart),
        cmocka_unit_test(off),
        cmocka_unit_test(odd_rates),
        cmocka_unit_test(wraps),
        cmocka_unit_test(crowded_table_errs_for_the_caller),
        cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
