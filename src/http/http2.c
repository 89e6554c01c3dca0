#include "http/http2.h"

enum { STREAMS_MAX = 100, STREAM_WINDOW = 131072, CONNECTION_WINDOW = 1 << 20, FAULTS_MAX = 200, FAULTS_FORGIVEN_PER_S = 20 };

static const struct http_limits *limits(const struct h2 *h)
{
    return &h->conn->w->server->config.limits;
}

/* --- deadlines --- */

/* The client owes us something: a piece of the body, or room for the response. */
static bool is_stalled(const struct h2_stream *s)
{
    return s->rest.n || (s->x && !s->in_ended && exchange_wants_body(s->x));
}

/* The response was complete before the request. Most clients stop by themselves when they see that, and some take being told
 * at once for a failure. */
static bool is_left_over(const struct h2_stream *s)
{
    return !s->x && !s->in_ended && s->rest.n == 0;
}

static enum deadline what_is_awaited(struct h2 *h)
{
    enum deadline d = h->count ? DEADLINE_NONE : h->seen ? DEADLINE_IDLE : DEADLINE_HEADER;
    list_each(it, &h->streams)
    {
        struct h2_stream *s = list_item(it, struct h2_stream, link);
        if (!s->running) return DEADLINE_HEADER;
        if (is_stalled(s)) d = DEADLINE_BODY;
        if (is_left_over(s) && d != DEADLINE_BODY) d = DEADLINE_LINGER;
    }
    return d;
}

static void set_deadline(struct conn *c)
{
    struct h2 *h = c->h2;
    if (h->over) {
        conn_deadline(c, DEADLINE_LINGER, false);
        return;
    }
    enum deadline d = c->unsent ? DEADLINE_BODY : what_is_awaited(h);
    conn_deadline(c, d, d == DEADLINE_BODY ? h->moved : h->fresh);
    h->moved = h->fresh = false;
}

/* --- bodies --- */

static bool too_large(const struct h2_stream *s)
{
    return exchange_body_too_large(s->x, s->length == UINT64_MAX ? UINT64_MAX : s->length - s->x->got);
}

/* True when something was handed over, so that another look may help. */
static bool hand_over(struct h2_stream *s)
{
    struct exchange *x = s->x;
    if (!x || !s->running || !exchange_wants_body(x)) return false;
    if (too_large(s)) {
        exchange_body_fail(x, ERR_TOO_LARGE);
    } else if (s->in.n) {
        /* Taken out first: the handler may end the exchange, and with it what the stream has stored. */
        struct buf in = s->in;
        buf_init(&s->in, in.max);
        exchange_body(x, buf_str(&in));
        nghttp2_session_consume_stream(s->h2->session, s->id, in.n);
        buf_release(&in);
    } else if (s->in_ended) {
        exchange_body_end(x);
        return false;
    } else {
        return false;
    }
    return true;
}

static void hand_over_all(struct h2 *h)
{
    list_each(it, &h->streams) while (hand_over(list_item(it, struct h2_stream, link))) continue;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t n, void *user)
{
    (void)flags;
    struct h2 *h = user;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
    h->moved = true;
    /* The connection's window is for all streams: none may keep it by not reading. */
    nghttp2_session_consume_connection(session, n);
    /* Of a body that nobody wants there comes no more than the window has room for. */
    if (!s || !s->x) return 0;
    struct str piece = str_make((const char *)data, n);
    if (s->in.n == 0 && exchange_wants_body(s->x) && !too_large(s)) {
        exchange_body(s->x, piece);
        nghttp2_session_consume_stream(session, id, n);
        return 0;
    }
    buf_add(&s->in, piece);
    if (!buf_ok(&s->in)) h2_reset(s, NGHTTP2_FLOW_CONTROL_ERROR);
    while (hand_over(s))
        continue;
    return 0;
}

