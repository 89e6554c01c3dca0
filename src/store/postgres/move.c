/* Moving a slot to another shard while people chat. Blocking, in a process of its own.
 *
 * 1. Triggers in the old shard note every change of the slot from now on (shard_change). They stay for the next slot, whose they become then.
 * 2. Its rows are copied as of one moment, and the slot's row in the new one says `copying`.
 * 3. What was noted is done again there, in order, until little is left.
 * 4. The slot's row in the old shard is locked: writers wait. The rest is done again and committed in the new shard, together with where the
 *    slot stands; then the old row says `moved`, and that decides; then the new row says `live`. Writers find their way (home.c).
 *
 * Who finds 4 half-done finishes it (slots.c). Before that the old shard has everything, and a move that ended early begins anew. */
#include <stdarg.h>

#include "store/postgres/priv.h"

enum { FEW = 50, SQL_BYTES_MAX = 65536, LOCK_TRIES = 200, LONG_TRY = 10 };

struct move {
    struct shard *from, *to;
    PGconn *old, *new;
    unsigned slot;
    int64_t noted; /* the number of the last change that was done again */
    struct store_move_progress progress;
    const struct store_move_config *config;
    struct fault *f;
};

static enum err run(struct move *m, PGconn *c, const char *format, ...) printf_like(3, 4);
static enum err run(struct move *m, PGconn *c, const char *format, ...)
{
    char sql[400];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    return conn_run(c, sql, m->f);
}

static void tell(struct move *m)
{
    if (m->config->progress) m->config->progress(m->config->ctx, &m->progress);
}

/* Statements that need a table for a moment. They do not queue up for long: everybody else would stand behind them; but for once in a while, since
 * a vacuum of the database itself gives way only to who has waited for a second. */
static enum err run_short(struct move *m, const char *sql)
{
    enum err e = ERR_OK;
    for (unsigned i = 0; !e && i < LOCK_TRIES; i++) {
        e = run(m, m->old, "SET lock_timeout = '%s'", i % LONG_TRY == LONG_TRY - 1 ? "1200ms" : "100ms");
        if (e) break;
        PGresult *r = PQexec(m->old, sql);
        const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        bool done = PQresultStatus(r) == PGRES_COMMAND_OK, busy = state && strcmp(state, "55P03") == 0;
        PQclear(r);
        if (done) return ERR_OK;
        if (!busy) break;
    }
    return e ? e
             : fault_set(m->f, ERR_STORAGE, "The database %s refused: %.*s", m->from->name, (int)strcspn(PQerrorMessage(m->old), "\n"),
                         PQerrorMessage(m->old));
}

static void write_triggers(struct buf *sql, enum table t, unsigned slot)
{
    sql_note_changes(sql, t, slot, false);
    buf_add(sql, STR(";"));
    sql_note_changes(sql, t, slot, true);
}

static void write_no_triggers(struct buf *sql, enum table t, unsigned slot)
{
    (void)slot;
    for (unsigned i = 0; i < 2; i++)
        buf_printf(sql, "DROP TRIGGER IF EXISTS %s ON rookery.\"%s\";", i ? "rookery_move_del" : "rookery_move_put", store_table(t)->name);
}

/* Table by table, each locked once, for a moment. Nothing is lost if it is: so it need not be on the disk before the next one, nor on a
 * standby, for which all writers of the table would wait. */
static enum err each_table(struct move *m, void (*write)(struct buf *sql, enum table t, unsigned slot))
{
    struct buf sql;
    buf_init(&sql, SQL_BYTES_MAX);
    enum err e = run(m, m->old, "SET synchronous_commit = off");
    for (unsigned t = 0; !e && t < T__COUNT; t++) {
        buf_clear(&sql);
        write(&sql, t, m->slot);
        buf_byte(&sql, 0);
        e = run_short(m, sql.p);
    }
    buf_release(&sql);
    return e ? e : run(m, m->old, "RESET synchronous_commit");
}

/* Of what is forgotten no note is taken: it is as much as was moved. */
static enum err forget_rows(struct move *m, PGconn *c)
{
    enum err e = run(m, c, "SET rookery.forgets = 'on'");
    for (unsigned t = 0; !e && t < T__COUNT; t++)
        e = run(m, c, "DELETE FROM rookery.\"%s\" WHERE slot = %u", store_table(t)->name, m->slot);
    return e ? e : run(m, c, "RESET rookery.forgets");
}

