/* When a record goes to the slot's queue: what a tick and the size of a record do to that, and what they never do. And when messages go to other nodes. */
#include "unit/cluster/nodes.h"

static struct str box, same; /* of one slot */

static int setup(void **state)
{
    struct nodes *n = nodes_on_queues();
    box = key_in_slot(&n->arena, 30, 0);
    same = key_in_slot(&n->arena, 30, 1);
    nodes_start_two(n);
    *state = n;
    return 0;
}

static void batch(struct nodes *n, int64_t tick_ms, size_t record_bytes)
{
    struct cluster_config *c = &scene_of(n, 0)->cluster->config;
    c->tick_ms = tick_ms;
    c->record_bytes = record_bytes;
}

/* That node 0 has published so far. */
static int records(struct nodes *n)
{
    struct cluster_stats st;
    cluster_stats(scene_of(n, 0)->cluster, &st);
    return (int)st.records;
}

static enum err put_bytes(struct turn *t, size_t bytes)
{
    static char big[65536];
    struct row row = thing_row(turn_entity(t)->key, 1000 + turn_position(t), 0);
    row.c[C_timeline_json].s = str_make(big, bytes);
    turn_put(t, &row);
    return turn_ready(t);
}
static enum err put_1500(struct turn *t)
{
    return put_bytes(t, 1500);
}
static enum err put_50000(struct turn *t)
{
    return put_bytes(t, 50000);
}

/* So many that node 0's loop gets at once; returns the last one. */
static struct ask *ask_many(struct nodes *n, unsigned count, struct command cmd)
{
    struct ask *a = NULL;
    while (count--)
        a = ask(scene_of(n, 0), cmd);
    nodes_settle(n);
    return a;
}

/* --- the tick --- */

static void without_a_tick_nothing_waits(void **state)
{
    struct nodes *n = *state;
    int before = records(n);
    for (int64_t i = 1; i <= 3; i++)
        assert_int_equal(tell_at(n, 0, add(box, i, 1), NULL), ERR_OK); /* without the clock */
    assert_int_equal(records(n) - before, 3);
}

static void a_tick_gathers_and_keeps_the_order(void **state)
{
    struct nodes *n = *state;
    struct ask *a[4];
    int before = records(n);
    batch(n, 5, CLUSTER_RECORD_BYTES);
    for (int64_t i = 0; i < 4; i++) {
        a[i] = ask(scene_of(n, 0), add(i % 2 ? same : box, i, 1));
        nodes_settle(n);
        nodes_skip(n, 1);
        assert_false(a[i]->done);
    }
    assert_int_equal(records(n) - before, 0);
    nodes_skip(n, 1);
    assert_int_equal(records(n) - before, 1);
    for (int64_t i = 0; i < 4; i++) {
        assert_int_equal(a[i]->reply.err, ERR_OK);
        assert_true(a[i]->done);
        assert_int_equal(a[i]->reply.num[1], 1 + i / 2); /* the how manieth of its box it was */
    }
    nodes_settle(n);
    assert_int_equal(stands(n, 30).position, slot_at(n, 0, box)->position);
    assert_int_equal(count_at(n, 0, box) + count_at(n, 0, same), 4);
}

/* It counts from the first command on, however much comes after it; and the next one has a tick of its own. */
static void nobody_waits_longer_than_a_tick(void **state)
{
    struct nodes *n = *state;
    struct ask *a[12];
    batch(n, 5, CLUSTER_RECORD_BYTES);
    for (int64_t i = 0; i < 12; i++) {
        a[i] = ask(scene_of(n, 0), add(box, i, 1));
        nodes_settle(n);
        nodes_skip(n, 1);
        for (int64_t k = 0; k < i; k++)
            assert_true(a[k]->done == (k / 5 < (i + 1) / 5));
    }
    nodes_skip(n, 5);
    assert_true(a[11]->done);
    assert_int_equal(count_at(n, 0, box), 12);
}

static void an_empty_tick_publishes_nothing(void **state)
{
    struct nodes *n = *state;
    batch(n, 5, CLUSTER_RECORD_BYTES);
    int before = records(n);
    assert_int_equal(count_at(n, 0, box), 0);
    assert_int_equal(tell_at(n, 0, add_badly(box, 1, TOY_REFUSED_LAST), NULL), ERR_FORBIDDEN);
    nodes_skip(n, 1500);
    assert_int_equal(records(n) - before, 0);
}

