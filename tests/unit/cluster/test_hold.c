/* Slots that move between nodes, with the store as the journal: by death, by leaving, by being taken for dead; and what a former owner still
 * sends. */
#include "unit/cluster/storm.h"

static struct str box, same, other; /* two of a slot, one of another */

static int setup(void **state)
{
    struct nodes *n = mem_zero(sizeof *n);
    nodes_init(n);
    box = key_in_slot(&n->arena, 30, 0);
    same = key_in_slot(&n->arena, 30, 1);
    other = key_in_slot(&n->arena, 31, 0);
    nodes_start_two(n);
    *state = n;
    return 0;
}

static void one_node_holds_what_nobody_else_does(void **state)
{
    struct nodes *n = *state;
    assert_shared(n, 2);
    assert_int_equal(owner_of(n, box), 0);
    struct reply reply; /* with the store as the journal calls are not numbered, and so do not go to other nodes */
    assert_int_equal(tell_at(n, 1, add(box, 1, 1), &reply), ERR_UNAVAILABLE);
    assert_true(reply.fault.retry_ms > 0);
    assert_int_equal(count_at(n, 0, box), 0);
}

static void who_asks_while_nobody_can_open_the_slot_need_not_wait_for_ever(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 1)->gate->hold_reads = GATE_READS_LATE;
    node_die(n, 0);
    struct ask *a = ask(scene_of(n, 1), add(box, 1, 1));
    nodes_skip(n, OPEN_PATIENCE_MS - 500);
    assert_false(a->done);
    nodes_skip(n, 1000);
    assert_true(a->done);
    assert_int_equal(a->reply.err, ERR_UNAVAILABLE);
    assert_true(a->reply.fault.retry_ms > 0);
}

static void the_next_serves_what_the_dead_one_has_acknowledged(void **state)
{
    struct nodes *n = *state;
    for (int64_t i = 1; i <= 10; i++) {
        assert_int_equal(tell_at(n, 0, add(box, i, i), NULL), ERR_OK);
        assert_int_equal(tell_at(n, 0, add(other, i, 1), NULL), ERR_OK);
    }
    int64_t epoch = slot_at(n, 0, box)->epoch, position = slot_at(n, 0, box)->position;
    scene_of(n, 0)->gate->hold = true;
    struct ask *lost = ask(scene_of(n, 0), add(box, 11, 1)); /* on its way when it dies */
    nodes_settle(n);
    assert_false(lost->done);
    node_die(n, 0);
    nodes_settle(n);
    assert_int_equal(open_at(n, 1), CLUSTER_SLOTS);
    assert_int_equal(slot_at(n, 1, box)->epoch, epoch + 1);
    assert_int_equal(slot_at(n, 1, box)->position, position + 1);
    assert_int_equal(count_at(n, 1, box), 10);
    assert_int_equal(sum_at(n, 1, box), 55);
    assert_int_equal(count_at(n, 1, other), 10);
    assert_int_equal(tell_at(n, 1, add(box, 11, 1), NULL), ERR_OK);
    node_start(n, 0); /* and back */
    nodes_settle(n);
    node_die(n, 1);
    nodes_settle(n);
    assert_int_equal(open_at(n, 0), CLUSTER_SLOTS);
    assert_int_equal(count_at(n, 0, box), 11);
}

static bool is_ready(struct nodes *n, unsigned i)
{
    return !cluster_not_ready(scene_of(n, i)->cluster, loop_now_ms(scene_of(n, i)->loop[0]));
}

/* Whoever balances the load asks each node: what is missing at all of them for a moment is no reason to go elsewhere. */
static void who_lives_is_ready_while_slots_change_hands(void **state)
{
    struct nodes *n = *state;
    assert_true(is_ready(n, 0) && is_ready(n, 1));
    scene_of(n, 1)->gate->hold_reads = GATE_READS_LATE;
    node_die(n, 0);
    nodes_skip(n, 4000);
    assert_in_range(open_at(n, 1), 8, CLUSTER_SLOTS - 8);
    assert_true(is_ready(n, 1));
    nodes_skip(n, 1500); /* nobody can open them */
    assert_false(is_ready(n, 1));
    gate_open(scene_of(n, 1)->gate);
    nodes_skip(n, 2000);
    assert_int_equal(open_at(n, 1), CLUSTER_SLOTS);
    assert_true(is_ready(n, 1));
}

