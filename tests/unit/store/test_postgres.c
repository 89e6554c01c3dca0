/* What only the store on PostgreSQL has: starting, shards, what an administrator sees, and a database that fails. Moving slots: test_postgres_move.c. */
#include "contract/pg_proxy.h"
#include "unit/store/shards.h"

static enum err refused(const struct str *urls, size_t count, const char *why)
{
    struct fault f = {0};
    struct store *s = NULL;
    enum err e = store_postgres_open(&(struct store_postgres_config){.url = urls, .urls = count}, &s, &f);
    assert_int_not_equal(e, ERR_OK);
    assert_null(s);
    if (!strstr(f.text, why)) print_message("%s\n", f.text);
    assert_non_null(strstr(f.text, why));
    assert_non_null(strstr(f.text, "[store] url"));
    assert_null(strstr(f.text, "secret"));
    return e;
}

static void check_refused(const struct str *urls, size_t count, const char *why)
{
    assert_int_not_equal(refused(urls, count, why), ERR_UNAVAILABLE); /* waiting would not help */
}

static int64_t count_sql(const char *sql)
{
    return count_in(url[0], sql);
}

/* --- starting --- */

static void what_cannot_be_reached_is_told_without_the_password(void **state)
{
    (void)state;
    assert_int_equal(refused(&STR("postgresql://u:secret@127.0.0.1:1/db"), 1, "127.0.0.1:1/db cannot be reached"), ERR_UNAVAILABLE);
    check_refused(&STR("postgresql://u:secret%@127.0.0.1:1/db"), 1, "number 1 is no address");
    check_refused(&STR("mysql://u:secret@127.0.0.1/db"), 1, "number 1");
}

static void a_server_that_would_lose_messages_is_refused(void **state)
{
    (void)state;
    postgres_sql(url[0], "ALTER DATABASE shard1 SET synchronous_commit = off", NULL, 0);
    check_refused(url, 1, "synchronous_commit = on");
    postgres_sql(url[0], "ALTER DATABASE shard1 RESET synchronous_commit", NULL, 0);
}

static void a_newer_format_is_refused(void **state)
{
    struct fixture *x = *state;
    reopen(x, 1);
    assert_int_equal(x->store->ops->meta_set(x->store, STR("format"), STR("2")), ERR_OK);
    check_refused(url, 1, "has format 2, written by a newer version; this one reads up to format 1");
    assert_int_equal(x->store->ops->meta_set(x->store, STR("format"), STR("1")), ERR_OK);
    assert_int_equal(x->store->ops->meta_set(x->store, STR("slots"), STR("128")), ERR_OK);
    check_refused(url, 1, "has 128 slots; this version works with 64");
}

/* As a program does whose tables.def is longer. */
static void tables_and_columns_are_added(void **state)
{
    struct fixture *x = *state;
    reopen(x, 1);
    struct change c[] = {put_profile(STR("@u"), STR("f"), STR("1")), put_timeline(STR("!r"), 1, 1, STR("{}"))};
    assert_int_equal(apply(x, 0, 0, 1, c, 2), ERR_OK);
    postgres_sql(url[0], "ALTER TABLE rookery.timeline DROP COLUMN extra, DROP COLUMN position; DROP TABLE rookery.public_room", NULL, 0);
    reopen(x, 1);
    struct store_read r = {.slot = 0, .table = T_timeline};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.row->c[C_timeline_extra].s.n, 0);
    assert_int_equal(r.row->c[C_timeline_position].i, 0);
    r = (struct store_read){.slot = 0, .table = T_public_room};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 0);
}

struct starter {
    pthread_t thread;
    struct str url[POSTGRES_SHARDS];
    struct store *store;
    char history[20];
};

static void *start_one(void *arg)
{
    struct starter *s = arg;
    struct arena a;
    struct str v = {0};
    arena_init(&a);
    s->store = open_urls(s->url, POSTGRES_SHARDS);
    if (s->store->ops->meta_add(s->store, STR("history"), str_c(s->history), &a, &v) == ERR_OK)
        snprintf(s->history, sizeof s->history, "%.*s", STR_FMT(v));
    arena_release(&a);
    return NULL;
}