static void who_leaves_does_not_wait_for_it(void **state)
{
    struct nodes *n = *state;
    batch(n, 60000, CLUSTER_RECORD_BYTES);
    int before = records(n);
    struct ask *a = ask_many(n, 1, add(box, 1, 1));
    assert_false(a->done);
    cluster_leave(scene_of(n, 0)->cluster);
    nodes_skip(n, 10000);
    assert_int_equal(records(n) - before, 1); /* by who was asked, not by the next one in its place */
    assert_true(a->done);
    assert_int_equal(a->reply.err, ERR_OK);
    assert_int_equal(owner_of(n, box), 1);
    assert_int_equal(count_at(n, 1, box), 1);
}

static void a_slot_that_is_lost_forgets_it(void **state)
{
    struct nodes *n = *state;
    batch(n, 1000, CLUSTER_RECORD_BYTES);
    int before = records(n);
    struct ask *a = ask_many(n, 1, add(box, 1, 1));
    assert_false(a->done);
    node_expel(&n->node[0]);
    nodes_settle(n);
    assert_false(timer_is_set(&slot_at(n, 0, box)->tick));
    assert_null(slot_at(n, 0, box)->open);
    nodes_skip(n, 10000);
    assert_true(a->done);
    assert_int_equal(a->reply.err, ERR_OK); /* done anew, by whoever had the slot */
    assert_in_range(records(n) - before, 0, 1);
    assert_int_equal(count_at(n, 1, box), 1);
}

/* --- the size --- */

static void many_at_once_are_split(void **state)
{
    struct nodes *n = *state;
    int before = records(n);
    assert_true(ask_many(n, 12, run(box, put_1500))->done);
    assert_int_equal(records(n) - before, 1);
    batch(n, 0, 4096);
    before = records(n);
    assert_true(ask_many(n, 12, run(box, put_1500))->done);
    assert_int_equal(records(n) - before, 4); /* a third one fills it */
    assert_int_equal(slot_at(n, 0, box)->epoch, 1);
    assert_int_equal(stands(n, 30).position, slot_at(n, 0, box)->position);
}

static void a_full_one_does_not_wait_for_the_tick(void **state)
{
    struct nodes *n = *state;
    batch(n, 60000, 4096);
    int before = records(n);
    struct ask *two = ask_many(n, 2, run(box, put_1500));
    assert_false(two->done);
    struct ask *four = ask_many(n, 2, run(box, put_1500));
    assert_true(two->done);
    assert_false(four->done); /* alone in the next one */
    assert_int_equal(records(n) - before, 1);
    assert_true(timer_is_set(&slot_at(n, 0, box)->tick));
    nodes_skip(n, 60000);
    assert_true(four->done);
    assert_int_equal(records(n) - before, 2);
}

static void what_is_larger_than_a_record_goes_alone(void **state)
{
    struct nodes *n = *state;
    batch(n, 60000, 1024);
    int before = records(n);
    struct ask *last = ask_many(n, 3, run(box, put_50000));
    assert_true(last->done);
    assert_int_equal(last->reply.err, ERR_OK);
    assert_int_equal(records(n) - before, 3);
}

/* --- from the queue to the store --- */

static void all_slots_write_at_the_same_moments(void **state)
{
    struct nodes *n = *state;
    struct str there = key_in_slot(&n->arena, 31, 0); /* of another loop */
    struct store_stats st;
    scene_of(n, 0)->cluster->config.gather_ms = 1000;
    nodes_skip(n, 1000 - loop_now_ms(slot_at(n, 0, box)->loop) % 1000);
    int64_t stood = stands(n, 30).position, stood_there = stands(n, 31).position;
    n->store->ops->stats(n->store, &st);
    uint64_t batches = st.batches;
    for (int64_t i = 0; i < 9; i++) {
        assert_int_equal(tell_at(n, 0, add(i % 2 ? there : box, i, 1), NULL), ERR_OK); /* it is done, without the store */
        nodes_skip(n, 100);
    }
    assert_int_equal(stands(n, 30).position, stood);
    assert_int_equal(stands(n, 31).position, stood_there);
    nodes_skip(n, 100);
    assert_int_equal(stands(n, 30).position, slot_at(n, 0, box)->position);
    assert_int_equal(stands(n, 31).position, slot_at(n, 0, there)->position);
    n->store->ops->stats(n->store, &st);
    assert_int_equal(st.batches - batches, 2);
}

