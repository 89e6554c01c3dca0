/* The slot's queue as the journal, for a cluster: the owner publishes a record and counts it as durable when it comes back; then persist.c
 * writes it to the store.
 *
 * Opening publishes a mark, and reads what stands in the queue before it and is not in the store. A mark that finds something before it is void,
 * and a second one is sent, which stands where that ended. While the slot is open, nothing but its owner's records may come back, in order: all
 * else means that somebody else had it meanwhile, and then it lets go, forgets what is not durable, and begins again. */
#include "base/log.h"
#include "base/random.h"
#include "cluster/cluster_priv.h"

/* DOUBT_MS is less than the broker takes at least to give the slot of who is cut off to another: two heartbeats (4 s) after the last word, and there is one
 * each 0.5 s. */
enum {
    BEAT_MS = 1000,     /* how often an owner without records shows that it holds the slot */
    PATIENCE_MS = 2000, /* how long something may take to come back */
    DOUBT_MS = BEAT_MS + PATIENCE_MS + 300,
    MARKS_MAX = 5,
    ANSWER_CHANGES_MAX = 1024, /* that answered_seal adds */
    RECORDS_MAX = BROKER_BACKLOG_RECORDS / 10 * 9,
    CHANGE_BYTES = 112 /* of a change in a record, besides its strings, at most */
};

static void let_go(struct slot *s)
{
    slot_fail(s, ERR_CONFLICT);
}

static void record_put(struct record *r)
{
    if (--r->users == 0) record_free(r);
}

static void account(struct slot *s, const struct record *r, int by)
{
    s->in_flight_bytes += by * (int64_t)r->size;
    s->backlog += (size_t)by;
    stat_add(&s->home->stats.backlog, by);
}

void queue_forget(struct slot *s, struct list *records)
{
    struct list *n;
    while ((n = list_pop(records))) {
        struct record *r = list_item(n, struct record, link);
        account(s, r, -1);
        record_put(r);
    }
}

/* --- out --- */

static struct record_head head_of(const struct slot *s, enum record_kind kind, int64_t epoch, int64_t predecessor, int64_t position)
{
    return (struct record_head){.format = RECORD_FORMAT,
                                .kind = kind,
                                .slot = s->index,
                                .opener = s->queue.opener,
                                .epoch = epoch,
                                .began = kind == RECORD_MARK ? predecessor : s->queue.began,
                                .predecessor = predecessor,
                                .position = position,
                                .returned = s->queue.stand.position};
}

static void published(struct broker_publish *p)
{
    struct record *r = list_item(p, struct record, publish);
    struct slot *s = r->slot;
    bool current = r->generation == s->generation, failed = p->err != ERR_OK;
    list_remove(&r->out);
    buf_release(&r->bytes);
    slot_under_way(s, -1);
    record_put(r);
    if (current && failed)
        let_go(s);
    else
        slot_go_on(s);
}

static void queue_publish(struct slot *s, struct record *r)
{
    struct record_head h = head_of(s, RECORD_ROWS, r->batch.epoch, r->batch.predecessor, r->batch.position);
    buf_init(&r->bytes, BROKER_RECORD_MAX);
    record_encode(&r->bytes, &h, r->change, r->changes);
    if (!buf_ok(&r->bytes)) abort(); /* queue_admit saw to that */
    r->size = r->bytes.n;
    r->users = 2;
    r->published_ms = loop_now_ms(s->loop);
    account(s, r, 1);
    list_push(&s->queue.out, &r->out);
    slot_under_way(s, 1);
    r->publish = (struct broker_publish){.loop = s->loop, .slot = s->index, .bytes = buf_str(&r->bytes), .done = published};
    broker_publish(s->cluster->config.broker, &r->publish);
}

static bool fits(const struct record *r)
{
    return r->changes + ANSWER_CHANGES_MAX <= RECORD_CHANGES_MAX &&
           r->arena.used + answered_room(r) + (r->changes + ANSWER_CHANGES_MAX) * CHANGE_BYTES <= BROKER_RECORD_MAX;
}

