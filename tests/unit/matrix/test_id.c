/* Identifiers: grammar, parts, limits, and the slots, which must never change. */
#include "help.h"

#include "matrix/id.h"

struct row {
    const char *text;
    bool want;
    const char *local, *server;
};

static void check_rows(const struct row *rows, size_t n, bool (*parse_id)(struct str s, struct id *out))
{
    for (size_t i = 0; i < n; i++) {
        struct id id = {0};
        if (parse_id(str_c(rows[i].text), &id) != rows[i].want) fail_msg("\"%s\"", rows[i].text);
        if (!rows[i].want) continue;
        check_str(rows[i].text, id.local, str_c(rows[i].local));
        check_str(rows[i].text, id.server, str_c(rows[i].server));
        assert_true(parse_id(str_c(rows[i].text), NULL));
    }
}
#define CHECK(rows, parse_id) check_rows(rows, sizeof(rows) / sizeof *(rows), parse_id)

static void test_users(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"@alice:example.org", true, "alice", "example.org"},
        {"@alice:example.org:8448", true, "alice", "example.org:8448"},
        {"@alice:[::1]:8448", true, "alice", "[::1]:8448"},
        {"@alice:1.2.3.4", true, "alice", "1.2.3.4"},
        {"@ALICE Smith!:a", true, "ALICE Smith!", "a"},
        {"@\xc3\xa4\x01:a", true, "\xc3\xa4\x01", "a"},
        {"@:a", true, "", "a"},
        {"alice:a", false, NULL, NULL},
        {"@alice", false, NULL, NULL},
        {"@alice:", false, NULL, NULL},
        {"@alice:a_b", false, NULL, NULL},
        {"@alice:a:b", false, NULL, NULL},
        {"@a:b:c:1", false, NULL, NULL},
        {"@\xff:a", false, NULL, NULL},
        {"@\xed\xa0\x80:a", false, NULL, NULL},
        {"!alice:a", false, NULL, NULL},
        {"@", false, NULL, NULL},
        {"", false, NULL, NULL},
    };
    CHECK(rows, id_user);
    assert_false(id_user((struct str){0}, NULL));
    assert_false(id_user(str_make("@a\0b:c", 6), NULL));
}

static void test_rooms(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"!abc:example.org", true, "abc", "example.org"},
        {"!:a", true, "", "a"},
        {"!Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg", true, "Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg", ""},
        {"!Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Z", false, NULL, NULL},
        {"!Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zgg", false, NULL, NULL},
        {"!Rqnc+F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg", false, NULL, NULL},
        {"@Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg", false, NULL, NULL},
        {"!abc", false, NULL, NULL},
        {"!", false, NULL, NULL},
        {"", false, NULL, NULL},
    };
    CHECK(rows, id_room);
}

static void test_aliases_and_events(void **state)
{
    (void)state;
    static const struct row aliases[] = {{"#a b:c", true, "a b", "c"},
                                         {"#\xe6\x97\xa5:c", true, "\xe6\x97\xa5", "c"},
                                         {"a:b", false, NULL, NULL},
                                         {"#a", false, NULL, NULL}};
    static const struct row events[] = {
        {"$abc", true, "abc", ""},     {"$a", true, "a", ""},        {"$abc:example.org", true, "abc", "example.org"},
        {"$ab/+c", true, "ab/+c", ""}, {"$", false, NULL, NULL},     {"abc", false, NULL, NULL},
        {"$abc:", false, NULL, NULL},  {"$\xff", false, NULL, NULL}, {"", false, NULL, NULL},
    };
    CHECK(aliases, id_alias);
    CHECK(events, id_event);
}

static void test_media(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"mxc://example.org/aB-_9", true, "aB-_9", "example.org"},
        {"mxc://[::1]:80/a", true, "a", "[::1]:80"},
        {"mxc://example.org/", false, NULL, NULL},
        {"mxc:///a", false, NULL, NULL},
        {"mxc://example.org/a/b", false, NULL, NULL},
        {"mxc://example.org/../a", false, NULL, NULL},
        {"mxc://example.org/a.b", false, NULL, NULL},
        {"mxc://example.org", false, NULL, NULL},
        {"http://example.org/a", false, NULL, NULL},
        {"MXC://example.org/a", false, NULL, NULL},
    };
    CHECK(rows, id_mxc);
}

