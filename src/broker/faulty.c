#include "broker/faulty.h"

#include <pthread.h>

#include "base/list.h"

struct faulty {
    struct broker broker;
    struct broker *inside;
    atomic_uint_fast64_t lose_every, repeat_every, sends;
    atomic_int_fast64_t delay_ms, publish_nth, drop_nth;
    atomic_int publish_fault, hold_fault;
    atomic_bool refuse_all, cut;
    bool (*lose)(void *arg, struct str message);
    void *lose_arg;
    struct broker_watch watch, *watcher; /* what the inner broker sees in place of the caller's */
    pthread_mutex_t lock;                /* around the lists, which are there only to be freed at the end */
    struct list shades, late;
};

static struct faulty *of(struct broker *b)
{
    return (struct faulty *)(void *)b;
}

static bool is_nth(atomic_int_fast64_t *countdown)
{
    return atomic_load(countdown) > 0 && atomic_fetch_sub(countdown, 1) == 1;
}

/* --- messages --- */

struct late {
    struct timer timer;
    struct faulty *faulty;
    struct loop *loop;
    int64_t due_ms;
    struct list link;
    char to[BROKER_NAME_MAX];
    size_t to_n;
    unsigned port;
    struct bytes **bytes;
    size_t count, times;
};

static void pass_on(struct faulty *f, struct str to, unsigned port, const struct str *message, size_t count, size_t times)
{
    for (size_t i = 0; i < times; i++)
        broker_send(f->inside, to, port, message, count);
}

static void late_free(struct late *l)
{
    for (size_t i = 0; i < l->count; i++)
        bytes_unref(l->bytes[i]);
    mem_free(l->bytes);
    mem_free(l);
}

/* The oldest that this loop has to send now. */
static struct late *take_due(struct faulty *f)
{
    struct late *found = NULL;
    pthread_mutex_lock(&f->lock);
    list_each(it, &f->late)
    {
        struct late *l = list_item(it, struct late, link);
        if (l->loop != loop_current() || l->due_ms > loop_now_ms(l->loop)) continue;
        found = l;
        list_remove(it);
        break;
    }
    pthread_mutex_unlock(&f->lock);
    return found;
}

/* All that is due, oldest first: timers of one time fire in any order. */
static void late_send(struct timer *t)
{
    struct faulty *f = list_item(t, struct late, timer)->faulty;
    struct late *l;
    struct str message[BROKER_BATCH_MAX];
    while ((l = take_due(f))) {
        for (size_t i = 0; i < l->count; i++)
            message[i] = bytes_str(l->bytes[i]);
        pass_on(f, str_make(l->to, l->to_n), l->port, message, l->count, l->times);
        timer_clear(l->loop, &l->timer);
        late_free(l);
    }
}

static void send_later(struct faulty *f, struct str to, unsigned port, const struct str *message, size_t count, size_t times)
{
    struct late *l = mem_zero(sizeof *l);
    int64_t ms = atomic_load(&f->delay_ms);
    *l = (struct late){.faulty = f, .loop = loop_current(), .to_n = to.n, .port = port, .count = count, .times = times};
    l->due_ms = loop_now_ms(l->loop) + ms;
    memcpy(l->to, to.p, to.n);
    l->bytes = mem_array(count + 1, sizeof *l->bytes);
    for (size_t i = 0; i < count; i++)
        l->bytes[i] = bytes_new(message[i]);
    pthread_mutex_lock(&f->lock);
    list_push(&f->late, &l->link);
    pthread_mutex_unlock(&f->lock);
    timer_set(l->loop, &l->timer, ms, late_send);
}

static size_t sort_out(struct faulty *f, struct str *out, const struct str *message, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (!f->lose || !f->lose(f->lose_arg, message[i])) out[n++] = message[i];
    return n;
}

static void faulty_send(struct broker *b, struct str to, unsigned port, const struct str *all, size_t count)
{
    struct faulty *f = of(b);
    struct str message[BROKER_BATCH_MAX];
    count = sort_out(f, message, all, count);
    if (count == 0) return;
    uint64_t n = atomic_fetch_add(&f->sends, 1) + 1, lose = atomic_load(&f->lose_every), repeat = atomic_load(&f->repeat_every);
    if (lose && n % lose == 0) return;
    if (atomic_load(&f->cut)) return;
    size_t times = repeat && n % repeat == 0 ? 2 : 1;
    if (atomic_load(&f->delay_ms) && to.n <= BROKER_NAME_MAX)
        send_later(f, to, port, message, count, times);
    else
        pass_on(f, to, port, message, count, times);
}

