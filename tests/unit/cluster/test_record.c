/* Records as bytes, and which of those in a queue count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include "cluster/record.h"

static const struct record_head usual = {.format = RECORD_FORMAT,
                                         .kind = RECORD_ROWS,
                                         .slot = 63,
                                         .opener = UINT64_MAX - 7,
                                         .epoch = 12,
                                         .began = 900,
                                         .predecessor = 1000,
                                         .position = 1002,
                                         .returned = 998};

static bool read_all(struct arena *a, struct str bytes, struct record_head *h, struct change **change, size_t *changes)
{
    struct str body;
    return record_decode_head(bytes, h, &body) && record_decode_rows(body, a, change, changes);
}

static void same_head(const struct record_head *x, const struct record_head *y)
{
    assert_int_equal(x->format, y->format);
    assert_int_equal(x->kind, y->kind);
    assert_int_equal(x->slot, y->slot);
    assert_true(x->opener == y->opener);
    assert_int_equal(x->epoch, y->epoch);
    assert_int_equal(x->began, y->began);
    assert_int_equal(x->predecessor, y->predecessor);
    assert_int_equal(x->position, y->position);
    assert_int_equal(x->returned, y->returned);
}

static void same_row(const struct change *x, const struct change *y)
{
    const struct table_info *t = store_table(x->row.table);
    assert_int_equal(x->row.table, y->row.table);
    assert_int_equal(x->del, y->del);
    for (unsigned i = 0; i < (x->del ? t->keys : t->columns); i++) {
        if (t->column[i].type == CELL_INT)
            assert_int_equal(x->row.c[i].i, y->row.c[i].i);
        else
            assert_true(str_eq(x->row.c[i].s, y->row.c[i].s));
    }
}

/* A row of this table with strings of so many bytes (as far as the column takes them), none of them kind. */
static struct change row_of(enum table table, const char *bytes, size_t n, int64_t number, bool del)
{
    struct change c = {.del = del, .row.table = table};
    const struct table_info *t = store_table(table);
    for (unsigned i = 0; i < t->columns; i++) {
        c.row.c[i].i = number + i;
        if (t->column[i].type == CELL_STR) c.row.c[i].s = str_make(bytes + i, n < t->column[i].max ? n : t->column[i].max);
    }
    return c;
}

static void rows_of_every_table_come_back(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0, -1, 1, INT64_MIN, INT64_MAX - STORE_CELLS_MAX};
    static const size_t sizes[] = {0, 1, 255};
    char bytes[300];
    struct change sent[T__COUNT * 2], *got;
    size_t count;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(255 - i);
    for (size_t k = 0; k < 15; k++) {
        struct arena a;
        struct buf b;
        struct record_head h;
        arena_init(&a);
        buf_init(&b, 1 << 22);
        for (unsigned t = 0; t < T__COUNT; t++) {
            sent[2 * t] = row_of((enum table)t, bytes, sizes[k % 3], numbers[k / 3], false);
            sent[2 * t + 1] = row_of((enum table)t, bytes, sizes[k % 3], numbers[k / 3], true);
        }
        record_encode(&b, &usual, sent, T__COUNT * 2);
        assert_true(read_all(&a, buf_str(&b), &h, &got, &count));
        same_head(&usual, &h);
        assert_int_equal(count, T__COUNT * 2);
        for (size_t i = 0; i < count; i++)
            same_row(&sent[i], &got[i]);
        buf_release(&b);
        arena_release(&a);
    }
}

static void encode(struct buf *b, const struct record_head *h, const struct change *change, size_t changes)
{
    buf_clear(b);
    record_encode(b, h, change, changes);
    assert_true(buf_ok(b));
}

