/* Settings: every default holds, each type takes what it should and nothing else, sources override in order, and every refusal
 * names the place and the reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "main/settings.h"
#include "main/settings_print.h"

struct fixture {
    struct settings s;
    struct buf problems;
    enum err err;
    char file[64];
};

static void setup(struct fixture *f, const char *file_text)
{
    buf_init(&f->problems, 1 << 20);
    f->file[0] = 0;
    if (!file_text) return;
    snprintf(f->file, sizeof f->file, "/tmp/rookery-settings-XXXXXX");
    int fd = mkstemp(f->file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file_text, strlen(file_text)), strlen(file_text));
    close(fd);
}

static void load(struct fixture *f, char *const *environment, const char *const *set)
{
    struct settings_source from = {.file = f->file[0] ? f->file : NULL, .environment = environment, .set = set};
    while (set && set[from.sets])
        from.sets++;
    f->err = settings_load(&f->s, &from, &f->problems);
    buf_byte(&f->problems, 0);
}

static void teardown(struct fixture *f)
{
    settings_release(&f->s);
    buf_release(&f->problems);
    if (f->file[0]) unlink(f->file);
}

static void accept_sets(struct fixture *f, const char *const *set)
{
    setup(f, NULL);
    load(f, NULL, set);
    if (f->err != ERR_OK) print_error("%s", f->problems.p);
    assert_int_equal(f->err, ERR_OK);
}

/* Loads a file of that text and expects to be told `expected` (a part of the message). `expected` follows the file's name. */
static void refuse_file(const char *text, const char *expected)
{
    struct fixture f;
    setup(&f, text);
    load(&f, NULL, NULL);
    char wanted[400];
    snprintf(wanted, sizeof wanted, "%s%s", f.file, expected);
    if (!strstr(f.problems.p, wanted)) print_error("wanted: %s\ngot: %s\n", wanted, f.problems.p);
    assert_non_null(strstr(f.problems.p, wanted));
    assert_int_equal(f.err, ERR_INVALID_PARAM);
    teardown(&f);
}

static void refuse_set(const char *pair, const char *expected)
{
    struct fixture f;
    const char *const set[] = {pair, NULL};
    setup(&f, NULL);
    load(&f, NULL, set);
    if (f.err != ERR_INVALID_PARAM || !strstr(f.problems.p, expected))
        print_error("%s: wanted: %s\ngot: %s\n", pair, expected, f.problems.p);
    assert_int_equal(f.err, ERR_INVALID_PARAM);
    assert_non_null(strstr(f.problems.p, expected));
    teardown(&f);
}

static void refuse_variable(const char *pair, const char *expected)
{
    struct fixture f;
    char *const environment[] = {"PATH=/bin", (char *)(uintptr_t)pair, NULL};
    setup(&f, NULL);
    load(&f, environment, NULL);
    if (!strstr(f.problems.p, expected)) print_error("wanted: %s\ngot: %s\n", expected, f.problems.p);
    assert_int_equal(f.err, ERR_INVALID_PARAM);
    assert_non_null(strstr(f.problems.p, expected));
    teardown(&f);
}

static void defaults_hold(void **state)
{
    (void)state;
    struct fixture f;
    accept_sets(&f, NULL);
    assert_string_equal(f.s.server.name.p, "localhost");
    assert_int_equal(f.s.server.listen.count, 1);
    assert_string_equal(f.s.server.listen.item[0].p, "127.0.0.1:8008");
    assert_string_equal(f.s.media.path, "./data/media");
    assert_int_equal(f.s.media.max_upload_size, 50 * 1048576);
    assert_int_equal(f.s.registration.mode, REGISTRATION_OPEN);
    assert_int_equal(f.s.limits.header_timeout, 10000);
    assert_true(f.s.limits.joins == 0.5);
    assert_true(f.s.presence.enabled);
    assert_false(f.s.registration.guests);
    assert_int_equal(f.s.log.level, LOG_INFO);
    for (size_t i = 0; i < setting_row_count; i++)
        assert_null(f.s.origin[i].where);
    teardown(&f);
}

