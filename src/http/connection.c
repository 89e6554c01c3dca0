#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/internal.h"

/* --- deadlines --- */

void conn_deadline(struct conn *c, enum deadline d, bool again)
{
    if (c->closing || (c->deadline == d && !again)) return;
    c->deadline = (uint8_t)d;
    c->since_ms = loop_now_ms(c->w->loop);
    list_remove(&c->link);
    list_push(&c->w->deadline[d], &c->link);
}

/* Bytes that the peer has not taken. The kernel's share counts: it holds megabytes, and only asks for more when much of
 * that has gone, which takes a slow but honest client longer than any deadline. */
static size_t untaken(struct conn *c)
{
    int fd, queued = 0;
    if (uv_fileno(&c->uv.handle, &fd) != 0 || ioctl(fd, SIOCOUTQ, &queued) != 0 || queued < 0) queued = 0;
    return uv_stream_get_write_queue_size(&c->uv.stream) + (size_t)queued;
}

bool conn_output_moves(struct conn *c)
{
    size_t now = untaken(c), before = c->untaken;
    c->untaken = now;
    return now < before;
}

/* --- the end --- */

static void free_when_over(struct conn *c)
{
    if (!c->handle_closed || c->kicked) return;
    struct worker *w = c->w;
    buf_release(&c->left);
    mem_free(c);
    worker_lost_one(w);
}

static void on_closed(uv_handle_t *h)
{
    struct conn *c = h->data;
    c->handle_closed = true;
    free_when_over(c);
}

void conn_close(struct conn *c)
{
    if (c->closing) return;
    c->closing = true;
    list_remove(&c->link);
    if (c->w->corked == c) {
        buf_clear(&c->w->cork);
        c->w->corked = NULL;
    }
    c->protocol->lost(c);
    c->transport->release(c);
    uv_close(&c->uv.handle, on_closed);
}

static void run_kick(struct task *t)
{
    struct conn *c = list_item(t, struct conn, task);
    c->kicked = false;
    if (c->closing)
        free_when_over(c);
    else if (c->broken)
        conn_close(c);
    else
        c->protocol->kick(c);
}

void conn_kick(struct conn *c)
{
    if (c->kicked || c->closing) return;
    c->kicked = true;
    c->task.run = run_kick;
    loop_post(c->w->loop, &c->task);
}

void conn_break(struct conn *c)
{
    c->broken = true;
    conn_kick(c);
}

void conn_finish(struct conn *c)
{
    if (c->closing || c->broken) return;
    c->transport->finish(c);
    int fd;
    if (c->unsent == 0 && uv_fileno(&c->uv.handle, &fd) == 0) shutdown(fd, SHUT_WR);
}

/* --- writing --- */

/* What the socket did not take at once. */
struct unsent {
    uv_write_t uv;
    struct conn *conn;
    size_t n;
    char data[];
};

static void on_written(uv_write_t *r, int status)
{
    struct unsent *u = list_item(r, struct unsent, uv);
    struct conn *c = u->conn;
    c->unsent -= u->n;
    mem_free(u);
    if (c->closing) return;
    if (status < 0 || c->broken)
        conn_close(c);
    else if (c->unsent == 0)
        c->protocol->drained(c);
}

static void write_later(struct conn *c, const struct str *piece, size_t pieces, size_t skip)
{
    size_t total = 0;
    for (size_t i = 0; i < pieces; i++)
        total += piece[i].n;
    struct unsent *u = mem_alloc(sizeof *u + total - skip);
    u->conn = c;
    u->n = 0;
    for (size_t i = 0; i < pieces; i++) {
        struct str rest = str_from(piece[i], skip);
        skip -= piece[i].n - rest.n;
        if (rest.n) memcpy(u->data + u->n, rest.p, rest.n);
        u->n += rest.n;
    }
    c->unsent += u->n;
    c->untaken += u->n;
    uv_buf_t b = {u->data, u->n};
    if (uv_write(&u->uv, &c->uv.stream, &b, 1, on_written) == 0) return;
    c->unsent -= u->n;
    mem_free(u);
    conn_break(c);
}

enum { PIECES_MAX = 64 };

static void write_some(struct conn *c, const struct str *piece, size_t pieces)
{
    uv_buf_t v[PIECES_MAX];
    size_t total = 0;
    for (size_t i = 0; i < pieces; i++) {
        v[i] = (uv_buf_t){(char *)(uintptr_t)piece[i].p, piece[i].n};
        total += piece[i].n;
    }
    if (total == 0) return;
    int sent = c->unsent ? UV_EAGAIN : uv_try_write(&c->uv.stream, v, (unsigned)pieces);
    if (sent == UV_EAGAIN) sent = 0;
    if (sent < 0) {
        conn_break(c);
        return;
    }
    count_add(&c->w->count.bytes_out, total);
    if ((size_t)sent == total) return;
    bool first = c->unsent == 0;
    if (first) c->untaken = untaken(c);
    write_later(c, piece, pieces, (size_t)sent);
    if (first) conn_deadline(c, DEADLINE_BODY, true);
}

