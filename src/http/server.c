#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/internal.h"

/* One listening socket; polled by the first loop, which hands what it accepts to the worker with the fewest connections: a
 * few long ones would not spread evenly by the kernel's hashing. */
struct listener {
    struct http_server *server;
    uv_poll_t poll;
    int fd;
    bool local;
};

enum { LISTENERS_MAX = 8, ACCEPTS_PER_TICK = 64, ACCEPT_PAUSE_MS = 100, COMPLAIN_EVERY_MS = 10000 };

/* --- accepting --- */

struct handover {
    struct task task;
    struct worker *w;
    struct address peer;
    int fd;
};

static void run_handover(struct task *t)
{
    struct handover *h = list_item(t, struct handover, task);
    struct worker *w = h->w;
    if (w->closing) {
        close(h->fd);
        worker_lost_one(w);
    } else {
        worker_take(w, h->fd, &h->peer);
    }
    mem_free(h);
}

static struct worker *least_busy(struct http_server *s, size_t *total)
{
    struct worker *best = NULL;
    size_t fewest = SIZE_MAX;
    *total = 0;
    s->rotor++;
    for (size_t i = 0; i < s->workers; i++) {
        struct worker *w = &s->worker[(s->rotor + i) % s->workers];
        size_t n = atomic_load_explicit(&w->connections, memory_order_relaxed);
        *total += n;
        if (n >= fewest) continue;
        fewest = n;
        best = w;
    }
    return best;
}

static void hand_over(struct http_server *s, int fd, const struct address *peer)
{
    size_t total;
    struct worker *w = least_busy(s, &total);
    struct counters *count = &s->worker[0].count;
    if (total >= s->config.limits.connections) {
        count_add(&count->refused, 1);
        close(fd);
        return;
    }
    count_add(&count->accepted, 1);
    atomic_fetch_add(&w->connections, 1);
    if (w == &s->worker[0]) {
        worker_take(w, fd, peer);
        return;
    }
    struct handover *h = mem_alloc(sizeof *h);
    *h = (struct handover){.task.run = run_handover, .w = w, .peer = *peer, .fd = fd};
    loop_post(w->loop, &h->task);
}

static struct address peer_address(const struct sockaddr_storage *a)
{
    struct address out = {.local = a->ss_family != AF_INET && a->ss_family != AF_INET6};
    if (a->ss_family == AF_INET6) {
        memcpy(out.ip.byte, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, 16);
    } else {
        out.ip.byte[10] = out.ip.byte[11] = 0xff;
        if (!out.local) memcpy(out.ip.byte + 12, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
    }
    return out;
}

static void poll_all(struct http_server *s, bool on);

static void accept_again(struct timer *t)
{
    poll_all(list_item(t, struct http_server, accept_again), true);
}

static void pause_accepting(struct http_server *s, int why)
{
    struct loop *l = s->worker[0].loop;
    int64_t now = loop_now_ms(l);
    if (!s->complained_ms || now - s->complained_ms > COMPLAIN_EVERY_MS) {
        log_event(LOG_WARN, "http", "cannot accept", "error=\"%s\"", strerror(why));
        s->complained_ms = now;
    }
    poll_all(s, false);
    timer_set(l, &s->accept_again, ACCEPT_PAUSE_MS, accept_again);
}

static void on_connections(uv_poll_t *p, int status, int events)
{
    (void)events;
    struct listener *l = p->data;
    for (int i = 0; i < ACCEPTS_PER_TICK && status == 0; i++) {
        struct sockaddr_storage a = {0};
        socklen_t n = sizeof a;
        int fd = accept4(l->fd, (struct sockaddr *)&a, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            struct address peer = peer_address(&a);
            hand_over(l->server, fd, &peer);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN) return;
        /* No file descriptor left, most likely: the socket stays readable, so look away for a moment. */
        pause_accepting(l->server, errno);
        return;
    }
}

static void poll_all(struct http_server *s, bool on)
{
    for (size_t i = 0; i < s->listeners; i++) {
        if (on)
            uv_poll_start(&s->listener[i].poll, UV_READABLE, on_connections);
        else
            uv_poll_stop(&s->listener[i].poll);
    }
}

/* --- listening --- */

static enum err listen_fault(struct fault *f, const char *address, uint16_t port, const char *why)
{
    return fault_set(f, ERR_UNAVAILABLE, "Cannot listen on %s port %u: %s.", address, port, why);
}

static void add_listener(struct http_server *s, int fd, bool local)
{
    s->listener[s->listeners++] = (struct listener){.server = s, .fd = fd, .local = local};
}

/* -1 with errno. */
static int bind_and_listen(const struct sockaddr *a, socklen_t n)
{
    int one = 1, off = 0;
    int fd = socket(a->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (a->sa_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, a, n) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

/* A socket file that nobody listens on any more is in the way after a crash. */
static void unlink_stale(const struct sockaddr_un *a)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    if (connect(fd, (const struct sockaddr *)a, sizeof *a) != 0 && errno == ECONNREFUSED) unlink(a->sun_path);
    close(fd);
}

static enum err listen_unix(struct http_server *s, const char *path, struct fault *f)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) return listen_fault(f, path, 0, "the path is too long");
    memcpy(a.sun_path, path, strlen(path));
    unlink_stale(&a);
    int fd = bind_and_listen((const struct sockaddr *)&a, sizeof a);
    if (fd < 0) return fault_set(f, ERR_UNAVAILABLE, "Cannot listen on unix:%s: %s.", path, strerror(errno));
    add_listener(s, fd, true);
    s->unix_path = mem_alloc(strlen(path) + 1);
    memcpy(s->unix_path, path, strlen(path) + 1);
    return ERR_OK;
}

