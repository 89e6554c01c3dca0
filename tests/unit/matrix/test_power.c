/* Power levels: defaults with and without the event, all forms of a level, creators, and that nothing points to the source. */
#include "help.h"

#include "matrix/power.h"

static const char creator[] = "@creator:a";

static struct power_levels *levels(struct arena *a, unsigned version, const char *content, const char *create)
{
    return power_levels_parse(a, room_version_number(version), quoted(a, content), str_c(creator), quoted(a, create));
}

static void test_without_event(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    for (unsigned v = 6; v <= 12; v++) {
        struct power_levels *p = levels(&a, v, NULL, "{'creator':'@creator:a'}");
        assert_false(p->present);
        assert_int_equal(p->given, 0);
        assert_true(power_of_user(p, STR("@creator:a")) == (v == 12 ? POWER_INFINITE : 100));
        assert_int_equal(power_of_user(p, STR("@x:a")), 0);
        assert_int_equal(power_for_event(p, STR("m.room.name"), true), 0);
        assert_int_equal(power_for_event(p, STR("m.room.message"), false), 0);
        assert_int_equal(p->level[POWER_BAN], 50);
        assert_int_equal(p->level[POWER_KICK], 50);
        assert_int_equal(p->level[POWER_REDACT], 50);
        assert_int_equal(p->level[POWER_INVITE], 0);
        assert_int_equal(power_for_notification(p, STR("room")), 50);
    }
    arena_release(&a);
}

/* Before 11 the creator is who the content says. */
static void test_creator_of_the_content(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_int_equal(power_of_user(levels(&a, 10, NULL, "{'creator':'@other:a'}"), STR("@other:a")), 100);
    assert_int_equal(power_of_user(levels(&a, 10, NULL, "{'creator':'@other:a'}"), STR("@creator:a")), 0);
    assert_int_equal(power_of_user(levels(&a, 11, NULL, "{'creator':'@other:a'}"), STR("@creator:a")), 100);
    assert_int_equal(power_of_user(levels(&a, 11, "{}", "{}"), STR("@creator:a")), 0);
    arena_release(&a);
}

static void test_empty_event(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct power_levels *p = levels(&a, 11, "{}", "{}");
    assert_true(p->present);
    assert_int_equal(power_for_event(p, STR("m.room.name"), true), 50);
    assert_int_equal(power_for_event(p, STR("m.room.message"), false), 0);
    assert_int_equal(p->level[POWER_INVITE], 0);
    arena_release(&a);
}

static void test_given(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct power_levels *p =
        levels(&a, 11,
               "{'ban':1,'kick':2,'redact':3,'invite':4,'users_default':5,'events_default':6,'state_default':7,'users':{'@z:a':9,'@a:a':8},"
               "'events':{'t':10,'m.room.name':-11},'notifications':{'room':12,'x':13}}",
               "{}");
    for (int i = 0; i < POWER_NAMES; i++)
        assert_int_equal(p->level[i], i == POWER_BAN ? 1 : i + 1);
    assert_int_equal(p->given, (1u << POWER_NAMES) - 1);
    assert_int_equal(power_of_user(p, STR("@a:a")), 8);
    assert_int_equal(power_of_user(p, STR("@z:a")), 9);
    assert_int_equal(power_of_user(p, STR("@m:a")), 5);
    assert_int_equal(power_for_event(p, STR("t"), false), 10);
    assert_int_equal(power_for_event(p, STR("m.room.name"), true), -11);
    assert_int_equal(power_for_event(p, STR("other"), true), 7);
    assert_int_equal(power_for_event(p, STR("other"), false), 6);
    assert_int_equal(power_for_notification(p, STR("room")), 12);
    assert_int_equal(power_for_notification(p, STR("x")), 13);
    assert_int_equal(power_for_notification(p, STR("y")), 50);
    arena_release(&a);
}

