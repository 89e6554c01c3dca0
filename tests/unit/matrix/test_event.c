/* Building events: against an independent implementation for every supported version, and the specification's vectors. */
#include "help.h"

#include <sodium.h>

#include "crypto/crypto.h"
#include "event_vectors.h"
#include "matrix/event.h"

static struct str prev[2];

static struct event_fields fields_of(struct arena *a, const struct vector *t)
{
    return (struct event_fields){.type = str_c(t->type),
                                 .sender = STR("@alice:example.org"),
                                 .room_id = STR("!room:example.org"),
                                 .state_key = str_or_null(t->state_key),
                                 .content = parse(a, t->content),
                                 .redacts = str_or_null(t->redacts),
                                 .prev_events = prev,
                                 .auth_events = prev,
                                 .prev_count = t->refs ? 1 : 0,
                                 .auth_count = t->refs,
                                 .depth = 7,
                                 .origin_server_ts = 1700000000123};
}

static void hash_ids(struct arena *a)
{
    for (unsigned char i = 0; i < 2; i++) {
        unsigned char hash[SHA256_BYTES];
        sha256(str_make((const char *)&i, 1), hash);
        prev[i] = arena_join(a, STR("$"), base64_encode(a, str_make((const char *)hash, sizeof hash), true), STR(""));
    }
}

static struct event_built built(struct arena *a, const struct vector *t)
{
    struct fault f = {0};
    struct event_built b;
    hash_ids(a);
    struct event_fields e = fields_of(a, t);
    if (event_build(a, room_version_number(t->version), &e, &b, &f)) fail_msg("%s: %s", t->type, f.text);
    return b;
}

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *t = &vectors[i];
        struct arena a;
        arena_init(&a);
        struct event_built b = built(&a, t);
        check_str(t->type, b.client, str_c(t->client));
        check_str(t->type, b.content, json_get(parse(&a, t->client), "content")->raw);
        assert_true(b.content.p > b.client.p && b.content.p < b.client.p + b.client.n);
        check_str(t->type, b.fed, str_c(t->fed));
        check_str(t->type, b.event_id, str_c(t->event_id));
        bool makes = t->version == 12 && str_is(str_c(t->type), "m.room.create");
        check_str(t->type, b.room_id, makes ? event_room_id_of_create(&a, b.event_id) : STR("!room:example.org"));
        check_str(t->type, b.redacts, str_or_null(t->redacts));
        arena_release(&a);
    }
}

static void check_hash(struct arena *a, const char *row, const struct json *pdu)
{
    unsigned char hash[SHA256_BYTES];
    assert_int_equal(event_content_hash(pdu, hash, NULL), ERR_OK);
    struct str text = base64_encode(a, str_make((const char *)hash, sizeof hash), false);
    check_str(row, text, json_string(json_path(pdu, "hashes", "sha256", NULL)));
}

/* What is stored becomes the PDU again: its hashes are right, before and after redaction. */
static void test_pdu_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *t = &vectors[i];
        const struct room_version *v = room_version_number(t->version);
        struct arena a;
        arena_init(&a);
        struct event_built b = built(&a, t);
        struct json *pdu, *gone;
        struct str id, redacted;
        assert_int_equal(event_pdu(&a, v, b.room_id, b.client, b.fed, &pdu, NULL), ERR_OK);
        check_hash(&a, t->type, pdu);
        assert_int_equal(event_id_of(&a, v, pdu, &id, NULL), ERR_OK);
        check_str(t->type, id, b.event_id);
        assert_int_equal(event_redact_client(&a, v, b.client, &redacted, NULL), ERR_OK);
        check_true(t->type, redacted.n < b.client.n || str_is(str_c(t->type), "m.room.create"));
        assert_int_equal(event_pdu(&a, v, b.room_id, redacted, b.fed, &gone, NULL), ERR_OK);
        assert_int_equal(event_id_of(&a, v, gone, &id, NULL), ERR_OK);
        check_str(t->type, id, b.event_id);
        assert_non_null(json_get(gone, "hashes"));
        arena_release(&a);
    }
}

/* --- appendices, "Cryptographic Test Vectors" --- */

