#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/key.h"

static uint64_t next_random(uint64_t *seed)
{
    return *seed = *seed * 6364136223846793005u + 1442695040888963407u, *seed >> 33;
}

static struct row room_row(struct str room, int64_t ord)
{
    return (struct row){.table = T_timeline, .c = {cell_str(room), cell_int(ord)}};
}

static struct key key_of(unsigned slot, const struct row *r)
{
    struct key k;
    assert_true(key_encode(&k, slot, r->table, r->c, store_table(r->table)->keys));
    return k;
}

static void the_bytes_are_these(void **state)
{
    (void)state;
    struct row r = room_row(STR("a\0b"), -1);
    struct key k = key_of(7, &r);
    static const unsigned char want[] = {7, T_timeline, 'a', 0, 0xFF, 'b', 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    assert_int_equal(k.n, sizeof want);
    assert_memory_equal(k.b, want, sizeof want);
    assert_int_equal(key_prefix(key_str(&k)), 8);
}

/* Short strings of few different bytes: ties, prefixes and escapes are frequent. */
static struct str random_str(uint64_t *seed, char *bytes, size_t max)
{
    static const char some[] = {0, 0, 1, 'a', 'b', (char)0xFE, (char)0xFF, (char)0xFF};
    size_t n = next_random(seed) % (max + 1);
    for (size_t i = 0; i < n; i++)
        bytes[i] = some[next_random(seed) % sizeof some];
    return str_make(bytes, n);
}

static int64_t random_int(uint64_t *seed)
{
    static const int64_t some[] = {INT64_MIN, INT64_MIN + 1, -256, -1, 0, 1, 255, 256, INT64_MAX};
    return some[next_random(seed) % (sizeof some / sizeof *some)];
}

static struct row random_row(uint64_t *seed, char *bytes)
{
    static const enum table tables[] = {T_state_log, T_letter_out, T_to_device, T_profile};
    struct row r = {.table = tables[next_random(seed) % 4]};
    const struct table_info *t = store_table(r.table);
    for (unsigned i = 0; i < t->columns; i++) {
        if (t->column[i].type == CELL_STR)
            r.c[i].s = random_str(seed, bytes + 16 * i, 5);
        else
            r.c[i].i = random_int(seed);
    }
    return r;
}

static int cell_order(enum cell_type type, const struct cell *a, const struct cell *b)
{
    if (type == CELL_STR) return str_cmp(a->s, b->s);
    return (a->i > b->i) - (a->i < b->i);
}

static int row_order(const struct row *a, const struct row *b)
{
    if (a->table != b->table) return a->table < b->table ? -1 : 1;
    const struct table_info *t = store_table(a->table);
    int c = 0;
    for (unsigned i = 0; i < t->keys && !c; i++)
        c = cell_order(t->column[i].type, &a->c[i], &b->c[i]);
    return c;
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void bytes_are_in_the_order_of_rows(void **state)
{
    (void)state;
    uint64_t seed = 1;
    char one[16 * STORE_CELLS_MAX], two[16 * STORE_CELLS_MAX];
    for (int i = 0; i < 200000; i++) {
        struct row a = random_row(&seed, one), b = random_row(&seed, two);
        struct key ka = key_of(1, &a), kb = key_of(1, &b);
        assert_int_equal(sign(str_cmp(key_str(&ka), key_str(&kb))), sign(row_order(&a, &b)));
    }
}

static void rows_come_back(void **state)
{
    (void)state;
    uint64_t seed = 2;
    char in[16 * STORE_CELLS_MAX], out[KEY_BYTES_MAX];
    struct buf value;
    buf_init(&value, VALUE_BYTES_MAX);
    for (int i = 0; i < 50000; i++) {
        struct row a = random_row(&seed, in), b = {0};
        struct key k = key_of(63, &a);
        buf_clear(&value);
        value_encode(&value, &a);
        assert_true(key_decode(key_str(&k), 63, a.table, out, &b));
        assert_true(value_decode(buf_str(&value), &b));
        assert_int_equal(a.table, b.table);
        const struct table_info *t = store_table(a.table);
        for (unsigned c = 0; c < t->columns; c++)
            assert_int_equal(cell_order(t->column[c].type, &a.c[c], &b.c[c]), 0);
        assert_false(key_decode(key_str(&k), 62, a.table, out, &b));
        assert_false(key_decode(str_first(key_str(&k), k.n - 1), 63, a.table, out, &b));
    }
    buf_release(&value);
}

static void after_a_prefix_comes_the_next(void **state)
{
    (void)state;
    struct key k = {.n = 3, .b = {1, 2, 3}};
    key_after(&k);
    assert_int_equal(k.n, 3);
    assert_int_equal(k.b[2], 4);
    k = (struct key){.n = 3, .b = {1, 0xFF, 0xFF}};
    key_after(&k);
    assert_int_equal(k.n, 1);
    assert_int_equal(k.b[0], 2);
    k = (struct key){.n = 2, .b = {0xFF, 0xFF}};
    key_after(&k);
    assert_true(k.n > 2);
}

static void damaged_keys_are_refused(void **state)
{
    (void)state;
    struct row r;
    char out[64];
    assert_false(key_decode(STR(""), 0, T_timeline, out, &r));
    assert_false(key_decode(STR("\1"), 1, T_timeline, out, &r));
    static const struct str bad[] = {STR("abc"),
                                     STR("abc\0"),
                                     STR("abc\0\1\0\0"
                                         "12345678"),
                                     STR("abc\0\0"
                                         "1234567"),
                                     STR("abc\0\0"
                                         "123456789"),
                                     STR("\0\xFF")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char key[64] = {1, (char)T_timeline};
        memcpy(key + 2, bad[i].p, bad[i].n);
        assert_false(key_decode(str_make(key, bad[i].n + 2), 1, T_timeline, out, &r));
    }
}

static void values_of_older_and_newer_tables(void **state)
{
    (void)state;
    struct row r = {.table = T_timeline};
    assert_true(value_decode(STR(""), &r)); /* no cells at all */
    assert_int_equal(r.c[C_timeline_position].i, 0);
    assert_int_equal(r.c[C_timeline_json].s.n, 0);
    assert_true(value_decode(STR("\x03\x02$e"), &r)); /* the first two */
    assert_int_equal(r.c[C_timeline_position].i, -2);
    assert_true(str_is(r.c[C_timeline_event_id].s, "$e"));
    assert_int_equal(r.c[C_timeline_fed].s.n, 0);
    r.table = T_event_id;
    assert_true(value_decode(STR("\x04more"), &r)); /* a column that is not known here */
    assert_int_equal(r.c[C_event_id_ord].i, 2);
    r.table = T_timeline;
    assert_false(value_decode(STR("\x03\x05$e"), &r));
    assert_false(value_decode(STR("\xFF\xFF"), &r));
    assert_false(value_decode(STR("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"), &r));
    assert_false(value_decode(STR("\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"), &r));
}

static void a_row_too_long_is_named(void **state)
{
    (void)state;
    char *big = mem_zero(131073);
    struct fault f = {0};
    struct row r = room_row(str_make(big, 256), 1);
    assert_int_equal(store_row_check(&r, &f), ERR_TOO_LARGE);
    assert_string_equal(f.text, "Column room_id of table timeline takes at most 255 bytes, and these are 256.");
    r = room_row(str_make(big, 255), 1);
    assert_int_equal(store_row_check(&r, &f), ERR_OK);
    r.c[C_timeline_json].s = str_make(big, 131073);
    assert_int_equal(store_row_check(&r, &f), ERR_TOO_LARGE);
    assert_non_null(strstr(f.text, "json"));
    r.c[C_timeline_json].s.n--;
    assert_int_equal(store_row_check(&r, NULL), ERR_OK);
    mem_free(big);
}

static void every_table_is_described(void **state)
{
    (void)state;
    for (unsigned t = 0; t < T__COUNT; t++) {
        const struct table_info *i = store_table((enum table)t);
        size_t key = 0, value = 0;
        assert_true(i->name && i->purpose && i->keys && i->keys <= i->columns);
        for (unsigned c = 0; c < i->columns; c++) {
            assert_non_null(i->column[c].name);
            assert_int_equal(i->column[c].key, c < i->keys);
            *(i->column[c].key ? &key : &value) += i->column[c].max;
        }
        assert_true(key <= STORE_KEY_MAX); /* else a row could keep each limit and still be refused */
        assert_true(value <= STORE_VALUE_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_these),      cmocka_unit_test(bytes_are_in_the_order_of_rows),
        cmocka_unit_test(rows_come_back),           cmocka_unit_test(after_a_prefix_comes_the_next),
        cmocka_unit_test(damaged_keys_are_refused), cmocka_unit_test(values_of_older_and_newer_tables),
        cmocka_unit_test(a_row_too_long_is_named),  cmocka_unit_test(every_table_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
