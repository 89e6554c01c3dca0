/* Reading: one statement, and so one snapshot of the slot's row and the rows asked for. What it found becomes rows on the reader's loop. */
#include "base/clock.h"
#include "base/log.h"
#include "store/postgres/priv.h"
#include "store/postgres/text.h"

/* A read or a look on its way. */
struct reading {
    struct ask ask;   /* first */
    struct list link; /* waiting */
    struct task task;
    struct pg *pg;
    struct shard *shard;
    struct store_read *read; /* one of the two */
    struct store_look *look;
    int64_t since_ms, began_us;
    PGresult *found;
};

static struct reading *reading_of(struct ask *a)
{
    return (struct reading *)(void *)a;
}

/* --- rows, on the reader's loop --- */

static int64_t number(const PGresult *r, int row, int column)
{
    uint64_t big;
    if (PQgetlength(r, row, column) != sizeof big) return 0;
    memcpy(&big, PQgetvalue(r, row, column), sizeof big);
    return (int64_t)__builtin_bswap64(big);
}

static bool take_row(struct row *out, enum table table, const PGresult *r, int row, char *bytes)
{
    const struct table_info *t = store_table(table);
    out->table = table;
    for (unsigned i = 0; i < t->columns; i++) {
        int column = (int)i + 1;
        out->c[i] = (struct cell){0};
        if (t->column[i].type == CELL_INT) {
            out->c[i].i = number(r, row, column);
            continue;
        }
        size_t n;
        struct str text = str_make(PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column));
        if (!text_take(text, t->column[i].key, bytes, &n)) return false;
        out->c[i].s = str_make(bytes, n);
        bytes += n;
    }
    return true;
}

static size_t bytes_of(const PGresult *r, int row, unsigned columns)
{
    size_t n = 1;
    for (unsigned i = 1; i <= columns; i++)
        n += (size_t)PQgetlength(r, row, (int)i);
    return n;
}

static enum err take_rows(struct store_read *r, const PGresult *found)
{
    unsigned columns = store_table(r->table)->columns;
    size_t rows = PQgetisnull(found, 0, 1) ? 0 : (size_t)PQntuples(found); /* one of NULLs: no row */
    r->as_of = number(found, 0, 0);
    r->more = rows > r->limit;
    r->count = r->more ? r->limit : rows;
    r->row = r->count ? arena_array(r->arena, r->count, sizeof *r->row) : NULL;
    for (size_t i = 0; i < r->count; i++) {
        char *bytes = arena_alloc(r->arena, bytes_of(found, (int)i, columns));
        if (take_row(&r->row[i], r->table, found, (int)i, bytes)) continue;
        log_event(LOG_ERROR, "store", "damaged row", "slot=%u table=%s", r->slot, store_table(r->table)->name);
        return ERR_STORAGE;
    }
    return ERR_OK;
}

static void read_found(struct task *t)
{
    struct reading *g = list_item(t, struct reading, task);
    struct store_read *r = g->read;
    r->err = take_rows(r, g->found);
    PQclear(g->found);
    mem_free(g);
    r->done(r);
}

static void read_failed(struct task *t)
{
    struct store_read *r = list_item(t, struct store_read, task);
    r->row = NULL;
    r->count = 0;
    r->more = false;
    r->done(r);
}

static void look_answered(struct task *t)
{
    struct store_look *l = list_item(t, struct store_look, task);
    l->done(l);
}

/* --- answers, on the store's --- */

static void answer_look(struct reading *g, enum err e)
{
    struct store_look *l = g->look;
    l->err = e;
    l->at = e ? (struct store_slot){0} : (struct store_slot){number(g->found, 0, 0), number(g->found, 0, 1)};
    PQclear(g->found);
    mem_free(g);
    l->task.run = look_answered;
    loop_post(l->loop, &l->task);
}

static void answer(struct reading *g, enum err e)
{
    struct store_read *r = g->read;
    list_remove(&g->link);
    atomic_fetch_add_explicit(&g->pg->count.reads, 1, memory_order_relaxed);
    histogram_add(&g->pg->count.read_time, clock_mono_us(&clock_system) - g->began_us);
    if (!r) {
        answer_look(g, e);
    } else if (e) {
        r->err = e;
        r->task.run = read_failed;
        PQclear(g->found);
        mem_free(g);
        loop_post(r->loop, &r->task);
    } else {
        g->task.run = read_found;
        loop_post(r->loop, &g->task);
    }
}

