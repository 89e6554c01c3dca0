/* What an administrator is shown of the shards. Who looks changes nothing, and is answered whatever a database does: each is asked on a thread of its own,
 * read only, and given up when it does not answer. */
#include "base/clock.h"
#include "store/postgres/priv.h"

enum { ANSWER_MS = 2500 }; /* once connected; longer than the statement_timeout below */

struct glance {
    pthread_t thread;
    const struct shard *shard;
    bool begun, ready; /* ready: it has the tables */
    uint64_t slots;
    int64_t bytes;
    enum err err;
    struct fault fault;
};

static const char tables[] = "BEGIN READ ONLY; SET LOCAL statement_timeout = '2s';"
                             "SELECT to_regclass('rookery.shard_slot') IS NOT NULL, (SELECT COALESCE(sum(pg_total_relation_size(c.oid)), "
                             "0)::bigint FROM pg_class c JOIN "
                             "pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'rookery' AND c.relkind = 'r')";
static const char slots[] = "SELECT slot FROM rookery.shard_slot WHERE state = 'live'"; /* in the same transaction */

static void note_tables(struct glance *g, PGresult *r)
{
    g->ready = strcmp(PQgetvalue(r, 0, 0), "t") == 0;
    if (!str_to_int64(str_c(PQgetvalue(r, 0, 1)), &g->bytes)) g->bytes = 0;
}

static void note_slots(struct glance *g, PGresult *r)
{
    for (int i = 0; i < PQntuples(r); i++) {
        int64_t slot;
        if (str_to_int64(str_c(PQgetvalue(r, i, 0)), &slot) && slot >= 0 && slot < STORE_SLOTS) g->slots |= (uint64_t)1 << slot;
    }
}

static void ask(struct glance *g, PGconn *c, const char *sql, void (*note)(struct glance *g, PGresult *r), int64_t until_us)
{
    PGresult *r = shard_ask_until(g->shard, c, sql, until_us, &g->fault);
    if (r)
        note(g, r);
    else
        g->err = ERR_UNAVAILABLE;
    PQclear(r);
}

static void *glance_main(void *arg)
{
    struct glance *g = arg;
    PGconn *c = shard_dial(g->shard, &g->fault);
    int64_t until_us = clock_mono_us(&clock_system) + 1000 * ANSWER_MS;
    if (!c) g->err = ERR_UNAVAILABLE;
    if (!g->err) ask(g, c, tables, note_tables, until_us);
    if (!g->err && g->ready) ask(g, c, slots, note_slots, until_us);
    PQfinish(c);
    return NULL;
}

static void glance_begin(struct glance *g, const struct shard *s)
{
    *g = (struct glance){.shard = s};
    g->begun = pthread_create(&g->thread, NULL, glance_main, g) == 0;
    if (!g->begun) g->err = fault_set(&g->fault, ERR_STORAGE, "A thread to ask the database %s cannot be started.", s->name);
}

/* The first that failed is told. */
static enum err glance_end(struct glance *g, enum err before, struct arena *a, struct store_shard *out, struct fault *f)
{
    if (g->begun) pthread_join(g->thread, NULL);
    *out = (struct store_shard){.name = arena_cstr(a, str_c(g->shard->name)), .slots = g->slots, .bytes = g->bytes};
    if (before || !g->err) return before;
    *f = g->fault;
    return g->err;
}

enum err store_postgres_shards(const struct store_postgres_config *config, struct arena *a, struct store_shard *out, struct fault *f)
{
    struct glance glance[STORE_POSTGRES_SHARDS_MAX];
    struct pg *p;
    enum err e = pg_new(config, &p, f);
    size_t shards = e ? 0 : p->shards;
    for (size_t i = 0; i < shards; i++)
        glance_begin(&glance[i], &p->shard[i]);
    for (size_t i = 0; i < shards; i++)
        e = glance_end(&glance[i], e, a, &out[i], f);
    pg_free(p);
    return e;
}
