#include "http/internal.h"

enum { BODY_FIRST = 512 }; /* most bodies are no longer */

static struct exchange *exchange_of(struct http_request *r)
{
    return (struct exchange *)(void *)r;
}

/* --- life --- */

static void set_client_ip(struct exchange *x)
{
    struct conn *c = x->conn;
    struct http_server *s = x->w->server;
    struct ip ip = c->peer.ip;
    if (c->trusted) ip = forwarded_client(x->r.header, x->r.header_count, s->trusted, s->trusted_count, ip);
    if (c->peer.local && memcmp(&ip, &c->peer.ip, sizeof ip) == 0) {
        x->r.client_ip = STR("unix");
        return;
    }
    char *text = arena_alloc(x->r.arena, ADDRESS_TEXT);
    x->r.client_ip = str_make(text, ip_text(&ip, text));
}

void exchange_init(struct exchange *x, const struct exchange_ops *ops, struct conn *c)
{
    x->ops = ops;
    x->w = c->w;
    x->conn = c;
    x->r.arena = worker_arena(c->w);
    x->r.loop = c->w->loop;
    worker_request_id(c->w, x->r.id);
    c->w->exchanges++;
}

void exchange_run(struct exchange *x)
{
    const struct http_config *config = &x->w->server->config;
    set_client_ip(x);
    count_add(&x->w->count.requests, 1);
    config->handler(config->ctx, &x->r);
}

static void release_parts(struct exchange *x)
{
    buf_release(&x->body);
    if (x->r.arena) worker_arena_return(x->w, x->r.arena);
    x->r.arena = NULL;
}

static void free_when_over(struct exchange *x)
{
    if (x->over && !x->queued && !x->held) mem_free(x);
}

void exchange_free(struct exchange *x)
{
    struct worker *w = x->w;
    release_parts(x);
    x->over = true;
    x->w->exchanges--;
    free_when_over(x);
    worker_settle(w);
}

static void release_hold(struct exchange *x)
{
    x->held = false;
    free_when_over(x);
}

static void tell_gone(struct exchange *x)
{
    void (*gone)(struct http_request * r) = x->r.gone;
    x->r.gone = NULL;
    /* The handler may respond in there, which ends the exchange. */
    x->held = true;
    gone(&x->r);
    release_hold(x);
}

void exchange_gone(struct exchange *x)
{
    bool told = x->r.gone != NULL;
    x->conn = NULL;
    /* Whoever waits for room may go on: what is sent goes nowhere. Posted, and harmless when `gone` ends the exchange. */
    exchange_drained(x);
    if (told)
        tell_gone(x);
    else if (x->reader == READER_GATHER || x->reader == READER_STREAM)
        exchange_body_fail(x, ERR_UNAVAILABLE);
}

/* --- the body --- */

bool exchange_wants_body(const struct exchange *x)
{
    return (x->reader == READER_GATHER || x->reader == READER_STREAM) && !x->paused;
}

void exchange_body_fail(struct exchange *x, enum err e)
{
    bool gather = x->reader == READER_GATHER;
    x->reader = READER_DONE;
    x->paused = false;
    if (gather)
        x->to.ready(&x->r, e);
    else
        x->to.piece(&x->r, (struct str){0}, e);
}

bool exchange_body_too_large(const struct exchange *x, uint64_t left)
{
    return left != UINT64_MAX && left > x->max - x->got;
}

void exchange_body(struct exchange *x, struct str data)
{
    if (data.n > x->max - x->got) {
        exchange_body_fail(x, ERR_TOO_LARGE);
        return;
    }
    x->got += data.n;
    if (x->reader == READER_GATHER) {
        buf_add(&x->body, data);
        return;
    }
    /* The handler may respond in there, and say false nevertheless. */
    x->held = true;
    x->paused = !x->to.piece(&x->r, data, ERR_OK);
    release_hold(x);
}

