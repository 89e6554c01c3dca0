/* Holding slots. A subscription is a consumer of the slot's queue on a channel of its own; RabbitMQ delivers to one of a queue's consumers only.
 *
 * Before it consumes it waits until the queue has taken an empty record: RabbitMQ (3.10) breaks off the whole connection of who wants to consume from a
 * queue whose leader is not there, because it has just died, or because another node is still making the queue.
 *
 * A consumer of which the broker says nothing, though meanwhile the queue takes records, is given up and asked for anew. As long as the queue takes
 * nothing either, the broker is slow, or a leader is not there: then it is waited for.
 *
 * That it is the one, a consumer learns only by a delivery. So whoever waits publishes an empty record now and then, and in particular when it has
 * subscribed and when a node has gone; and so does a node that has given up a slot. Who holds acknowledges it, and it is passed on to nobody. */
#include "base/log.h"
#include "base/random.h"
#include "broker/amqp/amqp_priv.h"

enum { RETRY_MS = 1000, ASK_MS = 3000, ASK_DOUBLINGS = 3 }; /* ASK_MS: for the first answer; each time that none came, twice as long */

static void wish_start(struct wish *w);

static void post(struct wish *w, enum post_kind kind)
{
    mailbox_add(&w->box, post_new(kind, 0), &w->node->dirty);
    mail_soon(w->node);
}

/* --- whose it is --- */

static void hold_begins(struct wish *w)
{
    if (w->state == WISH_HOLDS) return;
    w->state = WISH_HOLDS;
    w->held = true;
    w->node->holder[w->slot] = w;
    timer_clear(w->node->io, &w->timer);
    count_up(&w->node->count.holding, 1);
    post(w, POST_HELD);
}

static void hold_ends(struct wish *w)
{
    struct node *n = w->node;
    if (w->state != WISH_HOLDS) return;
    if (n->holder[w->slot] == w) n->holder[w->slot] = NULL;
    count_down(&n->count.holding, 1);
    count_down(&n->count.backlog_records, w->backlog.count);
    count_down(&n->count.backlog_bytes, w->backlog_bytes);
    ledger_release(&w->backlog);
    w->backlog_bytes = w->coming = w->coming_bytes = 0;
}

static void wish_over(struct wish *w, enum post_kind tell)
{
    hold_ends(w);
    timer_clear(w->node->io, &w->timer);
    w->state = WISH_OVER;
    list_remove(&w->link);
    post(w, tell); /* the last word, unless it was LOST: then the loop answers with a release */
}

static void retry(struct timer *t)
{
    wish_start(list_item(t, struct wish, timer));
}

static void wish_retry(struct wish *w)
{
    timer_set(w->node->io, &w->timer, RETRY_MS + (int64_t)(random_u64() % RETRY_MS), retry);
}

/* --- waiting --- */

static void ping(struct timer *t)
{
    struct wish *w = list_item(t, struct wish, timer);
    int64_t ms = w->node->config.amqp.ping_ms;
    publish_ping(w->node, w->slot);
    timer_set(w->node->io, &w->timer, ms / 2 + (int64_t)(random_u64() % (uint64_t)ms), ping);
}

static void wish_waits(struct wish *w)
{
    if (w->state != WISH_ASKS) return; /* a delivery was first */
    w->state = WISH_WAITS;
    post(w, POST_WAITS);
    ping(&w->timer);
}

void wishes_ping(struct node *n)
{
    list_each(it, &n->wishes)
    {
        struct wish *w = list_item(it, struct wish, link);
        if (w->state == WISH_WAITS) publish_ping(n, w->slot);
    }
}

/* --- the channel --- */

static void put_ack(struct wish *w, uint64_t tag, bool all_up_to)
{
    struct buf *b = line_out(w->channel.line);
    size_t begun = wire_begin_method(b, w->channel.number, BASIC_ACK);
    wire_put_u64(b, tag);
    wire_put_u8(b, all_up_to);
    wire_end(b, begun);
    line_flush_soon(w->channel.line);
}

static void note_backlog(struct wish *w, uint64_t tag, size_t bytes)
{
    struct node *n = w->node;
    ledger_push(&w->backlog, tag)->bytes = bytes;
    w->backlog_bytes += bytes;
    count_up(&n->count.backlog_records, 1);
    count_up(&n->count.backlog_bytes, bytes);
    count_up(&n->count.delivered, 1);
    if (w->coming) w->coming--;
    w->coming_bytes -= bytes < w->coming_bytes ? bytes : w->coming_bytes;
}

