/* What loop.c and fiber.c share. */
#ifndef ROOKERY_LOOP_PRIV_H
#define ROOKERY_LOOP_PRIV_H

#include "loop/fiber.h"
#include "loop/loop.h"

struct fiber_pool {
    struct list idle;
    size_t idle_count, idle_least; /* the fewest since they were tidied up last */
    struct timer tidy;
    struct fiber *running; /* NULL: the loop's own stack runs */
    void *loop_sp;         /* where the loop's own stack stands while a fiber runs */
    void *loop_context;    /* the same for the portable form, see fiber.c */
};

struct loop {
    uv_loop_t uv;
    int wakeup; /* an eventfd, see loop_post */
    uv_poll_t woken;
    uv_prepare_t prepare;
    uv_timer_t clock;
    unsigned index;
    _Atomic(struct task *) inbox; /* newest first */
    struct task *deferred, **deferred_tail;
    struct timer **heap; /* 1-based binary heap */
    size_t timers, heap_cap;
    struct fiber_pool fibers;
};

void fiber_pool_release(struct loop *l);

#endif
