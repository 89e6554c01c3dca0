/* Rows that the store does not show yet, against a plain list of them. */
#include "unit/cluster/fixture.h"

#include "cluster/overlay.h"

static struct change thing(enum table table, struct str key, int64_t ord, bool del)
{
    struct change c = {.del = del, .row.table = table};
    c.row.c[0].s = key;
    c.row.c[1].i = ord;
    return c;
}

static void a_row_is_dropped_by_its_own_record_or_a_later_one(void **state)
{
    (void)state;
    struct overlay *o = overlay_new();
    struct change first = thing(T_timeline, STR("a"), 1, false), second = thing(T_timeline, STR("a"), 1, true);
    assert_true(overlay_is_empty(o));
    overlay_put(o, &first, 10);
    overlay_drop(o, &first, 9); /* a record that came before */
    assert_false(overlay_is_empty(o));
    overlay_put(o, &second, 12);
    overlay_drop(o, &first, 11); /* its row has been replaced */
    assert_false(overlay_is_empty(o));
    overlay_drop(o, &second, 12);
    assert_true(overlay_is_empty(o));
    overlay_drop(o, &second, 12); /* harmless */
    overlay_free(o);
    overlay_free(NULL);
}

static void what_replaces_a_row_is_what_is_found(void **state)
{
    (void)state;
    struct overlay *o = overlay_new();
    struct arena a;
    arena_init(&a);
    struct change put = thing(T_timeline, STR("a"), 1, false), gone = thing(T_timeline, STR("a"), 1, true);
    struct store_read r = {.table = T_timeline, .prefix = 2, .key = {cell_str(STR("a")), cell_int(1)}};
    const struct change **found;
    overlay_put(o, &put, 1);
    overlay_put(o, &gone, 2);
    assert_int_equal(overlay_collect(o, &r, &a, &found), 1);
    assert_true(found[0]->del);
    overlay_put(o, &put, 3);
    assert_int_equal(overlay_collect(o, &r, &a, &found), 1);
    assert_false(found[0]->del);
    arena_release(&a);
    overlay_free(o);
}

static void keys_are_ordered_as_in_the_store(void **state)
{
    (void)state;
    struct row x = thing(T_timeline, STR("a"), -1, false).row, y = thing(T_timeline, STR("a"), 1, false).row;
    struct row longer = thing(T_timeline, STR("ab"), -5, false).row, high = thing(T_timeline, STR("\xff"), 0, false).row;
    assert_true(overlay_key_cmp(T_timeline, &x, &y) < 0);
    assert_true(overlay_key_cmp(T_timeline, &y, &longer) < 0);
    assert_true(overlay_key_cmp(T_timeline, &longer, &high) < 0);
    y.c[1].i = -1;
    y.c[4].s = STR("value cells do not count");
    assert_int_equal(overlay_key_cmp(T_timeline, &x, &y), 0);
}

/* --- against a list --- */

enum { TABLES = 2, KEYS = 3, ORDS = 12 };
static const enum table tables[TABLES] = {T_timeline, T_report}; /* of one shape: a name and a number */
static const struct str names[KEYS] = {{"a", 1}, {"ab", 2}, {"b", 1}};

struct model {
    struct {
        bool there, del;
        int64_t position;
    } cell[TABLES][KEYS][ORDS];
};

static bool asked(const struct store_read *r, unsigned key, int64_t ord)
{
    if (r->prefix == 0) {
        if (r->has_from && str_cmp(names[key], r->from.s) < 0) return false;
        return !r->has_to || str_cmp(names[key], r->to.s) < 0;
    }
    if (!str_eq(names[key], r->key[0].s)) return false;
    if (r->prefix == 2) return ord == r->key[1].i;
    return (!r->has_from || ord >= r->from.i) && (!r->has_to || ord < r->to.i);
}

static void collect_and_compare(const struct overlay *o, const struct model *m)
{
    unsigned table = dice(TABLES);
    struct store_read r = {.table = tables[table], .prefix = dice(3), .reverse = dice(2)};
    r.key[0].s = names[dice(KEYS)];
    r.key[1].i = dice(ORDS);
    r.has_from = r.prefix < 2 && dice(2);
    r.has_to = r.prefix < 2 && dice(2);
    r.from = r.prefix ? cell_int(dice(ORDS)) : cell_str(names[dice(KEYS)]);
    r.to = r.prefix ? cell_int(dice(ORDS)) : cell_str(names[dice(KEYS)]);
    struct arena a;
    arena_init(&a);
    const struct change **found = NULL;
    size_t n = overlay_collect(o, &r, &a, &found), at = 0;
    for (unsigned i = 0; i < KEYS * ORDS; i++) {
        unsigned place = r.reverse ? KEYS * ORDS - 1 - i : i, key = place / ORDS, ord = place % ORDS;
        if (!m->cell[table][key][ord].there || !asked(&r, key, ord)) continue;
        assert_true(at < n);
        assert_string_equal(found[at]->row.c[0].s.p, names[key].p);
        assert_int_equal(found[at]->row.c[1].i, ord);
        assert_int_equal(found[at]->del, m->cell[table][key][ord].del);
        at++;
    }
    assert_int_equal(at, n);
    arena_release(&a);
}

static void random_rows_against_a_list(void **state)
{
    (void)state;
    for (dice_state = 1; dice_state < 20; dice_state++) {
        uint64_t seed = dice_state;
        struct overlay *o = overlay_new();
        struct model m = {0};
        for (int64_t position = 1; position < 400; position++) {
            unsigned table = dice(TABLES), key = dice(KEYS), ord = dice(ORDS);
            struct change c = thing(tables[table], names[key], ord, dice(2));
            if (dice(3)) {
                overlay_put(o, &c, position);
                m.cell[table][key][ord].there = true;
                m.cell[table][key][ord].del = c.del;
                m.cell[table][key][ord].position = position;
            } else {
                int64_t upto = position - dice(100);
                overlay_drop(o, &c, upto);
                if (m.cell[table][key][ord].position <= upto) m.cell[table][key][ord].there = false;
            }
            collect_and_compare(o, &m);
        }
        overlay_free(o);
        dice_state = seed;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_dropped_by_its_own_record_or_a_later_one),
        cmocka_unit_test(what_replaces_a_row_is_what_is_found),
        cmocka_unit_test(keys_are_ordered_as_in_the_store),
        cmocka_unit_test(random_rows_against_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
