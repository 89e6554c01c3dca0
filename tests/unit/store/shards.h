/* What the tests of the store on PostgreSQL share: its databases, a store on some of them, and a stream of batches that goes on whatever happens. */
#ifndef ROOKERY_TESTS_STORE_SHARDS_H
#define ROOKERY_TESTS_STORE_SHARDS_H

#include "contract/postgres.h"
#include "contract/store_fixture.h"

#include "base/log.h"

/* --- stores and databases --- */

static struct str url[POSTGRES_SHARDS];

static inline int setup(void **state)
{
    struct fixture *x = mem_zero(sizeof *x);
    fixture_init(x);
    postgres_urls(url, POSTGRES_SHARDS);
    postgres_begin(url, POSTGRES_SHARDS, x->dir);
    fixture_loops(x);
    *state = x;
    return 0;
}

static inline int teardown(void **state)
{
    fixture_release(*state);
    mem_free(*state);
    return 0;
}

static inline struct store *open_urls(const struct str *urls, size_t count)
{
    struct fault f = {0};
    struct store *s = NULL;
    enum err e = store_postgres_open(&(struct store_postgres_config){.url = urls, .urls = count}, &s, &f);
    if (e) print_message("%s\n", f.text);
    assert_int_equal(e, ERR_OK);
    return s;
}

static inline void reopen(struct fixture *x, size_t count)
{
    if (x->store) x->store->ops->close(x->store);
    x->store = NULL;
    x->store = open_urls(url, count);
}

static inline int64_t count_in(struct str database, const char *sql)
{
    char answer[200];
    postgres_sql(database, sql, answer, sizeof answer);
    return strtoll(answer, NULL, 10);
}

static inline size_t rows_of(struct fixture *x, unsigned slot)
{
    struct store_read r = {.slot = slot, .table = T_timeline, .prefix = 1, .key = {cell_str(STR("!r"))}};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    return r.count;
}

/* --- many batches --- */

/* Batches that are under way at once, each of a slot of its own. */
enum { LANES = 16 };
struct lane {
    struct waiting_batch w;
    struct change change;
};

/* Writes one batch after another in each of some slots, again where it was told that it was not written. */
struct stream {
    struct call call;
    struct lane lane[LANES];
    int64_t at[LANES];
    atomic_bool stop;
    unsigned running;
    atomic_uint refused, conflicts, written;
};

static inline void stream_next(struct lane *l);

static inline void stream_done(struct store_batch *b)
{
    struct lane *l = (struct lane *)(void *)b;
    struct stream *s = list_item(l, struct stream, lane[b->slot]);
    if (b->err == ERR_OK) s->at[b->slot]++;
    s->written += b->err == ERR_OK;
    s->refused += b->err == ERR_STORAGE;
    s->conflicts += b->err == ERR_CONFLICT;
    if (s->stop || b->err == ERR_CONFLICT) {
        if (--s->running == 0) sem_post(&s->call.ready);
        return;
    }
    stream_next(l);
}

static inline void stream_next(struct lane *l)
{
    struct stream *s = list_item(l, struct stream, lane[l->w.batch.slot]);
    unsigned slot = l->w.batch.slot;
    int64_t at = s->at[slot];
    l->change = put_timeline(STR("!r"), at, at, STR("{}"));
    l->w.batch = (struct store_batch){.loop = loop_current(),
                                      .slot = slot,
                                      .epoch = 1,
                                      .predecessor = at,
                                      .position = at + 1,
                                      .change = &l->change,
                                      .count = 1,
                                      .done = stream_done};
    store_apply(s->call.store, &l->w.batch);
}

static inline void stream_start(struct call *c)
{
    struct stream *s = list_item(c, struct stream, call);
    for (unsigned i = 0; i < LANES; i++) {
        s->lane[i].w.batch.slot = i;
        s->running++;
        stream_next(&s->lane[i]);
    }
}

static inline void *stream_thread(void *arg)
{
    struct stream *s = arg;
    call_wait(s->call.batch->loop, &s->call);
    return NULL;
}

static inline void stream_wait(struct stream *s, unsigned more)
{
    unsigned want = s->written + more;
    while (s->written < want)
        usleep(1000);
}

static inline void check_stream(struct fixture *x, struct stream *s)
{
    assert_int_equal(s->conflicts, 0);
    for (unsigned i = 0; i < LANES; i++) {
        assert_int_equal(slot_of(x, i).position, s->at[i]);
        assert_int_equal(rows_of(x, i), s->at[i]);
    }
}

static inline struct stream *stream_begin(struct fixture *x, pthread_t *thread)
{
    struct stream *s = mem_zero(sizeof *s);
    s->call = (struct call){.fn = stream_start, .store = x->store, .batch = &s->lane[0].w.batch};
    s->lane[0].w.batch.loop = x->loop[0];
    pthread_create(thread, NULL, stream_thread, s);
    stream_wait(s, 200);
    return s;
}

static inline void stream_end(struct fixture *x, struct stream *s, pthread_t thread)
{
    stream_wait(s, 200);
    s->stop = true;
    pthread_join(thread, NULL);
    check_stream(x, s);
    mem_free(s);
}

#endif
