/* An owner reads what it has at hand without asking the store, and what it reads is what there is. */
#include "unit/cluster/nodes.h"

static struct str box, same; /* two of a slot */

static int setup(void **state)
{
    struct nodes *n = nodes_on_queues();
    n->config.at_hand = toy_at_hand;
    box = key_in_slot(&n->arena, 30, 0);
    same = key_in_slot(&n->arena, 30, 1);
    nodes_start_two(n);
    *state = n;
    return 0;
}

static void store_goes_away(struct nodes *n)
{
    scene_of(n, 0)->gate->broken = ERR_UNAVAILABLE;
    store_faulty_fail_all(n->faulty, true);
}
static void store_comes_back(struct nodes *n)
{
    scene_of(n, 0)->gate->broken = ERR_OK;
    store_faulty_fail_all(n->faulty, false);
    nodes_skip(n, 2 * REOPEN_MS);
    assert_int_equal(slot_at(n, 0, box)->backlog, 0);
}

static uint64_t reads_of(struct nodes *n)
{
    struct store_stats st;
    n->store->ops->stats(n->store, &st);
    return st.reads;
}

static void add_at(struct nodes *n, struct str to, int64_t id)
{
    assert_int_equal(tell_at(n, 0, add(to, id, 1), NULL), ERR_OK);
}
static void del_at(struct nodes *n, struct str from, int64_t id)
{
    assert_int_equal(tell_at(n, 0, del(from, id), NULL), ERR_OK);
}

static void the_store_is_asked_once(void **state)
{
    struct nodes *n = *state;
    struct cluster_stats st;
    for (int64_t i = 1; i <= 5; i++)
        add_at(n, box, i);
    assert_int_equal(count_at(n, 0, box), 5);
    uint64_t before = reads_of(n);
    for (int64_t i = 6; i <= 20; i++) {
        add_at(n, box, i);
        nodes_settle(n); /* it is written */
        assert_int_equal(count_at(n, 0, box), i);
    }
    del_at(n, box, 7);
    nodes_settle(n);
    assert_int_equal(count_at(n, 0, box), 19);
    assert_int_equal(reads_of(n), before);
    cluster_stats(scene_of(n, 0)->cluster, &st);
    assert_true(st.reads_at_hand >= 16);
    node_die(n, 0); /* what the store has is the same */
    nodes_settle(n);
    assert_int_equal(count_at(n, 1, box), 19);
}

static void what_was_read_goes_on_while_the_store_is_away(void **state)
{
    struct nodes *n = *state;
    struct reply reply;
    for (int64_t i = 1; i <= 5; i++)
        add_at(n, box, i);
    nodes_settle(n);
    store_goes_away(n);
    add_at(n, box, 6);
    del_at(n, box, 1);
    nodes_skip(n, 3000);
    assert_int_equal(count_at(n, 0, box), 5);
    assert_int_equal(tell_at(n, 0, list_of(same), &reply), ERR_UNAVAILABLE); /* nobody has read it */
    assert_true(reply.fault.retry_ms > 0 && reply.fault.text[0]);
    store_comes_back(n);
    assert_int_equal(count_at(n, 0, box), 5);
    assert_int_equal(count_at(n, 0, same), 0);
    scene_of(n, 0)->gate->broken = ERR_UNAVAILABLE;
    assert_int_equal(count_at(n, 0, box), 5);  /* as written */
    assert_int_equal(count_at(n, 0, same), 0); /* nothing is at hand, too */
}

/* Between the reading and the answer something else is written. */
static void an_answer_that_is_too_old_is_not_kept(void **state)
{
    struct nodes *n = *state;
    struct gate *g = scene_of(n, 0)->gate;
    assert_int_equal(owner_of(n, box), 0);
    g->hold_reads = GATE_READS_STALE;
    struct ask *a = ask(scene_of(n, 0), list_of(box));
    nodes_settle(n);
    assert_false(a->done);
    g->hold_reads = GATE_READS_PASS;
    add_at(n, box, 1);
    nodes_settle(n);
    while (gate_let_read(g))
        ;
    nodes_settle(n);
    assert_true(a->done);
    assert_int_equal(a->reply.num[0], 1);
    g->broken = ERR_UNAVAILABLE;
    assert_int_equal(count_at(n, 0, box), 1);
}

static void forget_what_is_at_hand(struct slot *s)
{
    stock_free(s->stock);
    s->stock = stock_new(toy_at_hand, 100000);
}

/* The store has records of which the owner has not heard yet. */
static void an_answer_that_is_newer_than_known_is_right(void **state)
{
    struct nodes *n = *state;
    struct gate *g = scene_of(n, 0)->gate;
    assert_int_equal(owner_of(n, box), 0);
    g->hold = true;
    add_at(n, same, 1);
    add_at(n, same, 2);
    assert_true(gate_let_unheard(g, 30));
    forget_what_is_at_hand(slot_at(n, 0, same));
    assert_int_equal(count_at(n, 0, same), 2); /* asked of the store */
    del_at(n, same, 1);
    del_at(n, same, 2);
    assert_int_equal(count_at(n, 0, same), 0);
    gate_open(g);
    nodes_skip(n, 3 * REOPEN_MS);
    assert_int_equal(slot_at(n, 0, box)->backlog, 0);
    g->broken = ERR_UNAVAILABLE;
    assert_int_equal(count_at(n, 0, same), 0);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, nodes_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(the_store_is_asked_once),
        test(what_was_read_goes_on_while_the_store_is_away),
        test(an_answer_that_is_too_old_is_not_kept),
        test(an_answer_that_is_newer_than_known_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
