/* What an administrator is shown of the shards: it changes nothing, and is there within seconds, whatever the databases do. */
#include "contract/pg_proxy.h"
#include "unit/store/shards.h"

enum { PATIENCE_S = 60 }; /* it takes less than 6; on a machine with other work, longer. Without a limit: for ever */

struct view {
    struct store_shard shard[POSTGRES_SHARDS];
    struct fault fault;
    enum err err;
};

static struct view look(struct fixture *x, const struct str *urls, size_t count)
{
    struct view v = {0};
    alarm(PATIENCE_S);
    v.err = store_postgres_shards(&(struct store_postgres_config){.url = urls, .urls = count}, &x->arena, v.shard, &v.fault);
    alarm(0);
    return v;
}

static void check_unseen(struct fixture *x, const struct str *urls, size_t count, const char *why)
{
    struct view v = look(x, urls, count);
    assert_int_equal(v.err, ERR_UNAVAILABLE);
    if (!strstr(v.fault.text, why)) print_message("%s\n", v.fault.text);
    assert_non_null(strstr(v.fault.text, why));
    assert_null(strstr(v.fault.text, "secret"));
}

static void check_seen(struct fixture *x)
{
    struct view v = look(x, url, POSTGRES_SHARDS);
    assert_int_equal(v.err, ERR_OK);
    assert_int_equal(v.shard[0].slots | v.shard[1].slots | v.shard[2].slots, UINT64_MAX);
    for (size_t i = 0; i < POSTGRES_SHARDS; i++)
        assert_true(v.shard[i].bytes > 0 && strstr(v.shard[i].name, "shard"));
}

static void a_database_that_is_empty_stays_so(void **state)
{
    struct fixture *x = *state;
    struct view v = look(x, url, POSTGRES_SHARDS);
    assert_int_equal(v.err, ERR_OK);
    for (size_t i = 0; i < POSTGRES_SHARDS; i++) {
        assert_int_equal(v.shard[i].slots, 0);
        assert_int_equal(v.shard[i].bytes, 0);
        assert_int_equal(count_in(url[i], "SELECT count(*) FROM pg_namespace WHERE nspname = 'rookery'"), 0);
    }
    struct fault f = {0};
    assert_int_equal(store_postgres_prepare(&(struct store_postgres_config){.url = url, .urls = POSTGRES_SHARDS}, &f), ERR_OK);
    check_seen(x);
}

/* As before a rolling upgrade: the new program is there, its server does not run yet. */
static void an_older_schema_stays_as_it_is(void **state)
{
    struct fixture *x = *state;
    const char *missing =
        "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'rookery' AND (table_name = 'public_room' OR "
        "(table_name = 'timeline' AND column_name = 'extra'))";
    reopen(x, POSTGRES_SHARDS);
    postgres_sql(url[0], "ALTER TABLE rookery.timeline DROP COLUMN extra; DROP TABLE rookery.public_room", NULL, 0);
    postgres_sql(url[1], "UPDATE rookery.shard_meta SET value = '9' WHERE name = 'format'", NULL, 0);
    check_seen(x);
    assert_int_equal(count_in(url[0], missing), 0);
}

static void a_database_that_stands_still_is_given_up(void **state)
{
    struct fixture *x = *state;
    reopen(x, POSTGRES_SHARDS);
    x->store->ops->close(x->store);
    x->store = NULL;
    postgres_do("pause");
    check_unseen(x, url, POSTGRES_SHARDS, "cannot be reached");
    postgres_do("continue");
    check_seen(x);
}

/* The login is answered, and nothing after it. */
static void a_database_that_hangs_after_the_login_is_given_up(void **state)
{
    struct fixture *x = *state;
    struct proxy proxy;
    char folder[300];
    reopen(x, 1);
    snprintf(folder, sizeof folder, "%s/proxy", x->dir);
    assert_int_equal(mkdir(folder, 0755), 0);
    proxy_start(&proxy, folder, getenv("TEST_POSTGRES_FOLDER"));
    struct str through = arena_printf(&x->arena, "postgresql://rookery@/shard1?host=%s", folder);
    proxy.drop_begins = true;
    check_unseen(x, &through, 1, "/proxy/shard1 does not answer");
    proxy.drop_begins = false;
    assert_int_equal(look(x, &through, 1).err, ERR_OK);
    proxy_stop(&proxy);
}

/* As behind a change of the schema; nothing is left of the question in the database either. */
static void a_table_that_is_locked_is_given_up(void **state)
{
    struct fixture *x = *state;
    reopen(x, POSTGRES_SHARDS);
    PGconn *c = PQconnectdb(arena_cstr(&x->arena, url[2]));
    PQclear(PQexec(c, "BEGIN; LOCK TABLE rookery.shard_slot IN ACCESS EXCLUSIVE MODE"));
    check_unseen(x, url, POSTGRES_SHARDS, "statement timeout");
    assert_int_equal(count_in(url[2], "SELECT count(*) FROM pg_locks WHERE NOT granted"), 0);
    PQfinish(c);
    check_seen(x);
}

static void what_cannot_be_reached_is_told_without_the_password(void **state)
{
    struct fixture *x = *state;
    check_unseen(x, (struct str[]){url[0], STR("postgresql://u:secret@127.0.0.1:1/db")}, 2, "127.0.0.1:1/db cannot be reached");
}

int main(int argc, char **argv)
{
    postgres_need(argc, argv);
    log_setup(LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        ROW(a_database_that_is_empty_stays_so),        ROW(an_older_schema_stays_as_it_is),
        ROW(a_database_that_stands_still_is_given_up), ROW(a_database_that_hangs_after_the_login_is_given_up),
        ROW(a_table_that_is_locked_is_given_up),       ROW(what_cannot_be_reached_is_told_without_the_password),
#undef ROW
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
