/* What is put is taken again, in as few bytes as it takes; nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/varint.h"

static void check(uint64_t v, size_t bytes)
{
    char text[VARINT_MAX + 1];
    uint64_t back;
    char *end = varint_put(text, v);
    assert_int_equal(end - text, bytes);
    *end = 'x';
    struct str in = str_make(text, bytes + 1);
    assert_true(varint_take(&in, &back));
    assert_true(back == v);
    assert_int_equal(in.n, 1); /* what follows stays */
    for (size_t n = 0; n < bytes; n++) {
        in = str_make(text, n);
        assert_false(varint_take(&in, &back));
        assert_int_equal(in.n, n);
    }
}

static void numbers_come_back(void **state)
{
    (void)state;
    check(0, 1);
    for (size_t bytes = 1; bytes < VARINT_MAX; bytes++) {
        uint64_t first = (uint64_t)1 << 7 * bytes;
        check(first - 1, bytes);
        check(first, bytes + 1);
    }
    check(UINT64_MAX, VARINT_MAX);
}

static void nothing_else_is_taken(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",                                             /* cut off */
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",         /* more than 64 bits */
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",     /* more bytes than there can be */
        "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", /* the same */
    };
    uint64_t v;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct str in = str_c(bad[i]);
        assert_false(varint_take(&in, &v));
    }
    struct str padded = str_make("\x85\x00", 2); /* 5, in a byte too many */
    assert_false(varint_take(&padded, &v));
    struct str none = {0};
    assert_false(varint_take(&none, &v));
}

static void signs_are_folded_in(void **state)
{
    (void)state;
    static const int64_t v[] = {0, -1, 1, -2, 2, INT64_MAX, INT64_MIN};
    static const uint64_t folded[] = {0, 1, 2, 3, 4, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        assert_true(varint_fold(v[i]) == folded[i]);
        assert_true(varint_unfold(folded[i]) == v[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_back),
        cmocka_unit_test(nothing_else_is_taken),
        cmocka_unit_test(signs_are_folded_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
