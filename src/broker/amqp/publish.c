/* Publishing to slots, with a confirm for each.
 *
 * A slot's queue is made by who first wants to publish to it or to hold it, and nothing is published before it has taken an empty record: until its
 * leader is there RabbitMQ refuses, and another node may be making it at this moment. If the queue goes later, what is published is returned. */
#include <stdio.h>

#include "base/log.h"
#include "broker/amqp/amqp_priv.h"

enum { FLYING_MOST = 65536, REFUSED_AGAIN_MS = 50, SILENT_MS = 2000, STUCK_MS = 10000 };

static void renew(struct timer *t);
static void publisher_check(struct publisher *u);

static void done(struct task *t)
{
    struct broker_publish *p = list_item(t, struct broker_publish, task);
    p->done(p);
}

static void answer(struct node *n, struct broker_publish *p, enum err e)
{
    count_up(e == ERR_OK ? &n->count.published : &n->count.refused, 1);
    p->err = e;
    p->task.run = done;
    loop_post(p->loop, &p->task);
}

/* --- out --- */

static struct ledger_entry *put(struct publisher *u, struct str bytes)
{
    struct line *l = &u->node->giving;
    char room[NAME_ROOM], number[24];
    int n = snprintf(number, sizeof number, "%llu", (unsigned long long)++u->number);
    struct wire_message m = {
        .key = slot_queue_name(u->node, u->slot, room), .body = bytes, .correlation = str_make(number, (size_t)n), .durable = true};
    wire_put_publish(line_out(l), u->channel.number, l->frame_max, &m);
    line_flush_soon(l);
    struct ledger_entry *e = ledger_push(&u->flying, u->number);
    e->bytes = bytes.n;
    e->at_ms = loop_now_ms(u->node->io);
    return e;
}

static void put_record(struct publisher *u, struct broker_publish *p, uint64_t life)
{
    struct ledger_entry *e = put(u, p->bytes);
    e->publish = p;
    e->life = life;
}

/* Those that came before the queue was known to work. */
static struct broker_publish *waiting_pop(struct publisher *u)
{
    struct task *t = u->waiting;
    if (!t) return NULL;
    struct broker_publish *p = list_item(t, struct broker_publish, task);
    u->waiting = t->next;
    u->waiting_count--;
    u->waiting_bytes -= p->bytes.n;
    return p;
}

static void waiting_push(struct publisher *u, struct broker_publish *p)
{
    p->task.next = NULL;
    if (!u->waiting) u->waiting_end = &u->waiting;
    *u->waiting_end = &p->task;
    u->waiting_end = &p->task.next;
    u->waiting_count++;
    u->waiting_bytes += p->bytes.n;
}

static void waiting_refuse(struct publisher *u)
{
    struct broker_publish *p;
    while ((p = waiting_pop(u)))
        answer(u->node, p, ERR_UNAVAILABLE);
}

/* --- what the broker says --- */

static void works(struct publisher *u)
{
    struct broker_publish *p;
    if (!u->works) {
        u->works = true;
        timer_clear(u->node->io, &u->again);
        while ((p = waiting_pop(u)))
            put_record(u, p, 0);
    }
    wishes_go_on(u->node, u->slot);
}

static void settle(struct publisher *u, struct ledger_entry *e, enum err err)
{
    struct broker_publish *p = e->publish;
    bool is_ping = e->bytes == 0;
    e->settled = true;
    e->publish = NULL;
    if (err != ERR_OK && e->life) wish_does_not_expect(u->node, u->slot, e->life, e->bytes);
    e->life = 0;
    if (p) answer(u->node, p, err);
    if (is_ping && err == ERR_OK) works(u); /* adds to the ledger: `e` has gone */
}

static void confirmed(struct publisher *u, uint64_t number, bool all_up_to, bool refused)
{
    struct ledger_entry *e = ledger_first(&u->flying);
    for (uint64_t i = all_up_to && e ? e->number : number; i <= number && (e = ledger_find(&u->flying, i)); i++)
        if (!e->settled) settle(u, e, refused ? ERR_TIMEOUT : e->returned ? ERR_UNAVAILABLE : ERR_OK);
    while ((e = ledger_first(&u->flying)) && e->settled)
        ledger_pop(&u->flying);
}