static void choices_have_the_order_of_their_enums(void **state)
{
    (void)state;
    struct fixture f;
    const char *const set[] = {"registration.mode=closed", "log.level=error", "log.format=json", NULL};
    accept_sets(&f, set);
    assert_int_equal(f.s.registration.mode, REGISTRATION_CLOSED);
    assert_int_equal(f.s.log.level, LOG_ERROR);
    assert_int_equal(f.s.log.format, LOG_FORMAT_JSON);
    teardown(&f);
    const char *const token[] = {"registration.mode=token", "registration.tokens=abc, d.e_f~g-h", "log.level=debug", NULL};
    accept_sets(&f, token);
    assert_int_equal(f.s.registration.mode, REGISTRATION_TOKEN);
    assert_int_equal(f.s.registration.tokens.count, 2);
    assert_string_equal(f.s.registration.tokens.item[1].p, "d.e_f~g-h");
    assert_int_equal(f.s.log.level, LOG_DEBUG);
    teardown(&f);
}

static void values_with_units(void **state)
{
    (void)state;
    struct fixture f;
    const char *const set[] = {"limits.header_timeout=1500ms",
                               "limits.idle_timeout=2h",
                               "session.access_token_lifetime=7d",
                               "store.cache_size=2GiB",
                               "media.max_upload_size=1 MiB",
                               "limits.header_bytes=4096",
                               "limits.logins=12/h",
                               "limits.uploads=0",
                               "limits.messages=0/s",
                               "server.shutdown_grace=0",
                               NULL};
    accept_sets(&f, set);
    assert_int_equal(f.s.limits.header_timeout, 1500);
    assert_int_equal(f.s.limits.idle_timeout, 7200000);
    assert_int_equal(f.s.session.access_token_lifetime, 7LL * 86400000);
    assert_int_equal(f.s.store.cache_size, 2LL << 30);
    assert_int_equal(f.s.media.max_upload_size, 1048576);
    assert_int_equal(f.s.limits.header_bytes, 4096);
    assert_true(f.s.limits.logins > 12.0 / 3600 - 1e-9 && f.s.limits.logins < 12.0 / 3600 + 1e-9);
    assert_true(f.s.limits.uploads == 0 && f.s.limits.messages == 0);
    assert_int_equal(f.s.server.shutdown_grace, 0);
    teardown(&f);
}

static void bad_values(void **state)
{
    (void)state;
    refuse_set("server.loops=many", "--set server.loops: \"many\" is not understood; write it like 42");
    refuse_set("server.loops=65", "65 is too much; at most 64");
    refuse_set("server.loops=-1", "is not understood");
    refuse_set("server.loops=", "is not understood");
    refuse_set("server.loops=3 apples", "is not understood");
    refuse_set("limits.header_timeout=10", "write it like 500ms, 10s, 5m, 1h or 7d");
    refuse_set("limits.header_timeout=1ms", "1ms is too little; at least 100ms");
    refuse_set("limits.idle_timeout=99999999999999999999s", "is not understood");
    refuse_set("limits.idle_timeout=9999999999999999s", "is too much");
    refuse_set("store.cache_size=64MB", "write it like 4096, 64KiB, 50MiB or 2GiB");
    refuse_set("store.cache_size=9223372036854775807GiB", "is too much");
    refuse_set("limits.messages=10", "write it like 10/s");
    refuse_set("limits.messages=10/w", "write it like 10/s");
    refuse_set("limits.messages=1000001/s", "is too much; at most 1000000/s");
    refuse_set("media.url=s3://k:s@host/bucket", "[media] url: it does not begin with https:// or http://");
    refuse_set("media.url=https://host/bucket", "[media] url: it has no key; write https://KEY:SECRET@HOST/BUCKET");
    refuse_set("media.url=https://k:s@host/Bucket", "is no bucket");
    refuse_set("media.url=https://k:s@host/bucket/folder", "is no bucket");
    refuse_set("media.region=eu west", "[media] region: has letters, digits, '.' and '-' only");
    refuse_set("presence.enabled=yes", "\"yes\" is neither true nor false");
    refuse_set("log.level=loud", "\"loud\" is not among: debug info warn error");
    refuse_set("log.level=", "is not among");
    refuse_set("server.name=", "may not be empty");
    refuse_set("server.listen=", "needs at least 1");
    refuse_set("server.name=a\nb", "has bytes that are no text");
    refuse_set("server.name=\xff\xfe", "has bytes that are no text");
    char longest[400] = "server.name=";
    memset(longest + 12, 'x', 231);
    refuse_set(longest, "is longer than 230 bytes");
}