static enum err queue_admit(const struct slot *s, const struct record *r, struct fault *f)
{
    if (r && !fits(r)) return fault_set(f, ERR_TOO_LARGE, "That is too much for one request.");
    if (s->backlog < RECORDS_MAX) return ERR_OK;
    enum err e = fault_set(f, ERR_UNAVAILABLE, "The server has more to write than it can hold. Try again shortly.");
    if (f) f->retry_ms = REOPEN_MS;
    return e;
}

static bool queue_is_enough(const struct record *r)
{
    size_t bytes = r->arena.used + r->answer_bytes + r->changes * CHANGE_BYTES;
    return bytes >= r->slot->cluster->config.record_bytes || answered_is_enough(r);
}

/* A beat or a mark on its way out. */
struct sign {
    struct broker_publish publish; /* first */
    struct slot *slot;
    unsigned generation;
    struct buf bytes;
    struct list link;
};

static void sign_free(struct sign *g)
{
    list_remove(&g->link);
    buf_release(&g->bytes);
    mem_free(g);
}

static void sign_published(struct broker_publish *p)
{
    struct sign *g = (struct sign *)(void *)p;
    struct slot *s = g->slot;
    bool current = g->generation == s->generation, failed = p->err != ERR_OK;
    sign_free(g);
    slot_under_way(s, -1);
    if (!current || !failed) {
        slot_go_on(s);
    } else if (s->queue.opening) {
        s->queue.broken = ERR_UNAVAILABLE;
        fiber_wake(s->queue.opening);
    } else {
        let_go(s);
    }
}

static void send_sign(struct slot *s, const struct record_head *h)
{
    struct sign *g = mem_zero(sizeof *g);
    *g = (struct sign){.slot = s, .generation = s->generation};
    buf_init(&g->bytes, 1024);
    record_encode(&g->bytes, h, NULL, 0);
    g->publish = (struct broker_publish){.loop = s->loop, .slot = s->index, .bytes = buf_str(&g->bytes), .done = sign_published};
    list_push(&s->queue.signs, &g->link);
    slot_under_way(s, 1);
    broker_publish(s->cluster->config.broker, &g->publish);
}

/* --- proving that the slot is still held --- */

static void send_beat(struct slot *s)
{
    struct queue *q = &s->queue;
    struct record_head h = head_of(s, RECORD_BEAT, q->stand.epoch, q->stand.position, q->stand.position);
    q->beat_ms = loop_now_ms(s->loop);
    send_sign(s, &h);
}

static void beat_is_back(struct slot *s)
{
    struct queue *q = &s->queue;
    if (!q->beat_ms) return;
    post_note_trip(s->home, loop_now_ms(s->loop) - q->beat_ms);
    q->proved_ms = q->beat_ms;
    q->beat_ms = 0;
}

/* Stopped for a while, this process may not know yet that somebody else has the slot: its beats tell it soon, and until then it answers nothing. */
static bool queue_is_doubtful(struct slot *s)
{
    return loop_now_ms(s->loop) - s->queue.proved_ms > DOUBT_MS;
}

static void beat(struct timer *t)
{
    struct slot *s = list_item(t, struct slot, queue.beat);
    struct queue *q = &s->queue;
    int64_t now = loop_now_ms(s->loop), oldest = q->beat_ms;
    if (!list_is_empty(&s->flying)) {
        int64_t record = list_item(s->flying.next, struct record, link)->published_ms;
        if (oldest == 0 || record < oldest) oldest = record;
    }
    if (oldest && now - oldest >= PATIENCE_MS) {
        log_event(LOG_WARN, "cluster", "slot's queue does not answer", "slot=%u ms=%lld", s->index, (long long)(now - oldest));
        let_go(s);
        return;
    }
    if (oldest == 0) send_beat(s);
    timer_set(s->loop, &q->beat, BEAT_MS, beat);
}

