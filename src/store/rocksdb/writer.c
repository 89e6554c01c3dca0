/* The writer: one thread that commits all that is queued, of all slots, as one synced write. */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/rocksdb/priv.h"

enum { COMMIT_BYTES_MAX = 4 << 20, BROKEN_LOOK_MS = 500 };

/* --- from the loops --- */

struct queue *queue_new(void)
{
    struct queue *q = mem_zero(sizeof *q);
    atomic_init(&q->refs, 1);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->more, NULL);
    list_init(&q->batches);
    return q;
}

void queue_unref(struct queue *q)
{
    if (atomic_fetch_sub(&q->refs, 1) > 1) return;
    pthread_cond_destroy(&q->more);
    pthread_mutex_destroy(&q->lock);
    mem_free(q);
}

static void wake_if_idle(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    if (q->idle) pthread_cond_signal(&q->more);
    pthread_mutex_unlock(&q->lock);
}

static void waker_run(struct task *t)
{
    struct waker *w = list_item(t, struct waker, task);
    w->set = false;
    wake_if_idle(w->queue);
    queue_unref(w->queue);
}

static void wake_after_tick(struct queue *q)
{
    struct loop *l = loop_current();
    if (!l || loop_index(l) >= LOOPS_MAX) {
        wake_if_idle(q);
        return;
    }
    struct waker *w = &q->waker[loop_index(l)];
    if (w->set) return;
    *w = (struct waker){.task.run = waker_run, .queue = q, .set = true};
    atomic_fetch_add(&q->refs, 1);
    loop_defer(l, &w->task);
}

void rocks_apply(struct store *store, struct store_batch *b)
{
    struct rocks *s = rocks_of(store);
    if (b->slot >= STORE_SLOTS) abort();
    atomic_fetch_add_explicit(&s->count.queue, 1, memory_order_relaxed);
    pthread_mutex_lock(&s->queue->lock);
    list_push(&s->queue->batches, &b->link);
    bool idle = s->queue->idle;
    pthread_mutex_unlock(&s->queue->lock);
    if (idle) wake_after_tick(s->queue);
}

/* --- answering --- */

/* Batches of one loop are a ring through `link`, the first of which carries the task. */
static void deliver(struct task *t)
{
    struct list all;
    list_insert(list_item(t, struct store_batch, task)->link.prev, &all);
    for (struct list *n; (n = list_pop(&all));) {
        struct store_batch *b = list_item(n, struct store_batch, link);
        b->done(b);
    }
}

static void answer(struct rocks *s, struct list *taken)
{
    while (!list_is_empty(taken)) {
        struct store_batch *first = list_item(list_pop(taken), struct store_batch, link);
        size_t count = 1;
        list_each_safe(n, taken)
        {
            if (list_item(n, struct store_batch, link)->loop != first->loop) continue;
            list_remove(n);
            list_push(&first->link, n);
            count++;
        }
        atomic_fetch_sub_explicit(&s->count.queue, count, memory_order_relaxed);
        first->task.run = deliver;
        loop_post(first->loop, &first->task);
    }
}

/* --- committing --- */

static enum err changes_check(const struct store_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        enum err e = change_check(&b->change[i]);
        if (e) return e;
    }
    return ERR_OK;
}

/* Adds a change to the write; returns its bytes. */
static size_t change_add(struct rocks *s, unsigned slot, const struct change *c)
{
    struct key key;
    if (!key_encode(&key, slot, c->row.table, c->row.c, store_table(c->row.table)->keys)) abort(); /* changes_check let it pass */
    if (c->del) {
        rocksdb_writebatch_delete(s->wb, (const char *)key.b, key.n);
        return key.n;
    }
    buf_clear(&s->value);
    value_encode(&s->value, &c->row);
    rocksdb_writebatch_put(s->wb, (const char *)key.b, key.n, s->value.p, s->value.n);
    return key.n + s->value.n;
}

static size_t batch_add(struct rocks *s, struct store_batch *b)
{
    b->err = s->next[b->slot].position == b->predecessor ? changes_check(b) : ERR_CONFLICT;
    if (b->err) return 0;
    size_t bytes = 0;
    for (size_t i = 0; i < b->count; i++)
        bytes += change_add(s, b->slot, &b->change[i]);
    s->next[b->slot] = (struct store_slot){b->position, b->epoch};
    s->dirty |= (uint64_t)1 << b->slot;
    atomic_fetch_add_explicit(&s->count.changes, b->count, memory_order_relaxed);
    return bytes;
}

