/* Filters: every member of the specification's schema, matching, what is refused, and projection to event_fields. */
#include "help.h"

#include "matrix/filter.h"

static struct event_filter events(struct arena *a, const char *text)
{
    struct event_filter out;
    struct fault f = {0};
    if (filter_parse_events(a, quoted(a, text), &out, &f)) fail_msg("%s: %s", text, f.text);
    return out;
}

static void test_matching(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *type, *sender;
        bool url, want;
    } rows[] = {
        {"{}", "m.room.message", "@a:b", false, true},
        {"{'types':['m.room.message']}", "m.room.message", "@a:b", false, true},
        {"{'types':['m.room.message']}", "m.room.messages", "@a:b", false, false},
        {"{'types':['m.room.message']}", "M.room.message", "@a:b", false, false},
        {"{'types':['z','m.room.member','a','m.room.message']}", "a", "@a:b", false, true},
        {"{'types':['z','m.room.member','a','m.room.message']}", "b", "@a:b", false, false},
        {"{'types':['m.room.*']}", "m.room.message", "@a:b", false, true},
        {"{'types':['m.room.*']}", "m.room.", "@a:b", false, true},
        {"{'types':['m.room.*']}", "m.room", "@a:b", false, false},
        {"{'types':['*']}", "", "@a:b", false, true},
        {"{'types':['*message']}", "m.room.message", "@a:b", false, true},
        {"{'types':['m.*.message']}", "m.room.message", "@a:b", false, true},
        {"{'types':['m.*.message']}", "m.message", "@a:b", false, false},
        {"{'types':['*o*o*']}", "m.room.message", "@a:b", false, true},
        {"{'types':['*aab']}", "aaaab", "@a:b", false, true},
        {"{'types':['m?room']}", "m.room", "@a:b", false, false},
        {"{'types':['m.room','m.*.name']}", "m.room", "@a:b", false, true},
        {"{'types':['m.room','m.*.name']}", "m.room.name", "@a:b", false, true},
        {"{'types':[]}", "m.room.message", "@a:b", false, false},
        {"{'not_types':[]}", "m.room.message", "@a:b", false, true},
        {"{'not_types':['m.room.message']}", "m.room.message", "@a:b", false, false},
        {"{'not_types':['m.room.message']}", "m.room.topic", "@a:b", false, true},
        {"{'types':['m.room.*'],'not_types':['m.room.m*']}", "m.room.message", "@a:b", false, false},
        {"{'types':['m.room.*'],'not_types':['m.room.m*']}", "m.room.topic", "@a:b", false, true},
        {"{'senders':['@a:b']}", "t", "@a:b", false, true},
        {"{'senders':['@a:b']}", "t", "@a:c", false, false},
        {"{'senders':['@*:b']}", "t", "@a:b", false, false},
        {"{'senders':[]}", "t", "@a:b", false, false},
        {"{'not_senders':['@a:b']}", "t", "@a:b", false, false},
        {"{'senders':['@a:b'],'not_senders':['@a:b']}", "t", "@a:b", false, false},
        {"{'senders':['@a:b']}", "t", NULL, false, true},
        {"{'not_senders':['@a:b'],'types':['t']}", "t", NULL, false, true},
        {"{'contains_url':true}", "t", "@a:b", true, true},
        {"{'contains_url':true}", "t", "@a:b", false, false},
        {"{'contains_url':false}", "t", "@a:b", true, false},
        {"{'contains_url':false}", "t", "@a:b", false, true},
        {"{'contains_url':true,'types':['x']}", "t", "@a:b", true, false},
        {"{'unknown':1,'org.example':{}}", "t", "@a:b", false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a;
        arena_init(&a);
        struct event_filter f = events(&a, rows[i].filter);
        bool got = filter_event_matches(&f, str_c(rows[i].type), str_or_null(rows[i].sender), rows[i].url);
        if (got != rows[i].want) fail_msg("%s on %s of %s", rows[i].filter, rows[i].type, rows[i].sender);
        arena_release(&a);
    }
}

