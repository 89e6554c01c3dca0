/* The store as a whole: opening, its thread, closing, and what is no row. */
#include "base/log.h"
#include "store/postgres/priv.h"

enum { READERS = 4, LOOP_INDEX = 1000 };

void shard_go_on(struct shard *s)
{
    write_go_on(s);
    read_go_on(s);
}

/* --- settings: blocking, at start --- */

static enum err with_meta(struct store *store, struct fault *f, PGconn **out)
{
    *out = shard_connect(pg_of(store)->settings, true, f);
    return *out ? ERR_OK : ERR_UNAVAILABLE;
}

static enum err meta_done(PGconn *c, enum err e, const struct fault *f)
{
    if (e && e != ERR_NOT_FOUND) log_event(LOG_ERROR, "store", "settings are out of reach", "why=\"%s\"", f->text);
    if (c) PQfinish(c);
    return e;
}

static enum err pg_meta_get(struct store *store, struct str name, struct arena *a, struct str *out)
{
    PGconn *c;
    struct fault f = {0};
    enum err e = with_meta(store, &f, &c);
    return meta_done(c, e ? e : meta_get(c, name, a, out, &f), &f);
}

static enum err pg_meta_set(struct store *store, struct str name, struct str value)
{
    PGconn *c;
    struct fault f = {0};
    enum err e = with_meta(store, &f, &c);
    return meta_done(c, e ? e : meta_set(c, name, value, &f), &f);
}

static enum err pg_meta_add(struct store *store, struct str name, struct str value, struct arena *a, struct str *out)
{
    PGconn *c;
    struct fault f = {0};
    enum err e = with_meta(store, &f, &c);
    return meta_done(c, e ? e : meta_add(c, name, value, a, out, &f), &f);
}

static enum err pg_backup(struct store *store, const char *to, struct fault *f)
{
    (void)store, (void)to;
    return fault_set(
        f, ERR_UNRECOGNIZED,
        "This server keeps its data in PostgreSQL; back it up there, with pg_dump or with base backups and its log (pg_basebackup).");
}

static void pg_stats(struct store *store, struct store_stats *out)
{
    struct counters *c = &pg_of(store)->count;
    uint64_t reads = atomic_load_explicit(&c->reads, memory_order_relaxed);
    *out = (struct store_stats){.batches = atomic_load_explicit(&c->batches, memory_order_relaxed),
                                .commits = atomic_load_explicit(&c->commits, memory_order_relaxed),
                                .changes = atomic_load_explicit(&c->changes, memory_order_relaxed),
                                .reads = reads,
                                .cold_reads = reads,
                                .bytes_written = atomic_load_explicit(&c->bytes_written, memory_order_relaxed),
                                .queue = atomic_load_explicit(&c->queue, memory_order_relaxed),
                                .commit_time = &c->commit_time,
                                .read_time = &c->read_time};
}

/* --- the thread --- */

static bool is_idle(const struct pg *p)
{
    if (p->searching) return false;
    for (size_t i = 0; i < p->shards; i++) {
        const struct shard *s = &p->shard[i];
        if (!write_is_idle(s) || !pg_link_is_idle(&s->writer)) return false;
        for (unsigned r = 0; r < s->readers; r++)
            if (!pg_link_is_idle(&s->reader[r])) return false;
    }
    return true;
}

static void hang_up(struct pg *p)
{
    timer_clear(p->loop, &p->search_later);
    for (size_t i = 0; i < p->shards; i++) {
        struct shard *s = &p->shard[i];
        timer_clear(p->loop, &s->write_retry);
        pg_link_close(&s->writer);
        for (unsigned r = 0; r < s->readers; r++)
            pg_link_close(&s->reader[r]);
    }
    loop_stop(p->loop);
}

/* Reads end at once when the store closes; batches may still be written, for a while. */
static void sweep(struct timer *t)
{
    struct pg *p = list_item(t, struct pg, sweep);
    bool late = p->closing && loop_now_ms(p->loop) >= p->close_ms;
    for (size_t i = 0; i < p->shards; i++) {
        struct shard *s = &p->shard[i];
        read_sweep(s, p->closing);
        write_sweep(s, late);
        if (late && s->tx) pg_link_drop(&s->writer);
    }
    if (p->closing && is_idle(p))
        hang_up(p);
    else
        timer_set(p->loop, &p->sweep, p->closing ? 1 : SWEEP_MS, sweep);
}

static void begin_close(struct task *t)
{
    struct pg *p = list_item(t, struct pg, close);
    p->closing = true;
    p->close_ms = loop_now_ms(p->loop) + CLOSE_PATIENCE_MS;
    timer_set(p->loop, &p->sweep, 0, sweep);
}

static void *store_main(void *arg)
{
    struct pg *p = arg;
    pthread_setname_np(pthread_self(), "store");
    for (size_t i = 0; i < p->shards; i++) {
        pg_link_start(&p->shard[i].writer);
        for (unsigned r = 0; r < p->shard[i].readers; r++)
            pg_link_start(&p->shard[i].reader[r]);
    }
    timer_set(p->loop, &p->sweep, SWEEP_MS, sweep);
    loop_run(p->loop);
    return NULL;
}

void pg_free(struct pg *p)
{
    PQfinish(p->guard);
    if (p->loop) loop_free(p->loop);
    for (size_t i = 0; i < p->shards; i++)
        mem_free(p->shard[i].reader);
    mem_free(p->shard);
    if (p->rows) rows_free(p->rows);
    arena_release(&p->arena);
    mem_free(p);
}

static void pg_close(struct store *store)
{
    struct pg *p = pg_of(store);
    p->close.run = begin_close;
    loop_post(p->loop, &p->close);
    pthread_join(p->thread, NULL);
    pg_free(p);
}

