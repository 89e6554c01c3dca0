/* Letters between slots of different nodes: applied once and in order, whatever is lost and whoever moves. (The toy counts letters of each pair of boxes in
 * rows of both: what is doubled or overtaken is seen at the end of every test.) */
#include "unit/cluster/nodes.h"

static struct str box, far; /* node 0's, node 1's */

/* A key of a slot that is open there. */
static struct str key_at(struct nodes *n, unsigned i)
{
    for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++)
        if (slot != 30 && slot != 31 && scene_of(n, i)->cluster->slot[slot].state == SLOT_OPEN) return key_in_slot(&n->arena, slot, 0);
    fail();
    return STR("");
}

static int setup(void **state)
{
    struct nodes *n = nodes_three_on_queues();
    box = key_in_slot(&n->arena, 30, 0);
    far = key_at(n, 1);
    *state = n;
    return 0;
}

static unsigned far_slot(void)
{
    return cluster_slot_of(far);
}

/* Asked at all nodes in turn but one, which is about to die. */
static void move_things_not_at(struct nodes *n, unsigned not_at, int64_t from, int64_t to)
{
    for (int64_t i = from; i <= to; i++) {
        unsigned at = (unsigned)i % NODES;
        ask(scene_of(n, at == not_at ? (at + 1) % NODES : at), move(box, far, i, 1));
    }
    nodes_settle(n);
}
static void move_things(struct nodes *n, int64_t from, int64_t to)
{
    move_things_not_at(n, NODES, from, to);
}

static void assert_moved(struct nodes *n, int64_t things)
{
    for (unsigned i = 0; i < NODES; i++) {
        if (!n->node[i].alive) continue;
        assert_int_equal(count_at(n, i, far), things);
        assert_int_equal(sum_at(n, i, far), things);
        assert_int_equal(sum_at(n, i, box), -things);
        list_each(it, &scene_of(n, i)->asks)
        {
            const struct ask *a = list_item(it, struct ask, link);
            assert_true(a->done);
            assert_int_equal(a->reply.err, ERR_OK);
        }
    }
    unsigned at = owner_of(n, box);
    assert_true(list_is_empty(&slot_at(n, at, box)->letters_out[far_slot()]));
}

static void they_arrive_before_the_answer(void **state)
{
    struct nodes *n = *state;
    for (int64_t i = 1; i <= 20; i++) {
        assert_int_equal(tell_at(n, (unsigned)i % NODES, move(box, far, i, 1), NULL), ERR_OK);
        assert_int_equal(count_at(n, 1, far), i);
    }
    assert_moved(n, 20);
}

static void lost_letters_go_again_in_order(void **state)
{
    struct nodes *n = *state;
    lose_next(n, 0, POST_LETTER, far_slot(), 1);
    move_things(n, 1, 9); /* the first is lost: the others may not be taken before it */
    assert_int_equal(lose_none(n, 0), 1);
    assert_int_equal(count_at(n, 1, far), 0);
    nodes_skip(n, 3100);
    assert_moved(n, 9);
    for (int64_t i = 10; i < 40; i += 3) {
        lose_next(n, 0, POST_LETTER, far_slot(), 1 + (unsigned)i % 4);
        move_things(n, i, i + 2);
        nodes_skip(n, 6100);
    }
    assert_moved(n, 39);
}

static void lost_answers_are_given_again(void **state)
{
    struct nodes *n = *state;
    lose_next(n, 1, POST_LETTER_ACK, 30, 5);
    move_things(n, 1, 9);
    assert_int_equal(lose_none(n, 1), 5);
    assert_int_equal(count_at(n, 1, far), 9);
    nodes_skip(n, 3100);
    assert_moved(n, 9);
}

static void each_comes_twice(void **state)
{
    struct nodes *n = *state;
    for (unsigned i = 0; i < NODES; i++)
        broker_faulty_repeat_every(n->node[i].broker, 1);
    move_things(n, 1, 30);
    nodes_skip(n, 3100);
    assert_moved(n, 30);
}

/* Those that go again stand between those that go for the first time. */
static void late_ones_and_lost_ones(void **state)
{
    struct nodes *n = *state;
    for (unsigned i = 0; i < NODES; i++) {
        broker_faulty_delay_ms(n->node[i].broker, 300);
        broker_faulty_lose_every(n->node[i].broker, 5);
    }
    for (int64_t i = 1; i <= 60; i += 3) {
        move_things(n, i, i + 2);
        nodes_skip(n, 100);
    }
    nodes_skip(n, 4000);
    for (unsigned i = 0; i < NODES; i++) {
        broker_faulty_delay_ms(n->node[i].broker, 0);
        broker_faulty_lose_every(n->node[i].broker, 0);
    }
    nodes_skip(n, 6000);
    assert_moved(n, 60);
}

