#include "engine/media/content.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

#define SAYS(got, want) assert_string_equal(arena_cstr(&arena, got), want)

static void types(void **state)
{
    (void)state;
    static const char *const same[] = {"image/png",
                                       "IMAGE/PNG",
                                       "text/plain; charset=utf-8",
                                       "text/plain;charset=\"utf 8\"",
                                       "a/b",
                                       "application/vnd.x+json; a=b;c=\"d\\\"e\"; f=g",
                                       "text/plain ; x=y"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        SAYS(content_type_clean(&arena, str_c(same[i])), same[i]);
    static const char *const given_and_clean[][2] = {
        {"", "application/octet-stream"},
        {"png", "application/octet-stream"},
        {"image/", "application/octet-stream"},
        {"/png", "application/octet-stream"},
        {"image/png/x", "application/octet-stream"},
        {"image/p\r\nX: y", "application/octet-stream"},
        {"image/png\r\nSet-Cookie: a=b", "application/octet-stream"},
        {"image/png, text/html", "application/octet-stream"},
        {"im age/png", "application/octet-stream"},
        {"im\xc3\xa4ge/png", "application/octet-stream"},
        {"  image/png\t", "image/png"},
        {"image/png;", "image/png"},
        {"image/png; x", "image/png"},
        {"image/png; x=\"y", "image/png"},
        {"image/png; x=\"\r\n\"", "image/png"},
        {"image/png; x=\xff", "image/png"},
        {"image/png x", "image/png"},
    };
    for (size_t i = 0; i < sizeof given_and_clean / sizeof given_and_clean[0]; i++)
        SAYS(content_type_clean(&arena, str_c(given_and_clean[i][0])), given_and_clean[i][1]);
    SAYS(content_type_clean(&arena, (struct str){0}), "application/octet-stream");
    SAYS(content_type_clean(&arena, str_make("image/png\0x", 11)), "application/octet-stream");
    struct str parameter = arena_printf(&arena, "a/b; c=%0300d", 1), type = arena_printf(&arena, "a/%0300d", 1);
    SAYS(content_type_clean(&arena, parameter), "a/b");
    SAYS(content_type_clean(&arena, type), "application/octet-stream");
}

static void inline_types(void **state)
{
    (void)state;
    assert_true(content_type_is_inline(STR("image/png")));
    assert_true(content_type_is_inline(STR("Image/JPEG; q=1")));
    assert_true(content_type_is_inline(STR("text/plain;charset=utf-8")));
    assert_true(content_type_is_inline(STR("audio/x-flac")));
    assert_false(content_type_is_inline(STR("text/html")));
    assert_false(content_type_is_inline(STR("image/svg+xml")));
    assert_false(content_type_is_inline(STR("image/pngx")));
    assert_false(content_type_is_inline(STR("image/pn")));
    assert_false(content_type_is_inline(STR("application/pdf")));
    assert_false(content_type_is_inline(STR("")));
    assert_false(content_type_is_inline((struct str){0}));
}

static void dispositions(void **state)
{
    (void)state;
    struct str png = STR("image/png"), html = STR("text/html");
    SAYS(content_disposition(&arena, png, STR("")), "inline");
    SAYS(content_disposition(&arena, html, (struct str){0}), "attachment");
    SAYS(content_disposition(&arena, html, STR("a.html")), "attachment; filename=\"a.html\"");
    SAYS(content_disposition(&arena, png, STR("two words;x=y.png")), "inline; filename=\"two words;x=y.png\"");
    SAYS(content_disposition(&arena, png, STR("a\"b\\c%41.png")), "inline; filename=\"a_b_c_41.png\"; filename*=UTF-8''a%22b%5Cc%2541.png");
    SAYS(content_disposition(&arena, png, STR("../../x")), "inline; filename=\".._.._x\"; filename*=UTF-8''..%2F..%2Fx");
    SAYS(content_disposition(&arena, png,
                             STR("Stra\xc3\x9f"
                                 "e\xe2\x82\xac.png")),
         "inline; filename=\"Stra_e_.png\"; filename*=UTF-8''Stra%C3%9Fe%E2%82%AC.png");
    SAYS(content_disposition(&arena, png, STR("a\r\nSet-Cookie: b")),
         "inline; filename=\"a__Set-Cookie: b\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b");
    SAYS(content_disposition(&arena, png, STR("it's (1)*.png")), "inline; filename=\"it's (1)*.png\"");
    SAYS(content_disposition(&arena, png, STR("it's\xc3\xa4*")), "inline; filename=\"it's_*\"; filename*=UTF-8''it%27s%C3%A4%2A");
    /* Not UTF-8: a charset must not be claimed. */
    SAYS(content_disposition(&arena, png,
                             STR("a\xff"
                                 "b")),
         "inline; filename=\"a_b\"");
    SAYS(content_disposition(&arena, png, str_make("a\0b", 3)), "inline; filename=\"a_b\"; filename*=UTF-8''a%00b");
}

static void long_names(void **state)
{
    (void)state;
    enum { N = 5000 };
    char name[N];
    for (size_t i = 0; i < N; i += 2)
        memcpy(name + i, "\xc3\xa4", 2);
    /* Cut between characters, at 1024 bytes and, shifted by one, at 1023. */
    for (size_t shift = 0; shift < 2; shift++) {
        struct str given = shift ? arena_join(&arena, STR("x"), str_make(name, N), STR("")) : str_make(name, N);
        struct str s = content_disposition(&arena, STR("image/png"), given);
        size_t chars = shift ? 511 : 512;
        assert_int_equal(s.n, strlen("inline; filename=\"\"; filename*=UTF-8''") + chars * 7 + shift * 2);
        assert_true(str_ends(s, STR("%C3%A4")));
    }
}

static void range(const char *header, uint64_t size, enum range_answer answer, uint64_t first, uint64_t count)
{
    struct content_range r;
    assert_int_equal(content_range_parse(str_c(header), size, &r), answer);
    if (answer == RANGE_UNSATISFIABLE) return;
    assert_int_equal(r.first, first);
    assert_int_equal(r.count, count);
}

static void ranges(void **state)
{
    (void)state;
    range(NULL, 100, RANGE_WHOLE, 0, 100);
    range("bytes=0-49", 100, RANGE_PART, 0, 50);
    range("Bytes=0-0", 100, RANGE_PART, 0, 1);
    range("bytes= 10-19 ", 100, RANGE_PART, 10, 10);
    range("bytes=10-", 100, RANGE_PART, 10, 90);
    range("bytes=0-", 100, RANGE_PART, 0, 100);
    range("bytes=99-1000", 100, RANGE_PART, 99, 1);
    range("bytes=-10", 100, RANGE_PART, 90, 10);
    range("bytes=-1000", 100, RANGE_PART, 0, 100);
    range("bytes=5-99999999999999999999999999", 100, RANGE_PART, 5, 95);
    range("bytes=-18446744073709551616", 100, RANGE_PART, 0, 100);
    range("bytes=0-18446744073709551615", UINT64_MAX, RANGE_PART, 0, UINT64_MAX);
    range("bytes=100-", 100, RANGE_UNSATISFIABLE, 0, 0);
    range("bytes=100-200", 100, RANGE_UNSATISFIABLE, 0, 0);
    range("bytes=99999999999999999999999999-", 100, RANGE_UNSATISFIABLE, 0, 0);
    range("bytes=-0", 100, RANGE_UNSATISFIABLE, 0, 0);
    range("bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0);
    range("bytes=-5", 0, RANGE_WHOLE, 0, 0);
    static const char *const ignored[] = {"",          "bytes",      "bytes=",    "bytes=-",     "bytes=5-4",  "bytes=0-1,5-6",
                                          "bytes=a-b", "bytes=0-1x", "items=0-1", "bytes 0-1",   "bytes=+1-2", "bytes=0 - 1",
                                          "bytes=--1", "0-1",        "bytes=1",   "bytes=0x1-2", "=0-1",       "bytes=1-2-3",
                                          "bytes=-5,", "bytes==0-1"};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        range(ignored[i], 100, RANGE_WHOLE, 0, 100);
}

static void range_headers(void **state)
{
    (void)state;
    SAYS(content_range_header(&arena, &(struct content_range){10, 20}, 100), "bytes 10-29/100");
    SAYS(content_range_header(&arena, &(struct content_range){0, 1}, 1), "bytes 0-0/1");
    SAYS(content_range_header(&arena, NULL, 100), "bytes */100");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(types, set_up, tear_down),
        cmocka_unit_test(inline_types),
        cmocka_unit_test_setup_teardown(dispositions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_names, set_up, tear_down),
        cmocka_unit_test(ranges),
        cmocka_unit_test_setup_teardown(range_headers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
