/* What the tests of the cluster layer share: a cluster on loops that the test's own thread polls one after another, on a store that fails or
 * holds on command, with a clock that only the test moves. So a test runs the same way each time, and waits for nothing. */
#ifndef ROOKERY_TESTS_CLUSTER_FIXTURE_H
#define ROOKERY_TESTS_CLUSTER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cluster/cluster_priv.h"
#include "cluster/wire.h"
#include "loop/loop_priv.h"
#include "store/faulty.h"
#include "store/memory/memory.h"
#include "unit/cluster/gate.h"

enum { SCENE_LOOPS = 3, KEY_BYTES = 32, GOT_MAX = 4096 };

/* --- time --- */

static atomic_bool time_is_real;
static int64_t time_ns = 1000000000000;

/* In place of the C library's, for libuv too. */
int clock_gettime(clockid_t id, struct timespec *out)
{
    if (atomic_load(&time_is_real) || (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE))
        return (int)syscall(SYS_clock_gettime, id, out);
    *out = (struct timespec){.tv_sec = time_ns / 1000000000, .tv_nsec = time_ns % 1000000000};
    return 0;
}

static inline int64_t scene_wall_ms(void *ctx)
{
    (void)ctx;
    return time_ns / 1000000;
}
static const struct clock scene_clock = {.wall_ms = scene_wall_ms};

/* --- chance, the same for the same seed --- */

static uint64_t dice_state;
static inline unsigned dice(unsigned n)
{
    dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice_state >> 33) % n;
}

/* --- the scene --- */

/* An item that a gateway got. */
struct got {
    unsigned gateway, slot;
    uint64_t chain;
    int64_t from, to, position;
    size_t first; /* the item's place among those of its delivery */
    int64_t id;   /* what the test's engine put there */
};

struct scene {
    struct loop *loop[SCENE_LOOPS];
    struct store *inside, *faulty; /* these survive the cluster */
    struct gate *gate;
    struct cluster *cluster;
    struct cluster_config config;
    struct list asks;
    struct got got[GOT_MAX];
    size_t gots;
    unsigned lives; /* of the cluster */
    void *own;      /* the test's */
};

/* The test's engine puts a number with its items. */
struct toy_item {
    struct item item;
    int64_t id;
    char key[KEY_BYTES];
};

static inline void scene_delivered(void *engine, struct loop *gateway, const struct delivery *d)
{
    struct scene *x = engine;
    for (size_t i = 0; i < d->count; i++) {
        assert_true(x->gots < GOT_MAX);
        x->got[x->gots++] = (struct got){.gateway = loop_index(gateway),
                                         .slot = d->slot,
                                         .chain = d->chain,
                                         .from = d->from,
                                         .to = d->to,
                                         .position = d->item[i]->position,
                                         .first = i,
                                         .id = list_item(d->item[i], struct toy_item, item)->id};
    }
}

static inline void scene_item_encode(const struct item *i, struct buf *b)
{
    wire_put_int(b, list_item(i, struct toy_item, item)->id);
}

static inline void toy_item_free(struct item *i)
{
    mem_free(list_item(i, struct toy_item, item));
}

static inline struct toy_item *toy_item_new(struct str key, int64_t position, int64_t id)
{
    struct toy_item *i = mem_zero(sizeof *i);
    assert_true(key.n <= KEY_BYTES);
    memcpy(i->key, key.p, key.n);
    i->id = id;
    i->item.refs = 1;
    i->item.free = toy_item_free;
    i->item.key = str_make(i->key, key.n);
    i->item.position = position;
    return i;
}

static inline struct item *scene_item_decode(void *engine, unsigned kind, struct str key, int64_t position, struct str bytes)
{
    int64_t id;
    (void)engine;
    (void)kind;
    return wire_get_int(&bytes, &id) ? &toy_item_new(key, position, id)->item : NULL;
}

/* --- letting things happen --- */

static inline bool scene_is_idle(const struct scene *x)
{
    for (size_t i = 0; i < x->config.loops; i++)
        if (atomic_load(&x->loop[i]->inbox) || x->loop[i]->deferred) return false;
    return true;
}

static inline void scene_poll(struct scene *x)
{
    for (size_t i = 0; i < x->config.loops; i++)
        loop_poll(x->loop[i]);
}

/* Until nothing goes on any more without the clock or the gate. */
static inline void scene_settle(struct scene *x)
{
    for (unsigned n = 0; n < 2 || !scene_is_idle(x); n++) {
        assert_true(n < 100000); /* it never comes to rest */
        scene_poll(x);
    }
}

/* Real time is spent in small steps: what comes in from outside is not kept waiting. */
static inline int64_t time_step(int64_t ms)
{
    int64_t most = atomic_load(&time_is_real) ? 5 : 100;
    return ms < most ? ms : most;
}

static inline void time_passes(int64_t ms)
{
    if (atomic_load(&time_is_real)) usleep((useconds_t)ms * 1000);
    time_ns += ms * 1000000;
}

