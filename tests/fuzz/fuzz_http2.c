/* HTTP/2 from the socket to the handler: the server's own code, on a loop that is turned here and a clock that is wound here.
 *
 * The input is a script and what the client sends. The first byte says how many steps the script has, each of two bytes: what
 * happens (enum step), and how much of it. What is left of the client's bytes then goes in one piece. Without the first byte's
 * highest bit the connection preface is sent for it. The handler does what the letter after the path's '/' says (`ways`). The
 * seeds are written by make_http2_corpus.py.
 *
 * However the client behaves: each exchange ends once and the handler is told of everything once, what is answered arrives
 * whole or visibly broken, nothing follows a stream's end, what is kept for the client has a bound, and in the end the
 * deadlines clear all away. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "http/http2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step { SEND, SEND_MUCH, WAIT, DEAF, ANSWER, HALF_CLOSE, SHUT, LEAVE, STEPS };

enum {
    SCRIPT_MAX = 63,
    BODY_MAX = 20000,
    SMALL = 10,
    LARGE = 90000,
    STREAMED = 20000,
    PIECE = 3000,
    OUTPUT_BYTES = 40000, /* so little that reading stops too */
    PAUSE_MS = 100,
    LIMIT_MS = 1000,
    FRAME_MAX = 16384,
    STREAMS_AT_ONCE = 100
};

/* --- the clock: libuv asks this one --- */

static int64_t now_ms;

int clock_gettime(clockid_t id, struct timespec *t)
{
    if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE) return (int)syscall(SYS_clock_gettime, id, t);
    *t = (struct timespec){.tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000};
    return 0;
}

/* --- what is known --- */

/* The frames that come from the server. */
struct frame {
    unsigned char head[9];
    size_t have;
    uint32_t left; /* of the payload */
};

struct target {
    struct loop *loop;
    struct http_server *server;
    int fd; /* the client's end; -1 when it has left */
    bool deaf, shut, closed;
    struct list streams;
    size_t live; /* requests that the handler has */
    struct frame frame;
    uint64_t said, heard, may_hear;
};

struct stream {
    struct list link;
    struct target *t;
    int32_t id;
    /* The handler's. */
    struct http_request *r; /* NULL before and after */
    char way;
    bool asked, head, persists, untold, gone, told;
    struct timer timer;
    char *piece; /* with http_send */
    uint64_t length, given;
    /* The client's. */
    uint64_t expected, got;
    unsigned heads;
    bool ended;
};

static void check(bool ok)
{
    if (!ok) abort();
}

static struct stream *stream_at(struct target *t, int32_t id)
{
    list_each(it, &t->streams)
    {
        struct stream *s = list_item(it, struct stream, link);
        if (s->id == id) return s;
    }
    struct stream *s = mem_zero(sizeof *s);
    s->t = t;
    s->id = id;
    list_push(&t->streams, &s->link);
    return s;
}

static void forget_streams(struct target *t)
{
    while (!list_is_empty(&t->streams))
        mem_free(list_item(list_pop(&t->streams), struct stream, link));
}

static char content(const struct stream *s, uint64_t at)
{
    return (char)((uint64_t)s->id + at);
}

/* In memory of its own, so that using it for too long is seen. */
static char *make_content(const struct stream *s, uint64_t at, size_t n)
{
    char *p = mem_alloc(n + 1);
    for (size_t i = 0; i < n; i++)
        p[i] = content(s, at + i);
    return p;
}

/* --- the handler --- */

static struct http_request *end(struct stream *s)
{
    struct http_request *r = s->r;
    check(r != NULL);
    s->r = NULL;
    s->t->live--;
    timer_clear(s->t->loop, &s->timer);
    return r;
}

static void expect(struct stream *s, uint64_t n)
{
    s->length = n;
    s->expected = s->head ? 0 : n;
    s->t->may_hear += 10 * s->expected;
}

static void respond(struct stream *s, size_t n)
{
    char *p = make_content(s, 0, n);
    expect(s, n);
    http_respond(end(s), n ? 200 : 204, NULL, 0, str_make(p, n));
    mem_free(p);
}

static void respond_small(struct stream *s)
{
    respond(s, SMALL);
}

static void respond_large(struct stream *s)
{
    respond(s, LARGE);
}

static void respond_empty(struct stream *s)
{
    respond(s, 0);
}

static void end_streamed(struct stream *s)
{
    mem_free(s->piece);
    s->piece = NULL;
    http_end(end(s));
}