static unsigned slot_of(const struct reading *g)
{
    return g->read ? g->read->slot : g->look->slot;
}

/* First in line again, where its slot lives. */
static void wait_again(struct reading *g)
{
    struct shard *s = g->shard = g->pg->home[slot_of(g)];
    PQclear(g->found);
    g->found = NULL;
    g->ask.state[0] = 0;
    list_push_front(&s->waiting, &g->link);
    s->waitings++;
    read_go_on(s);
}

static bool found(struct ask *a, unsigned statement, PGresult *r)
{
    (void)statement;
    reading_of(a)->found = r;
    return true;
}

static void over(struct ask *a, enum over how)
{
    struct reading *g = reading_of(a);
    unsigned slot = slot_of(g);
    if (how == OVER_LOST) {
        wait_again(g); /* a sweep ends it when it has waited too long */
    } else if (how == OVER_FAILED) {
        bool late = strcmp(a->state, "57014") == 0;
        log_event(LOG_ERROR, "store", "read failed", "shard=%s slot=%u sqlstate=%s why=\"%s\"", g->shard->name, slot, a->state, a->why);
        answer(g, late ? ERR_UNAVAILABLE : ERR_STORAGE);
    } else if (!g->found || PQntuples(g->found) == 0) {
        if (g->pg->home[slot] == g->shard) home_lost(g->pg, slot);
        wait_again(g);
    } else {
        answer(g, ERR_OK);
    }
}

/* --- questions --- */

/* Parameters and their bytes. */
struct question {
    struct params p;
    uint64_t number[SQL_PARAMS_MAX];
    struct buf text;
    char room[2048];
};

static void add(struct question *q, const void *bytes, size_t n)
{
    q->p.value[q->p.n] = bytes;
    q->p.length[q->p.n++] = (int)n;
}

static void add_int(struct question *q, size_t bytes, int64_t v)
{
    uint64_t *big = &q->number[q->p.n];
    *big = __builtin_bswap64((uint64_t)v);
    add(q, (char *)big + sizeof *big - bytes, bytes);
}

static void add_cell(struct question *q, enum table t, unsigned at, const struct cell *c)
{
    if (store_table(t)->column[at].type == CELL_INT) {
        add_int(q, sizeof c->i, c->i);
        return;
    }
    size_t from = q->text.n;
    text_put(&q->text, c->s, true);
    add(q, q->text.p + from, q->text.n - from);
}

/* Where the texts lie may change while they are added, so there is room for all before. */
static bool room_for(struct question *q, const struct store_read *r)
{
    size_t n = 1;
    for (unsigned i = 0; i < r->prefix; i++)
        n += 2 * r->key[i].s.n;
    n += 2 * (r->has_from ? r->from.s.n : 0) + 2 * (r->has_to ? r->to.s.n : 0);
    buf_init_in(&q->text, 16 * STORE_KEY_MAX, q->room, sizeof q->room);
    return buf_room(&q->text, n) != NULL;
}

static bool send_read(struct link *l, const struct store_read *r)
{
    struct question q = {0};
    bool fits = room_for(&q, r);
    if (fits) {
        add_int(&q, sizeof(int16_t), r->slot);
        for (unsigned i = 0; i < r->prefix; i++)
            add_cell(&q, r->table, i, &r->key[i]);
        if (r->has_from) add_cell(&q, r->table, r->prefix, &r->from);
        if (r->has_to) add_cell(&q, r->table, r->prefix, &r->to);
        if (r->prefix < store_table(r->table)->keys) add_int(&q, sizeof(int64_t), r->limit < INT32_MAX ? (int64_t)r->limit + 1 : INT32_MAX);
        pg_link_send(l, sql_of_read(r), &q.p);
    }
    buf_release(&q.text);
    return fits;
}

static void send_question(struct link *l, struct reading *g)
{
    if (g->look) {
        struct question q = {0};
        add_int(&q, sizeof(int16_t), g->look->slot);
        pg_link_send(l, SQL_LOOK, &q.p);
    } else if (!send_read(l, g->read)) {
        answer(g, ERR_TOO_LARGE);
        return;
    }
    pg_link_sync(l, &g->ask);
}

