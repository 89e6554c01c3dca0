/* A small HTTP/1.1 client on epoll: many connections, one request at a time on each, kept alive; to one server, or to several in turn.
 *
 * One thread. Whatever a run cannot go on without (a server that does not answer, a broken response) ends the program with a sentence:
 * a measurement with holes is worth nothing. */
#ifndef ROOKERY_LOAD_NET_H
#define ROOKERY_LOAD_NET_H

#include "base/buf.h"

enum { NET_ADDRESSES = 16 };

struct conn;
/* The connection is free for the next request when this is called. `body` lives until it returns. */
typedef void conn_done(struct conn *c, int status, struct str body);

struct net {
    int epoll;
    struct {
        char host[128], port[8];
    } address[NET_ADDRESSES];
    size_t addresses;
    char *scratch;
    bool stop;
    /* Called once in each round; returns when it wants to be called again, at the latest (or INT64_MAX). NULL: never. */
    int64_t (*tick)(void *ctx, int64_t now);
    void *tick_ctx;
};

struct conn {
    struct net *net;
    int fd; /* -1: closed */
    bool busy, fresh;
    size_t index;   /* free for the user, as is ctx */
    size_t address; /* where it goes: at first that of its index, in turn; may be changed while it is closed */
    void *ctx;
    int64_t due; /* when the request was meant to be sent; the user sets it before conn_send */
    conn_done *done;
    struct buf out, in;
    size_t out_at;
};

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* `url` is http://HOST:PORT without a path, or several, separated by commas. */
void net_init(struct net *n, const char *url);
void net_release(struct net *n);
/* Until n->stop is set (then it is unset) or the time has come. */
void net_run(struct net *n, int64_t until_us);

struct conn *conns_new(struct net *n, size_t count);
void conns_free(struct conn *c, size_t count);
/* Sends what is in c->out, a whole request. Opens the connection when it is closed. */
void conn_send(struct conn *c, conn_done *done);
/* Writes a request to c->out. `token` and `body` may be NULL. */
void conn_request(struct conn *c, const char *method, const char *path, const char *token, const char *body);

#endif
