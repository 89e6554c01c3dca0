/* The JSON parser: what is taken and what it becomes, what is refused and where, and that no byte beyond the text is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "json/json.h"

/* The text in a heap block of exactly its size, so that ASan sees any look beyond it. */
struct parsed {
    struct arena arena;
    char *text;
    struct json *v;
    struct fault fault;
    enum err e;
};

static struct parsed parse(struct str text)
{
    struct parsed p = {.text = mem_alloc(text.n)};
    if (text.n) memcpy(p.text, text.p, text.n);
    p.e = json_parse(&p.arena, str_make(p.text, text.n), &p.v, &p.fault);
    return p;
}

static void drop(struct parsed *p)
{
    arena_release(&p->arena);
    mem_free(p->text);
}

static void assert_str(struct str got, struct str want)
{
    assert_int_equal(got.n, want.n);
    if (want.n) assert_memory_equal(got.p, want.p, want.n);
}

static void test_scalars(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
        int64_t integer;
    } row[] = {
        {"null", JSON_NULL, 0},
        {"true", JSON_TRUE, 0},
        {"false", JSON_FALSE, 0},
        {"0", JSON_INT, 0},
        {" \t\r\n7 \n", JSON_INT, 7},
        {"-1", JSON_INT, -1},
        {"9007199254740991", JSON_INT, 9007199254740991},
        {"-9007199254740991", JSON_INT, -9007199254740991},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct parsed p = parse(str_c(row[i].text));
        assert_int_equal(p.e, ERR_OK);
        assert_int_equal(p.v->type, row[i].type);
        assert_int_equal(p.v->integer, row[i].integer);
        assert_int_equal(p.v->count, 0);
        drop(&p);
    }
}

/* Valid, but outside of canonical JSON: kept as they are written. */
static void test_reals(void **state)
{
    (void)state;
    static const char *const row[] = {"-0",
                                      "0.0",
                                      "1.5",
                                      "-1.5",
                                      "1e3",
                                      "1E+3",
                                      "1e-3",
                                      "0e0",
                                      "9007199254740992",
                                      "-9007199254740992",
                                      "10000000000000000",
                                      "99999999999999999999999999999999",
                                      "1.00000000000000000000000000001"};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct parsed p = parse(str_c(row[i]));
        assert_int_equal(p.e, ERR_OK);
        assert_int_equal(p.v->type, JSON_REAL);
        assert_str(p.v->string, str_c(row[i]));
        drop(&p);
    }
}