static void test_forms_of_a_level(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool loose, strict;
        int64_t want;
    } rows[] = {
        {"50", true, true, 50},
        {"-3", true, true, -3},
        {"9007199254740991", true, true, 9007199254740991},
        {"9007199254740992", false, false, 0},
        {"1.5", false, false, 0},
        {"'50'", true, false, 50},
        {"'000100'", true, false, 100},
        {"'+100'", true, false, 100},
        {"'-100'", true, false, -100},
        {"' 100 '", true, false, 100},
        {"'\\t-00100\\n'", true, false, -100},
        {"'9007199254740991'", true, false, 9007199254740991},
        {"'9007199254740992'", false, false, 0},
        {"'99999999999999999999'", false, false, 0},
        {"''", false, false, 0},
        {"' '", false, false, 0},
        {"'+'", false, false, 0},
        {"'--1'", false, false, 0},
        {"'+ 1'", false, false, 0},
        {"'1 0'", false, false, 0},
        {"'1.0'", false, false, 0},
        {"'0x10'", false, false, 0},
        {"'1e2'", false, false, 0},
        {"true", false, false, 0},
        {"null", false, false, 0},
        {"[]", false, false, 0},
        {"{}", false, false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a;
        arena_init(&a);
        const struct json *v = quoted(&a, rows[i].text);
        int64_t got = 777;
        check_true(rows[i].text, power_level_read(room_version_number(9), v, &got) == rows[i].loose);
        check_true(rows[i].text, got == (rows[i].loose ? rows[i].want : 777));
        got = 777;
        check_true(rows[i].text, power_level_read(room_version_number(10), v, &got) == rows[i].strict);
        check_true(rows[i].text, got == (rows[i].strict ? rows[i].want : 777));
        arena_release(&a);
    }
    int64_t got = 0;
    assert_false(power_level_read(room_version_number(9), NULL, &got));
    struct json made = {.type = JSON_INT, .integer = 9007199254740992};
    assert_false(power_level_read(room_version_number(12), &made, &got));
    made.integer = -9007199254740992;
    assert_false(power_level_read(room_version_number(12), &made, &got));
    made.integer++;
    assert_true(power_level_read(room_version_number(12), &made, &got) && got == made.integer);
}

/* What the rules would refuse counts as absent. */
static void test_lenient(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct power_levels *p =
        levels(&a, 11, "{'ban':'1','kick':null,'invite':9007199254740992,'users':[1],'events':{'a':'1','b':2},'notifications':7}", "{}");
    assert_int_equal(p->given, 0);
    assert_int_equal(p->level[POWER_BAN], 50);
    assert_int_equal(p->level[POWER_INVITE], 0);
    assert_int_equal(p->users.n, 0);
    assert_int_equal(power_for_event(p, STR("a"), false), 0);
    assert_int_equal(power_for_event(p, STR("b"), false), 2);
    p = levels(&a, 11, "[]", "[]");
    assert_true(p->present);
    arena_release(&a);
}

static void test_creators(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const char *create = "{'additional_creators':['@z:b',7,'@b:b']}", *content = "{'users':{'@b:b':1,'@u:a':100}}";
    struct power_levels *p = levels(&a, 12, content, create);
    static const char *const reign[] = {"@creator:a", "@z:b", "@b:b"};
    for (int i = 0; i < 3; i++) {
        assert_true(power_is_creator(p, str_c(reign[i])));
        assert_true(power_of_user(p, str_c(reign[i])) == POWER_INFINITE);
    }
    assert_int_equal(power_of_user(p, STR("@u:a")), 100);
    assert_false(power_is_creator(p, STR("@u:a")));
    p = levels(&a, 11, content, create);
    assert_int_equal(power_of_user(p, STR("@b:b")), 1);
    assert_false(power_is_creator(p, STR("@creator:a")));
    arena_release(&a);
}

/* The source may go: everything is copied. */
static void test_copies(void **state)
{
    (void)state;
    struct arena source, a;
    arena_init(&source);
    arena_init(&a);
    char *text = arena_cstr(&source, STR("{\"users\":{\"@u:a\":7},\"events\":{\"e\":8},\"notifications\":{\"n\":9}}"));
    char *create = arena_cstr(&source, STR("{\"additional_creators\":[\"@c:a\"]}"));
    struct power_levels *p =
        power_levels_parse(&a, room_version_default(), parse(&source, text), arena_str(&source, str_c(creator)), parse(&source, create));
    memset(text, 'x', strlen(text));
    memset(create, 'x', strlen(create));
    arena_release(&source);
    assert_int_equal(power_of_user(p, STR("@u:a")), 7);
    assert_int_equal(power_for_event(p, STR("e"), true), 8);
    assert_int_equal(power_for_notification(p, STR("n")), 9);
    assert_true(power_is_creator(p, STR("@c:a")) && power_is_creator(p, str_c(creator)));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_event),    cmocka_unit_test(test_creator_of_the_content),
        cmocka_unit_test(test_empty_event),      cmocka_unit_test(test_given),
        cmocka_unit_test(test_forms_of_a_level), cmocka_unit_test(test_lenient),
        cmocka_unit_test(test_creators),         cmocka_unit_test(test_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