static void publisher_method(struct channel *c, unsigned method, struct wire_in *args)
{
    struct publisher *u = list_item(c, struct publisher, channel);
    if (method != BASIC_ACK && method != BASIC_NACK) return;
    uint64_t number = wire_u64(args);
    bool all_up_to = wire_u8(args) & 1;
    if (!args->bad) confirmed(u, number, all_up_to, method == BASIC_NACK);
    if (method == BASIC_NACK) u->works = false;
    if (!u->works) timer_set(u->node->io, &u->again, REFUSED_AGAIN_MS, renew);
}

/* What had nowhere to go. Its confirm comes after it. */
static void publisher_content(struct channel *c, struct content *t)
{
    struct ledger_entry *e = ledger_find(&list_item(c, struct publisher, channel)->flying, t->number);
    if (e && t->returned) e->returned = true;
}

/* Nobody knows what becomes of them. */
static void flying_forget(struct publisher *u)
{
    struct ledger_entry *e;
    for (; (e = ledger_first(&u->flying)); ledger_pop(&u->flying))
        if (!e->settled) settle(u, e, ERR_TIMEOUT);
    ledger_release(&u->flying);
}

static void publisher_closed(struct channel *c, unsigned code, struct str text)
{
    struct publisher *u = list_item(c, struct publisher, channel);
    text = str_first(text, 200);
    bool renew = u->renewing && u->node->giving.state == LINE_OPEN;
    u->renewing = false;
    if (code) log_event(LOG_WARN, "broker", "slot does not take records", "slot=%u code=%u reason=\"%.*s\"", u->slot, code, STR_FMT(text));
    u->works = false;
    timer_clear(u->node->io, &u->again);
    flying_forget(u);
    if (renew)
        publisher_check(u);
    else
        waiting_refuse(u);
}

static const struct channel_ops publisher_ops = {.method = publisher_method, .content = publisher_content, .closed = publisher_closed};

/* --- the queue --- */

static bool has_room(const struct publisher *u, size_t bytes)
{
    const struct node *n = u->node;
    return n->giving.state == LINE_OPEN && !n->giving.blocked && u->flying.count + u->waiting_count < FLYING_MOST &&
           line_waiting(&n->giving) + u->waiting_bytes + bytes + WIRE_PUBLISH_ROOM <= n->config.amqp.output_bytes;
}

static bool publisher_open(struct publisher *u)
{
    struct node *n = u->node;
    if (u->channel.line) return true;
    if (!channel_open(&n->giving, &u->channel, &publisher_ops)) return false;
    wire_put_method(line_out(&n->giving), u->channel.number, CONFIRM_SELECT, 1);
    u->number = 0;
    if (!u->waiting) u->since_ms = loop_now_ms(n->io);
    return true;
}

/* Is the queue there, and its leader? */
static void publisher_check(struct publisher *u)
{
    if (!has_room(u, 0) || !publisher_open(u) || u->channel.closing) return;
    slot_queue_declare(u->node, &u->channel, u->slot);
    put(u, STR(""));
    if (!u->works) timer_set(u->node->io, &u->again, SILENT_MS, renew);
}

/* A channel on which a queue without a leader was written to refuses what comes for that queue, or waits, for ever: then another one is needed. */
static void publisher_renew(struct publisher *u)
{
    u->works = false;
    u->renewing = true;
    channel_close(&u->channel);
    flying_forget(u);
}

static void renew(struct timer *t)
{
    struct publisher *u = list_item(t, struct publisher, again);
    if (u->channel.line && !u->channel.closing) publisher_renew(u);
}

void publish_first_ping(struct node *n, unsigned slot)
{
    if (!timer_is_set(&n->publisher[slot].again)) publisher_check(&n->publisher[slot]);
}

