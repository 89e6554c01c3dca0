/* Evaluating push rules: every kind of condition, the predefined rules on real events, and that no pattern costs much. */
#include "help.h"

#include "base/clock.h"
#include "matrix/glob.h"
#include "matrix/pushrules.h"

static const char me[] = "@me:example.org";

struct setting {
    const char *stored; /* what the user changed; NULL: nothing */
    const char *name;
    size_t members;
    const char *levels; /* content of m.room.power_levels; NULL: no event */
};
static const struct setting plain = {NULL, "Me", 5, "{}"};

static struct push_result evaluate(struct arena *a, const struct setting *s, const char *event)
{
    struct push_rules *r = push_compile(push_rules_full(a, str_c(me), quoted(a, s->stored)), str_c(me));
    struct push_event e = {.event = quoted(a, event), .room_id = STR("!room:example.org")};
    struct push_context c = {.user_id = str_c(me), .display_name = str_c(s->name), .member_count = s->members};
    c.power = power_levels_parse(a, room_version_number(11), quoted(a, s->levels), STR("@creator:example.org"), NULL);
    struct push_result got = push_evaluate(r, &e, &c);
    if (got.sound.p) got.sound = arena_str(a, got.sound);
    if (got.rule_id.p) got.rule_id = arena_str(a, got.rule_id);
    push_free(r);
    return got;
}

/* --- the predefined rules --- */

#define EVENT(type, rest) "{'type':'" type "','sender':'@x:example.org'," rest "}"
#define TEXT(rest) EVENT("m.room.message", "'content':{'msgtype':'m.text','body':'hello Me'" rest "}")

