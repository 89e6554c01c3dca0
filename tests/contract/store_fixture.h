/* What the tests of the store share: back ends by name, two loops on threads of their own, and calls that wait for `done`. */
#ifndef ROOKERY_TESTS_STORE_FIXTURE_H
#define ROOKERY_TESTS_STORE_FIXTURE_H

#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h> /* wants those above */

#include "store/store.h"

struct fixture {
    struct store *store;
    struct loop *loop[2];
    pthread_t thread[2];
    char dir[256], data[300];
    struct arena arena; /* what reads found; for the test's life */
};

/* --- work on a loop that the test waits for --- */

struct call {
    struct task task;
    void (*fn)(struct call *c);
    sem_t ready;
    struct store *store;
    struct store_batch *batch;
    struct store_read *read;
};

static inline void call_run(struct task *t)
{
    struct call *c = list_item(t, struct call, task);
    c->fn(c);
}

static inline void call_wait(struct loop *l, struct call *c)
{
    sem_init(&c->ready, 0, 0);
    c->task.run = call_run;
    loop_post(l, &c->task);
    while (sem_wait(&c->ready))
        ;
    sem_destroy(&c->ready);
}

struct waiting_batch {
    struct store_batch batch;
    struct call call;
};

static inline void batch_is_done(struct store_batch *b)
{
    sem_post(&list_item(b, struct waiting_batch, batch)->call.ready);
}
static inline void batch_start(struct call *c)
{
    store_apply(c->store, c->batch);
}

/* Applies and waits. */
static inline enum err apply_in_epoch(struct fixture *x, int64_t epoch, unsigned slot, int64_t predecessor, int64_t position,
                                      struct change *change, size_t count)
{
    struct waiting_batch w = {.batch = {.loop = x->loop[0],
                                        .slot = slot,
                                        .epoch = epoch,
                                        .predecessor = predecessor,
                                        .position = position,
                                        .change = change,
                                        .count = count,
                                        .done = batch_is_done}};
    w.call = (struct call){.fn = batch_start, .store = x->store, .batch = &w.batch};
    call_wait(x->loop[0], &w.call);
    return w.batch.err;
}

static inline enum err apply(struct fixture *x, unsigned slot, int64_t predecessor, int64_t position, struct change *change, size_t count)
{
    return apply_in_epoch(x, 7, slot, predecessor, position, change, count);
}

struct waiting_read {
    struct store_read read;
    struct call call;
};

static inline void read_is_done(struct store_read *r)
{
    sem_post(&((struct call *)r->arg)->ready);
}
static inline void read_start(struct call *c)
{
    store_read(c->store, c->read);
}

/* Reads and waits; rows are in the fixture's arena. */
static inline enum err read_rows(struct fixture *x, struct store_read *r)
{
    struct call c = {.fn = read_start, .store = x->store, .read = r};
    r->loop = x->loop[0];
    r->arena = &x->arena;
    r->done = read_is_done;
    r->arg = &c;
    if (!r->limit) r->limit = 100000;
    call_wait(x->loop[0], &c);
    return r->err;
}

struct waiting_look {
    struct store_look look;
    struct call call;
};

static inline void look_is_done(struct store_look *l)
{
    sem_post(&list_item(l, struct waiting_look, look)->call.ready);
}
static inline void look_start(struct call *c)
{
    store_look(c->store, &list_item(c, struct waiting_look, call)->look);
}

/* Where a slot stands; waits. */
static inline struct store_slot slot_of(struct fixture *x, unsigned slot)
{
    struct waiting_look w = {.look = {.loop = x->loop[0], .slot = slot, .err = ERR_INTERNAL, .done = look_is_done}};
    w.call = (struct call){.fn = look_start, .store = x->store};
    call_wait(x->loop[0], &w.call);
    assert_int_equal(w.look.err, ERR_OK);
    return w.look.at;
}

/* --- rows of three tables of different keys --- */

static inline struct change put_timeline(struct str room, int64_t ord, int64_t position, struct str json)
{
    struct change c = {.row.table = T_timeline};
    c.row.c[C_timeline_room_id].s = room;
    c.row.c[C_timeline_ord].i = ord;
    c.row.c[C_timeline_position].i = position;
    c.row.c[C_timeline_event_id].s = STR("$event");
    c.row.c[C_timeline_json].s = json;
    return c;
}

static inline struct change put_profile(struct str user, struct str field, struct str json)
{
    struct change c = {.row.table = T_profile};
    c.row.c[C_profile_user_id].s = user;
    c.row.c[C_profile_field].s = field;
    c.row.c[C_profile_json].s = json;
    return c;
}

static inline struct change put_letter(int64_t to, int64_t number, struct str command)
{
    struct change c = {.row.table = T_letter_out};
    c.row.c[C_letter_out_to_slot].i = to;
    c.row.c[C_letter_out_number].i = number;
    c.row.c[C_letter_out_command].s = command;
    return c;
}

/* --- loops and directories --- */

static inline void *loop_thread(void *l)
{
    loop_run(l);
    return NULL;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}
static inline void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void fixture_init(struct fixture *x)
{
    const char *tmp = getenv("TMPDIR");
    *x = (struct fixture){0};
    snprintf(x->dir, sizeof x->dir, "%s/rookery-store-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(x->dir));
    snprintf(x->data, sizeof x->data, "%s/data", x->dir);
    arena_init(&x->arena);
}

static inline void fixture_loops(struct fixture *x)
{
    for (unsigned i = 0; i < 2; i++) {
        x->loop[i] = loop_new(i);
        assert_int_equal(pthread_create(&x->thread[i], NULL, loop_thread, x->loop[i]), 0);
    }
}

static inline void fixture_release(struct fixture *x)
{
    for (unsigned i = 0; i < 2 && x->loop[i]; i++) {
        loop_stop(x->loop[i]);
        pthread_join(x->thread[i], NULL);
    }
    if (x->store) x->store->ops->close(x->store);
    for (unsigned i = 0; i < 2; i++)
        if (x->loop[i]) loop_free(x->loop[i]);
    arena_release(&x->arena);
    remove_tree(x->dir);
}

#endif
