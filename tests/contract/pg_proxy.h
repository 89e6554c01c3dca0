/* Stands between a store and PostgreSQL, on a unix socket in a folder of its own, and loses what the test tells it to. */
#ifndef ROOKERY_TESTS_CONTRACT_PG_PROXY_H
#define ROOKERY_TESTS_CONTRACT_PG_PROXY_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PROXY_PAIRS = 16 };

struct proxy {
    char front[108], back[108]; /* sockets */
    int listener;
    int pair[PROXY_PAIRS][2]; /* client, server; -1: free */
    pthread_t thread;
    atomic_bool drop_questions, drop_answers; /* instead of passing them on */
    atomic_bool drop_begins;                  /* questions that begin a transaction */
    atomic_bool cut;                          /* all connections, once */
    atomic_bool stop;
    atomic_ulong dropped; /* bytes */
};

static inline void proxy_hang_up(int pair[2])
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0) close(pair[i]);
        pair[i] = -1;
    }
}

static inline int proxy_socket(const char *path, struct sockaddr_un *at)
{
    *at = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(at->sun_path, path, strlen(path) + 1);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static inline void proxy_accept(struct proxy *p)
{
    struct sockaddr_un at;
    int client = accept(p->listener, NULL, NULL), server = proxy_socket(p->back, &at);
    for (int i = 0; client >= 0 && i < PROXY_PAIRS; i++) {
        if (p->pair[i][0] >= 0) continue;
        if (connect(server, (struct sockaddr *)&at, sizeof at) != 0) break;
        p->pair[i][0] = client;
        p->pair[i][1] = server;
        return;
    }
    close(client);
    close(server);
}

static inline void proxy_pass(struct proxy *p, int pair[2], int from)
{
    char bytes[65536];
    ssize_t n = read(pair[from], bytes, sizeof bytes);
    bool drop = from == 0 ? p->drop_questions : p->drop_answers;
    if (from == 0 && p->drop_begins) drop |= n > 0 && memmem(bytes, (size_t)n, "BEGIN", 5) != NULL;
    if (n > 0 && drop) {
        atomic_fetch_add(&p->dropped, (unsigned long)n);
        return;
    }
    for (ssize_t done = 0, k; done < n; done += k) {
        k = write(pair[1 - from], bytes + done, (size_t)(n - done));
        if (k <= 0) n = -1;
    }
    if (n <= 0) proxy_hang_up(pair);
}

static inline void *proxy_main(void *arg)
{
    struct proxy *p = arg;
    while (!p->stop) {
        struct pollfd f[1 + 2 * PROXY_PAIRS] = {{.fd = p->listener, .events = POLLIN}};
        for (int i = 0; i < 2 * PROXY_PAIRS; i++)
            f[i + 1] = (struct pollfd){.fd = p->pair[i / 2][i % 2], .events = POLLIN};
        poll(f, 1 + 2 * PROXY_PAIRS, 2);
        for (int i = 0; atomic_load(&p->cut) && i < PROXY_PAIRS; i++)
            proxy_hang_up(p->pair[i]);
        atomic_store(&p->cut, false);
        if (f[0].revents) proxy_accept(p);
        for (int i = 0; i < 2 * PROXY_PAIRS; i++)
            if (f[i + 1].revents && p->pair[i / 2][i % 2] == f[i + 1].fd) proxy_pass(p, p->pair[i / 2], i % 2);
    }
    return NULL;
}

/* `folder` is there and empty; the server's socket is in `server`. */
static inline void proxy_start(struct proxy *p, const char *folder, const char *server)
{
    struct sockaddr_un at;
    *p = (struct proxy){0};
    memset(p->pair, -1, sizeof p->pair);
    int front = snprintf(p->front, sizeof p->front, "%s/.s.PGSQL.5432", folder);
    int back = snprintf(p->back, sizeof p->back, "%s/.s.PGSQL.5432", server);
    if (front >= (int)sizeof p->front || back >= (int)sizeof p->back) abort();
    p->listener = proxy_socket(p->front, &at);
    if (bind(p->listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(p->listener, 16) != 0) abort();
    pthread_create(&p->thread, NULL, proxy_main, p);
}

/* All connections, now. */
static inline void proxy_cut(struct proxy *p)
{
    atomic_store(&p->cut, true);
    while (atomic_load(&p->cut))
        usleep(1000);
}

static inline void proxy_stop(struct proxy *p)
{
    p->stop = true;
    pthread_join(p->thread, NULL);
    for (int i = 0; i < PROXY_PAIRS; i++)
        proxy_hang_up(p->pair[i]);
    close(p->listener);
    unlink(p->front);
}

#endif
