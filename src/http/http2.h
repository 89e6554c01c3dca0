/* HTTP/2 on a connection, with nghttp2: http2.c takes requests in, http2_out.c sends responses. A stream lives from its headers
 * to nghttp2's word that it is closed; its exchange is freed earlier, when the response is complete but perhaps not sent yet; or
 * later, when http_end comes after the last piece, with which the stream's end was sent. */
#ifndef ROOKERY_HTTP_HTTP2_H
#define ROOKERY_HTTP_HTTP2_H

#include <nghttp2/nghttp2.h>

#include "http/internal.h"

struct h2 {
    nghttp2_session *session;
    struct conn *conn;
    struct list streams;
    size_t count;
    size_t held;       /* bytes of complete responses that wait for the client to take them */
    int64_t faults_ms; /* see too_many_faults */
    unsigned faults;
    bool processing;   /* within nghttp2, or about to flush anyway */
    bool fresh, moved; /* since the deadline was set: a stream ended, bytes of a body moved */
    bool seen, shut, over;
};

struct h2_stream {
    struct list link;
    struct h2 *h2;
    struct exchange *x; /* NULL when the response is complete */
    int32_t id;
    /* The request's head while it comes in. */
    struct http_header *header;
    struct str method, path, authority;
    size_t head_bytes;
    uint64_t length; /* UINT64_MAX: not said */
    bool running, too_large, has_host, expects_continue;
    /* Its body: what came and nobody wanted yet; bounded by the stream's window. */
    struct buf in;
    bool in_ended;
    /* The response's: what of it is to be sent, in `out` (a complete one) or where the handler keeps it (http_send). */
    struct str rest;
    struct buf out; /* part of h2->held */
    bool out_ended; /* nothing comes after `out` */
};

extern const struct exchange_ops h2_ops;

/* Sends what nghttp2 has to say, as far as the client takes it. */
void h2_flush(struct conn *c);
/* From a call of http.h: flushes soon. */
void h2_wake(struct h2 *h);
/* Answers a request that never became one. */
void h2_refuse(struct h2_stream *s, int status, const char *sentence);
void h2_reset(struct h2_stream *s, uint32_t code);
void h2_stream_free(struct h2_stream *s);

#endif
