/* Three nodes whose loops run on threads of their own: calls, letters and followers across them, while messages are lost and nodes are taken for dead. */
#include <pthread.h>

#include "unit/cluster/ears.h"

enum { WORKERS = 6, ROUNDS = 300, BOXES = 6, THREADS = NODES * NODE_LOOPS };

struct worker {
    struct task task;
    struct scene *scene;
    unsigned number;
    bool added[ROUNDS]; /* acknowledged */
    int64_t position[ROUNDS];
    struct str *box;
    atomic_uint *running;
};

static int64_t thing_of(const struct worker *w, unsigned round)
{
    return w->number * ROUNDS + round;
}

static void work(void *arg)
{
    struct worker *w = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct arena a;
        struct reply reply = {0};
        arena_init(&a);
        unsigned from = i % BOXES, to = (i + 1 + w->number % 2) % BOXES;
        struct command cmd = add(w->box[from], thing_of(w, i), 1), then = move(w->box[from], w->box[to], 5000 + thing_of(w, i), 1);
        enum err e = cluster_call(w->scene->cluster, &cmd, &a, &reply);
        assert_true(e == ERR_OK || e == ERR_UNAVAILABLE);
        w->added[i] = e == ERR_OK;
        w->position[i] = reply.num[0];
        if (i % 4 == 0) (void)!cluster_call(w->scene->cluster, &then, &a, &reply);
        arena_release(&a);
    }
    atomic_fetch_sub(w->running, 1);
}

static void start_work(struct task *t)
{
    fiber_spawn(work, list_item(t, struct worker, task));
}

static void *run_loop(void *l)
{
    loop_run(l);
    return NULL;
}

static void disturb(struct nodes *n)
{
    struct node *node = &n->node[dice(NODES)];
    switch (dice(5)) {
    case 0:
        node_expel(node);
        break;
    case 1:
        broker_faulty_drop_nth(node->broker, 1 + dice(20));
        break;
    case 2:
        broker_faulty_publish_nth(node->broker, 1 + dice(20), (enum broker_publish_fault)dice(3));
        break;
    case 3:
        broker_faulty_repeat_every(node->broker, dice(5));
        break;
    default:
        broker_faulty_lose_every(node->broker, 100);
        break;
    }
}

static struct loop *loop_of_thread(struct nodes *n, unsigned i)
{
    return scene_of(n, i / NODE_LOOPS)->loop[i % NODE_LOOPS];
}

static void run_for_a_while(struct nodes *n, atomic_uint *running)
{
    pthread_t thread[THREADS];
    atomic_store(&time_is_real, true);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, run_loop, loop_of_thread(n, i)), 0);
    while (atomic_load(running)) {
        disturb(n);
        usleep(n->rabbit ? 500000 : 5000);
    }
    for (unsigned i = 0; i < THREADS; i++)
        loop_stop(loop_of_thread(n, i));
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    if (!n->rabbit) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        time_ns = now.tv_sec * 1000000000 + now.tv_nsec; /* timers are set by this clock */
        atomic_store(&time_is_real, false);
    }
    for (unsigned i = 0; i < NODES; i++) {
        broker_faulty_drop_nth(n->node[i].broker, 0);
        broker_faulty_publish_nth(n->node[i].broker, 0, PUBLISH_REFUSED);
        broker_faulty_repeat_every(n->node[i].broker, 0);
        broker_faulty_lose_every(n->node[i].broker, 0);
    }
    nodes_skip(n, 30 * REOPEN_MS);
}

static void check_box(struct nodes *n, unsigned b, const struct worker *w, const struct ears *ears, int64_t *sum, int64_t *things)
{
    struct reply list;
    assert_int_equal(tell_at(n, b % NODES, list_of(w[0].box[b]), &list), ERR_OK);
    *sum += list.num[1];
    for (unsigned k = 0; k < WORKERS; k++)
        for (unsigned i = b; i < ROUNDS; i += BOXES) {
            struct ask told = {.cmd = {.num = {thing_of(&w[k], i)}}, .reply = {.num = {w[k].position[i]}}};
            bool there = list_has(&list, thing_of(&w[k], i));
            if (w[k].added[i]) assert_true(there);
            if (w[k].added[i] && b == 0) ears_check(ears, &told);
            *things += there;
        }
}

static void each_is_done_once_and_heard_of(void **state)
{
    struct nodes *n = mem_zero(sizeof *n);
    struct ears *ears = mem_zero(sizeof *ears);
    struct str box[BOXES];
    static struct worker w[WORKERS];
    atomic_uint running = WORKERS;
    dice_state = 4;
    nodes_init(n);
    if (*state) nodes_on_rabbitmq(n);
    n->config.journal = JOURNAL_QUEUE;
    n->config.at_hand = toy_at_hand;
    n->any_names = n->unique = true;
    for (unsigned b = 0; b < BOXES; b++)
        box[b] = key_in_slot(&n->arena, 10 + b, 0);
    ears_init(ears, n, box[0]);
    for (unsigned i = 0; i < NODES; i++)
        node_start(n, i);
    nodes_skip(n, 3500);
    for (unsigned i = 0; i < THREADS; i++)
        ear_follow(ears, i / NODE_LOOPS, i % NODE_LOOPS);
    nodes_settle(n);
    for (unsigned i = 0; i < WORKERS; i++) {
        w[i] = (struct worker){.task.run = start_work, .scene = scene_of(n, i % NODES), .number = i, .box = box, .running = &running};
        loop_post(w[i].scene->loop[i / NODES], &w[i].task);
    }
    run_for_a_while(n, &running);
    int64_t sum = 0, things = 0;
    for (unsigned b = 0; b < BOXES; b++)
        check_box(n, b, w, ears, &sum, &things);
    assert_int_equal(sum, things);
    assert_true(things > WORKERS * ROUNDS / 2);
    nodes_release(n);
    mem_free(ears);
    mem_free(n);
}

int main(int argc, char **argv)
{
    static bool on_rabbitmq = true;
    (void)argc;
    rabbitmq_or_begin_again(argv, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_done_once_and_heard_of),
        {"each_is_done_once_and_heard_of, on RabbitMQ", each_is_done_once_and_heard_of, NULL, NULL, &on_rabbitmq},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
