/* Users who only wait: what a waiting client costs in memory and processor time. */
#include "proc.h"
#include "scenario.h"

enum { ROOM_MEMBERS = 100, SYNC_MS = 600000, FIRST_AT_ONCE = 64 };

struct idle {
    struct world w;
    struct conn *conns;
    char **since;
    size_t count, next, ready, responses;
};

static void idle_answer(struct conn *c, int status, struct str body);

static void idle_sync(struct idle *s, size_t i)
{
    request_sync(&s->conns[i], &s->w.users[i], s->since[i], s->since[i] ? SYNC_MS : 0);
    conn_send(&s->conns[i], idle_answer);
}

static void idle_answer(struct conn *c, int status, struct str body)
{
    struct idle *s = c->ctx;
    expect_ok(status, body, "sync");
    struct str next = field(body, "next_batch");
    if (str_null(next)) die("a sync without next_batch");
    bool first = s->since[c->index] == NULL;
    mem_free(s->since[c->index]);
    s->since[c->index] = copy(next);
    s->responses++;
    idle_sync(s, c->index);
    if (!first) return;
    s->ready++;
    if (s->next < s->count) idle_sync(s, s->next++);
}

static void idle_begin(struct idle *s, const struct options *o)
{
    world_init(&s->w, o->url);
    s->count = o->users;
    world_register(&s->w, s->count);
    for (size_t first = 0; first < s->count; first += ROOM_MEMBERS) {
        size_t members = s->count - first < ROOM_MEMBERS ? s->count - first : ROOM_MEMBERS, room = s->w.room_count;
        world_rooms(&s->w, 1, ROOM_MEMBERS);
        world_join(&s->w, room, first + 1, members - 1);
    }
    s->conns = conns_new(&s->w.net, s->count);
    s->since = mem_zero(s->count * sizeof *s->since);
    for (size_t i = 0; i < s->count; i++)
        s->conns[i].ctx = s;
}

/* All wait, and nothing has been told to anybody for a while. */
static void idle_settle(struct idle *s)
{
    while (s->next < s->count && s->next < FIRST_AT_ONCE)
        idle_sync(s, s->next++);
    for (size_t before = SIZE_MAX, rounds = 0; (before != s->responses || s->ready < s->count) && rounds < 300; rounds++) {
        before = s->responses;
        net_run(&s->w.net, now_us() + 2000000);
    }
}

void scenario_idle(const struct options *o, struct report *r)
{
    struct idle s = {0};
    struct proc_memory empty = proc_memory(o->pid);
    idle_begin(&s, o);
    struct proc_memory users = proc_memory(o->pid);
    idle_settle(&s);
    double cpu = proc_cpu_us(o->pid);
    size_t responses = s.responses;
    int64_t began = now_us();
    net_run(&s.w.net, began + (int64_t)(o->idle_seconds * 1e6));
    struct proc_memory waiting = proc_memory(o->pid);
    double seconds = (double)(now_us() - began) / 1e6, n = (double)s.count;
    report_figure(r, "users", n);
    report_figure(r, "waiting", (double)s.ready);
    report_figure(r, "empty rss bytes", (double)empty.rss);
    report_figure(r, "rss bytes with users, before they wait", (double)users.rss);
    report_figure(r, "rss bytes while all wait", (double)waiting.rss);
    report_figure(r, "rss bytes a client over empty", (double)(waiting.rss - empty.rss) / n);
    report_figure(r, "anonymous bytes a client over empty", (double)(waiting.anonymous - empty.anonymous) / n);
    report_figure(r, "rss bytes a client for waiting", (double)(waiting.rss - users.rss) / n);
    report_figure(r, "idle cpu percent", (proc_cpu_us(o->pid) - cpu) / seconds / 1e4);
    report_figure(r, "syncs answered while idle", (double)(s.responses - responses));
    for (size_t i = 0; i < s.count; i++)
        mem_free(s.since[i]);
    mem_free(s.since);
    conns_free(s.conns, s.count);
    world_release(&s.w);
}
