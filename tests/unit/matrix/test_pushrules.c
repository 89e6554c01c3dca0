/* Push rules: the predefined ones against the specification, what clients may do to them, how they are stored. */
#include "help.h"

#include "matrix/pushrules.h"
#include "push_spec_rules.h"

static const char me[] = "@me:example.org";

static struct json *full_of(struct arena *a, const char *stored)
{
    return push_rules_full(a, str_c(me), stored ? quoted(a, stored) : NULL);
}

/* "id id id" of one list. */
static struct str ids(struct arena *a, const struct json *full, const char *kind)
{
    struct str out = STR("");
    json_each(r, push_rule_list(full, str_c(kind))) out =
        arena_printf(a, "%.*s%s%.*s", STR_FMT(out), out.n ? " " : "", STR_FMT(json_string_at(r, "rule_id")));
    return out;
}

static void test_defaults_are_the_specification(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct json *full = full_of(&a, NULL);
    const struct json *next = NULL;
    const char *kind = "";
    for (size_t i = 0; i < sizeof spec_rules / sizeof *spec_rules; i++) {
        if (strcmp(kind, spec_rules[i][0]) != 0) {
            assert_null(next);
            kind = spec_rules[i][0];
            next = push_rule_list(full, str_c(kind))->child;
        }
        check_true(spec_rules[i][1], json_equal(parse(&a, spec_rules[i][1]), next));
        next = next->next;
    }
    assert_null(next);
    static const char *const empty[] = {"content", "room", "sender"};
    for (int i = 0; i < 3; i++)
        assert_int_equal(push_rule_list(full, str_c(empty[i]))->count, 0);
    assert_null(push_rule_list(full, STR("device")));
    arena_release(&a);
}

/* --- putting rules --- */

static enum err put(struct arena *a, struct json *full, const char *kind, const char *id, const char *body, const char *before,
                    const char *after)
{
    struct fault f = {0};
    struct str before_text = json_text(a, full);
    enum err e = push_rule_put(a, full, str_c(kind), str_c(id), quoted(a, body), str_or_null(before), str_or_null(after), &f);
    if (e) {
        assert_true(f.code == e && f.text[0]);
        check_str("unchanged", json_text(a, full), before_text);
    }
    return e;
}

static void test_order(void **state)
{
    (void)state;
    static const struct {
        const char *id, *before, *after, *want;
    } steps[] = {
        {"a", NULL, NULL, "a"},          {"b", NULL, NULL, "b a"},        {"c", NULL, "a", "b a c"},        {"d", "b", NULL, "d b a c"},
        {"e", "a", NULL, "d b e a c"},   {"f", NULL, "d", "d f b e a c"}, {"b", NULL, NULL, "d f b e a c"}, {"b", "d", NULL, "b d f e a c"},
        {"b", NULL, "c", "d f e a c b"}, {"d", NULL, "b", "f e a c b d"}, {"x", "a", "f", "f e x a c b d"},
    };
    struct arena a;
    arena_init(&a);
    struct json *full = full_of(&a, NULL);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(put(&a, full, "room", steps[i].id, "{'actions':[]}", steps[i].before, steps[i].after), ERR_OK);
        check_str(steps[i].want, ids(&a, full, "room"), str_c(steps[i].want));
    }
    arena_release(&a);
}

/* The user's rules stand before the predefined ones, but behind the master switch. */
static void test_place_among_defaults(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct json *full = full_of(&a, NULL);
    assert_int_equal(put(&a, full, "override", "one", "{'actions':[]}", NULL, NULL), ERR_OK);
    assert_int_equal(put(&a, full, "override", "two", "{'actions':[]}", NULL, NULL), ERR_OK);
    assert_int_equal(put(&a, full, "underride", "three", "{'actions':[]}", NULL, NULL), ERR_OK);
    assert_true(str_starts(ids(&a, full, "override"), STR(".m.rule.master two one .m.rule.suppress_notices ")));
    assert_true(str_starts(ids(&a, full, "underride"), STR("three .m.rule.call ")));
    arena_release(&a);
}

static void test_what_is_stored_of_a_body(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *body, *want;
    } rows[] = {
        {"content", "{'pattern':'cake*lie','actions':['notify'],'x':1}",
         "{'actions':['notify'],'default':false,'enabled':true,'rule_id':'r','pattern':'cake*lie'}"},
        {"room", "{'actions':['dont_notify'],'pattern':'x','conditions':[]}",
         "{'actions':[],'default':false,'enabled':true,'rule_id':'r'}"},
        {"sender", "{'actions':['notify','coalesce',{'set_tweak':'sound','value':'x'}]}",
         "{'actions':['notify',{'set_tweak':'sound','value':'x'}],'default':false,'enabled':true,'rule_id':'r'}"},
        {"override", "{'actions':[],'conditions':[{'kind':'org.example','a':[1]}],'enabled':false,'default':true}",
         "{'actions':[],'default':false,'enabled':true,'rule_id':'r','conditions':[{'kind':'org.example','a':[1]}]}"},
        {"underride", "{'actions':[]}", "{'actions':[],'default':false,'enabled':true,'rule_id':'r','conditions':[]}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a;
        arena_init(&a);
        struct json *full = full_of(&a, NULL);
        assert_int_equal(put(&a, full, rows[i].kind, "r", rows[i].body, NULL, NULL), ERR_OK);
        check_true(rows[i].body, json_equal(push_rule_find(full, str_c(rows[i].kind), STR("r")), quoted(&a, rows[i].want)));
        arena_release(&a);
    }
}