static enum err number_of(struct move *m, const char *sql, int64_t *out)
{
    PGresult *r = conn_ask(m->old, sql, NULL, 0, m->f);
    if (!r) return ERR_STORAGE;
    if (!str_to_int64(str_c(PQntuples(r) ? PQgetvalue(r, 0, 0) : ""), out)) *out = 0;
    PQclear(r);
    return ERR_OK;
}

/* --- copying --- */

static enum err count_rows(struct move *m)
{
    char sql[200];
    enum err e = ERR_OK;
    for (unsigned t = 0; !e && t < T__COUNT; t++) {
        int64_t n;
        snprintf(sql, sizeof sql, "SELECT count(*) FROM rookery.\"%s\" WHERE slot = %u", store_table(t)->name, m->slot);
        e = number_of(m, sql, &n);
        if (!e) m->progress.rows += (uint64_t)n;
    }
    return e;
}

static enum err copy_failed(struct move *m, PGconn *c)
{
    return fault_set(m->f, ERR_STORAGE, "Slot %u cannot be copied: %.*s", m->slot, (int)strcspn(PQerrorMessage(c), "\n"),
                     PQerrorMessage(c));
}

/* Begins or ends a COPY: the statement's result must be this. */
static bool result_is(PGresult *r, ExecStatusType want)
{
    bool right = PQresultStatus(r) == want;
    PQclear(r);
    return right;
}

static enum err pass_rows(struct move *m)
{
    char *row;
    int n;
    while ((n = PQgetCopyData(m->old, &row, 0)) > 0) {
        int put = PQputCopyData(m->new, row, n);
        PQfreemem(row);
        if (put != 1) return copy_failed(m, m->new);
        m->progress.copied++;
        if (m->progress.copied % 1000 == 0) tell(m);
    }
    if (n != -1 || !result_is(PQgetResult(m->old), PGRES_COMMAND_OK)) return copy_failed(m, m->old);
    if (PQputCopyEnd(m->new, NULL) != 1 || !result_is(PQgetResult(m->new), PGRES_COMMAND_OK)) return copy_failed(m, m->new);
    while (PQgetResult(m->old) || PQgetResult(m->new))
        continue;
    return ERR_OK;
}

static enum err copy_table(struct move *m, enum table t)
{
    struct buf out, in;
    buf_init(&out, SQL_BYTES_MAX);
    buf_init(&in, SQL_BYTES_MAX);
    sql_copy(&out, t, m->slot, false);
    sql_copy(&in, t, m->slot, true);
    buf_byte(&out, 0);
    buf_byte(&in, 0);
    enum err e = ERR_OK;
    if (!result_is(PQexec(m->old, out.p), PGRES_COPY_OUT))
        e = copy_failed(m, m->old);
    else if (!result_is(PQexec(m->new, in.p), PGRES_COPY_IN))
        e = copy_failed(m, m->new);
    else
        e = pass_rows(m);
    buf_release(&out);
    buf_release(&in);
    return e;
}

static enum err forget_changes(struct move *m)
{
    return run(m, m->old, "DELETE FROM rookery.shard_change WHERE slot = %u", m->slot);
}

static enum err copy_all(struct move *m)
{
    enum err e = run(m, m->old, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    if (!e) e = forget_changes(m); /* those that are in the copy */
    if (!e) e = run(m, m->new, "BEGIN");
    if (!e) e = forget_rows(m, m->new); /* of a move that ended early */
    if (!e)
        e = run(m, m->new,
                "INSERT INTO rookery.shard_slot (slot, state) VALUES (%u, 'copying') ON CONFLICT (slot) DO UPDATE SET state = 'copying', "
                "moved_to = ''",
                m->slot);
    for (unsigned t = 0; !e && t < T__COUNT; t++)
        e = copy_table(m, t);
    if (!e) e = run(m, m->new, "COMMIT");
    return e ? e : run(m, m->old, "COMMIT");
}

/* --- what has changed meanwhile --- */

static enum err repeat_one(struct move *m, const char *table, bool gone, const char *what)
{
    struct buf sql;
    enum table t = 0;
    while (t < T__COUNT && strcmp(store_table(t)->name, table) != 0)
        t++;
    if (t == T__COUNT) return fault_set(m->f, ERR_STORAGE, "A change of the table %s is not understood: it is of a newer version.", table);
    buf_init(&sql, SQL_BYTES_MAX);
    sql_repeat(&sql, t, gone);
    buf_byte(&sql, 0);
    PGresult *r = conn_ask(m->new, sql.p, &what, 1, m->f);
    buf_release(&sql);
    PQclear(r);
    return r ? ERR_OK : ERR_STORAGE;
}

/* All that is noted now. In a transaction of the new shard. */
static enum err repeat(struct move *m, int *count)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT number, of, gone, what FROM rookery.shard_change WHERE slot = %u AND number > %lld ORDER BY number",
             m->slot, (long long)m->noted);
    PGresult *r = conn_ask(m->old, sql, NULL, 0, m->f);
    enum err e = r ? ERR_OK : ERR_STORAGE;
    *count = e ? 0 : PQntuples(r);
    for (int i = 0; !e && i < *count; i++) {
        if (!str_to_int64(str_c(PQgetvalue(r, i, 0)), &m->noted)) e = ERR_STORAGE;
        if (!e) e = repeat_one(m, PQgetvalue(r, i, 1), strcmp(PQgetvalue(r, i, 2), "t") == 0, PQgetvalue(r, i, 3));
    }
    PQclear(r);
    return e;
}

