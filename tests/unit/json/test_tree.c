/* Trees: looking into them (also into what is not there), making, changing, copying, comparing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "json/json.h"

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct json *parse(const char *text)
{
    struct json *v;
    assert_int_equal(json_parse(&arena, str_c(text), &v, NULL), ERR_OK);
    return v;
}

static void assert_text(const struct json *v, const char *want)
{
    assert_string_equal(json_text(&arena, v).p, want);
}

static void test_get(void **state)
{
    (void)state;
    struct json *v = parse("{\"a\":1,\"b\":{\"c\":{\"d\":\"x\"}},\"e\":[{\"a\":2}]}");
    assert_int_equal(json_get(v, "a")->integer, 1);
    assert_null(json_get(v, "aa"));
    assert_null(json_get(v, ""));
    assert_int_equal(json_get_str(v, str_make("abc", 1))->integer, 1);
    assert_true(str_is(json_string(json_path(v, "b", "c", "d", NULL)), "x"));
    assert_null(json_path(v, "b", "no", "d", NULL));
    assert_null(json_path(v, "b", "c", "d", "deeper", NULL));
    assert_null(json_path(v, NULL));
    assert_null(json_get(json_get(v, "e"), "a"));
    assert_null(json_get(NULL, "a"));
    assert_null(json_path(NULL, "a", NULL));
}

static void test_typed(void **state)
{
    (void)state;
    struct json *v = parse("{\"s\":\"x\",\"empty\":\"\",\"i\":-7,\"r\":1.5,\"t\":true,\"f\":false,\"n\":null}");
    assert_true(str_is(json_string_at(v, "s"), "x"));
    assert_false(str_null(json_string_at(v, "empty")));
    assert_true(str_null(json_string_at(v, "i")));
    assert_true(str_null(json_string_at(v, "no")));
    assert_true(str_null(json_string_at(NULL, "s")));
    assert_int_equal(json_int_at(v, "i", 3), -7);
    assert_int_equal(json_int_at(v, "r", 3), 3);
    assert_int_equal(json_int_at(v, "s", 3), 3);
    assert_int_equal(json_int_at(NULL, "s", 3), 3);
    assert_true(json_bool_at(v, "t", false));
    assert_false(json_bool_at(v, "f", true));
    assert_true(json_bool_at(v, "n", true));
    assert_false(json_bool_at(v, "i", false));
    int64_t i = 9;
    assert_false(json_int(json_get(v, "r"), &i));
    assert_false(json_int(NULL, &i));
    assert_int_equal(i, 9);
    assert_true(json_int(json_get(v, "i"), &i));
    assert_int_equal(i, -7);
    assert_true(json_is(json_get(v, "n"), JSON_NULL));
    assert_false(json_is(NULL, JSON_NULL));
}

static void test_each(void **state)
{
    (void)state;
    int64_t sum = 0;
    json_each(item, parse("[1,2,3]")) sum += item->integer;
    assert_int_equal(sum, 6);
    json_each(item, json_get(NULL, "no")) fail();
    json_each(item, parse("7")) fail();
}

static void test_make(void **state)
{
    (void)state;
    struct json *o = json_new(&arena, JSON_OBJECT), *list = json_new(&arena, JSON_ARRAY);
    json_set(o, STR("s"), json_new_string(&arena, STR("a\"b")));
    json_set(o, STR("none"), json_new_string(&arena, (struct str){0}));
    json_set(o, STR("list"), list);
    json_push(list, json_new_int(&arena, INT64_C(-9007199254740991)));
    json_push(list, json_new_bool(&arena, true));
    json_push(list, json_new_bool(&arena, false));
    json_push(list, json_new(&arena, JSON_NULL));
    assert_text(o, "{\"s\":\"a\\\"b\",\"none\":\"\",\"list\":[-9007199254740991,true,false,null]}");
}

static void test_set_replaces(void **state)
{
    (void)state;
    struct json *o = parse("{\"a\":1,\"b\":2,\"c\":3}");
    json_set(o, STR("a"), json_new_int(&arena, 10));
    json_set(o, STR("c"), json_new_int(&arena, 30));
    assert_text(o, "{\"a\":10,\"b\":2,\"c\":30}");
    json_add(o, STR("d"), json_new_int(&arena, 4));
    assert_text(o, "{\"a\":10,\"b\":2,\"c\":30,\"d\":4}");
    assert_int_equal(o->count, 4);
    assert_true(str_null(o->raw));
    struct json *d = json_get(o, "d");
    assert_ptr_equal(json_set(o, STR("d"), d), d);
    assert_text(o, "{\"a\":10,\"b\":2,\"c\":30,\"d\":4}");
}

static void test_remove(void **state)
{
    (void)state;
    struct json *o = parse("{\"a\":1,\"b\":2,\"c\":3}");
    assert_false(json_remove(o, STR("no")));
    assert_true(json_remove(o, STR("b")));
    assert_text(o, "{\"a\":1,\"c\":3}");
    assert_true(json_remove(o, STR("c")));
    json_set(o, STR("d"), json_new_int(&arena, 4));
    assert_text(o, "{\"a\":1,\"d\":4}");
    assert_true(json_remove(o, STR("a")));
    assert_true(json_remove(o, STR("d")));
    assert_text(o, "{}");
    json_set(o, STR("e"), json_new_int(&arena, 5));
    assert_text(o, "{\"e\":5}");
    assert_int_equal(o->count, 1);
    assert_false(json_remove(NULL, STR("a")));
    assert_false(json_remove(parse("[1]"), STR("")));
}

static void test_copy(void **state)
{
    (void)state;
    struct json *o = parse("{\"a\":[1,{\"b\":\"x\"}],\"r\":1.50}"), *copy = json_copy(&arena, o);
    assert_true(json_equal(o, copy));
    json_set(json_get(copy, "a")->last, STR("b"), json_new_int(&arena, 2));
    assert_text(o, "{\"a\":[1,{\"b\":\"x\"}],\"r\":1.50}");
    assert_text(copy, "{\"a\":[1,{\"b\":2}],\"r\":1.50}");
    assert_true(str_null(copy->raw) && str_null(copy->child->raw));
    assert_null(json_copy(&arena, NULL));
    /* A member alone, without its brothers. */
    assert_null(json_copy(&arena, json_get(o, "a"))->next);
}