static void wish_content(struct channel *c, struct content *t)
{
    struct wish *w = list_item(c, struct wish, channel);
    if (t->returned) return;
    hold_begins(w);
    if (t->post->n == 0) {
        put_ack(w, t->tag, false);
        return;
    }
    note_backlog(w, t->tag, t->post->n);
    t->post->tag = t->tag;
    t->post->again = t->count > 0 ? (unsigned)t->count : t->again;
    mailbox_add(&w->box, t->post, &w->node->dirty);
    mail_soon(w->node);
    t->post = NULL;
}

static void wish_closed(struct channel *c, unsigned code, struct str text)
{
    struct wish *w = list_item(c, struct wish, channel);
    text = str_first(text, 200);
    if (code)
        log_event(LOG_WARN, "broker", "slot's channel closed by the broker", "slot=%u code=%u reason=\"%.*s\"", w->slot, code,
                  STR_FMT(text));
    if (w->state == WISH_CLOSES) {
        wish_over(w, POST_GONE);
    } else if (w->state == WISH_HOLDS || w->state == WISH_WAITS) {
        wish_over(w, POST_LOST); /* who waited must not be taken for one who still stands in line */
    } else {
        w->state = WISH_RESTS;
        (c->closing ? wish_start : wish_retry)(w); /* closing: given up, since its queue works */
    }
}

/* The broker gives up the consumer, as it does when its queue is deleted. The rest is as if it had closed the channel. */
static void wish_cancelled(struct wish *w)
{
    log_event(LOG_WARN, "broker", "slot's queue has gone", "slot=%u", w->slot);
    channel_close(&w->channel);
}

static void wish_method(struct channel *c, unsigned method, struct wire_in *args)
{
    struct wish *w = list_item(c, struct wish, channel);
    (void)args;
    if (method == BASIC_CONSUME_OK) wish_waits(w);
    if (method == BASIC_CANCEL) wish_cancelled(w);
}

static const struct channel_ops wish_ops = {.method = wish_method, .content = wish_content, .closed = wish_closed};

static void wish_start(struct wish *w)
{
    if (w->state != WISH_RESTS) return;
    publish_first_ping(w->node, w->slot);
    wish_retry(w); /* the answer ends it */
}

/* Its queue's answer to the ping decides. */
static void unanswered(struct timer *t)
{
    struct wish *w = list_item(t, struct wish, timer);
    w->doubted = true;
    publish_ping(w->node, w->slot);
    timer_set(w->node->io, &w->timer, ASK_MS, unanswered);
}

static void wish_ask_anew(struct wish *w)
{
    log_event(LOG_WARN, "broker", "slot's consumer is not answered, and is asked for anew", "slot=%u", w->slot);
    timer_clear(w->node->io, &w->timer);
    if (w->doublings < ASK_DOUBLINGS) w->doublings++;
    channel_close(&w->channel);
}

static void wish_consume(struct wish *w)
{
    struct node *n = w->node;
    char room[NAME_ROOM];
    if (!channel_open(&n->taking, &w->channel, &wish_ops)) return;
    timer_set(n->io, &w->timer, (int64_t)ASK_MS << w->doublings, unanswered);
    w->state = WISH_ASKS;
    w->doubted = false;
    queue_consume(&w->channel, slot_queue_name(n, w->slot, room), n->config.amqp.prefetch, false);
}

void wishes_go_on(struct node *n, unsigned slot)
{
    list_each(it, &n->wishes)
    {
        struct wish *w = list_item(it, struct wish, link);
        if (w->slot != slot) continue;
        if (w->state == WISH_RESTS)
            wish_consume(w);
        else if (w->state == WISH_ASKS && w->doubted && !w->channel.closing)
            wish_ask_anew(w);
    }
}

void wishes_start(struct node *n)
{
    list_each(it, &n->wishes) wish_start(list_item(it, struct wish, link));
    wishes_ping(n);
}

/* --- the backlog --- */

bool wish_admits(struct node *n, unsigned slot, size_t bytes, uint64_t *life)
{
    struct wish *w = n->holder[slot];
    *life = 0;
    if (!w) return true;
    if (w->backlog.count + w->coming >= BROKER_BACKLOG_RECORDS) return false;
    if (bytes + w->backlog_bytes + w->coming_bytes > BROKER_BACKLOG_BYTES) return false;
    w->coming++;
    w->coming_bytes += bytes;
    *life = w->life;
    return true;
}

void wish_does_not_expect(struct node *n, unsigned slot, uint64_t life, size_t bytes)
{
    struct wish *w = n->holder[slot];
    if (!w || w->life != life || !w->coming) return;
    w->coming--;
    w->coming_bytes -= bytes < w->coming_bytes ? bytes : w->coming_bytes;
}

/* --- what the loop has said --- */

static void subscribe_run(struct task *t)
{
    struct wish *w = list_item(t, struct wish, subscribe);
    w->life = ++w->node->lives;
    list_push(&w->node->wishes, &w->link);
    wish_start(w);
}

