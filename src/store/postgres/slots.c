/* Which slot lives in which shard: each shard has a row for each of its slots, and there is no other map. */
#include <stdlib.h>
#include <unistd.h>

#include "store/postgres/priv.h"

enum { LOOKS = 60, LOOK_PAUSE_US = 50000 };

/* A slot that was found in two shards has perhaps moved between the two looks: then it does not live in the first one any more. */
static enum err check_moved(PGconn *first, int64_t slot, const struct shard *a, const struct shard *b, struct fault *f)
{
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT 1 FROM rookery.shard_slot WHERE slot = %lld AND state = 'live'", (long long)slot);
    PGresult *r = conn_ask(first, sql, NULL, 0, f);
    bool there = r && PQntuples(r) > 0;
    PQclear(r);
    if (!r) return ERR_STORAGE;
    if (!there) return ERR_OK;
    return fault_set(f, ERR_CONFLICT, "[store] url: slot %lld lives in the databases %s and %s: they are not of one store.",
                     (long long)slot, a->name, b->name);
}

/* Notes in `home` what the rows say. */
static enum err read_rows(struct shard *home[STORE_SLOTS], struct shard *s, PGconn **conn, struct fault *f)
{
    struct pg *p = s->pg;
    PGresult *r = conn_ask(conn[s - p->shard], "SELECT slot FROM rookery.shard_slot WHERE state = 'live'", NULL, 0, f);
    enum err e = r ? ERR_OK : ERR_STORAGE;
    for (int i = 0; !e && i < PQntuples(r); i++) {
        int64_t slot;
        if (!str_to_int64(str_c(PQgetvalue(r, i, 0)), &slot) || slot < 0 || slot >= STORE_SLOTS) continue;
        if (home[slot]) e = check_moved(conn[home[slot] - p->shard], slot, home[slot], s, f);
        home[slot] = s;
    }
    PQclear(r);
    return e;
}

static PGconn *conn_of(struct pg *p, PGconn **conn, const char *id)
{
    for (size_t i = 0; i < p->shards; i++)
        if (strcmp(p->shard[i].id, id) == 0) return conn[i];
    return NULL;
}

/* A row that says `moved` decides, and was written when the new shard had everything: there it lives. Nothing happens where that is known already. */
static enum err finish_moves(struct pg *p, PGconn *from, PGconn **conn, struct fault *f)
{
    PGresult *r = conn_ask(from, "SELECT slot, moved_to FROM rookery.shard_slot WHERE state = 'moved'", NULL, 0, f);
    enum err e = r ? ERR_OK : ERR_STORAGE;
    for (int i = 0; !e && i < PQntuples(r); i++) {
        PGconn *to = conn_of(p, conn, PQgetvalue(r, i, 1));
        const char *const slot[] = {PQgetvalue(r, i, 0)};
        if (!to) continue;
        PGresult *done =
            conn_ask(to, "UPDATE rookery.shard_slot SET state = 'live' WHERE slot = $1::smallint AND state = 'copying'", slot, 1, f);
        if (!done) e = ERR_STORAGE;
        PQclear(done);
    }
    PQclear(r);
    return e;
}

enum err slots_read(struct pg *p, PGconn **conn, struct shard *home[STORE_SLOTS], struct fault *f)
{
    enum err e = ERR_OK;
    memset(home, 0, STORE_SLOTS * sizeof *home);
    for (size_t i = 0; !e && i < p->shards; i++)
        e = finish_moves(p, conn[i], conn, f);
    for (size_t i = 0; !e && i < p->shards; i++)
        e = read_rows(home, &p->shard[i], conn, f);
    return e;
}

static enum err read_all(struct pg *p, PGconn **conn, struct fault *f)
{
    enum err e = slots_read(p, conn, p->home, f);
    for (size_t i = 0; i < p->shards; i++)
        p->shard[i].slots = 0;
    for (unsigned i = 0; !e && i < STORE_SLOTS; i++)
        if (p->home[i]) p->home[i]->slots++;
    return e;
}

static bool all_there(const struct pg *p)
{
    for (unsigned i = 0; i < STORE_SLOTS; i++)
        if (!p->home[i]) return false;
    return true;
}

