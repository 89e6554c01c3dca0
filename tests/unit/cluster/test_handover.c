/* What a hand-over costs those who wait for the slot: round trips and timers, counted, not measured. */
#include "unit/cluster/nodes.h"

static struct str box, other; /* of slots that the node that started first has */

static int setup(void **state)
{
    struct nodes *n = nodes_on_queues();
    box = key_in_slot(&n->arena, 30, 0);
    other = key_in_slot(&n->arena, 31, 0);
    nodes_start_two(n);
    *state = n;
    return 0;
}

static size_t length(const struct list *l)
{
    size_t n = 0;
    list_each(it, l) n++;
    return n;
}

/* What the store was asked until now is answered, and nothing that is asked in consequence. */
static void round_trip(struct nodes *n, struct gate *g)
{
    size_t reads = length(&g->reads);
    gate_let_looks(g);
    g->hold_looks = true;
    while (reads--)
        (void)gate_let_read(g);
    nodes_settle(n);
}

/* How many times the store's answer was waited for, one after another, until the slot was open. */
static unsigned round_trips_to_open(struct nodes *n, unsigned i, struct str key)
{
    unsigned count = 0;
    while (slot_at(n, i, key)->state == SLOT_OPENING) {
        assert_true(count++ < 20);
        round_trip(n, scene_of(n, i)->gate);
    }
    assert_int_equal(slot_at(n, i, key)->state, SLOT_OPEN);
    return count;
}

/* Others come before it. */
static void until_it_opens(struct nodes *n, unsigned i, struct str key)
{
    for (unsigned k = 0; slot_at(n, i, key)->state != SLOT_OPENING; k++) {
        assert_true(k < 200);
        round_trip(n, scene_of(n, i)->gate);
    }
}

static void the_next_owner_asks_the_store_for_all_at_once(void **state)
{
    struct nodes *n = *state;
    for (int64_t i = 1; i <= 5; i++)
        assert_int_equal(tell_at(n, 1, move(box, other, i, 1), NULL), ERR_OK); /* letters, and answers for calls from elsewhere */
    struct gate *g = scene_of(n, 1)->gate;
    g->hold_looks = true;
    g->hold_reads = GATE_READS_LATE;
    cluster_leave(scene_of(n, 0)->cluster);
    until_it_opens(n, 1, box);
    assert_int_equal(round_trips_to_open(n, 1, box), 1);
    gate_open(g);
    nodes_settle(n);
    assert_int_equal(sum_at(n, 1, box), -5);
    assert_int_equal(count_at(n, 1, other), 5);
}

/* What was read before it was known where the store stands may be too old: a former owner's commit came between. */
static void what_was_read_too_early_is_read_again(void **state)
{
    struct nodes *n = *state;
    struct gate *old = scene_of(n, 0)->gate, *g = scene_of(n, 1)->gate;
    old->hold = true;
    assert_int_equal(tell_at(n, 1, move(box, other, 1, 1), NULL), ERR_OK);
    g->hold_looks = true;
    g->hold_reads = GATE_READS_STALE;
    cluster_leave(scene_of(n, 0)->cluster);
    until_it_opens(n, 1, box);
    gate_open(old); /* the reads are of before it, the look of after */
    nodes_settle(n);
    assert_int_equal(round_trips_to_open(n, 1, box), 2);
    gate_open(g);
    nodes_settle(n);
    nodes_skip(n, 2 * LETTER_PATIENCE_MS);
    assert_int_equal(sum_at(n, 1, box), -1);
    assert_int_equal(count_at(n, 1, other), 1);
}

/* --- who gets it --- */

static unsigned openings(struct nodes *n)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < NODES; i++) {
        if (!n->node[i].alive) continue;
        struct cluster_stats st;
        cluster_stats(scene_of(n, i)->cluster, &st);
        sum += (unsigned)st.reopened;
    }
    return sum;
}

static void three_and_all_wait(struct nodes *n)
{
    n->any_names = true;
    node_start(n, 2);
    nodes_skip(n, 5000);
    assert_shared(n, NODES);
}

