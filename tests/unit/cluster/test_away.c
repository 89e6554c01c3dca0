/* Calls to slots of other nodes: whatever is lost, whoever dies, each is done once and answered. */
#include "unit/cluster/nodes.h"

static struct str box; /* node 0's, then node 1's */

static int setup(void **state)
{
    struct nodes *n = nodes_three_on_queues();
    box = key_in_slot(&n->arena, 30, 0);
    *state = n;
    return 0;
}

static struct cluster_stats counts_of(struct nodes *n, unsigned i)
{
    struct cluster_stats st;
    cluster_stats(scene_of(n, i)->cluster, &st);
    return st;
}

static bool is_done(const struct ask *a)
{
    return a->done && a->reply.err == ERR_OK;
}

static void assert_once(struct nodes *n, int64_t things)
{
    for (unsigned i = 0; i < NODES; i++) {
        if (!n->node[i].alive) continue;
        assert_int_equal(count_at(n, i, box), things);
        assert_int_equal(sum_at(n, i, box), things);
    }
}

/* --- the way there and back --- */

static void each_node_can_be_asked_for_everything(void **state)
{
    struct nodes *n = *state;
    struct reply reply;
    for (int64_t i = 0; i < 30; i++) {
        unsigned at = (unsigned)i % NODES;
        assert_int_equal(tell_at(n, at, add(box, i, 1), &reply), ERR_OK);
        assert_int_equal(reply.num[1], i + 1);
        assert_int_equal(reply.num[0], slot_at(n, 0, box)->position);
    }
    assert_once(n, 30);
    assert_int_equal(slot_at(n, 0, box)->epoch, 1);
    assert_true(counts_of(n, 1).away >= 10 && counts_of(n, 0).inbound >= 20);
    assert_int_equal(map_count(&slot_at(n, 0, box)->inbound), 0);
}

static void a_refusal_comes_with_its_sentence(void **state)
{
    struct nodes *n = *state;
    struct reply reply;
    assert_int_equal(tell_at(n, 1, add_badly(box, 1, TOY_REFUSED_FIRST), &reply), ERR_FORBIDDEN);
    assert_string_equal(reply.fault.text, "Refused at first.");
    assert_int_equal(tell_at(n, 2, add_badly(box, 1, TOY_REFUSED_LAST), &reply), ERR_FORBIDDEN);
    assert_string_equal(reply.fault.text, "Refused at last.");
    assert_once(n, 0);
}

static void casts_arrive(void **state)
{
    struct nodes *n = *state;
    struct command cmd = add(box, 1, 1);
    struct cluster *c = scene_of(n, 1)->cluster;
    for (int64_t i = 1; i <= 3; i++) {
        cmd.num[0] = i;
        cluster_cast(c, &cmd);
        nodes_settle(n);
    }
    assert_once(n, 3);
}

static enum err echo(struct turn *t)
{
    turn_reply(t)->s[0] = turn_command(t)->s[0];
    return ERR_OK;
}

static struct ask *ask_for_echo(struct nodes *n, unsigned i, size_t bytes)
{
    struct command cmd = run_shared(box, echo);
    char *large = mem_alloc(bytes);
    for (size_t k = 0; k < bytes; k++)
        large[k] = (char)(k % 251);
    cmd.s[0] = str_make(large, bytes);
    struct ask *a = ask(scene_of(n, i), cmd);
    mem_free(large);
    nodes_settle(n);
    return a;
}

static void assert_echo(const struct ask *a)
{
    assert_true(is_done(a));
    assert_true(str_eq(a->reply.s[0], a->cmd.s[0]));
}