static enum err catch_up(struct move *m)
{
    int count = FEW + 1;
    enum err e = ERR_OK;
    while (!e && count > FEW) {
        e = run(m, m->new, "BEGIN");
        if (!e) e = repeat(m, &count);
        if (!e) e = run(m, m->new, "COMMIT");
    }
    return e;
}

/* Settings of the whole store go with slot 0. */
static enum err copy_settings(struct move *m)
{
    if (m->slot) return ERR_OK;
    PGresult *r = conn_ask(m->old, "SELECT name, value FROM rookery.shard_meta WHERE name NOT IN ('id', 'format', 'slots', 'complete')",
                           NULL, 0, m->f);
    enum err e = r ? ERR_OK : ERR_STORAGE;
    for (int i = 0; !e && i < PQntuples(r); i++) {
        const char *const param[] = {PQgetvalue(r, i, 0), PQgetvalue(r, i, 1)};
        PGresult *put = conn_ask(
            m->new, "INSERT INTO rookery.shard_meta VALUES ($1, $2::bytea) ON CONFLICT (name) DO UPDATE SET value = excluded.value", param,
            2, m->f);
        if (!put) e = ERR_STORAGE;
        PQclear(put);
    }
    PQclear(r);
    return e;
}

/* The row must be there, or the slot would live nowhere: another mover may have taken it away. */
static enum err say_where(struct move *m, const char *position, const char *epoch)
{
    char sql[200];
    snprintf(sql, sizeof sql, "UPDATE rookery.shard_slot SET position = %s, epoch = %s WHERE slot = %u AND state = 'copying'", position,
             epoch, m->slot);
    PGresult *r = conn_ask(m->new, sql, NULL, 0, m->f);
    bool one = r && strcmp(PQcmdTuples(r), "1") == 0;
    enum err e = r ? ERR_OK : ERR_STORAGE;
    PQclear(r);
    if (!e && !one)
        e = fault_set(m->f, ERR_CONFLICT, "Slot %u is not being copied to %s any more: somebody else moves it.", m->slot, m->to->name);
    return e;
}

/* Takes over where it stands. */
static enum err stand(struct move *m)
{
    char sql[120];
    snprintf(sql, sizeof sql, "SELECT position, epoch FROM rookery.shard_slot WHERE slot = %u AND state = 'live' FOR UPDATE", m->slot);
    PGresult *r = conn_ask(m->old, sql, NULL, 0, m->f);
    int count;
    enum err e = r ? ERR_OK : ERR_STORAGE;
    if (!e && PQntuples(r) != 1)
        e = fault_set(m->f, ERR_CONFLICT, "Slot %u does not live in %s any more: somebody else moves it.", m->slot, m->from->name);
    if (!e) e = run(m, m->new, "BEGIN");
    if (!e) e = repeat(m, &count);
    if (!e) e = copy_settings(m);
    if (!e) e = say_where(m, PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1));
    if (!e) e = run(m, m->new, "COMMIT");
    PQclear(r);
    return e;
}

static enum err hand_over(struct move *m)
{
    enum err e = run(m, m->old, "SET lock_timeout = '15s'; BEGIN");
    if (!e) e = stand(m);
    if (!e) e = run(m, m->old, "UPDATE rookery.shard_slot SET state = 'moved', moved_to = '%s' WHERE slot = %u", m->to->id, m->slot);
    if (!e) e = run(m, m->old, "COMMIT");
    return e ? e : run(m, m->new, "UPDATE rookery.shard_slot SET state = 'live' WHERE slot = %u AND state = 'copying'", m->slot);
}