/* --- heads --- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2 *h = user;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    struct h2_stream *s = mem_zero(sizeof *s);
    s->h2 = h;
    s->id = frame->hd.stream_id;
    s->length = UINT64_MAX;
    buf_init(&s->in, STREAM_WINDOW + READ_BYTES);
    buf_init(&s->out, SIZE_MAX / 4);
    list_push(&h->streams, &s->link);
    h->count++;
    s->x = mem_zero(sizeof *s->x);
    exchange_init(s->x, &h2_ops, h->conn);
    s->x->stream = s;
    s->header = arena_alloc(s->x->r.arena, HTTP1_HEADERS_MAX * sizeof *s->header);
    nghttp2_session_set_stream_user_data(session, s->id, s);
    return 0;
}

static void add_header(struct h2_stream *s, struct str name, struct str value)
{
    struct http_request *r = &s->x->r;
    if (r->header_count == HTTP1_HEADERS_MAX) {
        s->too_large = true;
        return;
    }
    s->header[r->header_count++] = (struct http_header){name, value};
    int64_t length;
    if (str_is(name, "content-length") && str_to_int64(value, &length) && length >= 0) s->length = (uint64_t)length;
    if (str_is(name, "host")) s->has_host = true;
    if (str_is(name, "expect") && str_eq_nocase(value, STR("100-continue"))) s->expects_continue = true;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n, const uint8_t *value,
                     size_t value_n, uint8_t flags, void *user)
{
    (void)flags;
    struct h2 *h = user;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!s || s->running || !s->x) return 0; /* trailers */
    s->head_bytes += name_n + value_n + 4;
    if (s->head_bytes > limits(h)->header_bytes) s->too_large = true;
    if (s->too_large) return 0;
    struct arena *a = s->x->r.arena;
    struct str n = arena_str(a, str_make((const char *)name, name_n)), v = arena_str(a, str_make((const char *)value, value_n));
    if (str_is(n, ":method"))
        s->method = v;
    else if (str_is(n, ":path"))
        s->path = v;
    else if (str_is(n, ":authority"))
        s->authority = v;
    else if (n.n && n.p[0] != ':')
        add_header(s, n, v);
    return 0;
}

/* The head is complete: the handler's turn. */
static void run(struct h2_stream *s)
{
    struct http1_bad bad;
    struct http1_head head = {0};
    struct http_request *r = &s->x->r;
    s->running = s->h2->seen = true;
    if (!s->has_host && s->authority.n) add_header(s, STR("host"), s->authority);
    if (s->too_large) {
        h2_refuse(s, 431, "The request's headers are too large.");
        return;
    }
    if (!http1_parse_target(s->method, s->path, &head, &bad)) {
        h2_refuse(s, bad.status, bad.sentence);
        return;
    }
    r->method = head.method;
    r->path = head.path;
    r->query = head.query;
    r->header = s->header;
    exchange_run(s->x);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)user;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!s) return 0;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) s->in_ended = true;
    if (!s->running) run(s);
    while (hand_over(s))
        continue;
    return 0;
}

/* --- the end of a stream --- */

/* Streams that fail or are reset before they are answered cost work and are never useful in number: a bucket of faults
 * that leaks slowly. Covers the client's resets as well as those it makes us send. */
static bool too_many_faults(struct h2 *h)
{
    int64_t now = loop_now_ms(h->conn->w->loop), forgiven = (now - h->faults_ms) * FAULTS_FORGIVEN_PER_S / 1000;
    if (forgiven > 0) {
        h->faults = forgiven < h->faults ? h->faults - (unsigned)forgiven : 0;
        h->faults_ms = now;
    }
    return ++h->faults > FAULTS_MAX;
}

/* All of the response is nghttp2's, only http_end has not been called yet: the client has not gone before it had it. */
static bool is_answered(const struct h2_stream *s)
{
    return s->x && s->x->begun && s->x->to_send == 0 && s->rest.n == 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct h2 *h = user;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
    if (!s) return 0;
    struct exchange *x = s->x;
    bool ran = s->running;
    if (is_answered(s)) x->r.gone = NULL;
    h->fresh = true;
    h2_stream_free(s);
    if (code != NGHTTP2_NO_ERROR && too_many_faults(h)) nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
    if (x && ran)
        exchange_gone(x);
    else if (x)
        exchange_free(x);
    return 0;
}

