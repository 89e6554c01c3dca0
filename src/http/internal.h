/* What the parts of src/http share. From the socket upwards:
 *
 *   server.c      listens, accepts, gives each connection to the worker with the fewest; one worker per loop
 *   worker.c      what the connections of a loop share: read buffer, pools, deadlines, date
 *   connection.c  one connection: reading, writing, its end. Knows neither TLS nor HTTP
 *   transport     what the bytes on the socket are: plain, or TLS (tls.c)
 *   protocol      http1.c or http2.c: bytes to requests, responses to bytes
 *   exchange.c    one request and its response, whatever the protocol; what http.h promises
 *
 * A call from above (http_respond and the like) never calls back into the handler before it returns: what it finds out (the
 * client is gone, there is room again) is told from the loop. So `gone` never surprises code that is using its request. */
#ifndef ROOKERY_HTTP_INTERNAL_H
#define ROOKERY_HTTP_INTERNAL_H

#include <netinet/in.h>

#include "base/log.h"
#include "base/random.h"
#include "http/http.h"
#include "http/http1_parse.h"

enum {
    READ_BYTES = 65536, /* one buffer per loop, for all its connections */
    CORK_BYTES = 16384, /* what the answers to one read may gather before they are sent */
    DRAIN_BYTES = 65536 /* of an unwanted body are read to keep a connection; for more it is closed */
};

/* --- addresses (address.c) --- */
struct ip {
    unsigned char byte[16]; /* IPv4 as ::ffff:a.b.c.d */
};
struct network {
    struct ip ip;
    unsigned bits;
    bool local; /* peers on a unix socket */
};
struct address {
    struct ip ip;
    bool local;
};
enum { ADDRESS_TEXT = 46 };
bool ip_parse(struct str text, struct ip *out);
/* NUL-terminated; returns the length. */
size_t ip_text(const struct ip *ip, char out[ADDRESS_TEXT]);
/* "10.0.0.0/8", "::1", "unix". */
bool network_parse(struct str text, struct network *out);
bool network_holds(const struct network *n, size_t count, const struct address *a);
/* Who the client is: the rightmost address in X-Forwarded-For, or else Forwarded, that is no trusted proxy. */
struct ip forwarded_client(const struct http_header *h, size_t n, const struct network *trusted, size_t networks, struct ip peer);

/* --- server and workers --- */
/* Each kind's list is in order of time, because all its members wait equally long. */
enum deadline { DEADLINE_HEADER, DEADLINE_BODY, DEADLINE_IDLE, DEADLINE_LINGER, DEADLINE_NONE, DEADLINES };

struct counters {
    atomic_uint_fast64_t accepted, refused, requests, bytes_in, bytes_out, bad_requests;
};

/* A server's share of one loop. */
struct worker {
    struct http_server *server;
    struct loop *loop;
    struct counters count;     /* written by this loop only, except accepted and refused: by the accepting one */
    atomic_size_t connections; /* given to this worker and not ended */
    size_t exchanges;          /* handed out and not responded to, with or without a client */
    struct list deadline[DEADLINES];
    struct timer sweep;
    char *read;                       /* READ_BYTES */
    struct conn *corked;              /* whose output gathers in `cork` until the read has been handled */
    struct buf cork, head;            /* head: of the response that is being written */
    struct buf plain, record, cipher; /* TLS, see tls.c */
    struct arena *spare[64];
    size_t spares;
    struct http_header header[HTTP1_HEADERS_MAX]; /* of the head that is being parsed */
    char date[40];                                /* "date: ...\r\n" */
    int64_t date_at_ms;
    uint64_t next_id;
    bool started, closing, closed;
    struct task close_task;
    struct timer grace;
};

struct http_server {
    struct http_config config;
    struct network *trusted;
    size_t trusted_count;
    struct worker *worker;
    size_t workers;
    struct tls_setup *tls; /* NULL: plain */
    struct listener *listener;
    size_t listeners, rotor;
    uint16_t port;
    char *unix_path;
    struct timer accept_again; /* after running out of file descriptors */
    int64_t complained_ms;     /* of that, in the log */
    int64_t grace_ms;
    atomic_size_t still_open; /* workers and listeners that http_close waits for */
    struct task close_task, done_task;
    void (*done)(void *arg);
    void *done_arg;
};

