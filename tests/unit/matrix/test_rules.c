/* The small rules: room versions, facts of content, paths, who may see what. */
#include "help.h"

#include "matrix/content.h"
#include "matrix/path.h"
#include "matrix/version.h"
#include "matrix/visibility.h"

/* --- versions --- */

static void test_versions(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 12; n++) {
        const struct room_version *v = room_version_number(n);
        char name[8];
        snprintf(name, sizeof name, "%u", n);
        assert_int_equal(v->number, n);
        assert_string_equal(v->name, name);
        assert_ptr_equal(room_version_find(str_c(name)), n >= 6 ? v : NULL);
    }
    assert_null(room_version_number(0));
    assert_null(room_version_number(13));
    static const char *const unknown[] = {"", "0", "13", "012", "12 ", "1.2", "org.example"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_null(room_version_find(str_c(unknown[i])));
    assert_null(room_version_find((struct str){0}));
    assert_string_equal(room_version_default()->name, "12");
}

/* Since when, or up to when, the specification has it. */
static void test_version_columns(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 12; n++) {
        const struct room_version *v = room_version_number(n);
        assert_int_equal(v->event_id_is_hash, n >= 3);
        assert_int_equal(v->event_id_is_urlsafe, n >= 4);
        assert_int_equal(v->canonical, n >= 6);
        assert_int_equal(v->room_id_is_create, n >= 12);
        assert_int_equal(v->redacts_in_content, n >= 11);
        assert_int_equal(v->aliases_rule, n <= 5);
        assert_int_equal(v->creator_in_content, n <= 10);
        assert_int_equal(v->creators_reign, n >= 12);
        assert_int_equal(v->notifications_rule, n >= 6);
        assert_int_equal(v->knock, n >= 7);
        assert_int_equal(v->restricted, n >= 8);
        assert_int_equal(v->knock_restricted, n >= 10);
        assert_int_equal(v->strict_levels, n >= 10);
        assert_int_equal(v->keeps_aliases, n <= 5);
        assert_int_equal(v->keeps_join_allow, n >= 8);
        assert_int_equal(v->keeps_authorised_via, n >= 9);
        assert_int_equal(v->keeps_v11, n >= 11);
        assert_int_equal(v->state_resolution, n == 1 ? 1 : n < 12 ? 2 : 3);
    }
}

/* --- content --- */

static void test_words(void **state)
{
    (void)state;
    static const char *const members[] = {"leave", "invite", "join", "knock", "ban"};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(membership_parse(str_c(members[i])), MEMBER_LEAVE + i);
        assert_string_equal(membership_name((enum membership)(MEMBER_LEAVE + i)), members[i]);
    }
    assert_int_equal(membership_parse((struct str){0}), MEMBER_NONE);
    assert_int_equal(membership_parse(STR("")), MEMBER_UNKNOWN);
    assert_int_equal(membership_parse(STR("Join")), MEMBER_UNKNOWN);
    assert_string_equal(membership_name(MEMBER_NONE), "leave");
    assert_string_equal(membership_name(MEMBER_UNKNOWN), "leave");
    static const char *const rules[] = {"public", "invite", "knock", "restricted", "knock_restricted", "private"};
    static const char *const settings[] = {"shared", "world_readable", "invited", "joined"};
    struct arena a;
    arena_init(&a);
    for (int i = 0; i < 6; i++) {
        struct str text = arena_printf(&a, "{\"join_rule\":\"%s\"}", rules[i]);
        assert_int_equal(content_join_rule(parse(&a, text.p)), i);
        assert_string_equal(join_rule_name((enum join_rule)i), rules[i]);
    }
    for (int i = 0; i < 4; i++) {
        struct str text = arena_printf(&a, "{\"history_visibility\":\"%s\"}", settings[i]);
        assert_int_equal(content_history_visibility(parse(&a, text.p)), i);
        assert_string_equal(history_visibility_name((enum history_visibility)i), settings[i]);
    }
    assert_int_equal(content_join_rule(NULL), JOIN_INVITE);
    assert_int_equal(content_join_rule(quoted(&a, "{'join_rule':1}")), JOIN_INVITE);
    assert_int_equal(content_join_rule(quoted(&a, "{'join_rule':'sesame'}")), JOIN_PRIVATE);
    assert_int_equal(content_history_visibility(NULL), HISTORY_SHARED);
    assert_int_equal(content_history_visibility(quoted(&a, "{'history_visibility':'x'}")), HISTORY_SHARED);
    assert_int_equal(content_membership(quoted(&a, "{'membership':'join'}")), MEMBER_JOIN);
    assert_int_equal(content_membership(quoted(&a, "{'membership':{}}")), MEMBER_NONE);
    arena_release(&a);
}

