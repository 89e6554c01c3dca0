/* Accept-Encoding and If-None-Match. */
#include "http/negotiate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_codings(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        unsigned gzip, br;
    } rows[] = {
        {NULL, 0, 0},
        {"", 0, 0},
        {"gzip", 1000, 0},
        {"gzip, deflate, br, zstd", 1000, 1000},
        {" GZIP ;q=0.5 ,\tbr;Q=1.0", 500, 1000},
        {"br;q=0, gzip;q=0.001", 1, 0},
        {"*", 1000, 1000},
        {"*;q=0.2, br", 200, 1000},
        {"br, *;q=0", 0, 1000},
        {"gzip;q=0.000,*", 0, 1000},
        {"identity;q=1, *;q=0", 0, 0},
        {"xgzip, gzipx, b", 0, 0},
        {"gzip;level=9;q=0.25", 250, 0},
        /* what is no weight */
        {"gzip;q=, br;q=2", 0, 0},
        {"gzip;q=1.5, br;q=0.1234", 0, 0},
        {"gzip;q=-1, br;q=x", 0, 0},
        {"gzip;q=1x, br;q=0,5", 0, 0},
        {",,;;, ;q=1,gzip,", 1000, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str accept = str_c(rows[i].accept);
        assert_int_equal(negotiate_coding(accept, STR("gzip")), rows[i].gzip);
        assert_int_equal(negotiate_coding(accept, STR("br")), rows[i].br);
    }
}

static void test_tags(void **state)
{
    (void)state;
    static const char *const hit[] = {"\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "\"x\",W/\"abc\" , \"y\"", "*"};
    static const char *const miss[] = {"", "abc", "\"abcd\"", "\"ab\"", "w/\"abc\"", "\"ab\"c\"", "W/*x", ",,"};
    for (size_t i = 0; i < sizeof hit / sizeof hit[0]; i++)
        assert_true(negotiate_has_tag(str_c(hit[i]), STR("\"abc\"")));
    for (size_t i = 0; i < sizeof miss / sizeof miss[0]; i++)
        assert_false(negotiate_has_tag(str_c(miss[i]), STR("\"abc\"")));
    assert_false(negotiate_has_tag((struct str){0}, STR("\"abc\"")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_codings), cmocka_unit_test(test_tags)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