static void unknown_settings_with_suggestions(void **state)
{
    (void)state;
    refuse_set("server.nam=x", "--set server.nam: unknown setting; did you mean name under [server]?");
    refuse_set("sever.name=x", "unknown section; did you mean name under [server]?");
    refuse_set("server.level=x", "unknown setting; did you mean level under [log]?");
    refuse_set("zzz.qqqqqqqqqq=x", "`rookery print-config` lists all");
    refuse_set("nonsense", "write it like --set section.name=value");
    refuse_set("log.level", "write it like --set section.name=value");
    refuse_variable("ROOKERY_SERVER_NAM=x", "environment: ROOKERY_SERVER_NAM: unknown variable; did you mean ROOKERY_SERVER_NAME?");
    refuse_variable("ROOKERY_WHATEVER=x", "ROOKERY_WHATEVER: unknown variable");
    refuse_variable("ROOKERY_=x", "ROOKERY_: unknown variable");
    refuse_variable("ROOKERY_SERVER_LOOPS=x", "environment: ROOKERY_SERVER_LOOPS: \"x\" is not understood");
}

static void files_are_refused_with_their_line(void **state)
{
    (void)state;
    refuse_file("[server]\nnam = x\n", ":2: [server] nam: unknown setting; did you mean name");
    refuse_file("[server]\n\n# c\n  loops = x ; c\n", ":4: [server] loops: \"x\" is not understood");
    refuse_file("name = x\n", ":1: [] name: a setting belongs under a [section]; did you mean name under [server]?");
    refuse_file("[server]\nwhat is this\n", ":2: neither a [section], nor name = value");
    refuse_file("[server\nname = x\n", ":1: neither a [section]");
    refuse_file("[server]\nname = x\n[log]\n[server]\nname = y\n", ":5: [server] name: is given twice; first at ");
    refuse_file("[tls]\ncertificate = /x\n[server]\n\nname = under_score\n", ":5: [server] name: is not a server name");
    char text[9100] = "[server]\nname = ";
    memset(text + 16, 'x', 9000);
    refuse_file(text, ":2: the line is longer than");
    /* All faults are told at once. */
    struct fixture f;
    setup(&f, "[server]\nloops = x\n[log]\nlevel = y\n");
    load(&f, NULL, NULL);
    assert_non_null(strstr(f.problems.p, "loops"));
    assert_non_null(strstr(f.problems.p, "level"));
    teardown(&f);
    setup(&f, NULL);
    snprintf(f.file, sizeof f.file, "/nonexistent/rookery.conf");
    load(&f, NULL, NULL);
    assert_non_null(strstr(f.problems.p, "/nonexistent/rookery.conf: No such file or directory"));
    teardown(&f);
}

static void later_sources_win(void **state)
{
    (void)state;
    struct fixture f;
    char *const environment[] = {"ROOKERY_CONFIG=elsewhere", "ROOKERY_SERVER_NAME=two.example", "ROOKERY_LIMITS_HEADER_BYTES=8KiB", NULL};
    const char *const set[] = {"limits.header_bytes=16KiB", NULL};
    setup(&f, "\xef\xbb\xbf[server]\r\nname = one.example\r\nloops = 3\r\n");
    load(&f, environment, set);
    assert_string_equal(f.problems.p, "");
    assert_string_equal(f.s.server.name.p, "two.example");
    assert_int_equal(f.s.server.loops, 3);
    assert_int_equal(f.s.limits.header_bytes, 16384);
    teardown(&f);
}

