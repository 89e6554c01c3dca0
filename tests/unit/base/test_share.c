/* Texts that many have alike: the same bytes while they are recent, and never another text's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/share.h"

static void alike_are_one(void **state)
{
    (void)state;
    struct share s = {0};
    char copy[] = "text";
    struct bytes *a = share_text(&s, STR("text")), *b = share_text(&s, str_make(copy, 4));
    assert_ptr_equal(a, b);
    copy[0] = 'n';
    assert_true(str_is(bytes_str(a), "text"));
    bytes_unref(a);
    assert_true(str_is(bytes_str(b), "text"));
    bytes_unref(b);
    share_release(&s);
}

static void empty_texts(void **state)
{
    (void)state;
    struct share s = {0};
    struct bytes *a = share_text(&s, STR("")), *b = share_text(&s, (struct str){0});
    assert_int_equal(bytes_str(a).n, 0);
    assert_int_equal(bytes_str(b).n, 0);
    bytes_unref(a);
    bytes_unref(b);
    share_release(&s);
}

/* More texts than places: each is right, and what was pushed out lives as long as its holders, also after the end. */
static void many(void **state)
{
    (void)state;
    enum { MANY = 20 * SHARE_RECENT };
    struct share s = {0};
    struct bytes *held[MANY];
    char text[32];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            int n = snprintf(text, sizeof text, "text %d", i);
            held[i] = share_text(&s, str_make(text, (size_t)n));
        }
        share_release(&s);
        for (int i = 0; i < MANY; i++) {
            snprintf(text, sizeof text, "text %d", i);
            assert_true(str_is(bytes_str(held[i]), text));
            bytes_unref(held[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alike_are_one),
        cmocka_unit_test(empty_texts),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
