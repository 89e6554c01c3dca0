/* The contract of the store (store/store.h), checked on every back end. A new back end is one row in `backends`. */
#include "contract/postgres.h"
#include "contract/store_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#include "store/faulty.h"
#include "store/memory/memory.h"
#include "store/rocksdb/rocksdb.h"
#include "store/trace.h"

struct backend {
    const char *name;
    enum err (*open)(const char *path, struct store **out);
    bool durable; /* opening `path` again finds what was written */
    bool wrapper;
};

static enum err open_memory(const char *path, struct store **out)
{
    (void)path;
    *out = store_memory_new();
    return ERR_OK;
}

static enum err open_rocksdb(const char *path, struct store **out)
{
    struct fault f = {0};
    enum err e = store_rocksdb_open(path, NULL, out, &f);
    if (e) print_message("%s\n", f.text);
    return e;
}

/* So small that nearly all is read from files, on workers, through filters. */
static enum err open_rocksdb_cold(const char *path, struct store **out)
{
    return store_rocksdb_open(path, &(struct store_rocksdb_config){.cache_bytes = 16384, .write_buffer_bytes = 65536}, out, NULL);
}

static enum err open_postgres(const char *path, struct store **out)
{
    return postgres_open(path, 1, out);
}

static enum err open_postgres_sharded(const char *path, struct store **out)
{
    return postgres_open(path, POSTGRES_SHARDS, out);
}

static enum err open_faulty(const char *path, struct store **out)
{
    (void)path;
    *out = store_faulty_new(store_memory_new());
    store_faulty_delay_reads(*out, true);
    return ERR_OK;
}

static enum err open_trace(const char *path, struct store **out)
{
    struct store *inside;
    enum err e = open_rocksdb(path, &inside);
    if (!e) *out = store_trace_new(inside);
    return e;
}

static const struct backend backends[] = {
    {"memory", open_memory, false, false},
    {"rocksdb", open_rocksdb, true, false},
    {"rocksdb, cold", open_rocksdb_cold, true, false},
    {"postgres", open_postgres, true, false},
    {"postgres, sharded", open_postgres_sharded, true, false},
    {"faulty(memory)", open_faulty, false, true},
    {"trace(rocksdb)", open_trace, true, true},
};
enum { BACKENDS = sizeof backends / sizeof *backends };

/* --- a store for each test --- */

struct world {
    struct fixture x; /* first */
    const struct backend *backend;
};

static int setup(void **state)
{
    const struct backend *b = *state;
    struct world *w = mem_zero(sizeof *w);
    w->backend = b;
    fixture_init(&w->x);
    assert_int_equal(b->open(w->x.data, &w->x.store), ERR_OK);
    fixture_loops(&w->x);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    fixture_release(&w->x);
    mem_free(w);
    return 0;
}

static void reopen(struct world *w)
{
    w->x.store->ops->close(w->x.store);
    w->x.store = NULL;
    assert_int_equal(w->backend->open(w->x.data, &w->x.store), ERR_OK);
}

/* --- reading in short --- */

static struct store_read all_timeline(unsigned slot, struct str room)
{
    return (struct store_read){.slot = slot, .table = T_timeline, .prefix = 1, .key = {cell_str(room)}};
}

static struct store_read all_profile(unsigned slot, struct str user)
{
    return (struct store_read){.slot = slot, .table = T_profile, .prefix = 1, .key = {cell_str(user)}};
}