/* Everybody waits for every slot; all the same each is opened once, by whom it is for, and nobody waits for a timer. */
static void a_slot_goes_straight_to_who_should_have_it(void **state)
{
    struct nodes *n = *state;
    three_and_all_wait(n);
    node_die(n, 2);
    nodes_skip(n, 5000);
    unsigned before = openings(n);
    node_start(n, 2);
    struct ask *a = ask(scene_of(n, 2), add(box, 1, 1));
    nodes_settle(n);
    assert_shared(n, NODES);
    assert_int_equal(openings(n) - before, open_at(n, 2));
    assert_true(a->done && a->reply.err == ERR_OK);
}

static void who_leaves_gives_each_slot_to_who_should_have_it(void **state)
{
    struct nodes *n = *state;
    three_and_all_wait(n);
    unsigned before = openings(n), had = open_at(n, 0);
    struct ask *a[CLUSTER_SLOTS];
    for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++)
        a[slot] = ask(scene_of(n, slot % NODES), add(key_in_slot(&n->arena, slot, 0), 1, 1));
    cluster_leave(scene_of(n, 0)->cluster);
    nodes_settle(n);
    assert_int_equal(open_at(n, 0), 0);
    assert_int_equal(open_at(n, 1) + open_at(n, 2), CLUSTER_SLOTS);
    assert_int_equal(openings(n) - before, had);
    for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++)
        assert_true(a[slot]->done && a[slot]->reply.err == ERR_OK);
}

/* --- how many at a time --- */

static unsigned closed_slots(struct nodes *n)
{
    unsigned closed = 0;
    for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++) {
        bool open = false;
        for (unsigned i = 0; i < NODES; i++)
            open |= n->node[i].alive && scene_of(n, i)->cluster->slot[slot].state == SLOT_OPEN;
        closed += !open;
    }
    return closed;
}

static void a_loop_hands_over_one_slot_at_a_time(void **state)
{
    struct nodes *n = *state;
    unsigned most = 0;
    three_and_all_wait(n);
    cluster_leave(scene_of(n, 0)->cluster);
    for (unsigned k = 0; open_at(n, 0) || closed_slots(n); k++) {
        assert_true(k < 100000);
        for (unsigned i = 0; i < NODES; i++)
            scene_poll(scene_of(n, i));
        unsigned closed = closed_slots(n);
        if (closed > most) most = closed;
    }
    assert_in_range(most, 1, NODE_LOOPS);
}

static void and_rests_before_the_next_one(void **state)
{
    struct nodes *n = *state;
    n->any_names = true;
    for (unsigned i = 0; i < 2; i++)
        scene_of(n, i)->cluster->config.rest_ms = 60;
    node_start(n, 2);
    nodes_settle(n);
    for (unsigned k = 0, had = open_at(n, 2); k < 60; k++, had = open_at(n, 2)) {
        nodes_skip(n, 60);
        assert_in_range(open_at(n, 2) - had, 0, 2 * NODE_LOOPS);
    }
    assert_shared(n, NODES);
}

/* It refuses what it gets, or it says nothing. */
static void store_goes_away(struct nodes *n, bool refuses)
{
    n->any_names = true;
    for (unsigned i = 0; i < 2; i++) {
        scene_of(n, i)->gate->dead = refuses;
        scene_of(n, i)->gate->hold = !refuses;
    }
}

/* The owners of so many slots have something to write, and the store is away: from the third node's coming on until it is back. */
static void all_stay(struct nodes *n, unsigned written)
{
    for (unsigned slot = 0; slot < written; slot++)
        assert_int_equal(tell_at(n, 0, add(key_in_slot(&n->arena, slot, 0), 1, 1), NULL), ERR_OK);
    nodes_skip(n, 2000);
    node_start(n, 2);
    nodes_skip(n, 10000);
    assert_int_equal(open_at(n, 2), 0);
    for (unsigned i = 0; i < 2; i++) {
        scene_of(n, i)->gate->dead = false;
        gate_open(scene_of(n, i)->gate);
    }
    nodes_skip(n, 5000);
    assert_shared(n, NODES);
}

