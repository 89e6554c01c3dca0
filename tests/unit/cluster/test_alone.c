/* A node that alone does not reach the broker finds that out by the store, and says so; while the broker is away for all, nobody does. */
#include "unit/cluster/nodes.h"

static struct str box;

/* What each node was told last on each loop. */
static bool told[NODES][NODE_LOOPS];

static struct nodes *all;

static void note_alone(void *engine, struct loop *gateway, bool is)
{
    for (unsigned i = 0; i < NODES; i++)
        if (engine == scene_of(all, i)) told[i][loop_index(gateway)] = is;
}

static bool is_told(unsigned i, bool is)
{
    for (unsigned l = 0; l < NODE_LOOPS; l++)
        if (told[i][l] != is) return false;
    return true;
}

static int setup(void **state)
{
    struct nodes *n = nodes_on_queues();
    memset(told, 0, sizeof told);
    all = n;
    n->config.alone = note_alone;
    nodes_start_two(n);
    node_start(n, 2);
    nodes_skip(n, 3500);
    assert_shared(n, 3);
    box = key_in_slot(&n->arena, 30, 0);
    *state = n;
    return 0;
}

static void cut(struct nodes *n, unsigned i, bool on)
{
    broker_faulty_cut(n->node[i].broker, on);
}

/* Its slots are opened by others, who wait for them; and when the broker is back all is as it was. */
static void who_alone_has_lost_the_broker_says_so(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(owner_of(n, box), 0);
    cut(n, 0, true);
    nodes_skip(n, 8000);
    assert_int_equal(owner_of(n, box), 1);
    assert_true(is_told(0, true));
    assert_true(is_told(1, false) && is_told(2, false));
    cut(n, 0, false);
    nodes_skip(n, 1100);
    assert_true(is_told(0, false));
    nodes_skip(n, 20000);
    assert_shared(n, 3);
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
}

/* In a slot that is open at this node, as node 0 knows, which had it before or never. */
static struct str key_of(struct nodes *n, unsigned i)
{
    for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++) {
        const struct slot *its = &scene_of(n, i)->cluster->slot[slot], *ours = &scene_of(n, 0)->cluster->slot[slot];
        const struct owner *known = &ours->home->owner[slot];
        if (its->state == SLOT_OPEN && known->node >= 0 && known->epoch == its->epoch && ours->epoch < its->epoch)
            return key_in_slot(&n->arena, slot, 0);
    }
    fail_msg("none");
    return STR("");
}

/* Another server can do it. */
static void what_waits_there_is_refused_at_once(void **state)
{
    struct nodes *n = *state;
    cut(n, 0, true);
    struct ask *a = NULL;
    for (unsigned k = 0; k < 80 && !is_told(0, true); k++) {
        if (!a && owner_of(n, box) != 0) a = ask(scene_of(n, 0), add(box, 1, 1));
        nodes_skip(n, 100);
    }
    assert_true(is_told(0, true));
    assert_non_null(a);
    nodes_settle(n);
    assert_true(a->done);
    assert_int_equal(a->reply.err, ERR_UNAVAILABLE);
    assert_int_equal(tell_at(n, 0, add(box, 2, 1), NULL), ERR_UNAVAILABLE);
    assert_int_equal(count_at(n, 1, box), 0);
    struct str others = key_of(n, 1); /* as far as it knows, that one has it still, and would have to be asked */
    struct reply reply;
    assert_int_equal(tell_at(n, 0, add(others, 1, 1), &reply), ERR_UNAVAILABLE);
    assert_true(reply.fault.retry_ms > 0);
    assert_int_equal(count_at(n, 1, others), 0);
}

static void while_it_is_away_for_all_nobody_is_alone(void **state)
{
    struct nodes *n = *state;
    for (unsigned i = 0; i < NODES; i++)
        cut(n, i, true);
    for (unsigned k = 0; k < 300; k++) {
        nodes_skip(n, 100);
        for (unsigned i = 0; i < NODES; i++) {
            assert_true(is_told(i, false));
            assert_int_equal(slot_at(n, i, box)->lacks_ms, 0); /* nor does anybody ask for it anew, in vain */
        }
    }
    for (unsigned i = 0; i < NODES; i++)
        cut(n, i, false);
    nodes_skip(n, 30000);
    assert_shared(n, 3);
    assert_int_equal(tell_at(n, 1, add(box, 1, 1), NULL), ERR_OK);
}

