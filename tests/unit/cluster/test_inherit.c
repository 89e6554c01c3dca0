/* What an owner that hands a slot over tells the next one of its entities: when it counts, and when it never may. */
#include "unit/cluster/nodes.h"

static struct str box, same; /* of one slot, which node 0 has first */

/* Its total: enough to see whose it is. */
static void box_tell(const void *state, struct buf *b)
{
    wire_put_int(b, ((const struct box *)state)->total);
}

static int setup(void **state)
{
    static const struct entity_kind kinds[TOY_KINDS] = {{.name = "box", .warm_max = 1000, .free_state = mem_free, .tell = box_tell}};
    struct nodes *n = nodes_on_queues();
    n->config.kind = kinds;
    box = key_in_slot(&n->arena, 30, 0);
    same = key_in_slot(&n->arena, 30, 1);
    nodes_start_two(n);
    for (int64_t i = 1; i <= 3; i++)
        assert_int_equal(tell_at(n, 0, add(box, i, 10), NULL), ERR_OK);
    assert_int_equal(tell_at(n, 0, add(same, 1, 1), NULL), ERR_OK);
    assert_int_equal(owner_of(n, box), 0);
    *state = n;
    return 0;
}

/* num[0]: the total that was told, or -1. */
static enum err what_is_told(struct turn *t)
{
    struct str told;
    int64_t total = -1;
    if (turn_inherits(t, turn_entity(t), turn_arena(t), &told)) assert_true(wire_get_int(&told, &total) && told.n == 0);
    turn_reply(t)->num[0] = total;
    return ERR_OK;
}

static int64_t told_at(struct nodes *n, unsigned i, struct str key)
{
    struct reply reply;
    assert_int_equal(tell_at(n, i, run_shared(key, what_is_told), &reply), ERR_OK);
    return reply.num[0];
}

static void node_0_leaves(struct nodes *n)
{
    cluster_leave(scene_of(n, 0)->cluster);
    nodes_skip(n, 3000);
    assert_int_equal(owner_of(n, box), 1);
}

static void the_next_owner_is_told_once(void **state)
{
    struct nodes *n = *state;
    node_0_leaves(n);
    assert_int_equal(told_at(n, 1, box), 30);
    assert_int_equal(told_at(n, 1, box), -1);
    assert_int_equal(told_at(n, 1, same), 1);
    assert_int_equal(count_at(n, 1, box), 3);
}

/* It was true as of the next owner's beginning; nobody has changed the entity since without having asked for it. */
static void also_after_it_has_written_other_things(void **state)
{
    struct nodes *n = *state;
    node_0_leaves(n);
    assert_int_equal(tell_at(n, 1, add(same, 2, 1), NULL), ERR_OK);
    assert_int_equal(told_at(n, 1, box), 30);
}

/* The next owner's clients wait: what is told is no use to them later. */
static void it_does_not_wait_for_other_messages(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(tell_at(n, 1, add(box, 4, 10), NULL), ERR_OK); /* node 0 has just said something */
    scene_of(n, 0)->cluster->config.spacing_ms = 60000;
    node_0_leaves(n);
    assert_int_equal(told_at(n, 1, box), 40);
}

/* Who has waited for a slot asks its next owner as soon as that is known. */
static void who_waited_for_a_slot_does_not_wait_for_that(void **state)
{
    struct nodes *n = *state;
    unsigned slot = CLUSTER_SLOTS - 1; /* the last that node 0 gives away: nothing that it says later brings this along */
    while (owner_of(n, key_in_slot(&n->arena, slot, 0)) != 0)
        slot--;
    struct str last = key_in_slot(&n->arena, slot, 0);
    scene_of(n, 0)->cluster->config.spacing_ms = 60000;
    assert_int_equal(tell_at(n, 1, add(last, 1, 1), NULL), ERR_OK); /* node 0 has just said something */
    cluster_leave(scene_of(n, 0)->cluster);
    struct ask *a = NULL;
    for (int i = 0; i < 5000 && !(a && a->done); i++) {
        nodes_skip(n, 1);
        if (!a && slot_at(n, 0, last)->state != SLOT_OPEN) a = ask(scene_of(n, 0), add(last, 2, 1));
    }
    assert_true(a && a->done && a->reply.err == ERR_OK);
    assert_int_equal(owner_of(n, last), 1);
}

static void a_dead_owner_tells_nothing(void **state)
{
    struct nodes *n = *state;
    node_die(n, 0);
    nodes_skip(n, 20000);
    assert_int_equal(told_at(n, 1, box), -1);
    assert_int_equal(count_at(n, 1, box), 3);
}

static void what_is_lost_is_read(void **state)
{
    struct nodes *n = *state;
    (void)lose_next(n, 0, POST_INHERIT, 30, 1);
    node_0_leaves(n);
    int64_t one = told_at(n, 1, box), other = told_at(n, 1, same);
    assert_true((one == -1) != (other == -1));
    assert_int_equal(count_at(n, 1, box), 3);
}

