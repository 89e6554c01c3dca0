/* Contacts of administrators: what is one, and as which URI clients are told. */
#include "help.h"

#include "matrix/contact.h"

static void kinds_and_uris(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum contact_kind kind;
        const char *uri;
    } rows[] = {
        {"admin@example.org", CONTACT_EMAIL, "mailto:admin@example.org"},
        {"a+b%c@[::1]", CONTACT_EMAIL, "mailto:a%2Bb%25c@[::1]"},
        {"admin@example.org:25", CONTACT_NONE, NULL},
        {"admin@", CONTACT_NONE, NULL},
        {"admin", CONTACT_NONE, NULL},
        {"a b@example.org", CONTACT_NONE, NULL},
        {"a\n@example.org", CONTACT_NONE, NULL},
        {"a@b@c", CONTACT_NONE, NULL},
        {"@admin:example.org", CONTACT_USER, "matrix:u/admin:example.org"},
        {"@a/b=\xc3\xbc:example.org:8448", CONTACT_USER, "matrix:u/a%2Fb%3D%C3%BC:example.org:8448"},
        {"@:example.org", CONTACT_NONE, NULL},
        {"@admin", CONTACT_NONE, NULL},
        {"https://example.org/help?a=b#c", CONTACT_PAGE, "https://example.org/help?a=b#c"},
        {"https://", CONTACT_NONE, NULL},
        {"http://example.org", CONTACT_NONE, NULL},
        {"https://a\"b", CONTACT_NONE, NULL},
        {"javascript:alert(1)", CONTACT_NONE, NULL},
        {"", CONTACT_NONE, NULL},
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_true(rows[i].text, contact_kind(str_c(rows[i].text)) == rows[i].kind);
        if (rows[i].uri) check_str(rows[i].text, contact_uri(&a, str_c(rows[i].text)), str_c(rows[i].uri));
    }
    arena_release(&a);
}

static void what_is_too_long(void **state)
{
    (void)state;
    char text[600] = "https://";
    memset(text + 8, 'x', 492);
    assert_int_equal(contact_kind(str_c(text)), CONTACT_PAGE);
    text[500] = 'x';
    assert_int_equal(contact_kind(str_c(text)), CONTACT_NONE);
    memset(text, 'a', sizeof text - 1);
    memcpy(text + 255 - 4, "@b.c", 5);
    assert_int_equal(contact_kind(str_c(text)), CONTACT_NONE);
    assert_int_equal(contact_kind(str_from(str_c(text), 1)), CONTACT_EMAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kinds_and_uris), cmocka_unit_test(what_is_too_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
