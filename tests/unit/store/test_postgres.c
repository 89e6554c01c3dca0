/* What only the store on PostgreSQL has: starting, shards, what an administrator sees, and a database that fails. */
#include "contract/pg_proxy.h"
#include "contract/postgres.h"
#include "contract/store_fixture.h"

#include <sys/wait.h>

#include "base/log.h"

/* --- stores and databases --- */

static struct str url[POSTGRES_SHARDS];

static int setup(void **state)
{
    struct fixture *x = mem_zero(sizeof *x);
    fixture_init(x);
    postgres_urls(url, POSTGRES_SHARDS);
    postgres_begin(url, POSTGRES_SHARDS, x->dir);
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

static struct store *open_urls(const struct str *urls, size_t count)
{
    struct fault f = {0};
    struct store *s = NULL;
    enum err e = store_postgres_open(&(struct store_postgres_config){.url = urls, .urls = count}, &s, &f);
    if (e) print_message("%s\n", f.text);
    assert_int_equal(e, ERR_OK);
    return s;
}

static void reopen(struct fixture *x, size_t count)
{
    if (x->store) x->store->ops->close(x->store);
    x->store = NULL;
    x->store = open_urls(url, count);
}

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

static int64_t count_in(struct str database, const char *sql)
{
    char answer[200];
    postgres_sql(database, sql, answer, sizeof answer);
    return strtoll(answer, NULL, 10);
}

static int64_t count_sql(const char *sql)
{
    return count_in(url[0], sql);
}

static size_t rows_of(struct fixture *x, unsigned slot)
{
    struct store_read r = {.slot = slot, .table = T_timeline, .prefix = 1, .key = {cell_str(STR("!r"))}};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    return r.count;
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

/* Batches that are under way at once, each of a slot of its own. */
enum { LANES = 16 };
struct lane {
    struct waiting_batch w;
    struct change change;
};

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

/* Writes one batch after another in each of some slots, again where it was told that it was not written. */
struct stream {
    struct call call;
    struct lane lane[LANES];
    int64_t at[LANES];
    atomic_bool stop;
    unsigned running;
    atomic_uint refused, conflicts, written;
};

static void stream_next(struct lane *l);

static void stream_done(struct store_batch *b)
{
    struct lane *l = (struct lane *)(void *)b;
    struct stream *s = list_item(l, struct stream, lane[b->slot]);
    if (b->err == ERR_OK) s->at[b->slot]++;
    s->written += b->err == ERR_OK;
    s->refused += b->err == ERR_STORAGE;
    s->conflicts += b->err == ERR_CONFLICT;
    if (s->stop || b->err == ERR_CONFLICT) {
        if (--s->running == 0) sem_post(&s->call.ready);
        return;
    }
    stream_next(l);
}

static void stream_next(struct lane *l)
{
    struct stream *s = list_item(l, struct stream, lane[l->w.batch.slot]);
    unsigned slot = l->w.batch.slot;
    int64_t at = s->at[slot];
    l->change = put_timeline(STR("!r"), at, at, STR("{}"));
    l->w.batch = (struct store_batch){.loop = loop_current(),
                                      .slot = slot,
                                      .epoch = 1,
                                      .predecessor = at,
                                      .position = at + 1,
                                      .change = &l->change,
                                      .count = 1,
                                      .done = stream_done};
    store_apply(s->call.store, &l->w.batch);
}

static void stream_start(struct call *c)
{
    struct stream *s = list_item(c, struct stream, call);
    for (unsigned i = 0; i < LANES; i++) {
        s->lane[i].w.batch.slot = i;
        s->running++;
        stream_next(&s->lane[i]);
    }
}

static void *stream_thread(void *arg)
{
    struct stream *s = arg;
    call_wait(s->call.batch->loop, &s->call);
    return NULL;
}

static void stream_wait(struct stream *s, unsigned more)
{
    unsigned want = s->written + more;
    while (s->written < want)
        usleep(1000);
}

static void check_stream(struct fixture *x, struct stream *s)
{
    assert_int_equal(s->conflicts, 0);
    for (unsigned i = 0; i < LANES; i++) {
        assert_int_equal(slot_of(x, i).position, s->at[i]);
        assert_int_equal(rows_of(x, i), s->at[i]);
    }
}

static struct stream *stream_begin(struct fixture *x, pthread_t *thread)
{
    struct stream *s = mem_zero(sizeof *s);
    s->call = (struct call){.fn = stream_start, .store = x->store, .batch = &s->lane[0].w.batch};
    s->lane[0].w.batch.loop = x->loop[0];
    pthread_create(thread, NULL, stream_thread, s);
    stream_wait(s, 200);
    return s;
}

static void stream_end(struct fixture *x, struct stream *s, pthread_t thread)
{
    stream_wait(s, 200);
    s->stop = true;
    pthread_join(thread, NULL);
    check_stream(x, s);
    mem_free(s);
}

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

/* --- moving slots --- */

static void count_progress(void *ctx, const struct store_move_progress *p)
{
    uint64_t *rows = ctx;
    char left[100];
    *rows += p->copied;
    if (!p->done) return;
    snprintf(left, sizeof left, "SELECT count(*) FROM rookery.shard_change WHERE slot = %u", p->slot);
    for (size_t k = 0; k < POSTGRES_SHARDS; k++) /* what was forgotten where it was is not noted as a change */
        assert_int_equal(count_in(url[k], left), 0);
}

static enum err move(uint64_t slots, size_t to, uint64_t *rows)
{
    struct fault f = {0};
    struct store_postgres_config c = {.url = url, .urls = POSTGRES_SHARDS};
    enum err e =
        store_postgres_move(&c, &(struct store_move_config){.slots = slots, .to = to, .progress = count_progress, .ctx = rows}, &f);
    if (e) print_message("%s\n", f.text);
    return e;
}

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
    assert_int_equal(move((uint64_t)0xFF00000000FF, 2, &rows), ERR_OK);
    assert_true(rows > 0);
    stream_wait(s, 200);
    assert_int_equal(slots_in(2), (uint64_t)0xFF00000000FF);
    assert_int_equal(move((uint64_t)0x00000000000F, 0, &rows), ERR_OK); /* some come back, some go on */
    assert_int_equal(move((uint64_t)0x0000000000F0, 1, &rows), ERR_OK);
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
            execl("/proc/self/exe", "test_postgres", "move", (char *)NULL);
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
        ROW(slots_move_while_they_are_written),
        ROW(deletions_move_too),
        ROW(settings_move_with_slot_0),
        ROW(a_move_that_is_half_done_is_finished),
        ROW(a_mover_that_is_killed_harms_nothing),
        ROW(backends_that_die_in_a_commit_lose_and_double_nothing),
        ROW(a_server_that_is_killed_loses_and_doubles_nothing),
        ROW(a_backend_killed_with_9_loses_and_doubles_nothing),
        ROW(while_it_is_away_nothing_waits_for_ever),
        ROW(a_server_that_stands_still_is_waited_for),
#undef ROW
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
