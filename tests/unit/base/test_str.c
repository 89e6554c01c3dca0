/* Slices: comparing, cutting, numbers, UTF-8 (against a plain second implementation), hashing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

static void test_compare(void **state)
{
    (void)state;
    assert_true(str_eq((struct str){0}, STR("")));
    assert_true(str_is(STR("abc"), "abc"));
    assert_false(str_is(STR("abc"), "ab"));
    assert_false(str_eq(STR("abc"), STR("abd")));
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("a"), STR("aa")) < 0);
    assert_true(str_cmp(STR("aa"), STR("a")) > 0);
    assert_true(str_cmp(STR(""), STR("a")) < 0);
    assert_true(str_cmp(STR("\x7f"), STR("\x80")) < 0);
    assert_int_equal(str_cmp((struct str){0}, STR("")), 0);
    assert_int_equal(str_cmp(STR("a\0b"), STR("a\0b")), 0);
    assert_true(str_cmp(STR("a\0b"), STR("a\0c")) < 0);
}

static void test_begin_and_end(void **state)
{
    (void)state;
    struct str s = STR("abcdef");
    assert_true(str_starts(s, STR("abc")));
    assert_false(str_starts(s, STR("abd")));
    assert_true(str_starts(s, (struct str){0}));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_true(str_ends(s, STR("def")));
    assert_false(str_ends(s, STR("deg")));
    assert_false(str_ends(STR("ef"), STR("def")));
    assert_true(str_ends((struct str){0}, STR("")));
    assert_true(str_is(str_from(s, 4), "ef"));
    assert_true(str_is(str_from(s, 6), ""));
    assert_true(str_is(str_from(s, SIZE_MAX), ""));
    assert_true(str_null(str_from((struct str){0}, 3)));
    assert_true(str_is(str_first(s, 2), "ab"));
    assert_true(str_is(str_first(s, 99), "abcdef"));
    assert_int_equal(str_find(s, 'c'), 2);
    assert_int_equal(str_find(s, 'x'), -1);
    assert_int_equal(str_find((struct str){0}, 'x'), -1);
    assert_int_equal(str_c(NULL).n, 0);
}

static void test_to_int64(void **state)
{
    (void)state;
    int64_t none;
    assert_false(str_to_int64((struct str){0}, &none));
    static const struct {
        const char *s;
        bool good;
        int64_t want;
    } row[] = {
        {"0", true, 0},
        {"-1", true, -1},
        {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"--1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"0x1", false, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int64_t v = 42;
        bool good = str_to_int64(str_c(row[i].s), &v);
        if (good != row[i].good || v != (good ? row[i].want : 42)) fail_msg("%s", row[i].s);
    }
}

/* Decodes bit by bit and then asks whether the code point may be written so: another way than the one under test. */
static size_t plain_sequence(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80) return 1;
    size_t len = (p[0] & 0xE0) == 0xC0 ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 : (p[0] & 0xF8) == 0xF0 ? 4 : 0;
    if (len == 0 || len > n) return 0;
    unsigned c = p[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    return c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF) ? 0 : len;
}

static size_t plain_prefix(struct str s)
{
    size_t i = 0;
    while (i < s.n) {
        size_t len = plain_sequence((const unsigned char *)s.p + i, s.n - i);
        if (len == 0) break;
        i += len;
    }
    return i;
}

static void check_utf8(struct str s)
{
    size_t want = plain_prefix(s);
    if (str_utf8_prefix(s) != want || str_is_utf8(s) != (want == s.n)) fail_msg("wrong for a slice that is good up to %zu", want);
}

/* All sequences of three bytes, and of four where the first is a lead of four: each in a heap block of its size. */
static void test_utf8_all_short(void **state)
{
    (void)state;
    unsigned char *p = mem_alloc(4);
    for (unsigned v = 0; v < 1u << 24; v += v < 0xC00000 ? 0x101 : 1) {
        p[0] = (unsigned char)(v >> 16);
        p[1] = (unsigned char)(v >> 8);
        p[2] = (unsigned char)v;
        p[3] = 0x80;
        check_utf8(str_make((const char *)p, 3));
        if (p[0] >= 0xF0) check_utf8(str_make((const char *)p, 4));
    }
    mem_free(p);
}

/* A bad or multi-byte character at each place around the words that are looked at eight at a time. */
static void test_utf8_at_each_place(void **state)
{
    (void)state;
    static const char *const piece[] = {"\xc3\xbc", "\xe6\x97\xa5", "\xf0\x9f\x8e\x89", "\x80", "\xff",
                                        "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\xe6\x97"};
    for (size_t k = 0; k < sizeof piece / sizeof *piece; k++)
        for (size_t before = 0; before < 20; before++)
            for (size_t after = 0; after < 20; after++) {
                size_t len = strlen(piece[k]), n = before + len + after;
                char *p = mem_alloc(n);
                memset(p, 'a', n);
                memcpy(p + before, piece[k], len);
                check_utf8(str_make(p, n));
                mem_free(p);
            }
    assert_true(str_is_utf8((struct str){0}));
}

static void test_nocase(void **state)
{
    (void)state;
    assert_true(str_eq_nocase(STR("Content-Type: AZaz"), STR("cONTENT-tYPE: azAZ")));
    assert_false(str_eq_nocase(STR("a"), STR("b")));
    assert_false(str_eq_nocase(STR("a"), STR("ab")));
    /* Neighbours of the letters are no letters. */
    assert_false(str_eq_nocase(STR("@"), STR("`")));
    assert_false(str_eq_nocase(STR("["), STR("{")));
    assert_true(str_eq_nocase((struct str){0}, STR("")));
}

static void test_hash(void **state)
{
    (void)state;
    assert_int_equal(str_hash(STR("room")), str_hash(str_make("rooms", 4)));
    assert_int_not_equal(str_hash(STR("room")), str_hash(STR("rooms")));
    assert_int_equal(str_hash((struct str){0}), str_hash(STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),        cmocka_unit_test(test_begin_and_end),      cmocka_unit_test(test_to_int64),
        cmocka_unit_test(test_utf8_all_short), cmocka_unit_test(test_utf8_at_each_place), cmocka_unit_test(test_nocase),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
