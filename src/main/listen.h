/* Addresses as settings write them. */
#ifndef ROOKERY_MAIN_LISTEN_H
#define ROOKERY_MAIN_LISTEN_H

#include "base/arena.h"
#include "base/err.h"

/* Where to listen, in the form that http_listen takes. */
struct listen_address {
    const char *host; /* IPv4 or IPv6 without brackets, or "unix:/path"; in the arena */
    uint16_t port;    /* 0: any free one */
    bool local;       /* only this machine can reach it */
};

/* "127.0.0.1:8008", "[::1]:8008", "localhost:8008", "unix:/run/rookery.sock". */
must_use enum err listen_parse(struct arena *a, struct str text, struct listen_address *out, struct fault *f);

/* "10.0.0.0/8", "192.0.2.1", "::1", "fd00::/8", or "unix" for peers on a unix socket. */
bool network_is_valid(struct str text);

#endif