static void check_ords(struct fixture *x, struct store_read r, const int64_t *want, size_t count, bool more)
{
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(r.row[i].c[C_timeline_ord].i, want[i]);
    assert_int_equal(r.more, more);
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

/* --- many batches at once --- */

enum { PIPE = 200 };
struct piped {
    struct store_batch batch;
    struct change change;
    struct pipeline *line;
};
struct pipeline {
    struct call call;
    struct piped b[PIPE];
    unsigned slots, answered;
    int64_t seen[STORE_SLOTS]; /* position of the last answer per slot: they come in order */
    int64_t at[STORE_SLOTS];
    pthread_t thread;
    bool early, disordered, unwatched;
    unsigned failed;
};

static void piped_done(struct store_batch *b)
{
    struct pipeline *l = list_item(b, struct piped, batch)->line;
    if (loop_current() != b->loop) l->early = true;
    if (b->position <= l->seen[b->slot]) l->disordered = true;
    l->seen[b->slot] = b->position;
    l->failed += b->err != ERR_OK;
    if (++l->answered == PIPE && !l->unwatched) sem_post(&l->call.ready);
}

static void pipeline_start(struct call *c)
{
    struct pipeline *l = list_item(c, struct pipeline, call);
    for (size_t i = 0; i < PIPE; i++)
        store_apply(c->store, &l->b[i].batch);
    if (l->answered) l->early = true;
}

/* PIPE batches spread over `slots` slots from `first` on, each building on the one before. */
static void pipeline_fill(struct pipeline *l, struct fixture *x, unsigned loop, unsigned first, unsigned slots)
{
    l->slots = slots;
    l->call = (struct call){.fn = pipeline_start, .store = x->store};
    for (size_t i = 0; i < PIPE; i++) {
        unsigned slot = first + (unsigned)i % slots;
        struct piped *p = &l->b[i];
        int64_t at = ++l->at[slot];
        p->line = l;
        p->change = put_timeline(STR("!r"), at, at, STR("json"));
        p->batch = (struct store_batch){.loop = x->loop[loop],
                                        .slot = slot,
                                        .epoch = 1,
                                        .predecessor = at - 1,
                                        .position = at,
                                        .change = &p->change,
                                        .count = 1,
                                        .done = piped_done};
    }
}

static void answers_come_in_order_and_later(void **state)
{
    struct fixture *x = *state;
    struct pipeline *l = mem_zero(sizeof *l);
    pipeline_fill(l, x, 0, 3, 1);
    call_wait(x->loop[0], &l->call);
    assert_false(l->early);
    assert_false(l->disordered);
    assert_int_equal(l->failed, 0);
    assert_int_equal(slot_of(x, 3).position, PIPE);
    mem_free(l);
}

static void what_builds_on_a_failed_batch_fails(void **state)
{
    struct fixture *x = *state;
    struct pipeline *l = mem_zero(sizeof *l);
    pipeline_fill(l, x, 0, 0, 2);
    l->b[100].batch.predecessor = 1; /* slot 0: all from here on; slot 1 is not concerned */
    call_wait(x->loop[0], &l->call);
    assert_false(l->disordered);
    for (size_t i = 0; i < PIPE; i++)
        assert_int_equal(l->b[i].batch.err, i >= 100 && i % 2 == 0 ? ERR_CONFLICT : ERR_OK);
    assert_int_equal(slot_of(x, 0).position, 50);
    assert_int_equal(slot_of(x, 1).position, 100);
    struct store_read r = all_timeline(0, STR("!r"));
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 50);
    mem_free(l);
}

static void *pipeline_thread(void *arg)
{
    struct pipeline *l = arg;
    call_wait(l->b[0].batch.loop, &l->call);
    return NULL;
}

/* How many times are in it. */
static uint64_t timed(const struct histogram *h)
{
    uint64_t n = 0;
    for (unsigned i = 0; h && i <= HISTOGRAM_BOUNDS; i++)
        n += h->range[i];
    return n;
}

