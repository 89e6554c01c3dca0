/* Tests with a PostgreSQL server of their own: the program runs itself again under tests/support/postgres.py, which starts one. */
#ifndef ROOKERY_TESTS_CONTRACT_POSTGRES_H
#define ROOKERY_TESTS_CONTRACT_POSTGRES_H

#include <libgen.h>
#include <libpq-fe.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contract/helper.h"
#include "store/postgres/postgres.h"

enum { POSTGRES_SHARDS = 3 };

/* At the start of main(): returns once there is a server. */
static inline void postgres_need(int argc, char **argv)
{
    helper_need("postgres.py", "TEST_POSTGRES", argc, argv);
}

/* The URLs of the first `count` databases; the bytes live on. */
static inline void postgres_urls(struct str *out, size_t count)
{
    struct str rest = str_c(getenv("TEST_POSTGRES"));
    for (size_t i = 0; i < count; i++) {
        ptrdiff_t blank = str_find(rest, ' ');
        out[i] = blank < 0 ? rest : str_first(rest, (size_t)blank);
        rest = str_from(rest, out[i].n + 1);
    }
}

/* To the server: stop, kill, start, pause, continue. */
static inline void postgres_do(const char *what)
{
    char command[2 * PATH_MAX], helper[PATH_MAX];
    helper_path("postgres.py", helper);
    snprintf(command, sizeof command, "%s %s %s", helper, what, getenv("TEST_POSTGRES_FOLDER"));
    if (system(command) != 0) abort();
}

/* Runs SQL in a database; the first value of the answer goes to `out`, if there is one. */
static inline void postgres_sql(struct str url, const char *sql, char *out, size_t n)
{
    char text[PATH_MAX];
    snprintf(text, sizeof text, "%.*s", (int)url.n, url.p);
    PGconn *c = PQconnectdb(text);
    PQclear(PQexec(c, "SET client_min_messages = error"));
    PGresult *r = PQexec(c, sql);
    ExecStatusType st = PQresultStatus(r);
    if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s: %s", sql, PQerrorMessage(c));
        abort();
    }
    if (out) snprintf(out, n, "%s", PQntuples(r) ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    PQfinish(c);
}

/* Empties the databases when they were last used for another path. */
static inline void postgres_begin(const struct str *url, size_t count, const char *path)
{
    char sql[PATH_MAX + 200], last[PATH_MAX];
    for (size_t i = 0; i < count; i++) {
        postgres_sql(url[i], "CREATE TABLE IF NOT EXISTS public.used (path text)", NULL, 0);
        postgres_sql(url[i], "SELECT path FROM public.used", last, sizeof last);
        if (strcmp(last, path) == 0) continue;
        snprintf(sql, sizeof sql, "DROP SCHEMA IF EXISTS rookery CASCADE; TRUNCATE public.used; INSERT INTO public.used VALUES ('%s')",
                 path);
        postgres_sql(url[i], sql, NULL, 0);
    }
}

/* A store in the first `count` databases; what the path had before. */
static inline enum err postgres_open(const char *path, size_t count, struct store **out)
{
    struct str url[POSTGRES_SHARDS];
    struct fault f = {0};
    postgres_urls(url, count);
    postgres_begin(url, count, path);
    enum err e = store_postgres_open(&(struct store_postgres_config){.url = url, .urls = count}, out, &f);
    if (e) fprintf(stderr, "%s\n", f.text);
    return e;
}

#endif
