/* Followers on other nodes than the slot: each item once and in order, whatever is lost and wherever the slot goes; and what was missed is said. */
#include "unit/cluster/ears.h"

enum { THINGS = 200 };

struct stage {
    struct nodes n; /* first */
    struct ears ears;
    struct ask *thing[THINGS];
    int64_t things;
};

static struct str box, other; /* of one slot */

static int setup(void **state)
{
    struct stage *x = mem_zero(sizeof *x);
    nodes_init(&x->n);
    x->n.config.journal = JOURNAL_QUEUE;
    x->n.unique = true;
    box = key_in_slot(&x->n.arena, 30, 0);
    other = key_in_slot(&x->n.arena, 30, 1);
    ears_init(&x->ears, &x->n, box);
    nodes_start_two(&x->n);
    node_start(&x->n, 2);
    nodes_skip(&x->n, 3500);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct stage *x = *state;
    nodes_release(&x->n);
    mem_free(x);
    return 0;
}

static void bring(struct stage *x, unsigned count)
{
    for (; count; count--) {
        unsigned i = (unsigned)x->things % NODES;
        while (!x->n.node[i].alive || x->n.node[i].still)
            i = (i + 1) % NODES;
        x->thing[x->things] = ask(scene_of(&x->n, i), add(box, x->things, 1));
        x->things++;
        nodes_settle(&x->n);
    }
}

static void check(const struct stage *x)
{
    for (int64_t i = 0; i < x->things; i++) {
        assert_true(x->thing[i]->done);
        assert_int_equal(x->thing[i]->reply.err, ERR_OK);
        ears_check(&x->ears, x->thing[i]);
    }
}

/* Everybody who follows hears of it at once, and none has to look for it. */
static void assert_all_hear(struct stage *x)
{
    unsigned gaps = 0, after = 0;
    for (unsigned i = 0; i < NODES * NODE_LOOPS; i++)
        gaps += x->ears.ear[i / NODE_LOOPS][i % NODE_LOOPS].gaps;
    bring(x, 3);
    check(x);
    for (unsigned i = 0; i < NODES * NODE_LOOPS; i++) {
        const struct ear *e = &x->ears.ear[i / NODE_LOOPS][i % NODE_LOOPS];
        after += e->gaps;
        if (!ear_follows(e)) continue;
        for (int64_t k = x->things - 3; k < x->things; k++)
            assert_true(e->heard[k]);
    }
    assert_int_equal(after, gaps);
}

static void follow_everywhere(struct stage *x)
{
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned g = 0; g < NODE_LOOPS; g++)
            if (x->n.node[i].alive && !x->ears.ear[i][g].follow) ear_follow(&x->ears, i, g);
    nodes_settle(&x->n);
}

static void kill_and_forget(struct stage *x, unsigned i)
{
    node_die(&x->n, i);
    ears_forget(&x->ears, i);
    nodes_settle(&x->n);
}

/* --- nothing goes wrong --- */

static void all_nodes_hear_in_order(void **state)
{
    struct stage *x = *state;
    bring(x, 5);
    follow_everywhere(x);
    bring(x, 30);
    nodes_skip(&x->n, 20000);
    assert_all_hear(x);
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned g = 0; g < NODE_LOOPS; g++)
            assert_int_equal(x->ears.ear[i][g].gaps, 0);
}

static void who_unfollows_is_not_told_any_more(void **state)
{
    struct stage *x = *state;
    follow_everywhere(x);
    bring(x, 1);
    struct slot *owner = slot_at(&x->n, 0, box);
    int node = view_find(owner->home->view, str_c(x->n.node[1].name));
    assert_true(owner->listener[node] != NULL);
    for (unsigned g = 0; g < NODE_LOOPS; g++) {
        x->ears.ear[1][g].follow = NULL;
        cluster_unfollow(scene_of(&x->n, 1)->cluster, box, g);
        nodes_settle(&x->n);
    }
    struct cluster_stats before, after;
    cluster_stats(scene_of(&x->n, 0)->cluster, &before);
    bring(x, 3);
    cluster_stats(scene_of(&x->n, 0)->cluster, &after);
    assert_int_equal(after.relayed - before.relayed, 3); /* to node 2 */
    assert_false(x->ears.ear[1][0].heard[3] || x->ears.ear[1][1].heard[3]);
    nodes_skip(&x->n, 10000);
    follow_everywhere(x);
    assert_all_hear(x);
}

static void the_owner_dies(void **state)
{
    struct stage *x = *state;
    follow_everywhere(x);
    bring(x, 10);
    kill_and_forget(x, 0);
    bring(x, 10);
    nodes_skip(&x->n, 3000);
    check(x);
    assert_all_hear(x);
    node_start(&x->n, 0);
    nodes_skip(&x->n, 3500);
    follow_everywhere(x);
    kill_and_forget(x, 1);
    bring(x, 10);
    nodes_skip(&x->n, 3000);
    assert_all_hear(x);
}