static void test_predefined(void **state)
{
    (void)state;
    static const struct setting two = {NULL, "Me", 2, "{}"}, high = {NULL, "Me", 5, "{'users':{'@x:example.org':50}}"},
                                low_room = {NULL, "Me", 5, "{'notifications':{'room':0}}"},
                                off = {"{'global':{'override':[{'rule_id':'.m.rule.master','enabled':true}]}}", "Me", 5, "{}"};
    static const struct {
        const struct setting *s;
        const char *event, *rule;
        bool notify, highlight;
        const char *sound;
    } rows[] = {
        {&plain, TEXT(""), ".m.rule.message", true, false, NULL},
        {&two, TEXT(""), ".m.rule.room_one_to_one", true, false, "default"},
        {&off, TEXT(""), ".m.rule.master", false, false, NULL},
        {&plain, "{'type':'m.room.message','sender':'@me:example.org','content':{'body':'x'}}", NULL, false, false, NULL},
        {&plain, EVENT("m.room.message", "'content':{'msgtype':'m.notice','body':'x'}"), ".m.rule.suppress_notices", false, false, NULL},
        {&plain, EVENT("m.room.message", "'content':{}"), ".m.rule.message", true, false, NULL},
        {&plain, EVENT("m.room.member", "'state_key':'@me:example.org','content':{'membership':'invite'}"), ".m.rule.invite_for_me", true,
         false, "default"},
        {&plain, EVENT("m.room.member", "'state_key':'@other:example.org','content':{'membership':'invite'}"), ".m.rule.member_event",
         false, false, NULL},
        {&plain, EVENT("m.room.member", "'state_key':'@me:example.org','content':{'membership':'leave'}"), ".m.rule.member_event", false,
         false, NULL},
        {&plain, TEXT(",'m.mentions':{'user_ids':['@a:b','@me:example.org']}"), ".m.rule.is_user_mention", true, true, "default"},
        {&plain, TEXT(",'m.mentions':{'user_ids':['@me:example.organisation']}"), ".m.rule.message", true, false, NULL},
        {&plain, TEXT(",'m.mentions':{'user_ids':'@me:example.org'}"), ".m.rule.message", true, false, NULL},
        {&plain, TEXT(",'m.mentions':{'room':true}"), ".m.rule.message", true, false, NULL},
        {&high, TEXT(",'m.mentions':{'room':true}"), ".m.rule.is_room_mention", true, true, NULL},
        {&low_room, TEXT(",'m.mentions':{'room':true}"), ".m.rule.is_room_mention", true, true, NULL},
        {&high, TEXT(",'m.mentions':{'room':'true'}"), ".m.rule.message", true, false, NULL},
        {&high, TEXT(",'m.mentions':{'room':false}"), ".m.rule.message", true, false, NULL},
        {&plain, EVENT("m.room.tombstone", "'state_key':'','content':{}"), ".m.rule.tombstone", true, true, NULL},
        {&plain, EVENT("m.room.tombstone", "'content':{}"), NULL, false, false, NULL},
        {&plain, EVENT("m.room.tombstone", "'state_key':'x','content':{}"), NULL, false, false, NULL},
        {&plain, EVENT("m.reaction", "'content':{}"), ".m.rule.reaction", false, false, NULL},
        {&plain, EVENT("m.room.server_acl", "'state_key':'','content':{}"), ".m.rule.room.server_acl", false, false, NULL},
        {&plain, TEXT(",'m.relates_to':{'rel_type':'m.replace','event_id':'$x'}"), ".m.rule.suppress_edits", false, false, NULL},
        {&plain, TEXT(",'m.relates_to':{'rel_type':'m.thread','event_id':'$x'}"), ".m.rule.message", true, false, NULL},
        {&plain, TEXT(",'m.relates_to':{'rel_type':'m.replace'},'m.mentions':{'user_ids':['@me:example.org']}"), ".m.rule.is_user_mention",
         true, true, "default"},
        {&plain, EVENT("m.call.invite", "'content':{}"), ".m.rule.call", true, false, "ring"},
        {&plain, EVENT("m.room.encrypted", "'content':{}"), ".m.rule.encrypted", true, false, NULL},
        {&two, EVENT("m.room.encrypted", "'content':{}"), ".m.rule.encrypted_room_one_to_one", true, false, "default"},
        {&plain, EVENT("m.room.topic", "'state_key':'','content':{}"), NULL, false, false, NULL},
        {&plain, EVENT("M.ROOM.MESSAGE", "'content':{}"), ".m.rule.message", true, false, NULL},
        {&plain, "{}", NULL, false, false, NULL},
        {&plain, "[]", NULL, false, false, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a;
        arena_init(&a);
        struct push_result got = evaluate(&a, rows[i].s, rows[i].event);
        check_str(rows[i].event, got.rule_id, str_or_null(rows[i].rule));
        check_true(rows[i].event, got.notify == rows[i].notify && got.highlight == rows[i].highlight);
        check_str(rows[i].event, got.sound, str_or_null(rows[i].sound));
        arena_release(&a);
    }
}

/* --- conditions, one at a time --- */

#define MATCH(key, pattern) "{'kind':'event_match','key':'" key "','pattern':'" pattern "'}"
#define PROPERTY(what, key, value) "{'kind':'event_property_" what "','key':'" key "','value':" value "}"
#define CONTENT(inside) "{'type':'t','sender':'@x:example.org','content':{" inside "}}"

static const struct {
    const char *condition, *event;
    bool want;
} conditions[] = {
    /* the specification's examples */
    {MATCH("content.topic", "lunc?*"), CONTENT("'topic':'Lunch plans'"), true},
    {MATCH("content.topic", "lunc?*"), CONTENT("'topic':'LUNCH'"), true},
    {MATCH("content.topic", "lunc?*"), CONTENT("'topic':' lunch'"), false},
    {MATCH("content.topic", "lunc?*"), CONTENT("'topic':'lunc'"), false},
    {MATCH("content.topic", "lunc?*"), CONTENT("'topic':null"), false},
    {MATCH("content.body", "ex*ple"), CONTENT("'body':'An example event.'"), true},
    {MATCH("content.body", "ex*ple"), CONTENT("'body':'exple'"), true},
    {MATCH("content.body", "ex*ple"), CONTENT("'body':'An exciting triple-whammy'"), true},
    {PROPERTY("is", "content.m\\\\.federate", "true"), CONTENT("'m.federate':true"), true},
    {PROPERTY("is", "content.m\\\\.federate", "true"), CONTENT("'m.federate':'true'"), false},
    {PROPERTY("is", "content.m\\\\.federate", "true"), CONTENT("'m.federate':1"), false},
    {PROPERTY("contains", "content.alt_aliases", "'#myroom:example.com'"), CONTENT("'alt_aliases':['#a:b','#myroom:example.com']"), true},
    {PROPERTY("contains", "content.alt_aliases", "'#myroom:example.com'"), CONTENT("'alt_aliases':[':example.com']"), false},
    /* globs over the whole value */
    {MATCH("content.x", "*"), CONTENT("'x':''"), true},
    {MATCH("content.x", "*"), CONTENT("'y':''"), false},
    {MATCH("content.x", ""), CONTENT("'x':''"), true},
    {MATCH("content.x", ""), CONTENT("'x':'a'"), false},
    {MATCH("content.x", "?"), CONTENT("'x':'\xc3\xa4'"), true},
    {MATCH("content.x", "?"), CONTENT("'x':'\xf0\x9f\x98\x80'"), true},
    {MATCH("content.x", "??"), CONTENT("'x':'\xc3\xa4'"), false},
    {MATCH("content.x", "\xc3\x84rger"), CONTENT("'x':'\xc3\xa4RGER'"), true},
    {MATCH("content.x", "\xd0\xb6*"), CONTENT("'x':'\xd0\x96\xd0\x96'"), true},
    {MATCH("content.x", "a*b*c"), CONTENT("'x':'aXbXbXc'"), true},
    {MATCH("content.x", "a*b*c"), CONTENT("'x':'aXbXcX'"), false},
    {MATCH("content.x", "a**c"), CONTENT("'x':'ac'"), true},
    {MATCH("content.x", "*a"), CONTENT("'x':'aaab'"), false},
    {MATCH("content.x", "*aab"), CONTENT("'x':'aaaab'"), true},
    {MATCH("content.x", "[ab]"), CONTENT("'x':'a'"), false},
    {MATCH("content.x", "ab"), CONTENT("'x':'abc'"), false},
    {MATCH("content.x", "abc"), CONTENT("'x':'ab'"), false},
    {MATCH("content.x.y", "v"), CONTENT("'x':{'y':'v'}"), true},
    {MATCH("content.x.y", "v"), CONTENT("'x':'v'"), false},
    {MATCH("content.x\\\\.y", "v"), CONTENT("'x.y':'v'"), true},
    {MATCH("content.x\\\\.y", "v"), CONTENT("'x':{'y':'v'}"), false},
    {MATCH("content.x\\\\\\\\y", "v"), CONTENT("'x\\\\y':'v'"), true},
    {MATCH("content.x\\\\y", "v"), CONTENT("'x\\\\y':'v'"), true},
    {MATCH("content.", "v"), CONTENT("'':'v'"), true},
    {MATCH("room_id", "!room:*"), CONTENT(""), true},
    {MATCH("room_id", "!other:*"), "{'type':'t','sender':'@x:y','room_id':'!other:z'}", true},
    {MATCH("content.x", "1"), CONTENT("'x':1"), false},
    /* words of the body */
    {MATCH("content.body", "tea"), CONTENT("'body':'time for tea!'"), true},
    {MATCH("content.body", "tea"), CONTENT("'body':'TEA'"), true},
    {MATCH("content.body", "tea"), CONTENT("'body':'steam'"), false},
    {MATCH("content.body", "tea"), CONTENT("'body':'teas'"), false},
    {MATCH("content.body", "tea"), CONTENT("'body':'_tea'"), false},
    {MATCH("content.body", "tea"), CONTENT("'body':'tea_'"), false},
    {MATCH("content.body", "tea"), CONTENT("'body':'steam tea'"), true},
    {MATCH("content.body", "tea"), CONTENT("'body':'5tea 6 tea'"), true},
    {MATCH("content.body", "tea"), CONTENT("'body':'\xc3\xa4tea\xc3\xa4'"), true},
    {MATCH("content.body", "te?"), CONTENT("'body':'a tex'"), true},
    {MATCH("content.body", "te?"), CONTENT("'body':'a texx'"), false},
    {MATCH("content.body", "tea time"), CONTENT("'body':'the Tea Time.'"), true},
    {MATCH("content.body", "*tea"), CONTENT("'body':'steam, lactea'"), true},
    {MATCH("content.body", ":)"), CONTENT("'body':'hi :)'"), true},
    {MATCH("content.body", "@room"), CONTENT("'body':'hey @room!'"), true},
    {MATCH("content.body", "tea"), CONTENT("'body':''"), false},
    {MATCH("content.body", "tea"), CONTENT("'body':['tea']"), false},
    {MATCH("content.body", "a*z"), CONTENT("'body':'xa z a zz a z'"), true},
    /* exact values */
    {PROPERTY("is", "content.x", "'a'"), CONTENT("'x':'a'"), true},
    {PROPERTY("is", "content.x", "'a'"), CONTENT("'x':'A'"), false},
    {PROPERTY("is", "content.x", "'*'"), CONTENT("'x':'a'"), false},
    {PROPERTY("is", "content.x", "1"), CONTENT("'x':1"), true},
    {PROPERTY("is", "content.x", "1"), CONTENT("'x':2"), false},
    {PROPERTY("is", "content.x", "null"), CONTENT("'x':null"), true},
    {PROPERTY("is", "content.x", "null"), CONTENT(""), false},
    {PROPERTY("is", "content.x", "false"), CONTENT("'x':true"), false},
    {PROPERTY("is", "content.x", "[]"), CONTENT("'x':[]"), false},
    {PROPERTY("is", "content.x", "1.5"), CONTENT("'x':1.5"), false},
    {PROPERTY("is", "content.x", "'@me:example.org'"), CONTENT("'x':'@me:example.org'"), true},
    {PROPERTY("contains", "content.x", "1"), CONTENT("'x':['a',1]"), true},
    {PROPERTY("contains", "content.x", "null"), CONTENT("'x':['a',null]"), true},
    {PROPERTY("contains", "content.x", "null"), CONTENT("'x':[{},[]]"), false},
    {PROPERTY("contains", "content.x", "1"), CONTENT("'x':{'a':1}"), false},
    {PROPERTY("contains", "content.x", "'a'"), CONTENT("'x':'a'"), false},
    /* the rest */
    {"{'kind':'contains_display_name'}", CONTENT("'body':'hi ME, there'"), true},
    {"{'kind':'contains_display_name'}", CONTENT("'body':'Memo'"), false},
    {"{'kind':'contains_display_name'}", CONTENT("'body':7"), false},
    {"{'kind':'room_member_count','is':'5'}", CONTENT(""), true},
    {"{'kind':'room_member_count','is':'==5'}", CONTENT(""), true},
    {"{'kind':'room_member_count','is':'4'}", CONTENT(""), false},
    {"{'kind':'room_member_count','is':'<5'}", CONTENT(""), false},
    {"{'kind':'room_member_count','is':'<6'}", CONTENT(""), true},
    {"{'kind':'room_member_count','is':'<=5'}", CONTENT(""), true},
    {"{'kind':'room_member_count','is':'>5'}", CONTENT(""), false},
    {"{'kind':'room_member_count','is':'>4'}", CONTENT(""), true},
    {"{'kind':'room_member_count','is':'>=6'}", CONTENT(""), false},
    {"{'kind':'room_member_count','is':'>=5'}", CONTENT(""), true},
    {"{'kind':'room_member_count','is':'>'}", CONTENT(""), false},
    {"{'kind':'room_member_count','is':'>=-1'}", CONTENT(""), false},
    {"{'kind':'room_member_count','is':'=>5'}", CONTENT(""), false},
    {"{'kind':'room_member_count','is':5}", CONTENT(""), false},
    {"{'kind':'room_member_count'}", CONTENT(""), false},
    {"{'kind':'sender_notification_permission','key':'room'}", CONTENT(""), false},
    {"{'kind':'sender_notification_permission','key':'low'}", CONTENT(""), true},
    {"{'kind':'sender_notification_permission'}", CONTENT(""), false},
    {"{'kind':'org.example.unknown'}", CONTENT(""), false},
    {"{'kind':'event_match','key':'type'}", CONTENT(""), false},
    {"{'kind':'event_match','pattern':'t'}", CONTENT(""), false},
    {"{'kind':'event_match','key':1,'pattern':'t'}", CONTENT(""), false},
    {MATCH("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", "*"), CONTENT(""), false},
    {MATCH("type", "t") "," MATCH("content.x", "a"), CONTENT("'x':'a'"), true},
    {MATCH("type", "t") "," MATCH("content.x", "a"), CONTENT("'x':'b'"), false},
};

/* Each byte before and behind a word: a boundary or not. */
static void test_word_boundaries(void **state)
{
    (void)state;
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    for (int c = 1; c < 128; c++) {
        long budget = 1000;
        struct glob tea = glob_literal(STR("tea"));
        char before[] = {(char)c, 't', 'e', 'a'}, behind[] = {'t', 'e', 'a', (char)c};
        assert_int_equal(glob_matches_words(&tea, str_make(before, 4), &budget), !strchr(word, c));
        assert_int_equal(glob_matches_words(&tea, str_make(behind, 4), &budget), !strchr(word, c));
    }
}

static void test_conditions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        char stored[1000];
        snprintf(stored, sizeof stored, "{'global':{'override':[{'rule_id':'test','actions':['notify'],'conditions':[%s]}]}}",
                 conditions[i].condition);
        struct setting s = {stored, "Me", 5, "{'notifications':{'low':0}}"};
        struct arena a;
        arena_init(&a);
        bool got = str_is(evaluate(&a, &s, conditions[i].event).rule_id, "test");
        if (got != conditions[i].want) fail_msg("%s on %s", conditions[i].condition, conditions[i].event);
        arena_release(&a);
    }
}

