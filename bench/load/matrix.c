#include "matrix.h"

#include <ctype.h>

#include "proc.h"

enum { MESSAGE_BYTES = 200, SETUP_CONNECTIONS = 32 };

char *copy(struct str s)
{
    char *p = mem_alloc(s.n + 1);
    if (s.n) memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return p;
}

void expect_ok(int status, struct str body, const char *what)
{
    if (status != 200) die("%s: status %d: %.*s", what, status, (int)(body.n < 300 ? body.n : 300), body.p);
}

void say_failed(const char *what, int status, struct str body)
{
    fprintf(stderr, "%s failed: status %d: %.*s\n", what, status, (int)(body.n < 300 ? body.n : 300), body.p);
}

struct str field(struct str json, const char *key)
{
    char quoted[64];
    int n = snprintf(quoted, sizeof quoted, "\"%s\"", key);
    const char *end = json.p + json.n, *p = memmem(json.p, json.n, quoted, (size_t)n);
    if (!p) return (struct str){0};
    for (p += n; p < end && (*p == ' ' || *p == ':'); p++)
        ;
    if (p == end || *p != '"') return (struct str){0};
    const char *stop = memchr(p + 1, '"', (size_t)(end - p - 1));
    return stop ? str_make(p + 1, (size_t)(stop - p - 1)) : (struct str){0};
}

static struct str need(struct str json, const char *key)
{
    struct str s = field(json, key);
    if (str_null(s)) die("the server's answer has no %s: %.*s", key, (int)(json.n < 300 ? json.n : 300), json.p);
    return s;
}

static char *encoded(struct str s)
{
    char *out = mem_alloc(s.n * 3 + 1), *p = out;
    for (size_t i = 0; i < s.n; i++)
        p += isalnum((unsigned char)s.p[i]) ? (*p = s.p[i], 1) : snprintf(p, 4, "%%%02X", (unsigned)(unsigned char)s.p[i]);
    *p = 0;
    return out;
}

/* --- batches --- */

struct runner {
    struct batch *b;
    struct conn *conns;
    int64_t began;
    size_t next, flying, *job; /* job: of each connection */
};

static bool job_left(const struct runner *r)
{
    return r->next < r->b->jobs && (!r->b->until_us || now_us() < r->b->until_us);
}

/* Jobs belong to connections in turn when they have intended times: one that is late makes the next one of its connection wait, and
 * the waiting counts. */
static int64_t job_due(const struct runner *r, size_t i)
{
    return r->began + (int64_t)((double)i * 1e6 / r->b->rate);
}

static void job_answer(struct conn *c, int status, struct str body);

static void job_send(struct runner *r, struct conn *c, size_t i, int64_t due)
{
    r->job[c->index] = i;
    r->flying++;
    c->due = due;
    r->b->build(r->b->ctx, i, c);
    conn_send(c, job_answer);
}

static void job_answer(struct conn *c, int status, struct str body)
{
    struct runner *r = c->ctx;
    struct batch *b = r->b;
    size_t i = r->job[c->index];
    if (status != 200 && b->count_failed) {
        b->failed++;
        say_failed("send", status, body);
    } else {
        expect_ok(status, body, "request");
    }
    hist_add(&b->hist, now_us() - c->due);
    b->done++;
    r->flying--;
    if (b->answer && status == 200) b->answer(b->ctx, i, body);
    if (b->rate > 0) {
        size_t mine = i + b->connections;
        if (mine < r->next) job_send(r, c, mine, job_due(r, mine));
    } else if (job_left(r)) {
        job_send(r, c, r->next++, now_us());
    }
    if (r->flying == 0 && !job_left(r)) c->net->stop = true;
}

static int64_t batch_tick(void *ctx, int64_t now)
{
    struct runner *r = ctx;
    while (job_left(r)) {
        int64_t due = job_due(r, r->next);
        if (due > now) return due;
        struct conn *c = &r->conns[r->next % r->b->connections];
        size_t i = r->next++;
        if (!c->busy) job_send(r, c, i, due);
    }
    if (r->flying == 0) r->conns->net->stop = true;
    return INT64_MAX;
}

void batch_run(struct net *n, struct batch *b)
{
    if (b->connections > b->jobs) b->connections = b->jobs;
    if (b->jobs == 0) return;
    struct runner r = {.b = b, .conns = conns_new(n, b->connections), .began = now_us()};
    r.job = mem_zero(b->connections * sizeof *r.job);
    for (size_t i = 0; i < b->connections; i++)
        r.conns[i].ctx = &r;
    if (b->rate > 0) {
        n->tick = batch_tick;
        n->tick_ctx = &r;
    } else {
        for (size_t i = 0; i < b->connections; i++)
            job_send(&r, &r.conns[i], r.next++, now_us());
    }
    net_run(n, b->until_us ? b->until_us + 60000000 : INT64_MAX);
    if (r.flying) die("%zu requests got no answer within a minute", r.flying);
    n->tick = NULL;
    b->seconds = (double)(now_us() - r.began) / 1e6;
    conns_free(r.conns, b->connections);
    mem_free(r.job);
}

