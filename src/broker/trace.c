#include "broker/trace.h"

#include <pthread.h>

#include "base/log.h"

struct trace {
    struct broker broker;
    struct broker *inside;
    pthread_mutex_t lock; /* around all that follows */
    struct broker_trace count;
    struct list holds, ports;
};

static struct trace *of(struct broker *b)
{
    return (struct trace *)(void *)b;
}

static void add(struct trace *t, uint64_t *counter, uint64_t by)
{
    pthread_mutex_lock(&t->lock);
    *counter += by;
    pthread_mutex_unlock(&t->lock);
}

/* --- messages --- */

struct traced_port {
    struct broker_port port; /* first */
    struct broker_port *real;
    struct trace *trace;
    struct list link;
};

static void port_received(struct broker_port *p, struct str from, const struct str *message, size_t count)
{
    struct traced_port *t = (struct traced_port *)(void *)p;
    add(t->trace, &t->trace->count.received, count);
    log_event(LOG_DEBUG, "broker", "received", "port=%u from=%.*s messages=%zu", p->number, STR_FMT(from), count);
    t->real->received(t->real, from, message, count);
}

static void trace_listen(struct broker *b, struct broker_port *p)
{
    struct trace *t = of(b);
    struct traced_port *port = mem_zero(sizeof *port);
    *port = (struct traced_port){.port = {.loop = p->loop, .number = p->number, .received = port_received}, .real = p, .trace = t};
    pthread_mutex_lock(&t->lock);
    list_push(&t->ports, &port->link);
    pthread_mutex_unlock(&t->lock);
    broker_listen(t->inside, &port->port);
}

static void trace_send(struct broker *b, struct str to, unsigned port, const struct str *message, size_t count)
{
    struct trace *t = of(b);
    add(t, &t->count.sends, 1);
    add(t, &t->count.messages, count);
    log_event(LOG_DEBUG, "broker", "sent", "to=%.*s port=%u messages=%zu", STR_FMT(to), port, count);
    broker_send(t->inside, to, port, message, count);
}

/* --- holding --- */

struct traced_hold {
    struct broker_hold hold; /* first */
    struct broker_hold *real;
    struct trace *trace;
    struct list link;
};

static void hold_free(struct traced_hold *h)
{
    pthread_mutex_lock(&h->trace->lock);
    list_remove(&h->link);
    pthread_mutex_unlock(&h->trace->lock);
    mem_free(h);
}

static void hold_waits(struct broker_hold *h)
{
    struct traced_hold *t = (struct traced_hold *)(void *)h;
    log_event(LOG_DEBUG, "broker", "waits", "slot=%u", h->slot);
    if (t->real->waits) t->real->waits(t->real);
}

static void hold_held(struct broker_hold *h)
{
    struct traced_hold *t = (struct traced_hold *)(void *)h;
    add(t->trace, &t->trace->count.held, 1);
    log_event(LOG_DEBUG, "broker", "held", "slot=%u", h->slot);
    t->real->held(t->real);
}

static void hold_records(struct broker_hold *h, const struct broker_record *r, size_t count)
{
    struct traced_hold *t = (struct traced_hold *)(void *)h;
    uint64_t again = 0;
    for (size_t i = 0; i < count; i++)
        again += r[i].again > 0;
    add(t->trace, &t->trace->count.deliveries, 1);
    add(t->trace, &t->trace->count.records, count);
    add(t->trace, &t->trace->count.again, again);
    log_event(LOG_DEBUG, "broker", "records", "slot=%u records=%zu again=%llu", h->slot, count, (unsigned long long)again);
    t->real->records(t->real, r, count);
}

static void hold_lost(struct broker_hold *h, enum err why)
{
    struct traced_hold *t = (struct traced_hold *)(void *)h;
    struct broker_hold *real = t->real;
    add(t->trace, &t->trace->count.lost, 1);
    log_event(LOG_DEBUG, "broker", "lost", "slot=%u err=%s", h->slot, err_name(why));
    hold_free(t);
    real->lost(real, why);
}

