/* Errors: the list is whole, and a sentence is always well-formed UTF-8 that fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"

static void test_list(void **state)
{
    (void)state;
    assert_int_equal(ERR_OK, 0);
    for (int e = 1; e < ERR__COUNT; e++) {
        assert_true(err_http_status((enum err)e) >= 400 && err_http_status((enum err)e) < 600);
        assert_int_equal(strncmp(err_errcode((enum err)e), "M_", 2), 0);
        assert_true(str_ends(str_c(err_sentence((enum err)e)), STR(".")));
        assert_true(strlen(err_name((enum err)e)) > 2);
    }
    assert_int_equal(err_http_status(ERR_NOT_FOUND), 404);
    assert_string_equal(err_errcode(ERR_NOT_JSON), "M_NOT_JSON");
    assert_string_equal(err_name(ERR_BAD_JSON), "BAD_JSON");
    /* A number that is none of them is a fault of our own. */
    assert_int_equal(err_http_status((enum err)9999), 500);
    assert_int_equal(err_http_status((enum err) - 1), 500);
}

static void test_sentence(void **state)
{
    (void)state;
    struct fault f = {.retry_ms = 7};
    assert_int_equal(fault_set(&f, ERR_FORBIDDEN, "You need power level %d.", 50), ERR_FORBIDDEN);
    assert_int_equal(f.code, ERR_FORBIDDEN);
    assert_int_equal(f.retry_ms, 0);
    assert_string_equal(f.text, "You need power level 50.");
    assert_int_equal(fault_set(NULL, ERR_UNKNOWN, "nobody listens %d", 1), ERR_UNKNOWN);
}

/* A long sentence is cut in front of a character, wherever the end falls. */
static void test_cut(void **state)
{
    (void)state;
    static const char *const letter[] = {"x", "\xc3\xbc", "\xe6\x97\xa5", "\xf0\x9f\x8e\x89"};
    for (size_t k = 0; k < 4; k++)
        for (int before = 0; before < 8; before++) {
            char text[600] = "";
            size_t len = k + 1, n = (size_t)before;
            memset(text, '.', n);
            for (; n + len < sizeof text; n += len)
                memcpy(text + n, letter[k], len);
            struct fault f;
            fault_set(&f, ERR_UNKNOWN, "%.*s", (int)n, text);
            size_t got = strlen(f.text), room = sizeof f.text - 1;
            assert_int_equal(got, (size_t)before + (room - (size_t)before) / len * len);
            assert_true(str_is_utf8(str_c(f.text)));
            assert_memory_equal(f.text, text, got);
        }
}

static void test_fits_exactly(void **state)
{
    (void)state;
    struct fault f;
    fault_set(&f, ERR_UNKNOWN, "%*s", (int)sizeof f.text - 1, "x");
    assert_int_equal(strlen(f.text), sizeof f.text - 1);
}

/* What a peer wrote cannot make the sentence malformed. */
static void test_bad_utf8(void **state)
{
    (void)state;
    struct fault f;
    fault_set(&f, ERR_UNKNOWN, "No room %s.", "a\xff");
    assert_string_equal(f.text, "No room a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),         cmocka_unit_test(test_sentence), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_fits_exactly), cmocka_unit_test(test_bad_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
