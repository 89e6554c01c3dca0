/* What the tests of the engine share: an engine on the store in memory, on one loop that the test polls, with a clock that the test moves. */
#ifndef ROOKERY_TESTS_ENGINE_SCENE_H
#define ROOKERY_TESTS_ENGINE_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "cache/local/local.h"
#include "engine/engine.h"
#include "loop/fiber.h"
#include "store/memory/memory.h"

enum { HOUR_MS = 3600 * 1000 };

static int64_t now_ms = 1700000000000;
static inline int64_t wall(void *ctx)
{
    (void)ctx;
    return now_ms;
}
static inline int64_t mono(void *ctx)
{
    (void)ctx;
    return now_ms * 1000;
}
static const struct clock test_clock = {.wall_ms = wall, .mono_us = mono};

struct scene {
    struct loop *loop;
    struct store *store;
    struct cache *cache;
    struct limiter *limiter;
    struct engine *engine;
    struct arena arena;
    struct task start;
    void (*script)(struct scene *x);
    bool done;
};

static inline void run_script(void *arg)
{
    struct scene *x = arg;
    x->script(x);
    x->done = true;
}

static inline void start(struct task *t)
{
    fiber_spawn(run_script, list_item(t, struct scene, start));
}

/* Runs the script in a fiber of a new engine, which goes on where the store stands, with a cache that has been there before or (NULL) one of its own. */
static inline void play_with(struct store *store, struct cache *cache, void (*script)(struct scene *x))
{
    struct scene x = {.loop = loop_new(0), .store = store, .script = script, .start.run = start};
    struct engine_config config = {
        .server_name = STR("localhost"), .warm_rooms = 100, .warm_users = 100, .presence = cache != NULL, .keep_hot = cache != NULL};
    struct fault f = {0};
    log_setup(LOG_ERROR, false);
    assert_int_equal(crypto_init(&f), ERR_OK);
    arena_init(&x.arena);
    x.cache = cache ? cache : cache_local_open(65536, &test_clock);
    x.limiter = limiter_new(64);
    assert_int_equal(engine_new(&config, &x.loop, 1, x.store, NULL, x.cache, x.limiter, &test_clock, &x.engine, &f), ERR_OK);
    loop_post(x.loop, &x.start);
    while (!x.done)
        loop_poll(x.loop);
    for (int i = 0; i < 10; i++) /* letters and their acknowledgements */
        loop_poll(x.loop);
    engine_free(x.engine);
    loop_free(x.loop);
    if (!cache) cache_close(x.cache);
    limiter_free(x.limiter);
    arena_release(&x.arena);
}

static inline void play_on(struct store *store, void (*script)(struct scene *x))
{
    play_with(store, NULL, script);
}

static inline struct reply call(struct scene *x, struct command c)
{
    struct reply reply;
    struct fault f = {0};
    enum err e = engine_call(x->engine, &c, &x->arena, &reply, &f);
    if (e != ERR_OK && e != ERR_NOT_FOUND) fail_msg("%s: %s", err_name(e), f.text);
    return reply;
}

static inline void scene_read_done(struct store_read *r)
{
    *(bool *)r->arg = true;
}

/* What the store has, without what is on its way there. */
static inline void read_rows(struct scene *x, struct store_read *r)
{
    bool done = false;
    r->loop = x->loop;
    r->arena = &x->arena;
    r->done = scene_read_done;
    r->arg = &done;
    store_read(x->store, r);
    while (!done)
        fiber_sleep_ms(1);
    assert_int_equal(r->err, ERR_OK);
}

static inline void play(void (*script)(struct scene *x))
{
    struct store *store = store_memory_new();
    play_on(store, script);
    store->ops->close(store);
}

#endif