static void test_relations(void **state)
{
    (void)state;
    static const struct {
        const char *content, *rel_type, *event_id, *key, *reply_to;
        bool falling_back;
    } rows[] = {
        {"{}", NULL, NULL, NULL, NULL, false},
        {"{'m.relates_to':'x'}", NULL, NULL, NULL, NULL, false},
        {"{'m.relates_to':{'rel_type':'m.replace','event_id':'$a'}}", "m.replace", "$a", NULL, NULL, false},
        {"{'m.relates_to':{'rel_type':'m.annotation','event_id':'$a','key':'k'}}", "m.annotation", "$a", "k", NULL, false},
        {"{'m.relates_to':{'rel_type':'m.annotation','key':'k'}}", NULL, NULL, NULL, NULL, false},
        {"{'m.relates_to':{'event_id':'$a'}}", NULL, NULL, NULL, NULL, false},
        {"{'m.relates_to':{'rel_type':1,'event_id':'$a'}}", NULL, NULL, NULL, NULL, false},
        {"{'m.relates_to':{'m.in_reply_to':{'event_id':'$b'}}}", NULL, NULL, NULL, "$b", false},
        {"{'m.relates_to':{'rel_type':'m.thread','event_id':'$a','is_falling_back':true,'m.in_reply_to':{'event_id':'$b'}}}", "m.thread",
         "$a", NULL, "$b", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a;
        arena_init(&a);
        struct relation r;
        content_relation(quoted(&a, rows[i].content), &r);
        check_str(rows[i].content, r.rel_type, str_or_null(rows[i].rel_type));
        check_str(rows[i].content, r.event_id, str_or_null(rows[i].event_id));
        check_str(rows[i].content, r.key, str_or_null(rows[i].key));
        check_str(rows[i].content, r.reply_to, str_or_null(rows[i].reply_to));
        assert_int_equal(r.is_falling_back, rows[i].falling_back);
        assert_int_equal(str_null(r.rel_type), rows[i].rel_type == NULL);
        assert_int_equal(str_null(r.key), rows[i].key == NULL);
        arena_release(&a);
    }
}

static void test_urls(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_true(content_has_url(quoted(&a, "{'url':'mxc://a/b'}")));
    assert_false(content_has_url(quoted(&a, "{'url':1}")));
    assert_false(content_has_url(quoted(&a, "{'info':{'url':'x'}}")));
    assert_false(content_has_url(NULL));
    arena_release(&a);
}

/* --- paths --- */

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path, *want;
    } rows[] = {
        {"content.body", "content|body|"},
        {"a", "a|"},
        {"", "|"},
        {".", "||"},
        {"a..b", "a||b|"},
        {"content.m\\.relates_to.x", "content|m.relates_to|x|"},
        {"a\\\\b", "a\\b|"},
        {"a\\\\.b", "a\\|b|"},
        {"a\\xb", "a\\xb|"},
        {"a\\", "a\\|"},
        {"\\.\\.", "..|"},
        {"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p", "a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|"},
        {"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a;
        arena_init(&a);
        struct path p;
        bool ok = path_parse(&a, str_c(rows[i].path), &p);
        check_true(rows[i].path, ok == (rows[i].want != NULL));
        struct str got = STR("");
        for (size_t k = 0; ok && k < p.n; k++)
            got = arena_printf(&a, "%.*s%.*s|", STR_FMT(got), STR_FMT(p.parts[k]));
        if (ok) check_str(rows[i].path, got, str_c(rows[i].want));
        arena_release(&a);
    }
}

/* --- history visibility: all cases --- */

static void test_visibility(void **state)
{
    (void)state;
    for (int h = 0; h < 4; h++)
        for (int m = MEMBER_NONE; m <= MEMBER_UNKNOWN; m++)
            for (int since = 0; since < 2; since++) {
                struct visibility_case c = {(enum history_visibility)h, (enum membership)m, since};
                bool want = false;
                switch (h) {
                case HISTORY_WORLD_READABLE:
                    want = true;
                    break;
                case HISTORY_SHARED:
                    want = m == MEMBER_JOIN || since;
                    break;
                case HISTORY_INVITED:
                    want = m == MEMBER_JOIN || m == MEMBER_INVITE;
                    break;
                case HISTORY_JOINED:
                    want = m == MEMBER_JOIN;
                    break;
                default:
                    fail();
                }
                assert_int_equal(visibility_allows(&c), want);
            }
}

static void test_own_member_event(void **state)
{
    (void)state;
    assert_int_equal(visibility_membership(MEMBER_NONE, MEMBER_JOIN), MEMBER_JOIN);
    assert_int_equal(visibility_membership(MEMBER_JOIN, MEMBER_BAN), MEMBER_JOIN);
    assert_int_equal(visibility_membership(MEMBER_INVITE, MEMBER_LEAVE), MEMBER_INVITE);
    assert_int_equal(visibility_membership(MEMBER_LEAVE, MEMBER_INVITE), MEMBER_INVITE);
    assert_int_equal(visibility_membership(MEMBER_INVITE, MEMBER_JOIN), MEMBER_JOIN);
    assert_int_equal(visibility_membership(MEMBER_LEAVE, MEMBER_BAN), MEMBER_BAN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),   cmocka_unit_test(test_version_columns),
        cmocka_unit_test(test_words),      cmocka_unit_test(test_relations),
        cmocka_unit_test(test_urls),       cmocka_unit_test(test_paths),
        cmocka_unit_test(test_visibility), cmocka_unit_test(test_own_member_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
