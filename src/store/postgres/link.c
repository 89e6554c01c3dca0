/* A connection in pipeline mode on the store's loop: what is sent, in which order answers come, and how it is made again. */
#include <fcntl.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "store/postgres/priv.h"

enum { RETRY_MS = 50, RETRY_MAX_MS = 500, EXPECTED_MAX = 1 << 20 };

/* The results that come, one after another. */
enum kind { PREPARED, ROWS, SYNCED };
struct expect {
    unsigned statement;
    enum kind kind;
};

/* libuv's, which may live a little longer than the connection. libpq closes its socket by itself when something is wrong, and another
 * thread may have its number then: so it is watched by a number of our own. */
struct watch {
    uv_poll_t poll; /* first */
    int fd;
    struct link *link;
    bool writing; /* waits for room, too */
};

/* A connection that is being made, by a thread of its own. */
struct connecting {
    struct task task;
    pthread_t thread;
    struct link *link;
    PGconn *conn;
    struct fault why;
};

static void on_socket(uv_poll_t *poll, int status, int events);

static struct loop *loop_of(const struct link *l)
{
    return l->shard->pg->loop;
}

static bool bit(const struct link *l, unsigned statement)
{
    return l->prepared[statement / 8] >> statement % 8 & 1;
}

static void bit_set(struct link *l, unsigned statement, bool on)
{
    unsigned char mask = (unsigned char)(1u << statement % 8);
    if (on)
        l->prepared[statement / 8] |= mask;
    else
        l->prepared[statement / 8] &= (unsigned char)~mask;
}

/* --- its life --- */

static void *connect_main(void *arg)
{
    struct connecting *c = arg;
    pthread_setname_np(pthread_self(), "connect");
    c->conn = shard_connect(c->link->shard, c->link->writer, &c->why);
    loop_post(loop_of(c->link), &c->task);
    return NULL;
}

static void retry(struct timer *t)
{
    pg_link_start(list_item(t, struct link, retry));
}

static void try_later(struct link *l)
{
    unsigned shift = l->failures < 6 ? l->failures : 6;
    int64_t most = RETRY_MS << shift < RETRY_MAX_MS ? RETRY_MS << shift : RETRY_MAX_MS;
    l->failures++;
    timer_set(loop_of(l), &l->retry, most / 2 + (int64_t)(random_u64() % (uint64_t)most), retry); /* not all nodes at once */
}

static void away(struct link *l, const struct fault *why)
{
    if (!l->shard->away) log_event(LOG_WARN, "store", "database is away", "shard=%s why=\"%s\"", l->shard->name, why->text);
    l->shard->away = true;
}

static bool watch(struct link *l)
{
    int fd = fcntl(PQsocket(l->conn), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) return false;
    l->watch = mem_zero(sizeof *l->watch);
    l->watch->link = l;
    l->watch->fd = fd;
    uv_poll_init(loop_uv(loop_of(l)), &l->watch->poll, fd);
    uv_poll_start(&l->watch->poll, UV_READABLE, on_socket);
    return true;
}

static void here(struct link *l)
{
    if (l->shard->away) log_event(LOG_INFO, "store", "database is back", "shard=%s", l->shard->name);
    l->shard->away = false;
    l->shard->here_ms = loop_now_ms(loop_of(l));
    l->failures = 0;
    shard_go_on(l->shard);
}

static void connected(struct task *t)
{
    struct connecting *c = list_item(t, struct connecting, task);
    struct link *l = c->link;
    pthread_join(c->thread, NULL);
    l->connecting = NULL;
    l->conn = c->conn;
    if (l->conn && (PQsetnonblocking(l->conn, 1) != 0 || PQenterPipelineMode(l->conn) != 1 || !watch(l))) {
        PQfinish(l->conn);
        l->conn = NULL;
    }
    if (l->conn) {
        here(l);
    } else {
        away(l, &c->why);
        try_later(l);
    }
    mem_free(c);
}

void pg_link_start(struct link *l)
{
    struct connecting *c = mem_zero(sizeof *c);
    c->task.run = connected;
    c->link = l;
    if (pthread_create(&c->thread, NULL, connect_main, c) != 0) {
        mem_free(c);
        try_later(l);
        return;
    }
    l->connecting = c;
}

static void watch_free(uv_handle_t *h)
{
    close(((struct watch *)(void *)h)->fd);
    mem_free(h);
}

static void hang_up(struct link *l)
{
    if (!l->conn) return;
    uv_close((uv_handle_t *)&l->watch->poll, watch_free);
    PQfinish(l->conn);
    l->conn = NULL;
    l->watch = NULL;
    l->broken = false;
    memset(l->prepared, 0, sizeof l->prepared);
    buf_clear(&l->expected);
}

static void give_up(struct task *t)
{
    struct link *l = list_item(t, struct link, give_up);
    struct list asks;
    if (!l->conn) return;
    struct fault why = {0};
    (void)fault_set(&why, ERR_UNAVAILABLE, "The connection was lost: %.*s", (int)strcspn(PQerrorMessage(l->conn), "\n"),
                    PQerrorMessage(l->conn));
    hang_up(l);
    away(l, &why);
    list_init(&asks);
    for (struct list *n; (n = list_pop(&l->asks));)
        list_push(&asks, n);
    l->depth = 0;
    for (struct list *n; (n = list_pop(&asks));) {
        struct ask *a = list_item(n, struct ask, link);
        a->over(a, OVER_LOST);
    }
    try_later(l); /* also when the store closes: batches may wait, or be in doubt */
    shard_go_on(l->shard);
}

