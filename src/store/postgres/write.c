/* Writing: batches that wait together are one transaction, and what became of it. priv.h tells the way. */
#include <arpa/inet.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/postgres/priv.h"
#include "store/scan.h"

enum { TX_BYTES = 4 << 20, TX_CHANGES = 20000, BATCH_BYTES_MAX = 64 << 20, RETRY_MS = 50 };

/* A batch on its way. */
struct job {
    struct list link;
    struct task task;
    struct pg *pg;
    struct store_batch *batch;
    enum err verdict; /* what is wrong with it whatever the database says */
    bool uncertain;   /* it may have been committed */
    int64_t since_ms;
    size_t bytes;
};

/* The batches of one slot in a transaction, each following the one before. */
struct run {
    enum { RUN_NONE, RUN_ON, RUN_CUT } state; /* CUT: what comes next does not follow, and waits */
    int64_t predecessor, first_epoch;
    struct store_slot to;
    bool found;           /* the slot's row, */
    struct store_slot at; /* which says this */
};

struct tx {
    struct ask ask; /* first */
    struct shard *shard;
    struct list jobs;
    size_t count, bytes, changes;
    int64_t began_us;
    struct run run[STORE_SLOTS];
};

static void write_now(struct shard *s);

/* --- in and out --- */

static void answered(struct task *t)
{
    struct store_batch *b = list_item(t, struct store_batch, task);
    b->done(b);
}

static void answer(struct job *j, enum err e)
{
    struct store_batch *b = j->batch;
    struct counters *c = &j->pg->count;
    list_remove(&j->link);
    atomic_fetch_add_explicit(&c->batches, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&c->queue, 1, memory_order_relaxed);
    if (!e) atomic_fetch_add_explicit(&c->changes, b->count, memory_order_relaxed);
    mem_free(j);
    b->err = e;
    b->task.run = answered;
    loop_post(b->loop, &b->task);
}

static void arrived(struct task *t)
{
    struct job *j = list_item(t, struct job, task);
    struct shard *s = j->pg->home[j->batch->slot];
    j->since_ms = loop_now_ms(j->pg->loop);
    list_push(&s->pending, &j->link);
    write_go_on(s);
}

static size_t row_bytes(const struct row *r)
{
    const struct table_info *t = store_table(r->table);
    size_t n = 0;
    for (unsigned i = 0; i < t->columns; i++)
        n += t->column[i].type == CELL_STR ? r->c[i].s.n : sizeof r->c[i].i;
    return n;
}

static enum err check(const struct store_batch *b, size_t *bytes)
{
    if (b->position <= b->predecessor) return ERR_CONFLICT;
    *bytes = 0;
    for (size_t i = 0; i < b->count; i++) {
        enum err e = change_check(&b->change[i]);
        if (e) return e;
        if (!b->change[i].del) *bytes += row_bytes(&b->change[i].row);
    }
    return *bytes > BATCH_BYTES_MAX ? ERR_TOO_LARGE : ERR_OK;
}

void pg_apply(struct store *store, struct store_batch *b)
{
    struct pg *p = pg_of(store);
    if (b->slot >= STORE_SLOTS) abort();
    struct job *j = mem_zero(sizeof *j);
    *j = (struct job){.task.run = arrived, .pg = p, .batch = b};
    list_init(&j->link);
    j->verdict = check(b, &j->bytes);
    atomic_fetch_add_explicit(&p->count.queue, 1, memory_order_relaxed);
    loop_post(p->loop, &j->task);
}

/* --- a transaction --- */

static struct job *job_of(struct list *n)
{
    return list_item(n, struct job, link);
}

/* May the batch be part of the transaction? */
static bool follows(struct run *r, const struct store_batch *b)
{
    if (r->state == RUN_NONE)
        *r = (struct run){.state = RUN_ON, .predecessor = b->predecessor, .first_epoch = b->epoch};
    else if (r->state == RUN_CUT || b->predecessor != r->to.position || b->epoch < r->to.epoch)
        r->state = RUN_CUT;
    if (r->state == RUN_CUT) return false;
    r->to = (struct store_slot){b->position, b->epoch};
    return true;
}

