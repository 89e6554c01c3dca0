/* Percent-decoding and query parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/http.h"

static struct arena arena;

static void expect_decoded(const char *in, bool plus, const char *want)
{
    struct str out;
    bool ok = http_decode(&arena, str_c(in), plus, &out);
    assert_int_equal(ok, want != NULL);
    if (!want) return;
    assert_int_equal(out.n, strlen(want));
    assert_memory_equal(out.p, want, out.n);
}

static void test_decode(void **state)
{
    (void)state;
    expect_decoded("", false, "");
    expect_decoded("%21room%3Aserver", false, "!room:server");
    expect_decoded("a+b%2Bc", false, "a+b+c");
    expect_decoded("a+b%2bc", true, "a b+c");
    expect_decoded("%C3%A4", false, "\xc3\xa4");
    expect_decoded("%", false, NULL);
    expect_decoded("%2", false, NULL);
    expect_decoded("a%2", false, NULL);
    expect_decoded("%2g", false, NULL);
    expect_decoded("%g2", false, NULL);
    expect_decoded("%%20", false, NULL);
    expect_decoded("% 20", false, NULL);
    struct str out;
    assert_true(http_decode(&arena, STR("%00x"), false, &out));
    assert_int_equal(out.n, 2);
    assert_int_equal(out.p[0], 0);
}

static void expect_query(const char *query, const char *name, const char *want)
{
    struct str out = http_query(&arena, str_c(query), str_c(name));
    assert_int_equal(out.p == NULL, want == NULL);
    if (want) assert_true(str_is(out, want));
}

static void test_query(void **state)
{
    (void)state;
    expect_query("", "a", NULL);
    expect_query("a=1&b=2&a=3", "a", "1");
    expect_query("a=1&b=2&a=3", "b", "2");
    expect_query("ab=1", "a", NULL);
    expect_query("a", "a", "");
    expect_query("&&=&a=&", "a", "");
    expect_query("a=b=c", "a", "b=c");
    expect_query("a=x+y%26z", "a", "x y&z");
    expect_query("%61=1", "a", "1");
    expect_query("a=%zz&a=2", "a", "2");
    assert_true(str_null(http_query(&arena, (struct str){0}, STR("a"))));
}

static void join(void *arg, struct str value)
{
    struct str *all = arg;
    *all = arena_join(&arena, *all, STR("/"), value);
}

static void test_each(void **state)
{
    (void)state;
    struct str all = STR("");
    http_query_each(&arena, STR("v=1&w=9&v=2&v=&v=3%20"), STR("v"), join, &all);
    assert_true(str_is(all, "/1/2//3 "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_decode), cmocka_unit_test(test_query), cmocka_unit_test(test_each)};
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}
