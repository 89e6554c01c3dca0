/* Writing: as it came, canonical (with the specification's own examples), and without a tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "json/json.h"

static struct arena arena;
static struct buf buf;

static int begin(void **state)
{
    (void)state;
    buf_init(&buf, 1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    buf_release(&buf);
    return 0;
}

static struct json *parse(struct str text)
{
    struct json *v;
    assert_int_equal(json_parse(&arena, text, &v, NULL), ERR_OK);
    return v;
}

static void assert_buf(struct str want)
{
    assert_true(buf_ok(&buf));
    assert_int_equal(buf.n, want.n);
    if (want.n) assert_memory_equal(buf.p, want.p, want.n);
    buf_clear(&buf);
}

static void test_strings(void **state)
{
    (void)state;
    static const struct {
        struct str s, want;
    } row[] = {
        {{NULL, 0}, {"\"\"", 2}},
        {{"a", 1}, {"\"a\"", 3}},
        {{"\b\t\n\f\r\"\\/", 8}, {"\"\\b\\t\\n\\f\\r\\\"\\\\/\"", 17}},
        {{"\0\x01\x0b\x1f\x7f", 5}, {"\"\\u0000\\u0001\\u000b\\u001f\x7f\"", 27}},
        {{"gr\xc3\xbc\xc3\x9f"
          "e \xf0\x9f\x8e\x89",
          12},
         {"\"gr\xc3\xbc\xc3\x9f"
          "e \xf0\x9f\x8e\x89\"",
          14}},
        {{"a line that is long\nand goes on\n", 32}, {"\"a line that is long\\nand goes on\\n\"", 36}},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        json_write_string(&buf, row[i].s);
        assert_buf(row[i].want);
    }
}

/* Every byte at every place comes back as it was. */
static void test_strings_come_back(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0x80; c++)
        for (size_t n = 1; n < 20; n++)
            for (size_t at = 0; at < n; at++) {
                char *s = mem_alloc(n);
                memset(s, 'y', n);
                s[at] = (char)c;
                json_write_string(&buf, str_make(s, n));
                assert_true(str_eq(json_string(parse(buf_str(&buf))), str_make(s, n)));
                buf_clear(&buf);
                arena_reset(&arena);
                mem_free(s);
            }
}

static void test_as_it_came(void **state)
{
    (void)state;
    json_write(&buf,
               parse(STR(" { \"b\" : [ 1.50 , -0, 1E5 , {} ] , \"a\" : \"\\u0041\\/\" , \"n\":null,\"t\":true,\"f\":false,\"e\":[]} ")));
    assert_buf(STR("{\"b\":[1.50,-0,1E5,{}],\"a\":\"A/\",\"n\":null,\"t\":true,\"f\":false,\"e\":[]}"));
}

/* The examples of the appendix. */
static void test_canonical_examples(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } row[] = {
        {"{}", "{}"},
        {"{\n \"one\": 1,\n \"two\": \"Two\"\n}", "{\"one\":1,\"two\":\"Two\"}"},
        {"{\"b\": \"2\", \"a\": \"1\"}", "{\"a\":\"1\",\"b\":\"2\"}"},
        {"{\"b\":\"2\",\"a\":\"1\"}", "{\"a\":\"1\",\"b\":\"2\"}"},
        {"{\"auth\":{\"success\":true,\"mxid\":\"@john.doe:example.com\",\"profile\":{\"display_name\":\"John "
         "Doe\",\"three_pids\":[{\"medium\":"
         "\"email\",\"address\":\"john.doe@example.org\"},{\"medium\":\"msisdn\",\"address\":\"123456789\"}]}}}",
         "{\"auth\":{\"mxid\":\"@john.doe:example.com\",\"profile\":{\"display_name\":\"John "
         "Doe\",\"three_pids\":[{\"address\":\"john.doe@example."
         "org\",\"medium\":\"email\"},{\"address\":\"123456789\",\"medium\":\"msisdn\"}]},\"success\":true}}"},
        {"{\"a\":\"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\"}", "{\"a\":\"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\"}"},
        {"{\"\xe6\x9c\xac\":2,\"\xe6\x97\xa5\":1}", "{\"\xe6\x97\xa5\":1,\"\xe6\x9c\xac\":2}"},
        {"{\"a\":\"\\u65E5\"}", "{\"a\":\"\xe6\x97\xa5\"}"},
        {"{\"a\":null}", "{\"a\":null}"},
        {"{\"a\":-5}", "{\"a\":-5}"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(json_write_canonical(&buf, parse(str_c(row[i].text)), NULL), ERR_OK);
        assert_buf(str_c(row[i].want));
    }
}

/* By code point, not by UTF-16 unit, length or locale; the first eight bytes alone must not decide. */
static void test_key_order(void **state)
{
    (void)state;
    struct json *v = parse(STR("{\"\xf0\x9f\x8e\x89\":1,\"\xef\xbf\xbd\":2,\"b\":3,\"aa\":4,\"a\":5,\"B\":6,\"\":7,\"12345678\":8,"
                               "\"123456789\":9,\"1234567\":10,\"12345678\\u0000\":11,\"a\\u0000\":12,\"123456780\":13,\"1234567!\":14,"
                               "\"abc\":15,\"abc!\":16}"));
    assert_int_equal(json_write_canonical(&buf, v, NULL), ERR_OK);
    assert_buf(
        STR("{\"\":7,\"1234567\":10,\"1234567!\":14,\"12345678\":8,\"12345678\\u0000\":11,\"123456780\":13,\"123456789\":9,\"B\":6,\"a\":5,"
            "\"a\\u0000\":12,\"aa\":4,\"abc\":15,\"abc!\":16,\"b\":3,\"\xef\xbf\xbd\":2,\"\xf0\x9f\x8e\x89\":1}"));
}