static void gather(struct tx *tx)
{
    struct shard *s = tx->shard;
    size_t most = s->alone ? 1 : SIZE_MAX;
    list_each_safe(n, &s->pending)
    {
        struct job *j = job_of(n);
        struct run *r = &tx->run[j->batch->slot];
        if (is_homeless(s->pg, j->batch->slot)) continue;
        if (tx->count == most || tx->bytes >= TX_BYTES || tx->changes >= TX_CHANGES) return;
        if (j->verdict && r->state == RUN_NONE) {
            answer(j, j->verdict);
            continue;
        }
        if (j->verdict) r->state = RUN_CUT;
        if (!follows(r, j->batch)) continue;
        list_remove(n);
        list_push(&tx->jobs, n);
        tx->count++;
        tx->bytes += j->bytes;
        tx->changes += j->batch->count;
    }
}

/* An array of the slots' numbers, or of something about them. */
struct numbers {
    uint32_t head[5];
    unsigned char item[STORE_SLOTS * 12];
    int bytes;
};

static void numbers_begin(struct numbers *a, unsigned type, size_t count)
{
    uint32_t head[5] = {htonl(1), 0, htonl(type), htonl((uint32_t)count), htonl(1)};
    memcpy(a->head, head, sizeof head);
    a->bytes = 0;
}

static void numbers_add(struct numbers *a, unsigned bytes, int64_t v)
{
    uint32_t size = htonl(bytes);
    uint64_t big = __builtin_bswap64((uint64_t)v);
    memcpy(a->item + a->bytes, &size, sizeof size);
    memcpy(a->item + a->bytes + sizeof size, (char *)&big + sizeof big - bytes, bytes);
    a->bytes += (int)(sizeof size + bytes);
}

static void send_fence(struct tx *tx)
{
    enum { INT2 = 21, INT8 = 20 };
    struct numbers a[5];
    struct params p = {.n = 1};
    size_t count = 0;
    for (unsigned i = 0; i < STORE_SLOTS; i++)
        count += tx->run[i].state != RUN_NONE;
    for (unsigned i = 0; i < 5; i++)
        numbers_begin(&a[i], i ? INT8 : INT2, count);
    for (unsigned i = 0; i < STORE_SLOTS; i++) {
        const struct run *r = &tx->run[i];
        if (r->state == RUN_NONE) continue;
        numbers_add(&a[0], sizeof(int16_t), i);
        numbers_add(&a[1], sizeof(int64_t), r->predecessor);
        numbers_add(&a[2], sizeof(int64_t), r->first_epoch);
        numbers_add(&a[3], sizeof(int64_t), r->to.position);
        numbers_add(&a[4], sizeof(int64_t), r->to.epoch);
    }
    for (unsigned i = 0; i < 5; i++) {
        p.value[i] = (const char *)a[i].head;
        p.length[i] = (int)sizeof a[i].head + a[i].bytes;
    }
    pg_link_send(&tx->shard->writer, SQL_LOCK, &p);
    p.n = 5;
    pg_link_send(&tx->shard->writer, SQL_ADVANCE, &p);
}

static int64_t number(PGresult *r, int row, int column)
{
    uint64_t big = 0;
    size_t n = (size_t)PQgetlength(r, row, column);
    if (n > sizeof big) return 0;
    memcpy((char *)&big + sizeof big - n, PQgetvalue(r, row, column), n);
    return (int64_t)__builtin_bswap64(big);
}

/* The rows of the slots, locked. */
static bool tx_result(struct ask *a, unsigned statement, PGresult *r)
{
    struct tx *tx = (struct tx *)(void *)a;
    for (int i = 0; statement == SQL_LOCK && i < PQntuples(r); i++) {
        int64_t slot = number(r, i, 0);
        if (slot < 0 || slot >= STORE_SLOTS || strcmp(PQgetvalue(r, i, 3), "live") != 0) continue;
        tx->run[slot].found = true;
        tx->run[slot].at = (struct store_slot){number(r, i, 1), number(r, i, 2)};
    }
    return false;
}

