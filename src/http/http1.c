/* HTTP/1.1 on a connection: one request at a time, the next one begins when the response to the one before is complete, so
 * that responses come in order by themselves. What arrives meanwhile waits in c->left, which is bounded by not reading on. */
#include "http/internal.h"

static const struct exchange_ops h1_ops;

static const struct http_limits *limits(const struct conn *c)
{
    return &c->w->server->config.limits;
}

static bool idle(const struct conn *c)
{
    return c->h1.phase == H1_HEAD && c->left.n == 0;
}

/* --- what to wait for --- */

static void set_reading(struct conn *c)
{
    bool body_waits = (c->h1.phase == H1_REQUEST || c->h1.phase == H1_DRAIN) && !http1_body_is_done(&c->h1.body);
    /* While nobody takes the body nothing more is read; behind a request a little is, to see when the client goes. */
    size_t most = body_waits ? 0 : limits(c)->header_bytes;
    conn_read(c, c->h1.phase == H1_LINGER || c->left.n <= most);
}

static void set_deadline(struct conn *c, bool moved)
{
    bool fresh = c->h1.fresh;
    c->h1.fresh = false;
    if (c->unsent)
        conn_deadline(c, DEADLINE_BODY, moved);
    else if (c->h1.phase == H1_LINGER)
        conn_deadline(c, DEADLINE_LINGER, false);
    else if (c->h1.phase == H1_DRAIN || (c->h1.x && exchange_wants_body(c->h1.x)))
        conn_deadline(c, DEADLINE_BODY, moved);
    else if (c->h1.phase == H1_REQUEST)
        conn_deadline(c, DEADLINE_NONE, false);
    else if (c->left.n || !c->h1.seen)
        conn_deadline(c, DEADLINE_HEADER, fresh);
    else
        conn_deadline(c, DEADLINE_IDLE, fresh);
}

static void settle(struct conn *c, bool moved)
{
    if (c->closing || c->broken) return;
    set_reading(c);
    set_deadline(c, moved);
    if (c->h1.shut && idle(c) && c->unsent == 0) conn_break(c);
}

/* --- the end of a connection --- */

/* What was written must arrive, so the socket is closed in two steps: closing one with unread input would destroy it. */
static void linger(struct conn *c)
{
    c->h1.phase = H1_LINGER;
    c->left.n = 0;
    if (c->unsent || c->w->corked == c) return;
    if (c->eof)
        conn_break(c);
    else
        conn_finish(c);
}

static void refuse(struct conn *c, int status, const char *sentence)
{
    char text[256];
    struct str body = refusal_body(text, sizeof text, status, sentence);
    struct str piece[2] = {response_head(c->w, status, refusal_header, REFUSAL_HEADERS, body.n, "close"), body};
    count_add(&c->w->count.bad_requests, 1);
    conn_output(c, piece, 2);
    linger(c);
}

/* The client broke off or sent nonsense in the middle of a request. */
static void abandon(struct conn *c)
{
    struct exchange *x = c->h1.x;
    c->h1.x = NULL;
    if (x) exchange_gone(x);
}

/* --- requests --- */

static void copy_head(struct exchange *x, struct conn *c, const struct http1_head *head)
{
    x->r.method = head->method;
    x->r.path = head->path;
    x->r.query = head->query;
    struct http_header *h = arena_alloc(x->r.arena, head->header_count * sizeof *h);
    memcpy(h, c->w->header, head->header_count * sizeof *h);
    x->r.header = h;
    x->r.header_count = head->header_count;
}

static void begin_request(struct conn *c, struct str bytes)
{
    struct exchange *x = mem_zero(sizeof *x);
    struct http1_head head;
    struct http1_bad bad;
    exchange_init(x, &h1_ops, c);
    if (!http1_parse_head(arena_str(x->r.arena, bytes), c->w->header, &head, &bad)) {
        exchange_free(x);
        refuse(c, bad.status, bad.sentence);
        return;
    }
    copy_head(x, c, &head);
    http1_body_init(&c->h1.body, &head);
    c->h1.x = x;
    c->h1.phase = H1_REQUEST;
    c->h1.seen = c->h1.fresh = true;
    c->h1.keep_alive = head.keep_alive && !c->h1.shut;
    c->h1.old = head.old;
    c->h1.awaits_continue = head.expects_continue;
    exchange_run(x);
}