/* --- kinds and their order --- */

static const char rule_of_each[] = "{'global':{"
                                   "'override':[{'rule_id':'o','enabled':%s,'actions':[],'conditions':[]}],"
                                   "'content':[{'rule_id':'c','enabled':%s,'actions':[],'pattern':'wo?d'}],"
                                   "'room':[{'rule_id':'!room:example.org','enabled':%s,'actions':[]}],"
                                   "'sender':[{'rule_id':'@x:example.org','enabled':%s,'actions':[]}],"
                                   "'underride':[{'rule_id':'u','actions':['notify',{'set_tweak':'highlight','value':false}]}]}}";

static void test_order_of_kinds(void **state)
{
    (void)state;
    static const char *const want[] = {"o", "c", "!room:example.org", "@x:example.org", "u"};
    for (int off = 0; off < 5; off++) {
        char stored[1000];
        const char *on[4];
        for (int i = 0; i < 4; i++)
            on[i] = i < off ? "false" : "true";
        snprintf(stored, sizeof stored, rule_of_each, on[0], on[1], on[2], on[3]);
        struct setting s = {stored, "Me", 5, "{}"};
        struct arena a;
        arena_init(&a);
        struct push_result got = evaluate(&a, &s, EVENT("m.room.message", "'content':{'body':'a WORD'}"));
        check_str(want[off], got.rule_id, str_c(want[off]));
        assert_int_equal(got.notify, off == 4);
        assert_false(got.highlight);
        arena_release(&a);
    }
}