/* --- what became of it --- */

static void committed(struct tx *tx)
{
    struct shard *s = tx->shard;
    struct counters *c = &s->pg->count;
    atomic_fetch_add_explicit(&c->commits, 1, memory_order_relaxed);
    histogram_add(&c->commit_time, clock_mono_us(&clock_system) - tx->began_us);
    atomic_fetch_add_explicit(&c->bytes_written, tx->bytes, memory_order_relaxed);
    while (!list_is_empty(&tx->jobs))
        answer(job_of(tx->jobs.next), ERR_OK);
    if (s->alone) s->alone--;
}

/* First in line again, in order. */
static void put_back(struct tx *tx, bool uncertain)
{
    while (!list_is_empty(&tx->jobs)) {
        struct list *last = tx->jobs.prev;
        job_of(last)->uncertain |= uncertain;
        list_remove(last);
        list_push_front(&tx->shard->pending, last);
    }
}

static void fail_all(struct tx *tx, enum err e)
{
    while (!list_is_empty(&tx->jobs))
        answer(job_of(tx->jobs.next), e);
}

/* The last job of the slot that leads to where it stands, and was sent before: then it was committed. */
static struct job *reached(struct shard *s, unsigned slot, struct store_slot at)
{
    struct job *found = NULL;
    list_each(n, &s->pending)
    {
        struct job *j = job_of(n);
        const struct store_batch *b = j->batch;
        if (b->slot == slot && j->uncertain && b->position == at.position && b->epoch == at.epoch) found = j;
    }
    return found;
}

/* Answers those of a slot's batches about which its row decides: what was committed, and what follows something else. */
static size_t settle(struct shard *s, unsigned slot, struct store_slot at)
{
    struct job *last = reached(s, slot, at);
    size_t answers = 0;
    list_each_safe(n, &s->pending)
    {
        struct job *j = job_of(n);
        const struct store_batch *b = j->batch;
        if (b->slot != slot) continue;
        bool was_it = last == j;
        if (!last && b->predecessor == at.position && b->epoch >= at.epoch) break;
        answer(j, last ? ERR_OK : j->verdict ? j->verdict : ERR_CONFLICT);
        if (was_it) last = NULL;
        answers++;
    }
    return answers;
}

static void write_again(struct timer *t)
{
    write_now(list_item(t, struct shard, write_retry));
}

/* Some slots stand elsewhere. */
static void fenced(struct tx *tx)
{
    struct shard *s = tx->shard;
    bool explained = false;
    put_back(tx, false);
    for (unsigned i = 0; i < STORE_SLOTS; i++) {
        const struct run *r = &tx->run[i];
        if (r->state == RUN_NONE) continue;
        if (!r->found) home_lost(s->pg, i);
        explained |= !r->found || settle(s, i, r->at) > 0;
    }
    if (explained) return;
    log_event(LOG_ERROR, "store", "fence failed without reason", "shard=%s", s->name);
    timer_set(s->pg->loop, &s->write_retry, RETRY_MS, write_again);
}

/* What is left of a lost connection may still commit it: it cannot be said to have failed. */
static bool has_uncertain(const struct tx *tx)
{
    list_each(n, &tx->jobs) if (job_of(n)->uncertain) return true;
    return false;
}

/* One of them is at fault, or none. */
static void refused(struct tx *tx)
{
    struct shard *s = tx->shard;
    bool full = strncmp(tx->ask.state, "53", 2) == 0, passing = strncmp(tx->ask.state, "40", 2) == 0;
    passing |= strcmp(tx->ask.state, "55P03") == 0 || strcmp(tx->ask.state, "57014") == 0; /* a lock was waited for too long */
    log_event(passing ? LOG_WARN : LOG_ERROR, "store", "transaction failed", "shard=%s batches=%zu sqlstate=%s why=\"%s\"", s->name,
              tx->count, tx->ask.state, tx->ask.why);
    if (passing || has_uncertain(tx)) {
        put_back(tx, false);
        timer_set(s->pg->loop, &s->write_retry, passing ? RETRY_MS : 10 * RETRY_MS, write_again);
    } else if (full) {
        fail_all(tx, strcmp(tx->ask.state, "53100") == 0 ? ERR_FULL : ERR_STORAGE);
    } else if (tx->count > 1) {
        s->alone = tx->count;
        put_back(tx, false);
    } else {
        fail_all(tx, ERR_STORAGE);
        if (s->alone) s->alone--;
    }
}