static void an_answer_does_not_wait_for_ever(void **state)
{
    struct nodes *n = *state;
    lose_next(n, 0, POST_LETTER, far_slot(), 1000);
    struct ask *a = ask(scene_of(n, 2), move(box, far, 1, 1));
    nodes_skip(n, LETTER_PATIENCE_MS - 100);
    assert_false(a->done);
    nodes_skip(n, 200);
    assert_true(a->done);
    assert_int_equal(a->reply.err, ERR_OK); /* it will arrive */
    assert_int_equal(count_at(n, 1, far), 0);
    lose_none(n, 0);
    nodes_skip(n, 3100);
    assert_moved(n, 1);
}

/* --- who moves --- */

static void the_receiver_dies(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 1)->gate->hold = true;
    move_things_not_at(n, 1, 1, 9);
    lose_next(n, 1, POST_LETTER_ACK, 30, 1000); /* applied, and the sender does not know */
    move_things_not_at(n, 1, 10, 18);
    lose_next(n, 0, POST_LETTER, far_slot(), 3);
    move_things_not_at(n, 1, 19, 27);
    node_die(n, 1);
    nodes_skip(n, 6000);
    assert_moved(n, 27);
    node_start(n, 1);
    nodes_skip(n, 3500);
    move_things(n, 28, 33);
    nodes_skip(n, 3100);
    assert_moved(n, 33);
}

static void the_receiver_hands_over(void **state)
{
    struct nodes *n = *state;
    for (int64_t i = 1; i <= 30; i += 3) {
        move_things(n, i, i + 2);
        if (i == 13) cluster_leave(scene_of(n, 1)->cluster);
        nodes_skip(n, 50);
    }
    nodes_skip(n, 3100);
    assert_moved(n, 30);
}

static void the_sender_dies(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 0)->gate->hold = true;
    lose_next(n, 0, POST_LETTER, far_slot(), 1000);
    move_things_not_at(n, 0, 1, 9);
    assert_int_equal(count_at(n, 1, far), 0);
    node_die(n, 0);
    nodes_skip(n, 6000);
    assert_moved(n, 9);
}

static void the_sender_hands_over(void **state)
{
    struct nodes *n = *state;
    lose_next(n, 0, POST_LETTER, far_slot(), 1000);
    move_things(n, 1, 9);
    cluster_leave(scene_of(n, 0)->cluster);
    nodes_skip(n, 500); /* who waits for its letters does not wait here any more */
    assert_int_equal(owner_of(n, box), 1);
    assert_moved(n, 9);
}

static void both_stand_still_and_are_replaced(void **state)
{
    struct nodes *n = *state;
    move_things(n, 1, 6);
    lose_next(n, 1, POST_LETTER_ACK, 30, 2);
    move_things(n, 7, 12);
    for (unsigned i = 0; i < 2; i++) {
        n->node[i].still = true;
        broker_local_expel(n->node[i].local);
    }
    nodes_skip(n, 3000);
    assert_int_equal(owner_of(n, box), 2);
    assert_int_equal(owner_of(n, far), 2);
    assert_int_equal(tell_at(n, 2, move(box, far, 13, 1), NULL), ERR_OK);
    for (unsigned i = 0; i < 2; i++)
        n->node[i].still = false;
    nodes_skip(n, 6000);
    move_things(n, 14, 18);
    nodes_skip(n, 3100);
    assert_moved(n, 18);
}

/* A letter that cannot be applied at the moment: those after it wait, and all go in the end. */
static void a_letter_that_is_stuck(void **state)
{
    struct nodes *n = *state;
    n->node[1].toy.toy.take_failures = 3;
    n->node[1].toy.toy.take_error = ERR_UNAVAILABLE;
    move_things(n, 1, 9);
    assert_int_equal(count_at(n, 1, far), 0);
    nodes_skip(n, 12000);
    assert_moved(n, 9);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, nodes_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(they_arrive_before_the_answer),
        test(lost_letters_go_again_in_order),
        test(lost_answers_are_given_again),
        test(each_comes_twice),
        test(late_ones_and_lost_ones),
        test(an_answer_does_not_wait_for_ever),
        test(the_receiver_dies),
        test(the_receiver_hands_over),
        test(the_sender_dies),
        test(the_sender_hands_over),
        test(both_stand_still_and_are_replaced),
        test(a_letter_that_is_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