static void test_put_refused(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *id, *body, *before, *after;
        enum err want;
    } rows[] = {
        {"device", "r", "{'actions':[]}", NULL, NULL, ERR_INVALID_PARAM},
        {"room", "", "{'actions':[]}", NULL, NULL, ERR_INVALID_PARAM},
        {"room", ".m.rule.x", "{'actions':[]}", NULL, NULL, ERR_INVALID_PARAM},
        {"override", ".m.rule.master", "{'actions':[]}", NULL, NULL, ERR_INVALID_PARAM},
        {"room", "/b", "{'actions':[]}", NULL, NULL, ERR_INVALID_PARAM},
        {"room", "\\b", "{'actions':[]}", NULL, NULL, ERR_INVALID_PARAM},
        {"room", "a/b", "{'actions':[]}", NULL, NULL, ERR_INVALID_PARAM},
        {"room", "a\\b", "{'actions':[]}", NULL, NULL, ERR_INVALID_PARAM},
        {"room", "\xff", "{'actions':[]}", NULL, NULL, ERR_INVALID_PARAM},
        {"room", "r", "[]", NULL, NULL, ERR_BAD_JSON},
        {"room", "r", "{}", NULL, NULL, ERR_MISSING_PARAM},
        {"room", "r", "{'actions':'notify'}", NULL, NULL, ERR_BAD_JSON},
        {"room", "r", "{'actions':['explode']}", NULL, NULL, ERR_BAD_JSON},
        {"room", "r", "{'actions':[{'tweak':'x'}]}", NULL, NULL, ERR_BAD_JSON},
        {"room", "r", "{'actions':[1]}", NULL, NULL, ERR_BAD_JSON},
        {"room", "r", "{'actions':[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}", NULL, NULL, ERR_BAD_JSON},
        {"content", "r", "{'actions':[]}", NULL, NULL, ERR_MISSING_PARAM},
        {"content", "r", "{'actions':[],'pattern':1}", NULL, NULL, ERR_BAD_JSON},
        {"override", "r", "{'actions':[],'conditions':{}}", NULL, NULL, ERR_BAD_JSON},
        {"override", "r", "{'actions':[],'conditions':[{}]}", NULL, NULL, ERR_BAD_JSON},
        {"override", "r", "{'actions':[]}", ".m.rule.master", NULL, ERR_INVALID_PARAM},
        {"underride", "r", "{'actions':[]}", NULL, ".m.rule.call", ERR_INVALID_PARAM},
        {"room", "r", "{'actions':[]}", "nobody", NULL, ERR_NOT_FOUND},
        {"room", "r", "{'actions':[]}", NULL, "nobody", ERR_NOT_FOUND},
        {"room", "there", "{'actions':[]}", NULL, "there", ERR_INVALID_PARAM},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a;
        arena_init(&a);
        struct json *full = full_of(&a, NULL);
        assert_int_equal(put(&a, full, "room", "there", "{'actions':[]}", NULL, NULL), ERR_OK);
        enum err got = put(&a, full, rows[i].kind, rows[i].id, rows[i].body, rows[i].before, rows[i].after);
        if (got != rows[i].want) fail_msg("%s %s %s: %s", rows[i].kind, rows[i].id, rows[i].body, err_name(got));
        arena_release(&a);
    }
}

static void test_not_more_than_the_maximum(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct json *full = full_of(&a, NULL), *body = quoted(&a, "{'actions':[]}");
    for (int i = 0; i < PUSH_RULES_MAX; i++)
        assert_int_equal(push_rule_put(&a, full, STR("room"), arena_printf(&a, "r%d", i), body, (struct str){0}, (struct str){0}, NULL),
                         ERR_OK);
    assert_int_equal(push_rule_put(&a, full, STR("room"), STR("more"), body, (struct str){0}, (struct str){0}, NULL), ERR_TOO_LARGE);
    assert_int_equal(push_rule_put(&a, full, STR("room"), STR("r5"), body, (struct str){0}, (struct str){0}, NULL), ERR_OK);
    assert_int_equal(push_rule_list(full, STR("room"))->count, PUSH_RULES_MAX);
    arena_release(&a);
}

/* --- changing --- */

