/* Commands as bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cluster/command.h"

static struct str encoded(struct buf *b, const struct command *c)
{
    buf_clear(b);
    command_encode(b, c);
    assert_true(buf_ok(b));
    return buf_str(b);
}

static void assert_same(struct str x, struct str y)
{
    assert_int_equal(str_null(x), str_null(y));
    assert_true(str_eq(x, y));
}

static void there_and_back(const struct command *c)
{
    struct buf b;
    struct command out;
    buf_init(&b, 1 << 20);
    assert_true(command_decode(encoded(&b, c), &out));
    assert_int_equal(out.type, c->type);
    assert_same(out.key, c->key);
    for (unsigned i = 0; i < COMMAND_INTS; i++)
        assert_int_equal(out.num[i], c->num[i]);
    for (unsigned i = 0; i < COMMAND_STRS; i++)
        assert_same(out.s[i], c->s[i]);
    buf_release(&b);
}

static void commands_come_back_as_they_were(void **state)
{
    (void)state;
    static char big[300000];
    there_and_back(&(struct command){0});
    there_and_back(&(struct command){.type = 0xFFFF, .key = STR("!room:example.org")});
    there_and_back(&(struct command){.type = 1, .key = STR("k"), .num = {INT64_MIN, INT64_MAX, -1, 1, 0, 63, -64, 64}});
    there_and_back(
        &(struct command){.type = 2, .key = STR("k"), .num = {[COMMAND_INTS - 1] = -1}, .s = {[COMMAND_STRS - 1] = STR("last")}});
    there_and_back(
        &(struct command){.type = 3, .key = STR("a\0b"), .s = {STR("\0\xff\x80"), {big, sizeof big}, {big, 127}, {big, 126}, {big, 128}}});
}

/* A null slice says that something is absent. */
static void null_is_not_empty(void **state)
{
    (void)state;
    there_and_back(&(struct command){.key = STR(""), .s = {{0}, STR(""), {0}, STR("x"), STR("")}});
    there_and_back(&(struct command){.s = {STR("")}});
}

static void what_is_cut_or_longer_is_refused(void **state)
{
    (void)state;
    struct command c = {.type = 300, .key = STR("key"), .num = {1, -70000, INT64_MIN}, .s = {STR("one"), {0}, STR("three")}}, out;
    struct buf b;
    buf_init(&b, 1 << 20);
    struct str bytes = encoded(&b, &c);
    for (size_t n = 0; n < bytes.n; n++) {
        char *cut = mem_alloc(n ? n : 1); /* of its very size, so that a sanitizer sees a read behind it */
        memcpy(cut, bytes.p, n);
        assert_false(command_decode(str_make(cut, n), &out));
        mem_free(cut);
    }
    buf_byte(&b, 0);
    assert_false(command_decode(buf_str(&b), &out));
    buf_release(&b);
}

static void what_no_encoder_made_is_refused(void **state)
{
    (void)state;
    static const struct str bad[] = {
        {"\x80\x80\x04\x00\x00\x00", 6},                                              /* type 65536 */
        {"\x01\x00\x09\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01", 13},                 /* nine numbers */
        {"\x01\x00\x00\x0d\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", 17}, /* thirteen strings */
        {"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
         "abc",
         14},                                                                 /* a string of 2^64 - 2 bytes */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x00", 15}, /* a number that does not end */
    };
    struct command out;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(command_decode(bad[i], &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_come_back_as_they_were),
        cmocka_unit_test(null_is_not_empty),
        cmocka_unit_test(what_is_cut_or_longer_is_refused),
        cmocka_unit_test(what_no_encoder_made_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