static void large_ones_go_in_parts(void **state)
{
    struct nodes *n = *state;
    const size_t sizes[] = {1 << 20, (1 << 20) + 1, 3 << 20, 20 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_echo(ask_for_echo(n, 1 + i % 2, sizes[i]));
    struct ask *a = ask_for_echo(n, 1, 2 << 20), *b = ask_for_echo(n, 2, 4 << 20);
    assert_echo(a);
    assert_echo(b);
}

static void a_lost_part_is_noticed(void **state)
{
    struct nodes *n = *state;
    for (unsigned sender = 0; sender < 2; sender++) {
        lose_next(n, sender, POST_PART, 30, 1);
        struct ask *a = ask_for_echo(n, 1, 3 << 20);
        assert_false(a->done);
        nodes_skip(n, 3100);
        assert_echo(a);
        assert_int_equal(lose_none(n, sender), 1);
    }
}

static void everything_comes_twice(void **state)
{
    struct nodes *n = *state;
    for (unsigned i = 0; i < NODES; i++)
        broker_faulty_repeat_every(n->node[i].broker, 1);
    for (int64_t i = 0; i < 20; i++)
        assert_int_equal(tell_at(n, (unsigned)i % NODES, add(box, i, 1), NULL), ERR_OK);
    assert_echo(ask_for_echo(n, 2, 5 << 20));
    assert_once(n, 20);
}

/* --- what is lost --- */

static void a_lost_command_goes_again(void **state)
{
    struct nodes *n = *state;
    lose_next(n, 1, POST_COMMAND, 30, 1);
    struct ask *a = ask(scene_of(n, 1), add(box, 1, 1));
    nodes_settle(n);
    assert_false(a->done);
    nodes_skip(n, 3100);
    assert_true(is_done(a));
    assert_once(n, 1);
}

static void a_lost_reply_is_given_again(void **state)
{
    struct nodes *n = *state;
    lose_next(n, 0, POST_REPLY, 30, 1);
    struct ask *a = ask(scene_of(n, 1), add(box, 1, 1));
    nodes_settle(n);
    assert_false(a->done);
    int64_t position = slot_at(n, 0, box)->position;
    assert_int_equal(count_at(n, 0, box), 1);
    nodes_skip(n, 3100);
    assert_true(is_done(a));
    assert_int_equal(a->reply.num[0], position);
    assert_int_equal(a->reply.num[1], 1);
    assert_once(n, 1);
}

static void what_is_under_way_is_not_begun_again(void **state)
{
    struct nodes *n = *state;
    struct command slow = add(box, 1, 1);
    slow.num[3] = 5500;
    struct ask *a = ask(scene_of(n, 1), slow);
    nodes_skip(n, 5000);
    assert_int_equal(counts_of(n, 0).inbound, 1);
    nodes_skip(n, 1000);
    assert_true(is_done(a));
    assert_once(n, 1);
}

static void nobody_waits_for_ever(void **state)
{
    struct nodes *n = *state;
    lose_next(n, 1, POST_COMMAND, 30, 1000);
    struct ask *a = ask(scene_of(n, 1), add(box, 1, 1));
    nodes_skip(n, CALL_PATIENCE_MS - 100);
    assert_false(a->done);
    nodes_skip(n, 1200);
    assert_true(a->done);
    assert_int_equal(a->reply.err, ERR_UNAVAILABLE);
    assert_true(a->reply.fault.retry_ms > 0 && a->reply.fault.text[0]);
    lose_none(n, 1);
    assert_once(n, 0);
}

/* Nobody does; one that alone does not says so even sooner (test_alone). Its clients are told while there is time to ask another server. */
static void who_does_not_reach_the_broker_says_so_soon(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(tell_at(n, 1, add(box, 1, 1), NULL), ERR_OK);
    for (unsigned i = 0; i < NODES; i++)
        broker_faulty_cut(n->node[i].broker, true);
    struct ask *a = ask(scene_of(n, 1), add(box, 2, 1));
    nodes_skip(n, 4500);
    assert_false(a->done);
    nodes_skip(n, 2000);
    assert_true(a->done);
    assert_int_equal(a->reply.err, ERR_UNAVAILABLE);
    assert_true(a->reply.fault.retry_ms > 0);
    for (unsigned i = 0; i < NODES; i++)
        broker_faulty_cut(n->node[i].broker, false);
    nodes_skip(n, 8000);
    assert_int_equal(tell_at(n, 1, add(box, 2, 1), NULL), ERR_OK);
    assert_once(n, 2);
}

/* What a node says that is not the owner: it may have been, and what it knows is old. */
static void a_reply_of_another_node_is_not_taken(void **state)
{
    struct nodes *n = *state;
    lose_next(n, 1, POST_COMMAND, 30, 1);
    struct ask *a = ask(scene_of(n, 1), add(box, 1, 1));
    nodes_settle(n);
    struct slot *s = slot_at(n, 1, box);
    struct buf b;
    post_begin(&b, POST_REPLY, s);
    wire_put_uint(&b, s->calls);
    wire_put_uint(&b, false);
    wire_put_str(&b, STR(""));
    reply_encode(&b, &(struct reply){.num = {7, 7}});
    struct str message = buf_str(&b);
    broker_send(n->node[2].broker, str_c(n->node[1].name), 30 % NODE_LOOPS, &message, 1);
    nodes_settle(n);
    assert_false(a->done);
    broker_send(n->node[0].broker, str_c(n->node[1].name), 30 % NODE_LOOPS, &message, 1);
    nodes_settle(n);
    assert_true(is_done(a));
    assert_int_equal(a->reply.num[0], 7);
    buf_release(&b);
}

/* --- the owner dies --- */

static void after_its_record_is_durable(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 0)->gate->hold = true;
    lose_next(n, 0, POST_REPLY, 30, 1000);
    struct ask *a = ask(scene_of(n, 1), add(box, 1, 1)), *b = ask(scene_of(n, 2), add(box, 2, 1));
    nodes_settle(n);
    assert_false(a->done || b->done);
    assert_int_equal(count_at(n, 0, box), 2);
    int64_t position = slot_at(n, 0, box)->position;
    node_die(n, 0);
    nodes_settle(n);
    assert_true(is_done(a) && is_done(b));
    assert_int_equal(owner_of(n, box), 1);
    assert_int_equal(a->reply.num[1] + b->reply.num[1], 1 + 2);
    assert_in_range(a->reply.num[0], position - 1, position);
    assert_once(n, 2);
}