/* A slot that moves while one shard is read after the other may be seen in neither: then it is seen in one the next time. */
static enum err read_until_all_there(struct pg *p, PGconn **conn, struct fault *f)
{
    enum err e = read_all(p, conn, f);
    for (unsigned i = 0; !e && !all_there(p) && i < LOOKS; i++) {
        usleep(LOOK_PAUSE_US);
        e = read_all(p, conn, f);
    }
    return e;
}

/* Did a first start end? From then on a slot that is missing is in a shard that is missing. */
static enum err is_complete(struct pg *p, PGconn **conn, bool *out, struct fault *f)
{
    struct arena a;
    struct str v;
    enum err e = ERR_NOT_FOUND;
    arena_init(&a);
    for (size_t i = 0; e == ERR_NOT_FOUND && i < p->shards; i++)
        e = meta_get(conn[i], STR("complete"), &a, &v, f);
    arena_release(&a);
    *out = e == ERR_OK;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err check_all_there(const struct pg *p, struct fault *f)
{
    unsigned missing = 0, first = 0;
    for (unsigned i = STORE_SLOTS; i-- > 0;) {
        if (p->home[i]) continue;
        missing++;
        first = i;
    }
    if (!missing) return ERR_OK;
    return fault_set(f, ERR_CONFLICT,
                     "[store] url: %u of %d slots (slot %u, for one) live in a database that is not listed; list all shards of the store.",
                     missing, STORE_SLOTS, first);
}

/* --- the first start --- */

static int by_id(const void *a, const void *b)
{
    return strcmp((*(struct shard *const *)a)->id, (*(struct shard *const *)b)->id);
}

static struct shard *emptiest(struct shard **shard, size_t count)
{
    struct shard *best = shard[0];
    for (size_t i = 1; i < count; i++)
        if (shard[i]->slots < best->slots) best = shard[i];
    return best;
}

static enum err give_slot(struct shard *s, PGconn *c, unsigned slot, struct fault *f)
{
    char sql[120];
    s->slots++;
    s->pg->home[slot] = s;
    snprintf(sql, sizeof sql, "INSERT INTO rookery.shard_slot (slot) VALUES (%u)", slot);
    return conn_run(c, sql, f);
}

/* Evenly. A start that was interrupted has given some already. */
static enum err give_all(struct pg *p, struct shard **order, PGconn **conn, struct fault *f)
{
    enum err e = read_all(p, conn, f);
    for (unsigned i = 0; !e && i < STORE_SLOTS; i++) {
        if (p->home[i]) continue;
        struct shard *s = emptiest(order, p->shards);
        e = give_slot(s, conn[s - p->shard], i, f);
    }
    for (size_t i = 0; !e && i < p->shards; i++)
        e = meta_set(conn[i], STR("complete"), STR("yes"), f);
    return e;
}

/* Nodes that start at once wait for each other here: all lock in the order of the shards' ids, whatever that of their settings. */
static enum err first_start(struct pg *p, PGconn **conn, struct fault *f)
{
    struct shard *order[STORE_POSTGRES_SHARDS_MAX];
    bool done = false;
    enum err e = ERR_OK;
    for (size_t i = 0; i < p->shards; i++)
        order[i] = &p->shard[i];
    qsort(order, p->shards, sizeof order[0], by_id);
    for (size_t i = 0; !e && i < p->shards; i++)
        e = conn_run(conn[order[i] - p->shard], "SELECT pg_advisory_lock(1919905643, 2)", f); /* until the connection ends */
    if (!e) e = is_complete(p, conn, &done, f);
    if (!e) e = done ? read_until_all_there(p, conn, f) : give_all(p, order, conn, f);
    for (size_t i = 0; !e && i < p->shards; i++)
        e = conn_run(conn[i], "SELECT pg_advisory_unlock(1919905643, 2)", f);
    return e;
}

/* The same database twice would be locked twice, and wait for itself. */
static enum err check_different(const struct pg *p, struct fault *f)
{
    for (size_t i = 0; i < p->shards; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(p->shard[i].id, p->shard[j].id) == 0)
                return fault_set(f, ERR_CONFLICT, "[store] url: %s and %s are the same database.", p->shard[j].name, p->shard[i].name);
    return ERR_OK;
}

enum err slots_find(struct pg *p, PGconn **conn, struct fault *f)
{
    bool complete = false;
    enum err e = check_different(p, f);
    if (!e) e = is_complete(p, conn, &complete, f);
    if (!e) e = complete ? read_until_all_there(p, conn, f) : first_start(p, conn, f);
    return e ? e : check_all_there(p, f);
}