/* Others reach what it does not, perhaps. */
static void who_has_lost_its_slots_is_not_ready(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 1)->gate->hold_reads = GATE_READS_LATE;
    for (unsigned i = 0, lost = 0; i < CLUSTER_SLOTS; i++) {
        struct slot *s = &scene_of(n, 0)->cluster->slot[i];
        if (s->state != SLOT_OPEN) continue;
        assert_int_equal(is_ready(n, 0), lost <= open_at(n, 0));
        slot_fail(s, ERR_CONFLICT);
        lost++;
    }
    assert_false(is_ready(n, 0));
    nodes_settle(n);
    assert_true(is_ready(n, 1));
    gate_open(scene_of(n, 1)->gate);
    nodes_skip(n, 2000);
    assert_true(is_ready(n, 0) && is_ready(n, 1));
}

static void who_does_not_reach_the_broker_is_not_ready(void **state)
{
    struct nodes *n = *state;
    assert_true(is_ready(n, 1));
    node_expel(&n->node[1]);
    assert_false(is_ready(n, 1)); /* also who has lost nothing by that, or has not heard of it yet */
    nodes_settle(n);
    assert_true(is_ready(n, 1));
}

static void who_has_just_come_is_not_ready(void **state)
{
    struct nodes *n = *state;
    node_start(n, 2);
    assert_false(is_ready(n, 2));
    nodes_settle(n);
    assert_true(is_ready(n, 2));
}

static void who_asked_before_the_slot_came_is_answered(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 1)->gate->hold_reads = GATE_READS_LATE;
    node_die(n, 0);
    struct ask *a = ask(scene_of(n, 1), add(box, 1, 1));
    nodes_skip(n, 2000);
    assert_false(a->done);
    gate_open(scene_of(n, 1)->gate);
    nodes_settle(n);
    assert_true(a->done);
    assert_int_equal(a->reply.err, ERR_OK);
    assert_int_equal(count_at(n, 1, box), 1);
}

static void who_leaves_hands_over(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    scene_of(n, 0)->gate->hold = true;
    struct ask *written = ask(scene_of(n, 0), add(box, 2, 1)), *question = ask(scene_of(n, 0), list_of(same));
    nodes_settle(n);
    cluster_leave(scene_of(n, 0)->cluster);
    nodes_settle(n);
    assert_false(written->done); /* it waits a while for what is on its way */
    nodes_skip(n, 1100);
    assert_true(written->done);
    assert_int_equal(written->reply.err, ERR_UNAVAILABLE);
    assert_true(written->reply.fault.retry_ms > 0);
    assert_true(question->done);
    assert_int_equal(open_at(n, 0), 0);
    assert_int_equal(open_at(n, 1), CLUSTER_SLOTS);
    assert_int_equal(count_at(n, 1, box), 1);
    gate_open(scene_of(n, 0)->gate); /* late: the slot stands elsewhere */
    nodes_skip(n, 2000);
    assert_int_equal(open_at(n, 0), 0);
    assert_int_equal(count_at(n, 1, box), 1);
    assert_int_equal(tell_at(n, 1, add(box, 2, 1), NULL), ERR_OK);
    node_die(n, 1);
    nodes_skip(n, 2000);
    assert_int_equal(open_at(n, 0), 0); /* it has left for good */
}

/* Its process was stopped; it goes on where it was, and finds itself replaced. */
static void a_late_record_of_a_former_owner_is_void(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    scene_of(n, 0)->gate->hold = true;
    struct ask *late = ask(scene_of(n, 0), add(box, 2, 1));
    nodes_settle(n);
    n->node[0].still = true;
    broker_local_expel(n->node[0].local);
    nodes_settle(n);
    assert_int_equal(owner_of(n, box), 1);
    assert_int_equal(tell_at(n, 1, add(box, 3, 10), NULL), ERR_OK);
    gate_open(scene_of(n, 0)->gate);
    n->node[0].still = false;
    nodes_settle(n);
    assert_true(late->done);
    assert_int_equal(late->reply.err, ERR_UNAVAILABLE);
    assert_int_equal(owner_of(n, box), 0); /* it has queued up again, comes first, and was given the slot */
    assert_int_equal(sum_at(n, 0, box), 11);
    assert_int_equal(tell_at(n, 0, add(box, 4, 100), NULL), ERR_OK);
    node_die(n, 0);
    nodes_settle(n);
    assert_int_equal(owner_of(n, box), 1);
    assert_int_equal(sum_at(n, 1, box), 111);
}