static void check_signature(struct arena *a, const struct json *event, const char *want)
{
    unsigned char seed[32], pub[32], secret[64], sig[64];
    struct str raw;
    assert_true(base64_decode(a, STR("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1"), false, &raw));
    memcpy(seed, raw.p, sizeof seed);
    crypto_sign_seed_keypair(pub, secret, seed);
    struct json *signed_part = event_redact(a, room_version_number(1), event);
    json_remove(signed_part, STR("signatures"));
    struct buf b;
    buf_init(&b, 65536);
    assert_int_equal(json_write_canonical(&b, signed_part, NULL), ERR_OK);
    ed25519_sign(secret, buf_str(&b), sig);
    check_str("signature", base64_encode(a, str_make((const char *)sig, sizeof sig), false), str_c(want));
    buf_release(&b);
}

static void test_minimal_event(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct json *e =
        quoted(&a, "{'auth_events':[],'content':{},'depth':3,'hashes':{'sha256':'5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos'},"
                   "'origin':'domain','origin_server_ts':1000000,'prev_events':[],'room_id':'!x:domain','sender':'@a:domain',"
                   "'signatures':{},'type':'X','unsigned':{'age_ts':1000000}}");
    check_hash(&a, "minimal", e);
    check_signature(&a, e, "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg");
    arena_release(&a);
}

static void test_event_with_content(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct json *e =
        quoted(&a, "{'content':{'body':'Here is the message content'},'event_id':'$0:domain','hashes':{'sha256':"
                   "'onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g'},'origin':'domain','origin_server_ts':1000000,'type':"
                   "'m.room.message','room_id':'!r:domain','sender':'@u:domain','signatures':{},'unsigned':{'age_ts':1000000}}");
    check_hash(&a, "with content", e);
    check_signature(&a, e, "Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA");
    arena_release(&a);
}

/* --- what is refused --- */

static struct str repeat(struct arena *a, char c, size_t n)
{
    char *p = arena_alloc(a, n);
    memset(p, c, n);
    return str_make(p, n);
}

static struct event_fields message(struct arena *a)
{
    return (struct event_fields){.type = STR("m.room.message"),
                                 .sender = STR("@a:b"),
                                 .room_id = STR("!r:b"),
                                 .content = quoted(a, "{'body':'x'}"),
                                 .prev_events = prev,
                                 .prev_count = 1,
                                 .auth_events = prev,
                                 .auth_count = 2};
}

static enum err build_err(struct arena *a, const struct event_fields *e)
{
    struct event_built b;
    struct fault f = {0};
    enum err bad = event_build(a, room_version_default(), e, &b, &f);
    if (bad) assert_true(f.text[0] != 0 && f.code == bad);
    return bad;
}

static void test_field_limits(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    hash_ids(&a);
    struct event_fields e = message(&a);
    assert_int_equal(build_err(&a, &e), ERR_OK);
    e.type = repeat(&a, 't', 255);
    e.state_key = repeat(&a, 'k', 255);
    assert_int_equal(build_err(&a, &e), ERR_OK);
    e.type = repeat(&a, 't', 256);
    assert_int_equal(build_err(&a, &e), ERR_TOO_LARGE);
    e = message(&a);
    e.state_key = repeat(&a, 'k', 256);
    assert_int_equal(build_err(&a, &e), ERR_TOO_LARGE);
    e.state_key = STR("\xff");
    assert_int_equal(build_err(&a, &e), ERR_INVALID_PARAM);
    e = message(&a);
    e.sender = STR("a:b");
    assert_int_equal(build_err(&a, &e), ERR_INVALID_PARAM);
    e = message(&a);
    e.room_id = STR("!r");
    assert_int_equal(build_err(&a, &e), ERR_INVALID_PARAM);
    e = message(&a);
    e.depth = (int64_t)1 << 53;
    assert_int_equal(build_err(&a, &e), ERR_BAD_JSON);
    e = message(&a);
    e.depth = ((int64_t)1 << 53) - 1;
    e.origin_server_ts = 1 - ((int64_t)1 << 53);
    assert_int_equal(build_err(&a, &e), ERR_OK);
    e.origin_server_ts--;
    assert_int_equal(build_err(&a, &e), ERR_BAD_JSON);
    struct str many[EVENT_PREV_MAX + 1];
    for (size_t i = 0; i <= EVENT_PREV_MAX; i++)
        many[i] = prev[0];
    e = message(&a);
    e.prev_events = many;
    e.prev_count = EVENT_PREV_MAX;
    assert_int_equal(build_err(&a, &e), ERR_OK);
    e.prev_count = EVENT_PREV_MAX + 1;
    assert_int_equal(build_err(&a, &e), ERR_TOO_LARGE);
    e = message(&a);
    e.auth_events = many;
    e.auth_count = EVENT_AUTH_MAX;
    assert_int_equal(build_err(&a, &e), ERR_OK);
    e.auth_count = EVENT_AUTH_MAX + 1;
    assert_int_equal(build_err(&a, &e), ERR_TOO_LARGE);
    e = message(&a);
    many[1] = STR("x");
    e.prev_events = many;
    e.prev_count = 2;
    assert_int_equal(build_err(&a, &e), ERR_INVALID_PARAM);
    arena_release(&a);
}

