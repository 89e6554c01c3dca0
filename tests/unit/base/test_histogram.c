/* Each time falls into the first range whose bound it does not exceed; what several have counted is added up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/histogram.h"

static void bounds_ascend(void **state)
{
    (void)state;
    for (unsigned i = 1; i < HISTOGRAM_BOUNDS; i++)
        assert_true(histogram_bound_us[i - 1] < histogram_bound_us[i]);
}

static void each_time_has_one_range(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
        struct histogram h = {0};
        histogram_add(&h, histogram_bound_us[i]);
        histogram_add(&h, histogram_bound_us[i] + 1);
        for (unsigned n = 0; n <= HISTOGRAM_BOUNDS; n++)
            assert_int_equal(h.range[n], n == i || n == i + 1);
        assert_int_equal(h.us, 2 * histogram_bound_us[i] + 1);
    }
}

static void a_negative_time_counts_as_none(void **state)
{
    (void)state;
    struct histogram h = {0};
    histogram_add(&h, -5);
    assert_int_equal(h.range[0], 1);
    assert_int_equal(h.us, 0);
}

static void several_are_joined(void **state)
{
    (void)state;
    struct histogram a = {0}, b = {0}, both = {0};
    histogram_add(&a, 50);
    histogram_add(&b, 60);
    histogram_add(&b, 6000000);
    histogram_join(&both, &a);
    histogram_join(&both, &b);
    assert_int_equal(both.range[0], 2);
    assert_int_equal(both.range[HISTOGRAM_BOUNDS], 1);
    assert_int_equal(both.us, 6000110);
}

static void a_part_of_them_took_at_most_so_long(void **state)
{
    (void)state;
    struct histogram h = {0};
    assert_true(histogram_quantile_us(&h, 0.5) == 0);
    for (int i = 0; i < 98; i++)
        histogram_add(&h, 200);
    histogram_add(&h, 800);
    histogram_add(&h, 6000000);
    assert_int_equal(histogram_count(&h), 100);
    assert_true(histogram_quantile_us(&h, 0.49) == 100 + 150 * 0.5);
    assert_true(histogram_quantile_us(&h, 0.99) == 1000);
    assert_true(histogram_quantile_us(&h, 1) == (double)histogram_bound_us[HISTOGRAM_BOUNDS - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_ascend),
        cmocka_unit_test(each_time_has_one_range),
        cmocka_unit_test(a_negative_time_counts_as_none),
        cmocka_unit_test(several_are_joined),
        cmocka_unit_test(a_part_of_them_took_at_most_so_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
