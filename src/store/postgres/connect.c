/* Sessions, made and asked in blocking calls: at the store's start, and on the threads that make new connections. */
#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/postgres/priv.h"

/* libpq's messages are several lines, and may be of any length. */
static enum err fault_of(PGconn *c, const struct shard *s, const char *what, struct fault *f)
{
    char text[200];
    snprintf(text, sizeof text, "%s", PQerrorMessage(c));
    text[strcspn(text, "\n")] = 0;
    if (s) return fault_set(f, ERR_UNAVAILABLE, "[store] url: the database %s %s: %s", s->name, what, text);
    return fault_set(f, ERR_UNAVAILABLE, "The database %s: %s", what, text);
}

enum err conn_run(PGconn *c, const char *sql, struct fault *f)
{
    PGresult *r = PQexec(c, sql);
    ExecStatusType st = PQresultStatus(r);
    PQclear(r);
    return st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK ? ERR_OK : fault_of(c, NULL, "refused a statement", f);
}

PGresult *conn_ask(PGconn *c, const char *sql, const char *const *param, int params, struct fault *f)
{
    PGresult *r = PQexecParams(c, sql, params, NULL, param, NULL, NULL, 0);
    ExecStatusType st = PQresultStatus(r);
    if (st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK) return r;
    (void)fault_of(c, NULL, "refused a question", f);
    PQclear(r);
    return NULL;
}

/* Is there a result, or none to come? */
static bool wait_for_result(PGconn *c, int64_t until_us)
{
    for (int64_t left; PQisBusy(c);) {
        struct pollfd socket = {.fd = PQsocket(c), .events = POLLIN};
        if ((left = until_us - clock_mono_us(&clock_system)) <= 0) return false;
        poll(&socket, 1, (int)(left / 1000) + 1);
        if (socket.revents && !PQconsumeInput(c)) return true; /* PQgetResult tells what happened */
    }
    return true;
}

PGresult *shard_ask_until(const struct shard *s, PGconn *c, const char *sql, int64_t until_us, struct fault *f)
{
    PGresult *r = NULL, *next;
    bool there = PQsendQuery(c, sql);
    while ((there = there && wait_for_result(c, until_us)) && (next = PQgetResult(c))) {
        PQclear(r);
        r = next;
    }
    if (there && PQresultStatus(r) == PGRES_TUPLES_OK) return r;
    if (there)
        (void)fault_of(c, s, "refused a question", f);
    else
        (void)fault_set(f, ERR_UNAVAILABLE, "[store] url: the database %s does not answer.", s->name);
    PQclear(r);
    return NULL;
}

/* --- a session --- */

static bool is(PGresult *r, int column, const char *text)
{
    return strcmp(PQgetvalue(r, 0, column), text) == 0;
}

/* What it has acknowledged must be durable, and texts must be UTF-8. */
static enum err check_server(PGconn *c, const struct shard *s, struct fault *f)
{
    if (PQserverVersion(c) < 140000) return fault_set(f, ERR_STORAGE, "[store] url: the database %s is older than PostgreSQL 14.", s->name);
    PGresult *r = conn_ask(c, "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('server_encoding')",
                           NULL, 0, f);
    if (!r) return fault_of(c, s, "does not tell its settings", f);
    enum err e = ERR_OK;
    if (is(r, 0, "off"))
        e = fault_set(f, ERR_STORAGE, "[store] url: the database %s has fsync off and would lose messages; set fsync = on there.", s->name);
    else if (is(r, 1, "off"))
        e = fault_set(f, ERR_STORAGE,
                      "[store] url: the database %s has synchronous_commit off and would lose messages; set synchronous_commit = on there.",
                      s->name);
    else if (!is(r, 2, "UTF8"))
        e = fault_set(f, ERR_STORAGE, "[store] url: the database %s has encoding %s; make one with ENCODING 'UTF8'.", s->name,
                      PQgetvalue(r, 0, 2));
    PQclear(r);
    return e;
}

/* Every statement finds its rows by a primary key, so the planner has nothing to choose. A connection whose client has gone must not keep locks
 * for long. */
static const char session[] =
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off; SET jit = off;"
    "SET plan_cache_mode = force_generic_plan; SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;"
    "SET tcp_keepalives_count = 3; SET client_connection_check_interval = '2s';";

static void notice(void *arg, const char *text)
{
    const struct shard *s = arg;
    log_event(LOG_DEBUG, "store", "notice", "shard=%s text=\"%.*s\"", s->name, (int)strcspn(text, "\n"), text);
}

/* libpq's parameters for a shard. What stands before the URL it may override. */
struct dial {
    char timeout[12];
    const char *value[10];
};
static const char *const param_name[10] = {
    "connect_timeout",  "application_name",     "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
    "keepalives_count", "target_session_attrs", "dbname",           "client_encoding", NULL};

static void dial_of(const struct shard *s, struct dial *p)
{
    *p = (struct dial){.value = {p->timeout, "rookery", "10000", "10", "5", "3", "read-write", s->url, "UTF8", NULL}};
    snprintf(p->timeout, sizeof p->timeout, "%d", CONNECT_TIMEOUT_S);
}

PGconn *shard_dial(const struct shard *s, struct fault *f)
{
    struct dial p;
    dial_of(s, &p);
    PGconn *c = PQconnectdbParams(param_name, p.value, 1);
    if (PQstatus(c) == CONNECTION_OK) {
        PQsetNoticeProcessor(c, notice, (void *)(uintptr_t)s);
        return c;
    }
    (void)fault_of(c, s, "cannot be reached", f);
    PQfinish(c);
    return NULL;
}

PGconn *shard_connect(const struct shard *s, bool writer, struct fault *f)
{
    PGconn *c = shard_dial(s, f);
    if (!c) return NULL;
    enum err e = check_server(c, s, f);
    if (!e) e = conn_run(c, session, f);
    if (!e) e = conn_run(c, writer ? "SET lock_timeout = '15s'" : "SET statement_timeout = '5s'", f);
    if (!e) return c;
    PQfinish(c);
    return NULL;
}

/* What libpq's ping does not see, it tells in words only: that who answers is a standby, has no room, or is not who it should be. */
bool shard_may_come(const struct shard *s, const struct fault *why)
{
    struct dial p;
    if (why->code != ERR_UNAVAILABLE || strstr(why->text, "certificate")) return false;
    if (strstr(why->text, "read-only") || strstr(why->text, "hot standby") || strstr(why->text, "too many clients")) return true;
    dial_of(s, &p);
    PGPing ping = PQpingParams(param_name, p.value, 1);
    return ping == PQPING_REJECT || ping == PQPING_NO_RESPONSE;
}