static void test_content_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"[]", "'x'", "null", "{'a':1.5}", "{'a':1e3}", "{'a':[{'b':9007199254740992}]}", "{'a':-0}"};
    struct arena a;
    arena_init(&a);
    hash_ids(&a);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct event_fields e = message(&a);
        e.content = quoted(&a, bad[i]);
        if (build_err(&a, &e) != ERR_BAD_JSON) fail_msg("%s was taken", bad[i]);
    }
    struct event_fields e = message(&a);
    e.content = NULL;
    assert_int_equal(build_err(&a, &e), ERR_BAD_JSON);
    arena_release(&a);
}

/* The PDU with a signature must fit into 65536 bytes: exactly at the border, and for state that redaction keeps whole. */
static void test_size_limit(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    hash_ids(&a);
    struct event_fields e = message(&a);
    struct event_built b;
    struct json *content = json_new(&a, JSON_OBJECT);
    e.content = content;
    json_set(content, STR("b"), json_new_string(&a, STR("")));
    assert_int_equal(event_build(&a, room_version_default(), &e, &b, NULL), ERR_OK);
    struct json *pdu;
    assert_int_equal(event_pdu(&a, room_version_default(), e.room_id, b.client, b.fed, &pdu, NULL), ERR_OK);
    size_t fits = EVENT_SIZE_MAX - EVENT_SIGNATURE_ROOM - json_text(&a, pdu).n;
    json_set(content, STR("b"), json_new_string(&a, repeat(&a, 'x', fits)));
    assert_int_equal(build_err(&a, &e), ERR_OK);
    json_set(content, STR("b"), json_new_string(&a, repeat(&a, 'x', fits + 1)));
    assert_int_equal(build_err(&a, &e), ERR_TOO_LARGE);
    json_set(content, STR("b"), json_new_string(&a, repeat(&a, 'x', 10 * EVENT_SIZE_MAX)));
    assert_int_equal(build_err(&a, &e), ERR_TOO_LARGE);
    arena_release(&a);
}

/* The tree that was given is not changed, also where the content had to be. */
static void test_content_untouched(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    hash_ids(&a);
    struct event_fields e = message(&a);
    e.type = STR("m.room.redaction");
    e.redacts = STR("$x");
    e.content = quoted(&a, "{'reason':'r','redacts':'$other'}");
    struct str before = json_text(&a, e.content);
    struct event_built b;
    assert_int_equal(event_build(&a, room_version_default(), &e, &b, NULL), ERR_OK);
    check_str("content", json_text(&a, e.content), before);
    check_str("redacts", b.redacts, STR("$x"));
    check_str("inside", json_string(json_path(parse(&a, arena_cstr(&a, b.client)), "content", "redacts", NULL)), STR("$x"));
    arena_release(&a);
}

