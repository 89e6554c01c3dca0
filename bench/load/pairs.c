/* From sending to delivery: each message goes into a room of two, whose other member waits in /sync at the next address. With several
 * addresses sender and receiver are therefore at different servers, and the room's owner is any of them. With --phases the same is measured some
 * times, while somebody changes something; then requests that fail are counted. */
#include "proc.h"
#include "scenario.h"

enum { SYNC_MS = 30000, ARRIVE_US = 20000000 };
static const char mark[] = "pair ";

struct message {
    int64_t due;
    bool acknowledged, arrived;
};

struct pairs {
    struct world w; /* users: the senders, then the receivers */
    struct conn *receivers;
    char **since; /* of each receiver */
    size_t count, waiting, first_txn;
    struct message *message; /* of the phase, by their jobs' numbers */
    size_t message_max, sent, arrived;
    size_t missing; /* acknowledged, and not there yet */
    size_t failed;  /* requests, of senders and receivers */
    bool count_failed;
    struct hist hist;
};

static void receive(struct pairs *p, struct conn *c);

static void delivered(struct pairs *p, size_t number, int64_t now)
{
    if (number < p->first_txn) return; /* of the warm-up */
    number -= p->first_txn;
    if (number >= p->sent || !p->message[number].due) die("a message that was never sent");
    struct message *m = &p->message[number];
    if (m->arrived) die("a message came twice");
    hist_add(&p->hist, now - m->due);
    m->arrived = true;
    p->arrived++;
    p->missing -= m->acknowledged;
}

/* A send that failed may have been done all the same, and arrive: it makes up for none that was acknowledged. */
static void acknowledged(void *ctx, size_t i, struct str body)
{
    struct pairs *p = ctx;
    (void)body;
    p->message[i].acknowledged = true;
    p->missing += !p->message[i].arrived;
}

static void receiver_answer(struct conn *c, int status, struct str body)
{
    struct pairs *p = c->ctx;
    int64_t now = now_us();
    if (status != 200 && p->count_failed) {
        p->failed++;
        say_failed("sync", status, body);
        receive(p, c);
        return;
    }
    expect_ok(status, body, "sync");
    struct str next = field(body, "next_batch");
    if (str_null(next)) die("a sync without next_batch");
    if (!p->since[c->index]) p->waiting++;
    mem_free(p->since[c->index]);
    p->since[c->index] = copy(next);
    const char *end = body.p + body.n;
    for (const char *at = body.p; (at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1)); at++)
        delivered(p, strtoul(at + sizeof mark - 1, NULL, 10), now);
    receive(p, c);
}

static void receive(struct pairs *p, struct conn *c)
{
    const char *since = p->since[c->index];
    request_sync(c, &p->w.users[p->count + c->index], since, since ? SYNC_MS : 0);
    conn_send(c, receiver_answer);
}

/* Jobs are not sent in the order of their numbers: one may wait for the answer to another. */
static void make_room(struct pairs *p, size_t i)
{
    while (p->sent <= i) {
        if (p->sent == p->message_max) {
            p->message_max = p->message_max ? 2 * p->message_max : 4096;
            p->message = mem_resize(p->message, p->message_max, sizeof *p->message);
        }
        p->message[p->sent++] = (struct message){0};
    }
}

static void pair_build(void *ctx, size_t i, struct conn *c)
{
    struct pairs *p = ctx;
    char text[48];
    size_t txn = p->first_txn + i;
    make_room(p, i);
    p->message[i].due = c->due;
    snprintf(text, sizeof text, "%s%zu;", mark, txn);
    request_send(c, &p->w, c->index, c->index, txn, text);
}

/* Sends for that time, and waits until all that was acknowledged has arrived. */
static void pairs_run(struct pairs *p, const struct options *o, double seconds, struct phase *phase)
{
    struct batch b = {.jobs = SIZE_MAX,
                      .connections = p->count,
                      .rate = o->rate,
                      .build = pair_build,
                      .answer = acknowledged,
                      .ctx = p,
                      .count_failed = p->count_failed};
    p->first_txn += p->sent;
    p->sent = p->arrived = p->missing = 0;
    p->hist = (struct hist){0};
    b.until_us = now_us() + (int64_t)(seconds * 1e6);
    measure(&p->w.net, &b, o->pid, phase);
    for (int64_t end = now_us() + ARRIVE_US; p->missing && now_us() < end;)
        net_run(&p->w.net, now_us() + 20000);
    if (p->missing) die("%zu of %zu acknowledged messages were not delivered", p->missing, b.done - b.failed);
    p->failed += b.failed;
}

static void pairs_begin(struct pairs *p, const struct options *o)
{
    world_init(&p->w, o->url);
    p->count = o->connections;
    world_register(&p->w, 2 * p->count);
    world_rooms(&p->w, p->count, 1);
    p->receivers = conns_new(&p->w.net, p->count);
    p->since = mem_zero(p->count * sizeof *p->since);
    for (size_t i = 0; i < p->count; i++) {
        world_join(&p->w, i, p->count + i, 1);
        p->receivers[i].ctx = p;
        p->receivers[i].address = (i + 1) % p->w.net.addresses;
        receive(p, &p->receivers[i]);
    }
    for (int64_t end = now_us() + ARRIVE_US; p->waiting < p->count;) {
        if (now_us() > end) die("%zu users got no answer to their first sync", p->count - p->waiting);
        net_run(&p->w.net, now_us() + 20000);
    }
}

/* `prefix` stands before the phases' names. */
static void pairs_measure(struct pairs *p, const struct options *o, struct report *r, const char *prefix)
{
    char name[48];
    snprintf(name, sizeof name, "%ssend to answer", prefix);
    struct phase *sent = report_phase(r, name);
    snprintf(name, sizeof name, "%ssend to delivery", prefix);
    struct phase *arrived = report_phase(r, name);
    gate(o, sent->name);
    pairs_run(p, o, o->seconds, sent);
    gate(o, sent->name);
    arrived->operations = (double)p->arrived;
    arrived->seconds = sent->seconds;
    arrived->hist = p->hist;
}

static void measure_phases(struct pairs *p, const struct options *o, struct report *r)
{
    char prefix[24], figure[48];
    for (const char *at = o->phases, *next; *at; at = next + (*next == ',')) {
        next = at + strcspn(at, ",");
        p->failed = 0;
        snprintf(prefix, sizeof prefix, "%.*s: ", (int)(next - at), at);
        pairs_measure(p, o, r, prefix);
        snprintf(figure, sizeof figure, "%srequests that failed", prefix);
        report_figure(r, figure, (double)p->failed);
    }
}

void scenario_pairs(const struct options *o, struct report *r)
{
    struct pairs p = {.count_failed = o->phases};
    struct phase warm = {0};
    if (o->rate <= 0) die("pairs need a --rate");
    pairs_begin(&p, o);
    pairs_run(&p, o, 1, &warm);
    if (o->phases)
        measure_phases(&p, o, r);
    else
        pairs_measure(&p, o, r, "");
    conns_free(p.receivers, p.count);
    for (size_t i = 0; i < p.count; i++)
        mem_free(p.since[i]);
    mem_free(p.since);
    mem_free(p.message);
    world_release(&p.w);
}