/* --- users and rooms --- */

void world_init(struct world *w, const char *url)
{
    char run[32];
    *w = (struct world){0};
    net_init(&w->net, url);
    snprintf(run, sizeof run, "%llx", (unsigned long long)now_us());
    w->run = copy(str_c(run));
}

void world_release(struct world *w)
{
    for (size_t i = 0; i < w->user_count; i++) {
        mem_free(w->users[i].id);
        mem_free(w->users[i].token);
    }
    for (size_t i = 0; i < w->room_count; i++)
        mem_free(w->rooms[i]);
    mem_free(w->users);
    mem_free(w->rooms);
    mem_free((void *)(uintptr_t)w->run);
    net_release(&w->net);
}

struct some { /* jobs of a batch that concern users or rooms from `first` on */
    struct world *w;
    size_t first, room, stride;
};

static void register_build(void *ctx, size_t i, struct conn *c)
{
    const struct some *s = ctx;
    char body[256];
    snprintf(body, sizeof body, "{\"username\":\"u%s-%zu\",\"password\":\"a long password\",\"auth\":{\"type\":\"m.login.dummy\"}}",
             s->w->run, s->first + i);
    conn_request(c, "POST", "/_matrix/client/v3/register", NULL, body);
}

static void register_answer(void *ctx, size_t i, struct str body)
{
    const struct some *s = ctx;
    s->w->users[s->first + i] = (struct user){copy(need(body, "user_id")), copy(need(body, "access_token"))};
}

static void run_some(struct some *s, size_t jobs, void (*build)(void *, size_t, struct conn *), void (*answer)(void *, size_t, struct str))
{
    struct batch b = {.jobs = jobs, .connections = SETUP_CONNECTIONS, .build = build, .answer = answer, .ctx = s};
    batch_run(&s->w->net, &b);
}

void world_register(struct world *w, size_t count)
{
    struct some s = {.w = w, .first = w->user_count};
    w->users = mem_resize(w->users, w->user_count + count, sizeof *w->users);
    run_some(&s, count, register_build, register_answer);
    w->user_count += count;
}

static void room_build(void *ctx, size_t i, struct conn *c)
{
    const struct some *s = ctx;
    conn_request(c, "POST", "/_matrix/client/v3/createRoom", s->w->users[(s->first + i) * s->stride].token,
                 "{\"preset\":\"public_chat\",\"name\":\"Measurement\"}");
}

static void room_answer(void *ctx, size_t i, struct str body)
{
    const struct some *s = ctx;
    s->w->rooms[s->first + i] = encoded(need(body, "room_id"));
}

void world_rooms(struct world *w, size_t count, size_t stride)
{
    struct some s = {.w = w, .first = w->room_count, .stride = stride};
    w->rooms = mem_resize(w->rooms, w->room_count + count, sizeof *w->rooms);
    run_some(&s, count, room_build, room_answer);
    w->room_count += count;
}

static void join_build(void *ctx, size_t i, struct conn *c)
{
    const struct some *s = ctx;
    char path[400];
    snprintf(path, sizeof path, "/_matrix/client/v3/rooms/%s/join", s->w->rooms[s->room]);
    conn_request(c, "POST", path, s->w->users[s->first + i].token, "{}");
}

void world_join(struct world *w, size_t room, size_t first, size_t count)
{
    struct some s = {.w = w, .first = first, .room = room};
    run_some(&s, count, join_build, NULL);
}

/* --- requests --- */

void request_send(struct conn *c, const struct world *w, size_t user, size_t room, size_t txn, const char *mark)
{
    char path[400], body[MESSAGE_BYTES + 1];
    snprintf(path, sizeof path, "/_matrix/client/v3/rooms/%s/send/m.room.message/t%zu", w->rooms[room], txn);
    int n = snprintf(body, sizeof body, "{\"msgtype\":\"m.text\",\"body\":\"%s ", mark);
    memset(body + n, 'x', (size_t)(MESSAGE_BYTES - n));
    memcpy(body + MESSAGE_BYTES - 2, "\"}", 3);
    conn_request(c, "PUT", path, w->users[user].token, body);
}

void request_sync(struct conn *c, const struct user *u, const char *since, int timeout_ms)
{
    char path[4096];
    snprintf(path, sizeof path,
             "/_matrix/client/v3/sync?timeout=%d&filter=%%7B%%22room%%22:%%7B%%22timeline%%22:%%7B%%22limit%%22:200%%7D%%7D%%7D%s%s",
             timeout_ms, since ? "&since=" : "", since ? since : "");
    conn_request(c, "GET", path, u->token, NULL);
}
