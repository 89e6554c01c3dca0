/* The contract of the store (store/store.h): batches, reads and settings. Many at once, and what survives: test_store_life.c. */
#include "contract/store_backends.h"

/* --- reading in short --- */

static struct store_read all_profile(unsigned slot, struct str user)
{
    return (struct store_read){.slot = slot, .table = T_profile, .prefix = 1, .key = {cell_str(user)}};
}

static void check_fields(struct fixture *x, struct store_read r, const struct str *want, size_t count)
{
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(str_eq(r.row[i].c[C_profile_field].s, want[i]));
}

/* --- tests --- */

static void a_new_store_is_empty(void **state)
{
    struct fixture *x = *state;
    struct store_slot s = slot_of(x, 63);
    assert_int_equal(s.position, 0);
    assert_int_equal(s.epoch, 0);
    struct store_read r = all_timeline(0, STR("!r"));
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 0);
    assert_int_equal(r.as_of, 0);
    assert_false(r.more);
}

static void a_batch_is_whole(void **state)
{
    struct fixture *x = *state;
    struct change c[] = {put_timeline(STR("!r"), 1, 1, STR("{}")), put_profile(STR("@u"), STR("displayname"), STR("\"U\"")),
                         put_letter(3, -4, STR("do"))};
    assert_int_equal(apply(x, 5, 0, 3, c, 3), ERR_OK);
    assert_int_equal(slot_of(x, 5).position, 3);
    assert_int_equal(slot_of(x, 5).epoch, 7);

    struct store_read r = {.slot = 5, .table = T_timeline, .prefix = 2, .key = {cell_str(STR("!r")), cell_int(1)}};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.as_of, 3);
    assert_int_equal(r.row->table, T_timeline);
    assert_true(str_is(r.row->c[C_timeline_room_id].s, "!r"));
    assert_int_equal(r.row->c[C_timeline_ord].i, 1);
    assert_int_equal(r.row->c[C_timeline_position].i, 1);
    assert_true(str_is(r.row->c[C_timeline_event_id].s, "$event"));
    assert_true(str_is(r.row->c[C_timeline_json].s, "{}"));
    assert_int_equal(r.row->c[C_timeline_fed].s.n, 0);

    r = (struct store_read){.slot = 5, .table = T_letter_out, .prefix = 2, .key = {cell_int(3), cell_int(-4)}};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 1);
    assert_true(str_is(r.row->c[C_letter_out_command].s, "do"));
    check_fields(x, all_profile(5, STR("@u")), (struct str[]){STR("displayname")}, 1);
}

static void a_wrong_predecessor_conflicts(void **state)
{
    struct fixture *x = *state;
    struct change one = put_timeline(STR("!r"), 1, 1, STR("1")), two = put_timeline(STR("!r"), 2, 2, STR("2"));
    assert_int_equal(apply(x, 0, 1, 2, &one, 1), ERR_CONFLICT);
    assert_int_equal(apply(x, 0, 0, 1, &one, 1), ERR_OK);
    assert_int_equal(apply(x, 0, 0, 2, &two, 1), ERR_CONFLICT);
    assert_int_equal(apply(x, 0, 2, 3, &two, 1), ERR_CONFLICT);
    assert_int_equal(apply(x, 0, 1, 1, &two, 1), ERR_CONFLICT); /* positions only grow */
    check_ords(x, all_timeline(0, STR("!r")), (int64_t[]){1}, 1, false);
    assert_int_equal(slot_of(x, 0).position, 1);
    assert_int_equal(apply(x, 0, 1, 4, &two, 1), ERR_OK);
    assert_int_equal(slot_of(x, 0).position, 4);
    assert_int_equal(apply(x, 0, 4, 5, NULL, 0), ERR_OK); /* a mark: no rows */
    assert_int_equal(slot_of(x, 0).position, 5);
}