void exchange_body_end(struct exchange *x)
{
    if (x->reader == READER_GATHER) x->r.body = x->body.n ? buf_str(&x->body) : STR("");
    exchange_body_fail(x, ERR_OK);
}

static void want(struct exchange *x, enum body_reader reader, size_t max)
{
    if (x->reader != READER_NONE) abort(); /* our bug: a body is read once */
    x->reader = (uint8_t)reader;
    x->max = max;
    if (x->conn)
        x->ops->want_body(x);
    else
        exchange_body_fail(x, ERR_UNAVAILABLE);
}

void http_read_body(struct http_request *r, size_t max, void (*ready)(struct http_request *r, enum err e))
{
    struct exchange *x = exchange_of(r);
    x->to.ready = ready;
    buf_init_in(&x->body, max, arena_alloc(r->arena, BODY_FIRST), BODY_FIRST);
    want(x, READER_GATHER, max);
}

void http_stream_body(struct http_request *r, size_t max, bool (*piece)(struct http_request *r, struct str data, enum err e))
{
    exchange_of(r)->to.piece = piece;
    want(exchange_of(r), READER_STREAM, max);
}

void http_resume_body(struct http_request *r)
{
    struct exchange *x = exchange_of(r);
    if (!x->paused) return;
    x->paused = false;
    if (x->conn) x->ops->want_body(x);
}

/* --- waiting --- */

void http_wait(struct http_request *r)
{
    struct exchange *x = exchange_of(r);
    release_parts(x);
    r->path = r->query = r->body = r->client_ip = (struct str){0};
    r->header = NULL;
    r->header_count = 0;
    x->waiting = true;
    if (x->conn) x->ops->wait(x);
}

/* --- the response --- */

void http_respond(struct http_request *r, int status, const struct http_header *header, size_t header_count, struct str body)
{
    http_respond_pieces(r, status, header, header_count, &body, 1);
}

void http_respond_pieces(struct http_request *r, int status, const struct http_header *header, size_t header_count, const struct str *piece,
                         size_t pieces)
{
    struct exchange *x = exchange_of(r);
    if (x->conn)
        x->ops->respond(x, status, header, header_count, piece, pieces);
    else
        exchange_free(x);
}

void http_begin(struct http_request *r, int status, const struct http_header *header, size_t header_count, uint64_t length)
{
    struct exchange *x = exchange_of(r);
    x->begun = true;
    x->to_send = length;
    if (x->conn) x->ops->begin(x, status, header, header_count, length);
}

static void run_drained(struct task *t)
{
    struct exchange *x = list_item(t, struct exchange, task);
    x->queued = false;
    if (x->over) {
        free_when_over(x);
        return;
    }
    void (*drained)(struct http_request * r) = x->drained;
    x->drained = NULL;
    if (drained) drained(&x->r);
}

void exchange_drained(struct exchange *x)
{
    if (x->queued || !x->drained) return;
    x->queued = true;
    x->task.run = run_drained;
    /* Posted, not deferred: a fast client of a long response must not keep the loop from everybody else. */
    loop_post(x->w->loop, &x->task);
}

void http_send(struct http_request *r, struct str data, void (*drained)(struct http_request *r))
{
    struct exchange *x = exchange_of(r);
    if (data.n > x->to_send) abort(); /* our bug: more than http_begin said */
    if (x->drained) abort();          /* our bug: the piece before has not left */
    x->to_send -= data.n;
    x->drained = drained;
    if (!x->conn || x->ops->send(x, data)) exchange_drained(x);
}

void http_end(struct http_request *r)
{
    struct exchange *x = exchange_of(r);
    if (x->conn && x->drained) abort(); /* our bug: the last piece has not left */
    if (x->conn)
        x->ops->end(x);
    else
        exchange_free(x);
}

struct str http_header_get(const struct http_request *r, struct str name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (str_eq_nocase(r->header[i].name, name)) return r->header[i].value;
    return (struct str){0};
}