static void test_rooms(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct event_filter f = events(&a, "{'rooms':['!c','!a','!b'],'not_rooms':['!b']}");
    assert_true(f.all);
    assert_true(filter_event_room_matches(&f, STR("!a")));
    assert_false(filter_event_room_matches(&f, STR("!b")));
    assert_false(filter_event_room_matches(&f, STR("!d")));
    struct sync_filter s;
    assert_int_equal(filter_parse_sync(&a, quoted(&a, "{'room':{'rooms':['!a','!b'],'not_rooms':['!b'],'include_leave':true}}"), &s, NULL),
                     ERR_OK);
    assert_true(s.room.include_leave);
    assert_true(filter_room_matches(&s.room, STR("!a")));
    assert_false(filter_room_matches(&s.room, STR("!b")));
    assert_false(filter_room_matches(&s.room, STR("!c")));
    assert_true(filter_event_room_matches(&s.room.timeline, STR("!c")));
    filter_init_sync(&s);
    assert_true(filter_room_matches(&s.room, STR("!c")));
    assert_false(s.room.include_leave);
    assert_int_equal(s.room.timeline.limit, -1);
    assert_true(filter_event_matches(&s.presence, STR("t"), STR("@a:b"), true));
    arena_release(&a);
}

/* Each part goes to its own place. */
static void test_sync_parts(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct sync_filter s;
    struct json *v =
        quoted(&a, "{'presence':{'limit':1},'account_data':{'limit':2},'event_format':'federation','room':{'account_data':{'limit':3},"
                   "'ephemeral':{'limit':4},'state':{'limit':5,'lazy_load_members':true,'include_redundant_members':true},"
                   "'timeline':{'limit':6,'unread_thread_notifications':true,'related_by_rel_types':['m.thread'],"
                   "'related_by_senders':['@a:b']}}}");
    assert_int_equal(filter_parse_sync(&a, v, &s, NULL), ERR_OK);
    assert_int_equal(s.presence.limit, 1);
    assert_int_equal(s.account_data.limit, 2);
    assert_int_equal(s.room.account_data.limit, 3);
    assert_int_equal(s.room.ephemeral.limit, 4);
    assert_int_equal(s.room.state.limit, 5);
    assert_int_equal(s.room.timeline.limit, 6);
    assert_true(s.federation_format && s.room.state.lazy_load_members && s.room.state.include_redundant_members);
    assert_false(s.room.timeline.lazy_load_members);
    assert_true(s.room.timeline.unread_thread_notifications);
    assert_true(filter_list_has(&s.room.timeline.related_by_rel_types, STR("m.thread")));
    assert_true(filter_list_has(&s.room.timeline.related_by_senders, STR("@a:b")));
    assert_false(s.room.state.related_by_senders.present);
    assert_int_equal(filter_parse_sync(&a, quoted(&a, "{'event_format':'client','presence':{'limit':0}}"), &s, NULL), ERR_OK);
    assert_int_equal(s.presence.limit, 0);
    assert_false(s.federation_format);
    struct event_filter e;
    assert_int_equal(filter_parse_events(&a, quoted(&a, "{'event_format':'federation'}"), &e, NULL), ERR_OK);
    assert_true(e.federation_format);
    assert_int_equal(filter_parse_events(&a, quoted(&a, "{'event_format':'raw'}"), &e, NULL), ERR_BAD_JSON);
    arena_release(&a);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *says;
    } rows[] = {
        {"[]", "object"},
        {"'x'", "object"},
        {"{'room':[]}", "`room`"},
        {"{'room':{'timeline':'x'}}", "`room.timeline`"},
        {"{'room':{'timeline':null}}", "`room.timeline`"},
        {"{'room':{'timeline':{'types':'x'}}}", "`room.timeline.types`"},
        {"{'room':{'state':{'types':[1]}}}", "`room.state.types`"},
        {"{'room':{'ephemeral':{'not_types':{}}}}", "`room.ephemeral.not_types`"},
        {"{'room':{'account_data':{'senders':['a']}}}", "`room.account_data.senders` must be a list of user ids"},
        {"{'presence':{'not_senders':['']}}", "`presence.not_senders`"},
        {"{'account_data':{'limit':'x'}}", "`account_data.limit`"},
        {"{'presence':{'limit':-1}}", "`presence.limit`"},
        {"{'presence':{'limit':1.5}}", "`presence.limit`"},
        {"{'room':{'rooms':['a']}}", "`room.rooms` must be a list of room ids"},
        {"{'room':{'not_rooms':'!a'}}", "`room.not_rooms`"},
        {"{'room':{'include_leave':'yes'}}", "`room.include_leave`"},
        {"{'room':{'timeline':{'contains_url':1}}}", "`room.timeline.contains_url`"},
        {"{'room':{'timeline':{'lazy_load_members':null}}}", "lazy_load_members"},
        {"{'room':{'timeline':{'include_redundant_members':0}}}", "include_redundant_members"},
        {"{'room':{'timeline':{'unread_thread_notifications':[]}}}", "unread_thread_notifications"},
        {"{'room':{'timeline':{'related_by_rel_types':1}}}", "related_by_rel_types"},
        {"{'room':{'timeline':{'related_by_senders':['x']}}}", "related_by_senders"},
        {"{'room':{'timeline':{'rooms':['x']}}}", "`room.timeline.rooms`"},
        {"{'event_fields':'x'}", "event_fields"},
        {"{'event_fields':[{}]}", "event_fields"},
        {"{'event_fields':['a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q']}", "event_fields"},
        {"{'event_format':'xml'}", "event_format"},
        {"{'event_format':1}", "event_format"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a;
        arena_init(&a);
        struct sync_filter s;
        struct fault f = {0};
        assert_int_equal(filter_parse_sync(&a, quoted(&a, rows[i].filter), &s, &f), ERR_BAD_JSON);
        if (!strstr(f.text, rows[i].says)) fail_msg("%s: %s", rows[i].filter, f.text);
        arena_release(&a);
    }
}

