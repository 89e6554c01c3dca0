/* One room whose members all wait in /sync. A delivery is one message in one member's response. */
#include <unistd.h>

#include "proc.h"
#include "scenario.h"

enum { TXNS_MAX = 1 << 20, SYNC_MS = 30000 };
static const char mark[] = "fan-out ";

struct fanout {
    struct world w;
    struct conn *members, *senders;
    char **since;                             /* of each member */
    size_t member_count, sender_count, ready; /* ready: have had their first answer */
    /* messages by number */
    size_t sent, finished, deliveries, responses, limited;
    int64_t *due;
    uint32_t *seen;
    /* what the present phase does: either keeps `in_flight` messages under way, or sends at a rate */
    size_t in_flight, under_way;
    double rate;
    int64_t began, until;
    struct hist each, last;
};

static void member_sync(struct fanout *f, struct conn *c, const char *since);

/* --- sending --- */

static void send_done(struct conn *c, int status, struct str body)
{
    (void)c;
    expect_ok(status, body, "send");
}

static void send_next(struct fanout *f, int64_t due)
{
    char text[48];
    struct conn *c = NULL;
    for (size_t i = 0; i < f->sender_count && !c; i++)
        if (!f->senders[i].busy) c = &f->senders[i];
    if (!c) die("the server is behind: %zu messages without an answer", f->sender_count);
    if (f->sent == TXNS_MAX) die("too many messages");
    size_t number = f->sent++;
    f->due[number] = due;
    f->under_way++;
    snprintf(text, sizeof text, "%s%zu;", mark, number);
    request_send(c, &f->w, 0, 0, number, text);
    conn_send(c, send_done);
}

static bool sending(const struct fanout *f, int64_t now)
{
    return now < f->until;
}

static void delivered(struct fanout *f, size_t number, int64_t now)
{
    if (number >= f->sent) die("a message that was never sent");
    f->deliveries++;
    hist_add(&f->each, now - f->due[number]);
    if (++f->seen[number] < f->member_count) return;
    hist_add(&f->last, now - f->due[number]);
    f->finished++;
    f->under_way--;
    if (f->in_flight && sending(f, now)) send_next(f, now);
    if (f->under_way == 0 && !sending(f, now)) f->w.net.stop = true;
}

static int64_t fanout_tick(void *ctx, int64_t now)
{
    struct fanout *f = ctx;
    while (f->rate > 0 && sending(f, now)) {
        int64_t due = f->began;
        if (due > now) return due;
        f->began += (int64_t)(1e6 / f->rate);
        send_next(f, due);
    }
    if (f->under_way == 0 && !sending(f, now)) f->w.net.stop = true;
    return INT64_MAX;
}

/* --- members --- */

static void count_messages(struct fanout *f, struct str body)
{
    int64_t now = now_us();
    const char *end = body.p + body.n;
    for (const char *p = body.p; (p = memmem(p, (size_t)(end - p), mark, sizeof mark - 1)); p++)
        delivered(f, strtoul(p + sizeof mark - 1, NULL, 10), now);
}

static void member_answer(struct conn *c, int status, struct str body)
{
    struct fanout *f = c->ctx;
    expect_ok(status, body, "sync");
    struct str next = field(body, "next_batch");
    if (str_null(next)) die("a sync without next_batch");
    bool first = f->since[c->index] == NULL;
    f->responses++;
    mem_free(f->since[c->index]);
    f->since[c->index] = copy(next);
    if (first) f->ready++;
    if (!first) {
        if (memmem(body.p, body.n, "\"limited\":true", 14)) f->limited++;
        /* The next wait is asked for before the messages are counted: counting may send more. */
        char *again = copy(body);
        size_t n = body.n;
        member_sync(f, c, f->since[c->index]);
        count_messages(f, str_make(again, n));
        mem_free(again);
        return;
    }
    member_sync(f, c, f->since[c->index]);
}

static void member_sync(struct fanout *f, struct conn *c, const char *since)
{
    request_sync(c, &f->w.users[c->index + 1], since, since ? SYNC_MS : 0);
    conn_send(c, member_answer);
}