static void test_no_power_no_notification(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct push_rules *r = push_compile(push_rules_full(&a, str_c(me), NULL), str_c(me));
    struct push_event e = {.event = quoted(&a, TEXT(",'m.mentions':{'room':true}"))};
    struct push_context c = {.user_id = str_c(me), .member_count = 3};
    check_str("rule", push_evaluate(r, &e, &c).rule_id, STR(".m.rule.message"));
    push_free(r);
    push_free(NULL);
    arena_release(&a);
}

/* The compiled rules of one who changed nothing do for anybody. */
static void test_shared_defaults(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct push_rules *r = push_compile(push_rules_full(&a, STR("@anybody:x"), NULL), STR("@anybody:x"));
    struct push_event e = {.event = quoted(&a, TEXT(",'m.mentions':{'user_ids':['@me:example.org']}"))};
    struct push_context c = {.user_id = str_c(me), .member_count = 3};
    check_str("mentioned", push_evaluate(r, &e, &c).rule_id, STR(".m.rule.is_user_mention"));
    c.user_id = STR("@you:x");
    check_str("not mentioned", push_evaluate(r, &e, &c).rule_id, STR(".m.rule.message"));
    c.user_id = (struct str){0}; /* the user of push_compile */
    check_str("not mentioned", push_evaluate(r, &e, &c).rule_id, STR(".m.rule.message"));
    e.event = quoted(&a, TEXT(",'m.mentions':{'user_ids':['@anybody:x']}"));
    check_str("mentioned", push_evaluate(r, &e, &c).rule_id, STR(".m.rule.is_user_mention"));
    c.user_id = STR("@x:example.org");
    assert_true(str_null(push_evaluate(r, &e, &c).rule_id));
    push_free(r);
    arena_release(&a);
}