static void a_slot_whose_store_is_away_stays(void **state)
{
    struct nodes *n = *state;
    store_goes_away(n, true);
    all_stay(n, CLUSTER_SLOTS);
}

static void and_so_do_those_that_have_nothing_to_write(void **state)
{
    struct nodes *n = *state;
    store_goes_away(n, true);
    all_stay(n, CLUSTER_SLOTS / 2);
}

/* What was on its way when the connection was lost may be there or not: it is answered when the store is back, and not before. */
static void as_does_one_with_a_commit_in_doubt(void **state)
{
    struct nodes *n = *state;
    store_goes_away(n, false);
    all_stay(n, CLUSTER_SLOTS);
}

/* A slot that node 0 is about to let go, to node 1, and that is not of the loop that hears the news. */
static struct str leaves_for_node_1(struct nodes *n)
{
    for (unsigned k = 0; k < 1000; k++) {
        for (unsigned slot = 1; slot < CLUSTER_SLOTS; slot += NODE_LOOPS) {
            struct str key = key_in_slot(&n->arena, slot, 0);
            if (slot_at(n, 0, key)->state == SLOT_LEAVING && !slot_at(n, 2, key)->subscribed) return key;
        }
        for (unsigned i = 0; i < NODES; i++)
            scene_poll(scene_of(n, i));
    }
    fail();
    return STR("");
}

/* The former owner's word that it has not the slot any more overtakes the news of the next one, which come by way of another loop. */
static void a_call_that_comes_back_goes_on_with_the_news(void **state)
{
    struct nodes *n = *state;
    three_and_all_wait(n);
    cluster_leave(scene_of(n, 0)->cluster);
    struct str key = leaves_for_node_1(n);
    struct ask *a = ask_on(scene_of(n, 2), 1, add(key, 1, 1));
    for (unsigned k = 0; k < 100; k++) { /* node 2 without the loop that hears the news */
        loop_poll(scene_of(n, 2)->loop[1]);
        scene_poll(scene_of(n, 0));
        scene_poll(scene_of(n, 1));
    }
    assert_int_equal(slot_at(n, 1, key)->state, SLOT_OPEN);
    assert_false(a->done);
    nodes_settle(n);
    assert_true(a->done && a->reply.err == ERR_OK);
}

/* Those who step aside do so for a node that lives: when it dies with the owner, they are there again. */
static void who_stepped_aside_comes_back(void **state)
{
    struct nodes *n = *state;
    three_and_all_wait(n);
    n->node[0].still = true; /* its slots stay where they are */
    node_die(n, 1);
    nodes_skip(n, 200);
    node_start(n, 1);
    nodes_skip(n, 200);
    broker_local_expel(n->node[0].local);
    node_die(n, 1);
    nodes_skip(n, 6000);
    assert_int_equal(open_at(n, 2), CLUSTER_SLOTS);
    n->node[0].still = false;
    nodes_skip(n, 6000);
    assert_int_equal(open_at(n, 0) + open_at(n, 2), CLUSTER_SLOTS);
}

/* Until all slots are open at those of the nodes that this tells. */
static void until_open(struct nodes *n, unsigned from, int64_t most_ms)
{
    for (int64_t ms = 0;; ms += 100) {
        unsigned open = 0;
        for (unsigned i = from; i < NODES; i++)
            if (n->node[i].alive) open += open_at(n, i);
        if (open == CLUSTER_SLOTS) return;
        assert_true(ms < most_ms);
        nodes_skip(n, 100);
    }
}

