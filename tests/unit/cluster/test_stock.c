/* What is at hand of the store, against a plain list of it: every read is answered as the store would, or not at all. */
#include "unit/cluster/fixture.h"

enum { BYTES = 60000, TABLES = 2, KEYS = 3, ORDS = 12 };
static const unsigned char cells[T__COUNT] = {[T_timeline] = 1, [T_report] = 1, [T_one_time_key] = 2};
static const enum table tables[TABLES] = {T_timeline, T_report}; /* of one shape: a name and a number */
static const struct str names[KEYS] = {{"a", 1}, {"ab", 2}, {"b", 1}};

static struct row thing(enum table table, struct str key, int64_t ord, int64_t value)
{
    struct row row = {.table = table};
    const struct table_info *info = store_table(table);
    for (unsigned i = 0; i < info->columns; i++)
        row.c[i].s = STR("");
    row.c[0].s = key;
    row.c[1].i = ord;
    row.c[table == T_timeline ? C_timeline_position : C_report_made_ms].i = value;
    return row;
}

static int64_t value_of(const struct row *row)
{
    return row->c[row->table == T_timeline ? C_timeline_position : C_report_made_ms].i;
}

static struct store_read read_of(struct arena *a, enum table table, struct str key)
{
    return (struct store_read){.table = table, .prefix = 1, .key[0].s = key, .limit = 100, .arena = a};
}

static void change(struct stock *s, struct row row, bool del)
{
    struct change c = {.del = del, .row = row};
    stock_apply(s, &c);
}

/* The range is brought in, with what is said to be in the store. */
static void bring_in(struct stock *s, struct store_read r, struct row *row, size_t count, bool more)
{
    struct store_read whole;
    assert_true(stock_whole(s, &r, &whole));
    assert_true(whole.limit >= r.limit);
    whole.row = row;
    whole.count = count;
    whole.more = more;
    stock_take(s, &whole);
}

static void only_whole_ranges_are_held(void **state)
{
    (void)state;
    struct stock *s = stock_new(cells, BYTES);
    struct arena a;
    struct store_read whole;
    arena_init(&a);
    struct store_read r = read_of(&a, T_timeline, STR("a")), none = read_of(&a, T_profile, STR("a")), all = r;
    all.prefix = 0;
    assert_false(stock_read(s, &r));
    assert_false(stock_whole(s, &none, &whole)); /* such rows are not held */
    assert_false(stock_whole(s, &all, &whole));  /* all ranges at once are none */
    change(s, thing(T_timeline, STR("a"), 1, 1), false);
    assert_false(stock_read(s, &r)); /* what else there is, is not known */
    bring_in(s, r, NULL, 0, false);
    assert_true(stock_read(s, &r));
    assert_int_equal(r.count, 0);
    assert_false(stock_whole(s, &r, &whole));
    change(s, thing(T_timeline, STR("a"), 2, 5), false);
    assert_true(stock_read(s, &r));
    assert_int_equal(r.count, 1);
    assert_int_equal(value_of(&r.row[0]), 5);
    assert_false(r.more);
    stock_free(s);
    arena_release(&a);
}

static void a_range_of_two_cells(void **state)
{
    (void)state;
    struct stock *s = stock_new(cells, BYTES);
    struct arena a;
    arena_init(&a);
    struct store_read r = {.table = T_one_time_key, .prefix = 4, .limit = 1, .arena = &a};
    struct row row[2] = {{.table = T_one_time_key}, {.table = T_one_time_key}};
    for (unsigned i = 0; i < 4; i++)
        r.key[i].s = row[0].c[i].s = row[1].c[i].s = STR("x");
    row[1].c[C_one_time_key_key_id].s = STR("y");
    row[0].c[C_one_time_key_json].s = STR("1");
    row[1].c[C_one_time_key_json].s = STR("2");
    bring_in(s, r, row, 2, false);
    r.key[3].s = STR("y");
    assert_true(stock_read(s, &r));
    assert_int_equal(r.count, 1);
    assert_true(str_is(r.row[0].c[C_one_time_key_json].s, "2"));
    r.key[3].s = STR("z");
    assert_true(stock_read(s, &r));
    assert_int_equal(r.count, 0);
    r.key[1].s = STR("another device");
    assert_false(stock_read(s, &r));
    stock_free(s);
    arena_release(&a);
}