static void the_slot_is_handed_over(void **state)
{
    struct stage *x = *state;
    follow_everywhere(x);
    bring(x, 10);
    cluster_leave(scene_of(&x->n, 0)->cluster);
    bring(x, 10);
    nodes_skip(&x->n, 3000);
    assert_int_equal(owner_of(&x->n, box), 1);
    assert_all_hear(x); /* the node that has left, too */
}

static void the_owner_is_taken_for_dead(void **state)
{
    struct stage *x = *state;
    follow_everywhere(x);
    bring(x, 5);
    x->n.node[0].still = true;
    broker_local_expel(x->n.node[0].local);
    nodes_settle(&x->n);
    assert_int_equal(owner_of(&x->n, box), 1);
    bring(x, 5);
    x->n.node[0].still = false;
    nodes_skip(&x->n, 5000);
    assert_int_equal(owner_of(&x->n, box), 0);
    check(x);
    assert_all_hear(x);
}

/* What a stopped owner still has to deliver when it goes on: it is not taken from who is not the owner any more. */
static void late_deliveries_are_void(void **state)
{
    struct stage *x = *state;
    follow_everywhere(x);
    bring(x, 2);
    broker_faulty_delay_ms(x->n.node[0].broker, 2000);
    for (unsigned i = 0; i < 3; i++) {
        x->thing[x->things] = ask(scene_of(&x->n, 0), add(box, x->things, 1));
        x->things++;
    }
    nodes_settle(&x->n);
    x->n.node[0].still = true;
    broker_local_expel(x->n.node[0].local);
    nodes_skip(&x->n, 500);
    assert_int_equal(owner_of(&x->n, box), 1);
    bring(x, 3);
    broker_faulty_delay_ms(x->n.node[0].broker, 0);
    x->n.node[0].still = false;
    nodes_skip(&x->n, 6000);
    check(x);
    assert_all_hear(x);
}

/* A listener that others take for dead, and that does not know: what was sent to it meanwhile is lost. */
static void a_listener_is_taken_for_dead(void **state)
{
    struct stage *x = *state;
    follow_everywhere(x);
    bring(x, 5);
    x->n.node[2].still = true;
    broker_local_expel(x->n.node[2].local);
    bring(x, 5);
    x->n.node[2].still = false;
    nodes_skip(&x->n, 6000);
    check(x);
    assert_all_hear(x);
}

static void a_listener_stands_still(void **state)
{
    struct stage *x = *state;
    follow_everywhere(x);
    x->n.node[1].still = true;
    for (unsigned i = 0; i < 5; i++) {
        bring(x, 3);
        nodes_skip(&x->n, 2000);
    }
    x->n.node[1].still = false;
    nodes_skip(&x->n, 6000);
    check(x);
    assert_all_hear(x);
}

/* --- messages that are lost --- */

/* Follows, items, a death, a hand-over, with messages of one kind lost at one node. */
static void play(struct stage *x, unsigned kind, unsigned sender, unsigned nth)
{
    lose_next(&x->n, sender, kind, 30, nth);
    follow_everywhere(x);
    bring(x, 5);
    nodes_skip(&x->n, 6000);
    check(x);
    unsigned lost = lose_next(&x->n, sender, kind, 30, nth);
    kill_and_forget(x, 0);
    if (sender == 0) lost += x->n.node[0].lost; /* its next life counts anew */
    bring(x, 5);
    nodes_skip(&x->n, 6000);
    node_start(&x->n, 0);
    nodes_skip(&x->n, 3500);
    lost += lose_next(&x->n, sender, kind, 30, nth);
    follow_everywhere(x);
    bring(x, 5);
    cluster_leave(scene_of(&x->n, 1)->cluster);
    bring(x, 5);
    nodes_skip(&x->n, 12000);
    lost += lose_none(&x->n, sender);
    bool by_owner = kind == POST_FOLLOW || kind == POST_ITEMS || kind == POST_PULSE || kind == POST_REPLY;
    if (kind == POST_WELCOME ? sender == 1 : by_owner ? sender < 2 : sender == 2) assert_true(lost > 0);
    check(x);
    assert_all_hear(x);
}

static void any_kind_of_message_may_be_lost(void **state)
{
    static const unsigned kinds[] = {POST_FOLLOW, POST_ITEMS, POST_WELCOME, POST_INTEREST, POST_PULSE, POST_REPLY, POST_COMMAND};
    (void)state;
    for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (unsigned sender = 0; sender < NODES; sender++)
            for (unsigned nth = 1; nth <= 3; nth += 2) {
                void *x;
                print_message("kind %u sender %u first %u\n", kinds[k], sender, nth);
                setup(&x);
                play(x, kinds[k], sender, nth);
                teardown(&x);
            }
}

static void all_come_twice(void **state)
{
    struct stage *x = *state;
    for (unsigned i = 0; i < NODES; i++)
        broker_faulty_repeat_every(x->n.node[i].broker, 1);
    follow_everywhere(x);
    bring(x, 20);
    nodes_skip(&x->n, 3000);
    check(x);
    for (unsigned i = 0; i < NODES; i++)
        broker_faulty_repeat_every(x->n.node[i].broker, 0);
    nodes_skip(&x->n, 3000);
    assert_all_hear(x);
}