/* --- holding --- */

/* What the inner broker sees in place of the caller's hold. */
struct shade {
    struct broker_hold hold; /* first */
    struct broker_hold *real;
    struct faulty *faulty;
    struct list link;
    enum broker_hold_fault fault;
    struct timer told; /* that it waits, where there is nobody inside to tell it */
};

static void shade_free(struct shade *s)
{
    pthread_mutex_lock(&s->faulty->lock);
    list_remove(&s->link);
    pthread_mutex_unlock(&s->faulty->lock);
    timer_clear(s->hold.loop, &s->told);
    mem_free(s);
}

static void shade_waits(struct broker_hold *h)
{
    struct broker_hold *real = ((struct shade *)(void *)h)->real;
    if (real->waits) real->waits(real);
}

static void shade_held(struct broker_hold *h)
{
    struct shade *s = (struct shade *)(void *)h;
    if (s->fault != HOLD_DEAF) s->real->held(s->real);
}

static void shade_is_told(struct timer *t)
{
    shade_waits(&list_item(t, struct shade, told)->hold);
}

static void shade_lost(struct broker_hold *h, enum err why)
{
    struct broker_hold *real = ((struct shade *)(void *)h)->real;
    shade_free((struct shade *)(void *)h);
    real->lost(real, why);
}

static void shade_records(struct broker_hold *h, const struct broker_record *r, size_t count)
{
    struct shade *s = (struct shade *)(void *)h;
    if (is_nth(&s->faulty->drop_nth)) {
        broker_release(s->faulty->inside, h);
        shade_lost(h, ERR_UNAVAILABLE);
        return;
    }
    if (s->fault != HOLD_DEAF) s->real->records(s->real, r, count);
}

static void faulty_subscribe(struct broker *b, struct broker_hold *h)
{
    struct faulty *f = of(b);
    struct shade *s = mem_zero(sizeof *s);
    *s = (struct shade){
        .hold = {.loop = h->loop, .slot = h->slot, .waits = shade_waits, .held = shade_held, .records = shade_records, .lost = shade_lost},
        .real = h,
        .faulty = f,
        .fault = atomic_load(&f->cut) ? HOLD_UNHEARD : (enum broker_hold_fault)atomic_load(&f->hold_fault)};
    h->inner = s;
    pthread_mutex_lock(&f->lock);
    list_push(&f->shades, &s->link);
    pthread_mutex_unlock(&f->lock);
    if (s->fault == HOLD_UNHEARD) return;
    if (s->fault == HOLD_NOWHERE)
        timer_set(h->loop, &s->told, 0, shade_is_told);
    else
        broker_subscribe(f->inside, &s->hold);
}

static void faulty_release(struct broker *b, struct broker_hold *h)
{
    struct shade *s = h->inner;
    if (s->fault != HOLD_NOWHERE && s->fault != HOLD_UNHEARD) broker_release(of(b)->inside, &s->hold);
    shade_free(s);
}

static void faulty_acknowledge(struct broker *b, struct broker_hold *h, uint64_t tag)
{
    broker_acknowledge(of(b)->inside, &((struct shade *)h->inner)->hold, tag);
}

/* --- publishing --- */

static void publish_failed(struct task *t)
{
    struct broker_publish *p = list_item(t, struct broker_publish, task);
    p->done(p);
}

struct unknown {
    struct broker_publish publish; /* first */
    struct broker_publish *real;
};

static void unknown_done(struct broker_publish *p)
{
    struct broker_publish *real = ((struct unknown *)(void *)p)->real;
    real->err = p->err == ERR_OK ? ERR_TIMEOUT : p->err;
    mem_free(p);
    real->done(real);
}

static void publish_unknown(struct faulty *f, struct broker_publish *p)
{
    struct unknown *u = mem_zero(sizeof *u);
    *u = (struct unknown){.publish = {.loop = p->loop, .slot = p->slot, .bytes = p->bytes, .done = unknown_done}, .real = p};
    broker_publish(f->inside, &u->publish);
}

