/* Settings: names and bytes. */
#include "store/postgres/priv.h"
#include "store/postgres/text.h"

/* The statement's rows, values as bytes; NULL: it failed. */
static PGresult *ask(PGconn *c, const char *sql, struct str name, struct str value, int params, struct fault *f)
{
    struct buf text;
    buf_init(&text, 1024);
    text_put(&text, name, true);
    buf_byte(&text, 0);
    if (!buf_ok(&text)) abort(); /* names have at most 255 bytes */
    const char *const param[] = {text.p, value.p ? value.p : ""};
    const int length[] = {0, (int)value.n}, binary[] = {0, 1};
    PGresult *r = PQexecParams(c, sql, params, NULL, param, length, binary, 1);
    ExecStatusType st = PQresultStatus(r);
    buf_release(&text);
    if (st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK) return r;
    (void)fault_set(f, ERR_STORAGE, "The database refused a setting: %.*s", (int)strcspn(PQerrorMessage(c), "\n"), PQerrorMessage(c));
    PQclear(r);
    return NULL;
}

enum err meta_get(PGconn *c, struct str name, struct arena *a, struct str *out, struct fault *f)
{
    PGresult *r = ask(c, "SELECT value FROM rookery.shard_meta WHERE name = $1", name, STR(""), 1, f);
    if (!r) return ERR_STORAGE;
    bool there = PQntuples(r) == 1;
    if (there) *out = arena_str(a, str_make(PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0)));
    PQclear(r);
    return there ? ERR_OK : ERR_NOT_FOUND;
}

enum err meta_set(PGconn *c, struct str name, struct str value, struct fault *f)
{
    PGresult *r =
        ask(c, "INSERT INTO rookery.shard_meta VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value, 2, f);
    PQclear(r);
    return r ? ERR_OK : ERR_STORAGE;
}

enum err meta_add(PGconn *c, struct str name, struct str value, struct arena *a, struct str *out, struct fault *f)
{
    PGresult *r = ask(c, "INSERT INTO rookery.shard_meta VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", name, value, 2, f);
    PQclear(r);
    return r ? meta_get(c, name, a, out, f) : ERR_STORAGE;
}
