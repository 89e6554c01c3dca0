#include "store/store.h"

/* Three passes over the one declaration: count the columns, count those of the key, and describe them. */
enum {
#define TABLE(table, what) COLUMNS_##table = 0
#define KEY_STR(column, limit) +1
#define KEY_INT(column) +1
#define VAL_STR(column, limit) +1
#define VAL_INT(column) +1
#define END ,
#include "store/tables.def"
};
#undef VAL_STR
#undef VAL_INT
#undef TABLE
enum {
#define TABLE(table, what) KEYS_##table = 0
#define VAL_STR(column, limit)
#define VAL_INT(column)
#include "store/tables.def"
};
#undef TABLE
#undef KEY_STR
#undef KEY_INT
#undef VAL_STR
#undef VAL_INT
#undef END

static const struct table_info tables[T__COUNT] = {
#define TABLE(table, what) [T_##table] = {#table, what, COLUMNS_##table, KEYS_##table, {
#define KEY_STR(column, limit) {#column, CELL_STR, true, limit},
#define KEY_INT(column) {#column, CELL_INT, true, sizeof(int64_t)},
#define VAL_STR(column, limit) {#column, CELL_STR, false, limit},
#define VAL_INT(column) {#column, CELL_INT, false, sizeof(int64_t)},
#define END                                                                                                                                \
    }                                                                                                                                      \
    }                                                                                                                                      \
    ,
#include "store/tables.def"
};

#undef TABLE
#undef KEY_STR
#undef KEY_INT
#undef VAL_STR
#undef VAL_INT
#undef END

#define TABLE(table, what)                                                                                                                 \
    _Static_assert((int)COLUMNS_##table <= (int)STORE_CELLS_MAX, #table ": too many columns");                                             \
    _Static_assert((int)KEYS_##table >= 1 && (int)KEYS_##table <= (int)STORE_KEY_CELLS_MAX, #table ": no key column, or too many");
#define KEY_STR(column, limit)
#define KEY_INT(column)
#define VAL_STR(column, limit)
#define VAL_INT(column)
#define END
#include "store/tables.def"

const struct table_info *store_table(enum table t)
{
    if ((unsigned)t >= T__COUNT) abort();
    return &tables[t];
}

static enum err sum_check(const struct table_info *t, const char *what, size_t n, size_t max, struct fault *f)
{
    if (n <= max) return ERR_OK;
    return fault_set(f, ERR_TOO_LARGE, "The %s of a row of table %s would be %zu bytes; at most %zu are allowed.", what, t->name, n, max);
}

enum err store_row_check(const struct row *r, struct fault *f)
{
    if ((unsigned)r->table >= T__COUNT) return fault_set(f, ERR_INTERNAL, "There is no table of number %d.", (int)r->table);
    const struct table_info *t = &tables[r->table];
    size_t sum[2] = {0};
    for (unsigned i = 0; i < t->columns; i++) {
        const struct column *c = &t->column[i];
        size_t n = c->type == CELL_STR ? r->c[i].s.n : sizeof(int64_t);
        if (n > c->max)
            return fault_set(f, ERR_TOO_LARGE, "Column %s of table %s takes at most %zu bytes, and these are %zu.", c->name, t->name,
                             c->max, n);
        sum[c->key] += n;
    }
    enum err e = sum_check(t, "key", sum[true], STORE_KEY_MAX, f);
    return e ? e : sum_check(t, "values", sum[false], STORE_VALUE_MAX, f);
}

struct str store_str_after(struct arena *a, struct str s)
{
    return arena_join(a, s, str_make("", 1), STR(""));
}
