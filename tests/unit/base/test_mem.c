/* Shared bytes, lists, the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"

static void test_bytes(void **state)
{
    (void)state;
    struct bytes *b = bytes_new(STR("abc")), *same = bytes_ref(b), *empty = bytes_new((struct str){0});
    assert_ptr_equal(b, same);
    bytes_unref(b);
    assert_true(str_is(bytes_str(same), "abc"));
    bytes_unref(same);
    assert_int_equal(bytes_str(empty).n, 0);
    bytes_unref(empty);
    bytes_unref(NULL);
    assert_true(str_null(bytes_str(NULL)));
}

static void *hold_and_drop(void *bytes)
{
    for (int i = 0; i < 10000; i++)
        bytes_unref(bytes_ref(bytes));
    bytes_unref(bytes);
    return NULL;
}

/* Whoever drops it last frees it: ASan and TSan watch. */
static void test_bytes_across_threads(void **state)
{
    (void)state;
    struct bytes *b = bytes_new(STR("shared"));
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, hold_and_drop, bytes_ref(b)), 0);
    bytes_unref(b);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
}

static void test_memory(void **state)
{
    (void)state;
    char *p = mem_zero(100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    memset(p, 7, 100);
    p = mem_resize(p, 50, 4);
    assert_int_equal(p[99], 7);
    mem_wipe(p, 200);
    assert_int_equal(p[99], 0);
    mem_free(p);
    mem_free(mem_alloc(0));
    mem_free(mem_array(0, 8));
    mem_free(NULL);
}

struct thing {
    int n;
    struct list node;
};

static void test_list(void **state)
{
    (void)state;
    struct list head;
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_null(list_pop(&head));
    struct thing t[5];
    for (int i = 0; i < 5; i++) {
        t[i].n = i;
        if (i < 3)
            list_push(&head, &t[i].node);
        else
            list_push_front(&head, &t[i].node);
    }
    int order = 0;
    list_each(it, &head) order = order * 10 + list_item(it, struct thing, node)->n;
    assert_int_equal(order, 43012);
    list_each_safe(it, &head)
    {
        if (list_item(it, struct thing, node)->n % 2) list_remove(it);
    }
    list_remove(&t[1].node); /* twice is harmless */
    order = 0;
    for (struct list *it; (it = list_pop(&head)) != NULL;)
        order = order * 10 + list_item(it, struct thing, node)->n;
    assert_int_equal(order, 402);
    assert_true(list_is_empty(&head));
}

static void test_clock(void **state)
{
    (void)state;
    int64_t wall = clock_wall_ms(&clock_system), mono = clock_mono_us(&clock_system);
    assert_in_range(wall, INT64_C(1700000000000), INT64_C(4000000000000));
    assert_true(clock_mono_us(&clock_system) >= mono);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),  cmocka_unit_test(test_bytes_across_threads),
        cmocka_unit_test(test_memory), cmocka_unit_test(test_list),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
