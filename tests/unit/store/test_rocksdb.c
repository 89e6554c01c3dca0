/* What is special about the embedded store: opening, backup, restore, what is read from where. The rest is the contract's. */
#include "contract/stands.h"
#include "contract/store_fixture.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <rocksdb/c.h>

#include "store/rocksdb/rocksdb.h"

static const struct store_rocksdb_config small = {.cache_bytes = 65536, .write_buffer_bytes = 65536};

static enum err open_small(const char *path, struct store **out, struct fault *f)
{
    return store_rocksdb_open(path, &small, out, f);
}

static int setup(void **state)
{
    struct fixture *x = mem_zero(sizeof *x);
    fixture_init(x);
    assert_int_equal(open_small(x->data, &x->store, NULL), ERR_OK);
    fixture_loops(x);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    fixture_release(*state);
    mem_free(*state);
    return 0;
}

static void close_store(struct fixture *x)
{
    x->store->ops->close(x->store);
    x->store = NULL;
}

static void check_refused(const char *path, const char *why)
{
    struct fault f = {0};
    struct store *s = NULL;
    assert_int_equal(store_rocksdb_open(path, NULL, &s, &f), ERR_STORAGE);
    if (!strstr(f.text, why)) print_message("%s\n", f.text);
    assert_non_null(strstr(f.text, why));
    assert_non_null(strstr(f.text, path));
}

static int64_t position_of(struct store *s, unsigned slot)
{
    struct store_slot at = {-1, -1};
    assert_int_equal(store_stands(s, slot, &at), ERR_OK);
    return at.position;
}

/* --- opening --- */

static void two_servers_do_not_share_a_store(void **state)
{
    struct fixture *x = *state;
    check_refused(x->data, "Another server uses");
}

static void a_newer_format_is_refused(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(x->store->ops->meta_set(x->store, STR("format"), STR("2")), ERR_OK);
    close_store(x);
    check_refused(x->data, "has format 2, written by a newer version");
}

static void another_number_of_slots_is_refused(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(x->store->ops->meta_set(x->store, STR("slots"), STR("128")), ERR_OK);
    close_store(x);
    check_refused(x->data, "has 128 slots");
}

static void places_that_cannot_be(void **state)
{
    struct fixture *x = *state;
    char path[512];
    snprintf(path, sizeof path, "%s/no/such/folder", x->dir);
    check_refused(path, "cannot be made");
    snprintf(path, sizeof path, "%s/file", x->dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    check_refused(path, "cannot be read");
}

static void write_at(const char *dir, const char *name, off_t at, const char *bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, strlen(bytes), at), strlen(bytes));
    close(fd);
}

static void a_damaged_store_is_refused(void **state)
{
    struct fixture *x = *state;
    close_store(x);
    write_at(x->data, "CURRENT", 0, "MANIFEST-999999\n");
    check_refused(x->data, "cannot be used");
}

/* --- what happens to many rows --- */

static void fill(struct fixture *x, unsigned slot, int64_t from, int64_t to)
{
    static const char json[700] = {'{', '}'};
    for (int64_t i = from; i < to; i++) {
        struct change c = put_timeline(STR("!room"), i, i, str_make(json, sizeof json));
        assert_int_equal(apply(x, slot, i, i + 1, &c, 1), ERR_OK);
    }
}

static size_t count(struct fixture *x, unsigned slot)
{
    struct store_read r = {.slot = slot, .table = T_timeline, .prefix = 1, .key = {cell_str(STR("!room"))}};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    for (size_t i = 0; i < r.count; i++)
        assert_int_equal(r.row[i].c[C_timeline_ord].i, i);
    assert_int_equal(r.as_of, r.count);
    size_t n = r.count;
    arena_reset(&x->arena);
    return n;
}

static struct store_stats stats(struct fixture *x)
{
    struct store_stats st;
    x->store->ops->stats(x->store, &st);
    return st;
}