/* Where `redacts` goes, and that only a redaction has it. */
static void test_redacts(void **state)
{
    (void)state;
    static const struct {
        const char *type, *content, *redacts, *want, *client_content, *client_redacts;
    } rows[] = {
        {"m.room.redaction", "{}", "$x", "$x", "{'redacts':'$x'}", "$x"},
        {"m.room.redaction", "{'redacts':'$x'}", NULL, "$x", "{'redacts':'$x'}", "$x"},
        {"m.room.redaction", "{'redacts':'$x'}", "$x", "$x", "{'redacts':'$x'}", "$x"},
        {"m.room.redaction", "{'reason':'r'}", NULL, NULL, "{'reason':'r'}", NULL},
        {"m.room.redaction", "{'redacts':7}", NULL, NULL, "{'redacts':7}", NULL},
        {"m.room.message", "{'redacts':'$y'}", "$x", NULL, "{'redacts':'$y'}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned n = 6; n <= 12; n++) {
            struct arena a;
            arena_init(&a);
            hash_ids(&a);
            struct event_fields e = message(&a);
            struct event_built b;
            struct json *pdu;
            e.type = str_c(rows[i].type);
            e.redacts = str_or_null(rows[i].redacts);
            e.content = quoted(&a, rows[i].content);
            assert_int_equal(event_build(&a, room_version_number(n), &e, &b, NULL), ERR_OK);
            struct json *client = parse(&a, arena_cstr(&a, b.client));
            check_str(rows[i].content, b.redacts, str_or_null(rows[i].want));
            assert_int_equal(str_null(b.redacts), rows[i].want == NULL);
            check_true(rows[i].content, json_equal(json_get(client, "content"), quoted(&a, rows[i].client_content)));
            check_str(rows[i].content, json_string_at(client, "redacts"), str_or_null(rows[i].client_redacts));
            assert_int_equal(event_pdu(&a, room_version_number(n), b.room_id, b.client, b.fed, &pdu, NULL), ERR_OK);
            assert_int_equal(json_get(pdu, "redacts") != NULL, rows[i].want && n < 11);
            check_hash(&a, rows[i].content, pdu);
            arena_release(&a);
        }
}

static void test_old_versions(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    hash_ids(&a);
    struct event_fields e = message(&a);
    struct event_built b;
    for (unsigned n = 1; n <= 6; n++)
        assert_int_equal(event_build(&a, room_version_number(n), &e, &b, NULL), n < 6 ? ERR_UNSUPPORTED_ROOM_VERSION : ERR_OK);
    arena_release(&a);
}

static void test_broken_texts(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct json *pdu;
    struct str text;
    const struct room_version *v = room_version_default();
    assert_int_equal(event_pdu(&a, v, STR("!r:b"), STR("{"), STR("{}"), &pdu, NULL), ERR_NOT_JSON);
    assert_int_equal(event_pdu(&a, v, STR("!r:b"), STR("{}"), STR("[]"), &pdu, NULL), ERR_NOT_JSON);
    assert_int_equal(event_pdu(&a, v, STR("!r:b"), STR("1"), STR("{}"), &pdu, NULL), ERR_NOT_JSON);
    assert_int_equal(event_redact_client(&a, v, STR("{"), &text, NULL), ERR_NOT_JSON);
    unsigned char hash[SHA256_BYTES];
    struct json *large = json_new(&a, JSON_OBJECT);
    json_set(large, STR("type"), json_new_string(&a, repeat(&a, 'x', 3 * EVENT_SIZE_MAX)));
    assert_int_equal(event_content_hash(large, hash, NULL), ERR_TOO_LARGE);
    assert_int_equal(event_id_of(&a, v, large, &text, NULL), ERR_TOO_LARGE);
    assert_int_equal(event_content_hash(quoted(&a, "{'a':1.5}"), hash, NULL), ERR_BAD_JSON);
    arena_release(&a);
}

/* --- redaction, version by version --- */

static void test_redaction_table(void **state)
{
    (void)state;
    static const struct {
        unsigned from, to;
        const char *event, *want;
    } rows[] = {
        {1, 12, "{'type':'m.room.message','content':{'body':'x'},'unsigned':{'a':1},'foo':1}", "{'type':'m.room.message','content':{}}"},
        {1, 12, "{'type':'m.room.topic','state_key':'','content':{'topic':'x'}}", "{'type':'m.room.topic','state_key':'','content':{}}"},
        {1, 10, "{'type':'x','content':{},'prev_state':[],'origin':'o','membership':'join','redacts':'$a'}",
         "{'type':'x','content':{},'prev_state':[],'origin':'o','membership':'join'}"},
        {11, 12, "{'type':'x','content':{},'prev_state':[],'origin':'o','membership':'join','redacts':'$a'}", "{'type':'x','content':{}}"},
        {1, 12,
         "{'event_id':'$e','type':'x','room_id':'!r','sender':'@s','state_key':'','content':{},'hashes':{},'signatures':{},'depth':1,"
         "'prev_events':[],'auth_events':[],'origin_server_ts':1}",
         "{'event_id':'$e','type':'x','room_id':'!r','sender':'@s','state_key':'','content':{},'hashes':{},'signatures':{},'depth':1,"
         "'prev_events':[],'auth_events':[],'origin_server_ts':1}"},
        {1, 8, "{'type':'m.room.member','content':{'membership':'join','displayname':'d','join_authorised_via_users_server':'@a:b'}}",
         "{'type':'m.room.member','content':{'membership':'join'}}"},
        {9, 12, "{'type':'m.room.member','content':{'membership':'join','displayname':'d','join_authorised_via_users_server':'@a:b'}}",
         "{'type':'m.room.member','content':{'membership':'join','join_authorised_via_users_server':'@a:b'}}"},
        {1, 10, "{'type':'m.room.member','content':{'membership':'join','third_party_invite':{'signed':{},'display_name':'d'}}}",
         "{'type':'m.room.member','content':{'membership':'join'}}"},
        {11, 12, "{'type':'m.room.member','content':{'membership':'join','third_party_invite':{'signed':{'a':1},'display_name':'d'}}}",
         "{'type':'m.room.member','content':{'membership':'join','third_party_invite':{'signed':{'a':1}}}}"},
        {11, 12, "{'type':'m.room.member','content':{'third_party_invite':'x'}}", "{'type':'m.room.member','content':{}}"},
        {1, 10, "{'type':'m.room.create','content':{'creator':'@a:b','room_version':'9','m.federate':true}}",
         "{'type':'m.room.create','content':{'creator':'@a:b'}}"},
        {11, 12, "{'type':'m.room.create','content':{'creator':'@a:b','room_version':'9','m.federate':true}}",
         "{'type':'m.room.create','content':{'creator':'@a:b','room_version':'9','m.federate':true}}"},
        {1, 7, "{'type':'m.room.join_rules','content':{'join_rule':'x','allow':[],'y':1}}",
         "{'type':'m.room.join_rules','content':{'join_rule':'x'}}"},
        {8, 12, "{'type':'m.room.join_rules','content':{'join_rule':'x','allow':[],'y':1}}",
         "{'type':'m.room.join_rules','content':{'join_rule':'x','allow':[]}}"},
        {1, 10,
         "{'type':'m.room.power_levels','content':{'ban':1,'events':{'a':1},'events_default':1,'kick':1,'redact':1,'state_default':1,"
         "'users':{},'users_default':1,'invite':1,'notifications':{},'x':1}}",
         "{'type':'m.room.power_levels','content':{'ban':1,'events':{'a':1},'events_default':1,'kick':1,'redact':1,'state_default':1,"
         "'users':{},'users_default':1}}"},
        {11, 12, "{'type':'m.room.power_levels','content':{'invite':1,'notifications':{}}}",
         "{'type':'m.room.power_levels','content':{'invite':1}}"},
        {1, 5, "{'type':'m.room.aliases','content':{'aliases':['#a:b']}}", "{'type':'m.room.aliases','content':{'aliases':['#a:b']}}"},
        {6, 12, "{'type':'m.room.aliases','content':{'aliases':['#a:b']}}", "{'type':'m.room.aliases','content':{}}"},
        {1, 12, "{'type':'m.room.history_visibility','content':{'history_visibility':'joined','x':1}}",
         "{'type':'m.room.history_visibility','content':{'history_visibility':'joined'}}"},
        {1, 10, "{'type':'m.room.redaction','content':{'redacts':'$a','reason':'r'}}", "{'type':'m.room.redaction','content':{}}"},
        {11, 12, "{'type':'m.room.redaction','content':{'redacts':'$a','reason':'r'}}",
         "{'type':'m.room.redaction','content':{'redacts':'$a'}}"},
        {1, 12, "{'type':'x','content':'text'}", "{'type':'x','content':{}}"},
        {1, 12, "{'type':7,'content':{'membership':'join'}}", "{'type':7,'content':{}}"},
        {1, 12, "[1]", "{}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned n = 1; n <= 12; n++) {
            if (n < rows[i].from || n > rows[i].to) continue;
            struct arena a;
            arena_init(&a);
            struct json *event = quoted(&a, rows[i].event), *copy = json_copy(&a, event);
            struct json *got = event_redact(&a, room_version_number(n), event);
            if (!json_equal(got, quoted(&a, rows[i].want))) fail_msg("version %u: %s", n, json_text(&a, got).p);
            assert_true(json_equal(event, copy));
            arena_release(&a);
        }
}

static int crypto_up(void **state)
{
    (void)state;
    return crypto_init(NULL) == ERR_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),       cmocka_unit_test(test_pdu_again),
        cmocka_unit_test(test_minimal_event), cmocka_unit_test(test_event_with_content),
        cmocka_unit_test(test_field_limits),  cmocka_unit_test(test_content_refused),
        cmocka_unit_test(test_size_limit),    cmocka_unit_test(test_content_untouched),
        cmocka_unit_test(test_redacts),       cmocka_unit_test(test_old_versions),
        cmocka_unit_test(test_broken_texts),  cmocka_unit_test(test_redaction_table),
    };
    return cmocka_run_group_tests(tests, crypto_up, NULL);
}
