/* The pool of shared filters: one for each text, kept while it is used and for a while after, its id never another's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/sync/filters.h"

static const struct shared_filter *take(struct filter_pool *p, struct str text)
{
    struct fault f = {0};
    const struct shared_filter *filter = filter_take(p, text, &f);
    assert_non_null(filter);
    return filter;
}

static const struct shared_filter *take_limit(struct filter_pool *p, int limit)
{
    char text[64];
    int n = snprintf(text, sizeof text, "{\"room\":{\"timeline\":{\"limit\":%d}}}", limit);
    return take(p, str_make(text, (size_t)n));
}

static void one_for_each_text(void **state)
{
    (void)state;
    struct filter_pool *p = filter_pool_new();
    const struct shared_filter *a = take_limit(p, 3), *b = take_limit(p, 3), *c = take_limit(p, 4);
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_true(a->id != c->id);
    assert_int_equal(a->filter.room.timeline.limit, 3);
    assert_int_equal(c->filter.room.timeline.limit, 4);
    filter_drop(p, a);
    assert_int_equal(b->filter.room.timeline.limit, 3);
    filter_drop(p, b);
    filter_drop(p, c);
    filter_pool_free(p);
}

static void no_filter(void **state)
{
    (void)state;
    struct filter_pool *p = filter_pool_new();
    const struct shared_filter *a = take(p, STR("")), *b = take(p, (struct str){0}), *c = take(p, STR("{}"));
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_int_equal(a->text.n, 0);
    assert_true(a->filter.room.timeline.all);
    filter_drop(p, NULL);
    filter_drop(p, a);
    filter_drop(p, b);
    filter_drop(p, c);
    filter_pool_free(p);
}

static void what_is_no_filter_is_not_kept(void **state)
{
    (void)state;
    struct filter_pool *p = filter_pool_new();
    const struct str bad[] = {STR("{"), STR("[]"), STR("{\"room\":1}"), STR("{\"room\":{\"timeline\":{\"limit\":\"x\"}}}")};
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            struct fault f = {0};
            assert_null(filter_take(p, bad[i], &f));
            assert_true(f.code != ERR_OK);
            assert_true(f.text[0] != 0);
        }
    filter_pool_free(p);
}

/* The ones dropped last are found again; those before are forgotten, and come back as others: what was kept under their ids is not theirs. */
static void unused_ones_stay_for_a_while(void **state)
{
    (void)state;
    enum { MANY = 200 };
    struct filter_pool *p = filter_pool_new();
    uint64_t id[MANY], newest = 0;
    const struct shared_filter *used = take_limit(p, MANY);
    for (int i = 0; i < MANY; i++) {
        const struct shared_filter *f = take_limit(p, i);
        id[i] = f->id;
        newest = f->id;
        filter_drop(p, f);
    }
    const struct shared_filter *last = take_limit(p, MANY - 1), *first = take_limit(p, 0);
    assert_true(last->id == id[MANY - 1]);
    assert_true(first->id > newest);
    assert_int_equal(first->filter.room.timeline.limit, 0);
    assert_int_equal(used->filter.room.timeline.limit, MANY);
    filter_drop(p, first);
    filter_drop(p, last);
    filter_drop(p, used);
    filter_pool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_for_each_text),
        cmocka_unit_test(no_filter),
        cmocka_unit_test(what_is_no_filter_is_not_kept),
        cmocka_unit_test(unused_ones_stay_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
