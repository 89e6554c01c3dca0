/* Reads: at once on the loop when the blocks are in memory, else on a worker. */
#include "base/log.h"
#include "store/rocksdb/priv.h"

enum { CACHE_ONLY = 1, ALL_TIERS = 0 };

/* ERR_UNAVAILABLE: not in memory. */
static enum err read_failed(char *why)
{
    bool cold = strncmp(why, "Result incomplete", 17) == 0;
    if (!cold) log_event(LOG_ERROR, "store", "read_failed", "why=\"%s\"", why);
    rocksdb_free(why);
    return cold ? ERR_UNAVAILABLE : ERR_STORAGE;
}

static enum err broken_row(const struct store_read *r)
{
    log_event(LOG_ERROR, "store", "damaged_row", "slot=%u table=%s", r->slot, store_table(r->table)->name);
    return ERR_STORAGE;
}

static enum err read_point(rocksdb_t *db, rocksdb_readoptions_t *ro, const struct store_read *r, struct str key, struct found *f)
{
    char *err = NULL;
    rocksdb_pinnableslice_t *slice = rocksdb_get_pinned(db, ro, key.p, key.n, &err);
    if (err) return read_failed(err);
    if (!slice) return ERR_OK;
    size_t n;
    const char *value = rocksdb_pinnableslice_value(slice, &n);
    enum found_next next = found_add(f, r, key, str_make(value, n));
    rocksdb_pinnableslice_destroy(slice);
    return next == FOUND_BROKEN ? broken_row(r) : ERR_OK;
}

/* The filters know a key's first cell, so a seek must stay within it. Backwards from the end of a prefix that takes a key past all
 * that may follow: 9 bytes FF where an integer comes next; else the seek does without filters. */
static bool seek_last(struct scan *s, const struct store_read *r)
{
    if (r->has_to) return true;
    if (store_table(r->table)->column[r->prefix].type != CELL_INT) return false;
    struct key prefix;
    if (!key_encode(&prefix, r->slot, r->table, r->key, r->prefix) || prefix.n + 9 > sizeof prefix.b) return false;
    memset(prefix.b + prefix.n, 0xFF, 9);
    prefix.n += 9;
    s->to = prefix;
    return true;
}

static enum err walk(rocksdb_iterator_t *it, const struct store_read *r, struct found *f)
{
    for (; rocksdb_iter_valid(it); r->reverse ? rocksdb_iter_prev(it) : rocksdb_iter_next(it)) {
        size_t kn, vn;
        const char *k = rocksdb_iter_key(it, &kn), *v = rocksdb_iter_value(it, &vn);
        enum found_next next = found_add(f, r, str_make(k, kn), str_make(v, vn));
        if (next == FOUND_BROKEN) return broken_row(r);
        if (next == FOUND_ENOUGH) return ERR_OK;
    }
    char *err = NULL;
    rocksdb_iter_get_error(it, &err);
    return err ? read_failed(err) : ERR_OK;
}

static enum err read_range(rocksdb_t *db, rocksdb_readoptions_t *ro, const struct store_read *r, struct scan *s, struct found *f)
{
    bool filtered = r->prefix > 0 && (!r->reverse || seek_last(s, r));
    rocksdb_readoptions_set_total_order_seek(ro, !filtered);
    rocksdb_readoptions_set_iterate_lower_bound(ro, (const char *)s->from.b, s->from.n);
    rocksdb_readoptions_set_iterate_upper_bound(ro, (const char *)s->to.b, s->to.n);
    rocksdb_iterator_t *it = rocksdb_create_iterator(db, ro);
    if (r->reverse)
        rocksdb_iter_seek_for_prev(it, (const char *)s->to.b, s->to.n);
    else
        rocksdb_iter_seek(it, (const char *)s->from.b, s->from.n);
    enum err e = walk(it, r, f);
    rocksdb_iter_destroy(it);
    return e;
}

static enum err read_tier(rocksdb_t *db, int tier, const struct store_read *r, struct found *f)
{
    struct scan scan;
    enum err e = scan_of(r, &scan);
    if (e) return e;
    rocksdb_readoptions_t *ro = rocksdb_readoptions_create();
    rocksdb_readoptions_set_read_tier(ro, tier);
    e = scan.point ? read_point(db, ro, r, key_str(&scan.from), f) : read_range(db, ro, r, &scan, f);
    rocksdb_readoptions_destroy(ro);
    return e;
}

/* The position is taken before the read begins: what was committed by then is in the answer. */
static int64_t position(struct rocks *s, unsigned slot)
{
    return atomic_load_explicit(&s->position[slot], memory_order_acquire);
}

static void finish(struct store_read *r, enum err e, const struct found *f, struct row *row)
{
    r->err = e;
    r->row = e ? NULL : row;
    r->count = e ? 0 : f->count;
    r->more = e ? false : f->more;
    r->done(r);
}

/* --- cold reads --- */

/* The worker must not touch the reader's arena, which the loop may be using. */
struct cold {
    uv_work_t work;
    struct rocks *store;
    struct store_read *read;
    struct arena arena;
    struct found found;
    enum err err;
};

static void cold_work(uv_work_t *w)
{
    struct cold *c = w->data;
    struct rocks *s = c->store;
    rocksdb_t *db = door_enter(&s->door, true);
    c->err = ERR_STORAGE;
    if (db) {
        c->read->as_of = position(s, c->read->slot);
        c->err = read_tier(db, ALL_TIERS, c->read, &c->found);
        door_leave(&s->door);
    }
    door_cold(&s->door, -1);
}

static void cold_done(uv_work_t *w, int status)
{
    struct cold *c = w->data;
    struct store_read *r = c->read;
    struct row *row = status || c->err ? NULL : rows_copy(r->arena, c->found.row, c->found.count);
    finish(r, status ? ERR_STORAGE : c->err, &c->found, row);
    arena_release(&c->arena);
    mem_free(c);
}

static void read_cold(struct rocks *s, struct store_read *r)
{
    struct cold *c = mem_zero(sizeof *c);
    *c = (struct cold){.work.data = c, .store = s, .read = r};
    arena_init(&c->arena);
    c->found.arena = &c->arena;
    atomic_fetch_add_explicit(&s->count.cold_reads, 1, memory_order_relaxed);
    door_cold(&s->door, +1);
    if (uv_queue_work(loop_uv(r->loop), &c->work, cold_work, cold_done)) abort(); /* it refuses only what has no function */
}

void rocks_read(struct store *store, struct store_read *r)
{
    struct rocks *s = rocks_of(store);
    if (r->slot >= STORE_SLOTS) abort();
    atomic_fetch_add_explicit(&s->count.reads, 1, memory_order_relaxed);
    struct found found = {.arena = r->arena};
    enum err e = ERR_UNAVAILABLE;
    rocksdb_t *db = door_enter(&s->door, false);
    if (db) {
        r->as_of = position(s, r->slot);
        e = read_tier(db, CACHE_ONLY, r, &found);
        door_leave(&s->door);
    }
    if (e == ERR_UNAVAILABLE)
        read_cold(s, r);
    else
        finish(r, e, &found, found.row);
}