/* Of a former owner, whose position another has given since. */
static void a_batch_of_an_older_epoch_conflicts(void **state)
{
    struct fixture *x = *state;
    struct change one = put_timeline(STR("!r"), 1, 1, STR("1")), two = put_timeline(STR("!r"), 2, 2, STR("2"));
    assert_int_equal(apply_in_epoch(x, 3, 0, 0, 1, &one, 1), ERR_OK);
    assert_int_equal(apply_in_epoch(x, 2, 0, 1, 2, &two, 1), ERR_CONFLICT);
    check_ords(x, all_timeline(0, STR("!r")), (int64_t[]){1}, 1, false);
    assert_int_equal(apply_in_epoch(x, 3, 0, 1, 2, &two, 1), ERR_OK);
    assert_int_equal(apply_in_epoch(x, 5, 0, 2, 3, NULL, 0), ERR_OK);
    assert_int_equal(apply_in_epoch(x, 4, 0, 3, 4, NULL, 0), ERR_CONFLICT);
    assert_int_equal(slot_of(x, 0).epoch, 5);
    assert_int_equal(apply_in_epoch(x, 1, 1, 0, 1, &one, 1), ERR_OK); /* another slot has its own */
}

static void a_row_beyond_a_limit_spoils_its_whole_batch(void **state)
{
    struct fixture *x = *state;
    char *big = mem_zero(131073);
    struct change c[] = {put_timeline(STR("!r"), 1, 1, STR("1")), put_timeline(STR("!r"), 2, 1, str_make(big, 131073))};
    assert_int_equal(apply(x, 0, 0, 1, c, 2), ERR_TOO_LARGE);
    struct change d[] = {put_timeline(STR("!r"), 1, 1, STR("1")), put_timeline(str_make(big, 256), 2, 1, STR(""))};
    d[1].del = true;
    assert_int_equal(apply(x, 0, 0, 1, d, 2), ERR_TOO_LARGE);
    assert_int_equal(slot_of(x, 0).position, 0);
    check_ords(x, all_timeline(0, STR("!r")), NULL, 0, false);
    d[1] = put_timeline(STR("!r"), 2, 1, str_make(big, 131073));
    d[1].del = true; /* of a deletion only the key counts */
    assert_int_equal(apply(x, 0, 0, 1, d, 2), ERR_OK);
    mem_free(big);
}

static void rows_are_replaced_and_deleted(void **state)
{
    struct fixture *x = *state;
    struct change c[] = {put_timeline(STR("!r"), 1, 1, STR("old")), put_timeline(STR("!r"), 2, 1, STR("two")),
                         put_timeline(STR("!r"), 3, 1, STR("three"))};
    assert_int_equal(apply(x, 0, 0, 1, c, 3), ERR_OK);
    struct change d[] = {put_timeline(STR("!r"), 1, 2, STR("new")), put_timeline(STR("!r"), 2, 2, STR("")),
                         put_timeline(STR("!r"), 9, 2, STR("")), put_timeline(STR("!r"), 3, 2, STR(""))};
    d[1].del = d[2].del = d[3].del = true;
    assert_int_equal(apply(x, 0, 1, 2, d, 4), ERR_OK);
    struct store_read r = all_timeline(0, STR("!r"));
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 1);
    assert_true(str_is(r.row->c[C_timeline_json].s, "new"));
    r = (struct store_read){.slot = 0, .table = T_timeline, .prefix = 2, .key = {cell_str(STR("!r")), cell_int(2)}};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 0);
    /* within a batch the later change counts */
    struct change e[] = {put_timeline(STR("!r"), 5, 3, STR("a")), put_timeline(STR("!r"), 5, 3, STR("b")),
                         put_timeline(STR("!r"), 1, 3, STR("")), put_timeline(STR("!r"), 6, 3, STR("a")),
                         put_timeline(STR("!r"), 6, 3, STR(""))};
    e[2].del = e[4].del = true;
    assert_int_equal(apply(x, 0, 2, 3, e, 5), ERR_OK);
    r = all_timeline(0, STR("!r"));
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 1);
    assert_true(str_is(r.row->c[C_timeline_json].s, "b"));
}