static bool take_head(struct conn *c, struct str *rest)
{
    if (rest->n == 0 || c->unsent) return false;
    struct http1_bad bad;
    size_t scanned = c->h1.scanned;
    enum http1_step step = http1_find_head(*rest, &scanned, limits(c)->header_bytes, &bad);
    c->h1.scanned = step == HTTP1_MORE ? (uint32_t)scanned : 0;
    if (step == HTTP1_MORE) return false;
    if (step == HTTP1_BAD) {
        refuse(c, bad.status, bad.sentence);
        return false;
    }
    struct str head = str_first(*rest, scanned);
    *rest = str_from(*rest, scanned);
    begin_request(c, head);
    return true;
}

static bool body_bad(struct conn *c, const struct http1_bad *bad)
{
    bool answered = c->h1.phase == H1_DRAIN || c->h1.x->begun;
    abandon(c);
    if (answered)
        linger(c);
    else
        refuse(c, bad->status, bad->sentence);
    return false;
}

/* False when nothing can go on before more bytes come, or the handler calls. */
static bool take_body(struct conn *c, struct str *rest)
{
    struct exchange *x = c->h1.x;
    if (x && !exchange_wants_body(x)) return false;
    if (x && exchange_body_too_large(x, http1_body_left(&c->h1.body))) {
        exchange_body_fail(x, ERR_TOO_LARGE);
        return true;
    }
    struct str data;
    struct http1_bad bad;
    switch (http1_body_next(&c->h1.body, rest, &data, &bad)) {
    case HTTP1_DATA:
        c->h1.awaits_continue = false;
        if (x) exchange_body(x, data);
        return true;
    case HTTP1_DONE:
        if (x)
            exchange_body_end(x);
        else
            c->h1.phase = H1_HEAD;
        return true;
    case HTTP1_BAD:
        return body_bad(c, &bad);
    default:
        return false;
    }
}

/* Takes what it can from `in`; returns how much. */
static size_t process(struct conn *c, struct str in)
{
    struct str rest = in;
    size_t heads = 0;
    bool on = true;
    c->h1.processing = true;
    while (on && !c->broken && c->h1.phase != H1_LINGER) {
        bool head = c->h1.phase == H1_HEAD;
        if (head && heads++ >= limits(c)->pipelined && limits(c)->pipelined) {
            conn_kick(c); /* the others' turn */
            break;
        }
        on = head ? take_head(c, &rest) : take_body(c, &rest);
    }
    c->h1.processing = false;
    return in.n - rest.n;
}

/* Also with nothing left: the end of a body that has arrived may be all that is to be told. */
static void process_left(struct conn *c)
{
    conn_cork(c);
    buf_shift(&c->left, process(c, buf_str(&c->left)));
    conn_uncork(c);
    if (c->left.n == 0) buf_release(&c->left);
}

static void say_continue(struct conn *c)
{
    struct str line = STR("HTTP/1.1 100 Continue\r\n\r\n");
    if (!c->h1.awaits_continue || !c->h1.x || !exchange_wants_body(c->h1.x)) return;
    c->h1.awaits_continue = false;
    conn_output(c, &line, 1);
}

static void after(struct conn *c, bool moved)
{
    say_continue(c);
    if (c->h1.phase == H1_LINGER) linger(c);
    settle(c, moved);
}

static void h1_start(struct conn *c)
{
    (void)c;
}

static void h1_input(struct conn *c, struct str data)
{
    if (c->h1.phase == H1_LINGER) return;
    if (c->left.n == 0) {
        conn_cork(c);
        data = str_from(data, process(c, data));
        conn_uncork(c);
        if (c->h1.phase != H1_LINGER) buf_add(&c->left, data);
    } else {
        buf_add(&c->left, data);
        process_left(c);
    }
    if (!buf_ok(&c->left)) conn_break(c);
    after(c, true);
}

/* --- what the handler says --- */

/* The response is complete. */
static void finish(struct conn *c, struct exchange *x)
{
    c->h1.x = NULL;
    exchange_free(x);
    bool last = !c->h1.keep_alive || (c->eof && c->left.n == 0 && !c->h1.processing);
    if (last)
        linger(c);
    else
        c->h1.phase = http1_body_is_done(&c->h1.body) ? H1_HEAD : H1_DRAIN;
    if (c->h1.processing) return;
    if (c->left.n) conn_kick(c);
    settle(c, true);
}

