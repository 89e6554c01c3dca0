#include "store/faulty.h"

#include <stdatomic.h>

struct faulty {
    struct store store;
    struct store *inside;
    atomic_int_fast64_t countdown;
    atomic_bool all, late;
};

static struct faulty *of(struct store *s)
{
    return (struct faulty *)(void *)s;
}

/* --- writing --- */

/* What the inner store sees in place of the caller's batch. */
struct shadow {
    struct store_batch batch; /* first */
    struct store_batch *real;
    bool fail;
};

static void shadow_done(struct store_batch *b)
{
    struct shadow *s = (struct shadow *)(void *)b;
    struct store_batch *real = s->real;
    real->err = s->fail ? ERR_STORAGE : b->err;
    mem_free(s);
    real->done(real);
}

static bool fails(struct faulty *f)
{
    bool now = atomic_load(&f->countdown) > 0 && atomic_fetch_sub(&f->countdown, 1) == 1;
    return now || atomic_load(&f->all);
}

static void faulty_apply(struct store *s, struct store_batch *b)
{
    struct faulty *f = of(s);
    struct shadow *shadow = mem_alloc(sizeof *shadow);
    *shadow = (struct shadow){.batch = *b, .real = b, .fail = fails(f)};
    shadow->batch.done = shadow_done;
    if (shadow->fail) shadow->batch.predecessor = INT64_MIN; /* no slot ever stands there: refused, in its turn */
    store_apply(f->inside, &shadow->batch);
}

/* --- reading --- */

struct late {
    struct task task;
    struct store *inside;
    struct store_read *read;
};

static void late_run(struct task *t)
{
    struct late l = *list_item(t, struct late, task);
    mem_free(list_item(t, struct late, task));
    store_read(l.inside, l.read);
}

static void faulty_read(struct store *s, struct store_read *r)
{
    struct faulty *f = of(s);
    if (!atomic_load(&f->late)) {
        store_read(f->inside, r);
        return;
    }
    struct late *l = mem_alloc(sizeof *l);
    *l = (struct late){.task.run = late_run, .inside = f->inside, .read = r};
    loop_post(r->loop, &l->task);
}

/* --- passed on as they are --- */

static void faulty_look(struct store *s, struct store_look *l)
{
    store_look(of(s)->inside, l);
}

static enum err faulty_meta_get(struct store *s, struct str name, struct arena *a, struct str *out)
{
    return of(s)->inside->ops->meta_get(of(s)->inside, name, a, out);
}

static enum err faulty_meta_set(struct store *s, struct str name, struct str value)
{
    return atomic_load(&of(s)->all) ? ERR_STORAGE : of(s)->inside->ops->meta_set(of(s)->inside, name, value);
}

static enum err faulty_meta_add(struct store *s, struct str name, struct str value, struct arena *a, struct str *out)
{
    struct faulty *f = of(s);
    if (!atomic_load(&f->all)) return f->inside->ops->meta_add(f->inside, name, value, a, out);
    enum err e = f->inside->ops->meta_get(f->inside, name, a, out); /* what is there already need not be written */
    return e == ERR_NOT_FOUND ? ERR_STORAGE : e;
}

static enum err faulty_backup(struct store *s, const char *to, struct fault *f)
{
    return of(s)->inside->ops->backup(of(s)->inside, to, f);
}

static void faulty_stats(struct store *s, struct store_stats *out)
{
    of(s)->inside->ops->stats(of(s)->inside, out);
}

static void faulty_close(struct store *s)
{
    struct faulty *f = of(s);
    f->inside->ops->close(f->inside);
    mem_free(f);
}

static const struct store_ops ops = {
    .name = "faulty",
    .apply = faulty_apply,
    .read = faulty_read,
    .look = faulty_look,
    .meta_get = faulty_meta_get,
    .meta_set = faulty_meta_set,
    .meta_add = faulty_meta_add,
    .backup = faulty_backup,
    .stats = faulty_stats,
    .close = faulty_close,
};

struct store *store_faulty_new(struct store *inside)
{
    struct faulty *f = mem_zero(sizeof *f);
    f->store.ops = &ops;
    f->inside = inside;
    return &f->store;
}

void store_faulty_fail_nth(struct store *s, uint64_t nth)
{
    atomic_store(&of(s)->countdown, (int_fast64_t)nth);
}
void store_faulty_fail_all(struct store *s, bool on)
{
    atomic_store(&of(s)->all, on);
}
void store_faulty_delay_reads(struct store *s, bool on)
{
    atomic_store(&of(s)->late, on);
}