/* Their settings list the shards in different orders. */
static void nodes_that_start_at_once_make_one_store(void **state)
{
    enum { NODES = 5 };
    struct starter s[NODES] = {0};
    (void)state;
    for (size_t i = 0; i < NODES; i++) {
        for (size_t k = 0; k < POSTGRES_SHARDS; k++)
            s[i].url[k] = url[(i + k) % POSTGRES_SHARDS];
        snprintf(s[i].history, sizeof s[i].history, "node %zu", i);
        pthread_create(&s[i].thread, NULL, start_one, &s[i]);
    }
    for (size_t i = 0; i < NODES; i++)
        pthread_join(s[i].thread, NULL);
    int64_t slots = 0;
    for (size_t k = 0; k < POSTGRES_SHARDS; k++) {
        int64_t here = count_in(url[k], "SELECT count(*) FROM rookery.shard_slot WHERE state = 'live'");
        assert_in_range(here, 21, 22); /* evenly */
        slots += here;
    }
    assert_int_equal(slots, STORE_SLOTS);
    for (size_t i = 0; i < NODES; i++) {
        assert_string_equal(s[i].history, s[0].history);
        s[i].store->ops->close(s[i].store);
    }
}

static void a_start_that_was_interrupted_is_finished(void **state)
{
    struct fixture *x = *state;
    reopen(x, POSTGRES_SHARDS);
    for (size_t k = 0; k < POSTGRES_SHARDS; k++)
        postgres_sql(url[k], "DELETE FROM rookery.shard_meta WHERE name = 'complete'", NULL, 0);
    postgres_sql(url[1], "DELETE FROM rookery.shard_slot", NULL, 0);
    reopen(x, POSTGRES_SHARDS);
    assert_in_range(count_in(url[1], "SELECT count(*) FROM rookery.shard_slot"), 21, 22);
    assert_int_equal(slot_of(x, 1).position, 0);
}

static void shards_that_do_not_make_a_store_are_refused(void **state)
{
    struct fixture *x = *state;
    reopen(x, 2);
    check_refused(url, 1, "live in a database that is not listed");
    check_refused((struct str[]){url[0], url[1], url[0]}, 3, "are the same database");
    struct store *other = open_urls(&url[2], 1); /* a store of its own */
    other->ops->close(other);
    check_refused(url, 3, "are not of one store");
}

/* --- what an administrator sees --- */

static void rows_are_read_with_plain_sql(void **state)
{
    struct fixture *x = *state;
    reopen(x, 1);
    struct change c[] = {put_timeline(STR("!r:h"), 1, 1,
                                      STR("{\"content\":{\"body\":\"Gr\xC3\xBC\xC3\x9F"
                                          "e\"}}")),
                         put_timeline(STR("!r:h"), 2, 1, STR("\xFF\0\x01")), put_timeline(STR("!\xC3\xBC\0"), 3, 1, STR("\x01"))};
    assert_int_equal(apply(x, 0, 0, 1, c, 3), ERR_OK);
    char body[20];
    postgres_sql(url[0], "SELECT json::json->'content'->>'body' FROM rookery.timeline WHERE room_id = '!r:h' AND ord = 1", body,
                 sizeof body);
    assert_string_equal(body, "Gr\xC3\xBC\xC3\x9F"
                              "e");
    assert_int_equal(count_sql("SELECT count(*) FROM rookery.timeline WHERE room_id LIKE '!r:%'"), 2);
    assert_int_equal(count_sql("SELECT position FROM rookery.shard_slot WHERE slot = 0"), 1);
    struct store_read r = {.slot = 0, .table = T_timeline};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 3);
    assert_true(str_eq(r.row[0].c[C_timeline_room_id].s, STR("!r:h")));
    assert_true(str_eq(r.row[1].c[C_timeline_json].s, STR("\xFF\0\x01")));
    assert_true(str_eq(r.row[2].c[C_timeline_room_id].s, STR("!\xC3\xBC\0")));
    assert_true(str_eq(r.row[2].c[C_timeline_json].s, STR("\x01")));
}

static void a_backup_is_made_elsewhere(void **state)
{
    struct fixture *x = *state;
    struct fault f = {0};
    reopen(x, 1);
    assert_int_equal(x->store->ops->backup(x->store, "/nowhere", &f), ERR_UNRECOGNIZED);
    assert_non_null(strstr(f.text, "pg_dump"));
}

/* --- several writers --- */