/* The newest rows are read at once on the loop; old ones, that are in no cache, on a worker. */
static void old_rows_are_read_on_workers(void **state)
{
    struct fixture *x = *state;
    fill(x, 1, 0, 20);
    struct store_read r = {.slot = 1, .table = T_timeline, .prefix = 2, .key = {cell_str(STR("!room")), cell_int(7)}};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(stats(x).cold_reads, 0);
    fill(x, 1, 20, 2000);
    uint64_t before = stats(x).cold_reads;
    r = (struct store_read){.slot = 1, .table = T_timeline, .prefix = 2, .key = {cell_str(STR("!room")), cell_int(1999)}};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 1);
    assert_int_equal(stats(x).cold_reads, before);
    close_store(x);
    assert_int_equal(open_small(x->data, &x->store, NULL), ERR_OK);
    r = (struct store_read){.slot = 1, .table = T_timeline, .prefix = 2, .key = {cell_str(STR("!room")), cell_int(7)}};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 1);
    uint64_t cold = stats(x).cold_reads;
    assert_true(cold >= 1);
    /* And then from the cache, once no merge moves the row to another file any more. */
    for (int i = 0; i < 100; i++) {
        cold = stats(x).cold_reads;
        assert_int_equal(read_rows(x, &r), ERR_OK);
        if (stats(x).cold_reads == cold) break;
    }
    assert_int_equal(stats(x).cold_reads, cold);
    assert_int_equal(count(x, 1), 2000);
}

static void deletions_hide_what_is_in_tables(void **state)
{
    struct fixture *x = *state;
    fill(x, 1, 0, 300);
    close_store(x);
    assert_int_equal(open_small(x->data, &x->store, NULL), ERR_OK);
    struct change c[290];
    for (int64_t i = 0; i < 290; i++) {
        c[i] = put_timeline(STR("!room"), i + 5, 0, STR(""));
        c[i].del = true;
    }
    assert_int_equal(apply(x, 1, 300, 301, c, 290), ERR_OK);
    for (int way = 0; way < 2; way++) {
        struct store_read r = {.slot = 1, .table = T_timeline, .prefix = 1, .key = {cell_str(STR("!room"))}, .reverse = way, .limit = 7};
        assert_int_equal(read_rows(x, &r), ERR_OK);
        static const int64_t want[2][7] = {{0, 1, 2, 3, 4, 295, 296}, {299, 298, 297, 296, 295, 4, 3}};
        assert_int_equal(r.count, 7);
        assert_true(r.more);
        for (size_t i = 0; i < 7; i++)
            assert_int_equal(r.row[i].c[C_timeline_ord].i, want[way][i]);
    }
}

/* A reader next to a writer whose rows go from memory to tables all the time: each answer is a slot at one position. */
struct reader {
    struct fixture *x;
    pthread_t thread;
    atomic_bool stop;
    unsigned answers;
    bool wrong;
    struct arena arena;
};

static void *read_on(void *arg)
{
    struct reader *me = arg;
    while (!atomic_load(&me->stop)) {
        struct store_read r = {.slot = 1,
                               .table = T_timeline,
                               .prefix = 1,
                               .key = {cell_str(STR("!room"))},
                               .loop = me->x->loop[1],
                               .limit = 100000,
                               .arena = &me->arena,
                               .done = read_is_done};
        struct call c = {.fn = read_start, .store = me->x->store, .read = &r};
        r.arg = &c;
        r.reverse = me->answers % 2;
        call_wait(me->x->loop[1], &c);
        if (r.err || (int64_t)r.count != r.as_of) me->wrong = true;
        arena_reset(&me->arena);
        me->answers++;
    }
    return NULL;
}

static void a_read_is_as_of_one_position(void **state)
{
    struct fixture *x = *state;
    struct reader me = {.x = x};
    arena_init(&me.arena);
    pthread_create(&me.thread, NULL, read_on, &me);
    fill(x, 1, 0, 3000); /* about 35 fronts */
    atomic_store(&me.stop, true);
    pthread_join(me.thread, NULL);
    assert_false(me.wrong);
    assert_true(me.answers > 10);
    arena_release(&me.arena);
}

/* Between a read's look at the rows in memory and its look at the tables, more rows come and go all the way to the tables. It must
 * not find those, for it did not find what came with them. */
static struct fixture *interrupted;

