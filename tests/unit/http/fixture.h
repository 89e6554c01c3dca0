/* A real server on loopback with a handler for every kind of behaviour, and a plain blocking client to talk to it. */
#ifndef ROOKERY_TESTS_HTTP_FIXTURE_H
#define ROOKERY_TESTS_HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/http.h"

enum { LOOPS = 2, BODY_MAX = 100000, WAITERS_MAX = 200 };

struct fixture {
    struct loop *loop[LOOPS];
    uv_thread_t thread[LOOPS];
    struct http_server *server;
    uint16_t port;
    atomic_int gone, waiting, handled, pieces, drained;
    atomic_bool closed;
    uv_mutex_t lock;
    struct http_request *waiter[WAITERS_MAX]; /* under lock */
    int waiters;
};

/* --- the handlers --- */

static inline void say(struct http_request *r, int status, struct str text)
{
    struct http_header h = {STR("content-type"), STR("text/plain")};
    http_respond(r, status, &h, 1, text);
}

static inline struct fixture **fixture_slot(void)
{
    static struct fixture *current;
    return &current;
}

static inline void count_gone(struct http_request *r)
{
    atomic_fetch_add(&(*fixture_slot())->gone, 1);
    say(r, 200, STR("")); /* frees it */
}

/* Tells, but goes on. */
static inline void note_gone(struct http_request *r)
{
    (void)r;
    atomic_fetch_add(&(*fixture_slot())->gone, 1);
}

static inline void body_ready(struct http_request *r, enum err e)
{
    if (e == ERR_TOO_LARGE)
        say(r, 413, STR("too large"));
    else if (e)
        say(r, 500, STR("broken"));
    else
        say(r, 200, r->body);
}

/* Streams: counts and adds up the bytes, pausing after each piece for a moment. */
struct sum {
    struct timer timer;
    struct http_request *r;
    uint64_t bytes, sum;
    bool pause, over;
};

static inline void sum_resume(struct timer *t)
{
    struct sum *s = list_item(t, struct sum, timer);
    http_resume_body(s->r);
}

static inline bool sum_piece(struct http_request *r, struct str data, enum err e)
{
    struct sum *s = r->user;
    atomic_fetch_add(&(*fixture_slot())->pieces, 1);
    if (data.n == 0) {
        say(r, e == ERR_TOO_LARGE ? 413 : 200,
            arena_printf(r->arena, "%llu %llu", (unsigned long long)s->bytes, (unsigned long long)s->sum));
        return false; /* must not matter */
    }
    s->bytes += data.n;
    for (size_t i = 0; i < data.n; i++)
        s->sum += (unsigned char)data.p[i];
    if (s->pause) timer_set(r->loop, &s->timer, 2, sum_resume);
    return !s->pause;
}

static inline void sum_gone(struct http_request *r)
{
    struct sum *s = r->user;
    timer_clear(r->loop, &s->timer);
    count_gone(r);
}

static inline void handle_sum(struct http_request *r, bool pause)
{
    struct sum *s = arena_zero(r->arena, sizeof *s);
    s->r = r;
    s->pause = pause;
    r->user = s;
    r->gone = sum_gone;
    http_stream_body(r, 20u << 20, sum_piece);
}

/* Sends `left` bytes in pieces of 10,000. */
struct source {
    uint64_t left;
    char data[10000];
};

static inline void source_more(struct http_request *r)
{
    struct source *s = r->user;
    size_t n = s->left < sizeof s->data ? (size_t)s->left : sizeof s->data;
    atomic_fetch_add(&(*fixture_slot())->drained, 1);
    if (n == 0) {
        http_end(r);
        return;
    }
    memset(s->data, 'x', n);
    s->left -= n;
    http_send(r, str_make(s->data, n), source_more);
}

static inline void handle_source(struct http_request *r)
{
    struct source *s = arena_zero(r->arena, sizeof *s);
    int64_t n = 0;
    if (!str_to_int64(http_query(r->arena, r->query, STR("n")), &n)) n = 0;
    s->left = (uint64_t)n;
    r->user = s;
    r->gone = count_gone;
    http_begin(r, 200, NULL, 0, s->left);
    source_more(r);
}

static inline void waiter_gone(struct http_request *r)
{
    struct fixture *f = *fixture_slot();
    uv_mutex_lock(&f->lock);
    for (int i = 0; i < f->waiters; i++)
        if (f->waiter[i] == r) f->waiter[i--] = f->waiter[--f->waiters];
    uv_mutex_unlock(&f->lock);
    count_gone(r);
}