static void a_former_owner_meets_the_fence_and_harms_nobody(void **state)
{
    struct fixture *x = *state, other = {0};
    reopen(x, 2);
    other = *x;
    other.store = open_urls(url, 2);
    struct change c = put_timeline(STR("!r"), 1, 1, STR("{}"));
    assert_int_equal(apply_in_epoch(x, 1, 5, 0, 1, &c, 1), ERR_OK);
    assert_int_equal(apply_in_epoch(&other, 2, 5, 1, 2, NULL, 0), ERR_OK); /* it opens an epoch */
    c.row.c[C_timeline_ord].i = 2;
    assert_int_equal(apply_in_epoch(x, 1, 5, 1, 2, &c, 1), ERR_CONFLICT);
    assert_int_equal(apply_in_epoch(x, 1, 5, 2, 3, &c, 1), ERR_CONFLICT);
    assert_int_equal(apply_in_epoch(x, 1, 7, 0, 1, &c, 1), ERR_OK); /* another slot of the same shard */
    assert_int_equal(rows_of(x, 5), 1);
    assert_int_equal(slot_of(&other, 5).epoch, 2);
    other.store->ops->close(other.store);
}

static void start_all(struct call *c)
{
    struct lane *l = (struct lane *)(void *)c->batch;
    for (unsigned i = 0; i < LANES; i++)
        store_apply(c->store, &l[i].w.batch);
    sem_post(&c->ready);
}

static void lanes_start(struct fixture *x, struct lane lane[LANES], int64_t from)
{
    for (unsigned i = 0; i < LANES; i++) {
        struct lane *l = &lane[i];
        *l = (struct lane){.change = put_timeline(STR("!r"), from, from, STR("{}"))};
        l->w.batch = (struct store_batch){.loop = x->loop[0],
                                          .slot = i,
                                          .epoch = 1,
                                          .predecessor = from,
                                          .position = from + 1,
                                          .change = &l->change,
                                          .count = 1,
                                          .done = batch_is_done};
        sem_init(&l->w.call.ready, 0, 0);
    }
    struct call all = {.fn = start_all, .store = x->store, .batch = &lane[0].w.batch};
    call_wait(x->loop[0], &all);
}

static void lanes_wait(struct lane lane[LANES])
{
    for (unsigned i = 0; i < LANES; i++)
        while (sem_wait(&lane[i].w.call.ready))
            ;
}

/* The database refuses what the store let pass: of those that travel together only that batch fails. */
static void a_batch_that_the_database_refuses_fails_alone(void **state)
{
    struct fixture *x = *state;
    struct lane lane[LANES];
    reopen(x, 1);
    postgres_sql(url[0], "ALTER TABLE rookery.timeline ADD CONSTRAINT odd CHECK (slot <> 3)", NULL, 0);
    lanes_start(x, lane, 0);
    lanes_wait(lane);
    for (unsigned i = 0; i < LANES; i++) {
        assert_int_equal(lane[i].w.batch.err, i == 3 ? ERR_STORAGE : ERR_OK);
        assert_int_equal(slot_of(x, i).position, i != 3);
    }
    postgres_sql(url[0], "ALTER TABLE rookery.timeline DROP CONSTRAINT odd", NULL, 0);
    struct change c = put_timeline(STR("!r"), 0, 0, STR("{}"));
    assert_int_equal(apply_in_epoch(x, 1, 3, 0, 1, &c, 1), ERR_OK);
}

/* --- a connection that is cut in the middle --- */

struct cutting {
    struct proxy proxy;
    char folder[300], server[PATH_MAX];
    struct lane lane[LANES];
};

static struct cutting *cutting_begin(struct fixture *x)
{
    struct cutting *c = mem_zero(sizeof *c);
    struct str through;
    snprintf(c->folder, sizeof c->folder, "%s/proxy", x->dir);
    assert_int_equal(mkdir(c->folder, 0755), 0);
    proxy_start(&c->proxy, c->folder, getenv("TEST_POSTGRES_FOLDER"));
    through = arena_printf(&x->arena, "postgresql://rookery@/shard1?host=%s", c->folder);
    x->store = open_urls(&through, 1);
    lanes_start(x, c->lane, 0); /* all is prepared then, and goes on */
    lanes_wait(c->lane);
    return c;
}

static void cutting_end(struct fixture *x, struct cutting *c)
{
    x->store->ops->close(x->store);
    x->store = NULL;
    proxy_stop(&c->proxy);
    mem_free(c);
}

static void wait_for_sql(const char *sql)
{
    while (count_sql(sql) == 0)
        usleep(2000);
}