/* --- in --- */

void queue_set_aside(struct slot *s, const char *why, const struct record_head *h)
{
    const struct stand *at = &s->queue.stand;
    log_event(LOG_ERROR, "cluster", why, "slot=%u stands=%lld epoch=%lld record=%lld after=%lld of_epoch=%lld began=%lld returned=%lld",
              s->index, (long long)at->position, (long long)at->epoch, (long long)h->position, (long long)h->predecessor,
              (long long)h->epoch, (long long)h->began, (long long)h->returned);
    s->resting = true;
    slot_undo(s, ERR_STORAGE);
    slot_try_later(s);
}

static void move_on(struct slot *s, const struct record_head *h)
{
    s->queue.stand = (struct stand){.epoch = h->epoch, .position = h->position};
}

static void keep(struct slot *s, struct record *r, uint64_t tag)
{
    r->tag = tag;
    list_push(&s->queue.unwritten, &r->link);
}

/* A record that was in the queue before this node opened the slot, or its own mark: as if it had made it. */
static bool adopt(struct slot *s, const struct record_head *h, struct str body, uint64_t tag)
{
    struct record *r = record_new(s);
    struct change *change;
    size_t changes;
    r->users = 1;
    r->size = body.n;
    if (!record_decode_rows(arena_str(&r->arena, body), &r->arena, &change, &changes)) {
        record_put(r);
        return false;
    }
    for (size_t i = 0; i < changes; i++) {
        record_add(r, &change[i]);
        overlay_put(s->overlay, &change[i], h->position);
    }
    r->batch = (struct store_batch){.epoch = h->epoch, .predecessor = h->predecessor, .position = h->position};
    account(s, r, 1);
    keep(s, r, tag);
    move_on(s, h);
    return true;
}

/* While it opens. False: it has been given up. */
static bool read_on(struct slot *s, const struct record_head *h, struct str body, uint64_t tag)
{
    struct queue *q = &s->queue;
    bool mine = h->opener == q->opener;
    enum verdict v = record_judge(&q->stand, h);
    if (mine && h->kind == RECORD_BEAT) beat_is_back(s);
    if (v == VERDICT_GAP) {
        queue_set_aside(s, "slot set aside: records are missing in its queue", h);
        return false;
    }
    if (q->mark_taken && v == VERDICT_TAKE) { /* somebody else opens it */
        let_go(s);
        return false;
    }
    if (v == VERDICT_TAKE && !adopt(s, h, body, tag)) {
        queue_set_aside(s, "slot set aside: a record in its queue cannot be read", h);
        return false;
    }
    q->mark_taken |= mine && v == VERDICT_TAKE;
    q->mark_void |= mine && h->kind == RECORD_MARK && v != VERDICT_TAKE;
    return true;
}

/* While it is open: the record that went out first, a beat, or a late one of a former owner. */
static bool take_back(struct slot *s, const struct record_head *h, uint64_t tag)
{
    struct queue *q = &s->queue;
    bool mine = h->opener == q->opener;
    struct record *r = list_is_empty(&s->flying) ? NULL : list_item(s->flying.next, struct record, link);
    enum verdict v = record_judge(&q->stand, h);
    if (mine && h->kind == RECORD_BEAT) {
        beat_is_back(s);
        return true;
    }
    if (!mine && h->epoch <= s->epoch && v == VERDICT_VOID) return true;
    if (!mine || v != VERDICT_TAKE || !r || r->batch.position != h->position) {
        log_event(LOG_WARN, "cluster", "slot has another owner", "slot=%u epoch=%lld of=%lld", s->index, (long long)s->epoch,
                  (long long)h->epoch);
        let_go(s);
        return false;
    }
    list_remove(&r->link);
    post_note_trip(s->home, loop_now_ms(s->loop) - r->published_ms);
    q->proved_ms = r->published_ms;
    keep(s, r, tag);
    move_on(s, h);
    slot_durable(s, r);
    return true;
}