/* It came to a server that does not take writes: its role has changed. */
static bool is_read_only(const struct ask *a)
{
    return strcmp(a->state, "25006") == 0;
}

static void tx_over(struct ask *a, enum over how)
{
    struct tx *tx = (struct tx *)(void *)a;
    struct shard *s = tx->shard;
    s->tx = NULL;
    if (how == OVER_LOST) {
        put_back(tx, true);
    } else if (how == OVER_DONE) {
        committed(tx);
    } else if (strcmp(a->state, SQL_FENCED) == 0) {
        fenced(tx);
    } else if (is_read_only(a)) {
        put_back(tx, false);
        pg_link_drop(&s->writer);
    } else {
        refused(tx);
    }
    mem_free(tx);
    write_go_on(s);
}

/* --- going on --- */

static void write_now(struct shard *s)
{
    if (s->tx || !pg_link_is_up(&s->writer) || list_is_empty(&s->pending) || timer_is_set(&s->write_retry)) return;
    struct tx *tx = mem_zero(sizeof *tx);
    tx->ask = (struct ask){.result = tx_result, .over = tx_over};
    tx->shard = s;
    list_init(&tx->ask.link);
    list_init(&tx->jobs);
    gather(tx);
    if (list_is_empty(&tx->jobs)) {
        mem_free(tx);
        return;
    }
    tx->began_us = clock_mono_us(&clock_system);
    s->tx = tx;
    send_fence(tx);
    list_each(n, &tx->jobs) rows_add(s->pg->rows, job_of(n)->batch);
    rows_send(s->pg->rows, &s->writer);
    pg_link_sync(&s->writer, &tx->ask);
}

static void write_due(struct task *t)
{
    struct shard *s = list_item(t, struct shard, write);
    s->write_due = false;
    write_now(s);
}

/* When the tick ends: what arrives in it goes together. */
void write_go_on(struct shard *s)
{
    if (s->write_due) return;
    s->write_due = true;
    loop_defer(s->pg->loop, &s->write);
}

void write_init(struct shard *s)
{
    pg_link_init(&s->writer, s, true);
    list_init(&s->pending);
    s->write.run = write_due;
}

void write_hand_over(struct shard *from, struct shard *to, unsigned slot)
{
    list_each_safe(n, &from->pending)
    {
        if (job_of(n)->batch->slot != slot) continue;
        list_remove(n);
        list_push(&to->pending, n);
    }
}

bool write_is_idle(const struct shard *s)
{
    return !s->tx && list_is_empty(&s->pending);
}

void write_sweep(struct shard *s, bool all)
{
    int64_t now = loop_now_ms(s->pg->loop);
    uint64_t uncertain = 0;
    bool up = pg_link_is_up(&s->writer);
    if (s->tx && now - s->tx->ask.sent_ms > WRITE_PATIENCE_MS) pg_link_drop(&s->writer);
    if (s->tx && (!s->pg->homeless || all)) return;
    list_each_safe(n, &s->pending)
    {
        struct job *j = job_of(n);
        uint64_t slot = (uint64_t)1 << j->batch->slot;
        if (j->uncertain) uncertain |= slot; /* and what comes after it waits with it: answers keep their order */
        if (up && !all && !is_homeless(s->pg, j->batch->slot)) continue;
        if (all || (!(uncertain & slot) && now - j->since_ms > PATIENCE_MS)) answer(j, ERR_STORAGE);
    }
}