static void test_server_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        unsigned port;
    } rows[] = {
        /* the specification's examples */
        {"matrix.org", "matrix.org", 0},
        {"matrix.org:8888", "matrix.org", 8888},
        {"1.2.3.4", "1.2.3.4", 0},
        {"1.2.3.4:1234", "1.2.3.4", 1234},
        {"[1234:5678::abcd]", "[1234:5678::abcd]", 0},
        {"[1234:5678::abcd]:5678", "[1234:5678::abcd]", 5678},
        /* and more */
        {"a", "a", 0},
        {"[ABCD:EF::1]", "[ABCD:EF::1]", 0},
        {"[::]", "[::]", 0},
        {"XN--A-1.b", "XN--A-1.b", 0},
        {"a:1", "a", 1},
        {"a:65535", "a", 65535},
        {"a:00080", "a", 80},
        {"[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str host;
        unsigned port = 99;
        if (!id_server_name(str_c(rows[i].text), &host, &port)) fail_msg("%s", rows[i].text);
        check_str(rows[i].text, host, str_c(rows[i].host));
        assert_int_equal(port, rows[i].port);
    }
    static const char *const bad[] = {"",       ":80",    "a:",        "a:b",  "a:123456", "a:65536", "a:0",       "a b",   "a_b",
                                      "a/b",    "[::1",   "::1",       "[]",   "[]:1",     "[:::1]",  "[1.2.3.4]", "[g::]", "[::1]a",
                                      "[::1]8", "[::1]:", "a\xc3\xa4", "a:-1", "a:+1",     "a:80:80", "[",         "]",     "[::1]]:1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (id_server_name(str_c(bad[i]), NULL, NULL)) fail_msg("%s", bad[i]);
}

static void test_lengths(void **state)
{
    (void)state;
    char text[300];
    memset(text, 'a', sizeof text);
    text[0] = '@';
    text[3] = ':';
    assert_true(id_user(str_make(text, 255), NULL));
    assert_false(id_user(str_make(text, 256), NULL));
    text[0] = '#';
    assert_true(id_alias(str_make(text, 255), NULL));
    assert_false(id_alias(str_make(text, 256), NULL));
    text[0] = '!';
    assert_true(id_room(str_make(text, 255), NULL));
    assert_false(id_room(str_make(text, 256), NULL));
    text[0] = '$';
    text[3] = 'a';
    assert_true(id_event(str_make(text, 255), NULL));
    assert_false(id_event(str_make(text, 256), NULL));
    text[0] = 'a';
    bool (*const checks[])(struct str s) = {id_localpart_is_new, id_device, id_opaque, id_common};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        assert_true(checks[i](str_make(text, 255)));
        assert_false(checks[i](str_make(text, 256)));
        assert_false(checks[i](STR("")));
    }
    assert_true(id_server_name(str_make(text, 255), NULL, NULL));
    assert_false(id_server_name(str_make(text, 256), NULL, NULL));
}

/* Each byte, alone: which grammars take it. */
static void test_alphabets(void **state)
{
    (void)state;
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789", upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int c = 1; c < 256; c++) {
        char text[] = {'a', (char)c};
        struct str s = str_make(text, 2);
        bool is_lower = strchr(lower, c), is_alnum = is_lower || strchr(upper, c);
        assert_int_equal(id_localpart_is_new(s), is_lower || strchr("._=-/+", c));
        assert_int_equal(id_opaque(s), is_alnum || strchr("-._~", c));
        assert_int_equal(id_common(s), is_lower || strchr("-_.", c));
        assert_int_equal(id_device(s), c >= 0x20 && c < 0x7F);
    }
    assert_false(id_common(STR("1a")));
    assert_false(id_common(STR(".a")));
    assert_true(id_device(STR("J\xc3\xa4\xe6\x97\xa5")));
}

static void test_server_of(void **state)
{
    (void)state;
    check_str("user", id_server_of(STR("@a:b:80")), STR("b:80"));
    check_str("room", id_server_of(STR("!abc")), STR(""));
}

/* These stand in stores and tokens (XXH64, seed 0; values by another implementation). */
static void test_slots_never_change(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        unsigned slot;
    } rows[] = {{"", 25},
                {"a", 27},
                {"@alice:example.org", 17},
                {"!Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg", 11},
                {"#room:example.org", 4},
                {"!abcdefghijklmnopqrstuvwxyz0123456789:matrix.example.org:8448", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(id_slot(str_c(rows[i].id)), rows[i].slot);
    unsigned seen[ID_SLOTS] = {0};
    for (int i = 0; i < 6400; i++) {
        char id[40];
        snprintf(id, sizeof id, "@user%d:example.org", i);
        seen[id_slot(str_c(id))]++;
    }
    for (int i = 0; i < ID_SLOTS; i++)
        assert_in_range(seen[i], 50, 160);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_users),     cmocka_unit_test(test_rooms),        cmocka_unit_test(test_aliases_and_events),
        cmocka_unit_test(test_media),     cmocka_unit_test(test_server_names), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_alphabets), cmocka_unit_test(test_server_of),    cmocka_unit_test(test_slots_never_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