static inline void handle_wait(struct http_request *r)
{
    struct fixture *f = *fixture_slot();
    http_wait(r);
    assert_null(r->arena);
    r->gone = waiter_gone;
    uv_mutex_lock(&f->lock);
    assert_true(f->waiters < WAITERS_MAX);
    f->waiter[f->waiters++] = r;
    uv_mutex_unlock(&f->lock);
    atomic_fetch_add(&f->waiting, 1);
}

/* Answers the waiters of the loop that this runs on. */
static inline void wake_waiters(struct loop *l)
{
    struct fixture *f = *fixture_slot();
    uv_mutex_lock(&f->lock);
    for (int i = 0; i < f->waiters; i++) {
        struct http_request *r = f->waiter[i];
        if (r->loop != l) continue;
        f->waiter[i--] = f->waiter[--f->waiters];
        say(r, 200, STR("woken"));
    }
    uv_mutex_unlock(&f->lock);
}

struct later {
    struct timer timer;
    struct http_request *r;
};

static inline void later_fire(struct timer *t)
{
    struct later *l = list_item(t, struct later, timer);
    struct http_request *r = l->r;
    mem_free(l);
    say(r, 200, STR("later"));
}

/* Answers after a moment, and does not care whether the client is still there. */
static inline void handle_later(struct http_request *r)
{
    struct later *l = mem_zero(sizeof *l);
    l->r = r;
    timer_set(r->loop, &l->timer, 30, later_fire);
}

static inline void later_read(struct timer *t)
{
    struct later *l = list_item(t, struct later, timer);
    struct http_request *r = l->r;
    mem_free(l);
    http_read_body(r, BODY_MAX, body_ready);
}

static inline void handle_read_later(struct http_request *r)
{
    struct later *l = mem_zero(sizeof *l);
    l->r = r;
    timer_set(r->loop, &l->timer, 30, later_read);
}

static inline void handle_big(struct http_request *r)
{
    int64_t n = 0;
    if (!str_to_int64(http_query(r->arena, r->query, STR("n")), &n)) n = 0;
    char *p = mem_alloc((size_t)n);
    memset(p, 'b', (size_t)n);
    struct str piece[40];
    for (size_t i = 0; i < 40; i++)
        piece[i] = str_make(p, i < 39 ? (size_t)n / 40 : (size_t)n - (size_t)n / 40 * 39);
    http_respond_pieces(r, 200, NULL, 0, piece, 40);
    mem_free(p);
}

/* The same, but it is told. */
static inline void handle_later_told(struct http_request *r)
{
    r->gone = note_gone;
    handle_later(r);
}

static inline void handle_show(struct http_request *r)
{
    struct str text =
        arena_printf(r->arena, "%s %.*s ? %.*s from %.*s id %s headers %zu host %.*s", http_method_name(r->method), STR_FMT(r->path),
                     STR_FMT(r->query), STR_FMT(r->client_ip), r->id, r->header_count, STR_FMT(http_header_get(r, STR("HOST"))));
    say(r, 200, text);
}

static inline void handle(void *ctx, struct http_request *r)
{
    struct fixture *f = ctx;
    atomic_fetch_add(&f->handled, 1);
    if (str_is(r->path, "/hello"))
        say(r, 200, STR("hello"));
    else if (str_is(r->path, "/echo"))
        http_read_body(r, BODY_MAX, body_ready);
    else if (str_is(r->path, "/read-later"))
        handle_read_later(r);
    else if (str_is(r->path, "/sum"))
        handle_sum(r, false);
    else if (str_is(r->path, "/sum-slowly"))
        handle_sum(r, true);
    else if (str_is(r->path, "/source"))
        handle_source(r);
    else if (str_is(r->path, "/wait"))
        handle_wait(r);
    else if (str_is(r->path, "/later"))
        handle_later(r);
    else if (str_is(r->path, "/later-told"))
        handle_later_told(r);
    else if (str_is(r->path, "/big"))
        handle_big(r);
    else if (str_is(r->path, "/nothing"))
        http_respond(r, 204, NULL, 0, STR(""));
    else if (str_is(r->path, "/inject"))
        http_respond(r, 200, &(struct http_header){STR("x"), STR("a\r\nevil: 1")}, 1, STR("ok"));
    else if (str_is(r->path, "/wake")) {
        wake_waiters(r->loop);
        say(r, 200, STR("done"));
    } else
        handle_show(r);
}

/* --- the server's life --- */

static inline void run_loop(void *arg)
{
    loop_run(arg);
}

