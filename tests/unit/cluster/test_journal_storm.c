/* The queue as the journal, with everything going wrong at once: in one thread, by seeds, and on threads. */
#include <pthread.h>

#include "unit/cluster/storm.h"

static struct str box;

static int setup(void **state)
{
    struct nodes *n = nodes_on_queues();
    n->config.at_hand = toy_at_hand;
    box = key_in_slot(&n->arena, 30, 0);
    nodes_start_two(n);
    *state = n;
    return 0;
}

/* --- all at once --- */

enum { STORM_STEPS = 700 };

static void storm_broker(struct storm *s, unsigned i)
{
    if (dice(5) == 0)
        broker_local_expel(s->n->node[i].local);
    else
        storm_records(&s->n->node[i]);
}

static void storm_step(struct storm *s)
{
    unsigned i = dice(NODES);
    struct node *node = &s->n->node[i];
    for (unsigned k = dice(8); k; k--)
        storm_ask(s);
    unsigned what = dice(12);
    if (!node->alive) {
        if (what < 4) node_start(s->n, i);
    } else if (what < 3) {
        storm_store(s, i);
    } else if (what < 6) {
        storm_broker(s, i);
    } else if (what == 6) {
        node->still = !node->still;
    } else if (what == 7 && dice(4) == 0) {
        node_die(s->n, i);
    } else if (what == 8) {
        nodes_skip(s->n, dice(1500));
    }
    nodes_settle(s->n);
}

static void broker_calm(struct nodes *n)
{
    for (unsigned i = 0; i < NODES; i++) {
        broker_faulty_refuse_all(n->node[i].broker, false);
        broker_faulty_drop_nth(n->node[i].broker, 0);
        broker_faulty_publish_nth(n->node[i].broker, 0, PUBLISH_REFUSED);
    }
}

/* In the end the store has it all, and the queues are empty. */
static void check_written(struct nodes *n, unsigned at)
{
    assert_int_equal(open_at(n, at), CLUSTER_SLOTS);
    assert_int_equal(stats_of(n, at).backlog_records, 0);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        const struct slot *slot = &scene_of(n, at)->cluster->slot[i];
        assert_int_equal(stands(n, i).position, slot->position);
        assert_int_equal(slot->backlog, 0);
        assert_int_equal(slot->in_flight_bytes, 0);
    }
}

static void storm_of_seed(unsigned seed)
{
    struct storm *s = storm_begin(seed, JOURNAL_QUEUE, true);
    for (unsigned k = 0; k < STORM_STEPS; k++)
        storm_step(s);
    storm_calm(s);
    broker_calm(s->n);
    nodes_skip(s->n, 5 * REOPEN_MS + OPEN_PATIENCE_MS + LETTER_PATIENCE_MS);
    unsigned at = storm_survivor(s, 20, 2 * REOPEN_MS + LETTER_PATIENCE_MS);
    storm_check(s, at);
    check_written(s->n, at);
    storm_release(s);
}

static void nothing_acknowledged_is_lost_or_comes_twice(void **state)
{
    (void)state;
    storm_seeds(storm_of_seed);
}

/* --- on threads of their own --- */

enum { WORKERS = 6, ROUNDS = 200, THREADS = 2 * NODE_LOOPS };

struct worker {
    struct task task;
    struct scene *scene;
    unsigned number;
    bool done[ROUNDS]; /* acknowledged */
    atomic_uint *running;
};

static struct str box_of_round(struct arena *a, unsigned round)
{
    return arena_printf(a, "t%u", round % 20);
}

static void work(void *arg)
{
    struct worker *w = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct arena a;
        struct reply reply = {0};
        arena_init(&a);
        struct command cmd = add(box_of_round(&a, i), w->number * 1000 + i, 1);
        enum err e = cluster_call(w->scene->cluster, &cmd, &a, &reply);
        assert_true(e == ERR_OK || e == ERR_STORAGE || e == ERR_UNAVAILABLE);
        w->done[i] = e == ERR_OK;
        if (e != ERR_OK) fiber_sleep_ms(1);
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

static void disturb(struct nodes *n, unsigned round)
{
    struct node *node = &n->node[round % 2];
    switch (dice(6)) {
    case 0:
        broker_local_expel(node->local);
        break;
    case 1:
        broker_faulty_drop_nth(node->broker, 1 + dice(20));
        break;
    case 2:
        broker_faulty_publish_nth(node->broker, 1 + dice(20), (enum broker_publish_fault)dice(3));
        break;
    default:
        store_faulty_fail_nth(n->faulty, 1 + dice(20));
        break;
    }
}

static void check_work(struct nodes *n, const struct worker *w)
{
    unsigned at = owner_of(n, box), acked = 0;
    assert_true(at < NODES);
    node_die(n, 1 - at);
    nodes_skip(n, 2 * REOPEN_MS);
    for (unsigned b = 0; b < 20; b++) {
        struct reply list;
        assert_int_equal(tell_at(n, at, list_of(box_of_round(&n->arena, b)), &list), ERR_OK);
        for (unsigned k = 0; k < WORKERS; k++)
            for (unsigned i = b; i < ROUNDS; i += 20) {
                acked += w[k].done[i];
                if (w[k].done[i]) assert_true(list_has(&list, w[k].number * 1000 + i));
            }
    }
    assert_true(acked > 0);
}

static void nodes_on_threads(void **state)
{
    struct nodes *n = *state;
    pthread_t thread[THREADS];
    struct worker w[WORKERS] = {0};
    atomic_uint running = WORKERS;
    dice_state = 4;
    atomic_store(&time_is_real, true);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct scene *x = scene_of(n, i % 2);
        w[i] = (struct worker){.task.run = start_work, .scene = x, .number = i, .running = &running};
        loop_post(x->loop[i / 2 % NODE_LOOPS], &w[i].task);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, run_loop, scene_of(n, i % 2)->loop[i / 2]), 0);
    for (unsigned round = 0; atomic_load(&running); round++) {
        disturb(n, round);
        usleep(5000);
    }
    for (unsigned i = 0; i < THREADS; i++)
        loop_stop(scene_of(n, i % 2)->loop[i / 2]);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    time_ns = now.tv_sec * 1000000000 + now.tv_nsec; /* timers are set by this clock */
    atomic_store(&time_is_real, false);
    store_faulty_fail_nth(n->faulty, 0);
    for (unsigned i = 0; i < 2; i++) {
        broker_faulty_drop_nth(n->node[i].broker, 0);
        broker_faulty_publish_nth(n->node[i].broker, 0, PUBLISH_REFUSED);
    }
    nodes_skip(n, 5 * REOPEN_MS);
    check_work(n, w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost_or_comes_twice),
        cmocka_unit_test_setup_teardown(nodes_on_threads, setup, nodes_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