static inline void scene_skip(struct scene *x, int64_t ms)
{
    for (int64_t step; ms > 0; ms -= step) {
        step = time_step(ms);
        time_passes(step);
        scene_settle(x);
    }
}

/* --- its lives --- */

static inline void scene_make_loops(struct scene *x)
{
    for (size_t i = 0; i < x->config.loops; i++)
        x->loop[i] = loop_new((unsigned)i);
}

static inline void scene_make_cluster(struct scene *x)
{
    struct fault f = {0};
    x->gate = gate_new(x->faulty);
    x->config.store = &x->gate->store;
    x->lives++;
    assert_int_equal(cluster_new(&x->config, &x->cluster, &f), ERR_OK);
}

static inline void scene_init(struct scene *x, unsigned loops, const struct command_spec *command, size_t commands,
                              const struct entity_kind *kind, size_t kinds)
{
    log_setup((enum log_level)(LOG_ERROR + 1), false);
    *x = (struct scene){.config = {.loop = x->loop,
                                   .loops = loops,
                                   .clock = &scene_clock,
                                   .kind = kind,
                                   .kinds = kinds,
                                   .command = command,
                                   .commands = commands,
                                   .engine = x,
                                   .delivered = scene_delivered,
                                   .item_encode = scene_item_encode,
                                   .item_decode = scene_item_decode}};
    list_init(&x->asks);
    x->inside = store_memory_new();
    x->faulty = store_faulty_new(x->inside);
    scene_make_loops(x);
    scene_make_cluster(x);
}

static inline void scene_end_life(struct scene *x)
{
    x->gate->store.ops->close(&x->gate->store);
    cluster_free(x->cluster);
    for (size_t i = 0; i < x->config.loops; i++)
        loop_free(x->loop[i]);
}

/* --- asking --- */

/* A command that somebody on a loop asks for. Its strings are its own. */
struct ask {
    struct list link;
    struct task task;
    struct scene *scene;
    struct command cmd;
    struct arena arena;
    struct reply reply;
    unsigned life;
    bool done;
    void *own; /* the test's */
};

static inline void ask_fiber(void *arg)
{
    struct ask *a = arg;
    (void)!cluster_call(a->scene->cluster, &a->cmd, &a->arena, &a->reply);
    a->done = true;
}

static inline void ask_start(struct task *t)
{
    fiber_spawn(ask_fiber, list_item(t, struct ask, task));
}

static inline struct ask *ask_on(struct scene *x, unsigned loop, struct command cmd)
{
    struct ask *a = mem_zero(sizeof *a);
    a->scene = x;
    a->life = x->lives;
    a->cmd = cmd;
    arena_init(&a->arena);
    a->cmd.key = arena_str(&a->arena, cmd.key);
    for (unsigned i = 0; i < COMMAND_STRS; i++)
        if (!str_null(cmd.s[i])) a->cmd.s[i] = arena_str(&a->arena, cmd.s[i]);
    a->task.run = ask_start;
    list_push(&x->asks, &a->link);
    loop_post(x->loop[loop], &a->task);
    return a;
}

static inline struct ask *ask(struct scene *x, struct command cmd)
{
    return ask_on(x, 0, cmd);
}

static inline void ask_free(struct ask *a)
{
    list_remove(&a->link);
    arena_release(&a->arena);
    mem_free(a);
}

static inline enum err ask_answer(struct scene *x, struct ask *a)
{
    scene_settle(x);
    assert_true(a->done);
    return a->reply.err;
}

/* Asks, and has the answer without the clock. */
static inline enum err tell(struct scene *x, struct command cmd, struct reply *reply)
{
    struct ask *a = ask(x, cmd);
    enum err e = ask_answer(x, a);
    if (reply) *reply = a->reply;
    return e;
}

static inline bool asks_are_done(const struct scene *x)
{
    list_each(it, &x->asks) if (!list_item(it, struct ask, link)->done) return false;
    return true;
}

/* --- the end, and dying --- */

/* The process dies and another begins on what was in the store. Who still waited for an answer gets one that means nothing. */
static inline void scene_crash(struct scene *x)
{
    gate_kill(x->gate);
    for (unsigned n = 0; n < 3 || !asks_are_done(x); n++) {
        assert_true(n < 20);
        scene_skip(x, LETTER_PATIENCE_MS);
    }
    scene_end_life(x);
    scene_make_loops(x);
    scene_make_cluster(x);
}

static inline void scene_release(struct scene *x)
{
    gate_kill(x->gate);
    scene_skip(x, LETTER_PATIENCE_MS + REOPEN_MS);
    assert_true(asks_are_done(x));
    while (!list_is_empty(&x->asks))
        ask_free(list_item(x->asks.next, struct ask, link));
    scene_end_life(x);
    x->faulty->ops->close(x->faulty);
}

/* --- names --- */

/* The nth key that belongs to this slot. */
static inline struct str key_in_slot(struct arena *a, unsigned slot, unsigned nth)
{
    for (unsigned i = 0;; i++) {
        struct str key = arena_printf(a, "k%u", i);
        if (cluster_slot_of(key) == slot && nth-- == 0) return key;
    }
}

#endif
