/* The HTTP/1.1 parser: the first byte says where the input is cut; a cut must not change what is understood. */
#include <stdio.h>
#include <stdlib.h>

#include "http/http1_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX = 2048 };

struct outcome {
    enum http1_step step;
    struct http1_head head;
    size_t used;
    uint64_t body_hash, body_bytes;
};

static enum http1_step body(struct http1_body *b, struct str *in, struct outcome *o)
{
    struct str piece;
    struct http1_bad bad;
    enum http1_step s;
    while ((s = http1_body_next(b, in, &piece, &bad)) == HTTP1_DATA) {
        for (size_t i = 0; i < piece.n; i++)
            o->body_hash = o->body_hash * 1099511628211u + (unsigned char)piece.p[i];
        o->body_bytes += piece.n;
    }
    return s;
}

static struct outcome understand(struct str in, size_t cut)
{
    struct outcome o = {0};
    struct http1_bad bad;
    struct http_header header[HTTP1_HEADERS_MAX];
    size_t scanned = 0;
    o.step = http1_find_head(str_first(in, cut), &scanned, MAX, &bad);
    if (o.step == HTTP1_MORE && cut < in.n) o.step = http1_find_head(in, &scanned, MAX, &bad);
    if (o.step != HTTP1_DONE) return o;
    if (!http1_parse_head(str_first(in, scanned), header, &o.head, &bad)) {
        o.step = HTTP1_BAD;
        return o;
    }
    for (size_t i = 0; i < o.head.header_count; i++)
        if (header[i].name.n == 0 || header[i].name.p < in.p || header[i].value.p + header[i].value.n > in.p + scanned) abort();
    if (o.head.path.p[0] != '/' || (o.head.chunked && o.head.length)) abort();
    struct http1_body b;
    http1_body_init(&b, &o.head);
    size_t split = cut > scanned ? cut : scanned;
    struct str first = str_make(in.p + scanned, split - scanned);
    o.step = body(&b, &first, &o);
    struct str rest = str_make(first.p, first.n + (in.n - split));
    if (o.step == HTTP1_MORE) o.step = body(&b, &rest, &o);
    o.used = in.n - rest.n;
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    struct str in = str_make((const char *)data + 1, size - 1);
    struct outcome whole = understand(in, in.n), cut = understand(in, data[0] % (in.n + 1));
    if (whole.step != cut.step) abort();
    if (whole.step == HTTP1_BAD) return 0;
    if (whole.body_hash != cut.body_hash || whole.body_bytes != cut.body_bytes || whole.used != cut.used) abort();
    if (whole.head.header_count != cut.head.header_count || whole.head.length != cut.head.length) abort();
    return 0;
}