static void nobody_keeps_it_for_long(void **state)
{
    struct nodes *n = *state;
    node_0_leaves(n);
    assert_non_null(slot_at(n, 1, box)->inheritance);
    nodes_skip(n, 32000);
    assert_null(slot_at(n, 1, box)->inheritance);
    assert_int_equal(told_at(n, 1, box), -1);
}

/* --- what comes from elsewhere --- */

static void bring(struct nodes *n, int64_t epoch, int64_t position, struct str key, int64_t total)
{
    struct slot *s = slot_at(n, 1, box);
    struct buf b;
    buf_init(&b, 1000);
    wire_put_int(&b, epoch);
    wire_put_int(&b, position);
    wire_put_uint(&b, TOY_BOX);
    wire_put_str(&b, key);
    wire_put_int(&b, total);
    inherit_arrived(&(struct post){.home = s->home, .node = 0, .slot = s, .kind = POST_INHERIT, .body = buf_str(&b)});
    buf_release(&b);
}

/* All of it is lost; the slot's end as node 0 had it. */
static void without_a_word(struct nodes *n, int64_t *epoch, int64_t *position)
{
    (void)lose_next(n, 0, POST_INHERIT, 30, 100);
    *epoch = slot_at(n, 0, box)->epoch;
    *position = slot_at(n, 0, box)->position;
    node_0_leaves(n);
    assert_null(slot_at(n, 1, box)->inheritance);
}

static void late_is_good_until_something_is_written(void **state)
{
    struct nodes *n = *state;
    int64_t epoch, position;
    without_a_word(n, &epoch, &position);
    bring(n, epoch, position, box, 30);
    assert_int_equal(told_at(n, 1, box), 30);
    assert_int_equal(tell_at(n, 1, add(same, 2, 1), NULL), ERR_OK);
    bring(n, epoch, position, box, 30);
    assert_int_equal(told_at(n, 1, box), -1);
}

/* What has been read may be changed from now on, and read anew later. */
static void not_of_what_is_in_memory(void **state)
{
    struct nodes *n = *state;
    int64_t epoch, position;
    without_a_word(n, &epoch, &position);
    assert_int_equal(told_at(n, 1, box), -1);
    bring(n, epoch, position, box, 30);
    bring(n, epoch, position, same, 1);
    assert_int_equal(told_at(n, 1, box), -1);
    assert_int_equal(told_at(n, 1, same), 1);
    bring(n, epoch, position, same, 1); /* twice in a row, as a broker may */
    assert_int_equal(told_at(n, 1, same), -1);
}

static void of_another_time_is_never_taken(void **state)
{
    struct nodes *n = *state;
    int64_t epoch, position;
    without_a_word(n, &epoch, &position);
    bring(n, epoch, position - 1, box, 20);
    bring(n, epoch, position + 1, box, 40);
    bring(n, epoch - 1, position, box, 50);
    bring(n, epoch + 1, position, box, 60);
    assert_null(slot_at(n, 1, box)->inheritance);
    assert_int_equal(told_at(n, 1, box), -1);
}

/* Somebody who is not told who comes next believes it only when it is. */
static void of_two_that_came_before_the_later_one_counts(void **state)
{
    struct nodes *n = *state;
    int64_t epoch = slot_at(n, 0, box)->epoch, position = slot_at(n, 0, box)->position;
    (void)lose_next(n, 0, POST_INHERIT, 30, 100);
    bring(n, epoch, position - 1, box, 20);
    bring(n, epoch, position, box, 30);
    bring(n, epoch, position - 1, same, 20);
    node_0_leaves(n);
    assert_int_equal(told_at(n, 1, box), 30);
    assert_int_equal(told_at(n, 1, same), -1);
}

static void an_owner_that_came_between_makes_it_void(void **state)
{
    struct nodes *n = *state;
    bring(n, slot_at(n, 0, box)->epoch, slot_at(n, 0, box)->position - 1, box, 20);
    (void)lose_next(n, 0, POST_INHERIT, 30, 100);
    node_0_leaves(n);
    assert_int_equal(told_at(n, 1, box), -1);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, nodes_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(the_next_owner_is_told_once),
        test(also_after_it_has_written_other_things),
        test(it_does_not_wait_for_other_messages),
        test(who_waited_for_a_slot_does_not_wait_for_that),
        test(a_dead_owner_tells_nothing),
        test(what_is_lost_is_read),
        test(nobody_keeps_it_for_long),
        test(late_is_good_until_something_is_written),
        test(not_of_what_is_in_memory),
        test(of_another_time_is_never_taken),
        test(of_two_that_came_before_the_later_one_counts),
        test(an_owner_that_came_between_makes_it_void),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
