/* A slot at its owner: opening, records on their way, what happens when they return or do not. */
#include "base/log.h"
#include "base/random.h"
#include "cluster/cluster_priv.h"
#include "store/wait.h"

struct opening_waiter {
    struct list link;
    struct fiber *fiber;
    struct timer patience;
};

static void open_fiber(void *arg);

static void new_stock(struct slot *s)
{
    const struct cluster_config *c = &s->cluster->config;
    stock_free(s->stock);
    s->stock = c->journal == JOURNAL_QUEUE && c->at_hand ? stock_new(c->at_hand, c->at_hand_bytes) : NULL;
}

void slot_init(struct slot *s, struct cluster *c, unsigned index, struct home *home)
{
    *s = (struct slot){.index = index, .cluster = c, .home = home, .loop = home->loop, .given_to = NODE_NOBODY, .unreached_ms = NEVER_MS};
    /* Another number to begin with in each life: the answer to a call of a former one, under the same name, is not taken for one of this. */
    s->calls = random_u64() >> 24;
    s->journal = c->config.journal == JOURNAL_QUEUE ? &journal_queue : &journal_store;
    s->overlay = overlay_new();
    new_stock(s);
    for (unsigned i = 0; i < KINDS_MAX; i++)
        list_init(&s->table[i].lru);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        list_init(&s->letters_out[i]);
    list_init(&s->waiting);
    list_init(&s->waiting_to_open);
    list_init(&s->link_dirty);
    list_init(&s->flying);
    list_init(&s->queue.out);
    list_init(&s->queue.signs);
    list_init(&s->queue.early);
    list_init(&s->queue.unwritten);
    list_init(&s->away);
    list_init(&s->answer_blocks);
}

void slot_say(struct slot *s)
{
    uint64_t stands = slot_is_served(s) ? STANDS_OPEN + (uint64_t)s->epoch : s->in_line ? STANDS_WAITING : STANDS_APART;
    bool reachable = slot_is_served(s) || s->home->owner[s->index].node >= 0;
    nodes_say(s->cluster->nodes, s->index, stands);
    if (reachable) atomic_store_explicit(&s->was_lost, false, memory_order_relaxed);
    if (reachable == atomic_load_explicit(&s->reachable, memory_order_relaxed)) return;
    if (!reachable)
        atomic_store_explicit(&s->unreached_ms, loop_now_ms(s->loop), memory_order_relaxed); /* first: both are read elsewhere */
    atomic_store_explicit(&s->reachable, reachable, memory_order_release);
    stat_add(&s->home->stats.slots_reachable, reachable ? 1 : -1);
}

void slot_go_on(struct slot *s)
{
    if (s->state != SLOT_CLOSED || s->opening || s->in_flight || s->left || s->resting) return;
    if (s->holding && place_yields(s)) slot_let_go(s);
    if (s->holding)
        fiber_spawn(open_fiber, s);
    else if (!s->subscribed)
        place_want(s);
}

static void stop_waiting(struct timer *t)
{
    struct opening_waiter *w = list_item(t, struct opening_waiter, patience);
    list_remove(&w->link);
    fiber_wake(w->fiber);
}

static enum where where_is(const struct slot *s)
{
    if (s->state == SLOT_OPEN) return SLOT_HERE;
    bool ours = s->holding || s->state != SLOT_CLOSED;
    return !ours && s->home->owner[s->index].node >= 0 ? SLOT_AWAY : SLOT_NOWHERE;
}

void slot_doubt(struct slot *s)
{
    if (s->state == SLOT_OPEN && s->journal->is_doubtful && s->journal->is_doubtful(s)) slot_fail(s, ERR_UNAVAILABLE);
}

void slot_wait(struct slot *s, int64_t until_ms)
{
    struct opening_waiter w = {.fiber = fiber_current()};
    timer_set(s->loop, &w.patience, until_ms - loop_now_ms(s->loop), stop_waiting);
    list_push(&s->waiting_to_open, &w.link);
    while (!list_is_empty(&w.link))
        fiber_park();
    timer_clear(s->loop, &w.patience);
}

enum where slot_find(struct slot *s)
{
    slot_doubt(s);
    int64_t until_ms = loop_now_ms(s->loop) + OPEN_PATIENCE_MS;
    while (where_is(s) == SLOT_NOWHERE && loop_now_ms(s->loop) < until_ms && !cluster_is_alone(s->cluster))
        slot_wait(s, until_ms);
    return where_is(s);
}

void slot_wake_waiting(struct slot *s)
{
    struct list *n;
    while ((n = list_pop(&s->waiting_to_open)))
        fiber_wake(list_item(n, struct opening_waiter, link)->fiber);
}

/* --- entities --- */

