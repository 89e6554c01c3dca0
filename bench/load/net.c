#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proc.h"

enum { SCRATCH = 1 << 20, OUT_MAX = 1 << 20, IN_MAX = 256 << 20, EVENTS = 512 };

void die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("rookery-load: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void net_init(struct net *n, const char *url)
{
    *n = (struct net){.epoll = epoll_create1(EPOLL_CLOEXEC)};
    for (const char *at = url; at; at = strchr(at, ',')) {
        if (*at == ',') at++;
        if (n->addresses == NET_ADDRESSES) die("more than %d addresses", NET_ADDRESSES);
        if (sscanf(at, "http://%127[^:/,]:%7[0-9]", n->address[n->addresses].host, n->address[n->addresses].port) != 2)
            die("an address must look like http://127.0.0.1:8008");
        n->addresses++;
    }
    n->scratch = mem_alloc(SCRATCH);
}

void net_release(struct net *n)
{
    close(n->epoll);
    mem_free(n->scratch);
}

struct conn *conns_new(struct net *n, size_t count)
{
    struct conn *c = mem_array(count, sizeof *c);
    for (size_t i = 0; i < count; i++) {
        c[i] = (struct conn){.net = n, .fd = -1, .index = i, .address = i % n->addresses};
        buf_init(&c[i].out, OUT_MAX);
        buf_init(&c[i].in, IN_MAX);
    }
    return c;
}

static void conn_close(struct conn *c)
{
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
}

void conns_free(struct conn *c, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        conn_close(&c[i]);
        buf_release(&c[i].out);
        buf_release(&c[i].in);
    }
    mem_free(c);
}

static void conn_open(struct conn *c)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    const char *host = c->net->address[c->address].host, *port = c->net->address[c->address].port;
    if (getaddrinfo(host, port, &hints, &found) != 0) die("%s: no such host", host);
    c->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket: %s", strerror(errno));
    if (connect(c->fd, found->ai_addr, found->ai_addrlen) != 0) die("%s:%s: %s", host, port, strerror(errno));
    freeaddrinfo(found);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(c->net->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0) die("epoll: %s", strerror(errno));
    c->fresh = true;
}