static enum err move_slot(struct move *m)
{
    enum err e = count_rows(m);
    if (!e) e = each_table(m, write_triggers);
    if (!e) e = copy_all(m);
    if (!e) e = catch_up(m);
    if (!e) e = hand_over(m);
    if (!e) e = forget_changes(m);
    if (!e) e = forget_rows(m, m->old);
    m->progress.done = !e;
    if (!e) tell(m);
    return e;
}

/* --- the whole --- */

/* One mover at a time: of two the second waits for nobody, and says so. */
static enum err alone(PGconn *c, struct fault *f)
{
    PGresult *r = conn_ask(c, "SELECT pg_try_advisory_lock(1919905643, 3)", NULL, 0, f);
    enum err e = r ? ERR_OK : ERR_STORAGE;
    if (!e && strcmp(PQgetvalue(r, 0, 0), "t") != 0) e = fault_set(f, ERR_CONFLICT, "Somebody else is moving slots of this store.");
    PQclear(r);
    return e;
}

/* Whatever the order of the URLs. */
static size_t first_shard(const struct pg *p)
{
    size_t first = 0;
    for (size_t i = 1; i < p->shards; i++)
        if (strcmp(p->shard[i].id, p->shard[first].id) < 0) first = i;
    return first;
}

/* What it left when it ended early: rows that belong to nobody. */
static enum err forget_left(struct pg *p, PGconn **conn, struct move *m)
{
    enum err e = ERR_OK;
    for (size_t i = 0; !e && i < p->shards; i++) {
        struct move left = {.from = &p->shard[i], .old = conn[i], .slot = m->slot, .f = m->f};
        if (p->home[m->slot] == &p->shard[i]) continue;
        e = forget_rows(&left, conn[i]);
    }
    return e;
}

/* Rows elsewhere that say where it once was, or was to go, mean nothing any more, and must not be taken for those of this move. */
static enum err forget_traces(struct pg *p, PGconn **conn, struct move *m)
{
    enum err e = ERR_OK;
    for (size_t i = 0; !e && i < p->shards; i++)
        if (&p->shard[i] != m->from) e = run(m, conn[i], "DELETE FROM rookery.shard_slot WHERE slot = %u AND state <> 'live'", m->slot);
    return e;
}

static enum err move_one(struct pg *p, PGconn **conn, const struct store_move_config *c, unsigned slot, struct fault *f)
{
    struct shard *from = p->home[slot], *to = &p->shard[c->to];
    struct move m = {.from = from, .to = to, .old = conn[from - p->shard], .new = conn[c->to], .slot = slot, .config = c, .f = f};
    m.progress.slot = slot;
    if (from == to) {
        enum err e = forget_left(p, conn, &m);
        m.progress.done = !e;
        if (!e) tell(&m);
        return e;
    }
    enum err e = forget_traces(p, conn, &m);
    return e ? e : move_slot(&m);
}

/* Nothing moves any more: the shards note no changes. Also what a move that ended early has left. */
static enum err stop_noting(struct pg *p, PGconn **conn, struct fault *f)
{
    enum err e = ERR_OK;
    for (size_t i = 0; !e && i < p->shards; i++) {
        struct move m = {.from = &p->shard[i], .old = conn[i], .f = f};
        int64_t there = 0;
        e = number_of(&m, "SELECT count(*) FROM pg_trigger WHERE tgname IN ('rookery_move_put', 'rookery_move_del')", &there);
        if (!e && there) e = each_table(&m, write_no_triggers);
        if (!e && there) e = run(&m, m.old, "DELETE FROM rookery.shard_change");
    }
    return e;
}

enum err store_postgres_move(const struct store_postgres_config *config, const struct store_move_config *c, struct fault *f)
{
    PGconn *conn[STORE_POSTGRES_SHARDS_MAX] = {0};
    struct pg *p;
    enum err e = pg_prepare(config, &p, conn, f);
    if (!e && c->to >= p->shards) e = fault_set(f, ERR_INVALID_PARAM, "There is no shard %zu; there are %zu.", c->to + 1, p->shards);
    if (!e) e = alone(conn[first_shard(p)], f);
    for (unsigned slot = 0; !e && slot < STORE_SLOTS; slot++)
        if (c->slots >> slot & 1) e = move_one(p, conn, c, slot, f);
    if (!e) e = stop_noting(p, conn, f);
    pg_unprepare(p, conn);
    return e;
}
