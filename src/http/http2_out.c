#include "http/http2.h"

/* Frames beyond this wait in nghttp2 until the socket has taken some, so that priorities and resets still have a say. */
enum { UNSENT_MAX = 65536, FIELDS_MAX = 64, SMALL_RESPONSE = 65536 };

static struct h2_stream *stream_of(struct exchange *x)
{
    return x->stream;
}

void h2_wake(struct h2 *h)
{
    if (!h->processing) conn_kick(h->conn);
}

void h2_flush(struct conn *c)
{
    struct h2 *h = c->h2;
    bool was = h->processing;
    h->processing = true;
    conn_cork(c);
    while (c->unsent < UNSENT_MAX && !c->broken) {
        const uint8_t *data;
        ssize_t n = nghttp2_session_mem_send(h->session, &data);
        if (n < 0) conn_break(c);
        if (n <= 0) break;
        struct str frame = str_make((const char *)data, (size_t)n);
        conn_output(c, &frame, 1);
    }
    conn_uncork(c);
    h->processing = was;
}

void h2_reset(struct h2_stream *s, uint32_t code)
{
    if (nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id, code) != 0) conn_break(s->h2->conn);
}

/* --- the response's body --- */

static void forget_output(struct h2_stream *s)
{
    s->h2->held -= s->out.n;
    buf_release(&s->out);
    s->rest = (struct str){0};
}

/* What is in `rest` is the last. The end goes with it: an empty frame after it would be held back by nghttp2 while the client's
 * window is full, though it needs no room. */
static bool is_last(const struct h2_stream *s)
{
    return s->out_ended || (s->x && s->x->to_send == 0);
}

static ssize_t read_output(nghttp2_session *session, int32_t id, uint8_t *out, size_t size, uint32_t *flags, nghttp2_data_source *source,
                           void *user)
{
    (void)session;
    (void)id;
    (void)user;
    struct h2_stream *s = source->ptr;
    struct str part = str_first(s->rest, size);
    if (part.n) memcpy(out, part.p, part.n);
    s->rest = str_from(s->rest, part.n);
    s->h2->moved |= part.n > 0;
    if (s->rest.n == 0) {
        forget_output(s);
        if (is_last(s)) *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (s->x) exchange_drained(s->x);
    }
    return part.n || is_last(s) ? (ssize_t)part.n : NGHTTP2_ERR_DEFERRED;
}

/* --- the response's head --- */

struct fields {
    nghttp2_nv nv[FIELDS_MAX];
    size_t n;
};

