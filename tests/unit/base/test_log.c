/* The log: what arrives on standard error, line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/log.h"

/* What `level` and the fields make, read back through a pipe. */
static struct str logged(char *line, size_t size, enum log_level level, const char *text)
{
    int pipe_fd[2], before = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipe_fd), 0);
    dup2(pipe_fd[1], STDERR_FILENO);
    close(pipe_fd[1]);
    log_event(level, "store", "opened", "path=%s ms=%d", text, 5);
    dup2(before, STDERR_FILENO);
    close(before);
    ssize_t n = read(pipe_fd[0], line, size);
    close(pipe_fd[0]);
    return str_make(line, n < 0 ? 0 : (size_t)n);
}

static size_t newlines(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

static void test_logfmt(void **state)
{
    (void)state;
    char line[8000];
    log_setup(LOG_INFO, false);
    struct str s = logged(line, sizeof line, LOG_WARN, "x");
    assert_true(str_starts(s, STR("ts=20")));
    assert_true(str_ends(s, STR("Z level=warn module=store event=\"opened\" path=x ms=5\n")));
}

static void test_level(void **state)
{
    (void)state;
    char line[8000];
    log_setup(LOG_WARN, false);
    assert_false(log_wants(LOG_INFO));
    assert_int_equal(logged(line, sizeof line, LOG_INFO, "x").n, 0);
    assert_true(logged(line, sizeof line, LOG_ERROR, "x").n > 0);
}

/* Neither a line break nor a quote nor length lets a peer forge a line or break the format. */
static void test_hostile_fields(void **state)
{
    (void)state;
    char line[8000], longest[4000];
    memset(longest, '"', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    for (int json = 0; json < 2; json++) {
        log_setup(LOG_INFO, json);
        struct str s = logged(line, sizeof line, LOG_INFO, "a\nts=2020 forged\r\x1b[0m");
        assert_int_equal(newlines(s), 1);
        assert_int_equal(str_find(s, '\x1b'), -1);
        s = logged(line, sizeof line, LOG_INFO, longest);
        assert_int_equal(newlines(s), 1);
        assert_true(str_ends(s, json ? STR("\\\"\"}\n") : STR("\"\n")));
    }
}

/* A character that the limit cuts, or bytes that are none, do not reach the log. */
static void test_utf8(void **state)
{
    (void)state;
    char line[8000], longest[4000];
    for (int before = 0; before < 3; before++) {
        memset(longest, 'x', 3);
        size_t n = (size_t)before;
        for (; n + 2 < sizeof longest; n += 2)
            memcpy(longest + n, "\xc3\xbc", 2);
        longest[n] = 0;
        for (int json = 0; json < 2; json++) {
            log_setup(LOG_INFO, json);
            assert_true(str_is_utf8(logged(line, sizeof line, LOG_INFO, longest)));
            assert_true(str_is_utf8(logged(line, sizeof line, LOG_INFO, "a\xff\x80z")));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logfmt),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_hostile_fields),
        cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