static void wait_for_drop(struct cutting *c)
{
    while (atomic_load(&c->proxy.dropped) == 0)
        usleep(1000);
}

static void check_all(struct fixture *x, struct cutting *c, int64_t position)
{
    lanes_wait(c->lane);
    for (unsigned i = 0; i < LANES; i++) {
        assert_int_equal(c->lane[i].w.batch.err, ERR_OK);
        assert_int_equal(slot_of(x, i).position, position);
        assert_int_equal(rows_of(x, i), position);
    }
}

static void an_answer_that_was_lost_is_found_again(void **state)
{
    struct fixture *x = *state;
    struct cutting *c = cutting_begin(x);
    c->proxy.drop_answers = true;
    lanes_start(x, c->lane, 1);
    wait_for_sql("SELECT 1 FROM rookery.shard_slot WHERE slot = 0 AND position = 2");
    c->proxy.drop_answers = false;
    proxy_cut(&c->proxy);
    check_all(x, c, 2);
    assert_int_equal(count_sql("SELECT count(*) FROM rookery.timeline"), 2 * LANES);
    lanes_start(x, c->lane, 2);
    check_all(x, c, 3);
    cutting_end(x, c);
}

static void a_question_that_was_lost_is_asked_again(void **state)
{
    struct fixture *x = *state;
    struct cutting *c = cutting_begin(x);
    c->proxy.drop_questions = true;
    lanes_start(x, c->lane, 1);
    wait_for_drop(c);
    c->proxy.drop_questions = false;
    proxy_cut(&c->proxy);
    check_all(x, c, 2);
    cutting_end(x, c);
}

/* What is left of the old connection holds the slots' rows locked, and commits after all, once the new one waits for them. */
static void a_commit_that_comes_late_is_waited_for(void **state)
{
    struct fixture *x = *state;
    struct cutting *c = cutting_begin(x);
    postgres_sql(url[0],
                 "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(77); "
                 "RETURN NEW; END $$;"
                 "CREATE TRIGGER slow BEFORE INSERT ON rookery.timeline FOR EACH STATEMENT EXECUTE FUNCTION public.slow()",
                 NULL, 0);
    PGconn *gate = PQconnectdb(arena_cstr(&x->arena, url[0]));
    PQclear(PQexec(gate, "SELECT pg_advisory_lock(77)"));
    lanes_start(x, c->lane, 1);
    wait_for_sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'");
    proxy_cut(&c->proxy);
    wait_for_sql("SELECT 1 FROM pg_stat_activity WHERE application_name = 'rookery' AND wait_event = 'transactionid'");
    PQfinish(gate);
    check_all(x, c, 2);
    cutting_end(x, c);
    postgres_sql(url[0], "DROP FUNCTION public.slow CASCADE", NULL, 0);
}

static void somebody_else_who_went_on_is_a_conflict(void **state)
{
    struct fixture *x = *state;
    struct cutting *c = cutting_begin(x);
    c->proxy.drop_questions = true;
    lanes_start(x, c->lane, 1);
    wait_for_drop(c);
    struct fixture other = *x;
    other.store = open_urls(url, 1);
    assert_int_equal(apply_in_epoch(&other, 2, 4, 1, 2, NULL, 0), ERR_OK); /* the same position, in another epoch */
    other.store->ops->close(other.store);
    c->proxy.drop_questions = false;
    proxy_cut(&c->proxy);
    lanes_wait(c->lane);
    for (unsigned i = 0; i < LANES; i++)
        assert_int_equal(c->lane[i].w.batch.err, i == 4 ? ERR_CONFLICT : ERR_OK);
    assert_int_equal(rows_of(x, 4), 1);
    cutting_end(x, c);
}

/* --- a server that dies, and comes again --- */

static void backends_that_die_in_a_commit_lose_and_double_nothing(void **state)
{
    struct fixture *x = *state;
    pthread_t thread;
    reopen(x, 1);
    struct stream *s = stream_begin(x, &thread);
    for (unsigned i = 0; i < 30; i++) {
        postgres_sql(url[0], "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rookery'", NULL, 0);
        stream_wait(s, i * 7 % 50);
    }
    assert_int_equal(s->refused, 0);
    stream_end(x, s, thread);
}

static void a_server_that_is_killed_loses_and_doubles_nothing(void **state)
{
    struct fixture *x = *state;
    pthread_t thread;
    reopen(x, 1);
    struct stream *s = stream_begin(x, &thread);
    for (unsigned i = 0; i < 3; i++) {
        postgres_do(i == 1 ? "stop" : "kill");
        postgres_do("start");
        stream_wait(s, 100);
    }
    stream_end(x, s, thread);
}

