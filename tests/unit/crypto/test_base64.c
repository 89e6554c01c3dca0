/* Base64 (RFC 4648 and the appendix's examples) and hexadecimal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "crypto/crypto.h"

static struct arena arena;

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void test_known(void **state)
{
    (void)state;
    static const struct {
        const char *data, *text, *padded;
    } row[] = {
        {"", "", ""},
        {"f", "Zg", "Zg=="},
        {"fo", "Zm8", "Zm8="},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg", "Zm9vYg=="},
        {"fooba", "Zm9vYmE", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct str back = {0};
        assert_string_equal(base64_encode(&arena, str_c(row[i].data), false).p, row[i].text);
        assert_true(base64_decode(&arena, str_c(row[i].text), false, &back));
        assert_true(str_is(back, row[i].data));
        assert_true(base64_decode(&arena, str_c(row[i].padded), true, &back));
        assert_true(str_is(back, row[i].data));
    }
}

static void test_alphabets(void **state)
{
    (void)state;
    struct str data = STR("\xfb\xff\xbf"), back;
    assert_string_equal(base64_encode(&arena, data, false).p, "+/+/");
    assert_string_equal(base64_encode(&arena, data, true).p, "-_-_");
    assert_true(base64_decode(&arena, STR("-_-_"), true, &back) && str_eq(back, data));
    assert_true(base64_decode(&arena, STR("+/+/"), false, &back) && str_eq(back, data));
    assert_false(base64_decode(&arena, STR("+/+/"), true, &back));
    assert_false(base64_decode(&arena, STR("-_-_"), false, &back));
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const row[] = {
        "A", "AAAAA", "Zg=", "Zg===", "=", "==", "====", "Z===", "Zm9v====", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm9.", "Zm\xc3\xa9"};
    struct str back;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (base64_decode(&arena, str_c(row[i]), false, &back)) fail_msg("%s", row[i]);
        if (base64_decode(&arena, str_c(row[i]), true, &back)) fail_msg("%s, URL-safe", row[i]);
    }
    assert_false(base64_decode(&arena, str_make("Zg\0v", 4), false, &back));
    assert_true(base64_decode(&arena, STR("Zh"), false, &back) && str_is(back, "f"));
}

static void test_random_comes_back(void **state)
{
    (void)state;
    for (size_t n = 0; n < 200; n++) {
        char *data = mem_alloc(n);
        random_bytes(data, n);
        for (int safe = 0; safe < 2; safe++) {
            struct str text = base64_encode(&arena, str_make(data, n), safe), back;
            assert_int_equal(text.n, (n * 4 + 2) / 3);
            assert_true(base64_decode(&arena, text, safe, &back));
            assert_true(str_eq(back, str_make(data, n)));
        }
        mem_free(data);
    }
}

static void test_hex(void **state)
{
    (void)state;
    assert_string_equal(hex_encode(&arena, STR("\x00\x0f\xa5\xff")).p, "000fa5ff");
    assert_int_equal(hex_encode(&arena, (struct str){0}).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),   cmocka_unit_test(test_alphabets),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_random_comes_back),
        cmocka_unit_test(test_hex),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