static void what_is_cut_or_longer_is_refused(void **state)
{
    (void)state;
    struct arena a;
    struct buf b;
    struct record_head h;
    struct change sent = row_of(T_timeline, "0123456789abcdef", 6, 77, false), *got;
    size_t count;
    arena_init(&a);
    buf_init(&b, 1 << 20);
    encode(&b, &usual, &sent, 1);
    for (size_t n = 0; n < b.n; n++)
        assert_false(read_all(&a, str_first(buf_str(&b), n), &h, &got, &count));
    assert_true(read_all(&a, buf_str(&b), &h, &got, &count));
    buf_byte(&b, 0);
    assert_false(read_all(&a, buf_str(&b), &h, &got, &count));
    buf_release(&b);
    arena_release(&a);
}

static bool head_is_read(struct record_head h)
{
    struct buf b;
    struct str body;
    struct record_head got;
    buf_init(&b, 1024);
    record_encode(&b, &h, NULL, 0);
    bool ok = record_decode_head(buf_str(&b), &got, &body);
    buf_release(&b);
    return ok;
}

static void heads_that_cannot_be_are_refused(void **state)
{
    (void)state;
    assert_true(head_is_read(usual));
    struct record_head h = usual;
    h.format = RECORD_FORMAT + 1; /* of a newer program */
    assert_false(head_is_read(h));
    h.format = 0;
    assert_false(head_is_read(h));
    h = usual, h.kind = RECORD_KINDS;
    assert_false(head_is_read(h));
    h = usual, h.slot = STORE_SLOTS;
    assert_false(head_is_read(h));
    h = usual, h.position = h.predecessor; /* positions only grow */
    assert_false(head_is_read(h));
    h.kind = RECORD_BEAT;
    assert_true(head_is_read(h));
    h.position++;
    assert_false(head_is_read(h));
    h = usual, h.epoch = -1;
    assert_false(head_is_read(h));
    h = usual, h.predecessor = -5;
    assert_false(head_is_read(h));
}

static bool rows_are_read(const struct change *c, size_t n)
{
    struct buf b;
    struct arena a;
    struct record_head h;
    struct change *got;
    size_t count;
    buf_init(&b, (size_t)1 << 26);
    arena_init(&a);
    record_encode(&b, &usual, c, n);
    bool ok = read_all(&a, buf_str(&b), &h, &got, &count);
    buf_release(&b);
    arena_release(&a);
    return ok;
}

static void rows_beyond_their_limits_are_refused(void **state)
{
    (void)state;
    char *big = mem_zero(300000);
    struct change c = row_of(T_timeline, big, 10, 1, false);
    assert_true(rows_are_read(&c, 1));
    c.row.c[C_timeline_json].s = str_make(big, 131073);
    assert_false(rows_are_read(&c, 1));
    c.del = true; /* of a deletion only the key counts */
    assert_true(rows_are_read(&c, 1));
    c.row.c[C_timeline_room_id].s = str_make(big, 256);
    assert_false(rows_are_read(&c, 1));
    struct change *many = mem_zero((RECORD_CHANGES_MAX + 1) * sizeof *many);
    for (size_t i = 0; i <= RECORD_CHANGES_MAX; i++)
        many[i] = (struct change){.del = true, .row = {.table = T_letter_out, .c[1].i = (int64_t)i}};
    assert_true(rows_are_read(many, RECORD_CHANGES_MAX));
    assert_false(rows_are_read(many, RECORD_CHANGES_MAX + 1));
    mem_free(many);
    mem_free(big);
}

/* A program that knew fewer columns wrote it: those that came later are empty. */
static void columns_that_came_later_are_empty(void **state)
{
    (void)state;
    struct buf b;
    struct arena a;
    struct record_head h;
    struct str body;
    struct change *got;
    size_t count;
    buf_init(&b, 4096);
    arena_init(&a);
    record_encode(&b, &usual, NULL, 0);
    assert_true(record_decode_head(buf_str(&b), &h, &body));
    static const char rows[] = {1, T_profile, 2 << 1, 2, '@', 'u', 1, 'f'};
    assert_true(record_decode_rows(str_make(rows, sizeof rows), &a, &got, &count));
    assert_int_equal(count, 1);
    assert_true(str_is(got->row.c[C_profile_user_id].s, "@u"));
    assert_int_equal(got->row.c[C_profile_json].s.n, 0);
    static const char key_cut[] = {1, T_profile, 1 << 1, 2, '@', 'u'};
    assert_false(record_decode_rows(str_make(key_cut, sizeof key_cut), &a, &got, &count));
    static const char more[] = {1, T_profile, 4 << 1, 2, '@', 'u', 1, 'f', 0, 0};
    assert_false(record_decode_rows(str_make(more, sizeof more), &a, &got, &count));
    static const char no_table[] = {1, T__COUNT, 0};
    assert_false(record_decode_rows(str_make(no_table, sizeof no_table), &a, &got, &count));
    buf_release(&b);
    arena_release(&a);
}