void conn_write(struct conn *c, const struct str *piece, size_t pieces)
{
    for (size_t i = 0; i < pieces && !c->broken && !c->closing; i += PIECES_MAX)
        write_some(c, piece + i, pieces - i < PIECES_MAX ? pieces - i : PIECES_MAX);
}

static void flush_cork(struct conn *c)
{
    struct buf *cork = &c->w->cork;
    if (cork->n == 0) return;
    struct str all = buf_str(cork);
    c->transport->output(c, &all, 1);
    buf_clear(cork);
}

void conn_cork(struct conn *c)
{
    c->w->corked = c;
}

void conn_uncork(struct conn *c)
{
    if (c->w->corked != c) return; /* closed meanwhile */
    flush_cork(c);
    c->w->corked = NULL;
}

static bool into_cork(struct conn *c, const struct str *piece, size_t pieces)
{
    struct buf *cork = &c->w->cork;
    size_t total = cork->n;
    for (size_t i = 0; i < pieces; i++)
        total += piece[i].n;
    if (c->w->corked != c || total > CORK_BYTES) return false;
    for (size_t i = 0; i < pieces; i++)
        buf_add(cork, piece[i]);
    return true;
}

bool conn_has_room(struct conn *c)
{
    if (c->unsent <= c->w->server->config.limits.output_bytes) return true;
    if (!c->broken) log_event(LOG_INFO, "http", "client does not read", "unsent=%zu", c->unsent);
    conn_break(c);
    return false;
}

void conn_output(struct conn *c, const struct str *piece, size_t pieces)
{
    if (c->broken || c->closing || into_cork(c, piece, pieces)) return;
    if (c->w->corked == c) flush_cork(c);
    c->transport->output(c, piece, pieces);
}

/* --- reading --- */

static void give_buffer(uv_handle_t *h, size_t hint, uv_buf_t *out)
{
    (void)hint;
    struct conn *c = h->data;
    *out = (uv_buf_t){c->w->read, READ_BYTES};
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct conn *c = s->data;
    if (n == 0 || c->closing) return;
    if (n > 0) {
        count_add(&c->w->count.bytes_in, (uint64_t)n);
        c->transport->input(c, str_make(b->base, (size_t)n));
    } else if (n == UV_EOF && !c->broken) {
        c->eof = true;
        c->reading = false;
        c->protocol->eof(c);
    } else {
        conn_close(c);
    }
}

void conn_read(struct conn *c, bool on)
{
    if (c->closing || c->eof || c->reading == on) return;
    c->reading = on;
    if (!on)
        uv_read_stop(&c->uv.stream);
    else if (uv_read_start(&c->uv.stream, give_buffer, on_read) != 0)
        conn_break(c);
}

void conn_received(struct conn *c, struct str data)
{
    if (!c->closing && !c->broken) c->protocol->input(c, data);
}

/* --- the beginning --- */

static void plain_input(struct conn *c, struct str data)
{
    conn_received(c, data);
}
static void plain_finish(struct conn *c)
{
    (void)c;
}

const struct transport transport_plain = {plain_input, conn_write, plain_finish, plain_finish};

static int open_handle(struct conn *c, int fd)
{
    uv_loop_t *loop = loop_uv(c->w->loop);
    if (c->peer.local) {
        uv_pipe_init(loop, &c->uv.pipe, 0);
        return uv_pipe_open(&c->uv.pipe, fd);
    }
    uv_tcp_init(loop, &c->uv.tcp);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    return uv_tcp_open(&c->uv.tcp, fd);
}

void conn_open(struct worker *w, int fd, const struct address *peer)
{
    struct http_server *s = w->server;
    struct conn *c = mem_zero(sizeof *c);
    c->w = w;
    c->peer = *peer;
    c->trusted = network_holds(s->trusted, s->trusted_count, peer);
    c->transport = &transport_plain;
    c->protocol = &protocol_http1;
    c->deadline = DEADLINE_NONE;
    list_init(&c->link);
    buf_init(&c->left, s->config.limits.header_bytes + 2 * READ_BYTES);
    int r = open_handle(c, fd);
    c->uv.handle.data = c;
    if (r != 0) {
        close(fd);
        conn_close(c);
        return;
    }
    if (s->tls) tls_start(c, s->tls);
    conn_deadline(c, DEADLINE_HEADER, true);
    c->protocol->start(c);
    conn_read(c, true);
}
