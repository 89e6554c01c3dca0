#include "engine/sync/filters.h"

#include "base/map.h"

enum { UNUSED_MAX = 64 };

struct filter_pool {
    struct map filters;
    struct list unused; /* oldest first */
    size_t unused_count;
    uint64_t ids;
};

struct filter_pool *filter_pool_new(void)
{
    struct filter_pool *p = mem_zero(sizeof *p);
    list_init(&p->unused);
    return p;
}

static void forget(struct filter_pool *p, struct shared_filter *f)
{
    list_remove(&f->unused);
    p->unused_count--;
    map_del(&p->filters, f->text);
    arena_release(&f->arena);
    mem_free(f);
}

void filter_pool_free(struct filter_pool *p)
{
    if (!p) return;
    while (!list_is_empty(&p->unused))
        forget(p, list_item(p->unused.next, struct shared_filter, unused));
    map_release(&p->filters);
    mem_free(p);
}

static enum err parse(struct shared_filter *f, struct fault *fault)
{
    struct json *v;
    filter_init_sync(&f->filter);
    if (str_empty(f->text)) return ERR_OK;
    enum err e = json_parse(&f->arena, f->text, &v, fault);
    return e == ERR_OK ? filter_parse_sync(&f->arena, v, &f->filter, fault) : e;
}

static struct shared_filter *add(struct filter_pool *p, struct str text, struct fault *fault)
{
    struct shared_filter *f = mem_zero(sizeof *f);
    arena_init_small(&f->arena, 1000);
    f->text = arena_str(&f->arena, text.p ? text : STR(""));
    if (parse(f, fault) != ERR_OK) {
        arena_release(&f->arena);
        mem_free(f);
        return NULL;
    }
    f->id = ++p->ids;
    list_init(&f->unused);
    list_push(&p->unused, &f->unused);
    p->unused_count++;
    map_put(&p->filters, f->text, f);
    return f;
}

const struct shared_filter *filter_take(struct filter_pool *p, struct str text, struct fault *fault)
{
    struct shared_filter *f = map_get(&p->filters, text);
    if (!f) f = add(p, text, fault);
    if (!f) return NULL;
    if (f->users++ == 0) {
        list_remove(&f->unused);
        p->unused_count--;
    }
    return f;
}

void filter_drop(struct filter_pool *p, const struct shared_filter *filter)
{
    if (!filter) return;
    struct shared_filter *f = map_get(&p->filters, filter->text);
    if (--f->users > 0) return;
    list_push(&p->unused, &f->unused);
    if (++p->unused_count > UNUSED_MAX) forget(p, list_item(p->unused.next, struct shared_filter, unused));
}