static void on_drained(struct http_request *r);

static void send_piece(struct stream *s)
{
    uint64_t left = s->length - s->given;
    size_t n = left < PIECE ? (size_t)left : PIECE;
    s->piece = make_content(s, s->given, n);
    s->given += n;
    http_send(s->r, str_make(s->piece, n), on_drained);
}

static void piece_later(struct timer *t)
{
    send_piece(list_item(t, struct stream, timer));
}

static void on_drained(struct http_request *r)
{
    struct stream *s = r->user;
    check(s->r == r && s->piece);
    mem_free(s->piece);
    s->piece = NULL;
    if (s->given == s->length || s->way == 'c')
        end_streamed(s);
    else if (s->way == 'l')
        timer_set(s->t->loop, &s->timer, PAUSE_MS, piece_later);
    else
        send_piece(s);
}

static void respond_streamed(struct stream *s)
{
    expect(s, STREAMED);
    http_begin(s->r, 200, NULL, 0, STREAMED);
    send_piece(s);
}

static void look_at(struct str data)
{
    for (size_t i = 0; i < data.n; i++)
        *(volatile const char *)(data.p + i);
}

static void told(struct stream *s, enum err e)
{
    check(s->r && !s->told);
    check(e == ERR_OK || e == ERR_TOO_LARGE || (e == ERR_UNAVAILABLE && (s->untold || s->gone)));
    s->told = true;
}

static void on_body(struct http_request *r, enum err e)
{
    struct stream *s = r->user;
    told(s, e);
    look_at(r->body);
    check(r->body.n <= BODY_MAX);
    respond(s, r->body.n);
}

static void read_body(struct stream *s)
{
    http_read_body(s->r, BODY_MAX, on_body);
}

static void read_now(struct timer *t)
{
    read_body(list_item(t, struct stream, timer));
}

static void read_later(struct stream *s)
{
    timer_set(s->t->loop, &s->timer, PAUSE_MS, read_now);
}

static void resume(struct timer *t)
{
    http_resume_body(list_item(t, struct stream, timer)->r);
}

static bool on_piece(struct http_request *r, struct str data, enum err e)
{
    struct stream *s = r->user;
    check(s->r == r && (e == ERR_UNAVAILABLE || !timer_is_set(&s->timer))); /* nothing comes during a pause but the end of all */
    look_at(data);
    if (data.n == 0) told(s, e);
    if (data.n == 0 || s->way == 'q') {
        respond_small(s);
        return true;
    }
    timer_set(s->t->loop, &s->timer, PAUSE_MS, resume);
    return false;
}

static void read_pieces(struct stream *s)
{
    http_stream_body(s->r, BODY_MAX, on_piece);
}

static void park(struct stream *s)
{
    http_wait(s->r);
}

static void do_nothing(struct stream *s)
{
    (void)s;
}

static const struct {
    char letter;
    void (*go)(struct stream *s);
} ways[] = {{'a', respond_small},
            {'b', respond_large},
            {'e', respond_empty},
            {'s', respond_streamed},
            {'l', respond_streamed} /* with pauses */,
            {'c', respond_streamed} /* cut off by ourselves */,
            {'r', read_body},
            {'d', read_later},
            {'p', read_pieces} /* with pauses */,
            {'q', read_pieces} /* answers at the first */,
            {'w', park},
            {'n', do_nothing}};

/* Those that go on after `gone` respond when they come to it. */
static void on_gone(struct http_request *r)
{
    struct stream *s = r->user;
    check(s->r == r && !s->gone);
    s->gone = true;
    if (s->persists) return;
    if (s->piece || s->given)
        end_streamed(s);
    else
        respond_small(s);
}

static void handle(void *ctx, struct http_request *r)
{
    struct target *t = ctx;
    struct h2_stream *of = ((struct exchange *)(void *)r)->stream;
    struct stream *s = stream_at(t, of->id);
    check(!s->asked);
    s->asked = true;
    s->r = r;
    t->live++;
    t->may_hear += 600; /* heads and frames */
    r->user = s;
    s->way = r->path.n > 1 ? r->path.p[1] : 'n';
    s->head = r->method == HTTP_HEAD;
    s->untold = memchr(r->path.p, '!', r->path.n) != NULL;
    s->persists = memchr(r->path.p, '+', r->path.n) != NULL;
    if (!s->untold) r->gone = on_gone;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (ways[i].letter == s->way) {
            ways[i].go(s);
            return;
        }
}