static void trace_subscribe(struct broker *b, struct broker_hold *h)
{
    struct trace *t = of(b);
    struct traced_hold *hold = mem_zero(sizeof *hold);
    *hold = (struct traced_hold){
        .hold = {.loop = h->loop, .slot = h->slot, .waits = hold_waits, .held = hold_held, .records = hold_records, .lost = hold_lost},
        .real = h,
        .trace = t};
    h->inner = hold;
    pthread_mutex_lock(&t->lock);
    list_push(&t->holds, &hold->link);
    t->count.subscribes++;
    pthread_mutex_unlock(&t->lock);
    log_event(LOG_DEBUG, "broker", "subscribed", "slot=%u", h->slot);
    broker_subscribe(t->inside, &hold->hold);
}

static void trace_release(struct broker *b, struct broker_hold *h)
{
    struct traced_hold *hold = h->inner;
    add(of(b), &of(b)->count.releases, 1);
    log_event(LOG_DEBUG, "broker", "released", "slot=%u", h->slot);
    broker_release(of(b)->inside, &hold->hold);
    hold_free(hold);
}

static void trace_acknowledge(struct broker *b, struct broker_hold *h, uint64_t tag)
{
    add(of(b), &of(b)->count.acknowledges, 1);
    broker_acknowledge(of(b)->inside, &((struct traced_hold *)h->inner)->hold, tag);
}

/* --- publishing --- */

struct traced_publish {
    struct broker_publish publish; /* first */
    struct broker_publish *real;
    struct trace *trace;
};

static void publish_done(struct broker_publish *p)
{
    struct traced_publish *t = (struct traced_publish *)(void *)p;
    struct broker_publish *real = t->real;
    if (p->err) add(t->trace, &t->trace->count.publishes_failed, 1);
    log_event(LOG_DEBUG, "broker", "published", "slot=%u bytes=%zu err=%s", p->slot, p->bytes.n, err_name(p->err));
    real->err = p->err;
    mem_free(t);
    real->done(real);
}

static void trace_publish(struct broker *b, struct broker_publish *p)
{
    struct trace *t = of(b);
    struct traced_publish *own = mem_zero(sizeof *own);
    add(t, &t->count.publishes, 1);
    *own = (struct traced_publish){
        .publish = {.loop = p->loop, .slot = p->slot, .bytes = p->bytes, .done = publish_done}, .real = p, .trace = t};
    broker_publish(t->inside, &own->publish);
}

/* --- the rest --- */

static struct str trace_self(struct broker *b)
{
    return broker_self(of(b)->inside);
}

static void trace_announce(struct broker *b, struct str announcement)
{
    add(of(b), &of(b)->count.announces, 1);
    log_event(LOG_DEBUG, "broker", "announced", "bytes=%zu", announcement.n);
    broker_announce(of(b)->inside, announcement);
}

static void trace_watch(struct broker *b, struct broker_watch *w)
{
    broker_watch(of(b)->inside, w);
}

static void trace_stats(struct broker *b, struct broker_stats *out)
{
    broker_stats(of(b)->inside, out);
}

static void trace_close(struct broker *b)
{
    struct trace *t = of(b);
    broker_close(t->inside);
    struct list *n;
    while ((n = list_pop(&t->holds)))
        mem_free(list_item(n, struct traced_hold, link));
    while ((n = list_pop(&t->ports)))
        mem_free(list_item(n, struct traced_port, link));
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

static const struct broker_ops ops = {
    .name = "trace",
    .self = trace_self,
    .listen = trace_listen,
    .send = trace_send,
    .subscribe = trace_subscribe,
    .release = trace_release,
    .acknowledge = trace_acknowledge,
    .publish = trace_publish,
    .announce = trace_announce,
    .watch = trace_watch,
    .stats = trace_stats,
    .close = trace_close,
};

struct broker *broker_trace_new(struct broker *inside)
{
    struct trace *t = mem_zero(sizeof *t);
    t->broker.ops = &ops;
    t->inside = inside;
    pthread_mutex_init(&t->lock, NULL);
    list_init(&t->holds);
    list_init(&t->ports);
    return &t->broker;
}

void broker_trace_counts(struct broker *b, struct broker_trace *out)
{
    struct trace *t = of(b);
    pthread_mutex_lock(&t->lock);
    *out = t->count;
    pthread_mutex_unlock(&t->lock);
}
