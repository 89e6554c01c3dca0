/* Event loops: one thread each, made on libuv, and the queues between them.
 *
 * Everything that belongs to a loop (connections, slots, fibers, timers) is touched by its thread alone. Other threads reach
 * it only by loop_post. Nothing here takes a lock on the way of a message: the queues are lock-free stacks that the
 * receiver empties at once, in order. */
#ifndef ROOKERY_LOOP_LOOP_H
#define ROOKERY_LOOP_LOOP_H

#include <uv.h>

#include "base/list.h"
#include "base/mem.h"

struct loop;

/* A piece of work to run on a loop; embedded in what it is about. It is the loop's from post until `run` is called. */
struct task {
    struct task *next;
    void (*run)(struct task *t);
};

struct loop *loop_new(unsigned index);
/* Frees a loop whose loop_run has returned. */
void loop_free(struct loop *l);
/* Runs until loop_stop; the calling thread becomes the loop's thread. */
void loop_run(struct loop *l);
/* Handles what is ready now, on a loop that is not running: for taking a program apart in order. */
void loop_poll(struct loop *l);
/* From any thread. The loop ends after the current tick; handles still open are the owners' to close before. */
void loop_stop(struct loop *l);
uv_loop_t *loop_uv(struct loop *l);
unsigned loop_index(const struct loop *l);
/* The loop of the calling thread, or NULL. */
struct loop *loop_current(void);

/* From any thread: runs `t` on `l`, in the order of the posts of each sender. Never runs it before returning. */
void loop_post(struct loop *l, struct task *t);
/* On the loop's own thread: runs `t` when all that is ready now has been handled, before the loop waits for the network
 * again: the place where what a tick gathered is sent at once. A task deferred by a deferred task runs in the same tick. */
void loop_defer(struct loop *l, struct task *t);

/* A timer, embedded in what it is about; only on its loop's thread. */
struct timer {
    size_t heap_at; /* 0: not set */
    int64_t due_ms;
    void (*fire)(struct timer *t);
};
static inline bool timer_is_set(const struct timer *t)
{
    return t->heap_at != 0;
}
/* (Re)starts: fires once, `after_ms` from now. */
void timer_set(struct loop *l, struct timer *t, int64_t after_ms, void (*fire)(struct timer *t));
/* Harmless on a timer that is not set. */
void timer_clear(struct loop *l, struct timer *t);
/* Milliseconds of the monotonic clock, as of the start of this tick. */
int64_t loop_now_ms(struct loop *l);

#endif