static void two_loops_write_all_slots(void **state)
{
    struct fixture *x = *state;
    struct pipeline *l[2];
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 2; i++) {
            if (round == 0) l[i] = mem_zero(sizeof *l[i]);
            l[i]->answered = 0;
            pipeline_fill(l[i], x, i, 32 * i, 32);
            pthread_create(&l[i]->thread, NULL, pipeline_thread, l[i]);
        }
        for (unsigned i = 0; i < 2; i++) {
            pthread_join(l[i]->thread, NULL);
            assert_false(l[i]->early || l[i]->disordered);
            assert_int_equal(l[i]->failed, 0);
        }
    }
    for (unsigned slot = 0; slot < STORE_SLOTS; slot++) {
        assert_int_equal(slot_of(x, slot).position, l[slot / 32]->at[slot]);
        struct store_read r = all_timeline(slot, STR("!r"));
        assert_int_equal(read_rows(x, &r), ERR_OK);
        assert_int_equal(r.count, l[slot / 32]->at[slot]);
        assert_int_equal(r.as_of, r.count);
    }
    struct store_stats st;
    x->store->ops->stats(x->store, &st);
    assert_int_equal(st.batches, 2 * 20 * PIPE);
    assert_int_equal(st.changes, 2 * 20 * PIPE);
    assert_int_equal(st.queue, 0);
    assert_true(st.commits >= 1 && st.commits <= st.batches);
    assert_int_equal(timed(st.commit_time), st.commit_time ? st.commits : 0);
    assert_true(!st.read_time || timed(st.read_time) <= st.reads);
    mem_free(l[0]);
    mem_free(l[1]);
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

/* --- what must survive --- */

static void closing_keeps_all(void **state)
{
    struct world *w = *state;
    struct fixture *x = &w->x;
    if (!w->backend->durable) skip();
    for (int64_t i = 0; i < 50; i++) {
        struct change c[] = {put_timeline(STR("!r"), i, i, STR("x")), put_timeline(STR("!r"), i - 3, i, STR("x"))};
        c[1].del = true;
        assert_int_equal(apply(x, 11, i, i + 1, c, 2), ERR_OK);
        if (i % 10 == 9) reopen(w);
    }
    check_ords(x, all_timeline(11, STR("!r")), (int64_t[]){47, 48, 49}, 3, false);
    assert_int_equal(slot_of(x, 11).position, 50);
    assert_int_equal(slot_of(x, 11).epoch, 7);
    assert_int_equal(slot_of(x, 12).position, 0);
    struct change c = put_timeline(STR("!r"), 50, 50, STR("x"));
    assert_int_equal(apply(x, 11, 49, 51, &c, 1), ERR_CONFLICT);
    assert_int_equal(apply(x, 11, 50, 51, &c, 1), ERR_OK);
}

static void queue_and_leave(struct call *c)
{
    pipeline_start(c);
    sem_post(&c->ready);
}

/* The loop goes on: it ends its tick while the store closes or after, and has the answers then. */
static void closing_commits_what_is_queued(void **state)
{
    struct world *w = *state;
    struct fixture *x = &w->x;
    if (!w->backend->durable || w->backend->wrapper) skip();
    struct pipeline *l = mem_zero(sizeof *l);
    pipeline_fill(l, x, 0, 0, 64);
    l->call.fn = queue_and_leave;
    l->unwatched = true;
    call_wait(x->loop[0], &l->call);
    x->store->ops->close(x->store);
    for (size_t i = 0; i < PIPE; i++)
        assert_int_equal(l->b[i].batch.err, ERR_OK);
    assert_int_equal(w->backend->open(x->data, &x->store), ERR_OK);
    for (unsigned slot = 0; slot < STORE_SLOTS; slot++)
        assert_int_equal(slot_of(x, slot).position, PIPE / 64 + (slot < PIPE % 64));
    assert_false(l->early || l->disordered);
    loop_stop(x->loop[0]);
    pthread_join(x->thread[0], NULL);
    assert_int_equal(l->answered, PIPE);
    pthread_create(&x->thread[0], NULL, loop_thread, x->loop[0]);
    mem_free(l);
}

