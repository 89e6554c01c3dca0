/* Slots that move from one database to another, while they are written. */
#include "unit/store/shards.h"

#include <sys/wait.h>

static void count(void *ctx, const struct store_move_progress *p)
{
    uint64_t *rows = ctx;
    *rows += p->copied;
}

/* And what a mover forgets where it was is not noted as a change; but one that was killed leaves such notes, until the next has done its work. */
static void count_undisturbed(void *ctx, const struct store_move_progress *p)
{
    char left[100];
    count(ctx, p);
    if (!p->done) return;
    snprintf(left, sizeof left, "SELECT count(*) FROM rookery.shard_change WHERE slot = %u", p->slot);
    for (size_t k = 0; k < POSTGRES_SHARDS; k++)
        assert_int_equal(count_in(url[k], left), 0);
}

static enum err move_and(void (*progress)(void *ctx, const struct store_move_progress *p), uint64_t slots, size_t to, uint64_t *rows)
{
    struct fault f = {0};
    struct store_postgres_config c = {.url = url, .urls = POSTGRES_SHARDS};
    enum err e = store_postgres_move(&c, &(struct store_move_config){.slots = slots, .to = to, .progress = progress, .ctx = rows}, &f);
    if (e) print_message("%s\n", f.text);
    return e;
}

static enum err move(uint64_t slots, size_t to, uint64_t *rows)
{
    return move_and(count, slots, to, rows);
}

/* While nothing moves. */
static uint64_t slots_in(size_t shard)
{
    struct arena a;
    struct store_shard s[POSTGRES_SHARDS];
    struct fault f = {0};
    struct store_postgres_config c = {.url = url, .urls = POSTGRES_SHARDS};
    arena_init(&a);
    assert_int_equal(store_postgres_shards(&c, &a, s, &f), ERR_OK);
    assert_int_equal(s[0].slots | s[1].slots | s[2].slots, UINT64_MAX);
    assert_true(s[shard].bytes > 0 && strstr(s[shard].name, "shard"));
    arena_release(&a);
    return s[shard].slots;
}

static void slots_move_while_they_are_written(void **state)
{
    struct fixture *x = *state;
    pthread_t thread;
    uint64_t rows = 0;
    reopen(x, 2); /* the third is new */
    struct change kept[] = {put_profile(STR("\xFF@u\0"), STR("f"), STR("\"\xC3\xBC\"")), put_letter(3, INT64_MIN, STR("\0\x01\xFF"))};
    assert_int_equal(apply_in_epoch(x, 1, 40, 0, 1, kept, 2), ERR_OK);
    x->store->ops->close(x->store);
    x->store = open_urls(url, POSTGRES_SHARDS);
    assert_int_equal(slots_in(2), 0);
    struct stream *s = stream_begin(x, &thread);
    assert_int_equal(move_and(count_undisturbed, (uint64_t)0xFF00000000FF, 2, &rows), ERR_OK);
    assert_true(rows > 0);
    stream_wait(s, 200);
    assert_int_equal(slots_in(2), (uint64_t)0xFF00000000FF);
    assert_int_equal(move_and(count_undisturbed, (uint64_t)0x00000000000F, 0, &rows), ERR_OK); /* some come back, some go on */
    assert_int_equal(move_and(count_undisturbed, (uint64_t)0x0000000000F0, 1, &rows), ERR_OK);
    assert_int_equal(s->refused, 0);
    stream_end(x, s, thread);
    struct store_read r = {.slot = 40, .table = T_profile};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.as_of, 1);
    assert_true(str_eq(r.row->c[C_profile_user_id].s, STR("\xFF@u\0")));
    reopen(x, POSTGRES_SHARDS);
    r = (struct store_read){.slot = 40, .table = T_letter_out};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 1);
    assert_true(str_eq(r.row->c[C_letter_out_command].s, STR("\0\x01\xFF")));
    for (size_t k = 0; k < POSTGRES_SHARDS; k++) /* nothing is left where it was */
        assert_int_equal(
            count_in(url[k],
                     "SELECT (SELECT count(*) FROM rookery.timeline WHERE slot NOT IN (SELECT slot FROM rookery.shard_slot WHERE state = "
                     "'live')) + (SELECT count(*) FROM rookery.shard_change) + (SELECT count(*) FROM pg_trigger WHERE tgname LIKE "
                     "'rookery_move%')"),
            0);
}

static void deletions_move_too(void **state)
{
    struct fixture *x = *state;
    uint64_t rows = 0;
    reopen(x, POSTGRES_SHARDS);
    struct change c[] = {put_timeline(STR("!r"), 1, 1, STR("a")), put_timeline(STR("!r"), 2, 1, STR("b"))};
    assert_int_equal(apply(x, 0, 0, 1, c, 2), ERR_OK);
    assert_int_equal(move(1, 1, &rows), ERR_OK);
    c[0].del = true;
    assert_int_equal(apply(x, 0, 1, 2, c, 1), ERR_OK);
    assert_int_equal(move(1, 2, &rows), ERR_OK);
    assert_int_equal(rows_of(x, 0), 1);
    assert_int_equal(slot_of(x, 0).position, 2);
    assert_int_equal(slot_of(x, 0).epoch, 7);
}