static void integer_ranges(void **state)
{
    struct fixture *x = *state;
    static const int64_t ord[] = {INT64_MIN, -256, -255, -1, 0, 1, 127, 128, 65536, INT64_MAX};
    enum { N = sizeof ord / sizeof *ord };
    struct change c[N + 2];
    for (size_t i = 0; i < N; i++)
        c[i] = put_timeline(STR("!r"), ord[(i * 7) % N], 1, STR("x"));
    c[N] = put_timeline(STR("!q"), 5, 1, STR("other"));
    c[N + 1] = put_timeline(STR("!s"), 5, 1, STR("other"));
    assert_int_equal(apply(x, 0, 0, 1, c, N + 2), ERR_OK);
    for (size_t from = 0; from <= N; from++)
        for (size_t to = from; to <= N; to++)
            for (int way = 0; way < 2; way++)
                for (size_t limit = 1; limit <= N + 1; limit += 3) {
                    struct store_read r = all_timeline(0, STR("!r"));
                    r.reverse = way;
                    r.limit = limit;
                    if ((r.has_from = from > 0)) r.from = cell_int(from < N ? ord[from] : INT64_MAX);
                    if ((r.has_to = to < N)) r.to = cell_int(ord[to]);
                    size_t first = from < N ? from : N - 1, count = to > first ? to - first : 0;
                    int64_t want[N];
                    for (size_t i = 0; i < count; i++)
                        want[i] = way ? ord[to - 1 - i] : ord[first + i];
                    check_ords(x, r, want, count < limit ? count : limit, count > limit);
                }
}

static const struct str fields[] = {
    STR(""),      STR("\0"), STR("\0\0"), STR("\0\xFF"), STR("\x01"),         STR("a"),    STR("a\0"),    STR("a\0b"),
    STR("a\x01"), STR("aa"), STR("ab"),   STR("b"),      STR("\xED\xA0\x80"), STR("\xFF"), STR("\xFF\0"), STR("\xFF\xFF")};
enum { FIELDS = sizeof fields / sizeof *fields };

static void string_ranges(void **state)
{
    struct fixture *x = *state;
    struct change c[FIELDS];
    for (size_t i = 0; i < FIELDS; i++)
        c[i] = put_profile(STR("@u"), fields[(i * 5) % FIELDS], STR("1"));
    assert_int_equal(apply(x, 9, 0, 1, c, FIELDS), ERR_OK);
    for (size_t from = 0; from < FIELDS; from++)
        for (size_t to = from; to <= FIELDS; to++) {
            struct store_read r = all_profile(9, STR("@u"));
            if ((r.has_from = from > 0)) r.from = cell_str(fields[from]);
            if ((r.has_to = to < FIELDS)) r.to = cell_str(fields[to]);
            check_fields(x, r, fields + from, to - from);
            struct str back[FIELDS];
            for (size_t i = 0; i < to - from; i++)
                back[i] = fields[to - 1 - i];
            r.reverse = true;
            check_fields(x, r, back, to - from);
        }
    struct store_read r = all_profile(9, STR("@u")); /* bounds that are no row, and in the wrong order */
    r.has_from = r.has_to = true;
    r.from = cell_str(STR("a\0a"));
    r.to = cell_str(STR("aab"));
    check_fields(x, r, fields + 7, 3);
    r.from = cell_str(STR("b"));
    r.to = cell_str(STR("a"));
    check_fields(x, r, NULL, 0);
}

static void a_prefix_does_not_run_into_its_neighbours(void **state)
{
    struct fixture *x = *state;
    struct change c[FIELDS * 2];
    for (size_t i = 0; i < FIELDS; i++) {
        c[2 * i] = put_profile(fields[i], STR("x"), STR("1"));
        c[2 * i + 1] = put_profile(fields[i], STR("\xFF\xFF\xFF"), STR("1"));
    }
    assert_int_equal(apply(x, 0, 0, 1, c, FIELDS * 2), ERR_OK);
    static const struct str both[] = {STR("x"), STR("\xFF\xFF\xFF")}, back[] = {STR("\xFF\xFF\xFF"), STR("x")};
    for (size_t i = 0; i < FIELDS; i++) {
        struct store_read r = all_profile(0, fields[i]);
        check_fields(x, r, both, 2);
        r.reverse = true;
        check_fields(x, r, back, 2);
        assert_true(str_eq(r.key[0].s, fields[i]));
    }
    check_fields(x, all_profile(0, STR("ac")), NULL, 0);
}