static void conn_write(struct conn *c)
{
    while (c->out_at < c->out.n) {
        ssize_t n = send(c->fd, c->out.p + c->out_at, c->out.n - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return; /* EAGAIN: there will be an event; anything else shows when reading */
        c->out_at += (size_t)n;
    }
}

void conn_send(struct conn *c, conn_done *done)
{
    if (c->busy) die("a connection has one request at a time");
    if (!buf_ok(&c->out)) die("the request is too large");
    c->busy = true;
    c->done = done;
    c->out_at = 0;
    c->fresh = false;
    if (c->fd < 0) conn_open(c);
    conn_write(c);
}

void conn_request(struct conn *c, const char *method, const char *path, const char *token, const char *body)
{
    buf_clear(&c->out);
    buf_printf(&c->out, "%s %s HTTP/1.1\r\nHost: %s:%s\r\n", method, path, c->net->address[c->address].host,
               c->net->address[c->address].port);
    if (token) buf_printf(&c->out, "Authorization: Bearer %s\r\n", token);
    if (body) buf_printf(&c->out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    buf_add(&c->out, STR("\r\n"));
    if (body) buf_add(&c->out, str_c(body));
}

/* --- responses --- */

struct head {
    size_t length, body;
    int status;
    bool chunked, close;
};

static bool head_parse(struct str in, struct head *h)
{
    const char *end = memmem(in.p, in.n, "\r\n\r\n", 4);
    if (!end) return false;
    *h = (struct head){.length = (size_t)(end - in.p) + 4};
    if (in.n < 12 || memcmp(in.p, "HTTP/1.", 7) != 0) die("that is no HTTP: %.*s", (int)(in.n < 40 ? in.n : 40), in.p);
    h->status = (in.p[9] - '0') * 100 + (in.p[10] - '0') * 10 + in.p[11] - '0';
    for (const char *p = in.p; p < end;) {
        p = (const char *)memchr(p, '\n', (size_t)(end + 2 - p)) + 1;
        if (strncasecmp(p, "content-length:", 15) == 0) h->body = strtoul(p + 15, NULL, 10);
        if (strncasecmp(p, "transfer-encoding: chunked", 26) == 0) h->chunked = true;
        if (strncasecmp(p, "connection: close", 17) == 0) h->close = true;
    }
    return true;
}

/* Decodes in place, once all is there. */
static bool chunks_decode(char *p, size_t n, size_t *length)
{
    if (n < 5 || memcmp(p + n - 5, "0\r\n\r\n", 5) != 0) return false;
    size_t at = 0, out = 0;
    for (;;) {
        char *stop;
        size_t size = strtoul(p + at, &stop, 16);
        const char *line = memchr(p + at, '\n', n - at);
        if (stop == p + at || !line) die("broken chunks");
        at = (size_t)(line - p) + 1;
        if (size == 0) break;
        if (size > n - at) return false; /* the last five bytes were data */
        memmove(p + out, p + at, size);
        out += size;
        at += size + 2;
        if (at >= n) die("broken chunks");
    }
    *length = out;
    return true;
}

/* False: more bytes are needed. */
static bool conn_answer(struct conn *c, char *p, size_t n)
{
    struct head h;
    if (!head_parse(str_make(p, n), &h)) return false;
    if (h.chunked && !chunks_decode(p + h.length, n - h.length, &h.body)) return false;
    if (n - h.length < h.body) return false;
    if (h.close) conn_close(c);
    c->busy = false;
    c->done(c, h.status, str_make(p + h.length, h.body));
    return true;
}

static void conn_ended(struct conn *c, const char *why)
{
    conn_close(c);
    if (!c->busy) return;
    if (c->fresh || c->in.n) die("the server closed a connection instead of answering (%s)", why);
    c->out_at = 0; /* it had been idle for too long: the same again on a new one */
    conn_open(c);
    conn_write(c);
}

static void conn_read(struct conn *c)
{
    for (;;) {
        ssize_t n = recv(c->fd, c->net->scratch, SCRATCH, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            conn_ended(c, n < 0 ? strerror(errno) : "end");
            return;
        }
        if (!c->busy) die("bytes from the server that nobody asked for");
        bool whole = n < SCRATCH;
        if (c->in.n == 0 && conn_answer(c, c->net->scratch, (size_t)n)) return;
        buf_add(&c->in, str_make(c->net->scratch, (size_t)n));
        if (!buf_ok(&c->in)) die("a response is too large");
        struct buf in = c->in;
        if (memcmp(in.p, "HTTP", in.n < 4 ? in.n : 4) != 0) die("that is no HTTP");
        buf_init(&c->in, IN_MAX); /* the callback may send the next request; its answer begins an empty buffer */
        if (conn_answer(c, in.p, in.n)) {
            buf_release(&in);
            return;
        }
        c->in = in;
        if (whole) return;
    }
}

void net_run(struct net *n, int64_t until_us)
{
    struct epoll_event ev[EVENTS];
    for (n->stop = false; !n->stop;) {
        int64_t now = now_us(), wake = until_us;
        if (now >= until_us) break;
        int64_t next = n->tick ? n->tick(n->tick_ctx, now) : INT64_MAX;
        if (n->stop) break;
        if (next < wake) wake = next;
        int64_t wait = wake > now ? wake - now : 0;
        if (wait > 3600000000) wait = 3600000000;
        struct timespec t = {wait / 1000000, wait % 1000000 * 1000};
        int count = epoll_pwait2(n->epoll, ev, EVENTS, &t, NULL);
        for (int i = 0; i < count; i++) {
            struct conn *c = ev[i].data.ptr;
            if (ev[i].events & EPOLLOUT && c->busy) conn_write(c);
            if (ev[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) && c->fd >= 0) conn_read(c);
        }
    }
    n->stop = false;
}