static inline struct http_config usual_config(void)
{
    return (struct http_config){.limits = {.header_bytes = 4096,
                                           .connections = 1000,
                                           .header_ms = 5000,
                                           .body_ms = 5000,
                                           .idle_ms = 5000,
                                           .pipelined = 8,
                                           .output_bytes = 1 << 20}};
}

static inline struct fixture *fixture_start(const char *address, struct http_config config)
{
    struct fixture *f = mem_zero(sizeof *f);
    *fixture_slot() = f;
    uv_mutex_init(&f->lock);
    if (!config.handler) {
        config.handler = handle;
        config.ctx = f;
    }
    for (unsigned i = 0; i < LOOPS; i++)
        f->loop[i] = loop_new(i);
    struct fault fault = {0};
    if (http_listen(f->loop, LOOPS, address, 0, &config, &f->server, &fault)) fail_msg("%s", fault.text);
    f->port = http_port(f->server);
    for (unsigned i = 0; i < LOOPS; i++)
        uv_thread_create(&f->thread[i], run_loop, f->loop[i]);
    return f;
}

static inline void fixture_closed(void *arg)
{
    atomic_store(&((struct fixture *)arg)->closed, true);
}

static inline bool soon(atomic_int *value, int at_least)
{
    for (int i = 0; i < 5000 && atomic_load(value) < at_least; i++)
        usleep(1000);
    return atomic_load(value) >= at_least;
}

static inline void fixture_stop(struct fixture *f, int64_t grace_ms)
{
    if (f->server) http_close(f->server, grace_ms, fixture_closed, f);
    for (int i = 0; f->server && i < 10000 && !atomic_load(&f->closed); i++)
        usleep(1000);
    assert_true(!f->server || atomic_load(&f->closed));
    for (int i = 0; i < LOOPS; i++)
        loop_stop(f->loop[i]);
    for (int i = 0; i < LOOPS; i++) {
        uv_thread_join(&f->thread[i]);
        loop_free(f->loop[i]);
    }
    uv_mutex_destroy(&f->lock);
    mem_free(f);
}

/* --- the client --- */

static inline int client_timeout(int fd)
{
    struct timeval t = {10, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    return fd;
}

static inline int client(const struct fixture *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(f->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = client_timeout(socket(AF_INET, SOCK_STREAM, 0));
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static inline bool client_send(int fd, struct str s)
{
    while (s.n) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (n <= 0) return false;
        s = str_from(s, (size_t)n);
    }
    return true;
}

static inline void client_say(int fd, const char *text)
{
    assert_true(client_send(fd, str_c(text)));
}

struct answer {
    int status;
    char head[4096];
    size_t head_bytes, body_bytes;
    char *body; /* NUL-terminated */
};

static inline void answer_free(struct answer *a)
{
    mem_free(a->body);
    a->body = NULL;
}

static inline bool read_head(int fd, struct answer *a)
{
    while (a->head_bytes < 4 || memcmp(a->head + a->head_bytes - 4, "\r\n\r\n", 4) != 0) {
        assert_true(a->head_bytes < sizeof a->head - 1);
        if (recv(fd, a->head + a->head_bytes, 1, 0) != 1) return false;
        a->head[++a->head_bytes] = 0;
    }
    assert_memory_equal(a->head, "HTTP/1.1 ", 9);
    a->status = (a->head[9] - '0') * 100 + (a->head[10] - '0') * 10 + a->head[11] - '0';
    return true;
}

/* False when the connection ends before the answer is complete. */
static inline bool client_read(int fd, struct answer *a, bool has_body)
{
    *a = (struct answer){0};
    if (!read_head(fd, a)) return false;
    const char *length = strcasestr(a->head, "\r\ncontent-length: ");
    size_t n = length && has_body ? strtoul(length + 18, NULL, 10) : 0;
    a->body = mem_alloc(n + 1);
    while (a->body_bytes < n) {
        ssize_t got = recv(fd, a->body + a->body_bytes, n - a->body_bytes, 0);
        if (got <= 0) return false;
        a->body_bytes += (size_t)got;
    }
    a->body[n] = 0;
    return true;
}

static inline void expect(int fd, int status, const char *body)
{
    struct answer a;
    assert_true(client_read(fd, &a, true));
    assert_int_equal(a.status, status);
    if (body) assert_string_equal(a.body, body);
    answer_free(&a);
}

static inline void expect_closed(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, 0);
    if (n < 0) assert_int_equal(errno, ECONNRESET);
    assert_true(n <= 0);
    close(fd);
}

/* A request and its answer on a connection of its own. */
static inline void ask(const struct fixture *f, const char *request, int status, const char *body)
{
    int fd = client(f);
    client_say(fd, request);
    expect(fd, status, body);
    close(fd);
}

#endif