static void test_strings(void **state)
{
    (void)state;
    static const struct {
        struct str text, want;
    } row[] = {
        {{"\"\"", 2}, {"", 0}},
        {{"\"a\"", 3}, {"a", 1}},
        {{"\"1234567\"", 9}, {"1234567", 7}},
        {{"\"12345678\"", 10}, {"12345678", 8}},
        {{"\"123456789\"", 11}, {"123456789", 9}},
        {{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", 18}, {"\"\\/\b\f\n\r\t", 8}},
        {{"\"\\u0000\"", 8}, {"\0", 1}},
        {{"\"\\u0041\\u00e9\\u20AC\"", 20}, {"A\xc3\xa9\xe2\x82\xac", 6}},
        {{"\"\\uD83D\\ude00\"", 14}, {"\xf0\x9f\x98\x80", 4}},
        {{"\"\\uDBFF\\uDFFF\"", 14}, {"\xf4\x8f\xbf\xbf", 4}},
        {{"\"\\ud800\\udc00\"", 14}, {"\xf0\x90\x80\x80", 4}},
        {{"\"\\u007f\\u0080\\u07ff\"", 20}, {"\x7f\xc2\x80\xdf\xbf", 5}},
        {{"\"\\u0800\\uD7FF\\ue000\\uffff\"", 26}, {"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 12}},
        {{"\"\x7f\xc3\xa9\"", 5}, {"\x7f\xc3\xa9", 3}},
        {{"\"long enough for words\\nand more of it after\"", 45}, {"long enough for words\nand more of it after", 42}},
        {{"\"\\\\\"", 4}, {"\\", 1}},
        {{"\"\xf0\x9f\x8e\x89\\u0022\"", 12}, {"\xf0\x9f\x8e\x89\"", 5}},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct parsed p = parse(row[i].text);
        assert_int_equal(p.e, ERR_OK);
        assert_int_equal(p.v->type, JSON_STRING);
        assert_str(p.v->string, row[i].want);
        assert_str(p.v->raw, row[i].text);
        drop(&p);
    }
}

static void test_plain_string_is_not_copied(void **state)
{
    (void)state;
    struct parsed p = parse(STR("{\"key\":\"gr\xc3\xbc\xc3\x9f"
                                "e\",\"a\\u0062\":1}"));
    assert_int_equal(p.e, ERR_OK);
    assert_ptr_equal(p.v->child->key.p, p.text + 2);
    assert_ptr_equal(p.v->child->string.p, p.text + 8);
    assert_str(p.v->last->key, STR("ab"));
    drop(&p);
}

static void test_tree(void **state)
{
    (void)state;
    struct parsed p = parse(STR(" { \"a\" : [ 1 , {} , [ ] ] , \"\" : null , \"b\" : { \"c\" : \"d\" } } "));
    assert_int_equal(p.e, ERR_OK);
    assert_int_equal(p.v->type, JSON_OBJECT);
    assert_int_equal(p.v->count, 3);
    struct json *a = p.v->child, *none = a->next, *b = none->next;
    assert_ptr_equal(p.v->last, b);
    assert_null(b->next);
    assert_str(a->key, STR("a"));
    assert_int_equal(a->count, 3);
    assert_str(a->raw, STR("[ 1 , {} , [ ] ]"));
    assert_int_equal(a->child->integer, 1);
    assert_true(str_null(a->child->key));
    assert_int_equal(a->child->next->type, JSON_OBJECT);
    assert_int_equal(a->last->type, JSON_ARRAY);
    assert_str(a->last->raw, STR("[ ]"));
    assert_str(none->key, STR(""));
    assert_str(b->raw, STR("{ \"c\" : \"d\" }"));
    assert_str(b->child->raw, STR("\"d\""));
    drop(&p);
}

/* Refused, with the byte that the sentence names. */
static void test_refused(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        unsigned at;
    } row[] = {
        {{"", 0}, 0},
        {{"  ", 2}, 2},
        {{"\xef\xbb\xbf{}", 5}, 0},
        {{"nul", 3}, 0},
        {{"True", 4}, 0},
        {{"nullx", 5}, 4},
        {{"1 2", 3}, 2},
        {{"\0", 1}, 0},
        {{"{}\0", 3}, 2},
        {{"01", 2}, 0},
        {{"-01", 3}, 1},
        {{"-", 1}, 1},
        {{"+1", 2}, 0},
        {{".5", 2}, 0},
        {{"1.", 2}, 2},
        {{"1.e1", 4}, 2},
        {{"1e", 2}, 2},
        {{"1e+", 3}, 3},
        {{"0x10", 4}, 1},
        {{"-Infinity", 9}, 1},
        {{"NaN", 3}, 0},
        {{"[", 1}, 1},
        {{"[1", 2}, 2},
        {{"[1,", 3}, 3},
        {{"[1,]", 4}, 3},
        {{"[,1]", 4}, 1},
        {{"[1 2]", 5}, 3},
        {{"[1}", 3}, 2},
        {{"{", 1}, 1},
        {{"{a:1}", 5}, 1},
        {{"{'a':1}", 7}, 1},
        {{"{\"a\"}", 5}, 4},
        {{"{\"a\":}", 6}, 5},
        {{"{\"a\":1,}", 8}, 7},
        {{"{\"a\":1 \"b\":2}", 13}, 7},
        {{"{1:2}", 5}, 1},
        {{"[1]]", 4}, 3},
        {{"// c\n1", 6}, 0},
        {{"\"", 1}, 1},
        {{"\"abc", 4}, 4},
        {{"\"\\", 2}, 2},
        {{"\"\\\"", 3}, 3},
        {{"\"a\nb\"", 5}, 2},
        {{"\"a\0b\"", 5}, 2},
        {{"\"123456789\x1f\"", 12}, 10},
        {{"\"\\x41\"", 6}, 1},
        {{"\"\\u12\"", 6}, 1},
        {{"\"\\u12g4\"", 8}, 1},
        {{"\"\\ud800\"", 8}, 1},
        {{"\"ab\\udc00\"", 10}, 3},
        {{"\"\\ud800\\u0041\"", 14}, 1},
        {{"\"\\ud800\\n\"", 10}, 1},
        {{"\"\\ud800\\ud800\"", 14}, 1},
        {{"\"\xff\"", 3}, 1},
        {{"\"a\x80\"", 4}, 2},
        {{"\"\xc0\x80\"", 4}, 1},
        {{"\"\xed\xa0\x80\"", 5}, 1},
        {{"\"\xf4\x90\x80\x80\"", 6}, 1},
        {{"\"\xc3\"", 3}, 1},
        {{"\"12345678\xe2\x82\"", 12}, 9},
        {{"{\"\xff\":1}", 7}, 2},
        {{"{\"a\":1,\"a\":2}", 13}, 7},
        {{"{\"a\":1,\"\\u0061\":2}", 18}, 7},
        {{"[{\"\":1,\"b\":2,\"\":2}]", 19}, 13},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct parsed p = parse(row[i].text);
        char where[32];
        snprintf(where, sizeof where, " at byte %u.", row[i].at);
        if (p.e != ERR_NOT_JSON || p.v || p.fault.code != ERR_NOT_JSON || !str_ends(str_c(p.fault.text), str_c(where)))
            fail_msg("%.*s: %s (%s), wanted%s", STR_FMT(row[i].text), err_name(p.e), p.fault.text, where);
        drop(&p);
    }
}

static void test_no_text_and_no_fault(void **state)
{
    (void)state;
    struct arena a = {0};
    struct json *v;
    assert_int_equal(json_parse(&a, (struct str){0}, &v, NULL), ERR_NOT_JSON);
    assert_int_equal(json_parse(&a, STR("[1,"), &v, NULL), ERR_NOT_JSON);
    assert_null(v);
    arena_release(&a);
}

/* No prefix of a text that ends in a bracket is a text, and none makes the parser read on. */
static void test_every_prefix(void **state)
{
    (void)state;
    struct str whole = STR("{\"a\":[1,-2.5e+3,\"\\ud83d\\ude00 gr\xc3\xbc\xc3\x9f"
                           "e\",true,false,null],\"\\n\":{}}");
    for (size_t n = 0; n < whole.n; n++) {
        struct parsed p = parse(str_first(whole, n));
        assert_int_equal(p.e, ERR_NOT_JSON);
        drop(&p);
    }
    struct parsed p = parse(whole);
    assert_int_equal(p.e, ERR_OK);
    drop(&p);
}

/* Each special byte at each place of a string, around the words that are looked at eight at a time. */
static void test_special_byte_at_each_place(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0x80; c++)
        for (size_t n = 1; n < 20; n++)
            for (size_t at = 0; at < n; at++) {
                char text[40];
                memset(text, 'x', sizeof text);
                text[0] = '"';
                text[1 + at] = (char)c;
                text[1 + n] = '"';
                struct parsed p = parse(str_make(text, n + 2));
                /* A backslash makes `\x`, which is none, or `\"`, and then the string does not end. */
                bool good = c >= 0x20 && c != '\\' && c != '"';
                assert_int_equal(p.e, good ? ERR_OK : ERR_NOT_JSON);
                if (good) assert_str(p.v->string, str_make(text + 1, n));
                drop(&p);
            }
}

