/* Buffers: what goes in comes out, the maximum holds to the byte, and full stays full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"

static void assert_buf(const struct buf *b, const char *want)
{
    assert_true(str_is(buf_str(b), want));
    assert_true(b->n <= b->max);
}

static void test_add(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_add(&b, (struct str){0});
    assert_int_equal(b.n, 0);
    buf_add(&b, STR("ab"));
    buf_byte(&b, 'c');
    buf_int(&b, -7);
    buf_printf(&b, "<%s>", "x");
    assert_buf(&b, "abc-7<x>");
    buf_shift(&b, 3);
    assert_buf(&b, "-7<x>");
    buf_shift(&b, 99);
    assert_buf(&b, "");
    buf_release(&b);
    assert_int_equal(b.max, 1000);
    buf_byte(&b, 'z');
    assert_buf(&b, "z");
    buf_release(&b);
}

static void test_lent_memory(void **state)
{
    (void)state;
    for (size_t lent = 0; lent < 20; lent++) {
        char room[20];
        struct buf b;
        memset(room, '#', sizeof room);
        buf_init_in(&b, 12, room, lent);
        for (char c = 'a'; c < 'a' + 12; c++)
            buf_byte(&b, c);
        assert_buf(&b, "abcdefghijkl");
        buf_byte(&b, 'm');
        assert_false(buf_ok(&b));
        for (size_t i = lent; i < sizeof room; i++)
            assert_int_equal(room[i], '#');
        buf_release(&b);
        buf_add(&b, STR("again"));
        assert_buf(&b, "again");
        buf_release(&b);
    }
}

static void test_int(void **state)
{
    (void)state;
    static const struct {
        int64_t v;
        const char *want;
    } row[] = {{0, "0"}, {9, "9"}, {10, "10"}, {-1, "-1"}, {INT64_MAX, "9223372036854775807"}, {INT64_MIN, "-9223372036854775808"}};
    struct buf b;
    buf_init(&b, 100);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        buf_clear(&b);
        buf_int(&b, row[i].v);
        assert_buf(&b, row[i].want);
    }
    buf_release(&b);
}

/* Each way of adding fits exactly, and not one byte more. */
static void test_maximum(void **state)
{
    (void)state;
    for (size_t max = 0; max < 600; max++) {
        struct buf b;
        buf_init(&b, max);
        for (size_t i = 0; i < max; i++)
            buf_byte(&b, 'x');
        assert_true(buf_ok(&b));
        assert_int_equal(b.n, max);
        buf_byte(&b, 'x');
        assert_false(buf_ok(&b));
        assert_int_equal(b.n, max);
        buf_clear(&b);
        assert_true(buf_ok(&b));
        buf_printf(&b, "%*s", (int)max, "");
        assert_true(buf_ok(&b));
        buf_clear(&b);
        buf_printf(&b, "%*s", (int)max + 1, "");
        assert_false(buf_ok(&b));
        assert_int_equal(b.n, 0);
        assert_true(b.cap <= max + 1);
        buf_release(&b);
    }
}

static void test_full_stays_full(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    buf_add(&b, STR("12345"));
    assert_false(buf_ok(&b));
    buf_byte(&b, 'x');
    buf_int(&b, 1);
    buf_printf(&b, "y");
    assert_null(buf_room(&b, 0));
    assert_int_equal(b.n, 0);
    buf_clear(&b);
    buf_add(&b, STR("1234"));
    assert_buf(&b, "1234");
    assert_true(buf_ok(&b));
    buf_release(&b);
}

static void test_room(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_non_null(buf_room(&b, 0));
    for (size_t n = 1; n < 3000; n += 17) {
        char *p = buf_room(&b, n);
        memset(p, (int)(n & 0x7F), n);
        buf_added(&b, n);
    }
    size_t at = 0;
    for (size_t n = 1; n < 3000; n += 17)
        for (size_t i = 0; i < n; i++)
            assert_int_equal(b.p[at++], n & 0x7F);
    assert_int_equal(at, b.n);
    assert_null(buf_room(&b, SIZE_MAX));
    assert_false(buf_ok(&b));
    buf_release(&b);
}

static void test_no_maximum(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, SIZE_MAX);
    for (int i = 0; i < 100000; i++)
        buf_add(&b, STR("0123456789"));
    assert_int_equal(b.n, 1000000);
    assert_null(buf_room(&b, SIZE_MAX - 10));
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add),        cmocka_unit_test(test_lent_memory),     cmocka_unit_test(test_int),
        cmocka_unit_test(test_maximum),    cmocka_unit_test(test_full_stays_full), cmocka_unit_test(test_room),
        cmocka_unit_test(test_no_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
