/* The contract of the store runs on every back end. A new back end is one row in `backends`. */
#ifndef ROOKERY_TESTS_STORE_BACKENDS_H
#define ROOKERY_TESTS_STORE_BACKENDS_H

#include "contract/postgres.h"
#include "contract/store_fixture.h"

#include "store/faulty.h"
#include "store/memory/memory.h"
#include "store/rocksdb/rocksdb.h"
#include "store/trace.h"

struct backend {
    const char *name;
    enum err (*open)(const char *path, struct store **out);
    bool durable; /* opening `path` again finds what was written */
    bool wrapper;
};

static inline enum err open_memory(const char *path, struct store **out)
{
    (void)path;
    *out = store_memory_new();
    return ERR_OK;
}

static inline enum err open_rocksdb(const char *path, struct store **out)
{
    struct fault f = {0};
    enum err e = store_rocksdb_open(path, NULL, out, &f);
    if (e) print_message("%s\n", f.text);
    return e;
}

/* So small that nearly all is read from files, on workers, through filters. */
static inline enum err open_rocksdb_cold(const char *path, struct store **out)
{
    return store_rocksdb_open(path, &(struct store_rocksdb_config){.cache_bytes = 16384, .write_buffer_bytes = 65536}, out, NULL);
}

static inline enum err open_postgres(const char *path, struct store **out)
{
    return postgres_open(path, 1, out);
}

static inline enum err open_postgres_sharded(const char *path, struct store **out)
{
    return postgres_open(path, POSTGRES_SHARDS, out);
}

static inline enum err open_faulty(const char *path, struct store **out)
{
    (void)path;
    *out = store_faulty_new(store_memory_new());
    store_faulty_delay_reads(*out, true);
    return ERR_OK;
}

static inline enum err open_trace(const char *path, struct store **out)
{
    struct store *inside;
    enum err e = open_rocksdb(path, &inside);
    if (!e) *out = store_trace_new(inside);
    return e;
}

static const struct backend backends[] = {
    {"memory", open_memory, false, false},
    {"rocksdb", open_rocksdb, true, false},
    {"rocksdb, cold", open_rocksdb_cold, true, false},
    {"postgres", open_postgres, true, false},
    {"postgres, sharded", open_postgres_sharded, true, false},
    {"faulty(memory)", open_faulty, false, true},
    {"trace(rocksdb)", open_trace, true, true},
};
enum { BACKENDS = sizeof backends / sizeof *backends };

/* --- a store for each test --- */

struct world {
    struct fixture x; /* first */
    const struct backend *backend;
};

static inline int setup(void **state)
{
    const struct backend *b = *state;
    struct world *w = mem_zero(sizeof *w);
    w->backend = b;
    fixture_init(&w->x);
    assert_int_equal(b->open(w->x.data, &w->x.store), ERR_OK);
    fixture_loops(&w->x);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    fixture_release(&w->x);
    mem_free(w);
    return 0;
}

static inline void reopen(struct world *w)
{
    w->x.store->ops->close(w->x.store);
    w->x.store = NULL;
    assert_int_equal(w->backend->open(w->x.data, &w->x.store), ERR_OK);
}

/* --- reading in short --- */

static inline struct store_read all_timeline(unsigned slot, struct str room)
{
    return (struct store_read){.slot = slot, .table = T_timeline, .prefix = 1, .key = {cell_str(room)}};
}

static inline void check_ords(struct fixture *x, struct store_read r, const int64_t *want, size_t count, bool more)
{
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(r.row[i].c[C_timeline_ord].i, want[i]);
    assert_int_equal(r.more, more);
}

/* --- running --- */

#define ON_BACKEND(f)                                                                                                                      \
    {                                                                                                                                      \
#f, f, setup, teardown, NULL                                                                                                       \
    }

/* The test program's main. */
static inline int on_all_backends(int argc, char **argv, struct CMUnitTest *tests, size_t count)
{
    int failed = 0;
    postgres_need(argc, argv);
    for (size_t i = 0; i < BACKENDS; i++) {
        for (size_t t = 0; t < count; t++)
            tests[t].initial_state = (void *)(uintptr_t)&backends[i];
        failed += _cmocka_run_group_tests(backends[i].name, tests, count, NULL, NULL);
    }
    return failed != 0;
}

#endif