/* Waits until all members wait, and no sync has been answered for a while: presence of members who came online is told to all others. */
static void settle(struct fanout *f)
{
    size_t before = SIZE_MAX;
    for (int rounds = 0; (f->ready < f->member_count || before != f->responses) && rounds < 200; rounds++) {
        before = f->responses;
        net_run(&f->w.net, now_us() + 1500000);
    }
    if (f->ready < f->member_count) die("%zu members got no answer to their first sync", f->member_count - f->ready);
}

/* Says who is missing what, and ends. */
static void undelivered(const struct fanout *f)
{
    size_t missing = 0;
    for (size_t i = 0; i < f->sent; i++)
        missing += f->member_count - f->seen[i];
    die("%zu of %zu messages did not reach all members: %zu deliveries are missing (%zu syncs were limited)", f->under_way, f->sent,
        missing, f->limited);
}

static void fanout_begin(struct fanout *f, const struct options *o)
{
    world_init(&f->w, o->url);
    f->member_count = o->members;
    f->sender_count = o->in_flight > 256 ? o->in_flight : 256;
    world_register(&f->w, f->member_count + 1);
    world_rooms(&f->w, 1, 1);
    world_join(&f->w, 0, 1, f->member_count);
    f->members = conns_new(&f->w.net, f->member_count);
    f->senders = conns_new(&f->w.net, f->sender_count);
    f->since = mem_zero(f->member_count * sizeof *f->since);
    f->due = mem_array(TXNS_MAX, sizeof *f->due);
    f->seen = mem_zero(TXNS_MAX * sizeof *f->seen);
    for (size_t i = 0; i < f->member_count; i++) {
        f->members[i].ctx = f;
        member_sync(f, &f->members[i], NULL);
    }
    settle(f);
}

static void fanout_phase(struct fanout *f, const struct options *o, const char *name, size_t in_flight, double rate, struct report *r)
{
    double cpu = proc_cpu_us(o->pid);
    int64_t began = now_us();
    size_t responses = f->responses;
    f->each = f->last = (struct hist){0};
    f->deliveries = f->limited = 0;
    f->in_flight = in_flight;
    f->rate = rate;
    f->began = began;
    f->until = began + (int64_t)(o->seconds * 1e6);
    f->w.net.tick = fanout_tick;
    f->w.net.tick_ctx = f;
    for (size_t i = 0; i < in_flight; i++)
        send_next(f, now_us());
    net_run(&f->w.net, f->until + 20000000);
    f->w.net.tick = NULL;
    if (f->under_way) undelivered(f);
    struct phase *p = report_phase(r, name), *last = NULL;
    p->operations = (double)f->deliveries;
    p->seconds = (double)(now_us() - began) / 1e6;
    p->cpu_us = proc_cpu_us(o->pid) - cpu;
    p->hist = f->each;
    char text[48];
    snprintf(text, sizeof text, "%s: last member", name);
    last = report_phase(r, text);
    last->operations = (double)f->last.count;
    last->seconds = p->seconds;
    last->hist = f->last;
    snprintf(text, sizeof text, "%s: deliveries a response", name);
    report_figure(r, text, (double)f->deliveries / (double)(f->responses > responses ? f->responses - responses : 1));
}

static void fanout_end(struct fanout *f)
{
    for (size_t i = 0; i < f->member_count; i++)
        mem_free(f->since[i]);
    mem_free(f->since);
    mem_free(f->due);
    mem_free(f->seen);
    conns_free(f->members, f->member_count);
    conns_free(f->senders, f->sender_count);
    world_release(&f->w);
}

void scenario_fanout(const struct options *o, struct report *r)
{
    struct fanout f = {0};
    char name[48];
    fanout_begin(&f, o);
    if (o->rate > 0) {
        fanout_phase(&f, o, "open loop", 0, o->rate, r);
    } else {
        fanout_phase(&f, o, "1 in flight", 1, 0, r);
        snprintf(name, sizeof name, "%zu in flight", o->in_flight);
        if (o->in_flight > 1) fanout_phase(&f, o, name, o->in_flight, 0, r);
    }
    fanout_end(&f);
}
