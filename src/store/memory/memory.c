#include "store/memory/memory.h"

#include <pthread.h>

#include "store/memory/skiplist.h"
#include "store/scan.h"

struct memory {
    struct store store;
    pthread_mutex_t lock; /* around all that follows */
    struct skiplist rows, meta;
    struct store_slot slot[STORE_SLOTS];
    struct store_stats stats;
    struct buf value;
};

static struct memory *of(struct store *s)
{
    return (struct memory *)(void *)s;
}

/* --- writing --- */

/* Passes over all changes before any is made: a batch is applied whole or not at all. */
static enum err check(const struct memory *m, const struct store_batch *b)
{
    const struct store_slot *at = &m->slot[b->slot];
    if (at->position != b->predecessor || b->position <= b->predecessor || b->epoch < at->epoch) return ERR_CONFLICT;
    for (size_t i = 0; i < b->count; i++) {
        enum err e = change_check(&b->change[i]);
        if (e) return e;
    }
    return ERR_OK;
}

static void change_apply(struct memory *m, unsigned slot, const struct change *c)
{
    struct key key;
    if (!key_encode(&key, slot, c->row.table, c->row.c, store_table(c->row.table)->keys)) abort(); /* check() let it pass */
    if (c->del) {
        skip_del(&m->rows, key_str(&key));
        return;
    }
    buf_clear(&m->value);
    value_encode(&m->value, &c->row);
    skip_put(&m->rows, key_str(&key), buf_str(&m->value));
    m->stats.bytes_written += key.n + m->value.n;
}

static void run_done(struct task *t)
{
    struct store_batch *b = list_item(t, struct store_batch, task);
    b->done(b);
}

static void memory_apply(struct store *s, struct store_batch *b)
{
    struct memory *m = of(s);
    if (b->slot >= STORE_SLOTS) abort();
    pthread_mutex_lock(&m->lock);
    b->err = check(m, b);
    m->stats.batches++;
    if (!b->err) {
        for (size_t i = 0; i < b->count; i++)
            change_apply(m, b->slot, &b->change[i]);
        m->slot[b->slot] = (struct store_slot){b->position, b->epoch};
        m->stats.commits++;
        m->stats.changes += b->count;
    }
    b->task.run = run_done;
    /* Posted under the lock: two threads that write one slot see their answers in the slot's order. */
    loop_post(b->loop, &b->task);
    pthread_mutex_unlock(&m->lock);
}

/* --- reading --- */

static void read_range(struct memory *m, const struct store_read *r, const struct scan *s, struct found *f)
{
    struct str from = key_str(&s->from), to = key_str(&s->to);
    const struct skip_item *i = r->reverse ? skip_before(&m->rows, to) : skip_at(&m->rows, from);
    for (; i; i = r->reverse ? i->prev : i->next[0]) {
        if (r->reverse ? str_cmp(i->key, from) < 0 : str_cmp(i->key, to) >= 0) return;
        enum found_next next = found_add(f, r, i->key, i->value);
        if (next == FOUND_BROKEN) abort();
        if (next == FOUND_ENOUGH) return;
    }
}

static void read_point(struct memory *m, const struct store_read *r, const struct scan *s, struct found *f)
{
    const struct skip_item *i = skip_at(&m->rows, key_str(&s->from));
    if (i && str_eq(i->key, key_str(&s->from)) && found_add(f, r, i->key, i->value) == FOUND_BROKEN) abort();
}

static void memory_read(struct store *s, struct store_read *r)
{
    struct memory *m = of(s);
    struct found f = {.arena = r->arena};
    struct scan scan;
    r->err = scan_of(r, &scan);
    pthread_mutex_lock(&m->lock);
    r->as_of = m->slot[r->slot].position;
    if (!r->err && scan.point) read_point(m, r, &scan, &f);
    if (!r->err && !scan.point) read_range(m, r, &scan, &f);
    m->stats.reads++;
    pthread_mutex_unlock(&m->lock);
    r->row = f.row;
    r->count = f.count;
    r->more = f.more;
    r->done(r);
}

static void memory_look(struct store *s, struct store_look *l)
{
    struct memory *m = of(s);
    if (l->slot >= STORE_SLOTS) abort();
    pthread_mutex_lock(&m->lock);
    l->at = m->slot[l->slot];
    pthread_mutex_unlock(&m->lock);
    l->err = ERR_OK;
    l->done(l);
}

/* --- the rest --- */

static enum err memory_meta_get(struct store *s, struct str name, struct arena *a, struct str *out)
{
    struct memory *m = of(s);
    pthread_mutex_lock(&m->lock);
    const struct skip_item *i = skip_at(&m->meta, name);
    bool there = i && str_eq(i->key, name);
    if (there) *out = arena_str(a, i->value);
    pthread_mutex_unlock(&m->lock);
    return there ? ERR_OK : ERR_NOT_FOUND;
}

static enum err memory_meta_set(struct store *s, struct str name, struct str value)
{
    struct memory *m = of(s);
    pthread_mutex_lock(&m->lock);
    skip_put(&m->meta, name, value);
    pthread_mutex_unlock(&m->lock);
    return ERR_OK;
}

static enum err memory_meta_add(struct store *s, struct str name, struct str value, struct arena *a, struct str *out)
{
    struct memory *m = of(s);
    pthread_mutex_lock(&m->lock);
    const struct skip_item *i = skip_at(&m->meta, name);
    bool there = i && str_eq(i->key, name);
    *out = arena_str(a, there ? i->value : value);
    if (!there) skip_put(&m->meta, name, value);
    pthread_mutex_unlock(&m->lock);
    return ERR_OK;
}

static enum err memory_backup(struct store *s, const char *to, struct fault *f)
{
    (void)s;
    return fault_set(f, ERR_UNRECOGNIZED, "A store in memory cannot be backed up to %s.", to);
}

static void memory_stats(struct store *s, struct store_stats *out)
{
    struct memory *m = of(s);
    pthread_mutex_lock(&m->lock);
    *out = m->stats;
    pthread_mutex_unlock(&m->lock);
}

static void memory_close(struct store *s)
{
    struct memory *m = of(s);
    skip_release(&m->rows);
    skip_release(&m->meta);
    buf_release(&m->value);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

static const struct store_ops ops = {
    .name = "memory",
    .apply = memory_apply,
    .read = memory_read,
    .look = memory_look,
    .meta_get = memory_meta_get,
    .meta_set = memory_meta_set,
    .meta_add = memory_meta_add,
    .backup = memory_backup,
    .stats = memory_stats,
    .close = memory_close,
};

struct store *store_memory_new(void)
{
    struct memory *m = mem_zero(sizeof *m);
    m->store.ops = &ops;
    pthread_mutex_init(&m->lock, NULL);
    skip_init(&m->rows);
    skip_init(&m->meta);
    buf_init(&m->value, VALUE_BYTES_MAX);
    return &m->store;
}