/* Around the size where sorting changes its way. */
static void test_key_order_wide(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 60; n++) {
        struct json *o = json_new(&arena, JSON_OBJECT);
        for (unsigned i = 0; i < n; i++)
            json_add(o, arena_printf(&arena, "common-prefix-%02u", i * 61 % n), json_new_int(&arena, i * 61 % n));
        assert_int_equal(json_write_canonical(&buf, o, NULL), ERR_OK);
        int64_t want = 0;
        json_each(m, parse(buf_str(&buf))) assert_int_equal(m->integer, want++);
        assert_int_equal(want, n);
        buf_clear(&buf);
        arena_reset(&arena);
    }
}

static void test_canonical_refuses(void **state)
{
    (void)state;
    static const char *const row[] = {"1.5", "1.0", "1e3", "-0", "9007199254740992", "-9007199254740992", "[1,{\"a\":[0.1]}]"};
    struct fault f;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        buf_add(&buf, STR("before"));
        f = (struct fault){0};
        assert_int_equal(json_write_canonical(&buf, parse(str_c(row[i])), &f), ERR_BAD_JSON);
        assert_int_equal(f.code, ERR_BAD_JSON);
        assert_non_null(strstr(f.text, "The number "));
        assert_buf(STR("before"));
    }
    assert_int_equal(json_write_canonical(&buf, json_new_int(&arena, INT64_C(1) << 53), NULL), ERR_BAD_JSON);
    assert_int_equal(json_write_canonical(&buf, json_new_int(&arena, INT64_MIN), NULL), ERR_BAD_JSON);
    assert_int_equal(json_write_canonical(&buf, json_new_int(&arena, -9007199254740991), NULL), ERR_OK);
    assert_buf(STR("-9007199254740991"));
}

static void test_full_buffer(void **state)
{
    (void)state;
    struct json *v = parse(STR("{\"key\":[\"value\",\"a\\nb\",12345]}"));
    size_t whole = json_text(&arena, v).n;
    for (size_t max = 0; max <= whole; max++) {
        struct buf small;
        buf_init(&small, max);
        json_write(&small, v);
        assert_int_equal(buf_ok(&small), max == whole);
        assert_true(small.n <= max);
        buf_clear(&small);
        assert_int_equal(json_write_canonical(&small, v, NULL), ERR_OK);
        assert_int_equal(buf_ok(&small), max == whole);
        buf_release(&small);
    }
}

static void test_without_a_tree(void **state)
{
    (void)state;
    struct json_out o;
    json_out_init(&o, &buf);
    json_object(&o);
    json_str_member(&o, "s", STR("a\"b"));
    json_int_member(&o, "i", -12);
    json_bool_member(&o, "t", true);
    json_bool_member(&o, "f", false);
    json_raw_member(&o, "raw", STR("{\"x\":1}"));
    json_key(&o, "list");
    json_array(&o);
    json_put_int(&o, 1);
    json_put_str(&o, STR("two"));
    json_array(&o);
    json_end(&o);
    json_object(&o);
    json_end(&o);
    json_put_bool(&o, true);
    json_put_raw(&o, STR("null"));
    json_put(&o, parse(STR("[ 1 ]")));
    json_end(&o);
    json_key_str(&o, STR("k\n"));
    json_put_int(&o, 0);
    json_end(&o);
    assert_buf(
        STR("{\"s\":\"a\\\"b\",\"i\":-12,\"t\":true,\"f\":false,\"raw\":{\"x\":1},\"list\":[1,\"two\",[],{},true,null,[1]],\"k\\n\":0}"));
}

static void test_without_a_tree_nested(void **state)
{
    (void)state;
    struct json_out o;
    json_out_init(&o, &buf);
    for (int i = 0; i < 32; i++)
        json_array(&o);
    for (int i = 0; i < 32; i++)
        json_end(&o);
    assert_buf(STR("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"));
}

/* A writer that nests deeper has a bug of its own and is stopped, before it writes anywhere else. */
static void test_without_a_tree_nested_too_deeply(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct json_out o;
        json_out_init(&o, &buf);
        fclose(stderr);
        for (int i = 0; i < 33; i++)
            json_array(&o);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_text(void **state)
{
    (void)state;
    struct str s = json_text(&arena, parse(STR("[ \"\\u0000\" ]")));
    assert_string_equal(s.p, "[\"\\u0000\"]");
    assert_int_equal(s.n, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_strings_come_back),
        cmocka_unit_test(test_as_it_came),
        cmocka_unit_test(test_canonical_examples),
        cmocka_unit_test(test_key_order),
        cmocka_unit_test(test_key_order_wide),
        cmocka_unit_test(test_canonical_refuses),
        cmocka_unit_test(test_full_buffer),
        cmocka_unit_test(test_without_a_tree),
        cmocka_unit_test(test_without_a_tree_nested),
        cmocka_unit_test(test_without_a_tree_nested_too_deeply),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