/* More properties than have a slot. */
static void test_many_properties(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct json *full = push_rules_full(&a, str_c(me), NULL), *event = quoted(&a, CONTENT(""));
    for (int i = 0; i < 100; i++) {
        struct str body = arena_printf(
            &a, "{\"actions\":[\"notify\"],\"conditions\":[{\"kind\":\"event_match\",\"key\":\"content.k%d\",\"pattern\":\"v\"}]}", i);
        assert_int_equal(
            push_rule_put(&a, full, STR("override"), arena_printf(&a, "r%d", i), parse(&a, body.p), (struct str){0}, (struct str){0}, NULL),
            ERR_OK);
    }
    struct push_rules *r = push_compile(full, str_c(me));
    struct push_event e = {.event = event};
    struct push_context c = {.user_id = str_c(me)};
    for (int i = 0; i < 100; i++) {
        struct json *content = json_set(event, STR("content"), json_new(&a, JSON_OBJECT));
        json_set(content, arena_printf(&a, "k%d", i), json_new_string(&a, STR("v")));
        check_str("rule", push_evaluate(r, &e, &c).rule_id, arena_printf(&a, "r%d", i));
    }
    push_free(r);
    arena_release(&a);
}

/* Patterns made to be slow stop at the budget; without it this would take minutes. */
static void test_hostile_patterns(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct json *full = push_rules_full(&a, str_c(me), NULL), *event = quoted(&a, EVENT("m.room.message", "'content':{}"));
    char *body = arena_alloc(&a, 60000), *pattern = arena_alloc(&a, 30000);
    for (size_t i = 0; i < 60000; i++)
        body[i] = i % 2 ? ' ' : 'a';
    memset(pattern, 'a', 30000);
    for (size_t i = 1; i < 30000; i += 3)
        pattern[i] = i % 2 ? '*' : '?';
    struct json *rule = quoted(&a, "{'actions':[]}");
    json_set(rule, STR("pattern"), json_new_string(&a, str_make(pattern, 30000)));
    json_set(json_get(event, "content"), STR("body"), json_new_string(&a, str_make(body, 60000)));
    for (int i = 0; i < 200; i++)
        assert_int_equal(push_rule_put(&a, full, STR("content"), arena_printf(&a, "r%d", i), rule, (struct str){0}, (struct str){0}, NULL),
                         ERR_OK);
    struct push_rules *r = push_compile(full, str_c(me));
    struct push_event e = {.event = event};
    struct push_context c = {.user_id = str_c(me), .member_count = 9};
    int64_t before = clock_mono_us(&clock_system);
    check_str("rule", push_evaluate(r, &e, &c).rule_id, STR(".m.rule.message"));
    assert_true(clock_mono_us(&clock_system) - before < 2000000);
    push_free(r);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_predefined),      cmocka_unit_test(test_conditions),       cmocka_unit_test(test_word_boundaries),
        cmocka_unit_test(test_order_of_kinds),  cmocka_unit_test(test_shared_defaults),  cmocka_unit_test(test_no_power_no_notification),
        cmocka_unit_test(test_many_properties), cmocka_unit_test(test_hostile_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
