/* The persister: writes records that have come back from the slot's queue to the store, many in one commit, and then acknowledges them to the
 * queue. Knows rows, not what they mean. Until a record is written its rows are read from the overlay. */
#include "base/log.h"
#include "cluster/cluster_priv.h"

enum { RECORDS_MAX = 1000, CHANGES_MAX = 20000, BYTES_MAX = 4 * 1048576 }; /* of a commit */
enum { LATE_MS = 1000 }; /* a commit that takes so long may take until the store is back */

/* A commit that is under way. */
struct persist {
    struct store_batch batch; /* first */
    struct slot *slot;
    unsigned generation;
    int64_t began_ms;
    struct list records;
    struct change *change;
    size_t count, cap;
    bool full; /* and more waits */
};

static void persist_free(struct persist *p)
{
    mem_free(p->change);
    mem_free(p);
}

static struct record *first_of(struct list *records)
{
    return list_item(records->next, struct record, link);
}

static void write_out(struct slot *s);

static void moment(struct timer *t)
{
    write_out(list_item(t, struct slot, queue.persist_next));
}

/* The store has all of these: they leave memory, and the queue. When nothing else waits, so does all that came after them and never counted. */
static void written(struct slot *s, struct list *records)
{
    struct queue *q = &s->queue;
    uint64_t tag = list_item(records->prev, struct record, link)->tag;
    list_each(it, records) slot_written(s, list_item(it, struct record, link));
    queue_forget(s, records);
    broker_acknowledge(s->cluster->config.broker, &s->hold, list_is_empty(&q->unwritten) ? q->last_tag : tag);
    if (q->store_is_away) log_event(LOG_INFO, "cluster", "store is back", "slot=%u backlog=%zu", s->index, s->backlog);
    q->store_is_away = false;
}

/* To the front again, in order. */
static void put_back(struct slot *s, struct list *records)
{
    while (!list_is_empty(records)) {
        struct list *last = records->prev;
        list_remove(last);
        list_push_front(&s->queue.unwritten, last);
    }
}

static void go_on_from(struct slot *s, struct store_slot at)
{
    struct queue *q = &s->queue;
    struct list there;
    list_init(&there);
    while (!list_is_empty(&q->unwritten) && first_of(&q->unwritten)->batch.position <= at.position)
        list_push(&there, list_pop(&q->unwritten));
    if (list_is_empty(&there) || list_item(there.prev, struct record, link)->batch.position != at.position) {
        put_back(s, &there);
        struct record_head h = {.epoch = at.epoch, .position = at.position};
        queue_set_aside(s, "slot set aside: the store stands where no record does", &h);
        return;
    }
    written(s, &there);
    persist_go_on(s);
}

static void is_away(struct slot *s, enum err e)
{
    if (!s->queue.store_is_away) log_event(LOG_WARN, "cluster", "store is away", "slot=%u error=%s", s->index, err_name(e));
    s->queue.store_is_away = true;
    timer_set(s->loop, &s->queue.persist_next, REOPEN_MS, moment);
}

/* The slot stands elsewhere than was thought. A former owner has written some of the same records, or a commit that was said to have failed had not: then
 * it stands at one of those that wait here. */
static void look_where_it_stands(void *arg)
{
    struct slot *s = arg;
    struct store_slot at;
    unsigned generation = s->generation;
    slot_under_way(s, 1);
    s->queue.persist_looks = true;
    enum err e = slot_stands(s, &at);
    s->queue.persist_looks = false;
    slot_under_way(s, -1);
    if (s->generation != generation)
        slot_go_on(s);
    else if (e != ERR_OK)
        is_away(s, e);
    else
        go_on_from(s, at);
}

static void committed(struct store_batch *b)
{
    struct persist *p = (struct persist *)(void *)b;
    struct slot *s = p->slot;
    struct queue *q = &s->queue;
    q->persist = NULL;
    slot_under_way(s, -1);
    if (p->generation != s->generation) {
        queue_forget(s, &p->records);
        slot_go_on(s);
    } else if (b->err == ERR_OK) {
        written(s, &p->records);
        if (p->full)
            write_out(s);
        else
            persist_go_on(s);
    } else {
        put_back(s, &p->records);
        if (b->err == ERR_CONFLICT) {
            fiber_spawn(look_where_it_stands, s);
        } else {
            is_away(s, b->err);
        }
    }
    persist_free(p);
}

static void add(struct persist *p, struct record *r)
{
    if (p->cap < p->count + r->changes) {
        p->cap = 2 * (p->count + r->changes);
        p->change = mem_resize(p->change, p->cap, sizeof *p->change);
    }
    if (r->changes) memcpy(&p->change[p->count], r->change, r->changes * sizeof *r->change);
    p->count += r->changes;
    list_remove(&r->link);
    list_push(&p->records, &r->link);
}

static void gather(struct slot *s, struct persist *p)
{
    size_t records = 0, bytes = 0;
    struct list *from = &s->queue.unwritten;
    while (!list_is_empty(from) && records < RECORDS_MAX && bytes < BYTES_MAX && p->count < CHANGES_MAX) {
        bytes += first_of(from)->size;
        records++;
        add(p, first_of(from));
    }
    p->full = !list_is_empty(from);
}

static void write_out(struct slot *s)
{
    struct queue *q = &s->queue;
    struct persist *p = mem_zero(sizeof *p);
    p->slot = s;
    p->generation = s->generation;
    p->began_ms = loop_now_ms(s->loop);
    list_init(&p->records);
    gather(s, p);
    const struct record *last = list_item(p->records.prev, struct record, link);
    p->batch = (struct store_batch){.loop = s->loop,
                                    .slot = s->index,
                                    .epoch = last->batch.epoch,
                                    .predecessor = first_of(&p->records)->batch.predecessor,
                                    .position = last->batch.position,
                                    .change = p->change,
                                    .count = p->count,
                                    .done = committed};
    q->persist = p;
    slot_under_way(s, 1);
    store_apply(s->cluster->config.store, &p->batch);
}

bool persist_is_held_up(const struct slot *s)
{
    const struct queue *q = &s->queue;
    return q->store_is_away || (q->persist && loop_now_ms(s->loop) - q->persist->began_ms > LATE_MS);
}

/* Nobody waits for a commit, and most of what one costs the database it costs once: so all slots write what they have at the same moments. */
void persist_go_on(struct slot *s)
{
    struct queue *q = &s->queue;
    int64_t apart = s->cluster->config.gather_ms;
    if (q->persist || q->persist_looks || timer_is_set(&q->persist_next)) return;
    if (list_is_empty(&q->unwritten))
        broker_acknowledge(s->cluster->config.broker, &s->hold, q->last_tag); /* beats, and what never counted */
    else if (apart)
        timer_set(s->loop, &q->persist_next, apart - loop_now_ms(s->loop) % apart, moment);
    else
        write_out(s);
}

void persist_release(struct slot *s)
{
    struct persist *p = s->queue.persist;
    if (!p) return;
    queue_forget(s, &p->records);
    persist_free(p);
}