static void a_table_and_a_slot_end_where_they_end(void **state)
{
    struct fixture *x = *state;
    for (unsigned slot = 0; slot < STORE_SLOTS; slot += 21) {
        struct change c[] = {put_letter(slot, 1, STR("a")), put_letter(slot, 2, STR("b")), put_timeline(STR("!r"), 1, 1, STR("c"))};
        assert_int_equal(apply(x, slot, 0, 1, c, 3), ERR_OK);
    }
    for (unsigned slot = 0; slot < STORE_SLOTS; slot += 21)
        for (int way = 0; way < 2; way++) {
            struct store_read r = {.slot = slot, .table = T_letter_out, .reverse = way};
            assert_int_equal(read_rows(x, &r), ERR_OK);
            assert_int_equal(r.count, 2);
            assert_int_equal(r.row[0].c[C_letter_out_to_slot].i, slot);
            assert_int_equal(r.row[0].c[C_letter_out_number].i, way ? 2 : 1);
        }
    struct store_read r = {.slot = 1, .table = T_letter_out};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 0);
}

static void a_deep_prefix(void **state)
{
    struct fixture *x = *state;
    struct change c[20];
    for (int64_t i = 0; i < 20; i++) {
        c[i] = (struct change){.row.table = T_state_log};
        c[i].row.c[C_state_log_room_id].s = STR("!r");
        c[i].row.c[C_state_log_type].s = STR("m.room.member");
        c[i].row.c[C_state_log_state_key].s = i % 2 ? STR("@a") : STR("@ab");
        c[i].row.c[C_state_log_position].i = i;
        c[i].row.c[C_state_log_ord].i = -i;
    }
    assert_int_equal(apply(x, 0, 0, 1, c, 20), ERR_OK);
    struct store_read r = {.slot = 0, .table = T_state_log, .prefix = 3, .reverse = true, .has_to = true, .to = cell_int(8), .limit = 1};
    r.key[0] = cell_str(STR("!r"));
    r.key[1] = cell_str(STR("m.room.member"));
    r.key[2] = cell_str(STR("@a"));
    assert_int_equal(read_rows(x, &r), ERR_OK); /* the newest state at a position */
    assert_int_equal(r.count, 1);
    assert_true(r.more);
    assert_int_equal(r.row->c[C_state_log_position].i, 7);
    assert_int_equal(r.row->c[C_state_log_ord].i, -7);
    r.prefix = 2;
    r.has_to = r.reverse = false;
    r.limit = 100;
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 20);
    assert_int_equal(r.row[10].c[C_state_log_position].i, 0);
}

static void hostile_bytes_come_back_as_they_were(void **state)
{
    struct fixture *x = *state;
    char all[255], *big = mem_alloc(1048576), nul[255] = {0};
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (char)(255 - i);
    for (size_t i = 0; i < 1048576; i++)
        big[i] = (char)(i * 2654435761u >> 13);
    struct str keys[] = {str_make(all, 255),      str_make(nul, 255),  str_make(nul, 254), STR("\xED\xA0\x80\xED\xB0\x80"),
                         STR("'; drop table --"), STR("\\x00%s\r\n\"")};
    enum { N = sizeof keys / sizeof *keys };
    struct change c[N + 1];
    for (size_t i = 0; i < N; i++) {
        c[i] = (struct change){.row.table = T_account_data};
        c[i].row.c[C_account_data_user_id].s = keys[i];
        c[i].row.c[C_account_data_room_id].s = keys[N - 1 - i];
        c[i].row.c[C_account_data_type].s = keys[(i + 3) % N];
        c[i].row.c[C_account_data_json].s = i ? keys[i] : str_make(big, 1048576);
        c[i].row.c[C_account_data_position].i = i % 2 ? INT64_MIN : INT64_MAX;
    }
    assert_int_equal(apply(x, 0, 0, 1, c, N), ERR_OK);
    for (size_t i = 0; i < N; i++) {
        struct store_read r = {.slot = 0, .table = T_account_data, .prefix = (unsigned)i % 4};
        for (unsigned k = 0; k < 3; k++)
            r.key[k] = c[i].row.c[k];
        r.limit = 10;
        assert_int_equal(read_rows(x, &r), ERR_OK);
        assert_int_equal(r.count, r.prefix ? 1 : N);
        if (!r.prefix) continue;
        for (unsigned k = 0; k < 4; k++)
            assert_true(str_eq(r.row->c[k].s, c[i].row.c[k].s));
        assert_int_equal(r.row->c[C_account_data_position].i, c[i].row.c[C_account_data_position].i);
    }
    mem_free(big);
}

