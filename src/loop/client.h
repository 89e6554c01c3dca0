/* A connection to another server (a cache, a broker), from looking up its name on: TCP, plain or with TLS. On its loop's thread only; nothing waits.
 *
 * What is written is gathered, and leaves in one write at the end of the tick. A client is embedded in what it is about, and is released only when
 * its loop has been freed: until then something of it may be under way. */
#ifndef ROOKERY_LOOP_CLIENT_H
#define ROOKERY_LOOP_CLIENT_H

#include "base/buf.h"
#include "loop/loop.h"
#include "loop/socket.h"

struct client;
struct client_lookup;

struct client_ops {
    /* More bytes are in `in`; what is used up is taken off its front. May close. */
    void (*input)(struct client *c);
    /* It could not be reached, or is lost; it is closed already. `why` is a phrase for the log. */
    void (*failed)(struct client *c, const char *why);
};

struct client {
    const struct client_ops *ops;
    struct loop *loop;
    struct buf in, out; /* to write: append to `out`, then client_flush_soon; before it is connected, too */
    size_t sent;        /* of `out` */
    bool connected;     /* TCP is */
    bool distrusted;    /* when it has failed: since its certificate is not believed */
    /* client.c's */
    const char *host; /* NULL: closed */
    SSL_CTX *tls;
    struct client_lookup *lookup;
    struct addrinfo *found, *next; /* all addresses, and those not tried yet */
    struct socket socket;
    uv_poll_t *poll;
    int polled;
    struct task flush;
    bool flushing;
};

/* The two buffers' maxima; a peer that sends more than `in` takes without anything being used up has failed. */
void client_init(struct client *c, struct loop *l, const struct client_ops *ops, size_t in_max, size_t out_max);
/* After its loop has been freed. */
void client_release(struct client *c);

/* Begins; the strings and `tls` (NULL: plain) must live until it is closed. A name that cannot be one has failed before this returns. Whoever has no
 * patience closes it. */
void client_open(struct client *c, const char *host, uint16_t port, SSL_CTX *tls);
/* Without a word, and without `failed`; both buffers are empty then. Harmless on one that is closed. */
void client_close(struct client *c);
void client_flush_soon(struct client *c);
/* Takes what has arrived meanwhile, for whoever is about to say that nothing has. */
void client_look(struct client *c);

#endif