static void every_third_batch_is_lost_and_all_are_late(void **state)
{
    struct stage *x = *state;
    for (unsigned i = 0; i < NODES; i++) {
        broker_faulty_lose_every(x->n.node[i].broker, 3 + i);
        broker_faulty_delay_ms(x->n.node[i].broker, 20 + 30 * i);
    }
    for (unsigned i = 0; i < 30; i++) {
        if (i == 5) follow_everywhere(x);
        bring(x, 2);
        nodes_skip(&x->n, 400);
    }
    for (unsigned i = 0; i < NODES; i++) {
        broker_faulty_lose_every(x->n.node[i].broker, 0);
        broker_faulty_delay_ms(x->n.node[i].broker, 0);
    }
    nodes_skip(&x->n, CALL_PATIENCE_MS);
    check(x);
    assert_all_hear(x);
}

/* --- messages that cross --- */

/* The only gateway stops to follow while another one's wish to follow is on its way. */
static void an_unfollow_crosses_with_a_follow(void **state)
{
    struct stage *x = *state;
    struct ear *first = ear_follow(&x->ears, 1, 0);
    nodes_settle(&x->n);
    broker_faulty_delay_ms(x->n.node[0].broker, 500); /* the owner's word arrives later */
    ear_follow(&x->ears, 1, 1);
    nodes_settle(&x->n);
    first->follow = NULL;
    cluster_unfollow(scene_of(&x->n, 1)->cluster, box, 0);
    nodes_settle(&x->n);
    nodes_skip(&x->n, 600);
    broker_faulty_delay_ms(x->n.node[0].broker, 0);
    assert_true(ear_follows(&x->ears.ear[1][1]));
    nodes_skip(&x->n, 4000); /* two pulses */
    check(x);
    assert_all_hear(x);
}

/* All interest is sent again while a wish to follow is on its way. */
static void all_interest_crosses_with_a_follow(void **state)
{
    struct stage *x = *state;
    struct command follow_other = {.type = BOX_FOLLOW, .key = other, .num = {0}};
    assert_int_equal(tell_at(&x->n, 1, follow_other, NULL), ERR_OK);
    broker_faulty_delay_ms(x->n.node[0].broker, 500);
    ear_follow(&x->ears, 1, 1);
    nodes_settle(&x->n);
    struct slot *s = slot_at(&x->n, 1, box);
    s->hearing.heard_ms -= 10000; /* it has heard nothing for long */
    relay_sweep(s);
    nodes_settle(&x->n);
    nodes_skip(&x->n, 600);
    broker_faulty_delay_ms(x->n.node[0].broker, 0);
    nodes_skip(&x->n, 5000);
    assert_true(ear_follows(&x->ears.ear[1][1]));
    assert_all_hear(x);
}

/* --- a message that is late --- */

static bool hold_items_up(void *arg, struct str message)
{
    struct bytes **held_up = arg;
    if (*held_up || (unsigned char)message.p[0] != POST_ITEMS || (unsigned char)message.p[1] != 30) return false;
    *held_up = bytes_new(message);
    return true;
}

/* What the owner before has told comes when its listener has opened the slot itself, and has told its own followers to look at everything: it is
 * older than that. */
static void what_the_former_owner_told_comes_late(void **state)
{
    struct stage *x = *state;
    struct bytes *items = NULL;
    for (unsigned g = 0; g < NODE_LOOPS; g++)
        ear_follow(&x->ears, 1, g);
    nodes_settle(&x->n);
    bring(x, 3);
    struct slot *own = slot_at(&x->n, 0, box), *next = slot_at(&x->n, 1, box);
    broker_faulty_lose_if(x->n.node[0].broker, hold_items_up, &items);
    bring(x, 1);
    assert_non_null(items);
    broker_faulty_drop_nth(x->n.node[0].broker, 1); /* it loses the slot */
    x->thing[x->things] = ask(scene_of(&x->n, 0), add(box, x->things, 1));
    x->things++;
    while (own->state == SLOT_OPEN)
        scene_poll(scene_of(&x->n, 0));
    while (!next->queue.mark_taken)
        scene_poll(scene_of(&x->n, 1));
    assert_int_equal(next->state, SLOT_OPENING);
    assert_true(next->home->owner[30].node >= 0); /* it opens the slot before it reads the message, and hears of that after it */
    struct str message = bytes_str(items);
    broker_send(x->n.node[0].local, str_c(x->n.node[1].name), loop_index(next->loop), &message, 1);
    nodes_skip(&x->n, 5000);
    check(x);
    assert_all_hear(x);
    bytes_unref(items);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(all_nodes_hear_in_order),
        test(who_unfollows_is_not_told_any_more),
        test(the_owner_dies),
        test(the_slot_is_handed_over),
        test(the_owner_is_taken_for_dead),
        test(late_deliveries_are_void),
        test(a_listener_is_taken_for_dead),
        test(a_listener_stands_still),
        cmocka_unit_test(any_kind_of_message_may_be_lost),
        test(all_come_twice),
        test(every_third_batch_is_lost_and_all_are_late),
        test(an_unfollow_crosses_with_a_follow),
        test(all_interest_crosses_with_a_follow),
        test(what_the_former_owner_told_comes_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