rocksdb_iterator_t *rocksdb_create_iterator(rocksdb_t *db, const rocksdb_readoptions_t *ro)
{
    rocksdb_iterator_t *(*real)(rocksdb_t *, const rocksdb_readoptions_t *);
    *(void **)&real = dlsym(RTLD_NEXT, "rocksdb_create_iterator");
    struct fixture *x = loop_current() ? NULL : interrupted; /* on a worker: what is not in memory is read then, and not asked for again */
    if (x) {
        interrupted = NULL;
        fill(x, 1, 150, 1000);
    }
    return real(db, ro);
}

static void rows_that_settle_during_a_read(void **state)
{
    struct fixture *x = *state;
    fill(x, 1, 0, 150);
    close_store(x);
    assert_int_equal(open_small(x->data, &x->store, NULL), ERR_OK);
    struct reader me = {.x = x};
    arena_init(&me.arena);
    struct store_read r = {.slot = 1,
                           .table = T_timeline,
                           .prefix = 1,
                           .key = {cell_str(STR("!room"))},
                           .loop = x->loop[1],
                           .limit = 100000,
                           .arena = &me.arena,
                           .done = read_is_done};
    struct call c = {.fn = read_start, .store = x->store, .read = &r};
    r.arg = &c;
    interrupted = x;
    call_wait(x->loop[1], &c);
    assert_int_equal(r.err, ERR_OK);
    assert_null(interrupted);
    assert_int_equal(r.count, r.as_of);
    assert_true(r.as_of == 150 || r.as_of == 1000);
    for (size_t i = 0; i < r.count; i++)
        assert_int_equal(r.row[i].c[C_timeline_ord].i, i);
    arena_release(&me.arena);
}

/* --- backup and restore --- */

struct backup {
    struct fixture *x;
    pthread_t thread;
    char to[512];
    enum err err;
};

static void *back_up(void *arg)
{
    struct backup *b = arg;
    b->err = b->x->store->ops->backup(b->x->store, b->to, NULL);
    return NULL;
}

static void meta(struct store *s, struct str name, struct arena *a, struct str *out)
{
    assert_int_equal(s->ops->meta_get(s, name, a, out), ERR_OK);
}

static void a_backup_is_consistent_and_begins_a_new_history(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(x->store->ops->meta_set(x->store, STR("history"), STR("old")), ERR_OK);
    struct backup b[3];
    for (unsigned i = 0; i < 3; i++) {
        b[i] = (struct backup){.x = x};
        snprintf(b[i].to, sizeof b[i].to, "%s/backup%u", x->dir, i);
        if (i == 1) assert_int_equal(mkdir(b[i].to, 0700), 0);
        int64_t from = i * 400;
        fill(x, 1, from, from + 100);
        pthread_create(&b[i].thread, NULL, back_up, &b[i]);
        fill(x, 1, from + 100, from + 400);
        pthread_join(b[i].thread, NULL);
        assert_int_equal(b[i].err, ERR_OK);
    }
    close_store(x);
    for (unsigned i = 0; i < 3; i++) {
        char to[512];
        struct fault f = {0};
        snprintf(to, sizeof to, "%s/restored%u", x->dir, i);
        if (i == 1) assert_int_equal(mkdir(to, 0700), 0);
        if (store_rocksdb_restore(b[i].to, to, &f)) fail_msg("%s", f.text);
        assert_int_equal(open_small(to, &x->store, NULL), ERR_OK);
        int64_t at = position_of(x->store, 1);
        assert_true(at >= (int)i * 400 + 100 && at <= (int)i * 400 + 400);
        assert_int_equal(count(x, 1), at);
        struct str history = {0};
        meta(x->store, STR("history"), &x->arena, &history);
        assert_int_equal(history.n, 16);
        fill(x, 1, at, at + 10); /* it goes on from there */
        close_store(x);
    }
}

