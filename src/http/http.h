/* HTTP as the layers above see it: one request, one response, whatever the version or transport.
 *
 * The server accepts connections (http_listen), parses, and calls the handler on the loop of the connection when the headers
 * are complete. From then on the request is the handler's until it has responded; after http_respond/http_end it must
 * not be touched. A request stays valid until then even if its client goes away: `gone` is called once to tell the handler, which
 * may go on, and still responds (or ends) exactly once: that only frees it. A body that is waited for then never comes (without a
 * `gone` its end is told instead, with ERR_UNAVAILABLE); `drained` is still called.
 *
 * Calls on a request are made on its loop, from the handler, a fiber or a timer. None of them runs `gone`, `drained` or another
 * handler before it returns. A client that half-closes its connection is answered, unless its request waits (http_wait): one
 * that goes away in the middle of a long poll looks just the same. */
#ifndef ROOKERY_HTTP_HTTP_H
#define ROOKERY_HTTP_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "loop/loop.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS, HTTP_PATCH, HTTP_OTHER };

struct http_header {
    struct str name, value;
};

struct http_request {
    enum http_method method;
    struct str path;  /* raw, still percent-encoded, begins with '/' */
    struct str query; /* raw, without '?' */
    const struct http_header *header;
    size_t header_count;
    struct str body;      /* after http_read_body's callback */
    struct str client_ip; /* behind trusted proxies: what they say; "unix" for a unix socket without a word of that */
    char id[17];          /* request id for the log: 16 hex digits */
    struct arena *arena;  /* lives as long as the request, or until http_wait */
    struct loop *loop;
    void *user; /* the handler's */
    /* Called when the client has gone before the response was complete; the handler still calls http_respond or http_end, in it or
     * later. Set by the handler; may be NULL. */
    void (*gone)(struct http_request *r);
};

/* First header of that name (ASCII case-insensitive); a null slice when absent. */
struct str http_header_get(const struct http_request *r, struct str name);

/* Gathers the body, at most `max` bytes, then calls `ready` (possibly before returning): OK, or TOO_LARGE (the
 * connection is closed after the response). On the connection's end `gone` is called instead. */
void http_read_body(struct http_request *r, size_t max, void (*ready)(struct http_request *r, enum err e));
/* Hands the body over in pieces as it arrives, each valid during the call only; `piece` returns false to pause until
 * http_resume_body. The end is a call with an empty slice and OK; TOO_LARGE when it passes `max`. */
void http_stream_body(struct http_request *r, size_t max, bool (*piece)(struct http_request *r, struct str data, enum err e));
void http_resume_body(struct http_request *r);

/* Frees the arena, the headers and all else that a request which waits for long does not need; only `user`, `loop`,
 * `id` and `gone` stay valid. For /sync. */
void http_wait(struct http_request *r);

/* The whole response; `body` is copied or sent before it returns. content-length is added, and date, so that `header` has neither
 * these nor connection or transfer-encoding; names are in lower case. A header whose value has control characters is left out. */
void http_respond(struct http_request *r, int status, const struct http_header *header, size_t header_count, struct str body);
/* The same with pieces that are sent one after another without being joined first; copied or sent before it returns. */
void http_respond_pieces(struct http_request *r, int status, const struct http_header *header, size_t header_count, const struct str *piece,
                         size_t pieces);
/* A response of known length whose body follows by http_send, a piece at a time: the bytes stay as they are until `drained` is called, or
 * the client has gone. Then the next piece is sent; or, after the last one, http_end called. */
void http_begin(struct http_request *r, int status, const struct http_header *header, size_t header_count, uint64_t length);
void http_send(struct http_request *r, struct str data, void (*drained)(struct http_request *r));
void http_end(struct http_request *r);

/* --- server --- */
struct http_limits {     /* a time of 0 is no limit */
    size_t header_bytes; /* request line and headers together; also how much is read ahead of a response */
    size_t connections;  /* of this server; more are closed at once */
    int64_t header_ms;   /* from the first byte (or accept) to the end of the headers */
    int64_t body_ms;     /* longest pause while a body is awaited, or a response is not taken */
    int64_t idle_ms;     /* keep-alive */
    size_t pipelined;    /* requests of one connection that are handled before the others have their turn */
    size_t output_bytes; /* unsent bytes of a connection; one response may pass it, the next one closes the connection */
};

struct http_config {
    struct http_limits limits;
    const struct str *trusted_proxy; /* addresses, CIDR networks or "unix", whose X-Forwarded-For (or else Forwarded) counts */
    size_t trusted_proxies;
    const char *tls_certificate, *tls_key; /* PEM files; NULL: no TLS. Read again on http_reload. ALPN offers h2. */
    /* Called on the connection's loop. */
    void (*handler)(void *ctx, struct http_request *r);
    void *ctx;
};

struct http_stats {
    uint64_t connections_open, connections_accepted, connections_refused, requests, bytes_in, bytes_out, bad_requests;
};

struct http_server;
/* Serves `address` (IPv4, IPv6, a name or "unix:/path") and `port` (0: any free one) on all the loops: each accepted connection
 * belongs to one loop, that with the fewest. Called before the loops run, or on the first loop. The sentence of the fault names
 * address and port. `config` and what it points to is copied. SIGPIPE is ignored from then on: libuv writes with plain write(). */
must_use enum err http_listen(struct loop **loop, size_t loops, const char *address, uint16_t port, const struct http_config *config,
                              struct http_server **out, struct fault *f);
uint16_t http_port(const struct http_server *s);
/* Reads certificate and key again; the old ones stay when the new ones are wrong (logged). Any thread. */
void http_reload(struct http_server *s);
/* Stops accepting, closes idle connections, lets running requests end up to `grace_ms`, closes the rest, and calls done on the first
 * loop when every request has been responded to. From any thread; `s` is freed. */
void http_close(struct http_server *s, int64_t grace_ms, void (*done)(void *arg), void *arg);
void http_server_stats(const struct http_server *s, struct http_stats *out);

/* --- small things for handlers --- */
/* Percent-decoded path segment or query value, in the arena; false on a bad escape. `plus` makes '+' a space (queries). */
must_use bool http_decode(struct arena *a, struct str in, bool plus, struct str *out);
/* First value of a query parameter, decoded; null slice when absent. A bare '?' and odd pieces are ignored. */
struct str http_query(struct arena *a, struct str query, struct str name);
/* Calls `each` for every value of the parameter, in order. */
void http_query_each(struct arena *a, struct str query, struct str name, void (*each)(void *arg, struct str value), void *arg);
const char *http_method_name(enum http_method m);

#endif