/* The same, but nobody has told it yet: its next record meets the new owner's epoch, and it asks the broker again. */
static void an_owner_that_meets_a_newer_epoch_lets_go(void **state)
{
    struct nodes *n = *state;
    struct store_slot at;
    assert_int_equal(store_stands(n->store, 30, &at), ERR_OK);
    struct store_batch mark = {.loop = scene_of(n, 1)->loop[0],
                               .slot = 30,
                               .epoch = at.epoch + 1,
                               .predecessor = at.position,
                               .position = at.position + 1,
                               .done = gate_done_nothing};
    store_apply(n->store, &mark);
    nodes_settle(n);
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_UNAVAILABLE);
    assert_int_equal(owner_of(n, box), 0); /* again, after the other one, which waited longer */
    assert_int_equal(owner_of(n, other), 0);
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    assert_int_equal(slot_at(n, 0, box)->epoch, at.epoch + 3);
}

/* A record of the former owner arrives after the next one has looked where the slot stands, and before its mark: it counts. */
static void what_came_in_between_is_seen(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 0)->gate->hold = true;
    struct ask *late = ask(scene_of(n, 0), add(box, 1, 5));
    nodes_settle(n);
    n->node[0].still = true;
    scene_of(n, 1)->gate->hold = true;
    broker_local_expel(n->node[0].local);
    nodes_settle(n);
    assert_int_equal(slot_at(n, 1, box)->state, SLOT_OPENING);
    gate_open(scene_of(n, 0)->gate);
    gate_open(scene_of(n, 1)->gate);
    nodes_settle(n);
    assert_int_equal(owner_of(n, box), 1);
    assert_int_equal(sum_at(n, 1, box), 5);
    assert_int_equal(tell_at(n, 1, add(same, 1, 1), NULL), ERR_OK); /* at once */
    n->node[0].still = false;
    nodes_settle(n);
    assert_true(late->done);
    assert_int_equal(owner_of(n, box), 0);
    assert_int_equal(sum_at(n, 0, box), 5);
}

static void a_slot_that_is_lost_while_it_opens_is_not_served(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 1)->gate->hold_reads = GATE_READS_LATE;
    node_die(n, 0);
    nodes_settle(n);
    assert_int_equal(slot_at(n, 1, box)->state, SLOT_OPENING);
    node_start(n, 2);
    nodes_skip(n, 1100);
    assert_int_equal(owner_of(n, box), NODES);
    n->node[1].still = true;
    broker_local_expel(n->node[1].local);
    nodes_settle(n);
    assert_int_equal(owner_of(n, box), 2);
    int64_t epoch = slot_at(n, 2, box)->epoch;
    assert_int_equal(tell_at(n, 2, add(box, 1, 1), NULL), ERR_OK);
    n->node[1].still = false;
    gate_open(scene_of(n, 1)->gate); /* what it had read is old */
    nodes_settle(n);
    assert_int_equal(owner_of(n, box), 1); /* handed over, since it comes first */
    assert_int_equal(slot_at(n, 1, box)->epoch, epoch + 1);
    assert_int_equal(count_at(n, 1, box), 1);
}

/* Lost and got back before the first attempt has noticed: there is one attempt at a time. */
static void a_slot_that_comes_back_while_it_opens(void **state)
{
    struct nodes *n = *state;
    int64_t epoch = slot_at(n, 0, box)->epoch;
    scene_of(n, 1)->gate->hold_reads = GATE_READS_LATE;
    node_die(n, 0);
    nodes_settle(n);
    broker_local_expel(n->node[1].local);
    nodes_settle(n);
    gate_let_read(scene_of(n, 1)->gate);
    nodes_settle(n);
    assert_int_equal(open_at(n, 1), 0);
    gate_open(scene_of(n, 1)->gate);
    nodes_settle(n);
    assert_int_equal(open_at(n, 1), CLUSTER_SLOTS);
    assert_int_equal(slot_at(n, 1, box)->epoch, epoch + 1);
    assert_int_equal(tell_at(n, 1, add(box, 1, 1), NULL), ERR_OK);
}

