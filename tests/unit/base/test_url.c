#include "base/url.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void is_url(const char *text, const char *scheme, const char *user, const char *password, const char *host, unsigned port,
                   const char *path)
{
    struct url u;
    assert_int_equal(url_parse(str_c(text), &u, NULL), ERR_OK);
    assert_string_equal(u.scheme, scheme);
    assert_string_equal(u.user, user);
    assert_string_equal(u.password, password);
    assert_string_equal(u.host, host);
    assert_int_equal(u.port, port);
    assert_string_equal(u.path, path);
}

static void parts(void **state)
{
    (void)state;
    is_url("redis://h", "redis", "", "", "h", 0, "");
    is_url("redis://h/", "redis", "", "", "h", 0, "");
    is_url("redis://u@h:1/2", "redis", "u", "", "h", 1, "2");
    is_url("redis://u:p@h:65535", "redis", "u", "p", "h", 65535, "");
    is_url("redis://:p:q@h", "redis", "", "p:q", "h", 0, "");
    is_url("amqps://a%40b:%2f%3A%25@[::1]:5671/%2F", "amqps", "a@b", "/:%", "::1", 5671, "/");
    is_url("redis://[fe80::1]/a/b", "redis", "", "", "fe80::1", 0, "a/b");
}

static void refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "h",
                                      "://h",
                                      "redis:h",
                                      "redis:/h",
                                      "redis://",
                                      "redis://secret@",
                                      "redis://h:",
                                      "redis://h:0",
                                      "redis://h:65536",
                                      "redis://h:1a",
                                      "redis://[::1",
                                      "redis://[::1]1",
                                      "redis://[::1]:",
                                      "redis://secret%@h",
                                      "redis://secret%4@h",
                                      "redis://secret%4g@h",
                                      "redis://secret%00@h",
                                      "redis://:secret/rest@h",
                                      "redis://h?secret",
                                      "redis://h#secret",
                                      "a-scheme-that-is-too-long://h"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct url u;
        struct fault f;
        if (url_parse(str_c(bad[i]), &u, &f) != ERR_INVALID_PARAM) fail_msg("%s", bad[i]);
        assert_true(f.text[0] && !strstr(f.text, "secret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
