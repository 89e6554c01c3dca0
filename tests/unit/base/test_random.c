/* Randomness: sizes, alphabet, no repetition, no favourite letters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"

static void test_bytes(void **state)
{
    (void)state;
    enum { N = 5000 };
    unsigned char *p = mem_zero(N);
    random_bytes(p, 0);
    assert_int_equal(p[0], 0);
    random_bytes(p, N);
    unsigned count[256] = {0}, kinds = 0;
    for (int i = 0; i < N; i++)
        kinds += count[p[i]]++ == 0;
    assert_true(kinds > 250);
    assert_int_not_equal(random_u64(), random_u64());
    mem_free(p);
}

static void test_id(void **state)
{
    (void)state;
    struct arena a = {0};
    for (size_t n = 0; n < 200; n++) {
        struct str id = random_id(&a, n);
        assert_int_equal(id.n, n);
        assert_int_equal(id.p[n], 0);
        for (size_t i = 0; i < n; i++)
            assert_true((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'A' && id.p[i] <= 'Z') || (id.p[i] >= 'a' && id.p[i] <= 'z'));
    }
    assert_false(str_eq(random_id(&a, 20), random_id(&a, 20)));
    arena_release(&a);
}

/* 62,000 letters, 1000 of each expected, deviation about 32: eight times that does not happen by chance, but a modulo of 256
 * would give the first eight letters 1211. */
static void test_id_is_even(void **state)
{
    (void)state;
    struct arena a = {0};
    struct str id = random_id(&a, 62000);
    unsigned count[256] = {0};
    for (size_t i = 0; i < id.n; i++)
        count[(unsigned char)id.p[i]]++;
    unsigned first = 0, last = 0;
    for (int c = 'A'; c < 'A' + 8; c++)
        first += count[c];
    for (int c = '2'; c <= '9'; c++)
        last += count[c];
    assert_in_range(first, 7300, 8700);
    assert_in_range(last, 7300, 8700);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bytes), cmocka_unit_test(test_id), cmocka_unit_test(test_id_is_even)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
