/* Reads: rows that are in memory and rows of the tables, merged; at once on the loop when all is in memory, else on a worker. */
#include "base/clock.h"
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

/* --- what is in memory --- */

/* Rows of the slot's fronts that the read covers, newest version each, in the read's order, with those that hide others. */
struct recent {
    struct front_row *row;
    size_t count, cap, live;
    uint64_t generation; /* of the active front: what settles from that on is not looked for here */
};

static void recent_add(struct recent *out, struct arena *a, const struct front_row *r)
{
    if (out->count == out->cap) {
        struct front_row *row = arena_array(a, out->cap = out->cap ? out->cap * 2 : 8, sizeof *row);
        if (out->count) memcpy(row, out->row, out->count * sizeof *row);
        out->row = row;
    }
    /* A copy: the front may be gone when the lock is. */
    char *bytes = arena_alloc(a, (size_t)r->kn + r->vn);
    memcpy(bytes, r->key, (size_t)r->kn + r->vn);
    out->row[out->count] = *r;
    out->row[out->count++].key = bytes;
    out->live += !r->deleted;
}

/* One source of rows in the order of the read, bounded by its range. */
struct lane {
    struct walk at;
    const struct front_row *row; /* NULL: at the end */
};

static void lane_bound(struct lane *l, const struct store_read *r, const struct scan *s)
{
    if (!l->row) return;
    struct str key = front_key(l->row);
    bool inside = r->reverse ? str_cmp(key, key_str(&s->from)) >= 0 : str_cmp(key, key_str(&s->to)) < 0;
    if (!inside) l->row = NULL;
}

static void lane_start(struct lane *l, const struct front *f, const struct store_read *r, const struct scan *s)
{
    l->row = NULL;
    if (!f) return;
    const struct rows *rows = &f->rows[r->slot];
    l->row = r->reverse ? rows_before(rows, key_str(&s->to), &l->at) : rows_from(rows, key_str(&s->from), &l->at);
    lane_bound(l, r, s);
}

static void lane_next(struct lane *l, const struct store_read *r, const struct scan *s)
{
    l->row = r->reverse ? rows_prev(&l->at) : rows_next(&l->at);
    lane_bound(l, r, s);
}

/* Which comes first in the read's order: < 0 `a`, > 0 `b`, 0 the same key. */
static int order(const struct store_read *r, struct str a, struct str b)
{
    return r->reverse ? str_cmp(b, a) : str_cmp(a, b);
}

/* More than `limit` live rows cannot be needed, whatever the tables add. */
static void collect_range(const struct place *p, const struct store_read *r, const struct scan *s, struct arena *a, struct recent *out)
{
    struct lane young, old;
    lane_start(&young, p->active, r, s);
    lane_start(&old, p->frozen, r, s);
    while ((young.row || old.row) && out->live <= r->limit) {
        int c = !young.row ? 1 : !old.row ? -1 : order(r, front_key(young.row), front_key(old.row));
        recent_add(out, a, c <= 0 ? young.row : old.row);
        if (c >= 0) lane_next(&old, r, s);
        if (c <= 0) lane_next(&young, r, s);
    }
}

static void collect_point(const struct place *p, const struct store_read *r, struct str key, struct arena *a, struct recent *out)
{
    const struct front *fronts[] = {p->active, p->frozen};
    for (unsigned i = 0; i < 2 && !out->count; i++) {
        struct walk at;
        const struct front_row *row = fronts[i] ? rows_from(&fronts[i]->rows[r->slot], key, &at) : NULL;
        if (row && str_eq(front_key(row), key)) recent_add(out, a, row);
    }
}

/* Sets as_of: the rows are those of exactly this position. */
static void collect(struct rocks *s, struct store_read *r, const struct scan *scan, struct arena *a, struct recent *out)
{
    *out = (struct recent){0};
    struct place *p = &s->place[r->slot];
    pthread_mutex_lock(&p->lock);
    r->as_of = p->at.position;
    out->generation = p->active->generation;
    if (scan->point)
        collect_point(p, r, key_str(&scan->from), a, out);
    else
        collect_range(p, r, scan, a, out);
    pthread_mutex_unlock(&p->lock);
}

/* --- with what is in the tables --- */

static enum err add_point(rocksdb_t *db, rocksdb_readoptions_t *ro, const struct store_read *r, struct str key, struct found *f)
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