static void wait_until_told(struct nodes *n, bool is)
{
    for (unsigned k = 0; k < 300 && !is_told(0, is); k++)
        nodes_skip(n, 100);
    assert_true(is_told(0, is));
}

/* That somebody has opened its slots was the last thing that the broker did. */
static void it_may_be_away_for_all_after_that(void **state)
{
    struct nodes *n = *state;
    cut(n, 0, true);
    wait_until_told(n, true);
    cut(n, 1, true);
    cut(n, 2, true);
    wait_until_told(n, false);
    for (unsigned k = 0; k < 100; k++) {
        nodes_skip(n, 100);
        assert_true(is_told(0, false) && is_told(1, false) && is_told(2, false));
    }
}

/* Where nobody says anything there are no news to be missed. */
static void while_nothing_moves_everybody_may_wait(void **state)
{
    struct nodes *n = *state;
    cut(n, 0, true);
    wait_until_told(n, true);
    wait_until_told(n, false);
    assert_int_equal(tell_at(n, 1, add(key_of(n, 1), 1, 1), NULL), ERR_OK); /* in a slot that was never its own */
    nodes_skip(n, 1200);
    assert_true(is_told(0, true));
    cut(n, 0, false);
    wait_until_told(n, false);
}

/* Then there is no sign. */
static void without_the_store_nobody_knows(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 0)->gate->broken = ERR_UNAVAILABLE;
    cut(n, 0, true);
    nodes_skip(n, 8000);
    assert_int_equal(owner_of(n, box), 1);
    assert_true(is_told(0, false));
    scene_of(n, 0)->gate->broken = ERR_OK;
    nodes_skip(n, 2000);
    assert_true(is_told(0, true));
}

/* Its records come with it: they follow where the store stands now, not where this node stood when it had the slot. */
static void a_slot_that_comes_back_during_a_look_is_opened(void **state)
{
    struct nodes *n = *state;
    cut(n, 0, true);
    wait_until_told(n, true);
    for (int64_t i = 1; i <= 3; i++)
        assert_int_equal(tell_at(n, 1, add(box, i, 1), NULL), ERR_OK);
    scene_of(n, 1)->gate->hold = true; /* what comes now stays in the queue */
    assert_int_equal(tell_at(n, 1, add(box, 4, 1), NULL), ERR_OK);
    slot_at(n, 0, box)->home->look_next = cluster_slot_of(box); /* it is the one that is looked at, */
    scene_of(n, 0)->gate->hold_looks = true;                    /* for long */
    nodes_skip(n, 1100);
    assert_false(list_is_empty(&scene_of(n, 0)->gate->looks));
    cut(n, 0, false);
    for (unsigned k = 0; k < 200 && !slot_at(n, 0, box)->in_line; k++)
        nodes_skip(n, 100);
    broker_local_expel(n->node[1].local);
    for (unsigned k = 0; k < 20 && !slot_at(n, 0, box)->holding; k++)
        nodes_skip(n, 50);
    assert_true(slot_at(n, 0, box)->holding);
    nodes_settle(n);
    gate_open(scene_of(n, 0)->gate);
    nodes_settle(n);
    assert_int_equal(owner_of(n, box), 0);
    assert_int_equal(count_at(n, 0, box), 4);
    struct cluster_stats st;
    cluster_stats(scene_of(n, 0)->cluster, &st);
    assert_int_equal(st.failed_records, 0); /* nor was it set aside in between */
    gate_open(scene_of(n, 1)->gate);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, nodes_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(who_alone_has_lost_the_broker_says_so),
        test(what_waits_there_is_refused_at_once),
        test(while_it_is_away_for_all_nobody_is_alone),
        test(without_the_store_nobody_knows),
        test(it_may_be_away_for_all_after_that),
        test(while_nothing_moves_everybody_may_wait),
        test(a_slot_that_comes_back_during_a_look_is_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
