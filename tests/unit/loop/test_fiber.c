/* Fibers, locks, timers and the queues between loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>

#include "loop/fiber.h"

struct scene {
    struct loop *loop, *other;
    char log[256];
    struct fiber_lock lock;
    struct task task;
    struct timer timer[3];
    unsigned posted, running;
};
static struct scene *scene_of_task(struct task *t)
{
    return list_item(t, struct scene, task);
}

static void note(struct scene *s, char c)
{
    size_t n = strlen(s->log);
    s->log[n] = c;
    s->log[n + 1] = 0;
}

static void finish(struct scene *s)
{
    if (--s->running == 0) loop_stop(s->loop);
}

static void locked_sleep(void *arg)
{
    struct scene *s = arg;
    fiber_lock(&s->lock);
    note(s, 'a');
    fiber_sleep_ms(5);
    note(s, 'b');
    fiber_unlock(&s->lock);
    finish(s);
}

static void start_two(struct task *t)
{
    struct scene *s = scene_of_task(t);
    s->running = 2;
    fiber_spawn(locked_sleep, s);
    fiber_spawn(locked_sleep, s);
    note(s, '|');
}

static void run_scene(struct scene *s, void (*start)(struct task *t))
{
    s->loop = loop_new(0);
    s->task.run = start;
    loop_post(s->loop, &s->task);
    loop_run(s->loop);
    loop_free(s->loop);
}

static void test_lock_keeps_order(void **state)
{
    (void)state;
    struct scene s = {0};
    run_scene(&s, start_two);
    assert_string_equal(s.log, "a|bab");
}

static void inner(void *arg)
{
    note(arg, 'i');
    fiber_sleep_ms(1);
    note(arg, 'I');
    finish(arg);
}

static void outer(void *arg)
{
    note(arg, 'o');
    fiber_spawn(inner, arg);
    note(arg, 'p');
    fiber_sleep_ms(20);
    note(arg, 'O');
    finish(arg);
}

static void start_nested(struct task *t)
{
    struct scene *s = scene_of_task(t);
    s->running = 2;
    fiber_spawn(outer, s);
}

static void test_fibers_nest(void **state)
{
    (void)state;
    struct scene s = {0};
    run_scene(&s, start_nested);
    assert_string_equal(s.log, "oipIO");
}

static void on_worker(void *arg)
{
    *(uint64_t *)arg = (uint64_t)(uintptr_t)pthread_self();
}

static void use_worker(void *arg)
{
    uint64_t id = 0;
    fiber_work(on_worker, &id);
    assert_true(id != 0 && id != (uint64_t)(uintptr_t)pthread_self());
    note(arg, 'w');
    finish(arg);
}

static void start_work(struct task *t)
{
    struct scene *s = scene_of_task(t);
    s->running = 3;
    for (int i = 0; i < 3; i++)
        fiber_spawn(use_worker, s);
}

static void test_work_runs_elsewhere(void **state)
{
    (void)state;
    struct scene s = {0};
    run_scene(&s, start_work);
    assert_string_equal(s.log, "www");
}

static void fire_1(struct timer *t)
{
    note(list_item(t, struct scene, timer[0]), '1');
}
static void fire_2(struct timer *t)
{
    struct scene *s = list_item(t, struct scene, timer[1]);
    note(s, '2');
    loop_stop(s->loop);
}
static void fire_3(struct timer *t)
{
    note(list_item(t, struct scene, timer[2]), '3');
}

static void start_timers(struct task *t)
{
    struct scene *s = scene_of_task(t);
    timer_set(s->loop, &s->timer[1], 12, fire_2);
    timer_set(s->loop, &s->timer[0], 3, fire_1);
    timer_set(s->loop, &s->timer[2], 6, fire_3);
    timer_clear(s->loop, &s->timer[2]);
    timer_clear(s->loop, &s->timer[2]);
}

static void test_timers_in_order_and_cleared(void **state)
{
    (void)state;
    struct scene s = {0};
    run_scene(&s, start_timers);
    assert_string_equal(s.log, "12");
}

enum { POSTS = 20000 };
struct numbered {
    struct task task;
    struct scene *scene;
    unsigned number;
};

static void arrive(struct task *t)
{
    struct numbered *n = (struct numbered *)(void *)t;
    assert_int_equal(n->number, n->scene->posted);
    if (++n->scene->posted == POSTS) loop_stop(n->scene->loop);
    mem_free(n);
}

static void *post_many(void *arg)
{
    struct scene *s = arg;
    for (unsigned i = 0; i < POSTS; i++) {
        struct numbered *n = mem_zero(sizeof *n);
        *n = (struct numbered){.task.run = arrive, .scene = s, .number = i};
        loop_post(s->loop, &n->task);
    }
    return NULL;
}

static void test_posts_keep_their_order(void **state)
{
    (void)state;
    struct scene s = {.loop = loop_new(0)};
    pthread_t thread;
    pthread_create(&thread, NULL, post_many, &s);
    loop_run(s.loop);
    pthread_join(thread, NULL);
    loop_free(s.loop);
    assert_int_equal(s.posted, POSTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock_keeps_order),       cmocka_unit_test(test_fibers_nest),
        cmocka_unit_test(test_work_runs_elsewhere),    cmocka_unit_test(test_timers_in_order_and_cleared),
        cmocka_unit_test(test_posts_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