/* One process of the server is killed: it stops all the others, and recovers. */
static void a_backend_killed_with_9_loses_and_doubles_nothing(void **state)
{
    struct fixture *x = *state;
    pthread_t thread;
    reopen(x, 1);
    struct stream *s = stream_begin(x, &thread);
    int64_t pid = count_sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'rookery' ORDER BY random() LIMIT 1");
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
    stream_end(x, s, thread);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void while_it_is_away_nothing_waits_for_ever(void **state)
{
    struct fixture *x = *state;
    struct change c = put_timeline(STR("!r"), 1, 1, STR("{}"));
    reopen(x, 1);
    assert_int_equal(apply(x, 0, 0, 1, &c, 1), ERR_OK);
    postgres_do("stop");
    int64_t from = now_ms();
    struct store_read r = {.slot = 0, .table = T_timeline};
    assert_int_equal(read_rows(x, &r), ERR_UNAVAILABLE);
    for (unsigned i = 0; i < 20; i++) /* once it is known, at once: who reads may hold up others */
        assert_int_equal(read_rows(x, &r), ERR_UNAVAILABLE);
    c.row.c[C_timeline_ord].i = 2;
    assert_int_equal(apply(x, 0, 1, 2, &c, 1), ERR_STORAGE);
    assert_in_range(now_ms() - from, 5000, 20000);
    postgres_do("start");
    enum err e;
    while ((e = apply(x, 0, 1, 2, &c, 1)) == ERR_STORAGE)
        continue;
    assert_int_equal(e, ERR_OK);
    assert_int_equal(rows_of(x, 0), 2);
}

/* A server that hangs: reads are given up, a commit is answered when it is known what became of it. */
static void a_server_that_stands_still_is_waited_for(void **state)
{
    struct fixture *x = *state;
    struct lane lane[LANES];
    reopen(x, 1);
    lanes_start(x, lane, 0);
    lanes_wait(lane);
    postgres_do("pause");
    lanes_start(x, lane, 1);
    struct store_read r = {.slot = 0, .table = T_timeline};
    assert_int_equal(read_rows(x, &r), ERR_UNAVAILABLE);
    postgres_do("continue");
    lanes_wait(lane);
    while (read_rows(x, &r) == ERR_UNAVAILABLE)
        continue;
    assert_int_equal(r.err, ERR_OK);
    assert_int_equal(r.count, 2); /* the first was sent */
    assert_int_equal(lane[0].w.batch.err, ERR_OK);
    for (unsigned i = 1; i < LANES; i++) { /* one that came a tick later was not, and is refused when it has waited long */
        bool sent = lane[i].w.batch.err == ERR_OK;
        assert_true(sent || lane[i].w.batch.err == ERR_STORAGE);
        assert_int_equal(slot_of(x, i).position, sent ? 2 : 1);
    }
}

int main(int argc, char **argv)
{
    postgres_need(argc, argv);
    log_setup(LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        ROW(what_cannot_be_reached_is_told_without_the_password),
        ROW(a_server_that_would_lose_messages_is_refused),
        ROW(a_newer_format_is_refused),
        ROW(tables_and_columns_are_added),
        ROW(nodes_that_start_at_once_make_one_store),
        ROW(a_start_that_was_interrupted_is_finished),
        ROW(shards_that_do_not_make_a_store_are_refused),
        ROW(rows_are_read_with_plain_sql),
        ROW(a_backup_is_made_elsewhere),
        ROW(a_former_owner_meets_the_fence_and_harms_nobody),
        ROW(a_batch_that_the_database_refuses_fails_alone),
        ROW(an_answer_that_was_lost_is_found_again),
        ROW(a_question_that_was_lost_is_asked_again),
        ROW(a_commit_that_comes_late_is_waited_for),
        ROW(somebody_else_who_went_on_is_a_conflict),
        ROW(backends_that_die_in_a_commit_lose_and_double_nothing),
        ROW(a_server_that_is_killed_loses_and_doubles_nothing),
        ROW(a_backend_killed_with_9_loses_and_doubles_nothing),
        ROW(while_it_is_away_nothing_waits_for_ever),
        ROW(a_server_that_stands_still_is_waited_for),
#undef ROW
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