static void what_is_too_large_is_not_held_until_it_may_be_less(void **state)
{
    (void)state;
    struct stock *s = stock_new(cells, BYTES);
    struct arena a;
    struct store_read whole;
    arena_init(&a);
    struct store_read r = read_of(&a, T_timeline, STR("a"));
    bring_in(s, r, NULL, 0, true); /* cut by the limit */
    assert_false(stock_read(s, &r));
    assert_false(stock_whole(s, &r, &whole)); /* not again each time */
    change(s, thing(T_timeline, STR("a"), 1, 1), true);
    bring_in(s, r, NULL, 0, false);
    assert_true(stock_read(s, &r));
    struct row large = thing(T_timeline, STR("a"), 1, 1);
    large.c[C_timeline_json].s = str_make(arena_zero(&a, BYTES / 2), BYTES / 2);
    change(s, large, false);
    assert_false(stock_read(s, &r));
    assert_true(stock_bytes(s) < 1000);
    stock_free(s);
    arena_release(&a);
}

static void it_has_a_bound_and_what_is_in_use_stays(void **state)
{
    (void)state;
    struct stock *s = stock_new(cells, BYTES);
    struct arena a;
    arena_init(&a);
    struct str filler = str_make(arena_zero(&a, BYTES / 20), BYTES / 20);
    struct store_read first = read_of(&a, T_timeline, STR("first"));
    bring_in(s, first, NULL, 0, false);
    for (unsigned i = 0; i < 100; i++) {
        struct row row = thing(T_timeline, arena_printf(&a, "k%u", i), 1, i);
        row.c[C_timeline_json].s = filler;
        struct store_read r = read_of(&a, T_timeline, row.c[0].s);
        bring_in(s, r, &row, 1, false);
        assert_true(stock_read(s, &r));
        assert_true(stock_read(s, &first)); /* since it is read now and then */
        assert_true(stock_bytes(s) <= BYTES);
    }
    struct store_read old = read_of(&a, T_timeline, STR("k1")), fresh = read_of(&a, T_timeline, STR("k99"));
    assert_false(stock_read(s, &old));
    assert_true(stock_read(s, &fresh));
    stock_free(s);
    arena_release(&a);
    stock_free(NULL);
}

/* --- against a list --- */

struct model {
    int64_t value[TABLES][KEYS][ORDS]; /* 0: there is none */
};

static size_t rows_of(const struct model *m, unsigned table, unsigned key, struct row *out)
{
    size_t n = 0;
    for (unsigned ord = 0; ord < ORDS; ord++)
        if (m->value[table][key][ord]) out[n++] = thing(tables[table], names[key], ord, m->value[table][key][ord]);
    return n;
}

static void read_and_compare(struct stock *s, const struct model *m)
{
    unsigned table = dice(TABLES), key = dice(KEYS);
    struct arena a;
    struct row all[ORDS], want[ORDS];
    arena_init(&a);
    struct store_read r = read_of(&a, tables[table], names[key]);
    r.prefix = 1 + dice(2);
    r.key[1].i = dice(ORDS);
    r.reverse = dice(2);
    r.limit = 1 + dice(ORDS);
    r.has_from = r.prefix < 2 && dice(2);
    r.has_to = r.prefix < 2 && dice(2);
    r.from.i = dice(ORDS);
    r.to.i = dice(ORDS);
    size_t count = rows_of(m, table, key, all), n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &all[r.reverse ? count - 1 - i : i];
        if (overlay_is_asked(&r, row)) want[n++] = *row;
    }
    if (!stock_read(s, &r)) bring_in(s, r, all, count, false);
    assert_true(stock_read(s, &r));
    assert_int_equal(r.count, n < r.limit ? n : r.limit);
    assert_int_equal(r.more, n > r.limit);
    for (size_t i = 0; i < r.count; i++) {
        assert_int_equal(overlay_key_cmp(r.table, &r.row[i], &want[i]), 0);
        assert_int_equal(value_of(&r.row[i]), value_of(&want[i]));
    }
    arena_release(&a);
}

static void random_changes_against_a_list(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed < 20; seed++) {
        dice_state = seed;
        struct stock *s = stock_new(cells, 8000); /* ranges come and go */
        struct model m = {0};
        for (int64_t step = 1; step < 600; step++) {
            unsigned table = dice(TABLES), key = dice(KEYS), ord = dice(ORDS);
            bool del = dice(3) == 0;
            m.value[table][key][ord] = del ? 0 : step;
            change(s, thing(tables[table], names[key], ord, step), del);
            read_and_compare(s, &m);
        }
        stock_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_whole_ranges_are_held),
        cmocka_unit_test(a_range_of_two_cells),
        cmocka_unit_test(what_is_too_large_is_not_held_until_it_may_be_less),
        cmocka_unit_test(it_has_a_bound_and_what_is_in_use_stays),
        cmocka_unit_test(random_changes_against_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