static uint16_t *port_of(struct sockaddr_storage *a)
{
    return a->ss_family == AF_INET6 ? &((struct sockaddr_in6 *)(void *)a)->sin6_port : &((struct sockaddr_in *)(void *)a)->sin_port;
}

/* A name may mean several addresses ("localhost" does); all of them get the same port. */
static enum err listen_each(struct http_server *s, const struct addrinfo *list, const char *address, uint16_t port, struct fault *f)
{
    s->port = port;
    for (const struct addrinfo *i = list; i && s->listeners < LISTENERS_MAX; i = i->ai_next) {
        struct sockaddr_storage a = {0};
        memcpy(&a, i->ai_addr, i->ai_addrlen);
        *port_of(&a) = htons(s->port);
        int fd = bind_and_listen((const struct sockaddr *)&a, i->ai_addrlen);
        /* localhost has an IPv6 address on paper where IPv6 is switched off. */
        if (fd < 0 && (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT) && (i->ai_next || s->listeners)) continue;
        if (fd < 0) return listen_fault(f, address, s->port, strerror(errno));
        socklen_t n = sizeof a;
        if (getsockname(fd, (struct sockaddr *)&a, &n) == 0) s->port = ntohs(*port_of(&a));
        add_listener(s, fd, false);
    }
    return s->listeners ? ERR_OK : listen_fault(f, address, port, "no such address");
}

static enum err listen_inet(struct http_server *s, const char *address, uint16_t port, struct fault *f)
{
    struct addrinfo hint = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list = NULL;
    int r = getaddrinfo(address, NULL, &hint, &list);
    if (r != 0) return listen_fault(f, address, port, gai_strerror(r));
    enum err e = listen_each(s, list, address, port, f);
    freeaddrinfo(list);
    return e;
}

static enum err take_trusted(struct http_server *s, const struct http_config *c, struct fault *f)
{
    s->trusted = mem_array(c->trusted_proxies + 1, sizeof *s->trusted);
    for (size_t i = 0; i < c->trusted_proxies; i++)
        if (!network_parse(c->trusted_proxy[i], &s->trusted[s->trusted_count++]))
            return fault_set(f, ERR_INVALID_PARAM, "The trusted proxy \"%.*s\" is no address, network or \"unix\".",
                             STR_FMT(c->trusted_proxy[i]));
    return ERR_OK;
}

static void free_server(struct http_server *s)
{
    for (size_t i = 0; i < s->workers; i++)
        worker_release(&s->worker[i]);
    tls_setup_free(s->tls);
    mem_free(s->worker);
    mem_free(s->listener);
    mem_free(s->trusted);
    mem_free(s->unix_path);
    mem_free(s);
}

static enum err set_up(struct http_server *s, const char *address, uint16_t port, struct fault *f)
{
    enum err e = take_trusted(s, &s->config, f);
    if (!e && s->config.tls_certificate) e = tls_setup_new(s->config.tls_certificate, s->config.tls_key, &s->tls, f);
    if (e) return e;
    return strncmp(address, "unix:", 5) == 0 ? listen_unix(s, address + 5, f) : listen_inet(s, address, port, f);
}