/* Field names are put in lower case by nghttp2, as HTTP/2 wants them. */
static void add_field(struct fields *f, struct str name, struct str value)
{
    if (f->n == FIELDS_MAX || !response_value_ok(value)) return;
    f->nv[f->n++] = (nghttp2_nv){(uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.n, value.n, NGHTTP2_NV_FLAG_NONE};
}

static bool submit(struct h2_stream *s, int status, const struct http_header *h, size_t n, uint64_t length, bool body)
{
    char status_text[16], length_text[24];
    struct fields f = {.n = 0};
    int status_n = snprintf(status_text, sizeof status_text, "%d", status);
    int length_n = snprintf(length_text, sizeof length_text, "%llu", (unsigned long long)length);
    add_field(&f, STR(":status"), str_make(status_text, (size_t)status_n));
    if (status_has_body(status)) add_field(&f, STR("content-length"), str_make(length_text, (size_t)length_n));
    /* Without "date: " and the line's end. */
    struct str date = worker_date(s->h2->conn->w);
    add_field(&f, STR("date"), str_make(date.p + 6, date.n - 8));
    for (size_t i = 0; i < n; i++)
        add_field(&f, h[i].name, h[i].value);
    nghttp2_data_provider provider = {.source.ptr = s, .read_callback = read_output};
    return nghttp2_submit_response(s->h2->session, s->id, f.nv, f.n, body ? &provider : NULL) == 0;
}

static bool sends_body(const struct exchange *x, int status)
{
    return x->r.method != HTTP_HEAD && status_has_body(status);
}

/* The exchange is over; its stream goes on until all is sent. */
static void finish(struct h2_stream *s)
{
    struct exchange *x = s->x;
    s->x = NULL;
    buf_release(&s->in);
    exchange_free(x);
    h2_wake(s->h2);
}

/* A client that asks for more and more and takes nothing of it. Small answers are never the problem: of those there can be only
 * as many as streams, and beside a long download they must go on. */
static bool takes_too_little(const struct h2 *h, uint64_t length)
{
    return length > SMALL_RESPONSE && h->held > h->conn->w->server->config.limits.output_bytes;
}

static void h2_respond(struct exchange *x, int status, const struct http_header *h, size_t n, const struct str *piece, size_t pieces)
{
    struct h2_stream *s = stream_of(x);
    uint64_t length = 0;
    for (size_t i = 0; i < pieces; i++)
        length += piece[i].n;
    bool body = sends_body(x, status) && length;
    if (takes_too_little(s->h2, length)) {
        h2_reset(s, NGHTTP2_ENHANCE_YOUR_CALM);
    } else if (!submit(s, status, h, n, length, body)) {
        h2_reset(s, NGHTTP2_INTERNAL_ERROR);
    } else if (body) {
        buf_room(&s->out, (size_t)length);
        for (size_t i = 0; i < pieces; i++)
            buf_add(&s->out, piece[i]);
        s->rest = buf_str(&s->out);
        s->out_ended = true;
        s->h2->held += s->out.n;
    }
    finish(s);
}

static void h2_begin(struct exchange *x, int status, const struct http_header *h, size_t n, uint64_t length)
{
    bool body = sends_body(x, status) && length;
    if (!submit(stream_of(x), status, h, n, length, body)) h2_reset(stream_of(x), NGHTTP2_INTERNAL_ERROR);
    h2_wake(stream_of(x)->h2);
}

static bool h2_send(struct exchange *x, struct str data)
{
    struct h2_stream *s = stream_of(x);
    if (x->r.method == HTTP_HEAD || data.n == 0) return true;
    s->rest = data;
    nghttp2_session_resume_data(s->h2->session, s->id);
    h2_wake(s->h2);
    return false;
}

static void h2_end(struct exchange *x)
{
    struct h2_stream *s = stream_of(x);
    if (x->to_send && x->r.method != HTTP_HEAD) h2_reset(s, NGHTTP2_INTERNAL_ERROR);
    finish(s);
}

static void h2_want_body(struct exchange *x)
{
    struct h2_stream *s = stream_of(x);
    if (s->expects_continue && s->in.n == 0 && !s->in_ended) {
        struct fields f = {.n = 0};
        add_field(&f, STR(":status"), STR("100"));
        if (nghttp2_submit_headers(s->h2->session, NGHTTP2_FLAG_NONE, s->id, NULL, f.nv, f.n, NULL) != 0) conn_break(x->conn);
    }
    s->expects_continue = false;
    /* Not h2_wake: what has come already is handed over by the kick. */
    conn_kick(x->conn);
}

static void h2_wait(struct exchange *x)
{
    stream_of(x)->header = NULL;
}

const struct exchange_ops h2_ops = {h2_respond, h2_begin, h2_send, h2_end, h2_want_body, h2_wait};

void h2_refuse(struct h2_stream *s, int status, const char *sentence)
{
    char text[256];
    struct str body = refusal_body(text, sizeof text, status, sentence);
    count_add(&s->h2->conn->w->count.bad_requests, 1);
    h2_respond(s->x, status, refusal_header, REFUSAL_HEADERS, &body, 1);
}

void h2_stream_free(struct h2_stream *s)
{
    list_remove(&s->link);
    s->h2->count--;
    forget_output(s);
    buf_release(&s->in);
    mem_free(s);
}