static void faulty_publish(struct broker *b, struct broker_publish *p)
{
    struct faulty *f = of(b);
    bool nth = is_nth(&f->publish_nth);
    enum broker_publish_fault what = (enum broker_publish_fault)atomic_load(&f->publish_fault);
    if (atomic_load(&f->refuse_all) || atomic_load(&f->cut)) nth = true, what = PUBLISH_REFUSED;
    if (!nth) {
        broker_publish(f->inside, p);
        return;
    }
    if (what == PUBLISH_THERE_UNKNOWN) {
        publish_unknown(f, p);
        return;
    }
    p->err = what == PUBLISH_REFUSED ? ERR_UNAVAILABLE : what == PUBLISH_LOST_CLAIMED ? ERR_OK : ERR_TIMEOUT;
    p->task.run = publish_failed;
    loop_post(p->loop, &p->task);
}

/* --- passed on as they are --- */

static struct str faulty_self(struct broker *b)
{
    return broker_self(of(b)->inside);
}

static void faulty_listen(struct broker *b, struct broker_port *p)
{
    broker_listen(of(b)->inside, p);
}

static void faulty_announce(struct broker *b, struct str announcement)
{
    if (!atomic_load(&of(b)->cut)) broker_announce(of(b)->inside, announcement);
}

static void watch_changed(struct broker_watch *w, const struct broker_node *node, size_t count)
{
    struct faulty *f = list_item(w, struct faulty, watch);
    if (!atomic_load(&f->cut)) f->watcher->changed(f->watcher, node, count);
}

static void faulty_watch(struct broker *b, struct broker_watch *w)
{
    struct faulty *f = of(b);
    f->watcher = w;
    f->watch = (struct broker_watch){.loop = w->loop, .changed = watch_changed};
    broker_watch(f->inside, &f->watch);
}

static void faulty_stats(struct broker *b, struct broker_stats *out)
{
    broker_stats(of(b)->inside, out);
    if (atomic_load(&of(b)->cut)) out->connected = 0;
}

static void faulty_close(struct broker *b)
{
    struct faulty *f = of(b);
    broker_close(f->inside);
    struct list *n;
    while ((n = list_pop(&f->shades)))
        shade_free(list_item(n, struct shade, link));
    while ((n = list_pop(&f->late))) {
        struct late *l = list_item(n, struct late, link);
        timer_clear(l->loop, &l->timer);
        late_free(l);
    }
    pthread_mutex_destroy(&f->lock);
    mem_free(f);
}

static const struct broker_ops ops = {
    .name = "faulty",
    .self = faulty_self,
    .listen = faulty_listen,
    .send = faulty_send,
    .subscribe = faulty_subscribe,
    .release = faulty_release,
    .acknowledge = faulty_acknowledge,
    .publish = faulty_publish,
    .announce = faulty_announce,
    .watch = faulty_watch,
    .stats = faulty_stats,
    .close = faulty_close,
};

struct broker *broker_faulty_new(struct broker *inside)
{
    struct faulty *f = mem_zero(sizeof *f);
    f->broker.ops = &ops;
    f->inside = inside;
    pthread_mutex_init(&f->lock, NULL);
    list_init(&f->shades);
    list_init(&f->late);
    return &f->broker;
}

void broker_faulty_lose_every(struct broker *b, uint64_t n)
{
    atomic_store(&of(b)->lose_every, n);
}
void broker_faulty_lose_if(struct broker *b, bool (*lose)(void *arg, struct str message), void *arg)
{
    of(b)->lose = lose;
    of(b)->lose_arg = arg;
}
void broker_faulty_repeat_every(struct broker *b, uint64_t n)
{
    atomic_store(&of(b)->repeat_every, n);
}
void broker_faulty_cut(struct broker *b, bool on)
{
    atomic_store(&of(b)->cut, on);
}
void broker_faulty_delay_ms(struct broker *b, int64_t ms)
{
    atomic_store(&of(b)->delay_ms, ms);
}
void broker_faulty_publish_nth(struct broker *b, uint64_t n, enum broker_publish_fault what)
{
    atomic_store(&of(b)->publish_fault, (int)what);
    atomic_store(&of(b)->publish_nth, (int_fast64_t)n);
}
void broker_faulty_refuse_all(struct broker *b, bool on)
{
    atomic_store(&of(b)->refuse_all, on);
}
void broker_faulty_hold(struct broker *b, enum broker_hold_fault what)
{
    atomic_store(&of(b)->hold_fault, (int)what);
}
void broker_faulty_drop_nth(struct broker *b, uint64_t n)
{
    atomic_store(&of(b)->drop_nth, (int_fast64_t)n);
}
