/* The little of Matrix that the measurements need: users, rooms, and many requests of one kind over some connections. */
#ifndef ROOKERY_LOAD_MATRIX_H
#define ROOKERY_LOAD_MATRIX_H

#include "hist.h"
#include "net.h"

struct user {
    char *id, *token;
};
struct world {
    struct net net;
    const char *run; /* part of all names, so that a server can be measured twice */
    struct user *users;
    size_t user_count;
    char **rooms; /* percent-encoded, for paths */
    size_t room_count;
};

/* Requests of one kind. `build` writes the request of job `i` with conn_request; `answer` (may be NULL) sees its response.
 * A status other than 200 ends the program, unless failures are counted. */
struct batch {
    size_t jobs;      /* SIZE_MAX: until the time is over */
    int64_t until_us; /* no new job after this; 0: no limit */
    size_t connections;
    double rate; /* jobs per second, at intended times; 0: as fast as answers come */
    void (*build)(void *ctx, size_t i, struct conn *c);
    void (*answer)(void *ctx, size_t i, struct str body);
    void *ctx;
    bool count_failed;
    /* results */
    struct hist hist; /* from the time a request was meant to be sent to its answer */
    size_t done, failed;
    double seconds;
};
void batch_run(struct net *n, struct batch *b);

void world_init(struct world *w, const char *url);
void world_release(struct world *w);
/* More users (named by the run), each with a token. */
void world_register(struct world *w, size_t count);
/* More rooms, public; room `r` is made by user `r * stride`. */
void world_rooms(struct world *w, size_t count, size_t stride);
/* Users first..first+count-1 join the room. */
void world_join(struct world *w, size_t room, size_t first, size_t count);

/* The value of the first member `key` that is a plain string; a null slice when there is none. */
struct str field(struct str json, const char *key);
char *copy(struct str s);
/* c->out: a 200-byte message of `user` into `room`, whose body begins with `mark`. `txn` is new for each. */
void request_send(struct conn *c, const struct world *w, size_t user, size_t room, size_t txn, const char *mark);
/* c->out: a sync; `since` may be NULL (at the first). Timelines may hold 200 events. */
void request_sync(struct conn *c, const struct user *u, const char *since, int timeout_ms);
void expect_ok(int status, struct str body, const char *what);
/* A request that failed and is counted: what it was answered, to stderr. */
void say_failed(const char *what, int status, struct str body);

#endif