static void entity_free(struct slot *s, struct entity *e)
{
    const struct entity_kind *kind = &s->cluster->config.kind[e->kind];
    if (e->state && kind->free_state) kind->free_state(e->state);
    mem_free(e);
}

static void evict(struct slot *s, unsigned kind)
{
    struct entity_table *t = &s->table[kind];
    size_t max = s->cluster->config.kind[kind].warm_max;
    list_each_safe(it, &t->lru)
    {
        if (map_count(&t->map) <= max) return;
        struct entity *e = list_item(it, struct entity, lru);
        if (e->users || e->position > s->durable) continue;
        map_del(&t->map, e->key);
        if (e->position > t->cold) t->cold = e->position;
        stat_add(&s->home->stats.warm, -1);
        list_remove(&e->lru);
        entity_free(s, e);
    }
}

struct entity *entity_get(struct slot *s, unsigned kind, struct str key, bool make)
{
    struct entity_table *t = &s->table[kind];
    struct entity *e = map_get(&t->map, key);
    if (!e && make) {
        e = mem_zero(sizeof *e + key.n);
        char *copy = (char *)(e + 1);
        if (key.n) memcpy(copy, key.p, key.n);
        e->key = str_make(copy, key.n);
        e->kind = kind;
        list_init(&e->lru);
        map_put(&t->map, e->key, e);
        stat_add(&s->home->stats.warm, 1);
    }
    if (!e) return NULL;
    list_remove(&e->lru);
    list_push(&t->lru, &e->lru);
    e->users++;
    return e;
}

void entity_unuse(struct slot *s, struct entity *e)
{
    unsigned kind = e->kind;
    if (--e->users > 0) return;
    if (e->detached)
        entity_free(s, e);
    else if (map_count(&s->table[kind].map) > s->cluster->config.kind[kind].warm_max)
        evict(s, kind);
}

static void forget_entities(struct slot *s)
{
    for (unsigned k = 0; k < s->cluster->config.kinds; k++) {
        struct entity *e;
        for (size_t at = 0; (e = map_next(&s->table[k].map, &at));) {
            list_remove(&e->lru);
            stat_add(&s->home->stats.warm, -1);
            e->detached = true;
            if (e->users == 0) entity_free(s, e);
        }
        map_release(&s->table[k].map);
    }
}

/* --- records --- */

/* Those that are kept are of the usual size: a few messages. */
enum { SPARES_MAX = 64, SPARE_BYTES = 8192, SPARE_CHANGES = 32, SPARE_ITEMS = 64 };

struct record *record_new(struct slot *s)
{
    struct list *n = list_pop(&s->home->spare);
    struct record *r = n ? list_item(n, struct record, link) : mem_zero(sizeof *r);
    if (n)
        s->home->spares--;
    else
        arena_init_small(&r->arena, SPARE_BYTES / 2);
    r->slot = s;
    r->generation = s->generation;
    r->batch.predecessor = s->position;
    list_init(&r->letters);
    list_init(&r->link);
    return r;
}

static void record_release(struct record *r)
{
    mem_free(r->item);
    mem_free(r->change);
    arena_release(&r->arena);
    mem_free(r);
}

void record_free(struct record *r)
{
    struct home *h = r->slot->home;
    struct list *n;
    while ((n = list_pop(&r->letters)))
        letter_free(list_item(n, struct letter, link));
    for (size_t i = 0; i < r->items; i++)
        item_unref(r->item[i]);
    if (h->spares == SPARES_MAX || r->arena.used > SPARE_BYTES || r->change_cap > SPARE_CHANGES || r->item_cap > SPARE_ITEMS) {
        record_release(r);
        return;
    }
    r->changes = r->items = r->answer_bytes = 0;
    r->block = NULL;
    arena_reset(&r->arena);
    list_push_front(&h->spare, &r->link);
    h->spares++;
}

void home_release(struct home *h)
{
    struct list *n;
    while ((n = list_pop(&h->spare)))
        record_release(list_item(n, struct record, link));
    for (size_t g = 0; g < CLUSTER_LOOPS_MAX; g++)
        mem_free(h->outbox[g].item);
    timer_clear(h->loop, &h->sweep);
    post_release(h);
    view_unref(h->view);
}

static void tick_is_over(struct timer *t)
{
    slot_mark_dirty(list_item(t, struct slot, tick));
}

struct record *slot_open_record(struct slot *s)
{
    int64_t tick = s->cluster->config.tick_ms;
    if (s->open) return s->open;
    s->open = record_new(s);
    if (tick && s->journal->gathers) timer_set(s->loop, &s->tick, tick, tick_is_over);
    return s->open;
}

void slot_drop_open_record(struct slot *s)
{
    timer_clear(s->loop, &s->tick);
    record_free(s->open);
    s->open = NULL;
}