static void test_changes(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct json *full = full_of(&a, NULL);
    assert_int_equal(put(&a, full, "sender", "@x:y", "{'actions':[]}", NULL, NULL), ERR_OK);
    assert_int_equal(push_rule_set_enabled(&a, full, STR("sender"), STR("@x:y"), false, NULL), ERR_OK);
    assert_int_equal(put(&a, full, "sender", "@x:y", "{'actions':['notify']}", NULL, NULL), ERR_OK);
    const struct json *r = push_rule_find(full, STR("sender"), STR("@x:y"));
    assert_false(json_bool_at(r, "enabled", true)); /* a change of the rule does not switch it on again */
    assert_int_equal(push_rule_set_actions(&a, full, STR("override"), STR(".m.rule.reaction"), quoted(&a, "['notify','coalesce']"), NULL),
                     ERR_OK);
    r = push_rule_find(full, STR("override"), STR(".m.rule.reaction"));
    check_str("actions", json_text(&a, json_get(r, "actions")), STR("[\"notify\"]"));
    assert_int_equal(push_rule_set_actions(&a, full, STR("override"), STR(".m.rule.reaction"), quoted(&a, "{}"), NULL), ERR_BAD_JSON);
    assert_int_equal(push_rule_set_actions(&a, full, STR("override"), STR(".m.rule.reaction"), NULL, NULL), ERR_BAD_JSON);
    assert_int_equal(push_rule_set_actions(&a, full, STR("override"), STR("none"), quoted(&a, "[]"), NULL), ERR_NOT_FOUND);
    assert_int_equal(push_rule_set_enabled(&a, full, STR("nothing"), STR("@x:y"), true, NULL), ERR_NOT_FOUND);
    assert_int_equal(push_rule_delete(full, STR("override"), STR(".m.rule.reaction"), NULL), ERR_INVALID_PARAM);
    assert_int_equal(push_rule_delete(full, STR("sender"), STR("@x:y"), NULL), ERR_OK);
    assert_int_equal(push_rule_delete(full, STR("sender"), STR("@x:y"), NULL), ERR_NOT_FOUND);
    assert_int_equal(push_rule_list(full, STR("sender"))->count, 0);
    arena_release(&a);
}

/* --- storing --- */

static void test_stored_and_full_again(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct json *full = full_of(&a, NULL);
    check_str("nothing", json_text(&a, push_rules_stored(&a, str_c(me), full)), STR("{\"global\":{}}"));
    assert_int_equal(put(&a, full, "override", "mine", "{'actions':[],'conditions':[{'kind':'x'}]}", NULL, NULL), ERR_OK);
    assert_int_equal(put(&a, full, "content", "word", "{'actions':[],'pattern':'w'}", NULL, NULL), ERR_OK);
    assert_int_equal(push_rule_set_enabled(&a, full, STR("content"), STR("word"), false, NULL), ERR_OK);
    assert_int_equal(push_rule_set_enabled(&a, full, STR("override"), STR(".m.rule.master"), true, NULL), ERR_OK);
    assert_int_equal(push_rule_set_actions(&a, full, STR("underride"), STR(".m.rule.message"), quoted(&a, "[]"), NULL), ERR_OK);
    struct json *stored = push_rules_stored(&a, str_c(me), full);
    struct json *want =
        quoted(&a, "{'global':{'override':[{'enabled':true,'rule_id':'.m.rule.master'},{'actions':[],'conditions':[{'kind':'x'}],"
                   "'default':false,'enabled':true,'rule_id':'mine'}],'content':[{'actions':[],'default':false,'enabled':false,"
                   "'pattern':'w','rule_id':'word'}],'underride':[{'actions':[],'rule_id':'.m.rule.message'}]}}");
    check_true("stored", json_equal(stored, want));
    check_true("full", json_equal(push_rules_full(&a, str_c(me), stored), full));
    check_true("full of full", json_equal(push_rules_full(&a, str_c(me), full), full));
    arena_release(&a);
}

static void test_broken_store(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "[]",
        "{}",
        "{'global':[]}",
        "{'global':{'override':{}}}",
        "{'global':{'override':[1,{},{'rule_id':1},{'rule_id':'x'}]}}",
        "{'global':{'override':[{'rule_id':'x','actions':'notify'},{'rule_id':'.m.rule.gone','enabled':true},{'rule_id':'','actions':[]}]}"
        "}",
        "{'global':{'override':[{'rule_id':'.m.rule.master','enabled':'yes','actions':['explode']}]}}",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct arena a;
        arena_init(&a);
        check_true(broken[i], json_equal(full_of(&a, broken[i]), full_of(&a, NULL)));
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_the_specification),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_place_among_defaults),
        cmocka_unit_test(test_what_is_stored_of_a_body),
        cmocka_unit_test(test_put_refused),
        cmocka_unit_test(test_not_more_than_the_maximum),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_stored_and_full_again),
        cmocka_unit_test(test_broken_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