/* --- the connection --- */

static void new_session(struct h2 *h)
{
    nghttp2_session_callbacks *calls;
    nghttp2_option *option;
    if (nghttp2_session_callbacks_new(&calls) != 0 || nghttp2_option_new(&option) != 0) abort();
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_stream_close);
    nghttp2_option_set_no_auto_window_update(option, 1);
    if (nghttp2_session_server_new2(&h->session, calls, h, option) != 0) abort();
    nghttp2_session_callbacks_del(calls);
    nghttp2_option_del(option);
}

static void h2_start(struct conn *c)
{
    struct h2 *h = mem_zero(sizeof *h);
    h->conn = c;
    list_init(&h->streams);
    c->h2 = h;
    new_session(h);
    nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX},
                                         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
                                         {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits(h)->header_bytes}};
    if (nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, 3) != 0 ||
        nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) != 0)
        abort();
    h2_flush(c);
}

/* All that can be done at the moment has been done. */
static void settle(struct conn *c)
{
    struct h2 *h = c->h2;
    h2_flush(c);
    if (c->broken || c->closing) return;
    if (h->shut && h->count == 0) nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR);
    if (h->shut && h->count == 0) h2_flush(c);
    h->over |= !nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session);
    if (h->over && c->unsent == 0) conn_finish(c);
    if (h->over && c->eof && c->unsent == 0) conn_break(c);
    conn_read(c, h->over || c->unsent < limits(h)->output_bytes);
    set_deadline(c);
}

static void h2_input(struct conn *c, struct str data)
{
    struct h2 *h = c->h2;
    if (h->over) return;
    h->processing = true;
    ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)data.p, data.n);
    h->processing = false;
    settle(c);
    if (n < 0) conn_break(c);
}

static void h2_kick(struct conn *c)
{
    c->h2->processing = true;
    hand_over_all(c->h2);
    c->h2->processing = false;
    settle(c);
}

static void h2_eof(struct conn *c)
{
    conn_close(c);
}

/* The other streams of the connection may be well. */
static void reset_some(struct h2 *h, bool (*which)(const struct h2_stream *s), uint32_t code)
{
    list_each(it, &h->streams)
    {
        struct h2_stream *s = list_item(it, struct h2_stream, link);
        if (which(s)) h2_reset(s, code);
    }
}

static void h2_timeout(struct conn *c)
{
    if (c->unsent && conn_output_moves(c)) return;
    if (c->unsent == 0 && c->deadline == DEADLINE_BODY) {
        reset_some(c->h2, is_stalled, NGHTTP2_CANCEL);
        settle(c);
        return;
    }
    if (c->deadline == DEADLINE_LINGER && !c->h2->over) {
        reset_some(c->h2, is_left_over, NGHTTP2_NO_ERROR);
        settle(c);
        return;
    }
    nghttp2_session_terminate_session(c->h2->session, NGHTTP2_NO_ERROR);
    h2_flush(c);
    conn_close(c);
}

static void h2_shut(struct conn *c)
{
    struct h2 *h = c->h2;
    h->shut = true;
    nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR, NULL, 0);
    settle(c);
}

static void h2_lost(struct conn *c)
{
    struct h2 *h = c->h2;
    h->processing = true; /* nobody flushes any more */
    while (!list_is_empty(&h->streams)) {
        struct h2_stream *s = list_item(h->streams.next, struct h2_stream, link);
        struct exchange *x = s->x;
        bool ran = s->running;
        nghttp2_session_set_stream_user_data(h->session, s->id, NULL);
        h2_stream_free(s);
        if (x && ran)
            exchange_gone(x);
        else if (x)
            exchange_free(x);
    }
    nghttp2_session_del(h->session);
    mem_free(h);
    c->h2 = NULL;
}

const struct protocol protocol_http2 = {h2_start, h2_input, h2_eof, h2_kick, h2_kick, h2_timeout, h2_shut, h2_lost};