/* Whether the connection can be kept: an unread rest of the body may be too long to be worth it. */
static const char *connection_header(struct conn *c)
{
    uint64_t left = http1_body_left(&c->h1.body);
    if (left > DRAIN_BYTES || (left && c->h1.awaits_continue) || c->h1.shut) c->h1.keep_alive = false;
    return !c->h1.keep_alive ? "close" : c->h1.old ? "keep-alive" : NULL;
}

static struct str head_for(struct exchange *x, int status, const struct http_header *h, size_t n, uint64_t length)
{
    const char *connection = connection_header(x->conn);
    struct str head = response_head(x->w, status, h, n, status_has_body(status) ? length : UINT64_MAX, connection);
    if (!buf_ok(&x->w->head)) conn_break(x->conn);
    return head;
}

enum { JOINED = 15 };

static void h1_respond(struct exchange *x, int status, const struct http_header *h, size_t n, const struct str *piece, size_t pieces)
{
    struct conn *c = x->conn;
    uint64_t length = 0;
    for (size_t i = 0; i < pieces; i++)
        length += piece[i].n;
    struct str out[JOINED + 1] = {head_for(x, status, h, n, length)};
    if (x->r.method == HTTP_HEAD || !status_has_body(status)) pieces = 0;
    size_t with_head = pieces < JOINED ? pieces : JOINED;
    for (size_t i = 0; i < with_head; i++)
        out[i + 1] = piece[i];
    if (!conn_has_room(c)) pieces = 0;
    conn_output(c, out, with_head + 1);
    if (pieces > with_head) conn_output(c, piece + with_head, pieces - with_head);
    finish(c, x);
}

static void h1_begin(struct exchange *x, int status, const struct http_header *h, size_t n, uint64_t length)
{
    struct str head = head_for(x, status, h, n, length);
    conn_output(x->conn, &head, 1);
}

static bool h1_send(struct exchange *x, struct str data)
{
    if (x->r.method != HTTP_HEAD && conn_has_room(x->conn)) conn_output(x->conn, &data, 1);
    return x->conn->unsent == 0;
}

static void h1_end(struct exchange *x)
{
    struct conn *c = x->conn;
    /* Shorter than it was said to be: only the connection's end can tell the client. */
    if (x->to_send && x->r.method != HTTP_HEAD) c->h1.keep_alive = false;
    finish(c, x);
}

static void h1_want_body(struct exchange *x)
{
    struct conn *c = x->conn;
    if (c->h1.processing) return;
    say_continue(c);
    conn_kick(c);
    settle(c, true);
}

static void h1_wait(struct exchange *x)
{
    if (x->conn->eof) conn_kick(x->conn);
}

static const struct exchange_ops h1_ops = {h1_respond, h1_begin, h1_send, h1_end, h1_want_body, h1_wait};

/* --- what the connection says --- */

/* The client sends no more, and has perhaps gone. What it asked before is answered, except what waits: a client that goes
 * away in the middle of a long poll looks just like this. */
static bool end_of_input(struct conn *c)
{
    if (!c->eof || c->broken || c->kicked) return false;
    struct exchange *x = c->h1.x;
    bool over = x ? x->waiting || exchange_wants_body(x) : c->unsent == 0;
    if (over) conn_close(c);
    return over;
}

static void h1_kick(struct conn *c)
{
    process_left(c);
    if (!end_of_input(c)) after(c, true);
}

static void h1_drained(struct conn *c)
{
    if (c->h1.x) exchange_drained(c->h1.x);
    h1_kick(c);
}

static void h1_timeout(struct conn *c)
{
    if (c->unsent && conn_output_moves(c)) return;
    bool silent = c->unsent || c->h1.phase >= H1_DRAIN || idle(c) || (c->h1.x && c->h1.x->begun);
    if (silent) {
        conn_close(c);
        return;
    }
    abandon(c);
    refuse(c, 408, "The request did not arrive in time.");
    settle(c, true);
}

static void h1_shut(struct conn *c)
{
    c->h1.shut = true;
    if (idle(c) && c->unsent == 0) conn_close(c);
}

const struct protocol protocol_http1 = {h1_start, h1_input, h1_kick, h1_drained, h1_kick, h1_timeout, h1_shut, abandon};