static struct parsed parse_nested(size_t depth, char open, char close)
{
    size_t n = 0;
    char *text = mem_alloc(depth * 6 + 1);
    for (size_t i = 0; i < depth; i++) {
        text[n++] = open;
        if (open == '{') {
            memcpy(text + n, "\"a\":", 4);
            n += 4;
        }
    }
    if (open == '{') text[n++] = '1';
    memset(text + n, close, depth);
    struct parsed p = parse(str_make(text, n + depth));
    mem_free(text);
    return p;
}

static void test_depth(void **state)
{
    (void)state;
    static const char bracket[2][2] = {{'[', ']'}, {'{', '}'}};
    for (int i = 0; i < 2; i++) {
        struct parsed deep = parse_nested(JSON_DEPTH_MAX, bracket[i][0], bracket[i][1]);
        assert_int_equal(deep.e, ERR_OK);
        drop(&deep);
        struct parsed deeper = parse_nested(JSON_DEPTH_MAX + 1, bracket[i][0], bracket[i][1]);
        assert_int_equal(deeper.e, ERR_NOT_JSON);
        assert_non_null(strstr(deeper.fault.text, "nested too deeply"));
        drop(&deeper);
        struct parsed absurd = parse_nested(1000000, bracket[i][0], bracket[i][1]);
        assert_int_equal(absurd.e, ERR_NOT_JSON);
        drop(&absurd);
    }
}

/* Side by side is not nested. */
static void test_depth_is_given_back(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_byte(&b, '[');
    for (int i = 0; i < 500; i++)
        buf_add(&b, STR("[],{},[{\"a\":[]}],"));
    buf_add(&b, STR("0]"));
    struct parsed p = parse(buf_str(&b));
    assert_int_equal(p.e, ERR_OK);
    assert_int_equal(p.v->count, 1501);
    drop(&p);
    buf_release(&b);
}

/* An object of n members; the member `again` (if below n) is there a second time at the end. */
static struct parsed parse_wide(unsigned n, unsigned again)
{
    struct buf b;
    buf_init(&b, 64 << 20);
    buf_byte(&b, '{');
    for (unsigned i = 0; i < n; i++)
        buf_printf(&b, "%s\"key%u\":%u", i ? "," : "", i * 7919 % n, i);
    if (again < n) buf_printf(&b, ",\"key%u\":0", again);
    buf_byte(&b, '}');
    struct parsed p = parse(buf_str(&b));
    buf_release(&b);
    return p;
}

static void test_duplicates_in_every_size(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 40; n++)
        for (unsigned again = 0; again <= n; again++) {
            struct parsed p = parse_wide(n, again);
            assert_int_equal(p.e, again < n ? ERR_NOT_JSON : ERR_OK);
            if (again == n) assert_int_equal(p.v->count, n);
            drop(&p);
        }
}

/* 200,000 members: the square of that would take minutes. */
static void test_many_members(void **state)
{
    (void)state;
    struct parsed good = parse_wide(200000, 200000);
    assert_int_equal(good.e, ERR_OK);
    assert_int_equal(good.v->count, 200000);
    drop(&good);
    struct parsed bad = parse_wide(200000, 777);
    assert_int_equal(bad.e, ERR_NOT_JSON);
    drop(&bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_reals),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_plain_string_is_not_copied),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_text_and_no_fault),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_special_byte_at_each_place),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_depth_is_given_back),
        cmocka_unit_test(test_duplicates_in_every_size),
        cmocka_unit_test(test_many_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