enum err http_listen(struct loop **loop, size_t loops, const char *address, uint16_t port, const struct http_config *config,
                     struct http_server **out, struct fault *f)
{
    signal(SIGPIPE, SIG_IGN);
    struct http_server *s = mem_zero(sizeof *s);
    s->config = *config;
    s->worker = mem_zero(loops * sizeof *s->worker);
    s->workers = loops;
    s->listener = mem_zero(LISTENERS_MAX * sizeof *s->listener);
    for (size_t i = 0; i < loops; i++)
        worker_init(&s->worker[i], s, loop[i]);
    enum err e = set_up(s, address, port, f);
    if (e) {
        for (size_t i = 0; i < s->listeners; i++)
            close(s->listener[i].fd);
        free_server(s);
        return e;
    }
    for (size_t i = 0; i < s->listeners; i++) {
        struct listener *l = &s->listener[i];
        l->poll.data = l;
        if (uv_poll_init(loop_uv(loop[0]), &l->poll, l->fd) != 0) abort();
    }
    poll_all(s, true);
    s->config.trusted_proxy = NULL; /* the caller's; copied by now */
    s->config.tls_certificate = s->config.tls_key = NULL;
    *out = s;
    return ERR_OK;
}

uint16_t http_port(const struct http_server *s)
{
    return s->port;
}

void http_reload(struct http_server *s)
{
    if (s->tls) tls_setup_reload(s->tls);
}

/* --- closing --- */

static void all_closed(struct task *t)
{
    struct http_server *s = list_item(t, struct http_server, done_task);
    void (*done)(void *arg) = s->done;
    void *arg = s->done_arg;
    free_server(s);
    if (done) done(arg);
}

void server_part_closed(struct http_server *s)
{
    if (atomic_fetch_sub(&s->still_open, 1) != 1) return;
    s->done_task.run = all_closed;
    loop_post(s->worker[0].loop, &s->done_task);
}

static void listener_closed(uv_handle_t *h)
{
    struct listener *l = h->data;
    close(l->fd);
    server_part_closed(l->server);
}

static void close_worker(struct task *t)
{
    worker_close(list_item(t, struct worker, close_task));
}

static void begin_close(struct task *t)
{
    struct http_server *s = list_item(t, struct http_server, close_task);
    timer_clear(s->worker[0].loop, &s->accept_again);
    if (s->unix_path) unlink(s->unix_path);
    for (size_t i = 0; i < s->listeners; i++)
        uv_close((uv_handle_t *)&s->listener[i].poll, listener_closed);
    /* Behind the hand-overs in each loop's queue: whatever was accepted is known to its worker by then. */
    for (size_t i = 0; i < s->workers; i++) {
        s->worker[i].close_task.run = close_worker;
        loop_post(s->worker[i].loop, &s->worker[i].close_task);
    }
}

void http_close(struct http_server *s, int64_t grace_ms, void (*done)(void *arg), void *arg)
{
    s->grace_ms = grace_ms;
    s->done = done;
    s->done_arg = arg;
    atomic_store(&s->still_open, s->workers + s->listeners);
    s->close_task.run = begin_close;
    loop_post(s->worker[0].loop, &s->close_task);
}

/* --- statistics --- */

void http_server_stats(const struct http_server *s, struct http_stats *out)
{
    *out = (struct http_stats){0};
    for (size_t i = 0; i < s->workers; i++) {
        const struct worker *w = &s->worker[i];
        out->connections_open += atomic_load_explicit(&w->connections, memory_order_relaxed);
        out->connections_accepted += atomic_load_explicit(&w->count.accepted, memory_order_relaxed);
        out->connections_refused += atomic_load_explicit(&w->count.refused, memory_order_relaxed);
        out->requests += atomic_load_explicit(&w->count.requests, memory_order_relaxed);
        out->bytes_in += atomic_load_explicit(&w->count.bytes_in, memory_order_relaxed);
        out->bytes_out += atomic_load_explicit(&w->count.bytes_out, memory_order_relaxed);
        out->bad_requests += atomic_load_explicit(&w->count.bad_requests, memory_order_relaxed);
    }
}