/* The longest key there can be, in bytes that cost most to keep in order. */
static void the_longest_key(void **state)
{
    struct fixture *x = *state;
    char nul[600] = {0};
    struct change c = {.row.table = T_relation};
    for (unsigned i = 0; i < 3; i++)
        c.row.c[i].s = str_make(nul, 255);
    struct change d = {.row.table = T_txn};
    d.row.c[C_txn_scope].s = str_make(nul, 255);
    d.row.c[C_txn_device_txn].s = str_make(nul, 600);
    assert_int_equal(apply(x, 0, 0, 1, (struct change[]){c, d}, 2), ERR_OK);
    struct store_read r = {.slot = 0, .table = T_txn, .prefix = 2, .key = {d.row.c[0], d.row.c[1]}};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.row->c[C_txn_device_txn].s.n, 600);
    r = (struct store_read){.slot = 0, .table = T_relation, .prefix = 3, .key = {c.row.c[0], c.row.c[1], c.row.c[2]}, .reverse = true};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 1);
}

/* --- against a model --- */

static uint64_t next_random(uint64_t *seed)
{
    return *seed = *seed * 6364136223846793005u + 1442695040888963407u, *seed >> 33;
}

static struct change random_change(uint64_t *seed, struct arena *a)
{
    struct str room = fields[next_random(seed) % FIELDS], field = fields[next_random(seed) % FIELDS];
    size_t n = next_random(seed) % 2000;
    char *bytes = arena_alloc(a, n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)next_random(seed);
    struct change c = next_random(seed) % 2 ? put_timeline(room, (int64_t)(next_random(seed) % 200) - 100, 1, str_make(bytes, n))
                                            : put_profile(room, field, str_make(bytes, n));
    c.del = next_random(seed) % 4 == 0;
    return c;
}

static struct store_read random_read(uint64_t *seed)
{
    struct store_read r = {.slot = 2, .table = next_random(seed) % 2 ? T_timeline : T_profile, .prefix = (unsigned)(next_random(seed) % 3)};
    r.reverse = next_random(seed) % 2;
    r.limit = 1 + next_random(seed) % 60;
    r.key[0] = cell_str(fields[next_random(seed) % FIELDS]);
    struct cell bound[3];
    for (unsigned i = 0; i < 3; i++)
        bound[i] = r.table == T_timeline && r.prefix ? cell_int((int64_t)(next_random(seed) % 220) - 110)
                                                     : cell_str(fields[next_random(seed) % FIELDS]);
    r.key[1] = bound[2];
    if (r.prefix == 2) return r;
    r.has_from = next_random(seed) % 2;
    r.has_to = next_random(seed) % 2;
    r.from = bound[0];
    r.to = bound[1];
    return r;
}

static void same_row(const struct row *a, const struct row *b)
{
    const struct table_info *t = store_table(a->table);
    assert_int_equal(a->table, b->table);
    for (unsigned i = 0; i < t->columns; i++) {
        if (t->column[i].type == CELL_INT)
            assert_int_equal(a->c[i].i, b->c[i].i);
        else
            assert_true(str_eq(a->c[i].s, b->c[i].s));
    }
}