/* --- verdicts --- */

struct kase {
    enum record_kind kind;
    int64_t epoch, predecessor, position, returned;
    enum verdict verdict;
};

/* The reader stands at position 100 in epoch 5. */
static const struct kase kases[] = {
    {RECORD_ROWS, 5, 100, 101, 90, VERDICT_TAKE},
    {RECORD_ROWS, 5, 100, 150, 100, VERDICT_TAKE},
    {RECORD_ROWS, 5, 99, 100, 90, VERDICT_KNOWN},
    {RECORD_MARK, 5, 99, 100, 99, VERDICT_KNOWN},
    {RECORD_ROWS, 5, 101, 102, 90, VERDICT_VOID},  /* 101 was refused: its maker had nothing of it back */
    {RECORD_ROWS, 5, 101, 102, 100, VERDICT_VOID}, /* the same */
    {RECORD_ROWS, 5, 105, 106, 101, VERDICT_GAP},  /* 101 had come back to it */
    {RECORD_ROWS, 5, 90, 101, 80, VERDICT_VOID},
    {RECORD_MARK, 5, 100, 101, 100, VERDICT_VOID}, /* an epoch begins once */
    {RECORD_ROWS, 4, 100, 101, 100, VERDICT_VOID}, /* a late one of the former owner, in the very place of the next */
    {RECORD_ROWS, 4, 120, 121, 119, VERDICT_VOID},
    {RECORD_ROWS, 4, 50, 51, 50, VERDICT_VOID},
    {RECORD_MARK, 4, 100, 101, 100, VERDICT_VOID},
    {RECORD_MARK, 6, 100, 101, 100, VERDICT_TAKE},
    {RECORD_MARK, 9, 100, 101, 100, VERDICT_TAKE},
    {RECORD_MARK, 6, 99, 100, 99, VERDICT_VOID}, /* its maker had not read all: something came in before it */
    {RECORD_MARK, 6, 99, 101, 99, VERDICT_VOID},
    {RECORD_MARK, 6, 103, 104, 103, VERDICT_GAP}, /* its maker had read more than there is now */
    {RECORD_ROWS, 6, 101, 102, 101, VERDICT_GAP}, /* no epoch without its mark */
    {RECORD_BEAT, 5, 100, 100, 100, VERDICT_VOID},
    {RECORD_BEAT, 9, 200, 200, 200, VERDICT_VOID},
};

static void verdicts(void **state)
{
    (void)state;
    const struct stand s = {.epoch = 5, .position = 100};
    for (size_t i = 0; i < sizeof kases / sizeof *kases; i++) {
        const struct kase *k = &kases[i];
        const struct record_head h = {.format = 1,
                                      .kind = k->kind,
                                      .epoch = k->epoch,
                                      .predecessor = k->predecessor,
                                      .position = k->position,
                                      .returned = k->returned};
        if (record_judge(&s, &h) != k->verdict) print_message("case %zu\n", i);
        assert_int_equal(record_judge(&s, &h), k->verdict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_every_table_come_back),     cmocka_unit_test(what_is_cut_or_longer_is_refused),
        cmocka_unit_test(heads_that_cannot_be_are_refused),  cmocka_unit_test(rows_beyond_their_limits_are_refused),
        cmocka_unit_test(columns_that_came_later_are_empty), cmocka_unit_test(verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