static void test_equal(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } row[] = {
        {"{\"a\":1,\"b\":[true,null]}", "{ \"b\": [true, null], \"\\u0061\": 1 }", true},
        {"{\"a\":1}", "{\"b\":1}", false},
        {"{\"a\":1}", "{\"a\":2}", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":1}", false},
        {"[1,2]", "[2,1]", false},
        {"[1]", "[1,2]", false},
        {"[]", "{}", false},
        {"\"a\"", "\"a\"", true},
        {"\"a\"", "\"b\"", false},
        {"1", "1", true},
        {"1", "2", false},
        {"1.0", "1", false},
        {"1.0", "1.00", false},
        {"1.0", "1.0", true},
        {"true", "false", false},
        {"null", "null", true},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct json *a = parse(row[i].a), *b = parse(row[i].b);
        if (json_equal(a, b) != row[i].equal || json_equal(b, a) != row[i].equal) fail_msg("%s / %s", row[i].a, row[i].b);
    }
    assert_true(json_equal(NULL, NULL));
    assert_false(json_equal(NULL, parse("null")));
}

/* More members than fit the stack, in another order. */
static void test_equal_wide(void **state)
{
    (void)state;
    struct json *a = json_new(&arena, JSON_OBJECT), *b = json_new(&arena, JSON_OBJECT);
    for (unsigned i = 0; i < 1000; i++) {
        json_add(a, arena_printf(&arena, "key%u", i), json_new_int(&arena, i));
        json_add(b, arena_printf(&arena, "key%u", 999 - i), json_new_int(&arena, 999 - i));
    }
    assert_true(json_equal(a, b));
    json_set(b, STR("key500"), json_new_int(&arena, 0));
    assert_false(json_equal(a, b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),  cmocka_unit_test(test_typed),        cmocka_unit_test(test_each),
        cmocka_unit_test(test_make), cmocka_unit_test(test_set_replaces), cmocka_unit_test(test_remove),
        cmocka_unit_test(test_copy), cmocka_unit_test(test_equal),        cmocka_unit_test(test_equal_wide),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
