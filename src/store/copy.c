#include "store/copy.h"

#include "store/wait.h"

enum { PAGE_ROWS = 1000 };

/* --- reading page by page --- */

void store_walk_init(struct store_walk *w, struct store *s, unsigned slot, enum table table)
{
    *w = (struct store_walk){.store = s, .slot = slot, .table = table};
    arena_init(&w->arena);
    arena_init(&w->place_arena);
}

void store_walk_release(struct store_walk *w)
{
    arena_release(&w->arena);
    arena_release(&w->place_arena);
}

/* What comes behind a value of a key cell; false: nothing does. */
static bool cell_after(struct arena *a, const struct column *c, const struct cell *v, struct cell *out)
{
    if (c->type == CELL_STR) {
        out->s = store_str_after(a, v->s);
        return true;
    }
    if (v->i == INT64_MAX) return false;
    out->i = v->i + 1;
    return true;
}

/* Behind the last row: those with the same first `prefix` cells and a greater next one; when there are none any more, one cell less is the same. */
static enum err read_behind(struct store_walk *w, size_t limit, struct store_read *r)
{
    const struct table_info *t = store_table(w->table);
    *r = (struct store_read){.slot = w->slot, .table = w->table, .limit = limit, .arena = &w->arena};
    if (!w->begun) return store_read_wait(w->store, r);
    r->prefix = w->prefix;
    memcpy(r->key, w->place.c, w->prefix * sizeof r->key[0]);
    r->has_from = true;
    return cell_after(&w->arena, &t->column[w->prefix], &w->place.c[w->prefix], &r->from) ? store_read_wait(w->store, r) : ERR_OK;
}

static void keep_place(struct store_walk *w)
{
    const struct table_info *t = store_table(w->table);
    arena_reset(&w->place_arena);
    w->place = w->row[w->count - 1];
    for (unsigned i = 0; i < t->keys; i++)
        if (t->column[i].type == CELL_STR) w->place.c[i].s = arena_str(&w->place_arena, w->place.c[i].s);
    w->prefix = t->keys - 1;
    w->begun = true;
}

enum err store_walk_next(struct store_walk *w, size_t limit)
{
    struct store_read r;
    w->count = 0;
    while (!w->over && w->count == 0) {
        arena_reset(&w->arena);
        enum err e = read_behind(w, limit, &r);
        if (e != ERR_OK) return e;
        w->row = r.row;
        w->count = r.count;
        bool last_level = !w->begun || w->prefix == 0;
        if (r.count)
            keep_place(w);
        else if (last_level)
            w->over = true;
        else
            w->prefix--;
        if (r.count && !r.more && last_level) w->over = true;
    }
    return ERR_OK;
}

/* --- copying --- */

/* Where the target stands, and what was written of it before. */
struct target {
    unsigned slot;
    int64_t position; /* pages written */
    int64_t pages;    /* gone through, this time */
};

static enum err copy_page(struct store_copy *c, struct target *t, const struct store_walk *w)
{
    t->pages++;
    if (t->pages <= t->position) return ERR_OK;
    struct change *change = mem_array(w->count, sizeof *change);
    for (size_t i = 0; i < w->count; i++)
        change[i] = (struct change){.row = w->row[i]};
    struct store_batch page = {
        .slot = t->slot, .predecessor = t->position, .position = t->position + 1, .change = change, .count = w->count};
    enum err e = store_apply_wait(c->to, &page);
    mem_free(change);
    if (e == ERR_OK) t->position++;
    c->rows += w->count;
    return e;
}

static enum err copy_table(struct store_copy *c, struct target *t, enum table table)
{
    struct store_walk w;
    store_walk_init(&w, c->from, t->slot, table);
    enum err e = store_walk_next(&w, PAGE_ROWS);
    while (e == ERR_OK && w.count) {
        e = copy_page(c, t, &w);
        if (e == ERR_OK) e = store_walk_next(&w, PAGE_ROWS);
        if (c->progress) c->progress(c->ctx, t->slot, c->rows);
    }
    store_walk_release(&w);
    return e;
}

static enum err copy_slot(struct store_copy *c, unsigned slot, struct fault *f)
{
    struct store_slot from, to;
    enum err e = store_look_wait(c->from, slot, &from);
    if (e == ERR_OK) e = store_look_wait(c->to, slot, &to);
    if (e != ERR_OK) return e;
    if (to.epoch) { /* whole already */
        if (to.epoch == from.epoch && to.position >= from.position) return ERR_OK;
        return fault_set(f, ERR_CONFLICT, "Slot %u of the target has something else in it. Give an empty one.", slot);
    }
    if (from.position == 0) return ERR_OK;
    struct target t = {.slot = slot, .position = to.position};
    for (unsigned i = 0; e == ERR_OK && i < T__COUNT; i++)
        e = copy_table(c, &t, (enum table)i);
    if (e == ERR_OK && t.pages < t.position)
        return fault_set(f, ERR_CONFLICT, "Slot %u of the target has more in it than the source. Give an empty one.", slot);
    int64_t position = from.position > t.position ? from.position : t.position + 1;
    struct store_batch last = {.slot = slot, .epoch = from.epoch, .predecessor = t.position, .position = position};
    return e == ERR_OK ? store_apply_wait(c->to, &last) : e;
}

/* Where it is set. */
static enum err copy_meta(struct store_copy *c, struct str name, struct fault *f)
{
    struct arena a;
    struct str value, there;
    arena_init(&a);
    enum err e = c->from->ops->meta_get(c->from, name, &a, &value);
    bool is_set = e == ERR_OK;
    if (is_set) e = c->to->ops->meta_add(c->to, name, value, &a, &there);
    if (is_set && e == ERR_OK && !str_eq(value, there))
        e = fault_set(f, ERR_CONFLICT, "The target belongs to another server. Give an empty one.");
    arena_release(&a);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Before anything is written. */
static enum err check_target(struct store_copy *c, struct fault *f)
{
    struct arena a;
    struct str from, to;
    arena_init(&a);
    enum err e = c->from->ops->meta_get(c->from, STR("history"), &a, &from);
    if (e == ERR_NOT_FOUND) e = fault_set(f, e, "There is nothing in the source: no server has ever run on it.");
    if (e == ERR_OK && c->to->ops->meta_get(c->to, STR("history"), &a, &to) == ERR_OK && !str_eq(from, to))
        e = fault_set(f, ERR_CONFLICT, "The target belongs to another server. Give an empty one.");
    arena_release(&a);
    return e;
}

enum err store_copy(struct store_copy *c, struct fault *f)
{
    enum err e = check_target(c, f);
    for (unsigned slot = 0; e == ERR_OK && slot < STORE_SLOTS; slot++) {
        e = copy_slot(c, slot, f);
        if (e == ERR_OK && c->progress) c->progress(c->ctx, slot + 1, c->rows);
    }
    for (size_t i = 0; e == ERR_OK && i < c->metas; i++)
        e = copy_meta(c, c->meta[i], f);
    return e == ERR_OK ? copy_meta(c, STR("history"), f) : e;
}