/* The same once more: the answer is still there for the one after the next. */
static void after_that_and_so_does_the_next(void **state)
{
    struct nodes *n = *state;
    lose_next(n, 0, POST_REPLY, 30, 1000);
    struct ask *a = ask(scene_of(n, 2), add(box, 1, 1));
    nodes_settle(n);
    lose_next(n, 1, POST_REPLY, 30, 1000);
    node_die(n, 0);
    nodes_settle(n);
    assert_int_equal(owner_of(n, box), 1);
    assert_false(a->done);
    node_die(n, 1);
    nodes_settle(n);
    assert_true(is_done(a));
    assert_int_equal(owner_of(n, box), 2);
    assert_once(n, 1);
}

static void before_it_has_the_command(void **state)
{
    struct nodes *n = *state;
    lose_next(n, 2, POST_COMMAND, 30, 1);
    struct ask *a = ask(scene_of(n, 2), add(box, 1, 1));
    nodes_settle(n);
    node_die(n, 0);
    nodes_settle(n);
    assert_true(is_done(a));
    assert_once(n, 1);
}

static void before_its_record_is_in_the_queue(void **state)
{
    struct nodes *n = *state;
    broker_faulty_publish_nth(n->node[0].broker, 1, PUBLISH_LOST_CLAIMED);
    struct ask *a = ask(scene_of(n, 2), add(box, 1, 1)), *local = ask(scene_of(n, 1), list_of(box));
    nodes_settle(n);
    assert_false(a->done);
    node_die(n, 0);
    nodes_skip(n, 200); /* its last word may have been that it cannot */
    assert_true(is_done(a) && is_done(local));
    assert_once(n, 1);
}

/* Nobody else waits for the slot yet. */
static void when_there_is_no_second_one(void **state)
{
    struct nodes *n = *state;
    node_die(n, 1);
    node_die(n, 2);
    nodes_settle(n);
    node_start(n, 1);
    nodes_settle(n);
    lose_next(n, 0, POST_REPLY, 30, 1);
    struct ask *a = ask(scene_of(n, 1), add(box, 1, 1));
    nodes_settle(n);
    node_die(n, 0);
    nodes_settle(n);
    assert_true(is_done(a));
    assert_int_equal(owner_of(n, box), 1);
    assert_once(n, 1);
}

/* --- the owner stands still --- */

static void a_stopped_owner_that_was_replaced(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    n->node[0].still = true;
    struct ask *own = ask(scene_of(n, 0), add(box, 2, 1)), *from_2 = ask(scene_of(n, 2), add(box, 3, 1));
    nodes_settle(n); /* in its inbox */
    broker_local_expel(n->node[0].local);
    nodes_settle(n);
    assert_int_equal(owner_of(n, box), 1);
    assert_true(is_done(from_2));
    assert_int_equal(tell_at(n, 2, add(box, 4, 1), NULL), ERR_OK);
    struct ask *question = ask(scene_of(n, 0), list_of(box));
    n->node[0].still = false;
    nodes_settle(n);
    assert_true(is_done(own) && is_done(question));
    assert_in_range(question->reply.num[0], 3, 4); /* not what it remembers */
    assert_once(n, 4);
}

