/* The slots' queues: who holds, what is delivered, what is acknowledged. */
#include "broker/local/local_priv.h"

static void wish_run(struct task *t);

void queue_init(struct queue *q)
{
    list_init(&q->entries);
    list_init(&q->wishes);
    q->delivered = &q->entries;
}

static void entry_remove(struct queue *q, struct entry *e)
{
    if (q->delivered == &e->link) q->delivered = e->link.prev;
    list_remove(&e->link);
    q->records--;
    q->bytes -= e->bytes->n;
    bytes_unref(e->bytes);
    mem_free(e);
}

void queue_release(struct queue *q)
{
    while (!list_is_empty(&q->entries))
        entry_remove(q, list_item(q->entries.next, struct entry, link));
}

/* --- holding --- */

static struct wish *holder_of(const struct queue *q)
{
    return list_is_empty(&q->wishes) ? NULL : list_item(q->wishes.next, struct wish, link);
}

static void wake(struct wish *w)
{
    if (!w || w->posted) return;
    w->posted = true;
    w->task.run = wish_run;
    loop_post(w->loop, &w->task);
}

static void wish_free(struct wish *w)
{
    list_remove(&w->of_node);
    mem_free(w);
}

/* Out of the queue; if it was the holder, the next one begins at the beginning. */
static void wish_leave(struct broker_exchange *x, struct wish *w)
{
    struct queue *q = &x->queue[w->slot];
    if (list_is_empty(&w->link)) return; /* expelled before */
    bool held = holder_of(q) == w;
    list_remove(&w->link);
    if (!held) return;
    if (w->told) {
        w->node->stats.holding--;
        w->node->stats.backlog_records -= w->records;
        w->node->stats.backlog_bytes -= w->bytes;
    }
    q->delivered = &q->entries;
    wake(holder_of(q));
}

void local_subscribe(struct broker *b, struct broker_hold *h)
{
    struct broker_exchange *x = node_enter(b);
    struct wish *w = mem_zero(sizeof *w);
    if (h->slot >= BROKER_SLOTS) abort();
    *w = (struct wish){.node = node_of(b), .loop = h->loop, .slot = h->slot, .hold = h};
    h->inner = w;
    list_push(&x->queue[h->slot].wishes, &w->link);
    list_push(&node_of(b)->wishes, &w->of_node);
    wake(w); /* to be told how it stands */
    pthread_mutex_unlock(&x->lock);
}

void local_release(struct broker *b, struct broker_hold *h)
{
    struct broker_exchange *x = node_enter(b);
    struct wish *w = h->inner;
    w->hold = NULL;
    wish_leave(x, w);
    if (!w->posted && !w->running) wish_free(w);
    pthread_mutex_unlock(&x->lock);
}

void wishes_end(struct node *n, bool closing)
{
    list_each_safe(it, &n->wishes)
    {
        struct wish *w = list_item(it, struct wish, of_node);
        wish_leave(n->exchange, w);
        w->ended = true;
        if (closing)
            wish_free(w);
        else
            wake(w);
    }
}

/* --- delivering --- */

struct batch {
    struct broker_record record[BROKER_BATCH_MAX];
    struct bytes *bytes[BROKER_BATCH_MAX];
    size_t count;
};

static void take(struct queue *q, struct wish *w, struct batch *b)
{
    while (b->count < BROKER_BATCH_MAX && q->delivered->next != &q->entries) {
        q->delivered = q->delivered->next;
        struct entry *e = list_item(q->delivered, struct entry, link);
        e->tag = ++w->tag;
        w->records++;
        w->bytes += e->bytes->n;
        w->node->stats.backlog_records++;
        w->node->stats.backlog_bytes += e->bytes->n;
        b->bytes[b->count] = bytes_ref(e->bytes);
        b->record[b->count++] = (struct broker_record){.tag = e->tag, .bytes = bytes_str(e->bytes), .again = e->again++};
    }
    w->node->stats.delivered += b->count;
    if (q->delivered->next != &q->entries) wake(w);
}