void pg_link_drop(struct link *l)
{
    if (!l->conn || l->broken) return;
    l->broken = true;
    loop_defer(loop_of(l), &l->give_up);
}

void pg_link_init(struct link *l, struct shard *s, bool writer)
{
    *l = (struct link){.shard = s, .writer = writer, .give_up.run = give_up};
    list_init(&l->asks);
    buf_init(&l->expected, EXPECTED_MAX);
}

void pg_link_close(struct link *l)
{
    timer_clear(loop_of(l), &l->retry);
    hang_up(l);
    buf_release(&l->expected);
}

int64_t pg_link_oldest_ms(const struct link *l)
{
    return list_is_empty(&l->asks) ? 0 : list_item(l->asks.next, struct ask, link)->sent_ms;
}

/* --- out --- */

static void expect(struct link *l, unsigned statement, enum kind kind)
{
    struct expect e = {statement, kind};
    buf_add(&l->expected, str_make((const char *)&e, sizeof e));
    if (!buf_ok(&l->expected)) pg_link_drop(l);
}

/* Writes what the socket takes. */
static void flush(struct link *l)
{
    int left = PQflush(l->conn);
    if (left < 0) {
        pg_link_drop(l);
    } else if (l->watch->writing != (left > 0)) {
        l->watch->writing = left > 0;
        uv_poll_start(&l->watch->poll, UV_READABLE | (left > 0 ? UV_WRITABLE : 0), on_socket);
    }
}

static void prepare(struct link *l, unsigned statement, const char *name)
{
    struct sql q;
    sql_write(&q, statement);
    if (PQsendPrepare(l->conn, name, q.text.p, q.params, q.type) != 1) pg_link_drop(l);
    buf_release(&q.text);
    expect(l, statement, PREPARED);
    bit_set(l, statement, true);
}

void pg_link_send(struct link *l, unsigned statement, const struct params *p)
{
    static const int binary[SQL_PARAMS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    char name[16];
    snprintf(name, sizeof name, "r%u", statement);
    if (!bit(l, statement)) prepare(l, statement, name);
    if (PQsendQueryPrepared(l->conn, name, p->n, p->value, p->length, binary, 1) != 1) pg_link_drop(l);
    expect(l, statement, ROWS);
}

void pg_link_sync(struct link *l, struct ask *a)
{
    if (PQpipelineSync(l->conn) != 1) pg_link_drop(l);
    expect(l, 0, SYNCED);
    a->sent_ms = loop_now_ms(loop_of(l));
    list_push(&l->asks, &a->link);
    l->depth++;
    flush(l);
}

/* --- in --- */

static void note_failure(struct link *l, struct ask *a, const struct expect *e, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE), *why = PQresultErrorMessage(r);
    if (e->kind == PREPARED) bit_set(l, e->statement, false);
    if (PQresultStatus(r) == PGRES_PIPELINE_ABORTED || a->state[0]) return;
    snprintf(a->state, sizeof a->state, "%s", state ? state : "XX000");
    snprintf(a->why, sizeof a->why, "%.*s", (int)strcspn(why, "\n"), why);
    for (char *q = a->why; *q; q++)
        if (*q == '"') *q = '\''; /* it stands in quotes in the log */
}

static void take_result(struct link *l, const struct expect *e, PGresult *r)
{
    struct ask *a = list_is_empty(&l->asks) ? NULL : list_item(l->asks.next, struct ask, link);
    ExecStatusType st = PQresultStatus(r);
    bool kept = false;
    if (!a)
        pg_link_drop(l); /* an ask is never answered before its sync is sent, but by an end */
    else if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK)
        note_failure(l, a, e, r);
    else if (a->result && st == PGRES_TUPLES_OK)
        kept = a->result(a, e->statement, r);
    if (!kept) PQclear(r);
}

static void take_sync(struct link *l)
{
    struct list *n = list_pop(&l->asks);
    if (!n) return;
    struct ask *a = list_item(n, struct ask, link);
    l->depth--;
    a->over(a, a->state[0] ? OVER_FAILED : OVER_DONE);
}

/* All results that are whole. */
static void drain(struct link *l)
{
    while (l->conn && !l->broken && !PQisBusy(l->conn) && l->expected.n) {
        struct expect e;
        memcpy(&e, l->expected.p, sizeof e);
        PGresult *r = PQgetResult(l->conn);
        bool sync = r && PQresultStatus(r) == PGRES_PIPELINE_SYNC;
        if (r && !sync) {
            take_result(l, &e, r);
            continue;
        }
        PQclear(r);
        buf_shift(&l->expected, sizeof e);
        if (sync != (e.kind == SYNCED))
            pg_link_drop(l); /* a broken connection ends in the middle */
        else if (sync)
            take_sync(l);
    }
}

/* What TLS has read from the socket already does not wake the loop. */
static bool has_pending(PGconn *c)
{
    SSL *tls = PQsslStruct(c, "OpenSSL");
    return tls && SSL_pending(tls) > 0;
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct link *l = ((struct watch *)(void *)poll)->link;
    if (l->broken) return;
    if (status < 0) {
        pg_link_drop(l);
        return;
    }
    if (events & UV_READABLE) {
        bool ok;
        do
            ok = PQconsumeInput(l->conn);
        while (ok && has_pending(l->conn));
        drain(l);
        if (!ok) pg_link_drop(l);
    }
    if (l->conn && !l->broken) flush(l);
    if (pg_link_is_up(l)) shard_go_on(l->shard);
}
