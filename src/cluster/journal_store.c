/* The store as the journal, for one machine: a record is durable, and written, when its batch is committed. */
#include "base/log.h"
#include "cluster/cluster_priv.h"
#include "store/wait.h"

static void record_returned(struct store_batch *b)
{
    struct record *r = (struct record *)(void *)b;
    struct slot *s = r->slot;
    list_remove(&r->link);
    slot_under_way(s, -1);
    s->in_flight_bytes -= (int64_t)r->arena.used;
    if (r->generation == s->generation && b->err == ERR_OK) {
        slot_written(s, r);
        slot_durable(s, r);
    } else if (r->generation == s->generation) {
        slot_fail(s, b->err);
    } else {
        slot_go_on(s);
    }
    record_free(r);
}

static void store_publish(struct slot *s, struct record *r)
{
    r->batch.done = record_returned;
    slot_under_way(s, 1);
    s->in_flight_bytes += (int64_t)r->arena.used;
    store_apply(s->cluster->config.store, &r->batch);
}

/* Nobody publishes anything here, and what comes all the same is of no use. */
static void store_records(struct slot *s, const struct broker_record *r, size_t count)
{
    broker_acknowledge(s->cluster->config.broker, &s->hold, r[count - 1].tag);
}

/* Records that are under way come back by themselves. */
static void store_undo(struct slot *s)
{
    (void)s;
}

/* --- opening --- */

/* A record without content proves that the slot is ours to write and opens the epoch. */
static enum err write_mark(struct slot *s, const struct store_slot *stands)
{
    struct store_batch mark = {
        .slot = s->index, .epoch = stands->epoch + 1, .predecessor = stands->position, .position = stands->position + 1};
    s->mark = mark.position;
    enum err e = store_apply_wait(s->cluster->config.store, &mark);
    s->mark = 0;
    return e;
}

static void serve(struct slot *s, const struct store_slot *stands, bool writable)
{
    s->epoch = stands->epoch + (writable ? 1 : 0);
    s->position = s->durable = s->persisted = stands->position + (writable ? 1 : 0);
    slot_serve(s, writable);
}

/* A slot that could only be read. */
static void become_writable(struct slot *s)
{
    struct store_slot stands;
    unsigned generation = s->generation;
    enum err e = slot_stands(s, &stands);
    if (s->generation != generation) return;
    if (e == ERR_OK) e = stands.position == s->position ? write_mark(s, &stands) : ERR_CONFLICT;
    if (s->generation != generation) return;
    if (e == ERR_CONFLICT) {
        slot_fail(s, e); /* somebody else wrote: what is in memory is of an older time */
        return;
    }
    if (e != ERR_OK) {
        s->refusal = refusal_of(e);
        slot_try_later(s);
        return;
    }
    serve(s, &stands, true);
}

/* Reads what there is, then claims it. A late record of a former owner may come between the two: then what was read is old. */
static void become_open(struct slot *s)
{
    struct store_slot stands;
    unsigned generation = s->generation;
    s->state = SLOT_OPENING;
    enum err e, refused = ERR_CONFLICT;
    do {
        struct load load;
        load_begin(s, &load);
        e = slot_stands(s, &stands);
        if (e == ERR_OK) s->persisted = stands.position;
        e = load_end(s, &load, e);
        if (e == ERR_OK && s->generation == generation) refused = write_mark(s, &stands);
    } while (e == ERR_OK && s->generation == generation && refused == ERR_CONFLICT);
    if (s->generation != generation) return;
    if (e != ERR_OK) {
        log_event(LOG_ERROR, "cluster", "slot cannot be opened", "slot=%u error=%s", s->index, err_name(e));
        s->state = SLOT_CLOSED;
        slot_try_later(s);
        return;
    }
    s->refusal = refusal_of(refused);
    serve(s, &stands, refused == ERR_OK);
    if (refused != ERR_OK) slot_try_later(s); /* what cannot be written can still be read */
}

static void store_open(struct slot *s)
{
    if (s->state == SLOT_OPEN)
        become_writable(s);
    else
        become_open(s);
}

const struct journal journal_store = {
    .publish = store_publish,
    .records = store_records,
    .undo = store_undo,
    .release = store_undo,
    .open = store_open,
};
