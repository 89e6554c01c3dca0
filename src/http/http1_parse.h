/* HTTP/1.x requests out of bytes: no I/O, no memory of its own, strict (RFC 9112).
 *
 * What two readers of the same bytes could take differently is refused, because that is how requests are smuggled past a
 * proxy: bare LF or CR, folded lines, space before the colon, both or several of Content-Length and Transfer-Encoding, codings other
 * than exactly "chunked", chunk sizes with anything but digits, none or several Hosts.
 *
 * Slices point into the input. The input may be cut anywhere: what is not complete yet is answered with HTTP1_MORE and
 * passed again, longer. */
#ifndef ROOKERY_HTTP_HTTP1_PARSE_H
#define ROOKERY_HTTP_HTTP1_PARSE_H

#include "http/http.h"

enum http1_step { HTTP1_MORE, HTTP1_DATA, HTTP1_DONE, HTTP1_BAD };

enum { HTTP1_HEADERS_MAX = 100 };

/* Why a request was refused: what the client is told before its connection is closed. */
struct http1_bad {
    int status;
    const char *sentence;
};

/* Looks for the end of the head. `*scanned` is 0 for a new one and is kept by the caller between calls; at HTTP1_DONE it is the
 * head's length with the empty line. HTTP1_BAD as soon as the bytes cannot become a request of at most `max` bytes. */
enum http1_step http1_find_head(struct str in, size_t *scanned, size_t max, struct http1_bad *bad);

struct http1_head {
    enum http_method method;
    struct str path, query; /* of an absolute target: what follows the authority; "*" becomes "/" */
    size_t header_count;
    bool keep_alive, chunked, expects_continue;
    bool old;        /* HTTP/1.0: that the connection stays has to be said */
    uint64_t length; /* of the body, unless it is chunked */
};

/* Parses what http1_find_head found. `header` has room for HTTP1_HEADERS_MAX. */
must_use bool http1_parse_head(struct str head, struct http_header *header, struct http1_head *out, struct http1_bad *bad);

/* Method and target alone, as HTTP/2 has them: sets method, path and query. */
must_use bool http1_parse_target(struct str method, struct str target, struct http1_head *out, struct http1_bad *bad);

/* Decodes the body that follows a head. */
struct http1_body {
    uint64_t left;     /* of the body or the chunk */
    uint32_t overhead; /* bytes of chunk extensions and trailers so far */
    uint8_t state, digits;
};
void http1_body_init(struct http1_body *b, const struct http1_head *head);
bool http1_body_is_done(const struct http1_body *b);
/* Bytes that are sure to come still; UINT64_MAX when chunked and not done. */
uint64_t http1_body_left(const struct http1_body *b);
/* Takes bytes from the front of `*in`. HTTP1_DATA: `*data` is a non-empty piece of the body; HTTP1_DONE: the body has ended, what
 * is left of `*in` is the next request's; HTTP1_MORE: all of `*in` is taken. */
enum http1_step http1_body_next(struct http1_body *b, struct str *in, struct str *data, struct http1_bad *bad);

#endif