static void settings_at_odds(void **state)
{
    (void)state;
    struct fixture f;
    refuse_set("server.listen=0.0.0.0:8008", "[registration] mode: is open, and others can reach the server at 0.0.0.0:8008");
    refuse_set("server.listen=127.0.0.1:1 [::]:8008", "registration.allow_public_open = true");
    refuse_set("server.public_url=https://chat.example.org", "others can reach the server at https://chat.example.org");
    const char *const open[] = {"server.listen=0.0.0.0:8008", "registration.allow_public_open=true", NULL};
    accept_sets(&f, open);
    teardown(&f);
    const char *const closed[] = {"server.listen=0.0.0.0:8008", "registration.mode=closed", NULL};
    accept_sets(&f, closed);
    teardown(&f);
    const char *const local[] = {"server.listen=127.8.8.8:0, [::1]:8008 unix:/run/x.sock localhost:1",
                                 "server.public_url=http://localhost:8008/", "server.name=[::1]:8448",
                                 "server.trusted_proxies=10.0.0.0/8,::1 fd00::/8 unix", NULL};
    accept_sets(&f, local);
    assert_int_equal(f.s.server.listen.count, 4);
    teardown(&f);
    refuse_set("server.listen=8008", "is not an address");
    refuse_set("server.listen=127.0.0.1:65536", "is not an address");
    refuse_set("server.listen=example.org:80", "is not an IP address");
    refuse_set("server.listen=[127.0.0.1]:80", "is not an IP address");
    refuse_set("server.listen=unix:here", "with the whole path");
    refuse_set("server.listen=[::1]", "is not an address");
    refuse_set("server.trusted_proxies=10.0.0.0/33", "\"10.0.0.0/33\" is neither an address nor a network");
    refuse_set("metrics.allow=::1/129", "[metrics] allow");
    refuse_set("server.name=no_way", "is not a server name");
    refuse_set("server.name=a:port", "is not a server name");
    refuse_set("server.name=[]", "is not a server name");
    const char *const contacts[] = {"server.admin_contact=a.b+c@example.org @a:example.org:8448, https://example.org/x?y=1#z", NULL};
    accept_sets(&f, contacts);
    assert_int_equal(f.s.server.admin_contact.count, 3);
    teardown(&f);
    refuse_set("server.admin_contact=root", "[server] admin_contact: \"root\" is no contact; write admin@example.org, @admin:");
    refuse_set("server.admin_contact=https://a https://b", "names more than one page");
    refuse_file("[server]\n\nadmin_contact = a@b @c\n", ":3: [server] admin_contact: \"@c\" is no contact");
    refuse_file("[rooms]\ndefault_version = 13\n", ":2: [rooms] default_version: \"13\" is unknown here; take one of 6 7 8 9 10 11 12");
    refuse_set("rooms.default_version=5", "is unknown here");
    refuse_set("rooms.default_version=", "may not be empty");
    refuse_set("server.public_url=chat.example.org", "is not an address");
    refuse_set("server.public_url=https://a\"b", "is not an address");
    refuse_set("tls.key=/k", "[tls] certificate: is missing");
    refuse_set("tls.certificate=/c", "[tls] key: is missing");
    refuse_set("broker.prefetch=54999",
               "[broker] prefetch: is below 55000: a slot's queue may hold 50000 records, and those beyond the prefetch "
               "lose their order when two servers die one after the other");
    refuse_set("broker.prefetch=65536", "65536 is too much; at most 65535");
    refuse_set("broker.record_bytes=2MiB", "2MiB is too much; at most 1048576");
    refuse_set("broker.record_bytes=1023", "1023 is too little; at least 1024");
    refuse_set("broker.tick=101ms", "101ms is too much; at most 100ms");
    refuse_set("broker.tick=1", "write it like 500ms");
    const char *const batching[] = {"broker.prefetch=55000", "broker.record_bytes=4KiB", "broker.tick=5ms",
                                    "broker.gather=0s",      "broker.spacing=20ms",      NULL};
    accept_sets(&f, batching);
    assert_int_equal(f.s.broker.prefetch, 55000);
    assert_int_equal(f.s.broker.record_bytes, 4096);
    assert_int_equal(f.s.broker.tick, 5);
    assert_int_equal(f.s.broker.gather, 0);
    assert_int_equal(f.s.broker.spacing, 20);
    teardown(&f);
    refuse_set("registration.mode=token", "is empty, so that nobody could register");
    refuse_set("registration.tokens=a/b", "a token has 1 to 64 characters");
}

