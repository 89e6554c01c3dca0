/* A loop's connection to Redis: finds it, says who we are, asks, and takes it for away when it does not answer in time. */
#ifndef ROOKERY_CACHE_REDIS_LINK_H
#define ROOKERY_CACHE_REDIS_LINK_H

#include "base/arena.h"
#include "base/url.h"
#include "cache/redis/resp.h"
#include "loop/client.h"

/* What all links of a cache have in common. */
struct link_config {
    struct url url;
    uint16_t port;
    SSL_CTX *tls; /* NULL: plain */
    int64_t patience_ms;
    atomic_bool told; /* that it is away: one line in the log, not one of each loop */
};

enum link_state {
    LINK_NEW,
    LINK_REACHING, /* up to the answers to who we are */
    LINK_OPEN,
    LINK_RESTING /* until it is tried again */
};

struct link {
    struct link_config *config;
    enum link_state state;
    struct client client;
    struct task begin;
    struct timer pace;     /* REACHING: when that has taken too long; RESTING: when to try again */
    struct timer patience; /* of the call that has waited longest */
    struct list calls;     /* in the order of their answers */
    unsigned greetings;    /* answers to come before those */
    unsigned failures;     /* since a call was answered last */
    uint64_t unanswered;   /* base/stat.h */
};

void link_init(struct link *l, struct link_config *c, struct loop *loop);
/* After its loop has been freed. */
void link_release(struct link *l);
void link_begin(struct link *l);

/* Waits. False: nobody has answered. Otherwise *out is the answer (an error may be one), its text in the arena. */
must_use bool link_ask(struct link *l, const struct str *arg, size_t args, struct arena *a, struct resp *out);

#endif
