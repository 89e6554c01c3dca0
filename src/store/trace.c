#include "store/trace.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"

struct trace {
    struct store store;
    struct store *inside;
    atomic_uint_fast64_t applies, applies_failed, changes, reads, reads_failed, rows, looks, metas, backups;
};

static struct trace *of(struct store *s)
{
    return (struct trace *)(void *)s;
}

/* --- writing --- */

struct traced_batch {
    struct store_batch batch; /* first */
    struct store_batch *real;
    struct trace *trace;
    int64_t began_us;
};

static void batch_done(struct store_batch *b)
{
    struct traced_batch *t = (struct traced_batch *)(void *)b;
    struct store_batch *real = t->real;
    if (b->err) atomic_fetch_add(&t->trace->applies_failed, 1);
    if (log_wants(LOG_DEBUG))
        log_event(LOG_DEBUG, "store", "applied", "slot=%u epoch=%lld from=%lld to=%lld changes=%zu err=%s us=%lld", b->slot,
                  (long long)b->epoch, (long long)b->predecessor, (long long)b->position, b->count, err_name(b->err),
                  (long long)(clock_mono_us(&clock_system) - t->began_us));
    real->err = b->err;
    mem_free(t);
    real->done(real);
}

static void trace_apply(struct store *s, struct store_batch *b)
{
    struct trace *trace = of(s);
    atomic_fetch_add(&trace->applies, 1);
    atomic_fetch_add(&trace->changes, b->count);
    struct traced_batch *t = mem_alloc(sizeof *t);
    *t = (struct traced_batch){.batch = *b, .real = b, .trace = trace, .began_us = clock_mono_us(&clock_system)};
    t->batch.done = batch_done;
    store_apply(trace->inside, &t->batch);
}

/* --- reading --- */

struct traced_read {
    struct store_read read; /* first */
    struct store_read *real;
    struct trace *trace;
    int64_t began_us;
};

static void read_done(struct store_read *r)
{
    struct traced_read *t = (struct traced_read *)(void *)r;
    struct store_read *real = t->real;
    if (r->err) atomic_fetch_add(&t->trace->reads_failed, 1);
    atomic_fetch_add(&t->trace->rows, r->count);
    if (log_wants(LOG_DEBUG))
        log_event(LOG_DEBUG, "store", "read", "slot=%u table=%s prefix=%u limit=%zu reverse=%d rows=%zu more=%d as_of=%lld err=%s us=%lld",
                  r->slot, store_table(r->table)->name, r->prefix, r->limit, r->reverse, r->count, r->more, (long long)r->as_of,
                  err_name(r->err), (long long)(clock_mono_us(&clock_system) - t->began_us));
    real->err = r->err;
    real->row = r->row;
    real->count = r->count;
    real->more = r->more;
    real->as_of = r->as_of;
    mem_free(t);
    real->done(real);
}

static void trace_read(struct store *s, struct store_read *r)
{
    struct trace *trace = of(s);
    atomic_fetch_add(&trace->reads, 1);
    struct traced_read *t = mem_alloc(sizeof *t);
    *t = (struct traced_read){.read = *r, .real = r, .trace = trace, .began_us = clock_mono_us(&clock_system)};
    t->read.done = read_done;
    store_read(trace->inside, &t->read);
}

struct traced_look {
    struct store_look look; /* first */
    struct store_look *real;
};

static void look_done(struct store_look *l)
{
    struct traced_look *t = (struct traced_look *)(void *)l;
    struct store_look *real = t->real;
    log_event(LOG_DEBUG, "store", "looked", "slot=%u position=%lld epoch=%lld err=%s", l->slot, (long long)l->at.position,
              (long long)l->at.epoch, err_name(l->err));
    real->err = l->err;
    real->at = l->at;
    mem_free(t);
    real->done(real);
}

static void trace_look(struct store *s, struct store_look *l)
{
    struct trace *trace = of(s);
    atomic_fetch_add(&trace->looks, 1);
    struct traced_look *t = mem_alloc(sizeof *t);
    *t = (struct traced_look){.look = *l, .real = l};
    t->look.done = look_done;
    store_look(trace->inside, &t->look);
}

/* --- what is not asynchronous --- */

static enum err trace_meta_get(struct store *s, struct str name, struct arena *a, struct str *out)
{
    atomic_fetch_add(&of(s)->metas, 1);
    enum err e = of(s)->inside->ops->meta_get(of(s)->inside, name, a, out);
    log_event(LOG_DEBUG, "store", "meta_get", "name=%.*s err=%s", STR_FMT(name), err_name(e));
    return e;
}

static enum err trace_meta_set(struct store *s, struct str name, struct str value)
{
    atomic_fetch_add(&of(s)->metas, 1);
    enum err e = of(s)->inside->ops->meta_set(of(s)->inside, name, value);
    log_event(LOG_DEBUG, "store", "meta_set", "name=%.*s err=%s", STR_FMT(name), err_name(e));
    return e;
}

static enum err trace_meta_add(struct store *s, struct str name, struct str value, struct arena *a, struct str *out)
{
    atomic_fetch_add(&of(s)->metas, 1);
    enum err e = of(s)->inside->ops->meta_add(of(s)->inside, name, value, a, out);
    log_event(LOG_DEBUG, "store", "meta_add", "name=%.*s err=%s", STR_FMT(name), err_name(e));
    return e;
}

static enum err trace_backup(struct store *s, const char *to, struct fault *f)
{
    atomic_fetch_add(&of(s)->backups, 1);
    enum err e = of(s)->inside->ops->backup(of(s)->inside, to, f);
    log_event(LOG_DEBUG, "store", "backup", "to=%s err=%s", to, err_name(e));
    return e;
}

static void trace_stats(struct store *s, struct store_stats *out)
{
    of(s)->inside->ops->stats(of(s)->inside, out);
}

static void trace_close(struct store *s)
{
    struct trace *t = of(s);
    t->inside->ops->close(t->inside);
    mem_free(t);
}

static const struct store_ops ops = {
    .name = "trace",
    .apply = trace_apply,
    .read = trace_read,
    .look = trace_look,
    .meta_get = trace_meta_get,
    .meta_set = trace_meta_set,
    .meta_add = trace_meta_add,
    .backup = trace_backup,
    .stats = trace_stats,
    .close = trace_close,
};

struct store *store_trace_new(struct store *inside)
{
    struct trace *t = mem_zero(sizeof *t);
    t->store.ops = &ops;
    t->inside = inside;
    return &t->store;
}

void store_trace_counts(struct store *s, struct store_trace *out)
{
    struct trace *t = of(s);
    *out = (struct store_trace){.applies = t->applies,
                                .applies_failed = t->applies_failed,
                                .changes = t->changes,
                                .reads = t->reads,
                                .reads_failed = t->reads_failed,
                                .rows = t->rows,
                                .looks = t->looks,
                                .metas = t->metas,
                                .backups = t->backups};
}