/* It says that it waits for all that are its own, but the broker does not know of it. Who yields to it does so once. */
static void a_node_that_waits_and_gets_nothing_is_not_waited_for(void **state)
{
    struct nodes *n = *state;
    n->any_names = true;
    node_die(n, 0);
    nodes_skip(n, 5000);
    node_start(n, 2);
    nodes_skip(n, 5000);
    assert_int_equal(open_at(n, 1) + open_at(n, 2), CLUSTER_SLOTS);
    node_start(n, 0);
    broker_faulty_hold(n->node[0].broker, HOLD_NOWHERE);
    nodes_skip(n, 1000); /* they give it what is its own */
    until_open(n, 1, 25000);
    uint64_t before = openings(n);
    nodes_skip(n, 10000);
    assert_int_equal(openings(n), before); /* and keep it for a while */
    until_open(n, 1, 25000);
    broker_faulty_hold(n->node[0].broker, HOLD_WELL);
    nodes_skip(n, 120000);
    assert_shared(n, NODES);
}

/* The broker has given it the slots, which it was not told. */
static void a_holder_that_hears_nothing_asks_anew(void **state)
{
    struct nodes *n = *state;
    n->any_names = true;
    node_die(n, 0);
    node_die(n, 1);
    node_start(n, 2);
    broker_faulty_hold(n->node[2].broker, HOLD_DEAF);
    nodes_skip(n, 1000);
    assert_int_equal(open_at(n, 2), 0);
    broker_faulty_hold(n->node[2].broker, HOLD_WELL);
    until_open(n, 2, 25000);
}

static uint64_t handed_over(struct nodes *n)
{
    struct cluster_stats st[2];
    for (unsigned i = 0; i < 2; i++)
        cluster_stats(scene_of(n, i)->cluster, &st[i]);
    return st[0].handed_over + st[1].handed_over;
}

/* It reaches the others, and not the database. */
static void who_cannot_open_a_slot_does_not_take_it_again_and_again(void **state)
{
    struct nodes *n = *state;
    uint64_t before = handed_over(n);
    node_start(n, 2);
    scene_of(n, 2)->gate->broken = ERR_UNAVAILABLE;
    nodes_skip(n, 25000);
    uint64_t once = handed_over(n) - before;
    assert_true(once > 0 && once < CLUSTER_SLOTS / 2);
    assert_int_equal(open_at(n, 0) + open_at(n, 1), CLUSTER_SLOTS);
    scene_of(n, 2)->gate->broken = ERR_OK;
    nodes_skip(n, 60000);
    assert_int_equal(open_at(n, 2), once);
}

/* --- what is in memory --- */

static void a_row_that_is_in_memory_needs_no_store(void **state)
{
    struct nodes *n = *state;
    struct gate *g = scene_of(n, 0)->gate;
    assert_int_equal(tell_at(n, 0, move(box, other, 1, 1), NULL), ERR_OK);
    g->hold = true;
    assert_int_equal(tell_at(n, 0, move(box, other, 2, 1), NULL), ERR_OK); /* its counter is in a record that is not written yet */
    g->broken = ERR_UNAVAILABLE;
    assert_int_equal(tell_at(n, 0, move(box, other, 3, 1), NULL), ERR_OK);
    g->broken = ERR_OK;
    gate_open(g);
    nodes_settle(n);
    assert_int_equal(sum_at(n, 0, box), -3);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, nodes_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(the_next_owner_asks_the_store_for_all_at_once),
        test(what_was_read_too_early_is_read_again),
        test(a_slot_goes_straight_to_who_should_have_it),
        test(who_leaves_gives_each_slot_to_who_should_have_it),
        test(a_loop_hands_over_one_slot_at_a_time),
        test(and_rests_before_the_next_one),
        test(a_slot_whose_store_is_away_stays),
        test(and_so_do_those_that_have_nothing_to_write),
        test(as_does_one_with_a_commit_in_doubt),
        test(a_call_that_comes_back_goes_on_with_the_news),
        test(who_stepped_aside_comes_back),
        test(who_cannot_open_a_slot_does_not_take_it_again_and_again),
        test(a_node_that_waits_and_gets_nothing_is_not_waited_for),
        test(a_holder_that_hears_nothing_asks_anew),
        test(a_row_that_is_in_memory_needs_no_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