void publish_ping(struct node *n, unsigned slot)
{
    struct publisher *u = &n->publisher[slot];
    if (!u->works)
        publish_first_ping(n, slot); /* the line has been another one since, perhaps */
    else if (has_room(u, 0))
        put(u, STR(""));
}

static enum err admit(struct publisher *u, struct str bytes, uint64_t *life)
{
    if (bytes.n == 0 || bytes.n > BROKER_RECORD_MAX) return ERR_TOO_LARGE;
    if (!has_room(u, bytes.n) || !publisher_open(u)) return ERR_UNAVAILABLE;
    return wish_admits(u->node, u->slot, bytes.n, life) ? ERR_OK : ERR_UNAVAILABLE;
}

static void publish_run(struct task *t)
{
    struct broker_publish *p = list_item(t, struct broker_publish, task);
    struct node *n = p->inner;
    struct publisher *u = &n->publisher[p->slot];
    uint64_t life = 0;
    enum err e = admit(u, p->bytes, &life);
    if (e != ERR_OK) {
        answer(n, p, e);
    } else if (u->works) {
        put_record(u, p, life);
    } else {
        wish_does_not_expect(n, p->slot, life, p->bytes.n);
        waiting_push(u, p);
        publish_first_ping(n, p->slot);
    }
}

/* --- what nobody confirms --- */

static void publisher_tick(struct publisher *u, int64_t now_ms)
{
    int64_t before_ms = now_ms - u->node->config.amqp.confirm_ms;
    struct ledger_entry *oldest = ledger_first(&u->flying);
    if (u->works && oldest && oldest->at_ms < before_ms) publisher_renew(u);
    if (u->works || u->since_ms >= before_ms) return;
    u->since_ms = now_ms;
    waiting_refuse(u);
}

/* A queue that takes nothing, though the broker is there. */
static bool is_stuck(struct publisher *u, int64_t now_ms)
{
    bool tries = !u->works && u->channel.line && !u->node->giving.blocked;
    if (!tries)
        u->tries_ms = 0;
    else if (!u->tries_ms)
        u->tries_ms = now_ms;
    return tries && now_ms - u->tries_ms >= STUCK_MS;
}

static void say_of_queues(enum log_level level, const char *what, uint64_t slots, const char *why)
{
    if (slots) log_event(level, "broker", what, "slots=%d first=%d%s", __builtin_popcountll(slots), __builtin_ctzll(slots), why);
}

/* Said once, and once more when it is over: who waits tries again every few seconds. */
static void say_who_is_stuck(struct node *n, uint64_t stuck)
{
    uint64_t working = 0;
    for (unsigned i = 0; i < BROKER_SLOTS; i++)
        if (n->publisher[i].works) working |= (uint64_t)1 << i;
    say_of_queues(LOG_WARN, "slots' queues take nothing", stuck & ~n->stuck,
                  " why=\"their leaders are not there; look at the broker's nodes, and whether most of them see each other\"");
    say_of_queues(LOG_INFO, "slots' queues take records again", n->stuck & working, "");
    n->stuck = (n->stuck | stuck) & ~working;
}

void publishers_tick(struct node *n)
{
    int64_t now = loop_now_ms(n->io);
    uint64_t stuck = 0;
    for (unsigned i = 0; i < BROKER_SLOTS; i++) {
        publisher_tick(&n->publisher[i], now);
        if (is_stuck(&n->publisher[i], now)) stuck |= (uint64_t)1 << i;
    }
    say_who_is_stuck(n, stuck);
}

void publishers_init(struct node *n)
{
    for (unsigned i = 0; i < BROKER_SLOTS; i++)
        n->publisher[i] = (struct publisher){.node = n, .slot = i};
}

/* --- on any loop --- */

void amqp_publish(struct broker *b, struct broker_publish *p)
{
    if (p->slot >= BROKER_SLOTS) abort();
    p->inner = node_of(b);
    p->task.run = publish_run;
    loop_post(node_of(b)->io, &p->task);
}