static void slots_add(struct rocks *s)
{
    for (uint64_t left = s->dirty; left; left &= left - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(left);
        struct key key = rocks_slot_key(slot);
        char value[SLOT_VALUE];
        rocks_slot_value(value, s->next[slot]);
        rocksdb_writebatch_put(s->wb, (const char *)key.b, key.n, value, sizeof value);
    }
}

/* After the write: a read that begins now may count on the new positions. */
static void publish(struct rocks *s)
{
    for (uint64_t left = s->dirty; left; left &= left - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(left);
        s->slot[slot] = s->next[slot];
        atomic_store_explicit(&s->position[slot], s->slot[slot].position, memory_order_release);
    }
}

static size_t take_pending(struct rocks *s, struct list *taken)
{
    size_t bytes = 0, count = 0;
    while (bytes < COMMIT_BYTES_MAX && !list_is_empty(&s->pending)) {
        struct list *n = list_pop(&s->pending);
        list_push(taken, n);
        bytes += batch_add(s, list_item(n, struct store_batch, link));
        count++;
    }
    atomic_fetch_add_explicit(&s->count.batches, count, memory_order_relaxed);
    return bytes;
}

static void fail_all(struct list *l)
{
    list_each(n, l)
    {
        struct store_batch *b = list_item(n, struct store_batch, link);
        if (!b->err) b->err = ERR_STORAGE;
    }
}

static void commit(struct rocks *s, struct list *taken)
{
    rocksdb_writebatch_clear(s->wb);
    s->dirty = 0;
    memcpy(s->next, s->slot, sizeof s->next);
    size_t bytes = take_pending(s, taken);
    if (!s->dirty) return;
    slots_add(s);
    int64_t start = clock_mono_us(&clock_system);
    if (rocks_write(s, s->wb)) {
        fail_all(taken);
        return;
    }
    publish(s);
    atomic_fetch_add_explicit(&s->count.commit_us, (uint64_t)(clock_mono_us(&clock_system) - start), memory_order_relaxed);
    atomic_fetch_add_explicit(&s->count.commits, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->count.bytes_written, bytes, memory_order_relaxed);
}

static void work(struct rocks *s)
{
    struct list taken;
    list_init(&taken);
    pthread_mutex_lock(&s->commit);
    if (s->broken && !rocks_repair(s)) {
        while (!list_is_empty(&s->pending)) {
            struct list *n = list_pop(&s->pending);
            list_item(n, struct store_batch, link)->err = ERR_OK;
            list_push(&taken, n);
        }
        fail_all(&taken);
    } else
        commit(s, &taken);
    pthread_mutex_unlock(&s->commit);
    answer(s, &taken);
}

/* --- the thread --- */

static void wait_a_little(struct queue *q)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += BROKEN_LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&q->more, &q->lock, &until);
}

/* Waits for batches and makes them pending. False: the store closes and nothing is left. With the disk broken it returns now and
 * then with nothing, so that the store recovers though nobody writes. */
static bool take(struct rocks *s)
{
    struct queue *q = s->queue;
    pthread_mutex_lock(&q->lock);
    q->idle = true;
    if (s->broken && list_is_empty(&q->batches) && !q->closing) wait_a_little(q);
    while (!s->broken && list_is_empty(&q->batches) && !q->closing)
        pthread_cond_wait(&q->more, &q->lock);
    q->idle = false;
    while (!list_is_empty(&q->batches))
        list_push(&s->pending, list_pop(&q->batches));
    bool go_on = !q->closing || !list_is_empty(&s->pending);
    pthread_mutex_unlock(&q->lock);
    return go_on;
}

static void *writer_main(void *arg)
{
    struct rocks *s = arg;
    while (take(s))
        do
            work(s);
        while (!list_is_empty(&s->pending));
    return NULL;
}

bool writer_start(struct rocks *s)
{
    return pthread_create(&s->writer, NULL, writer_main, s) == 0;
}

void writer_stop(struct rocks *s)
{
    pthread_mutex_lock(&s->queue->lock);
    s->queue->closing = true;
    pthread_cond_signal(&s->queue->more);
    pthread_mutex_unlock(&s->queue->lock);
    pthread_join(s->writer, NULL);
}