void record_add(struct record *r, const struct change *c)
{
    if (r->changes == r->change_cap) {
        r->change_cap = r->change_cap ? r->change_cap * 2 : 16;
        r->change = mem_resize(r->change, r->change_cap, sizeof *r->change);
    }
    r->change[r->changes++] = *c;
}

static void answer_waiting(struct slot *s)
{
    while (!list_is_empty(&s->waiting)) {
        struct call *call = list_item(s->waiting.next, struct call, waiting);
        if (call->need > s->durable) return;
        list_remove(&call->waiting);
        call_answer(call);
    }
}

static void answer_now(struct task *t)
{
    struct slot *s = list_item(t, struct slot, answer);
    s->answer_due = false;
    answer_waiting(s);
}

/* Behind the deliveries of what they have done, which leave at the end of the tick: who has an answer finds every loop told. */
static void answer_soon(struct slot *s)
{
    if (s->answer_due) return;
    s->answer_due = true;
    s->answer.run = answer_now;
    loop_defer(s->loop, &s->answer);
}

enum err refusal_of(enum err why)
{
    return why == ERR_FULL ? ERR_FULL : ERR_STORAGE;
}

static enum err told(const struct slot *s, enum err why)
{
    return why == ERR_CONFLICT || why == ERR_UNAVAILABLE ? ERR_UNAVAILABLE : s->refusal;
}

/* Calls that waited for what is undone now. */
static void undo_call(struct slot *s, struct call *call, enum err why)
{
    letters_forget_call(s, call);
    call->letters = 0;
    call->undone = told(s, why) == ERR_UNAVAILABLE;
    if (call->undone && call_may_go_again(s, call)) {
        call_go_again(s, call);
        return;
    }
    call->reply.err = told(s, why);
    call->reply.fault = (struct fault){.code = call->reply.err, .retry_ms = REOPEN_MS};
    call_answer(call);
}

/* That another node takes a slot, or that this one cannot show any more that it has it, is what happens in a cluster. With the store as the
 * journal a conflict is somebody who writes beside its only owner. */
static bool is_taken(const struct slot *s, enum err why)
{
    return why == ERR_CONFLICT && s->journal == &journal_queue;
}
static bool is_ordinary(const struct slot *s, enum err why)
{
    return why == ERR_UNAVAILABLE || is_taken(s, why);
}

static void log_undone(const struct slot *s, enum err why)
{
    bool taken = is_taken(s, why);
    log_event(is_ordinary(s, why) ? LOG_INFO : LOG_ERROR, "cluster", "slot undone", "slot=%u position=%lld durable=%lld error=%s%s",
              s->index, (long long)s->position, (long long)s->durable, err_name(why),
              taken ? " why=\"another server has it or may have it; whoever holds it opens it from what is durable\"" : "");
}

void slot_undo(struct slot *s, enum err why)
{
    answer_waiting(s);
    if (slot_is_served(s)) {
        log_undone(s, why);
        stat_add(&s->home->stats.slots_open, -1);
    }
    atomic_store_explicit(&s->was_lost, s->state == SLOT_OPEN, memory_order_relaxed);
    s->state = SLOT_CLOSED;
    s->writable = false;
    s->refusal = refusal_of(why);
    s->generation++;
    if (!is_ordinary(s, why)) stat_add(&s->home->stats.failed_records, 1);
    if (s->open) slot_drop_open_record(s);
    s->journal->undo(s);
    forget_entities(s);
    answered_forget(s);
    relay_forget(s);
    inherit_forget(s);
    letters_forget(s);
    overlay_free(s->overlay);
    s->overlay = overlay_new();
    new_stock(s);
    slot_say(s);
    struct list failed;
    list_init(&failed);
    while (!list_is_empty(&s->waiting))
        list_push(&failed, list_pop(&s->waiting));
    struct list *n;
    while ((n = list_pop(&failed)))
        undo_call(s, list_item(n, struct call, waiting), why);
}

void slot_fail(struct slot *s, enum err why)
{
    slot_undo(s, why);
    /* Somebody else writes it: whether it is still this node's the broker knows. */
    if (why == ERR_CONFLICT) slot_let_go(s);
    slot_go_on(s);
}

void slot_durable(struct slot *s, struct record *r)
{
    s->durable = r->batch.position;
    for (size_t i = 0; i < r->items; i++)
        delivery_add(s, r->item[i]);
    struct list *n;
    while ((n = list_pop(&r->letters)))
        letter_send(s, list_item(n, struct letter, link));
    answer_soon(s);
    if (s->open) slot_mark_dirty(s); /* it has waited for this one */
    place_go_on(s);
}

void slot_written(struct slot *s, struct record *r)
{
    s->persisted = r->batch.position;
    for (size_t i = 0; i < r->changes; i++) {
        if (s->stock) stock_apply(s->stock, &r->change[i]);
        overlay_drop(s->overlay, &r->change[i], r->batch.position);
    }
}