/* The same with its mark under way: it counts, and the next owner's is after it. */
static void a_slot_that_is_lost_with_its_mark_under_way(void **state)
{
    struct nodes *n = *state;
    int64_t epoch = slot_at(n, 0, box)->epoch;
    scene_of(n, 1)->gate->hold = true;
    node_die(n, 0);
    nodes_settle(n);
    node_start(n, 2);
    nodes_skip(n, 1100);
    n->node[1].still = true;
    broker_local_expel(n->node[1].local);
    gate_open(scene_of(n, 1)->gate);
    nodes_settle(n);
    assert_int_equal(owner_of(n, box), 2);
    assert_int_equal(slot_at(n, 2, box)->epoch, epoch + 2);
    n->node[1].still = false;
    nodes_settle(n);
    assert_int_equal(owner_of(n, box), 1);
    assert_int_equal(slot_at(n, 1, box)->epoch, epoch + 3);
}

static void open_letters_go_from_the_next_owner(void **state)
{
    check_letters_go_from_the_next(*state, box, other);
}

/* --- all at once --- */

enum { STORM_STEPS = 600 };

static void storm_step(struct storm *s)
{
    unsigned i = dice(NODES);
    struct node *node = &s->n->node[i];
    for (unsigned k = dice(8); k; k--)
        storm_ask(s);
    switch (dice(12)) {
    case 0:
        if (node->alive) broker_local_expel(node->local);
        break;
    case 1:
        if (node->alive) node->still = !node->still;
        break;
    case 2:
        if (node->alive && dice(4) == 0) node_die(s->n, i);
        break;
    case 3:
        if (node->alive) scene_of(s->n, i)->gate->hold = true;
        break;
    case 4:
        if (node->alive) gate_open(scene_of(s->n, i)->gate);
        break;
    case 5:
        if (node->alive) scene_of(s->n, i)->gate->hold_reads = dice(2) ? GATE_READS_LATE : GATE_READS_STALE;
        break;
    case 6:
        store_faulty_fail_nth(s->n->faulty, dice(5));
        break;
    case 7:
        nodes_skip(s->n, dice(1500));
        break;
    default:
        if (!node->alive && dice(3) == 0) node_start(s->n, i);
        break;
    }
    nodes_settle(s->n);
}

static void storm_of_seed(unsigned seed)
{
    struct storm *s = storm_begin(seed, JOURNAL_STORE, false);
    for (unsigned k = 0; k < STORM_STEPS; k++)
        storm_step(s);
    storm_calm(s);
    nodes_skip(s->n, 3 * REOPEN_MS + OPEN_PATIENCE_MS);
    storm_check(s, storm_survivor(s, 10, REOPEN_MS));
    storm_release(s);
}

static void nothing_acknowledged_is_lost_whoever_holds(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 8; seed++)
        storm_of_seed(seed);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, nodes_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(one_node_holds_what_nobody_else_does),
        test(the_next_serves_what_the_dead_one_has_acknowledged),
        test(who_asks_while_nobody_can_open_the_slot_need_not_wait_for_ever),
        test(who_lives_is_ready_while_slots_change_hands),
        test(who_has_lost_its_slots_is_not_ready),
        test(who_does_not_reach_the_broker_is_not_ready),
        test(who_has_just_come_is_not_ready),
        test(who_asked_before_the_slot_came_is_answered),
        test(who_leaves_hands_over),
        test(a_late_record_of_a_former_owner_is_void),
        test(an_owner_that_meets_a_newer_epoch_lets_go),
        test(what_came_in_between_is_seen),
        test(a_slot_that_is_lost_while_it_opens_is_not_served),
        test(a_slot_that_comes_back_while_it_opens),
        test(a_slot_that_is_lost_with_its_mark_under_way),
        test(open_letters_go_from_the_next_owner),
        cmocka_unit_test(nothing_acknowledged_is_lost_whoever_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
