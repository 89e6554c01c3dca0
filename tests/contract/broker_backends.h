/* The contract of the broker runs on every back end. A new back end is one row in `backends`.
 *
 * A broker may take its time, so the tests wait for what they expect; that something does not come is seen by what comes after it. */
#ifndef ROOKERY_TESTS_BROKER_BACKENDS_H
#define ROOKERY_TESTS_BROKER_BACKENDS_H

#include "contract/broker_fixture.h"

#include "broker/faulty.h"
#include "broker/local/local.h"
#include "broker/trace.h"
#include "broker_amqp.h"

struct backend {
    const char *name;
    void *(*open)(void); /* an empty broker */
    void (*close)(void *place);
    enum err (*attach)(void *place, struct str name, struct broker **out);
    void (*kill)(struct broker *b); /* as when the node's process dies; frees it */
};

static inline void *open_local(void)
{
    return broker_exchange_new();
}
static inline void close_local(void *place)
{
    broker_exchange_free(place);
}
static inline enum err attach_local(void *place, struct str name, struct broker **out)
{
    return broker_local_attach(place, name, out, NULL);
}
static inline enum err attach_faulty(void *place, struct str name, struct broker **out)
{
    enum err e = attach_local(place, name, out);
    if (e == ERR_OK) *out = broker_faulty_new(*out);
    return e;
}
static inline enum err attach_trace(void *place, struct str name, struct broker **out)
{
    enum err e = attach_local(place, name, out);
    if (e == ERR_OK) *out = broker_trace_new(*out);
    return e;
}

static inline void *open_amqp(void)
{
    return rabbitmq_open();
}
static inline void close_amqp(void *place)
{
    mem_free(place);
}
static inline enum err attach_amqp(void *place, struct str name, struct broker **out)
{
    struct rabbitmq *r = place;
    return broker_amqp_attach(&r->config, name, out, NULL);
}
static inline void kill_amqp(struct broker *b)
{
    broker_amqp_cut(b);
    broker_close(b);
}

static const struct backend backends[] = {
    {"local", open_local, close_local, attach_local, broker_close},
    {"faulty(local)", open_local, close_local, attach_faulty, broker_close},
    {"trace(local)", open_local, close_local, attach_trace, broker_close},
    {"amqp", open_amqp, close_amqp, attach_amqp, kill_amqp},
};

struct world {
    const struct backend *backend;
    void *place;
    struct node node[NODES];
};

static inline int setup(void **state)
{
    static const char *const names[NODES] = {"alpha", "beta.2", "Gamma-3_x"};
    struct world *w = mem_zero(sizeof *w);
    w->backend = *state;
    w->place = w->backend->open();
    for (unsigned i = 0; i < NODES; i++) {
        w->node[i].name = names[i];
        assert_int_equal(w->backend->attach(w->place, str_c(names[i]), &w->node[i].broker), ERR_OK);
        node_start(&w->node[i]);
    }
    *state = w;
    return 0;
}

static inline void stop_all(struct world *w)
{
    for (unsigned i = 0; i < NODES; i++)
        node_stop(&w->node[i], broker_close);
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    stop_all(w);
    w->backend->close(w->place);
    mem_free(w);
    return 0;
}

/* --- all of it, on every back end --- */

#define ON_BACKEND(f)                                                                                                                      \
    {                                                                                                                                      \
#f, f, setup, teardown, NULL                                                                                                       \
    }

/* The test program's main. */
static inline int on_all_backends(char **argv, struct CMUnitTest *tests, size_t count)
{
    int failed = 0;
    rabbitmq_or_begin_again(argv, NULL);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        for (size_t k = 0; k < count; k++)
            tests[k].initial_state = (void *)(uintptr_t)&backends[i];
        failed += _cmocka_run_group_tests(backends[i].name, tests, count, NULL, NULL);
    }
    return failed != 0;
}

#endif