void worker_init(struct worker *w, struct http_server *s, struct loop *l);
void worker_release(struct worker *w);
/* On the worker's loop: takes an accepted socket. */
void worker_take(struct worker *w, int fd, const struct address *peer);
/* On the worker's loop: no request begins any more. */
void worker_close(struct worker *w);
/* A connection has ended. */
void worker_lost_one(struct worker *w);
/* When it closes and nothing is left, reports that to the server. */
void worker_settle(struct worker *w);
void server_part_closed(struct http_server *s);
struct arena *worker_arena(struct worker *w);
void worker_arena_return(struct worker *w, struct arena *a);
struct str worker_date(struct worker *w);
void worker_request_id(struct worker *w, char out[17]);
static inline void count_add(atomic_uint_fast64_t *c, uint64_t n)
{
    /* One writer each, so that no locked instruction is needed. */
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

/* --- connection --- */
struct conn;

struct transport {
    /* Bytes came from the socket: hands what they mean to conn_received. */
    void (*input)(struct conn *c, struct str data);
    /* Sends bytes of the protocol, through conn_write. */
    void (*output)(struct conn *c, const struct str *piece, size_t pieces);
    /* No more will be sent: says so to the peer where the transport has words for it. */
    void (*finish)(struct conn *c);
    void (*release)(struct conn *c);
};
extern const struct transport transport_plain;

/* Called on the loop, never from within a call of http.h. */
struct protocol {
    void (*start)(struct conn *c);
    void (*input)(struct conn *c, struct str data);
    void (*eof)(struct conn *c);     /* the peer sends no more */
    void (*drained)(struct conn *c); /* all that was written has left */
    void (*kick)(struct conn *c);    /* what conn_kick asked for */
    void (*timeout)(struct conn *c); /* the deadline has passed; closes or sets a new one */
    void (*shut)(struct conn *c);    /* the server closes: end when what runs is done */
    void (*lost)(struct conn *c);    /* the connection is over: every exchange learns that */
};
extern const struct protocol protocol_http1;
extern const struct protocol protocol_http2;

enum h1_phase { H1_HEAD, H1_REQUEST, H1_DRAIN, H1_LINGER };

struct h1 {
    struct exchange *x; /* H1_REQUEST */
    struct http1_body body;
    uint32_t scanned;
    uint8_t phase;
    bool keep_alive, old, awaits_continue, processing, shut;
    bool seen, fresh; /* a request has come: ever (until then the deadline is the header's); since the deadline was set */
};

struct conn {
    struct worker *w;
    struct list link; /* in w->deadline[deadline] */
    int64_t since_ms;
    struct task task;
    const struct transport *transport;
    const struct protocol *protocol;
    struct tls *tls;
    struct h2 *h2;
    struct h1 h1;
    struct buf left; /* read, but not taken by the protocol */
    size_t unsent;   /* with libuv */
    size_t untaken;  /* by the peer, when the deadline was looked at last */
    struct address peer;
    uint8_t deadline;
    bool trusted; /* the peer is a trusted proxy */
    bool reading, eof, broken, closing, handle_closed, kicked;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
};

void conn_open(struct worker *w, int fd, const struct address *peer);
/* From the transport: plain bytes for the protocol. */
void conn_received(struct conn *c, struct str data);
/* To the transport, or into the cork. The bytes are copied or sent. */
void conn_output(struct conn *c, const struct str *piece, size_t pieces);
/* Asked before a response or a piece of one: it may pass the bound, however long it is, but the next one finds that the client
 * does not read, and breaks the connection. */
bool conn_has_room(struct conn *c);
/* Between these, output of `c` gathers. */
void conn_cork(struct conn *c);
void conn_uncork(struct conn *c);
/* To the socket. */
void conn_write(struct conn *c, const struct str *piece, size_t pieces);
void conn_read(struct conn *c, bool on);
/* Enters the list of a deadline; `again` restarts the time when it is there already. */
void conn_deadline(struct conn *c, enum deadline d, bool again);
/* True when the peer has taken some output since the last look. */
bool conn_output_moves(struct conn *c);
/* Calls protocol->kick from the loop, once. */
void conn_kick(struct conn *c);
/* The connection cannot go on; the rest happens from the loop. Any time. */
void conn_break(struct conn *c);
/* Ends it now. From the loop only, not from within a call of http.h. */
void conn_close(struct conn *c);
/* No more output after what was written; half-closes the socket once that has left (call again from `drained`). */
void conn_finish(struct conn *c);

/* --- exchange --- */
struct exchange;

/* What a protocol does for a request that it has handed out. None calls back before it returns. */
struct exchange_ops {
    void (*respond)(struct exchange *x, int status, const struct http_header *h, size_t n, const struct str *piece, size_t pieces);
    void (*begin)(struct exchange *x, int status, const struct http_header *h, size_t n, uint64_t length);
    /* True when `drained` may be called at once: all has left, and `data` is not needed any more. */
    bool (*send)(struct exchange *x, struct str data);
    void (*end)(struct exchange *x);
    /* The handler wants the body, or wants more of it. */
    void (*want_body)(struct exchange *x);
    void (*wait)(struct exchange *x);
};

enum body_reader { READER_NONE, READER_GATHER, READER_STREAM, READER_DONE };

struct exchange {
    struct http_request r; /* first */
    const struct exchange_ops *ops;
    struct worker *w;
    void *stream;      /* the protocol's */
    struct conn *conn; /* NULL: the client has gone; the response will only free this */
    union {
        void (*ready)(struct http_request *r, enum err e);
        bool (*piece)(struct http_request *r, struct str data, enum err e);
    } to;
    struct buf body; /* READER_GATHER */
    size_t max, got;
    void (*drained)(struct http_request *r);
    struct task task; /* calls `drained` */
    uint64_t to_send; /* of the length given to http_begin */
    uint8_t reader;
    bool paused, begun, waiting, over;
    bool queued, held; /* an `over` one is freed by who still has it */
};

/* Fills in what is common; the protocol sets method, path, query and header, all in x->r.arena. */
void exchange_init(struct exchange *x, const struct exchange_ops *ops, struct conn *c);
/* Calls the handler; afterwards `x` may be gone. */
void exchange_run(struct exchange *x);
/* Body bytes for the reader that asked, which is the case while exchange_wants_body. After each of these `x` may be gone. */
bool exchange_wants_body(const struct exchange *x);
void exchange_body(struct exchange *x, struct str data);
void exchange_body_end(struct exchange *x);
/* What is known to come still is beyond what the reader takes; UINT64_MAX: nothing is known. */
bool exchange_body_too_large(const struct exchange *x, uint64_t left);
void exchange_body_fail(struct exchange *x, enum err e);
/* What was sent has left. */
void exchange_drained(struct exchange *x);
/* The client has gone: tells the handler. The protocol forgets `x` before; it lives on until the handler responds. */
void exchange_gone(struct exchange *x);
/* The response is complete: frees all. The protocol forgets `x` before. */
void exchange_free(struct exchange *x);

/* --- responses as bytes (response.c) --- */
/* An HTTP/1.1 head in w->head. `length` UINT64_MAX: none is said. */
struct str response_head(struct worker *w, int status, const struct http_header *h, size_t n, uint64_t length, const char *connection);
/* Of a refused request: JSON as the Matrix specification wants it, readable by browsers of any origin. */
enum { REFUSAL_HEADERS = 4 };
extern const struct http_header refusal_header[REFUSAL_HEADERS];
struct str refusal_body(char *out, size_t size, int status, const char *sentence);
bool status_has_body(int status);
/* True when the value may stand in a response head. */
bool response_value_ok(struct str v);

/* --- TLS (tls.c) --- */
struct tls_setup;
must_use enum err tls_setup_new(const char *certificate, const char *key, struct tls_setup **out, struct fault *f);
void tls_setup_free(struct tls_setup *t);
/* Any thread. Logs how it went. */
void tls_setup_reload(struct tls_setup *t);
/* Makes `c` speak TLS; ALPN chooses the protocol. */
void tls_start(struct conn *c, struct tls_setup *t);

#endif