/* Whatever only waits is answered; what reads or sends goes on by itself, unless it cannot know that the client has gone. */
static void answer(struct target *t, bool all)
{
    list_each(it, &t->streams)
    {
        struct stream *s = list_item(it, struct stream, link);
        if (!s->r || s->piece || s->given) continue;
        if (all || !strchr("rdpq", s->way)) respond_small(s);
    }
}

/* --- the client's ears --- */

static struct stream *stream_of(struct target *t, const struct frame *f)
{
    return stream_at(t, (int32_t)((f->head[5] & 0x7fu) << 24 | f->head[6] << 16 | f->head[7] << 8 | f->head[8]));
}

static void hear_head(struct target *t, const struct frame *f)
{
    uint8_t type = f->head[3], flags = f->head[4];
    struct stream *s = stream_of(t, f);
    check(f->left <= FRAME_MAX);
    if (type == NGHTTP2_RST_STREAM) s->ended = true;
    if (type != NGHTTP2_HEADERS && type != NGHTTP2_DATA) return;
    check(s->id % 2 == 1 && !s->ended);
    if (type == NGHTTP2_HEADERS) check(++s->heads <= 2); /* 100, and then the answer */
    if (!(flags & NGHTTP2_FLAG_END_STREAM)) return;
    s->ended = true;
    if (s->asked) check(s->got + (type == NGHTTP2_DATA ? f->left : 0) == s->expected);
}

static void hear_payload(struct target *t, const struct frame *f, struct str data)
{
    if (f->head[3] != NGHTTP2_DATA) return;
    struct stream *s = stream_of(t, f);
    for (size_t i = 0; s->asked && i < data.n; i++)
        check(data.p[i] == content(s, s->got + i));
    s->got += data.n;
}

static void hear(struct target *t, struct str data)
{
    struct frame *f = &t->frame;
    t->heard += data.n;
    while (data.n) {
        if (f->have < sizeof f->head) {
            f->head[f->have++] = (unsigned char)data.p[0];
            data = str_from(data, 1);
            f->left = (uint32_t)(f->head[0] << 16 | f->head[1] << 8 | f->head[2]);
            if (f->have == sizeof f->head) hear_head(t, f);
        } else {
            struct str payload = str_first(data, f->left);
            hear_payload(t, f, payload);
            data = str_from(data, payload.n);
            f->left -= (uint32_t)payload.n;
        }
        if (f->have == sizeof f->head && f->left == 0) f->have = 0;
    }
    check(t->heard <= t->may_hear + 64 * t->said);
}

static void listen_to(struct target *t)
{
    char data[65536];
    ssize_t n;
    while (!t->deaf && t->fd >= 0 && (n = recv(t->fd, data, sizeof data, MSG_DONTWAIT)) > 0)
        hear(t, str_make(data, (size_t)n));
}

/* --- turning the loop --- */

static struct conn *connection(struct target *t)
{
    struct worker *w = t->server->worker;
    for (int d = 0; d < DEADLINES; d++)
        if (!list_is_empty(&w->deadline[d])) return list_item(w->deadline[d].next, struct conn, link);
    return NULL;
}

/* Exchanges are the handler's, or their heads are still coming in; and what is kept is within its bounds. */
static void check_connection(struct target *t)
{
    struct conn *c = connection(t);
    size_t beginning = 0;
    if (c) {
        check(c->h2->count <= STREAMS_AT_ONCE);
        check(c->h2->held <= OUTPUT_BYTES + LARGE + STREAMS_AT_ONCE * SMALL + t->said); /* what is echoed was said */
        check(c->unsent <= 65536 + CORK_BYTES + 2 * FRAME_MAX);
        check(c->unsent < OUTPUT_BYTES || !c->reading || c->broken || c->h2->over); /* who does not listen is not listened to */
        list_each(it, &c->h2->streams)
        {
            const struct h2_stream *s = list_item(it, struct h2_stream, link);
            if (!s->running) beginning++;
        }
    }
    check(t->server->worker[0].exchanges == t->live + beginning);
}

static void turn(struct target *t, int times)
{
    for (int i = 0; i < times && !t->closed; i++) {
        loop_poll(t->loop);
        if (!t->closed) check_connection(t);
        listen_to(t);
    }
}

static void leave(struct target *t)
{
    if (t->fd >= 0) close(t->fd);
    t->fd = -1;
}