static bool take(struct slot *s, const struct broker_record *r)
{
    struct record_head h;
    struct str body;
    s->queue.last_tag = r->tag;
    if (!record_decode_head(r->bytes, &h, &body) || h.slot != s->index) {
        queue_set_aside(s, "slot set aside: something in its queue cannot be read", &h);
        return false;
    }
    return slot_is_served(s) ? take_back(s, &h, r->tag) : read_on(s, &h, body, r->tag);
}

static void give_up(struct timer *t)
{
    struct slot *s = list_item(t, struct slot, queue.patience);
    s->queue.broken = ERR_TIMEOUT;
    fiber_wake(s->queue.opening);
}

/* What came in before it was known where the store stands. */
struct early {
    struct list link;
    uint64_t tag;
    struct bytes *bytes;
};

static void keep_early(struct slot *s, const struct broker_record *r)
{
    struct early *e = mem_alloc(sizeof *e);
    *e = (struct early){.tag = r->tag, .bytes = bytes_new(r->bytes)};
    list_push(&s->queue.early, &e->link);
}

static void take_early(struct slot *s)
{
    unsigned generation = s->generation;
    struct list *n;
    while ((n = list_pop(&s->queue.early))) {
        struct early *e = list_item(n, struct early, link);
        if (s->generation == generation) (void)!take(s, &(struct broker_record){.tag = e->tag, .bytes = bytes_str(e->bytes)});
        bytes_unref(e->bytes);
        mem_free(e);
    }
}

static void forget_early(struct slot *s)
{
    struct list *n;
    while ((n = list_pop(&s->queue.early))) {
        bytes_unref(list_item(n, struct early, link)->bytes);
        mem_free(list_item(n, struct early, link));
    }
}

static void queue_records(struct slot *s, const struct broker_record *r, size_t count)
{
    for (size_t i = 0; s->queue.looking && i < count; i++)
        keep_early(s, &r[i]);
    if (s->queue.looking) return;
    for (size_t i = 0; i < count; i++)
        if (!take(s, &r[i])) return;
    if (slot_is_served(s)) persist_go_on(s);
    if (!s->queue.opening) return;
    if (timer_is_set(&s->queue.patience)) timer_set(s->loop, &s->queue.patience, PATIENCE_MS, give_up); /* something comes: wait on */
    fiber_wake(s->queue.opening);
}

/* --- opening --- */

static bool mark_has_come(const struct queue *q)
{
    return q->mark_taken || q->mark_void;
}
static bool beat_has_come(const struct queue *q)
{
    return q->beat_ms == 0;
}

/* Until what was sent has come back. Waits. */
static enum err wait_for(struct slot *s, bool (*has_come)(const struct queue *q))
{
    struct queue *q = &s->queue;
    unsigned generation = s->generation;
    timer_set(s->loop, &q->patience, PATIENCE_MS, give_up);
    while (s->generation == generation && !has_come(q) && !q->broken)
        fiber_park();
    timer_clear(s->loop, &q->patience);
    return s->generation != generation ? ERR_UNAVAILABLE : q->broken;
}

/* Opens the next epoch. Records may stand in the queue, and a former owner's last ones still come in, before the mark: then another one is needed,
 * and all agree that this one is void, since it does not follow what stands before it. */
static enum err claim(struct slot *s)
{
    struct queue *q = &s->queue;
    enum err e = ERR_OK;
    for (unsigned i = 0; i < MARKS_MAX && e == ERR_OK && !q->mark_taken; i++) {
        struct record_head h = head_of(s, RECORD_MARK, q->stand.epoch + 1, q->stand.position, q->stand.position + 1);
        q->mark_void = false;
        q->proved_ms = loop_now_ms(s->loop);
        q->began = q->stand.position;
        send_sign(s, &h);
        e = wait_for(s, mark_has_come);
    }
    return e == ERR_OK && !q->mark_taken ? ERR_CONFLICT : e;
}

