/* The writer: one thread that commits all that is queued, of all slots, as one synced record of the log. */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/rocksdb/priv.h"

/* A commit takes no more batches once it has so many bytes. */
enum { COMMIT_BYTES_MAX = 4 << 20, RETRY_US = 500000 };

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

static enum err batch_check(const struct rocks *s, const struct store_batch *b)
{
    const struct store_slot *at = &s->next[b->slot];
    if (at->position != b->predecessor || b->position <= b->predecessor || b->epoch < at->epoch) return ERR_CONFLICT;
    for (size_t i = 0; i < b->count; i++) {
        enum err e = change_check(&b->change[i]);
        if (e) return e;
    }
    return ERR_OK;
}

/* Adds the batch to the record. ERR_UNAVAILABLE: not to this one, for it is full. */
static enum err batch_add(struct rocks *s, const struct store_batch *b)
{
    enum err e = batch_check(s, b);
    if (e) return e;
    size_t before = s->record.n;
    record_write(&s->record, b);
    if (!buf_ok(&s->record)) {
        s->record.n = before;
        s->record.full = false;
        return before > LOG_HEAD ? ERR_UNAVAILABLE : ERR_TOO_LARGE;
    }
    s->next[b->slot] = (struct store_slot){b->position, b->epoch};
    atomic_fetch_add_explicit(&s->count.changes, b->count, memory_order_relaxed);
    return ERR_OK;
}

static void record_fill(struct rocks *s, struct list *taken)
{
    size_t count = 0;
    for (; s->record.n < COMMIT_BYTES_MAX && !list_is_empty(&s->pending); count++) {
        struct store_batch *b = list_item(s->pending.next, struct store_batch, link);
        b->err = batch_add(s, b);
        if (b->err == ERR_UNAVAILABLE) break;
        list_remove(&b->link);
        list_push(taken, &b->link);
    }
    atomic_fetch_add_explicit(&s->count.batches, count, memory_order_relaxed);
}

static bool index_batch(struct front *front, struct str *rest, const struct record_batch *b)
{
    struct front_row row;
    for (uint32_t i = 0; i < b->rows; i++) {
        if (!record_row(rest, &row)) return false;
        rows_put(&front->rows[b->slot], &row);
    }
    front->slot[b->slot] = (struct store_slot){b->position, b->epoch};
    front->dirty |= (uint64_t)1 << b->slot;
    return true;
}

static bool skip_rows(struct str *rest, uint32_t rows)
{
    struct front_row row;
    for (uint32_t i = 0; i < rows; i++)
        if (!record_row(rest, &row)) return false;
    return true;
}

bool rocks_index(struct rocks *s, struct front *front, struct str content, bool replay)
{
    char *bytes = front_bytes(front, content.n);
    memcpy(bytes, content.p, content.n);
    struct str rest = str_make(bytes, content.n);
    struct record_batch b;
    while (record_batch(&rest, &b)) {
        struct place *p = &s->place[b.slot];
        pthread_mutex_lock(&p->lock);
        bool ok;
        if (replay && b.position <= p->at.position) /* in the tables already */
            ok = skip_rows(&rest, b.rows);
        else
            ok = b.predecessor == p->at.position && index_batch(front, &rest, &b);
        if (ok && b.position > p->at.position) p->at = (struct store_slot){b.position, b.epoch};
        pthread_mutex_unlock(&p->lock);
        if (!ok) return false;
    }
    return rest.n == 0;
}

/* With less room than the next log and the next table need, the disk is as good as full. */
static bool room_for_more(const struct rocks *s)
{
    return disk_has(s->dir, 2 * rocks_log_bytes(s));
}

static enum err refusal(const struct rocks *s)
{
    return s->full || !room_for_more(s) ? ERR_FULL : ERR_STORAGE;
}

static void fail_all(struct list *l, enum err why)
{
    list_each(n, l)
    {
        struct store_batch *b = list_item(n, struct store_batch, link);
        if (!b->err) b->err = why;
    }
}

static void write_failed(struct rocks *s)
{
    bool cut = log_cut(&s->log);
    s->retry_us = clock_mono_us(&clock_system) + RETRY_US;
    log_event(LOG_ERROR, "store", "write_failed", "path=%s tail_cut=%d", s->path, cut);
}

static void commit(struct rocks *s, struct list *taken)
{
    buf_clear(&s->record);
    if (s->record.cap > COMMIT_BYTES_MAX) buf_release(&s->record); /* once in a while one is huge */
    if (!buf_room(&s->record, LOG_HEAD)) abort();                  /* its maximum is greater */
    buf_added(&s->record, LOG_HEAD);
    for (unsigned i = 0; i < STORE_SLOTS; i++)
        s->next[i] = s->place[i].at; /* only this thread changes it */
    record_fill(s, taken);
    if (s->record.n == LOG_HEAD) return;
    int64_t start = clock_mono_us(&clock_system);
    if (!log_append(&s->log, &s->record)) {
        s->full = errno == ENOSPC || errno == EDQUOT;
        write_failed(s);
        fail_all(taken, refusal(s));
        return;
    }
    s->full = false;
    if (!rocks_index(s, s->active, str_from(buf_str(&s->record), LOG_HEAD), false)) abort(); /* it was made a moment ago */
    histogram_add(&s->count.commit_time, clock_mono_us(&clock_system) - start);
    atomic_fetch_add_explicit(&s->count.commits, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->count.bytes_written, s->record.n, memory_order_relaxed);
}

/* --- before a commit --- */

/* A full front waits for the one before it to settle, and grows meanwhile where that cannot take the room that settling needs: of a disk
 * that logs have filled nothing would be freed, and it could not be opened again. Fails when it cannot be settled at the moment. */
static bool room_in_front(struct rocks *s)
{
    if (s->active->bytes < s->options.front_bytes || rocks_freeze(s)) return true;
    if (s->active->bytes < 2 * s->options.front_bytes && room_for_more(s)) return true;
    struct settle *t = &s->settle;
    pthread_mutex_lock(&t->lock);
    while (t->frozen && !t->failing)
        pthread_cond_wait(&t->changed, &t->lock);
    bool free = t->frozen == NULL;
    pthread_mutex_unlock(&t->lock);
    return free && rocks_freeze(s);
}

static bool log_is_whole(struct rocks *s)
{
    if (!s->log.torn) return true;
    if (clock_mono_us(&clock_system) < s->retry_us) return false;
    bool cut = log_cut(&s->log);
    s->retry_us = clock_mono_us(&clock_system) + RETRY_US;
    return cut;
}

static void refuse(struct rocks *s, struct list *taken)
{
    enum err why = refusal(s);
    while (!list_is_empty(&s->pending)) {
        struct list *n = list_pop(&s->pending);
        list_item(n, struct store_batch, link)->err = why;
        list_push(taken, n);
    }
}

static void work(struct rocks *s)
{
    struct list taken;
    list_init(&taken);
    pthread_mutex_lock(&s->commit);
    if (log_is_whole(s) && room_in_front(s))
        commit(s, &taken);
    else
        refuse(s, &taken);
    pthread_mutex_unlock(&s->commit);
    answer(s, &taken);
}

/* --- the thread --- */

/* Waits for batches and makes them pending. False: the store closes and nothing is left. */
static bool take(struct rocks *s)
{
    struct queue *q = s->queue;
    pthread_mutex_lock(&q->lock);
    q->idle = true;
    while (list_is_empty(&q->batches) && !q->closing)
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
    pthread_setname_np(pthread_self(), "store");
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
