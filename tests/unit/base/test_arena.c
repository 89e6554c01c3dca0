/* Arenas: every piece is aligned, writable and its own; reset keeps one chunk of bounded size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"

static void test_pieces_do_not_overlap(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    enum { N = 3000 };
    unsigned char *piece[N];
    for (unsigned i = 0; i < N; i++) {
        piece[i] = arena_alloc(&a, i * 7 % 300);
        assert_int_equal((uintptr_t)piece[i] % 16, 0);
        memset(piece[i], (int)(i & 0xFF), i * 7 % 300);
    }
    for (unsigned i = 0; i < N; i++)
        for (unsigned k = 0; k < i * 7 % 300; k++)
            assert_int_equal(piece[i][k], i & 0xFF);
    arena_release(&a);
}

/* Also the first piece of an arena that has no memory yet. */
static void test_empty_pieces(void **state)
{
    (void)state;
    struct arena a = {0};
    char *first = arena_alloc(&a, 0), *second = arena_alloc(&a, 0);
    assert_non_null(first);
    assert_ptr_not_equal(first, second);
    arena_release(&a);
    assert_non_null(arena_zero(&a, 0));
    arena_release(&a);
    assert_non_null(arena_array(&a, 0, 16));
    arena_release(&a);
}

static void test_zero(void **state)
{
    (void)state;
    struct arena a = {0};
    memset(arena_alloc(&a, 500), 0xAA, 500);
    arena_reset(&a);
    unsigned char *p = arena_zero(&a, 300), *q = arena_array(&a, 10, 20);
    for (int i = 0; i < 300; i++)
        assert_int_equal(p[i], 0);
    for (int i = 0; i < 200; i++)
        assert_int_equal(q[i], 0);
    arena_release(&a);
}

static void test_large(void **state)
{
    (void)state;
    struct arena a = {0};
    static const size_t size[] = {8000, 8160, 8161, 100000, 1 << 20, (1 << 20) + 1, 5 << 20, 10};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        memset(arena_alloc(&a, size[i]), 1, size[i]);
    arena_release(&a);
}

static void test_reset(void **state)
{
    (void)state;
    struct arena a = {0};
    char *first = arena_alloc(&a, 100);
    assert_int_equal(a.used, 112);
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    assert_ptr_equal(arena_alloc(&a, 50), first);
    /* One large request does not hold its memory for ever. */
    arena_alloc(&a, 4 << 20);
    arena_reset(&a);
    assert_null(a.chunks);
    assert_non_null(arena_alloc(&a, 10));
    arena_release(&a);
    arena_reset(&a);
    arena_release(&a);
}

static void test_strings(void **state)
{
    (void)state;
    struct arena a = {0};
    char source[] = "text";
    struct str copy = arena_str(&a, str_make(source, 4));
    source[0] = 'n';
    assert_string_equal(copy.p, "text");
    assert_true(str_null(arena_str(&a, (struct str){0})));
    struct str empty = arena_str(&a, STR(""));
    assert_false(str_null(empty));
    assert_int_equal(empty.n, 0);
    assert_string_equal(arena_cstr(&a, str_make("abcd", 2)), "ab");
    assert_string_equal(arena_cstr(&a, (struct str){0}), "");
    /* The NUL has a place of its own, also behind a piece that fills its alignment. */
    struct str full = arena_str(&a, STR("0123456789abcdef"));
    memset(arena_alloc(&a, 16), 'x', 16);
    assert_string_equal(full.p, "0123456789abcdef");
    struct str joined = arena_join(&a, STR("0123456789"), STR("abc"), STR("def"));
    memset(arena_alloc(&a, 16), 'x', 16);
    assert_string_equal(joined.p, "0123456789abcdef");
    struct str printed = arena_printf(&a, "%d-%s", 12, "x");
    assert_true(str_is(printed, "12-x"));
    assert_int_equal(printed.p[printed.n], 0);
    assert_int_equal(arena_printf(&a, "%2000d", 1).n, 2000);
    assert_true(str_is(arena_join(&a, STR("a"), (struct str){0}, STR("bc")), "abc"));
    assert_int_equal(arena_join(&a, (struct str){0}, (struct str){0}, (struct str){0}).n, 0);
    arena_release(&a);
}

/* The first chunk is small, what does not fit gets another, and it is small again after a release. */
static void test_small(void **state)
{
    (void)state;
    struct arena a;
    size_t sizes[] = {1, 99, 100, 101, 5000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        arena_init_small(&a, 100);
        for (int round = 0; round < 2; round++) {
            char *small = arena_alloc(&a, 16), *large = arena_alloc(&a, sizes[i]);
            assert_int_equal((uintptr_t)small % 16, 0);
            assert_int_equal((uintptr_t)large % 16, 0);
            memset(large, 'y', sizes[i]);
            memset(small, 'x', 16);
            for (size_t n = 0; n < sizes[i]; n++)
                assert_int_equal(large[n], 'y');
            if (sizes[i] == 1) assert_true((size_t)(a.end - a.at) < 100);
            arena_reset(&a);
            assert_int_equal(a.used, 0);
            memset(arena_alloc(&a, 3000), 'z', 3000);
            arena_release(&a);
            assert_int_equal(a.first, 100);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_do_not_overlap),
        cmocka_unit_test(test_empty_pieces),
        cmocka_unit_test(test_zero),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