/* What there is to tell, gathered under the lock. Returns false when there is nothing. */
static bool gather(struct broker_exchange *x, struct wish *w, struct batch *b, bool *waits, bool *held)
{
    struct queue *q = &x->queue[w->slot];
    if (!w->hold) return false;
    if (w->ended) return true;
    *waits = !w->waits;
    w->waits = true;
    if (holder_of(q) != w) return *waits;
    *held = !w->told;
    if (*held) w->node->stats.holding++;
    w->told = true;
    take(q, w, b);
    return *waits || *held || b->count;
}

/* Outside of the lock; any of the callbacks may release the hold. */
static void tell(struct wish *w, bool ended, const struct batch *b, bool waits, bool held)
{
    struct broker_hold *h = w->hold;
    if (ended) {
        w->hold = NULL;
        h->lost(h, ERR_UNAVAILABLE);
        return;
    }
    if (waits && h->waits) h->waits(h);
    if (w->hold && held) h->held(h);
    if (w->hold && b->count) h->records(h, b->record, b->count);
}

static void wish_run(struct task *t)
{
    struct wish *w = list_item(t, struct wish, task);
    struct broker_exchange *x = w->node->exchange;
    struct batch b;
    bool waits = false, held = false;
    b.count = 0;
    pthread_mutex_lock(&x->lock);
    w->posted = false;
    w->running = true;
    bool any = gather(x, w, &b, &waits, &held), ended = w->ended;
    pthread_mutex_unlock(&x->lock);
    if (any) tell(w, ended, &b, waits, held);
    for (size_t i = 0; i < b.count; i++)
        bytes_unref(b.bytes[i]);
    pthread_mutex_lock(&x->lock);
    w->running = false;
    if (!w->hold && !w->posted) wish_free(w);
    pthread_mutex_unlock(&x->lock);
}

void local_acknowledge(struct broker *b, struct broker_hold *h, uint64_t tag)
{
    struct broker_exchange *x = node_enter(b);
    struct wish *w = h->inner;
    struct queue *q = &x->queue[h->slot];
    while (w && holder_of(q) == w && q->delivered != &q->entries) {
        struct entry *e = list_item(q->entries.next, struct entry, link);
        if (e->tag > tag) break;
        w->records--;
        w->bytes -= e->bytes->n;
        w->node->stats.backlog_records--;
        w->node->stats.backlog_bytes -= e->bytes->n;
        w->node->stats.acknowledged++;
        entry_remove(q, e);
    }
    pthread_mutex_unlock(&x->lock);
}

/* --- publishing --- */

static void publish_done(struct task *t)
{
    struct broker_publish *p = list_item(t, struct broker_publish, task);
    p->done(p);
}

static enum err admit(const struct queue *q, struct str bytes)
{
    if (bytes.n == 0 || bytes.n > BROKER_RECORD_MAX) return ERR_TOO_LARGE;
    if (q->records >= BROKER_BACKLOG_RECORDS || bytes.n > BROKER_BACKLOG_BYTES - q->bytes) return ERR_UNAVAILABLE;
    return ERR_OK;
}

void local_publish(struct broker *b, struct broker_publish *p)
{
    struct broker_exchange *x = node_enter(b);
    if (p->slot >= BROKER_SLOTS) abort();
    struct queue *q = &x->queue[p->slot];
    struct broker_stats *st = &node_of(b)->stats;
    p->err = admit(q, p->bytes);
    if (p->err == ERR_OK) {
        struct entry *e = mem_zero(sizeof *e);
        e->bytes = bytes_new(p->bytes);
        list_push(&q->entries, &e->link);
        q->records++;
        q->bytes += p->bytes.n;
        st->published++;
        wake(holder_of(q));
    } else {
        st->refused++;
    }
    p->task.run = publish_done;
    loop_post(p->loop, &p->task);
    pthread_mutex_unlock(&x->lock);
}
