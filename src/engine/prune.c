#include "engine/prune.h"

enum { BEGIN_MS = 60000, PAUSE_MS = 100, AGAIN_MS = 3600 * 1000 };

static bool txn_is_over(const struct row *r, int64_t now_ms)
{
    return r->c[C_txn_made_ms].i < now_ms - PRUNE_TXN_KEEP_MS;
}

/* Who still has the id is told the same as while the row was there. */
static bool media_is_over(const struct row *r, int64_t now_ms)
{
    return str_empty(r->c[C_media_hash].s) && r->c[C_media_pending_until_ms].i < now_ms - PRUNE_MEDIA_KEEP_MS;
}

/* Such rows must never become valid again: between the reading and the deletion other turns run. */
static const struct {
    enum table table;
    bool (*is_over)(const struct row *r, int64_t now_ms);
} pruned[] = {{T_txn, txn_is_over}, {T_media, media_is_over}};
enum { PRUNED = sizeof pruned / sizeof pruned[0] };

/* --- one page, at the slot's owner --- */

/* From the place on: the rest of one first cell's rows (a room's), or whatever comes. */
static enum err read_page(struct turn *t, const struct command *c, struct store_read *r)
{
    *r = (struct store_read){.table = pruned[c->num[0]].table, .limit = PRUNE_PAGE};
    r->prefix = c->s[1].p ? 1 : 0;
    r->key[0].s = c->s[0];
    r->has_from = c->s[0].p != NULL;
    r->from.s = r->prefix ? store_str_after(turn_arena(t), c->s[1]) : c->s[0];
    return turn_range(t, r);
}

static void tell_next(struct turn *t, const struct store_read *r, bool two_keys)
{
    struct reply *out = turn_reply(t);
    if (r->more && r->count) {
        const struct row *last = &r->row[r->count - 1];
        out->s[0] = two_keys ? last->c[0].s : store_str_after(turn_arena(t), last->c[0].s);
        if (two_keys) out->s[1] = last->c[1].s;
    } else if (r->prefix) {
        out->s[0] = store_str_after(turn_arena(t), r->key[0].s);
    }
}

/* slot_prune: num[0] which table; s[0], s[1] key cells: where to begin (null: at the beginning). Reply: s[0], s[1] where to go on, s[0] null: at the end;
 * num[0] how many rows went. */
enum err slot_prune(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct store_read r;
    if (c->num[0] < 0 || c->num[0] >= PRUNED) return ERR_INVALID_PARAM;
    enum err e = read_page(t, c, &r);
    if (e != ERR_OK) return e;
    tell_next(t, &r, store_table(r.table)->keys > 1);
    for (size_t i = 0; i < r.count; i++) {
        if (!pruned[c->num[0]].is_over(&r.row[i], turn_now_ms(t))) continue;
        turn_del(t, &r.row[i]);
        turn_reply(t)->num[0]++;
    }
    return turn_ready(t);
}

enum err prune_page(struct engine *e, struct arena *a, struct prune_place *at, int64_t *deleted)
{
    struct command c = {.type = CMD_slot_prune, .key = engine_key_of_slot(e, at->slot), .num[0] = at->table, .s = {at->first, at->second}};
    struct reply reply;
    enum err err = engine_call(e, &c, a, &reply, NULL);
    if (err != ERR_OK) return err;
    *deleted = reply.num[0];
    at->first = reply.s[0];
    at->second = reply.s[1];
    if (at->first.p) return ERR_OK;
    at->table = (at->table + 1) % PRUNED;
    if (at->table == 0) at->slot++;
    at->end = at->slot == CLUSTER_SLOTS;
    return ERR_OK;
}

/* --- all pages, one after another --- */

struct pruner {
    struct engine *engine;
    struct loop *loop;
    struct task start;
    struct timer timer;
    struct arena arena[2]; /* the place's strings, and those of the next */
    unsigned turn;
    struct prune_place at;
};

static void page_due(struct timer *t);

static void run_page(void *arg)
{
    struct pruner *p = arg;
    struct arena *a = &p->arena[p->turn ^= 1];
    int64_t deleted, pause = PAUSE_MS;
    arena_reset(a);
    while (!p->at.end && p->at.table == 0 && !p->at.first.p && !cluster_holds(p->engine->cluster, p->at.slot)) /* its owner does it */
        p->at.end = ++p->at.slot == CLUSTER_SLOTS;
    /* A slot that does not write now will be gone through in an hour: as much of it as has gone remains gone. */
    if (p->at.end || prune_page(p->engine, a, &p->at, &deleted) != ERR_OK || p->at.end) {
        p->at = (struct prune_place){0};
        pause = AGAIN_MS;
    }
    timer_set(p->loop, &p->timer, pause, page_due);
}

static void page_due(struct timer *t)
{
    fiber_spawn(run_page, list_item(t, struct pruner, timer));
}

static void start(struct task *t)
{
    struct pruner *p = list_item(t, struct pruner, start);
    timer_set(p->loop, &p->timer, BEGIN_MS, page_due);
}

struct pruner *pruner_new(struct engine *e, struct loop *l)
{
    struct pruner *p = mem_zero(sizeof *p);
    p->engine = e;
    p->loop = l;
    arena_init(&p->arena[0]);
    arena_init(&p->arena[1]);
    p->start.run = start;
    loop_post(l, &p->start);
    return p;
}

void pruner_free(struct pruner *p)
{
    if (!p) return;
    timer_clear(p->loop, &p->timer);
    arena_release(&p->arena[0]);
    arena_release(&p->arena[1]);
    mem_free(p);
}