static enum err list_of(struct arena *a, const char *name, const char *item, int count)
{
    struct json *v = json_new(a, JSON_OBJECT), *list = json_set(v, str_c(name), json_new(a, JSON_ARRAY));
    for (int i = 0; i < count; i++)
        json_push(list, json_new_string(a, str_c(item)));
    struct sync_filter s;
    struct event_filter e;
    return strcmp(name, "event_fields") == 0 ? filter_parse_sync(a, v, &s, NULL) : filter_parse_events(a, v, &e, NULL);
}

static void test_maxima(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_int_equal(list_of(&a, "types", "x", FILTER_ITEMS_MAX), ERR_OK);
    assert_int_equal(list_of(&a, "types", "x", FILTER_ITEMS_MAX + 1), ERR_BAD_JSON);
    assert_int_equal(list_of(&a, "types", "x*", FILTER_WILD_MAX), ERR_OK);
    assert_int_equal(list_of(&a, "types", "x*", FILTER_WILD_MAX + 1), ERR_BAD_JSON);
    assert_int_equal(list_of(&a, "event_fields", "x", FILTER_FIELDS_MAX), ERR_OK);
    assert_int_equal(list_of(&a, "event_fields", "x", FILTER_FIELDS_MAX + 1), ERR_BAD_JSON);
    arena_release(&a);
}

static void test_projection(void **state)
{
    (void)state;
    static const char event[] = "{'type':'t','sender':'@a:b','content':{'body':'x','a.b':{'c':1,'d':2},'e':{'f':{'g':1}}},'n':null}";
    static const struct {
        const char *fields, *want;
    } rows[] = {
        {"[]", "{}"},
        {"['type']", "{'type':'t'}"},
        {"['type','nothing','n']", "{'type':'t','n':null}"},
        {"['content.body']", "{'content':{'body':'x'}}"},
        {"['content']", "{'content':{'body':'x','a.b':{'c':1,'d':2},'e':{'f':{'g':1}}}}"},
        {"['content.body','content']", "{'content':{'body':'x','a.b':{'c':1,'d':2},'e':{'f':{'g':1}}}}"},
        {"['content.a\\\\.b.c','sender']", "{'sender':'@a:b','content':{'a.b':{'c':1}}}"},
        {"['content.a.b']", "{}"},
        {"['content.e.f.g','content.body']", "{'content':{'body':'x','e':{'f':{'g':1}}}}"},
        {"['content.e.f.h']", "{}"},
        {"['type.x']", "{}"},
        {"['']", "{}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a;
        arena_init(&a);
        struct json *v = json_new(&a, JSON_OBJECT), *e = quoted(&a, event), *before = json_copy(&a, e);
        json_set(v, STR("event_fields"), quoted(&a, rows[i].fields));
        struct sync_filter s;
        assert_int_equal(filter_parse_sync(&a, v, &s, NULL), ERR_OK);
        check_str(rows[i].fields, json_text(&a, filter_project(&a, &s.event_fields, e)), json_text(&a, quoted(&a, rows[i].want)));
        assert_true(json_equal(e, before));
        arena_release(&a);
    }
}

static void test_no_projection(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct sync_filter s;
    struct json *e = quoted(&a, "{'a':{'b':1}}");
    filter_init_sync(&s);
    assert_true(json_equal(filter_project(&a, &s.event_fields, e), e));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matching),      cmocka_unit_test(test_rooms),  cmocka_unit_test(test_sync_parts),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_maxima), cmocka_unit_test(test_projection),
        cmocka_unit_test(test_no_projection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
