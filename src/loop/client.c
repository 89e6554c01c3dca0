#include "loop/client.h"

#include <netdb.h>

enum { READ_BYTES = 64 * 1024, READS_AT_ONCE = 8, KEPT_BYTES = 256 * 1024 };

struct client_lookup {
    uv_getaddrinfo_t request;
    struct client *client; /* NULL: nobody waits for it any more */
};

void client_init(struct client *c, struct loop *l, const struct client_ops *ops, size_t in_max, size_t out_max)
{
    *c = (struct client){.ops = ops, .loop = l, .socket = {.fd = -1}};
    buf_init(&c->in, in_max);
    buf_init(&c->out, out_max);
}

void client_release(struct client *c)
{
    socket_close(&c->socket);
    mem_free(c->poll); /* the loop has closed it */
    if (c->found) uv_freeaddrinfo(c->found);
    buf_release(&c->in);
    buf_release(&c->out);
}

static void free_poll(uv_handle_t *h)
{
    mem_free(h);
}

static void disconnect(struct client *c)
{
    if (c->poll) {
        uv_poll_stop(c->poll);
        c->poll->data = NULL;
        uv_close((uv_handle_t *)c->poll, free_poll);
    }
    c->poll = NULL;
    c->polled = 0;
    c->connected = false;
    socket_close(&c->socket);
}

void client_close(struct client *c)
{
    disconnect(c);
    if (c->lookup) c->lookup->client = NULL;
    c->lookup = NULL;
    if (c->found) uv_freeaddrinfo(c->found);
    c->found = c->next = NULL;
    c->host = NULL;
    buf_clear(&c->in);
    buf_clear(&c->out);
    c->sent = 0;
}

static void fail(struct client *c, const char *why)
{
    client_close(c);
    c->ops->failed(c, why);
}

static void fail_of_socket(struct client *c)
{
    char why[160];
    socket_fault(&c->socket, why, sizeof why);
    c->distrusted = socket_is_distrusted(&c->socket);
    fail(c, why);
}

/* --- bytes --- */

static void ready(uv_poll_t *p, int status, int events);

static void listen_for(struct client *c, int events)
{
    if (c->polled == events || !c->poll) return;
    c->polled = events;
    uv_poll_start(c->poll, events, ready);
}

/* What one large answer needed is not kept for all the small ones. */
static void tidy(struct buf *b)
{
    if (b->n || b->cap <= KEPT_BYTES) return;
    size_t max = b->max;
    buf_release(b);
    buf_init(b, max);
}

static void flush(struct client *c)
{
    while (c->sent < c->out.n) {
        ssize_t n = socket_write(&c->socket, c->out.p + c->sent, c->out.n - c->sent);
        if (n < 0) {
            fail_of_socket(c);
            return;
        }
        if (n == 0) break;
        c->sent += (size_t)n;
    }
    bool waiting = c->sent < c->out.n;
    if (!waiting || c->sent > c->out.n / 2) {
        buf_shift(&c->out, c->sent);
        c->sent = 0;
        tidy(&c->out);
    }
    /* TLS that has not greeted yet waits for the other side; reading goes on with it. */
    bool may_write = !c->socket.ssl || SSL_is_init_finished(c->socket.ssl);
    listen_for(c, UV_READABLE | (waiting && may_write ? UV_WRITABLE : 0));
}

static void flush_deferred(struct task *t)
{
    struct client *c = list_item(t, struct client, flush);
    c->flushing = false;
    if (c->connected) flush(c);
}

void client_flush_soon(struct client *c)
{
    if (c->flushing) return;
    c->flushing = true;
    c->flush.run = flush_deferred;
    loop_defer(c->loop, &c->flush);
}

void client_look(struct client *c)
{
    /* What OpenSSL has read ahead no poll tells of: so it is read to the end. */
    for (unsigned i = 0; c->connected && (c->socket.ssl || i < READS_AT_ONCE); i++) {
        char *room = buf_room(&c->in, READ_BYTES);
        if (!room) {
            fail(c, "it says more than was asked for");
            return;
        }
        ssize_t n = socket_read(&c->socket, room, READ_BYTES);
        if (n < 0) fail_of_socket(c);
        if (n <= 0) return;
        buf_added(&c->in, (size_t)n);
        c->ops->input(c);
        tidy(&c->in);
        if (c->connected && !c->socket.ssl && n < READ_BYTES) return;
    }
}

/* --- reaching it --- */

static void try_next(struct client *c);

static void connected(struct client *c)
{
    int e = socket_error(&c->socket);
    if (e && c->next) {
        try_next(c);
    } else if (e) {
        fail(c, strerror(e));
    } else {
        c->connected = true;
        if (c->tls) socket_secure(&c->socket, c->tls, c->host);
        flush(c);
    }
}

static void ready(uv_poll_t *p, int status, int events)
{
    struct client *c = p->data;
    if (!c) return;
    if (!c->connected)
        connected(c);
    else if (status < 0 || events & UV_READABLE)
        client_look(c); /* of an error, too, reading knows more than libuv does */
    if (c->connected && status < 0)
        fail(c, uv_strerror(status));
    else if (c->connected)
        client_flush_soon(c);
}

static void try_next(struct client *c)
{
    int e = EADDRNOTAVAIL;
    disconnect(c);
    while (e && c->next) {
        struct addrinfo *at = c->next;
        c->next = at->ai_next;
        e = socket_connect(&c->socket, at->ai_addr, at->ai_addrlen);
    }
    if (e) {
        fail(c, strerror(e));
        return;
    }
    c->poll = mem_zero(sizeof *c->poll);
    if (uv_poll_init(loop_uv(c->loop), c->poll, c->socket.fd) != 0) abort();
    c->poll->data = c;
    listen_for(c, UV_WRITABLE);
}

static void fail_lookup(struct client *c, int status)
{
    char why[160];
    snprintf(why, sizeof why, "its name cannot be looked up: %s", uv_strerror(status));
    fail(c, why);
}

static void looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct client_lookup *k = list_item(request, struct client_lookup, request);
    struct client *c = k->client;
    mem_free(k);
    if (!c) {
        uv_freeaddrinfo(found);
        return;
    }
    c->lookup = NULL;
    c->found = c->next = found;
    if (status == 0)
        try_next(c);
    else
        fail_lookup(c, status);
}

void client_open(struct client *c, const char *host, uint16_t port, SSL_CTX *tls)
{
    struct client_lookup *k = mem_zero(sizeof *k);
    struct addrinfo want = {.ai_socktype = SOCK_STREAM};
    char service[8];
    c->host = host;
    c->tls = tls;
    c->distrusted = false;
    c->lookup = k;
    k->client = c;
    snprintf(service, sizeof service, "%u", port);
    int e = uv_getaddrinfo(loop_uv(c->loop), &k->request, looked_up, host, service, &want);
    if (e == 0) return;
    c->lookup = NULL;
    mem_free(k);
    fail_lookup(c, e);
}