static void a_refused_token_is_not_repeated(void **state)
{
    (void)state;
    struct fixture f;
    const char *const set[] = {"registration.tokens=sesame/open", NULL};
    setup(&f, NULL);
    load(&f, NULL, set);
    assert_null(strstr(f.problems.p, "sesame"));
    teardown(&f);
}

/* The printed file, read again with every comment sign removed, is accepted and gives the defaults. */
static void printed_file_reads_back(void **state)
{
    (void)state;
    struct fixture f;
    struct buf conf, bare;
    buf_init(&conf, 1 << 20);
    buf_init(&bare, 1 << 20);
    settings_print_conf(&conf, NULL);
    assert_true(buf_ok(&conf));
    for (size_t i = 0; i < conf.n; i++)
        if (!(conf.p[i] == '#' && i + 1 < conf.n && conf.p[i + 1] != ' ')) buf_byte(&bare, conf.p[i]);
    buf_byte(&bare, 0);
    setup(&f, bare.p);
    load(&f, NULL, NULL);
    assert_string_equal(f.problems.p, "");
    for (size_t i = 0; i < setting_row_count; i++) {
        assert_non_null(f.s.origin[i].where);
        assert_string_equal(f.s.origin[i].text, setting_rows[i].otherwise);
    }
    teardown(&f);
    const char *const set[] = {"server.name=example.org", NULL};
    accept_sets(&f, set);
    buf_clear(&conf);
    settings_print_conf(&conf, &f.s);
    buf_byte(&conf, 0);
    assert_non_null(strstr(conf.p, "\nname = example.org\n"));
    assert_non_null(strstr(conf.p, "\n#loops = 0\n"));
    teardown(&f);
    buf_release(&conf);
    buf_release(&bare);
}

static void every_row_is_in_a_section_and_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < setting_row_count; i++) {
        const struct setting_row *row = &setting_rows[i];
        size_t n = strlen(row->help);
        bool found = false;
        for (size_t j = 0; j < setting_section_count; j++)
            found |= strcmp(setting_sections[j].name, row->section) == 0;
        assert_true(found);
        assert_true(n > 10 && (row->help[n - 1] == '.' || row->help[n - 1] == '-'));
        assert_ptr_equal(setting_find(str_c(row->section), str_c(row->name)), row);
    }
    struct buf man;
    buf_init(&man, 1 << 20);
    settings_print_man(&man);
    buf_byte(&man, 0);
    for (size_t i = 0; i < setting_row_count; i++) {
        char item[100];
        snprintf(item, sizeof item, ".It Ic %s Ns ", setting_rows[i].name);
        assert_non_null(strstr(man.p, item));
    }
    buf_release(&man);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold),
        cmocka_unit_test(choices_have_the_order_of_their_enums),
        cmocka_unit_test(values_with_units),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(unknown_settings_with_suggestions),
        cmocka_unit_test(files_are_refused_with_their_line),
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(settings_at_odds),
        cmocka_unit_test(a_refused_token_is_not_repeated),
        cmocka_unit_test(printed_file_reads_back),
        cmocka_unit_test(every_row_is_in_a_section_and_documented),
    };
    return cmocka_run_group_tests_name("main/settings", tests, NULL, NULL);
}
