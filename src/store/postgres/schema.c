/* The tables: made on the first start, and extended by whoever first comes with a longer declaration. Several nodes may start at once. */
#include "base/random.h"
#include "store/postgres/priv.h"

enum { SCHEMA_BYTES_MAX = 1 << 20 };

/* What the database has: rows of table and column. */
static PGresult *inventory(PGconn *c, struct fault *f)
{
    return conn_ask(c,
                    "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = "
                    "c.relnamespace "
                    "WHERE n.nspname = 'rookery' AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped",
                    NULL, 0, f);
}

/* `column` NULL: does it have the table? */
static bool has(PGresult *inventory, const char *table, const char *column)
{
    for (int i = 0; i < PQntuples(inventory); i++)
        if (strcmp(PQgetvalue(inventory, i, 0), table) == 0 && (!column || strcmp(PQgetvalue(inventory, i, 1), column) == 0)) return true;
    return false;
}

/* Adds to `sql` what has to be done. */
static enum err compare(PGconn *c, struct buf *sql, struct fault *f)
{
    PGresult *there = inventory(c, f);
    if (!there) return ERR_STORAGE;
    buf_clear(sql);
    if (!has(there, "shard_change", NULL)) buf_add(sql, str_c(sql_base));
    for (unsigned t = 0; t < T__COUNT; t++) {
        const struct table_info *info = store_table(t);
        if (!has(there, info->name, NULL)) {
            sql_create_table(sql, t);
            continue;
        }
        for (unsigned i = 0; i < info->columns; i++)
            if (!has(there, info->name, info->column[i].name)) sql_add_column(sql, t, i);
    }
    buf_byte(sql, 0);
    PQclear(there);
    return ERR_OK;
}

static enum err make(PGconn *c, struct buf *sql, struct fault *f)
{
    enum err e = conn_run(c, "BEGIN; SELECT pg_advisory_xact_lock(1919905643, 1)", f); /* those who start at once, one after another */
    if (!e) e = compare(c, sql, f);
    if (!e && sql->n > 1) e = conn_run(c, sql->p, f);
    return e ? e : conn_run(c, "COMMIT", f);
}

static enum err check_number(PGconn *c, const struct shard *s, struct str name, int64_t mine, int64_t *theirs, struct fault *f)
{
    char text[24];
    struct arena a;
    struct str found = {0};
    arena_init(&a);
    snprintf(text, sizeof text, "%lld", (long long)mine);
    enum err e = meta_add(c, name, str_c(text), &a, &found, f);
    if (!e && !str_to_int64(found, theirs))
        e = fault_set(f, ERR_STORAGE, "[store] url: the database %s has no readable number under \"%s\".", s->name, name.p);
    arena_release(&a);
    return e;
}

static enum err check_format(PGconn *c, const struct shard *s, struct fault *f)
{
    int64_t format, slots;
    enum err e = check_number(c, s, STR("format"), STORE_FORMAT, &format, f);
    if (!e) e = check_number(c, s, STR("slots"), STORE_SLOTS, &slots, f);
    if (e) return e;
    if (format > STORE_FORMAT)
        return fault_set(f, ERR_STORAGE,
                         "[store] url: the database %s has format %lld, written by a newer version; this one reads up to format %d.",
                         s->name, (long long)format, STORE_FORMAT);
    if (slots != STORE_SLOTS)
        return fault_set(f, ERR_STORAGE, "[store] url: the database %s has %lld slots; this version works with %d.", s->name,
                         (long long)slots, STORE_SLOTS);
    return ERR_OK;
}

static enum err find_id(PGconn *c, struct shard *s, struct fault *f)
{
    struct arena a;
    struct str found;
    arena_init(&a);
    snprintf(s->id, sizeof s->id, "%016llx", (unsigned long long)random_u64());
    enum err e = meta_add(c, STR("id"), str_c(s->id), &a, &found, f);
    if (!e) snprintf(s->id, sizeof s->id, "%.*s", STR_FMT(found));
    arena_release(&a);
    return e;
}

/* A newer format is refused before anything is made. */
static enum err prepare(PGconn *c, struct shard *s, struct buf *sql, struct fault *f)
{
    PGresult *there = inventory(c, f);
    if (!there) return ERR_STORAGE;
    bool begun = has(there, "shard_meta", NULL);
    PQclear(there);
    enum err e = begun ? check_format(c, s, f) : ERR_OK;
    if (!e) e = compare(c, sql, f);
    if (!e && sql->n > 1) e = make(c, sql, f);
    if (!e && !begun) e = check_format(c, s, f);
    return e ? e : find_id(c, s, f);
}

enum err schema_prepare(PGconn *c, struct shard *s, struct fault *f)
{
    struct buf sql;
    buf_init(&sql, SCHEMA_BYTES_MAX);
    enum err e = prepare(c, s, &sql, f);
    buf_release(&sql);
    return e;
}
