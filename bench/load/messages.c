/* Messages of 200 bytes: each connection is a user who sends into a room of their own. And the same bytes to any HTTP server, for scale. */
#include <unistd.h>

#include "proc.h"
#include "scenario.h"

void gate(const struct options *o, const char *phase)
{
    char answer;
    if (!o->gate) return;
    fprintf(stderr, "gate %s\n", phase);
    do
        if (read(STDIN_FILENO, &answer, 1) != 1) die("nobody is at the gate");
    while (answer != '\n');
}

void measure(struct net *n, struct batch *b, int pid, struct phase *p)
{
    double cpu = proc_cpu_us(pid);
    batch_run(n, b);
    p->cpu_us = proc_cpu_us(pid) - cpu;
    p->operations = (double)b->done;
    p->seconds = b->seconds;
    p->hist = b->hist;
}

struct sender {
    struct world w;
    size_t rooms, txn;
};

static void send_build(void *ctx, size_t i, struct conn *c)
{
    struct sender *s = ctx;
    size_t room = s->rooms == 1 ? 0 : c->index;
    (void)i;
    request_send(c, &s->w, room, room, s->txn++, "m");
}

static void run_for(struct sender *s, const struct options *o, double seconds, double rate, struct phase *p)
{
    struct batch b = {.jobs = SIZE_MAX, .connections = o->connections, .build = send_build, .ctx = s, .rate = rate};
    if (p->name[0]) gate(o, p->name);
    b.until_us = now_us() + (int64_t)(seconds * 1e6);
    measure(&s->w.net, &b, o->pid, p);
    if (p->name[0]) gate(o, p->name);
}

static void senders_begin(struct sender *s, const struct options *o)
{
    s->rooms = o->connections;
    world_init(&s->w, o->url);
    world_register(&s->w, o->connections);
    world_rooms(&s->w, o->connections, 1);
}

void scenario_messages(const struct options *o, struct report *r)
{
    struct sender s = {0};
    struct phase warm = {0};
    senders_begin(&s, o);
    run_for(&s, o, 1, 0, &warm);
    run_for(&s, o, o->seconds, 0, report_phase(r, "as fast as answers come"));
    if (o->rate > 0) run_for(&s, o, o->seconds, o->rate, report_phase(r, "at a fixed rate"));
    world_release(&s.w);
}

void scenario_steady(const struct options *o, struct report *r)
{
    struct sender s = {0};
    struct phase warm = {0};
    senders_begin(&s, o);
    run_for(&s, o, 1, o->rate, &warm);
    run_for(&s, o, o->seconds, o->rate, report_phase(r, "at a fixed rate"));
    world_release(&s.w);
}

void scenario_http(const struct options *o, struct report *r)
{
    struct sender s = {.rooms = o->connections};
    struct phase warm = {0};
    world_init(&s.w, o->url);
    /* Names of the same lengths as those that a server gives. */
    s.w.user_count = s.w.room_count = o->connections;
    s.w.users = mem_array(o->connections, sizeof *s.w.users);
    s.w.rooms = mem_array(o->connections, sizeof *s.w.rooms);
    for (size_t i = 0; i < o->connections; i++) {
        s.w.users[i] =
            (struct user){copy(STR("@someone:localhost")), copy(STR("rk_YW5uYW5uYW5u.HjwKzeVP86XaaI9YtL9qSkLcyKrUHdkeWt0jwjXt"))};
        s.w.rooms[i] = copy(STR("%21Yb3zJ0qvQxk4mN7sT2wGJ8fLhK5dRcVpE9uXaZ1oBMi"));
    }
    run_for(&s, o, .5, 0, &warm);
    run_for(&s, o, o->seconds, 0, report_phase(r, "requests"));
    world_release(&s.w);
}

void scenario_fill(const struct options *o, struct report *r)
{
    struct sender s = {0};
    senders_begin(&s, o);
    struct batch b = {.jobs = o->events, .connections = o->connections, .build = send_build, .ctx = &s};
    measure(&s.w.net, &b, o->pid, report_phase(r, "fill"));
    world_release(&s.w);
}