static struct link *least_busy(struct shard *s)
{
    struct link *best = NULL;
    for (unsigned i = 0; i < s->readers; i++) {
        struct link *l = &s->reader[i];
        if (pg_link_is_up(l) && l->depth < DEPTH_MAX && (!best || l->depth < best->depth)) best = l;
    }
    return best;
}

static void read_now(struct task *t)
{
    struct shard *s = list_item(t, struct shard, read);
    struct link *l;
    s->read_due = false;
    list_each_safe(n, &s->waiting)
    {
        struct reading *g = list_item(n, struct reading, link);
        if (is_homeless(s->pg, slot_of(g))) continue;
        if (!(l = least_busy(s))) return;
        list_remove(n);
        s->waitings--;
        send_question(l, g);
    }
}

void read_hand_over(struct shard *from, struct shard *to, unsigned slot)
{
    list_each_safe(n, &from->waiting)
    {
        struct reading *g = list_item(n, struct reading, link);
        if (slot_of(g) != slot) continue;
        list_remove(n);
        list_push(&to->waiting, n);
        g->shard = to;
        from->waitings--;
        to->waitings++;
    }
}

/* When the tick ends. */
void read_go_on(struct shard *s)
{
    if (s->read_due) return;
    s->read_due = true;
    loop_defer(s->pg->loop, &s->read);
}

static bool is_here(const struct shard *s)
{
    for (unsigned i = 0; i < s->readers; i++)
        if (pg_link_is_up(&s->reader[i])) return true;
    return false;
}

/* For longer than a restart takes: a question need not wait to learn that. Whoever asks may hold a lock that others wait for, who do not need the
 * database at all. (When this thread has stood still, it is the time of the last look that is old.) */
static bool is_long_away(const struct shard *s)
{
    return s->here_ms && loop_now_ms(s->pg->loop) - s->here_ms > AWAY_MS && !is_here(s);
}

static void arrived(struct task *t)
{
    struct reading *g = list_item(t, struct reading, task);
    g->shard = g->pg->home[slot_of(g)];
    g->since_ms = loop_now_ms(g->pg->loop);
    if (g->shard->waitings >= WAITING_MAX || g->pg->closing || is_long_away(g->shard)) {
        answer(g, ERR_UNAVAILABLE);
        return;
    }
    list_push(&g->shard->waiting, &g->link);
    g->shard->waitings++;
    read_go_on(g->shard);
}

static void ask(struct store *store, struct store_read *r, struct store_look *l)
{
    struct pg *p = pg_of(store);
    struct reading *g = mem_zero(sizeof *g);
    *g = (struct reading){.ask = {.result = found, .over = over},
                          .task.run = arrived,
                          .pg = p,
                          .read = r,
                          .look = l,
                          .began_us = clock_mono_us(&clock_system)};
    list_init(&g->ask.link);
    list_init(&g->link);
    loop_post(p->loop, &g->task);
}

void pg_read(struct store *store, struct store_read *r)
{
    unsigned keys = store_table(r->table)->keys;
    if (r->slot >= STORE_SLOTS || r->limit == 0 || r->prefix > keys || ((r->has_from || r->has_to) && r->prefix == keys)) abort();
    ask(store, r, NULL);
}

void pg_look(struct store *store, struct store_look *l)
{
    if (l->slot >= STORE_SLOTS) abort();
    ask(store, NULL, l);
}

void read_init(struct shard *s)
{
    list_init(&s->waiting);
    s->read.run = read_now;
    for (unsigned i = 0; i < s->readers; i++)
        pg_link_init(&s->reader[i], s, false);
}

void read_sweep(struct shard *s, bool all)
{
    int64_t now = loop_now_ms(s->pg->loop);
    for (unsigned i = 0; i < s->readers; i++) {
        int64_t oldest = pg_link_oldest_ms(&s->reader[i]);
        if (oldest && (all || now - oldest > PATIENCE_MS)) pg_link_drop(&s->reader[i]);
        if (pg_link_is_up(&s->reader[i])) s->here_ms = now;
    }
    if (pg_link_is_up(&s->writer)) s->here_ms = now;
    list_each_safe(n, &s->waiting)
    {
        struct reading *g = list_item(n, struct reading, link);
        if (!all && !is_long_away(s) && now - g->since_ms <= PATIENCE_MS) continue;
        s->waitings--;
        answer(g, ERR_UNAVAILABLE);
    }
}
