/* Whether things cost more when there is more: the same operations in a room with few and with many events, with few and with many members. */
#include "proc.h"
#include "scenario.h"

enum { SAMPLES = 4000, PAGES = 4000 };

struct growth {
    struct world w;
    size_t txn, room;
    char *since;
};

static void send_build(void *ctx, size_t i, struct conn *c)
{
    struct growth *g = ctx;
    (void)i;
    request_send(c, &g->w, 0, g->room, g->txn++, "m");
}

static void sync_build(void *ctx, size_t i, struct conn *c)
{
    struct growth *g = ctx;
    (void)i;
    request_sync(c, &g->w.users[0], g->since, 0);
}

static void sync_answer(void *ctx, size_t i, struct str body)
{
    struct growth *g = ctx;
    struct str next = field(body, "next_batch");
    (void)i;
    if (str_null(next)) die("a sync without next_batch");
    if (g->since && !memmem(body.p, body.n, "m.room.message", 14)) die("the sync does not tell the message");
    if (g->since) return; /* the same token again and again: each answer tells the same ten messages */
    g->since = copy(next);
}

static void page_build(void *ctx, size_t i, struct conn *c)
{
    const struct growth *g = ctx;
    char path[400];
    (void)i;
    snprintf(path, sizeof path, "/_matrix/client/v3/rooms/%s/messages?dir=b&limit=50", g->w.rooms[g->room]);
    conn_request(c, "GET", path, g->w.users[0].token, NULL);
}

static void run(struct growth *g, int pid, struct batch b, struct phase *p)
{
    b.ctx = g;
    measure(&g->w.net, &b, pid, p);
}

/* Eight connections, so that one commit carries several messages, as it does on a busy server. */
static void measure_sends(struct growth *g, const struct options *o, struct report *r, const char *at)
{
    char name[48];
    snprintf(name, sizeof name, "send, %s", at);
    run(g, o->pid, (struct batch){.jobs = SAMPLES, .connections = 8, .build = send_build}, report_phase(r, name));
}

static void measure_at(struct growth *g, const struct options *o, struct report *r, const char *at)
{
    char name[48];
    struct phase ignored = {0};
    run(g, 0, (struct batch){.jobs = 200, .connections = 1, .build = page_build}, &ignored);
    measure_sends(g, o, r, at);
    mem_free(g->since);
    g->since = NULL;
    run(g, 0, (struct batch){.jobs = 1, .connections = 1, .build = sync_build, .answer = sync_answer}, &ignored);
    run(g, 0, (struct batch){.jobs = 10, .connections = 1, .build = send_build}, &ignored);
    snprintf(name, sizeof name, "sync, %s", at);
    run(g, o->pid, (struct batch){.jobs = SAMPLES, .connections = 1, .build = sync_build, .answer = sync_answer}, report_phase(r, name));
    snprintf(name, sizeof name, "messages, %s", at);
    run(g, o->pid, (struct batch){.jobs = PAGES, .connections = 1, .build = page_build}, report_phase(r, name));
}

static void fill(struct growth *g, const struct options *o, size_t events)
{
    struct phase ignored = {0};
    if (events > g->txn)
        run(g, o->pid, (struct batch){.jobs = events - g->txn, .connections = o->connections, .build = send_build}, &ignored);
    proc_wait_until_quiet(o->pid); /* merging what was written is a cost of the filling */
}

void scenario_growth(const struct options *o, struct report *r)
{
    struct growth g = {0};
    char name[32];
    world_init(&g.w, o->url);
    world_register(&g.w, 1);
    world_rooms(&g.w, 1, 1);
    fill(&g, o, o->small);
    snprintf(name, sizeof name, "%zu events", o->small);
    measure_at(&g, o, r, name);
    fill(&g, o, o->events);
    snprintf(name, sizeof name, "%zu events", o->events);
    measure_at(&g, o, r, name);
    mem_free(g.since);
    world_release(&g.w);
}

/* Members who are not online must not cost anything. */
void scenario_crowd(const struct options *o, struct report *r)
{
    struct growth g = {0};
    struct phase ignored = {0};
    char name[32];
    world_init(&g.w, o->url);
    world_register(&g.w, o->members + 1);
    world_rooms(&g.w, 2, 1);
    /* Room 1 is user 1's, room 0 user 0's; both users are in both. */
    world_join(&g.w, 0, 1, o->members);
    world_join(&g.w, 1, 0, 1);
    g.room = 1;
    run(&g, 0, (struct batch){.jobs = 1000, .connections = 8, .build = send_build}, &ignored);
    measure_sends(&g, o, r, "2 members");
    g.room = 0;
    run(&g, 0, (struct batch){.jobs = 1000, .connections = 8, .build = send_build}, &ignored);
    snprintf(name, sizeof name, "%zu members", o->members + 1);
    measure_sends(&g, o, r, name);
    world_release(&g.w);
}
