#include "engine/hot.h"

#include "base/pack.h"
#include "base/stat.h"
#include "store/key.h"

enum { TELLING_MAX = 512, SEALED_PARTS = 3 };

struct hot {
    unsigned char key[SHA256_BYTES];
    atomic_uint under_way;
    uint64_t count[CLUSTER_LOOPS_MAX][HOT_VERDICTS]; /* base/stat.h */
};

struct hot *hot_new(const struct engine *e)
{
    struct hot *h = mem_zero(sizeof *h);
    struct sha256_stream *s = sha256_begin();
    sha256_update(s, STR("what Rookery keeps in the cache"));
    sha256_update(s, str_make((const char *)e->key.secret, sizeof e->key.secret));
    sha256_end(s, h->key);
    return h;
}

void hot_free(struct hot *h)
{
    if (!h) return;
    mem_wipe(h->key, sizeof h->key);
    mem_free(h);
}

bool hot_is_telling(const struct hot *h)
{
    return atomic_load(&h->under_way) > 0;
}

void hot_count(struct engine *e, enum hot_verdict v)
{
    stat_add(&e->hot->count[loop_index(loop_current())][v], 1);
}

uint64_t hot_counted(const struct engine *e, enum hot_verdict v)
{
    uint64_t n = 0;
    for (size_t i = 0; i < CLUSTER_LOOPS_MAX; i++)
        n += stat_get(&e->hot->count[i][v]);
    return n;
}

void hot_name_make(struct hot_name *n, const struct engine *e, enum hot_kind kind, unsigned number, const struct str *part, size_t parts)
{
    static const char digit[] = "0123456789abcdef";
    unsigned char hash[SHA256_BYTES];
    struct sha256_stream *s = sha256_begin();
    struct str history = cluster_history(e->cluster);
    for (size_t i = 0; i < parts; i++) {
        uint32_t length = (uint32_t)part[i].n;
        sha256_update(s, str_make((const char *)&length, sizeof length));
        sha256_update(s, part[i]);
    }
    sha256_end(s, hash);
    int head = snprintf(n->p, sizeof n->p, "%c%u:%.*s:", kind, number, STR_FMT(history));
    if (head < 0 || (size_t)head + 2 * sizeof hash > sizeof n->p) abort(); /* our bug: a history has 16 digits */
    n->n = (size_t)head;
    for (size_t i = 0; i < sizeof hash; i++) {
        n->p[n->n++] = digit[hash[i] >> 4];
        n->p[n->n++] = digit[hash[i] & 15];
    }
}

/* Over all that an entry is believed for. */
static void make_seal(const struct hot *h, const struct hot_name *n, int64_t position, struct str value, unsigned char out[SEAL_BYTES])
{
    const struct str part[SEALED_PARTS] = {str_make(n->p, n->n), str_make((const char *)&position, sizeof position), value};
    seal(h->key, part, SEALED_PARTS, out);
}

bool hot_get(struct engine *e, const struct hot_name *n, struct arena *a, struct cache_value *out)
{
    unsigned char is[SEAL_BYTES];
    if (!hot_is_on(e)) return false;
    atomic_fetch_add(&e->hot->under_way, 1);
    bool there = cache_get(e->cache, str_make(n->p, n->n), a, out);
    atomic_fetch_sub(&e->hot->under_way, 1);
    if (!there) {
        hot_count(e, HOT_NONE);
        return false;
    }
    struct str found = str_first(out->value, out->value.n < SEAL_BYTES ? out->value.n : SEAL_BYTES);
    out->value = str_from(out->value, found.n);
    make_seal(e->hot, n, out->position, out->value, is);
    if (secret_eq(found, str_make((const char *)is, sizeof is))) return true;
    hot_count(e, HOT_BROKEN);
    return false;
}

struct tale {
    struct engine *engine;
    struct hot_name name;
    int64_t position, ttl_ms;
    size_t n;
    char bytes[];
};

static void tell(void *arg)
{
    struct tale *t = arg;
    cache_set(t->engine->cache, str_make(t->name.p, t->name.n), str_make(t->bytes, t->n), t->position, t->ttl_ms);
    atomic_fetch_sub(&t->engine->hot->under_way, 1);
    mem_free(t);
}

void hot_put(struct engine *e, const struct hot_name *n, struct str value, int64_t position, int64_t ttl_ms)
{
    if (!hot_is_on(e) || value.n > HOT_VALUE_MAX || atomic_load(&e->hot->under_way) >= TELLING_MAX) return;
    struct tale *t = mem_alloc(sizeof *t + SEAL_BYTES + value.n);
    *t = (struct tale){.engine = e, .name = *n, .position = position, .ttl_ms = ttl_ms, .n = SEAL_BYTES + value.n};
    make_seal(e->hot, n, position, value, (unsigned char *)t->bytes);
    if (value.n) memcpy(t->bytes + SEAL_BYTES, value.p, value.n);
    atomic_fetch_add(&e->hot->under_way, 1);
    fiber_spawn(tell, t);
}

/* --- rows --- */

bool hot_rows_pack(struct buf *out, unsigned slot, const struct row *row, size_t count)
{
    struct buf value;
    struct key key;
    bool fits = true;
    buf_init(&value, VALUE_BYTES_MAX);
    for (size_t i = 0; i < count && fits; i++) {
        buf_clear(&value);
        value_encode(&value, &row[i]);
        fits = key_encode(&key, slot, row[i].table, row[i].c, store_table(row[i].table)->keys) && buf_ok(&value);
        pack_str(out, key_str(&key));
        pack_str(out, buf_str(&value));
    }
    buf_release(&value);
    return fits && buf_ok(out) && out->n <= HOT_VALUE_MAX;
}

static size_t rows_in(struct str in)
{
    struct str key, value;
    size_t n = 0;
    while (pack_next(&in, &key) && key.n >= KEY_CELL_FIRST && pack_next(&in, &value))
        n++;
    return n;
}

bool hot_rows_unpack(struct str in, unsigned slot, enum table table, struct arena *a, struct row **row, size_t *count)
{
    struct str key, value;
    size_t n = rows_in(in);
    *row = arena_array(a, n + 1, sizeof **row);
    for (*count = 0; *count < n; ++*count) {
        struct row *r = &(*row)[*count];
        *r = (struct row){.table = table};
        if (!pack_next(&in, &key) || !pack_next(&in, &value)) return false;
        if (!key_decode(key, slot, table, arena_alloc(a, key.n + 1), r) || !value_decode(value, r)) return false;
    }
    return in.n == 0;
}