static enum err read_point(rocksdb_t *db, rocksdb_readoptions_t *ro, const struct store_read *r, const struct scan *s,
                           const struct recent *recent, struct found *f)
{
    if (!recent->count) return add_point(db, ro, r, key_str(&s->from), f);
    const struct front_row *row = recent->row;
    if (row->deleted || found_add(f, r, front_key(row), front_value(row)) != FOUND_BROKEN) return ERR_OK;
    return broken_row(r);
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

static struct str iter_key(rocksdb_iterator_t *it)
{
    size_t n;
    const char *p = rocksdb_iter_key(it, &n);
    return str_make(p, n);
}

static void iter_next(rocksdb_iterator_t *it, const struct store_read *r)
{
    if (r->reverse)
        rocksdb_iter_prev(it);
    else
        rocksdb_iter_next(it);
}

static enum found_next add_iter(rocksdb_iterator_t *it, const struct store_read *r, struct found *f)
{
    size_t n;
    const char *value = rocksdb_iter_value(it, &n);
    return found_add(f, r, iter_key(it), str_make(value, n));
}

static enum err iter_failed(rocksdb_iterator_t *it)
{
    char *err = NULL;
    rocksdb_iter_get_error(it, &err);
    return err ? read_failed(err) : ERR_OK;
}

static enum err merge(rocksdb_iterator_t *it, const struct store_read *r, const struct recent *recent, struct found *f)
{
    size_t i = 0;
    for (;;) {
        bool more = rocksdb_iter_valid(it);
        /* An iterator that stops for want of a block must not pass for one at its end. */
        enum err e = more ? ERR_OK : iter_failed(it);
        if (e || (!more && i == recent->count)) return e;
        int c = !more ? -1 : i == recent->count ? 1 : order(r, front_key(&recent->row[i]), iter_key(it));
        enum found_next next = FOUND_GO_ON;
        if (c > 0)
            next = add_iter(it, r, f);
        else if (!recent->row[i].deleted)
            next = found_add(f, r, front_key(&recent->row[i]), front_value(&recent->row[i]));
        if (next == FOUND_BROKEN) return broken_row(r);
        if (next == FOUND_ENOUGH) return ERR_OK;
        if (c >= 0) iter_next(it, r);
        if (c <= 0) i++;
    }
}

/* ERR_CONFLICT: rows that came after `recent` was collected have reached the tables meanwhile. */
static enum err read_range(struct rocks *s, rocksdb_t *db, rocksdb_readoptions_t *ro, const struct store_read *r, struct scan *scan,
                           const struct recent *recent, struct found *f)
{
    bool filtered = r->prefix > 0 && (!r->reverse || seek_last(scan, r));
    rocksdb_readoptions_set_total_order_seek(ro, !filtered);
    rocksdb_readoptions_set_iterate_lower_bound(ro, (const char *)scan->from.b, scan->from.n);
    rocksdb_readoptions_set_iterate_upper_bound(ro, (const char *)scan->to.b, scan->to.n);
    rocksdb_iterator_t *it = rocksdb_create_iterator(db, ro);
    enum err e = ERR_CONFLICT;
    if (atomic_load(&s->settle.begun) < recent->generation) { /* what the iterator sees is fixed now */
        if (r->reverse)
            rocksdb_iter_seek_for_prev(it, (const char *)scan->to.b, scan->to.n);
        else
            rocksdb_iter_seek(it, (const char *)scan->from.b, scan->from.n);
        e = merge(it, r, recent, f);
    }
    rocksdb_iter_destroy(it);
    return e;
}

static enum err read_once(struct rocks *s, rocksdb_t *db, rocksdb_readoptions_t *ro, struct store_read *r, struct found *f)
{
    struct scan scan;
    struct recent recent;
    enum err e = scan_of(r, &scan);
    if (e) return e;
    collect(s, r, &scan, f->arena, &recent);
    return scan.point ? read_point(db, ro, r, &scan, &recent, f) : read_range(s, db, ro, r, &scan, &recent, f);
}

static enum err read_tier(struct rocks *s, rocksdb_t *db, int tier, struct store_read *r, struct found *f)
{
    rocksdb_readoptions_t *ro = rocksdb_readoptions_create();
    rocksdb_readoptions_set_read_tier(ro, tier);
    enum err e;
    do
        e = read_once(s, db, ro, r, f);
    while (e == ERR_CONFLICT); /* once per front, and fronts take a while to fill */
    rocksdb_readoptions_destroy(ro);
    return e;
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
    int64_t began_us;
    enum err err;
};

static void cold_work(uv_work_t *w)
{
    struct cold *c = w->data;
    struct rocks *s = c->store;
    rocksdb_t *db = door_enter(&s->door, true);
    c->err = ERR_STORAGE;
    if (db) {
        c->err = read_tier(s, db, ALL_TIERS, c->read, &c->found);
        door_leave(&s->door);
    }
    histogram_add(&s->count.read_time, clock_mono_us(&clock_system) - c->began_us);
    door_cold(&s->door, -1); /* from here on the store may be closed */
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
    *c = (struct cold){.work.data = c, .store = s, .read = r, .began_us = clock_mono_us(&clock_system)};
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
        e = read_tier(s, db, CACHE_ONLY, r, &found);
        door_leave(&s->door);
    }
    if (e == ERR_UNAVAILABLE)
        read_cold(s, r);
    else
        finish(r, e, &found, found.row);
}