static void what_is_too_much_for_one_commit_does_not_wait_again(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 0)->cluster->config.gather_ms = 1000;
    nodes_skip(n, 1000 - loop_now_ms(slot_at(n, 0, box)->loop) % 1000);
    int before = records(n);
    for (int64_t i = 0; i < 2100; i++) {
        struct ask *a = ask(scene_of(n, 0), add(box, i, 1));
        nodes_settle(n);
        assert_true(a->done);
    }
    assert_int_equal(records(n) - before, 2100);
    nodes_skip(n, 1000);
    assert_int_equal(stands(n, 30).position, slot_at(n, 0, box)->position);
}

/* They come again to the next owner. */
static void what_is_not_written_yet_is_handed_over_too(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 0)->cluster->config.gather_ms = 60000;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    int64_t stood = stands(n, 30).position;
    assert_true(stood < slot_at(n, 0, box)->position);
    cluster_leave(scene_of(n, 0)->cluster);
    nodes_skip(n, 3000);
    assert_int_equal(open_at(n, 0), 0);
    assert_int_equal(count_at(n, 1, box), 1);
    assert_true(stands(n, 30).position > stood);
}

/* --- what is told to other nodes --- */

/* That node 1 has sent. */
static uint64_t envelopes(struct nodes *n)
{
    struct cluster_stats st;
    cluster_stats(scene_of(n, 1)->cluster, &st);
    return st.envelopes;
}

static void records_take(struct nodes *n, int64_t ms)
{
    for (unsigned i = 0; i < 1000; i++)
        post_note_trip(slot_at(n, 1, box)->home, ms);
}

/* Commands for node 0's slot, a millisecond after each other. */
static void ask_from_afar(struct nodes *n, struct ask **a, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        a[i] = ask(scene_of(n, 1), add(box, (int64_t)i, 1));
        nodes_settle(n);
        nodes_skip(n, 1);
    }
}

/* Nothing has been said for a while; then the first of three goes at once, and the others when `ms` are over. */
static void the_first_goes_and_others_follow_after(struct nodes *n, int64_t ms)
{
    struct ask *a[3];
    nodes_skip(n, 100);
    uint64_t before = envelopes(n);
    ask_from_afar(n, a, 3);
    assert_int_equal(envelopes(n) - before, 1);
    assert_true(a[0]->done);
    nodes_skip(n, ms - 4);
    assert_false(a[1]->done);
    nodes_skip(n, 1);
    assert_int_equal(envelopes(n) - before, 2);
    for (unsigned i = 0; i < 3; i++)
        assert_true(a[i]->done && a[i]->reply.err == ERR_OK);
    assert_int_equal(count_at(n, 0, box), 3);
}

static void what_follows_soon_travels_together(void **state)
{
    scene_of(*state, 1)->cluster->config.spacing_ms = 7;
    the_first_goes_and_others_follow_after(*state, 7);
}

static void a_busy_broker_gets_more_at_a_time(void **state)
{
    scene_of(*state, 1)->cluster->config.spacing_ms = 7;
    records_take(*state, 40);
    the_first_goes_and_others_follow_after(*state, 10);
}

static void one_that_is_not_busy_gets_it_at_once(void **state)
{
    struct nodes *n = *state;
    struct ask *a[3];
    records_take(n, 40);
    records_take(n, 3);
    uint64_t before = envelopes(n);
    ask_from_afar(n, a, 3);
    assert_int_equal(envelopes(n) - before, 3);
    assert_true(a[2]->done);
}

static void nobody_waits_long_for_a_broker_that_stands_still(void **state)
{
    records_take(*state, 5000);
    the_first_goes_and_others_follow_after(*state, 20);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, nodes_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(without_a_tick_nothing_waits),
        test(a_tick_gathers_and_keeps_the_order),
        test(nobody_waits_longer_than_a_tick),
        test(an_empty_tick_publishes_nothing),
        test(who_leaves_does_not_wait_for_it),
        test(a_slot_that_is_lost_forgets_it),
        test(all_slots_write_at_the_same_moments),
        test(what_is_not_written_yet_is_handed_over_too),
        test(what_is_too_much_for_one_commit_does_not_wait_again),
        test(many_at_once_are_split),
        test(a_full_one_does_not_wait_for_the_tick),
        test(what_is_larger_than_a_record_goes_alone),
        test(what_follows_soon_travels_together),
        test(a_busy_broker_gets_more_at_a_time),
        test(one_that_is_not_busy_gets_it_at_once),
        test(nobody_waits_long_for_a_broker_that_stands_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