/* The broker has not noticed, so it is still the owner; but it cannot know. */
static void a_stopped_owner_proves_that_it_still_is(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 0)->gate->hold = true; /* the store has nothing of it */
    for (int64_t i = 1; i <= 10; i++)
        assert_int_equal(tell_at(n, 1, add(box, i, 1), NULL), ERR_OK);
    int64_t epoch = slot_at(n, 0, box)->epoch;
    n->node[0].still = true;
    nodes_skip(n, 6000);
    assert_int_equal(owner_of(n, box), NODES);
    struct ask *a = ask(scene_of(n, 0), list_of(box)), *b = ask(scene_of(n, 2), add(box, 11, 1));
    gate_open(scene_of(n, 0)->gate);
    n->node[0].still = false;
    nodes_skip(n, 2500);
    assert_true(is_done(a) && is_done(b));
    assert_in_range(a->reply.num[0], 10, 11);
    assert_true(slot_at(n, owner_of(n, box), box)->epoch > epoch);
    assert_once(n, 11);
}

/* It was asked before it stopped, and has waited since for what it asked the store. */
static void a_question_that_was_under_way_when_it_stopped(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    struct command slow = add_badly(box, 9, TOY_REFUSED_LAST);
    slow.num[3] = 1000;
    struct ask *a = ask(scene_of(n, 0), slow);
    nodes_settle(n);
    n->node[0].still = true;
    nodes_skip(n, 6000);
    n->node[0].still = false;
    nodes_skip(n, 4000);
    assert_true(a->done);
    assert_int_equal(a->reply.err, ERR_FORBIDDEN);
    assert_true(slot_at(n, 0, box)->epoch > 1);
}

/* --- the answers that are kept --- */

static enum err count_answers(struct turn *t)
{
    struct store_read r = {.table = T_answered, .limit = 100000};
    enum err e = turn_range(t, &r);
    turn_reply(t)->num[0] = (int64_t)r.count;
    turn_reply(t)->num[1] = (int64_t)map_count(&t->slot->answers);
    return e;
}

static void answers_are_kept_for_a_while(void **state)
{
    struct nodes *n = *state;
    struct reply reply;
    for (int64_t i = 0; i < 100; i++) {
        assert_int_equal(tell_at(n, (unsigned)i % NODES, add(box, i, 1), NULL), ERR_OK);
        nodes_skip(n, 500);
    }
    assert_int_equal(tell_at(n, 1, run_shared(box, count_answers), &reply), ERR_OK);
    assert_in_range(reply.num[0], 20, 42); /* of 20 s */
    assert_int_equal(reply.num[0], reply.num[1]);
    node_die(n, 0);
    nodes_skip(n, 2 * CALL_PATIENCE_MS + 1000);
    assert_int_equal(tell_at(n, 1, run_shared(box, count_answers), &reply), ERR_OK);
    assert_in_range(reply.num[1], 20, 42);
    assert_int_equal(tell_at(n, 1, add(box, 100, 1), NULL), ERR_OK);
    assert_int_equal(tell_at(n, 1, run_shared(box, count_answers), &reply), ERR_OK);
    assert_int_equal(reply.num[0], 1);
    assert_int_equal(reply.num[1], 1);
    assert_once(n, 101);
}

static enum err put_repeatable(struct turn *t)
{
    struct row row = thing_row(turn_entity(t)->key, 1, 1);
    turn_put(t, &row);
    turn_repeatable(t);
    return turn_ready(t);
}

static void those_that_are_found_again_are_not_kept(void **state)
{
    struct nodes *n = *state;
    struct reply reply;
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(tell_at(n, i, run(box, put_repeatable), NULL), ERR_OK);
    assert_int_equal(tell_at(n, 1, run_shared(box, count_answers), &reply), ERR_OK);
    assert_int_equal(reply.num[0], 0);
    assert_int_equal(reply.num[1], 0);
}