/* --- opening --- */

static const struct store_ops ops = {
    .name = "postgres",
    .apply = pg_apply,
    .read = pg_read,
    .look = pg_look,
    .meta_get = pg_meta_get,
    .meta_set = pg_meta_set,
    .meta_add = pg_meta_add,
    .backup = pg_backup,
    .stats = pg_stats,
    .close = pg_close,
};

static const char *option(const PQconninfoOption *o, const char *name)
{
    for (; o->keyword; o++)
        if (strcmp(o->keyword, name) == 0) return o->val && *o->val ? o->val : NULL;
    return NULL;
}

/* What may be shown of a URL. libpq's own words could show all of it. */
static enum err name_shard(struct pg *p, struct shard *s, size_t number, struct fault *f)
{
    PQconninfoOption *o = PQconninfoParse(s->url, NULL);
    if (!o)
        return fault_set(f, ERR_INVALID_PARAM,
                         "[store] url: number %zu is no address of a database; write it like postgresql://user@host/database.", number);
    const char *host = option(o, "host"), *port = option(o, "port"), *db = option(o, "dbname");
    s->name = arena_printf(&p->arena, "%s%s%s/%s", host ? host : "localhost", port ? ":" : "", port ? port : "", db ? db : "").p;
    PQconninfoFree(o);
    return ERR_OK;
}

static enum err make_shards(struct pg *p, const struct store_postgres_config *c, struct fault *f)
{
    if (c->urls == 0 || c->urls > STORE_POSTGRES_SHARDS_MAX)
        return fault_set(f, ERR_INVALID_PARAM, "[store] url: 1 to %d databases are possible.", STORE_POSTGRES_SHARDS_MAX);
    p->shard = mem_zero(c->urls * sizeof *p->shard);
    p->shards = c->urls;
    for (size_t i = 0; i < c->urls; i++) {
        struct shard *s = &p->shard[i];
        s->pg = p;
        s->url = arena_cstr(&p->arena, c->url[i]);
        s->readers = c->readers ? c->readers : READERS;
        s->reader = mem_zero(s->readers * sizeof *s->reader);
        write_init(s);
        read_init(s);
        enum err e = name_shard(p, s, i + 1, f);
        if (e) return e;
    }
    return ERR_OK;
}

static enum err connect_all(struct pg *p, PGconn **conn, struct fault *f)
{
    for (size_t i = 0; i < p->shards; i++) {
        conn[i] = shard_connect(&p->shard[i], true, f);
        if (!conn[i] && shard_may_come(&p->shard[i], f)) return ERR_UNAVAILABLE;
        if (!conn[i]) conn[i] = shard_connect(&p->shard[i], true, f); /* it may have come since */
        if (!conn[i]) return shard_may_come(&p->shard[i], f) ? ERR_UNAVAILABLE : ERR_STORAGE;
    }
    return ERR_OK;
}

/* Of a database that is there: it is not waited for. */
static enum err for_good(enum err e)
{
    return e == ERR_UNAVAILABLE ? ERR_STORAGE : e;
}

enum err pg_new(const struct store_postgres_config *config, struct pg **out, struct fault *f)
{
    struct pg *p = *out = mem_zero(sizeof *p);
    p->store.ops = &ops;
    arena_init(&p->arena);
    return make_shards(p, config, f);
}

enum err pg_prepare(const struct store_postgres_config *config, struct pg **out, PGconn **conn, struct fault *f)
{
    enum err e = pg_new(config, out, f);
    struct pg *p = *out;
    if (!e) e = connect_all(p, conn, f);
    for (size_t i = 0; !e && i < p->shards; i++)
        e = for_good(schema_prepare(conn[i], &p->shard[i], f));
    if (!e) e = for_good(slots_find(p, conn, f));
    p->settings = p->home[0];
    return e;
}

static void hang_up_all(const struct pg *p, PGconn **conn)
{
    for (size_t i = 0; i < p->shards; i++)
        PQfinish(conn[i]);
}

void pg_unprepare(struct pg *p, PGconn **conn)
{
    hang_up_all(p, conn);
    pg_free(p);
}

enum err store_postgres_prepare(const struct store_postgres_config *config, struct fault *f)
{
    PGconn *conn[STORE_POSTGRES_SHARDS_MAX] = {0};
    struct pg *p;
    enum err e = pg_prepare(config, &p, conn, f);
    pg_unprepare(p, conn);
    return e;
}

/* On the connection to where the settings are, which stays. */
static enum err keep_guard(struct pg *p, PGconn **conn, enum store_postgres_use use, struct fault *f)
{
    size_t at = (size_t)(p->settings - p->shard);
    p->guard = conn[at];
    conn[at] = NULL;
    return guard_take(p->guard, use, f);
}

enum err store_postgres_open(const struct store_postgres_config *config, struct store **out, struct fault *f)
{
    PGconn *conn[STORE_POSTGRES_SHARDS_MAX] = {0};
    struct pg *p;
    enum err e = pg_prepare(config, &p, conn, f);
    if (!e && config->use != STORE_POSTGRES_ANYHOW) e = for_good(keep_guard(p, conn, config->use, f));
    hang_up_all(p, conn);
    if (!e) {
        p->loop = loop_new(LOOP_INDEX);
        p->rows = rows_new();
        if (pthread_create(&p->thread, NULL, store_main, p) != 0) e = fault_set(f, ERR_STORAGE, "The store's thread cannot be started: %m");
    }
    if (e) {
        pg_free(p);
        return e;
    }
    log_event(LOG_INFO, "store", "opened", "shards=%zu", p->shards);
    *out = &p->store;
    return ERR_OK;
}