/* What a server does not want to read, because the client does not read either, is lost. */
static void say(struct target *t, struct str text)
{
    for (int tries = 0; text.n && t->fd >= 0 && tries < 20; tries++) {
        ssize_t n = send(t->fd, text.p, text.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) text = str_from(text, (size_t)n);
        if (n > 0) t->said += (uint64_t)n;
        if (n < 0 && errno != EAGAIN) return;
        turn(t, 2);
    }
}

static void on_closed(void *arg)
{
    ((struct target *)arg)->closed = true;
}

static void shut(struct target *t, int64_t grace_ms)
{
    if (!t->shut) http_close(t->server, grace_ms, on_closed, t);
    t->shut = true;
}

static struct str take(struct str *in, size_t n)
{
    struct str out = str_first(*in, n);
    *in = str_from(*in, out.n);
    return out;
}

static void do_step(struct target *t, enum step step, uint8_t much, struct str *in)
{
    switch (step) {
    case SEND:
        say(t, take(in, much));
        return;
    case SEND_MUCH:
        say(t, take(in, much * 64u));
        return;
    case WAIT:
        now_ms += much * 16;
        break;
    case DEAF:
        t->deaf = !t->deaf;
        break;
    case ANSWER:
        answer(t, much > 200);
        break;
    case HALF_CLOSE:
        if (t->fd >= 0) shutdown(t->fd, SHUT_WR);
        break;
    case SHUT:
        shut(t, much * 16);
        break;
    default:
        leave(t);
    }
    turn(t, 1 + much % 8);
}

/* --- one input --- */

static struct http_server *new_server(struct target *t)
{
    struct http_server *s = mem_zero(sizeof *s);
    s->config = (struct http_config){.limits = {.header_bytes = 2000,
                                                .connections = 1,
                                                .header_ms = LIMIT_MS,
                                                .body_ms = LIMIT_MS,
                                                .idle_ms = LIMIT_MS,
                                                .output_bytes = OUTPUT_BYTES},
                                     .handler = handle,
                                     .ctx = t};
    s->worker = mem_zero(sizeof *s->worker);
    s->workers = 1;
    worker_init(s->worker, s, t->loop);
    return s;
}

/* What the server does when it has accepted, and then when ALPN has chosen. */
static void meet(struct target *t)
{
    struct worker *w = t->server->worker;
    int fd[2], few = 4096;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0) abort();
    setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &few, sizeof few);
    t->fd = fd[1];
    atomic_fetch_add(&w->connections, 1);
    worker_take(w, fd[0], &(struct address){.local = true});
    struct conn *c = connection(t);
    c->protocol = &protocol_http2;
    c->protocol->start(c);
}

/* The client says no more. The deadlines must end the connection by themselves once the handler has answered. */
static void run_out(struct target *t)
{
    for (int i = 0; i < 200 && atomic_load(&t->server->worker[0].connections); i++) {
        answer(t, false);
        now_ms += LIMIT_MS / 4;
        turn(t, 4);
        if (t->closed) return;
    }
    check(atomic_load(&t->server->worker[0].connections) == 0);
}

static void finish(struct target *t)
{
    run_out(t);
    shut(t, 0);
    for (int i = 0; i < 200 && !t->closed; i++) {
        answer(t, true);
        now_ms += LIMIT_MS / 4;
        turn(t, 4);
    }
    check(t->closed && t->live == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct str script = str_make((const char *)data + 1, (data[0] & SCRIPT_MAX) * 2u), in = str_make((const char *)data + 1, size - 1);
    script = take(&in, script.n);
    struct target t = {.loop = NULL, .may_hear = 4096};
    signal(SIGPIPE, SIG_IGN);
    log_setup(LOG_ERROR, false);
    now_ms = 1000000;
    list_init(&t.streams);
    t.loop = loop_new(0);
    t.server = new_server(&t);
    meet(&t);
    if (!(data[0] & 0x80)) say(&t, str_c(NGHTTP2_CLIENT_MAGIC));
    for (size_t i = 0; i + 1 < script.n && !t.closed; i += 2)
        do_step(&t, (enum step)((uint8_t)script.p[i] % STEPS), (uint8_t)script.p[i + 1], &in);
    if (!t.closed) say(&t, in);
    if (!t.closed) finish(&t);
    leave(&t);
    check(t.live == 0);
    forget_streams(&t);
    loop_free(t.loop);
    return 0;
}