static void backup_and_restore_want_a_free_place(void **state)
{
    struct fixture *x = *state;
    struct fault f = {0};
    char backup[512], to[512];
    snprintf(backup, sizeof backup, "%s/backup", x->dir);
    snprintf(to, sizeof to, "%s/to", x->dir);
    assert_int_equal(x->store->ops->backup(x->store, x->data, &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, "is not empty"));
    assert_int_equal(store_rocksdb_restore(x->dir, to, &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, "There is no backup"));
    assert_int_equal(x->store->ops->backup(x->store, backup, &f), ERR_OK);
    assert_int_equal(store_rocksdb_restore(backup, x->data, &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, "is not empty"));
    assert_int_equal(store_rocksdb_restore(backup, to, &f), ERR_OK);
    snprintf(to, sizeof to, "%s/no/such", x->dir);
    assert_int_equal(x->store->ops->backup(x->store, to, &f), ERR_STORAGE);
    assert_int_equal(store_rocksdb_restore(backup, to, &f), ERR_STORAGE);
}

static void a_half_made_restore_is_refused(void **state)
{
    struct fixture *x = *state;
    char backup[512], to[512];
    snprintf(backup, sizeof backup, "%s/backup", x->dir);
    snprintf(to, sizeof to, "%s/to", x->dir);
    assert_int_equal(x->store->ops->backup(x->store, backup, NULL), ERR_OK);
    assert_int_equal(store_rocksdb_restore(backup, to, NULL), ERR_OK);
    char mark[600];
    snprintf(mark, sizeof mark, "%s/RESTORE-NOT-FINISHED", to);
    close(open(mark, O_CREAT | O_WRONLY, 0600));
    check_refused(to, "a restore that did not finish");
}

/* --- start --- */

/* A file that the settler takes away while it is copied is no fault of the store: then once more. */
static void copy_store(const struct fixture *x, const char *to)
{
    char command[1200];
    int status = -1;
    snprintf(command, sizeof command, "cp -r '%s' '%s'", x->data, to);
    for (int i = 0; i < 20 && status != 0; i++) {
        remove_tree(to);
        status = system(command);
    }
    assert_int_equal(status, 0);
}

static void check_copy(struct fixture *x, const char *copy, size_t rows)
{
    struct store *used = x->store;
    assert_int_equal(open_small(copy, &x->store, NULL), ERR_OK);
    assert_int_equal(count(x, 1), rows);
    x->store->ops->close(x->store);
    x->store = used;
}

/* A copy of the files is what a killed process leaves; the same holds for what a start that was killed again leaves. */
static void a_log_is_replayed_as_often_as_need_be(void **state)
{
    struct fixture *x = *state;
    char one[512];
    snprintf(one, sizeof one, "%s/one", x->dir);
    for (int64_t at = 0; at < 500; at += 50) {
        fill(x, 1, at, at + 50);
        copy_store(x, one);
        check_copy(x, one, (size_t)at + 50);
        check_copy(x, one, (size_t)at + 50);
        remove_tree(one);
    }
}

/* A log that begins after where the tables end: something is lost, and it must be said. */
static void a_gap_is_refused(void **state)
{
    struct fixture *x = *state;
    char early[512], late[512], command[1600];
    snprintf(early, sizeof early, "%s/early", x->dir);
    snprintf(late, sizeof late, "%s/late", x->dir);
    copy_store(x, early);
    fill(x, 1, 0, 10);
    close_store(x);
    assert_int_equal(open_small(x->data, &x->store, NULL), ERR_OK);
    fill(x, 1, 10, 15);
    copy_store(x, late);
    snprintf(command, sizeof command, "cp '%s'/log-* '%s'", late, early);
    assert_int_equal(system(command), 0);
    check_refused(early, "does not go on where its tables end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define ROW(test) {#test, test, setup, teardown, NULL}
        ROW(two_servers_do_not_share_a_store),
        ROW(a_newer_format_is_refused),
        ROW(another_number_of_slots_is_refused),
        ROW(places_that_cannot_be),
        ROW(a_damaged_store_is_refused),
        ROW(old_rows_are_read_on_workers),
        ROW(deletions_hide_what_is_in_tables),
        ROW(a_read_is_as_of_one_position),
        ROW(rows_that_settle_during_a_read),
        ROW(a_backup_is_consistent_and_begins_a_new_history),
        ROW(backup_and_restore_want_a_free_place),
        ROW(a_half_made_restore_is_refused),
        ROW(a_log_is_replayed_as_often_as_need_be),
        ROW(a_gap_is_refused),
#undef ROW
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