/* Settings of the whole store live with slot 0. */
static void settings_move_with_slot_0(void **state)
{
    struct fixture *x = *state;
    uint64_t rows = 0;
    struct str v;
    reopen(x, POSTGRES_SHARDS);
    assert_int_equal(x->store->ops->meta_set(x->store, STR("history"), STR("a\0b")), ERR_OK);
    assert_int_equal(move(1, 2, &rows), ERR_OK);
    reopen(x, POSTGRES_SHARDS);
    assert_int_equal(x->store->ops->meta_get(x->store, STR("history"), &x->arena, &v), ERR_OK);
    assert_true(str_eq(v, STR("a\0b")));
}

static void a_move_that_is_half_done_is_finished(void **state)
{
    struct fixture *x = *state;
    uint64_t rows = 0;
    struct change c = put_timeline(STR("!r"), 1, 1, STR("a"));
    reopen(x, POSTGRES_SHARDS);
    if (slots_in(1) & 1) assert_int_equal(move(1, 0, &rows), ERR_OK); /* which shard got it first is chance: it must come from another */
    assert_int_equal(apply(x, 0, 0, 1, &c, 1), ERR_OK);
    assert_int_equal(move(1, 1, &rows), ERR_OK);
    postgres_sql(url[1], "UPDATE rookery.shard_slot SET state = 'copying' WHERE slot = 0", NULL, 0); /* the mover died here */
    assert_int_equal(rows_of(x, 0), 1);                                                              /* a server that runs */
    assert_int_equal(count_in(url[1], "SELECT count(*) FROM rookery.shard_slot WHERE slot = 0 AND state = 'live'"), 1);
    postgres_sql(url[1], "UPDATE rookery.shard_slot SET state = 'copying' WHERE slot = 0", NULL, 0);
    reopen(x, POSTGRES_SHARDS); /* one that starts */
    assert_int_equal(rows_of(x, 0), 1);
}

static void *open_all(void *arg)
{
    struct store **out = arg;
    *out = open_urls(url, POSTGRES_SHARDS);
    return NULL;
}

/* A server that starts reads one shard after the other: a slot that moves between two reads is in none of them, and in one when it looks again. */
static void a_slot_that_moves_while_a_server_starts_is_found(void **state)
{
    struct fixture *x = *state;
    pthread_t thread;
    reopen(x, POSTGRES_SHARDS);
    x->store->ops->close(x->store);
    x->store = NULL;
    size_t at = slots_in(0) & 1 ? 0 : slots_in(1) & 1 ? 1 : 2;
    postgres_sql(url[at], "UPDATE rookery.shard_slot SET state = 'copying' WHERE slot = 0", NULL, 0); /* what it sees between the two */
    assert_int_equal(pthread_create(&thread, NULL, open_all, &x->store), 0);
    while (!count_in(url[at], "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT slot FROM rookery.shard_slot%'"))
        usleep(1000); /* until it has looked */
    postgres_sql(url[at], "UPDATE rookery.shard_slot SET state = 'live' WHERE slot = 0", NULL, 0);
    pthread_join(thread, NULL);
    assert_int_equal(rows_of(x, 0), 0);
}

/* The mover is killed at any moment, again and again; then it is let go on. */
static void a_mover_that_is_killed_harms_nothing(void **state)
{
    struct fixture *x = *state;
    pthread_t thread;
    uint64_t rows = 0;
    reopen(x, POSTGRES_SHARDS);
    struct stream *s = stream_begin(x, &thread);
    for (unsigned i = 0; i < 12; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            execl("/proc/self/exe", "test_postgres_move", "move", (char *)NULL);
            _exit(9);
        }
        usleep(20000 + i * 35000); /* whatever it does then */
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    while (move(0xFFFF, 2, &rows) == ERR_CONFLICT) /* until the server has seen that the other one is gone */
        usleep(50000);
    assert_int_equal(s->refused, 0);
    stream_end(x, s, thread);
    assert_int_equal(slots_in(2) & 0xFFFF, 0xFFFF);
    reopen(x, POSTGRES_SHARDS);
    for (unsigned i = 0; i < LANES; i++)
        assert_int_equal(rows_of(x, i), slot_of(x, i).position);
}

int main(int argc, char **argv)
{
    postgres_need(argc, argv);
    if (argc == 2 && strcmp(argv[1], "move") == 0) {
        uint64_t rows = 0;
        postgres_urls(url, POSTGRES_SHARDS);
        return move(0xFFFF, 2, &rows) != ERR_OK;
    }
    log_setup(LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        ROW(slots_move_while_they_are_written),
        ROW(deletions_move_too),
        ROW(settings_move_with_slot_0),
        ROW(a_move_that_is_half_done_is_finished),
        ROW(a_slot_that_moves_while_a_server_starts_is_found),
        ROW(a_mover_that_is_killed_harms_nothing),
#undef ROW
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