/* The network brings a command of node 2 once more. */
static void bring_late(struct nodes *n, unsigned to, uint64_t number, int64_t epoch, int64_t heard_ms, struct command cmd)
{
    struct slot *s = slot_at(n, 2, box);
    struct buf b;
    post_begin(&b, POST_COMMAND, s);
    wire_put_uint(&b, s->cluster->life);
    wire_put_uint(&b, number);
    wire_put_uint(&b, 5000);
    wire_put_int(&b, epoch);
    wire_put_int(&b, heard_ms);
    command_encode(&b, &cmd);
    struct str message = buf_str(&b);
    broker_send(n->node[2].broker, str_c(n->node[to].name), 30 % NODE_LOOPS, &message, 1);
    nodes_skip(n, 200);
    buf_release(&b);
}

static void bring_again(struct nodes *n, unsigned to, uint64_t number, int64_t epoch, struct command cmd)
{
    bring_late(n, to, number, epoch, loop_now_ms(slot_at(n, to, box)->loop), cmd);
}

static void a_command_whose_answer_is_forgotten_is_not_done(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(tell_at(n, 2, add(box, 1, 1), NULL), ERR_OK);
    uint64_t number = slot_at(n, 2, box)->calls;
    nodes_skip(n, 2 * CALL_PATIENCE_MS + 1000);
    assert_int_equal(tell_at(n, 1, add(box, 2, 1), NULL), ERR_OK); /* the old answers go */
    nodes_skip(n, 100);
    assert_int_equal(map_count(&slot_at(n, 0, box)->answers), 1);
    bring_again(n, 0, number, 1, add(box, 3, 1));
    assert_once(n, 2);
    bring_again(n, 0, number + 10, 1, add(box, 4, 1)); /* that one is new */
    assert_once(n, 3);
}

static void a_command_for_another_epoch_is_not_done(void **state)
{
    struct nodes *n = *state;
    broker_faulty_publish_nth(n->node[0].broker, 1, PUBLISH_REFUSED);
    struct ask *a = ask(scene_of(n, 2), add(box, 1, 1));
    nodes_skip(n, 3000);
    assert_true(is_done(a));
    assert_int_equal(owner_of(n, box), 0);
    int64_t epoch = slot_at(n, 0, box)->epoch;
    assert_true(epoch > 1);
    bring_again(n, 0, 100, 1, add(box, 2, 1));
    bring_again(n, 0, 101, epoch + 1, add(box, 3, 1));
    assert_once(n, 1);
    bring_again(n, 0, 102, epoch, add(box, 4, 1));
    assert_once(n, 2);
}

/* num[0] bytes of rows, and the largest answer. */
static enum err fill_up(struct turn *t)
{
    static char big[131072], answer[262000];
    for (int64_t left = turn_command(t)->num[0], n; left > 0; left -= n) {
        n = left < (int64_t)sizeof big ? left : (int64_t)sizeof big;
        struct row row = thing_row(turn_entity(t)->key, left, 1);
        row.c[C_timeline_json].s = str_make(big, (size_t)n);
        turn_put(t, &row);
    }
    turn_reply(t)->s[0] = str_make(answer, sizeof answer);
    return turn_ready(t);
}

static void a_record_that_is_full_has_room_for_its_answer(void **state)
{
    struct nodes *n = *state;
    struct command cmd = run(box, fill_up);
    enum err e = ERR_TOO_LARGE;
    for (cmd.num[0] = BROKER_RECORD_MAX; e == ERR_TOO_LARGE; cmd.num[0] -= 16384)
        e = tell_at(n, 0, cmd, NULL);
    assert_int_equal(e, ERR_OK);
    assert_true(cmd.num[0] > BROKER_RECORD_MAX / 10 * 9);
}

/* --- who was cut off --- */

static void a_command_that_was_long_on_its_way_is_not_done(void **state)
{
    struct nodes *n = *state;
    int64_t epoch = slot_at(n, 0, box)->epoch, now = loop_now_ms(slot_at(n, 0, box)->loop);
    bring_late(n, 0, 1000, epoch, now - 4000, add(box, 1, 1));
    bring_late(n, 0, 1001, epoch, 0, add(box, 2, 1));
    bring_late(n, 0, 1002, epoch, now + 10000, add(box, 3, 1)); /* of another life of this node's machine */
    assert_int_equal(count_at(n, 0, box), 0);
    bring_late(n, 0, 1003, epoch, loop_now_ms(slot_at(n, 0, box)->loop) - 2000, add(box, 4, 1));
    assert_int_equal(count_at(n, 0, box), 1);
}