/* That it is still held, when loading has taken long. Waits. */
static enum err prove(struct slot *s)
{
    if (!queue_is_doubtful(s)) return ERR_OK;
    send_beat(s);
    return wait_for(s, beat_has_come);
}

/* Where the store stands, then what follows in the queue, up to the own mark. */
static enum err read_and_claim(struct slot *s)
{
    struct store_slot at;
    unsigned generation = s->generation;
    s->queue.looking = true;
    enum err e = slot_stands(s, &at);
    s->queue.looking = false;
    if (e == ERR_OK && s->generation != generation) e = ERR_UNAVAILABLE;
    if (e != ERR_OK) {
        forget_early(s);
        return e;
    }
    s->queue.stand = (struct stand){.epoch = at.epoch, .position = at.position};
    s->persisted = s->durable = s->position = at.position;
    take_early(s);
    return s->generation == generation ? claim(s) : ERR_UNAVAILABLE;
}

/* What the store has is read meanwhile. Of before it stood where it says it stands, it is read again. */
static enum err read_all_and_claim(struct slot *s)
{
    struct load load;
    load_begin(s, &load);
    enum err e = load_end(s, &load, read_and_claim(s));
    return e == ERR_OK ? prove(s) : e;
}

static void queue_open(struct slot *s)
{
    struct queue *q = &s->queue;
    unsigned generation = s->generation;
    s->state = SLOT_OPENING;
    q->opener = random_u64();
    q->opening = fiber_current();
    q->mark_taken = q->mark_void = q->store_is_away = false;
    q->broken = ERR_OK;
    q->beat_ms = 0;
    enum err e = read_all_and_claim(s);
    q->opening = NULL;
    if (s->generation != generation) return;
    if (e != ERR_OK) {
        log_event(e == ERR_CONFLICT || err_may_pass(e) ? LOG_WARN : LOG_ERROR, "cluster",
                  e == ERR_CONFLICT ? "slot not opened: others publish to it" : "slot cannot be opened", "slot=%u error=%s", s->index,
                  err_name(e));
        s->resting = true;
        slot_undo(s, ERR_UNAVAILABLE);
        slot_try_later(s);
        return;
    }
    s->epoch = q->stand.epoch;
    s->position = s->durable = q->stand.position;
    timer_set(s->loop, &q->beat, BEAT_MS, beat);
    slot_serve(s, true);
    if (s->generation == generation) persist_go_on(s);
}

/* --- the end of it --- */

static void stop_timers(struct slot *s)
{
    timer_clear(s->loop, &s->queue.beat);
    timer_clear(s->loop, &s->queue.patience);
    timer_clear(s->loop, &s->queue.persist_next);
}

/* What had come back and was not written comes again, but only to who subscribes anew. */
static void queue_undo(struct slot *s)
{
    struct queue *q = &s->queue;
    stop_timers(s);
    slot_let_go(s);
    queue_forget(s, &s->flying);
    queue_forget(s, &q->unwritten);
    forget_early(s);
    if (q->opening) fiber_wake(q->opening);
}

/* No callback comes any more. */
static void queue_release(struct slot *s)
{
    struct queue *q = &s->queue;
    struct list *n;
    stop_timers(s);
    while ((n = list_pop(&q->out))) {
        struct record *r = list_item(n, struct record, out);
        buf_release(&r->bytes);
        record_put(r);
    }
    while (!list_is_empty(&q->signs))
        sign_free(list_item(q->signs.next, struct sign, link));
    queue_forget(s, &s->flying);
    queue_forget(s, &q->unwritten);
    forget_early(s);
    persist_release(s);
}

const struct journal journal_queue = {
    .publish = queue_publish,
    .open = queue_open,
    .records = queue_records,
    .undo = queue_undo,
    .release = queue_release,
    .admit = queue_admit,
    .gathers = true,
    .is_enough = queue_is_enough,
    .is_doubtful = queue_is_doubtful,
};
