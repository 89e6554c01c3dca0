/* A TCP proxy in the test, to one address of the loopback: connections through it can be made to stand still (both sides see nothing, as with a cable that
 * is pulled), or cut; or they lose nothing but the wish to consume from a slot's queue. */
#ifndef ROOKERY_TESTS_BROKER_PROXY_H
#define ROOKERY_TESTS_BROKER_PROXY_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROXY_PAIRS = 64 };

struct proxy {
    int listener;
    uint16_t port, to;
    pthread_t thread;
    atomic_bool stop, still, cut;
    atomic_uint lose_consumes; /* so many of the next ones; each leaves the client in one piece */
    int pair[PROXY_PAIRS][2];
    size_t pairs;
};

static inline struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static inline void proxy_take(struct proxy *p)
{
    struct sockaddr_in to = loopback(p->to);
    int in = accept(p->listener, NULL, NULL), out = socket(AF_INET, SOCK_STREAM, 0);
    if (in >= 0 && p->pairs < PROXY_PAIRS && connect(out, (struct sockaddr *)&to, sizeof to) == 0) {
        p->pair[p->pairs][0] = in;
        p->pair[p->pairs++][1] = out;
        return;
    }
    if (in >= 0) close(in);
    close(out);
}

static inline void proxy_drop(struct proxy *p, size_t i)
{
    close(p->pair[i][0]);
    close(p->pair[i][1]);
    p->pairs--;
    p->pair[i][0] = p->pair[p->pairs][0];
    p->pair[i][1] = p->pair[p->pairs][1];
}

/* Where in these bytes the frame begins (type, channel, size, basic.consume, ..., end) that wishes to consume from a slot's queue; NULL: there is none.
 * `n` becomes its length. */
static inline char *proxy_find_consume(char *bytes, size_t *n)
{
    char *end = bytes + *n, *at = bytes + 7;
    for (; at < end && (at = memmem(at, (size_t)(end - at), "\0\x3C\0\x14", 4)); at++) {
        uint32_t size;
        memcpy(&size, at - 4, sizeof size);
        size = ntohl(size);
        if (at[-7] != 1 || size >= (size_t)(end - at) || !memmem(at, size, ".slot.", 6)) continue;
        *n = 7 + size + 1;
        return at - 7;
    }
    return NULL;
}

/* How many bytes are left. */
static inline ssize_t proxy_lose_consume(struct proxy *p, char *bytes, ssize_t n)
{
    size_t length = (size_t)n;
    char *frame = proxy_find_consume(bytes, &length);
    if (!frame) return n;
    atomic_fetch_sub(&p->lose_consumes, 1);
    memmove(frame, frame + length, (size_t)(bytes + n - frame) - length);
    return n - (ssize_t)length;
}

/* False: that connection is over. */
static inline bool proxy_pass(struct proxy *p, int from, int to)
{
    char bytes[65536];
    ssize_t n = recv(from, bytes, sizeof bytes, 0);
    bool over = n <= 0;
    if (!over && atomic_load(&p->lose_consumes)) n = proxy_lose_consume(p, bytes, n);
    for (ssize_t sent = 0, k; sent < n; sent += k)
        if ((k = send(to, bytes + sent, (size_t)(n - sent), MSG_NOSIGNAL)) <= 0) return false;
    return !over;
}

static inline void proxy_round(struct proxy *p)
{
    struct pollfd fd[1 + 2 * PROXY_PAIRS] = {{.fd = p->listener, .events = POLLIN}};
    size_t pairs = p->pairs;
    for (size_t i = 0; i < 2 * pairs; i++)
        fd[1 + i] = (struct pollfd){.fd = p->pair[i / 2][i % 2], .events = POLLIN};
    poll(fd, atomic_load(&p->still) ? 1 : 1 + 2 * pairs, 10);
    for (size_t i = pairs; i-- > 0 && !atomic_load(&p->still);) {
        bool ok = true;
        for (unsigned k = 0; k < 2; k++)
            if (fd[1 + 2 * i + k].revents) ok &= proxy_pass(p, p->pair[i][k], p->pair[i][1 - k]);
        if (!ok) proxy_drop(p, i);
    }
    if (fd[0].revents) proxy_take(p);
    if (atomic_exchange(&p->cut, false))
        while (p->pairs)
            proxy_drop(p, p->pairs - 1);
}

static inline void *proxy_run(void *arg)
{
    struct proxy *p = arg;
    while (!atomic_load(&p->stop))
        proxy_round(p);
    return NULL;
}

static inline void proxy_start(struct proxy *p, uint16_t to)
{
    struct sockaddr_in at = loopback(0);
    socklen_t n = sizeof at;
    *p = (struct proxy){.listener = socket(AF_INET, SOCK_STREAM, 0), .to = to};
    assert_int_equal(bind(p->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(p->listener, 16), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&at, &n), 0);
    p->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&p->thread, NULL, proxy_run, p), 0);
}

static inline void proxy_stop(struct proxy *p)
{
    atomic_store(&p->stop, true);
    pthread_join(p->thread, NULL);
    while (p->pairs)
        proxy_drop(p, p->pairs - 1);
    close(p->listener);
}

#endif
