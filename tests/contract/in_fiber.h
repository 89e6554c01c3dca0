/* Runs a function in a fiber of a loop made for it, on the calling thread, until it has returned. */
#ifndef ROOKERY_TESTS_CONTRACT_IN_FIBER_H
#define ROOKERY_TESTS_CONTRACT_IN_FIBER_H

#include "loop/fiber.h"

struct in_fiber {
    struct task task;
    struct loop *loop;
    void (*fn)(void);
};

static void in_fiber_body(void *arg)
{
    struct in_fiber *run = arg;
    run->fn();
    loop_stop(run->loop);
}

static void in_fiber_start(struct task *t)
{
    fiber_spawn(in_fiber_body, t);
}

static void in_fiber(void (*fn)(void))
{
    struct in_fiber run = {.task.run = in_fiber_start, .loop = loop_new(0), .fn = fn};
    loop_post(run.loop, &run.task);
    loop_run(run.loop);
    loop_free(run.loop);
}

#endif