/* The client has asked another server meanwhile, and gone on. */
static void what_waited_in_a_server_that_was_cut_off_is_not_done_later(void **state)
{
    struct nodes *n = *state;
    broker_faulty_delay_ms(n->node[1].broker, 6000); /* what it sends */
    struct ask *old = ask(scene_of(n, 1), add(box, 1, 1));
    nodes_skip(n, 3000);
    assert_false(old->done);
    assert_int_equal(tell_at(n, 2, add(box, 2, 1), NULL), ERR_OK);
    broker_faulty_delay_ms(n->node[1].broker, 0);
    nodes_skip(n, 2 * CALL_PATIENCE_MS);
    assert_true(old->done);
    assert_int_equal(old->reply.err, ERR_UNAVAILABLE);
    assert_true(old->reply.fault.retry_ms > 0);
    assert_int_equal(count_at(n, 0, box), 1);
}

/* Who has not been heard of for long need not have been cut off: perhaps there was nothing to say. */
static void who_says_little_is_asked_all_the_same(void **state)
{
    struct nodes *n = *state;
    nodes_skip(n, 60000);
    assert_int_equal(tell_at(n, 1, add(box, 1, 1), NULL), ERR_OK);
    assert_int_equal(count_at(n, 0, box), 1);
}

/* --- who comes and goes --- */

static void step_with_asks(struct nodes *n, int64_t *things)
{
    for (unsigned i = 0; i < NODES; i++)
        if (n->node[i].alive) ask(scene_of(n, i), add(box, (*things)++, 1));
    nodes_skip(n, 50);
}

static void assert_all_done(struct nodes *n, int64_t things)
{
    for (unsigned i = 0; i < NODES; i++)
        list_each(it, &scene_of(n, i)->asks) assert_true(is_done(list_item(it, struct ask, link)));
    assert_once(n, things);
}

static void who_joins_gets_its_share_without_a_failed_call(void **state)
{
    struct nodes *n = *state;
    int64_t things = 0;
    node_die(n, 0);
    nodes_skip(n, 3500);
    assert_int_equal(owner_of(n, box), 1);
    node_start(n, 0); /* last for this slot, but for others first */
    for (unsigned k = 0; k < 40; k++)
        step_with_asks(n, &things);
    assert_shared(n, NODES);
    assert_all_done(n, things);
}

static void who_leaves_hands_over_without_a_failed_call(void **state)
{
    struct nodes *n = *state;
    int64_t things = 0;
    for (unsigned k = 0; k < 10; k++)
        step_with_asks(n, &things);
    cluster_leave(scene_of(n, 0)->cluster);
    cluster_leave(scene_of(n, 0)->cluster); /* twice is once */
    for (unsigned k = 0; k < 10; k++)
        step_with_asks(n, &things);
    assert_int_equal(open_at(n, 0), 0);
    assert_int_equal(owner_of(n, box), 1);
    assert_int_equal(open_at(n, 1) + open_at(n, 2), CLUSTER_SLOTS);
    assert_all_done(n, things);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, nodes_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(each_node_can_be_asked_for_everything),
        test(a_refusal_comes_with_its_sentence),
        test(casts_arrive),
        test(large_ones_go_in_parts),
        test(a_lost_part_is_noticed),
        test(everything_comes_twice),
        test(a_lost_command_goes_again),
        test(a_lost_reply_is_given_again),
        test(what_is_under_way_is_not_begun_again),
        test(nobody_waits_for_ever),
        test(who_does_not_reach_the_broker_says_so_soon),
        test(a_reply_of_another_node_is_not_taken),
        test(after_its_record_is_durable),
        test(after_that_and_so_does_the_next),
        test(before_it_has_the_command),
        test(before_its_record_is_in_the_queue),
        test(when_there_is_no_second_one),
        test(a_stopped_owner_that_was_replaced),
        test(a_stopped_owner_proves_that_it_still_is),
        test(a_question_that_was_under_way_when_it_stopped),
        test(answers_are_kept_for_a_while),
        test(those_that_are_found_again_are_not_kept),
        test(a_command_whose_answer_is_forgotten_is_not_done),
        test(a_command_for_another_epoch_is_not_done),
        test(a_record_that_is_full_has_room_for_its_answer),
        test(a_command_that_was_long_on_its_way_is_not_done),
        test(what_waited_in_a_server_that_was_cut_off_is_not_done_later),
        test(who_says_little_is_asked_all_the_same),
        test(who_joins_gets_its_share_without_a_failed_call),
        test(who_leaves_hands_over_without_a_failed_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