static void publish(struct slot *s)
{
    struct record *r = s->open;
    s->open = NULL;
    timer_clear(s->loop, &s->tick);
    answered_seal(s, r);
    r->batch = (struct store_batch){.loop = s->loop,
                                    .slot = s->index,
                                    .epoch = s->epoch,
                                    .predecessor = r->batch.predecessor,
                                    .position = s->position,
                                    .change = r->change,
                                    .count = r->changes};
    list_push(&s->flying, &r->link);
    stat_add(&s->home->stats.records, 1);
    stat_add(&s->home->stats.changes, (int64_t)r->changes);
    s->journal->publish(s, r);
}

void slot_under_way(struct slot *s, int by)
{
    s->in_flight += (size_t)by;
    stat_add(&s->home->stats.in_flight, by);
}

/* What is not published yet goes when its tick is over and what is under way has come back: the more there is to do, the more goes together. But the
 * last one of an owner that leaves goes at once. */
static bool gathers(const struct slot *s)
{
    return s->journal->gathers && s->state == SLOT_OPEN && (timer_is_set(&s->tick) || !list_is_empty(&s->flying));
}

void home_seal(struct task *t)
{
    struct home *h = list_item(t, struct home, seal);
    h->seal_due = false;
    struct list *n;
    while ((n = list_pop(&h->dirty))) {
        struct slot *s = list_item(n, struct slot, link_dirty);
        s->dirty = false;
        if (s->open && !gathers(s)) publish(s);
    }
}

void slot_mark_dirty(struct slot *s)
{
    if (s->journal->is_enough && s->journal->is_enough(s->open)) {
        publish(s);
        return;
    }
    if (!s->dirty) {
        s->dirty = true;
        list_push(&s->home->dirty, &s->link_dirty);
    }
    if (s->home->seal_due) return;
    s->home->seal_due = true;
    loop_defer(s->loop, &s->home->seal);
}

/* --- opening: the one path for start, failure and take-over --- */

enum { FAILURES_MAX = 2 };

static void retry_open(struct timer *t)
{
    struct slot *s = list_item(t, struct slot, retry);
    s->resting = false;
    if (s->state == SLOT_OPEN && !s->opening && !s->writable)
        fiber_spawn(open_fiber, s);
    else
        slot_go_on(s);
}

/* A little later each time where there are others, who may be able to open it. */
void slot_try_later(struct slot *s)
{
    const struct view *v = s->home->view;
    if (s->failures < FAILURES_MAX) s->failures++;
    timer_set(s->loop, &s->retry, v && v->others ? REOPEN_MS << (s->failures - 1) : REOPEN_MS, retry_open);
}

enum err slot_stands(struct slot *s, struct store_slot *out)
{
    return store_look_wait(s->cluster->config.store, s->index, out);
}

/* It stands at that position, and nothing of it is in memory. */
static void begin_open(struct slot *s, int64_t position)
{
    stat_add(&s->home->stats.slots_open, 1);
    for (unsigned k = 0; k < s->cluster->config.kinds; k++)
        s->table[k].cold = position;
}

void slot_serve(struct slot *s, bool writable)
{
    s->writable = writable;
    stat_add(&s->home->stats.reopened, 1);
    if (s->state != SLOT_OPEN) begin_open(s, s->position - (writable ? 1 : 0)); /* its mark changes nothing */
    s->state = SLOT_OPEN;
    s->failures = 0;
    slot_say(s);
    slot_wake_waiting(s);
    letters_announce(s);
    if (s->missed) delivery_gap(s, s->durable);
    s->missed = false;
    away_go_again(s);
    place_look(s);
}

static void open_fiber(void *arg)
{
    struct slot *s = arg;
    unsigned generation = s->generation;
    s->opening = true;
    stat_add(&s->home->stats.slots_opening, 1);
    s->journal->open(s);
    stat_add(&s->home->stats.slots_opening, -1);
    s->opening = false;
    if (s->generation != generation) slot_go_on(s); /* lost meanwhile */
}

void slot_release(struct slot *s)
{
    struct list *flying;
    timer_clear(s->loop, &s->retry);
    timer_clear(s->loop, &s->place);
    timer_clear(s->loop, &s->arrival);
    s->journal->release(s);
    while ((flying = list_pop(&s->flying)))
        record_free(list_item(flying, struct record, link));
    if (s->open) slot_drop_open_record(s);
    forget_entities(s);
    overlay_free(s->overlay);
    stock_free(s->stock);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        struct list *n;
        while ((n = list_pop(&s->letters_out[i])))
            letter_free(list_item(n, struct letter, link));
    }
    relay_release(s);
    inherit_forget(s);
    interest_release(s);
    answered_forget(s);
    map_release(&s->inbound);
}
