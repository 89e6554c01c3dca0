#include "http/internal.h"

/* --- life --- */

void worker_init(struct worker *w, struct http_server *s, struct loop *l)
{
    w->server = s;
    w->loop = l;
    for (int d = 0; d < DEADLINES; d++)
        list_init(&w->deadline[d]);
    buf_init(&w->cork, CORK_BYTES);
    buf_init(&w->head, 65536);
    w->next_id = random_u64();
}

void worker_release(struct worker *w)
{
    for (size_t i = 0; i < w->spares; i++) {
        arena_release(w->spare[i]);
        mem_free(w->spare[i]);
    }
    mem_free(w->read);
    buf_release(&w->cork);
    buf_release(&w->head);
    buf_release(&w->plain);
    buf_release(&w->record);
    buf_release(&w->cipher);
}

/* --- what its connections share --- */

enum { SPARE_BYTES = 8192, SPARES_KEPT = 8 };

struct arena *worker_arena(struct worker *w)
{
    if (w->spares) return w->spare[--w->spares];
    struct arena *a = mem_alloc(sizeof *a);
    arena_init(a);
    return a;
}

void worker_arena_return(struct worker *w, struct arena *a)
{
    if (w->spares < sizeof w->spare / sizeof w->spare[0] && a->used <= SPARE_BYTES) {
        arena_reset(a);
        w->spare[w->spares++] = a;
    } else {
        arena_release(a);
        mem_free(a);
    }
}

struct str worker_date(struct worker *w)
{
    enum { LENGTH = 37 };
    int64_t now = loop_now_ms(w->loop);
    if (w->date[0] == 0 || now - w->date_at_ms >= 500) {
        struct timespec t;
        struct tm tm;
        clock_gettime(CLOCK_REALTIME, &t);
        gmtime_r(&t.tv_sec, &tm);
        /* Names of days and months are those of the C locale: the program never sets another. */
        strftime(w->date, sizeof w->date, "date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        w->date_at_ms = now;
    }
    return str_make(w->date, LENGTH);
}

/* Request ids only have to differ and not to tell how many there were: a counter behind a mixer (splitmix64). */
void worker_request_id(struct worker *w, char out[17])
{
    uint64_t z = w->next_id += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    for (int i = 0; i < 16; i++)
        out[i] = "0123456789abcdef"[z >> (60 - 4 * i) & 15];
    out[16] = 0;
}

/* --- deadlines: one timer looks at the oldest of each kind --- */

static int64_t limit_of(const struct worker *w, enum deadline d)
{
    const struct http_limits *l = &w->server->config.limits;
    switch (d) {
    case DEADLINE_HEADER:
        return l->header_ms;
    case DEADLINE_BODY:
        return l->body_ms;
    case DEADLINE_IDLE:
        return l->idle_ms;
    case DEADLINE_LINGER:
        return 2000;
    default:
        return 0;
    }
}

static int64_t sweep_every(const struct worker *w)
{
    int64_t every = 1000;
    for (int d = 0; d < DEADLINE_NONE; d++) {
        int64_t limit = limit_of(w, (enum deadline)d);
        if (limit > 0 && limit / 4 < every) every = limit / 4;
    }
    return every > 5 ? every : 5;
}

static void sweep_list(struct worker *w, enum deadline d)
{
    int64_t limit = limit_of(w, d), now = loop_now_ms(w->loop);
    while (limit > 0 && !list_is_empty(&w->deadline[d])) {
        struct conn *c = list_item(w->deadline[d].next, struct conn, link);
        if (now - c->since_ms < limit) return;
        /* Whatever timeout does, the connection must not stay at the head. */
        conn_deadline(c, d, true);
        c->protocol->timeout(c);
    }
}

/* After a rush its memory goes, bit by bit. */
static void drop_spare(struct worker *w)
{
    if (w->spares <= SPARES_KEPT) return;
    struct arena *a = w->spare[--w->spares];
    arena_release(a);
    mem_free(a);
}

static void sweep(struct timer *t)
{
    struct worker *w = list_item(t, struct worker, sweep);
    for (int d = 0; d < DEADLINE_NONE; d++)
        sweep_list(w, (enum deadline)d);
    drop_spare(w);
    if (atomic_load_explicit(&w->connections, memory_order_relaxed)) timer_set(w->loop, &w->sweep, sweep_every(w), sweep);
}

/* --- connections come and go --- */

void worker_take(struct worker *w, int fd, const struct address *peer)
{
    if (!w->read) w->read = mem_alloc(READ_BYTES);
    if (!timer_is_set(&w->sweep)) timer_set(w->loop, &w->sweep, sweep_every(w), sweep);
    conn_open(w, fd, peer);
}

void worker_settle(struct worker *w)
{
    if (!w->closing || w->closed || w->exchanges || atomic_load(&w->connections)) return;
    w->closed = true;
    timer_clear(w->loop, &w->sweep);
    timer_clear(w->loop, &w->grace);
    server_part_closed(w->server);
}

void worker_lost_one(struct worker *w)
{
    atomic_fetch_sub(&w->connections, 1);
    worker_settle(w);
}

static void each_conn(struct worker *w, void (*f)(struct conn *c))
{
    for (int d = 0; d < DEADLINES; d++)
        list_each_safe(it, &w->deadline[d]) f(list_item(it, struct conn, link));
}

static void shut_one(struct conn *c)
{
    c->protocol->shut(c);
}

static void grace_is_over(struct timer *t)
{
    each_conn(list_item(t, struct worker, grace), conn_close);
}

void worker_close(struct worker *w)
{
    w->closing = true;
    each_conn(w, shut_one);
    if (w->server->grace_ms > 0)
        timer_set(w->loop, &w->grace, w->server->grace_ms, grace_is_over);
    else
        each_conn(w, conn_close);
    worker_settle(w);
}