static void same_answer(struct fixture *x, struct store *model, struct store_read r)
{
    struct store *real = x->store;
    struct store_read m = r;
    assert_int_equal(read_rows(x, &r), ERR_OK);
    x->store = model;
    assert_int_equal(read_rows(x, &m), ERR_OK);
    x->store = real;
    assert_int_equal(r.count, m.count);
    assert_int_equal(r.more, m.more);
    assert_int_equal(r.as_of, m.as_of);
    for (size_t i = 0; i < r.count; i++)
        same_row(&r.row[i], &m.row[i]);
}

static void agrees_with_the_store_in_memory(void **state)
{
    struct world *w = *state;
    struct fixture *x = &w->x;
    struct store *model = store_memory_new();
    uint64_t seed = 20;
    struct change c[16];
    for (int64_t round = 0; round < 300; round++) {
        for (size_t i = 0; i < 16; i++)
            c[i] = random_change(&seed, &x->arena);
        assert_int_equal(apply(x, 2, round, round + 1, c, 16), ERR_OK);
        struct store *real = x->store;
        x->store = model;
        assert_int_equal(apply(x, 2, round, round + 1, c, 16), ERR_OK);
        x->store = real;
        for (int i = 0; i < 10; i++)
            same_answer(x, model, random_read(&seed));
        if (w->backend->durable && round % 100 == 50) reopen(w);
        arena_reset(&x->arena);
    }
    model->ops->close(model);
}

/* --- settings --- */

static void settings(void **state)
{
    struct world *w = *state;
    struct fixture *x = &w->x;
    struct str v = {0};
    const struct store_ops *ops = x->store->ops;
    assert_int_equal(ops->meta_get(x->store, STR("history"), &x->arena, &v), ERR_NOT_FOUND);
    assert_int_equal(ops->meta_set(x->store, STR("history"), STR("abc\0d")), ERR_OK);
    assert_int_equal(ops->meta_set(x->store, STR("history2"), STR("")), ERR_OK);
    assert_int_equal(ops->meta_set(x->store, STR("history"), STR("abc\0e")), ERR_OK);
    if (w->backend->durable) reopen(w);
    assert_int_equal(ops->meta_get(x->store, STR("history"), &x->arena, &v), ERR_OK);
    assert_true(str_eq(v, STR("abc\0e")));
    assert_int_equal(ops->meta_get(x->store, STR("history2"), &x->arena, &v), ERR_OK);
    assert_int_equal(v.n, 0);
    assert_int_equal(ops->meta_get(x->store, STR("histor"), &x->arena, &v), ERR_NOT_FOUND);
    assert_int_equal(ops->meta_add(x->store, STR("history"), STR("late"), &x->arena, &v), ERR_OK);
    assert_true(str_eq(v, STR("abc\0e")));
    assert_int_equal(ops->meta_add(x->store, STR("histor"), STR("fi\0rst"), &x->arena, &v), ERR_OK);
    assert_true(str_eq(v, STR("fi\0rst")));
    assert_int_equal(ops->meta_get(x->store, STR("histor"), &x->arena, &v), ERR_OK);
    assert_true(str_eq(v, STR("fi\0rst")));
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[] = {
        ON_BACKEND(a_new_store_is_empty),
        ON_BACKEND(a_batch_is_whole),
        ON_BACKEND(a_wrong_predecessor_conflicts),
        ON_BACKEND(a_batch_of_an_older_epoch_conflicts),
        ON_BACKEND(a_row_beyond_a_limit_spoils_its_whole_batch),
        ON_BACKEND(rows_are_replaced_and_deleted),
        ON_BACKEND(integer_ranges),
        ON_BACKEND(string_ranges),
        ON_BACKEND(a_prefix_does_not_run_into_its_neighbours),
        ON_BACKEND(a_table_and_a_slot_end_where_they_end),
        ON_BACKEND(a_deep_prefix),
        ON_BACKEND(hostile_bytes_come_back_as_they_were),
        ON_BACKEND(the_longest_key),
        ON_BACKEND(agrees_with_the_store_in_memory),
        ON_BACKEND(settings),
    };
    return on_all_backends(argc, argv, tests, sizeof tests / sizeof *tests);
}
