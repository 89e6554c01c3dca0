/* The protocol of Redis: what is written, and what is read whole, in pieces, or not at all. */
#include "cache/redis/resp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void writes_commands(void **state)
{
    (void)state;
    const struct str arg[] = {STR("SET"), STR("k\r\n"), STR("")};
    struct buf b;
    buf_init(&b, 1000);
    resp_command(&b, arg, 3);
    assert_true(str_is(buf_str(&b), "*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$0\r\n\r\n"));
    assert_true(b.n <= resp_size(arg, 3));
    buf_release(&b);
}

static void is_read(const char *text, enum resp_kind kind, const char *value, int64_t number)
{
    struct str whole = str_c(text), in;
    struct resp r;
    for (size_t n = 0; n < whole.n; n++) { /* no beginning of it is one */
        in = str_first(whole, n);
        assert_int_equal(resp_read(&in, 100, &r), RESP_MORE);
        assert_int_equal(in.n, n);
    }
    char more[200];
    snprintf(more, sizeof more, "%s+next", text);
    in = str_c(more);
    assert_int_equal(resp_read(&in, 100, &r), RESP_ANSWER);
    assert_true(str_is(in, "+next"));
    assert_int_equal(r.kind, kind);
    if (value) assert_true(str_is(r.text, value));
    if (kind == RESP_NUMBER) assert_int_equal(r.number, number);
}

static void reads_answers(void **state)
{
    (void)state;
    is_read("+OK\r\n", RESP_STATUS, "OK", 0);
    is_read("+\r\n", RESP_STATUS, "", 0);
    is_read("-ERR no\r\n", RESP_ERROR, "ERR no", 0);
    is_read(":-9223372036854775808\r\n", RESP_NUMBER, NULL, INT64_MIN);
    is_read("$5\r\na\r\nbc\r\n", RESP_BYTES, "a\r\nbc", 0);
    is_read("$0\r\n\r\n", RESP_BYTES, "", 0);
    is_read("$-1\r\n", RESP_NONE, NULL, 0);
}

static void refuses_what_is_none(void **state)
{
    static const char *const bad[] = {
        "*1\r\n", "OK\r\n",    "\r\n",         ":\r\n",      ":1x\r\n", ":9223372036854775808\r\n", "$101\r\n", "$-2\r\n", "$\r\n",
        "$x\r\n", "+O\rK\r\n", "$1\r\nab\r\n", "$1\r\na\rx", "_\r\n",   "$18446744073709551616\r\n"};
    (void)state;
    struct resp r;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct str in = str_c(bad[i]);
        if (resp_read(&in, 100, &r) != RESP_BAD) fail_msg("%s", bad[i]);
    }
    char line[RESP_LINE_MAX + 10];
    memset(line, '+', sizeof line);
    struct str in = str_make(line, sizeof line);
    assert_int_equal(resp_read(&in, 100, &r), RESP_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_commands),
        cmocka_unit_test(reads_answers),
        cmocka_unit_test(refuses_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