/* The child applies without end and tells each answer on stdout; it is killed at some moment. */
static int child(const char *name, const char *path, int64_t at)
{
    for (size_t i = 0; i < BACKENDS; i++) {
        if (strcmp(backends[i].name, name) != 0) continue;
        struct fixture x = {0};
        if (backends[i].open(path, &x.store)) return 2;
        fixture_loops(&x);
        for (;; at++) {
            struct change c[2] = {put_timeline(STR("!r"), at, at, STR("x")), put_letter(1, at, STR("y"))};
            if (apply(&x, 1, at, at + 1, c, 2)) return 3;
            if (write(1, &at, sizeof at) != sizeof at) return 4;
        }
    }
    return 1;
}

static int64_t kill_a_child(const char *name, const char *path, int64_t at, unsigned after)
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)at);
        dup2(out[1], 1);
        close(out[0]);
        execl("/proc/self/exe", "test_store", "child", name, path, number, (char *)NULL);
        _exit(9);
    }
    close(out[1]);
    int64_t last = -1;
    for (unsigned i = 0; read(out[0], &last, sizeof last) == sizeof last; i++)
        if (i == after) kill(pid, SIGKILL);
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status));
    close(out[0]);
    return last;
}

static void what_was_acknowledged_survives_a_kill(void **state)
{
    struct world *w = *state;
    struct fixture *x = &w->x;
    if (!w->backend->durable) skip();
    int64_t at = 0;
    for (unsigned round = 0; round < 6; round++) {
        x->store->ops->close(x->store);
        x->store = NULL;
        int64_t last = kill_a_child(w->backend->name, x->data, at, round * 17);
        assert_true(last >= at);
        assert_int_equal(w->backend->open(x->data, &x->store), ERR_OK);
        at = slot_of(x, 1).position;
        assert_true(at >= last + 1);
        struct store_read t = all_timeline(1, STR("!r")), l = {.slot = 1, .table = T_letter_out};
        assert_int_equal(read_rows(x, &t), ERR_OK);
        assert_int_equal(read_rows(x, &l), ERR_OK);
        assert_int_equal(t.count, at);
        assert_int_equal(l.count, at);
    }
}

/* --- running --- */

static const struct CMUnitTest tests[] = {
#define ROW(test)                                                                                                                          \
    {                                                                                                                                      \
#test, test, setup, teardown, NULL                                                                                                 \
    }
    ROW(a_new_store_is_empty),
    ROW(a_batch_is_whole),
    ROW(a_wrong_predecessor_conflicts),
    ROW(a_batch_of_an_older_epoch_conflicts),
    ROW(a_row_beyond_a_limit_spoils_its_whole_batch),
    ROW(rows_are_replaced_and_deleted),
    ROW(integer_ranges),
    ROW(string_ranges),
    ROW(a_prefix_does_not_run_into_its_neighbours),
    ROW(a_table_and_a_slot_end_where_they_end),
    ROW(a_deep_prefix),
    ROW(hostile_bytes_come_back_as_they_were),
    ROW(the_longest_key),
    ROW(answers_come_in_order_and_later),
    ROW(what_builds_on_a_failed_batch_fails),
    ROW(two_loops_write_all_slots),
    ROW(agrees_with_the_store_in_memory),
    ROW(settings),
    ROW(closing_keeps_all),
    ROW(closing_commits_what_is_queued),
    ROW(what_was_acknowledged_survives_a_kill),
#undef ROW
};
enum { TESTS = sizeof tests / sizeof *tests };

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "child") == 0) return child(argv[2], argv[3], strtoll(argv[4], NULL, 10));
    postgres_need(argc, argv);
    int failed = 0;
    for (size_t i = 0; i < BACKENDS; i++) {
        struct CMUnitTest mine[TESTS];
        for (size_t t = 0; t < TESTS; t++) {
            mine[t] = tests[t];
            mine[t].initial_state = (void *)(uintptr_t)&backends[i];
        }
        failed += _cmocka_run_group_tests(backends[i].name, mine, TESTS, NULL, NULL);
    }
    return failed != 0;
}