static void ack_run(struct task *t)
{
    struct wish *w = list_item(t, struct wish, ack);
    atomic_store(&w->ack_posted, false);
    uint64_t tag = atomic_load(&w->ack_tag), last = 0;
    struct ledger_entry *e;
    if (w->state != WISH_HOLDS) return;
    size_t records = w->backlog.count, bytes = w->backlog_bytes;
    for (; (e = ledger_first(&w->backlog)) && e->number <= tag; ledger_pop(&w->backlog)) {
        last = e->number;
        w->backlog_bytes -= e->bytes;
    }
    if (!last) return;
    records -= w->backlog.count;
    count_up(&w->node->count.acknowledged, records);
    count_down(&w->node->count.backlog_records, records);
    count_down(&w->node->count.backlog_bytes, bytes - w->backlog_bytes);
    put_ack(w, last, true);
}

static void release_run(struct task *t)
{
    struct wish *w = list_item(t, struct wish, release);
    if (w->state == WISH_OVER) {
        post(w, POST_GONE);
    } else if (w->channel.line) {
        hold_ends(w);
        timer_clear(w->node->io, &w->timer);
        w->state = WISH_CLOSES;
        if (w->held) publish_ping(w->node, w->slot); /* whether it comes here or not, the next one gets it */
        if (!w->channel.closing) channel_close(&w->channel);
    } else {
        wish_over(w, POST_GONE);
    }
}

/* --- on the loop of the hold --- */

void wish_free(struct wish *w)
{
    pthread_mutex_lock(&w->node->lock);
    list_remove(&w->of_node);
    pthread_mutex_unlock(&w->node->lock);
    mailbox_release(&w->box);
    ledger_release(&w->backlog);
    mem_free(w);
}

static void let_go(struct wish *w)
{
    w->hold = NULL;
    if (w->releasing) return;
    w->releasing = true;
    loop_post(w->node->io, &w->release);
}

struct batch {
    struct broker_record record[BROKER_BATCH_MAX];
    struct post *post[BROKER_BATCH_MAX];
    size_t count;
};

static void pass_on(struct wish *w, struct batch *b)
{
    if (w->hold && b->count) w->hold->records(w->hold, b->record, b->count);
    for (size_t i = 0; i < b->count; i++)
        mem_free(b->post[i]);
    b->count = 0;
}

static void take_one(struct wish *w, struct batch *b, struct post *p)
{
    if (p->kind == POST_BYTES) {
        b->post[b->count] = p;
        b->record[b->count++] = (struct broker_record){.tag = p->tag, .bytes = str_make(p->bytes, p->n), .again = p->again};
        if (b->count == BROKER_BATCH_MAX) pass_on(w, b);
        return;
    }
    struct broker_hold *h = w->hold;
    pass_on(w, b);
    if (p->kind == POST_WAITS && h && h->waits) h->waits(h);
    if (p->kind == POST_HELD && h) h->held(h);
    if (p->kind == POST_LOST) {
        h = w->hold;
        let_go(w);
        if (h) h->lost(h, ERR_UNAVAILABLE);
    }
    mem_free(p);
}

static void wish_take(struct mailbox *m, struct post *first)
{
    struct wish *w = list_item(m, struct wish, box);
    struct batch b;
    bool gone = false;
    b.count = 0;
    for (struct post *p = first, *next; p; p = next) {
        next = p->next;
        gone |= p->kind == POST_GONE;
        take_one(w, &b, p);
    }
    pass_on(w, &b);
    if (gone) wish_free(w);
}

void amqp_subscribe(struct broker *b, struct broker_hold *h)
{
    struct node *n = node_of(b);
    struct wish *w = mem_zero(sizeof *w);
    if (h->slot >= BROKER_SLOTS) abort();
    w->node = n;
    w->slot = h->slot;
    w->hold = h;
    w->subscribe.run = subscribe_run;
    w->ack.run = ack_run;
    w->release.run = release_run;
    list_init(&w->link);
    mailbox_init(&w->box, h->loop, wish_take);
    pthread_mutex_lock(&n->lock);
    list_push(&n->all_wishes, &w->of_node);
    pthread_mutex_unlock(&n->lock);
    h->inner = w;
    loop_post(n->io, &w->subscribe);
}

void amqp_release(struct broker *b, struct broker_hold *h)
{
    (void)b;
    let_go(h->inner);
}

void amqp_acknowledge(struct broker *b, struct broker_hold *h, uint64_t tag)
{
    struct wish *w = h->inner;
    (void)b;
    atomic_store(&w->ack_tag, tag);
    if (!atomic_exchange(&w->ack_posted, true)) loop_post(w->node->io, &w->ack);
}
