/* The queue as the journal: what comes back counts, the store gets it later, and whoever takes a slot over has all of it. */
#include "unit/cluster/nodes.h"

static struct str box, same, other; /* two of a slot, one of another */

static int setup_empty(void **state)
{
    struct nodes *n = nodes_on_queues();
    box = key_in_slot(&n->arena, 30, 0);
    same = key_in_slot(&n->arena, 30, 1);
    other = key_in_slot(&n->arena, 31, 0);
    *state = n;
    return 0;
}

static int setup(void **state)
{
    int status = setup_empty(state);
    nodes_start_two(*state);
    return status;
}

/* The database is away: nothing can be written or read. */
static void store_goes_away(struct nodes *n, unsigned i)
{
    scene_of(n, i)->gate->broken = ERR_STORAGE;
    store_faulty_fail_all(n->faulty, true);
}
static void store_comes_back(struct nodes *n, unsigned i)
{
    scene_of(n, i)->gate->broken = ERR_OK;
    store_faulty_fail_all(n->faulty, false);
}

/* --- the way of a record --- */

static void a_record_is_durable_before_the_store_has_it(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(owner_of(n, box), 0);
    assert_shared(n, 2);
    struct store_slot before = stands(n, 30);
    scene_of(n, 0)->gate->hold = true;
    assert_int_equal(tell_at(n, 0, add(box, 1, 5), NULL), ERR_OK);
    assert_int_equal(tell_at(n, 0, add(same, 1, 5), NULL), ERR_OK);
    assert_int_equal(tell_at(n, 0, del(same, 1), NULL), ERR_OK);
    assert_int_equal(stands(n, 30).position, before.position);
    assert_int_equal(count_at(n, 0, box), 1); /* read from memory */
    assert_int_equal(count_at(n, 0, same), 0);
    assert_true(stats_of(n, 0).backlog_records >= 3);
    gate_open(scene_of(n, 0)->gate);
    nodes_settle(n);
    assert_int_equal(stands(n, 30).position, slot_at(n, 0, box)->position);
    assert_int_equal(stands(n, 30).epoch, slot_at(n, 0, box)->epoch);
    assert_true(overlay_is_empty(slot_at(n, 0, box)->overlay));
    assert_int_equal(stats_of(n, 0).backlog_records, 0);
    assert_int_equal(slot_at(n, 0, box)->backlog, 0);
    assert_int_equal(slot_at(n, 0, box)->in_flight_bytes, 0);
    assert_int_equal(count_at(n, 0, box), 1);
}

static void many_records_are_one_commit(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 0)->gate->hold = true;
    for (int64_t i = 0; i < 500; i++)
        assert_int_equal(tell_at(n, 0, add(box, i, 1), NULL), ERR_OK);
    uint64_t before = scene_of(n, 0)->gate->applied;
    gate_open(scene_of(n, 0)->gate);
    nodes_settle(n);
    assert_int_equal(stands(n, 30).position, slot_at(n, 0, box)->position);
    assert_true(scene_of(n, 0)->gate->applied - before <= 3);
    assert_int_equal(count_at(n, 0, box), 500);
}

/* One record of the slot is under way at a time: the next one gathers what comes meanwhile. */
static void what_comes_while_a_record_is_under_way_goes_together(void **state)
{
    struct nodes *n = *state;
    struct cluster_stats before, after;
    assert_int_equal(tell_at(n, 0, add(box, 0, 1), NULL), ERR_OK);
    cluster_stats(scene_of(n, 0)->cluster, &before);
    broker_faulty_publish_nth(n->node[0].broker, 1, PUBLISH_LOST_CLAIMED); /* it does not come back */
    for (int64_t i = 1; i <= 10; i++) {
        struct ask *a = ask(scene_of(n, 0), add(box, i, 1));
        nodes_settle(n);
        assert_false(a->done);
    }
    cluster_stats(scene_of(n, 0)->cluster, &after);
    assert_int_equal(after.records - before.records, 1);
    assert_non_null(slot_at(n, 0, box)->open);
    nodes_skip(n, 5000); /* the slot is opened anew, and they are done again */
    assert_int_equal(count_at(n, 0, box), 11);
}

/* People chat on in warm rooms; what is not in memory says when to try again. */
static void chat_goes_on_while_the_store_is_away(void **state)
{
    struct nodes *n = *state;
    struct reply reply;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    store_goes_away(n, 0);
    for (int64_t i = 2; i <= 100; i++) {
        assert_int_equal(tell_at(n, 0, add(box, i, 1), &reply), ERR_OK);
        assert_int_equal(reply.num[1], i);
        if (i % 10 == 0) nodes_skip(n, 3000);
    }
    scene_of(n, 0)->gate->broken = ERR_OK; /* (reads pass the gate always: the store inside is what it is) */
    assert_int_equal(owner_of(n, box), 0);
    assert_int_equal(slot_at(n, 0, box)->epoch, 1);
    assert_int_equal(stands(n, 30).position, slot_at(n, 0, box)->persisted);
    assert_true(slot_at(n, 0, box)->backlog >= 98);
    store_comes_back(n, 0);
    nodes_skip(n, 2 * REOPEN_MS);
    assert_int_equal(slot_at(n, 0, box)->backlog, 0);
    assert_int_equal(stands(n, 30).position, slot_at(n, 0, box)->position);
    assert_int_equal(count_at(n, 0, box), 100);
}

static void a_backlog_has_an_end(void **state)
{
    struct nodes *n = *state;
    struct reply reply;
    enum err e = ERR_OK;
    scene_of(n, 0)->cluster->config.backlog_bytes = 20000;
    scene_of(n, 0)->gate->hold = true;
    int64_t done = 0;
    for (; done < 1000 && e == ERR_OK; done += e == ERR_OK)
        e = tell_at(n, 0, add(box, done, 1), &reply);
    assert_int_equal(e, ERR_UNAVAILABLE);
    assert_true(done > 50 && done < 1000);
    assert_true(reply.fault.retry_ms > 0 && reply.fault.text[0]);
    assert_int_equal(count_at(n, 0, box), done); /* reading goes on */
    assert_int_equal(tell_at(n, 0, add(other, 1, 1), NULL), ERR_OK);
    gate_open(scene_of(n, 0)->gate);
    nodes_settle(n);
    assert_int_equal(tell_at(n, 0, add(box, done, 1), NULL), ERR_OK);
}

/* --- taking over --- */

static void the_next_has_what_the_store_has_not(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 0)->gate->hold = true; /* from before the first: the store has nothing of it */
    for (int64_t i = 1; i <= 300; i++) {
        assert_int_equal(tell_at(n, 0, add(box, i, i), NULL), ERR_OK);
        if (i % 3 == 0) assert_int_equal(tell_at(n, 0, del(box, i), NULL), ERR_OK);
    }
    int64_t epoch = slot_at(n, 0, box)->epoch, position = slot_at(n, 0, box)->position;
    node_die(n, 0);
    nodes_settle(n);
    assert_int_equal(open_at(n, 1), CLUSTER_SLOTS);
    assert_int_equal(slot_at(n, 1, box)->epoch, epoch + 1);
    assert_int_equal(slot_at(n, 1, box)->position, position + 1);
    assert_int_equal(count_at(n, 1, box), 200);
    assert_int_equal(tell_at(n, 1, add(box, 3, 3), NULL), ERR_OK);
    nodes_settle(n);
    assert_int_equal(stands(n, 30).position, slot_at(n, 1, box)->position);
    assert_int_equal(stats_of(n, 1).backlog_records, 0);
    assert_int_equal(count_at(n, 1, box), 201);
}

/* Some of it has been written and acknowledged, the rest has only come back. */
static void records_wait_until_the_store_has_said_where_the_slot_stands(void **state)
{
    struct nodes *n = *state;
    struct gate *next = scene_of(n, 1)->gate;
    scene_of(n, 0)->gate->hold = true;
    for (int64_t i = 1; i <= 300; i++)
        assert_int_equal(tell_at(n, 0, add(box, i, i), NULL), ERR_OK);
    for (int64_t i = 0; i < 100; i++)
        assert_true(gate_let_batch(scene_of(n, 0)->gate, 30) || i > 0); /* some of it is written */
    next->hold_looks = true;
    node_die(n, 0);
    nodes_settle(n);
    assert_int_equal(slot_at(n, 1, box)->state, SLOT_OPENING);
    assert_true(slot_at(n, 1, box)->queue.looking);
    assert_false(list_is_empty(&slot_at(n, 1, box)->queue.early)); /* they have come meanwhile */
    gate_let_looks(next);
    nodes_settle(n);
    assert_int_equal(open_at(n, 1), CLUSTER_SLOTS);
    assert_int_equal(count_at(n, 1, box), 300);
    assert_int_equal(sum_at(n, 1, box), 45150);
    nodes_settle(n);
    assert_int_equal(stands(n, 30).position, slot_at(n, 1, box)->position);
}

static void a_slot_may_be_lost_before_the_store_has_said_where_it_stands(void **state)
{
    struct nodes *n = *state;
    struct gate *next = scene_of(n, 1)->gate;
    scene_of(n, 0)->gate->hold = true;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    next->hold_looks = true;
    node_die(n, 0);
    nodes_settle(n);
    assert_false(list_is_empty(&slot_at(n, 1, box)->queue.early));
    node_start(n, 0);
    cluster_leave(scene_of(n, 1)->cluster);
    nodes_settle(n);
    assert_true(list_is_empty(&slot_at(n, 1, box)->queue.early));
    assert_int_equal(count_at(n, 0, box), 1);
    gate_let_looks(next);
    nodes_settle(n);
    assert_int_equal(slot_at(n, 1, box)->state, SLOT_CLOSED);
}

static void only_what_is_written_leaves_the_queue(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 0)->gate->hold = true;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    assert_int_equal(tell_at(n, 0, add(box, 2, 1), NULL), ERR_OK);
    assert_true(gate_let_batch(scene_of(n, 0)->gate, 30));
    nodes_settle(n);
    int64_t written = stands(n, 30).position;
    assert_true(written < slot_at(n, 0, box)->position);
    assert_int_equal(slot_at(n, 0, box)->persisted, written);
    assert_int_equal(stats_of(n, 0).backlog_records, 1);
    node_die(n, 0);
    nodes_settle(n);
    assert_int_equal(count_at(n, 1, box), 2);
}

/* A second death before anything of it was written, and a third. */
static void and_the_one_after_that(void **state)
{
    struct nodes *n = *state;
    for (unsigned life = 0; life < 6; life++) {
        unsigned i = life % 2;
        scene_of(n, i)->gate->hold = true;
        assert_int_equal(owner_of(n, box), i);
        for (int64_t k = 0; k < 50; k++)
            assert_int_equal(tell_at(n, i, add(box, (int64_t)life * 50 + k, 1), NULL), ERR_OK);
        scene_of(n, 1 - i)->gate->hold = true;
        node_die(n, i);
        nodes_settle(n);
        assert_int_equal(open_at(n, 1 - i), CLUSTER_SLOTS);
        assert_int_equal(count_at(n, 1 - i, box), (life + 1) * 50);
        node_start(n, i);
        nodes_settle(n);
    }
    assert_int_equal(stands(n, 30).position, 1); /* the first mark alone */
    gate_open(scene_of(n, 0)->gate);
    nodes_settle(n);
    assert_int_equal(stands(n, 30).position, slot_at(n, 0, box)->position);
    assert_int_equal(count_at(n, 0, box), 300);
}

static void who_leaves_hands_over_what_is_not_written(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 0)->gate->hold = true;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    cluster_leave(scene_of(n, 0)->cluster);
    nodes_settle(n);
    assert_int_equal(open_at(n, 0), 0);
    assert_int_equal(open_at(n, 1), CLUSTER_SLOTS);
    assert_int_equal(count_at(n, 1, box), 1);
    assert_int_equal(tell_at(n, 1, add(box, 2, 1), NULL), ERR_OK);
    gate_open(scene_of(n, 0)->gate); /* its commit comes late */
    nodes_settle(n);
    assert_int_equal(open_at(n, 0), 0);
    assert_int_equal(count_at(n, 1, box), 2);
}

/* The former owner's persister was slow: it writes while the next one holds the same records. They are the same. */
static void a_late_commit_of_a_former_owner_is_found(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 0)->gate->hold = true;
    for (int64_t i = 1; i <= 20; i++)
        assert_int_equal(tell_at(n, 0, add(box, i, 1), NULL), ERR_OK);
    n->node[0].still = true;
    broker_local_expel(n->node[0].local);
    scene_of(n, 1)->gate->hold = true;
    nodes_settle(n);
    assert_int_equal(owner_of(n, box), 1);
    for (int64_t i = 21; i <= 30; i++)
        assert_int_equal(tell_at(n, 1, add(box, i, 1), NULL), ERR_OK);
    assert_true(gate_let_batch(scene_of(n, 0)->gate, 30));
    gate_open(scene_of(n, 1)->gate);
    nodes_settle(n);
    assert_int_equal(stands(n, 30).position, slot_at(n, 1, box)->position);
    assert_int_equal(owner_of(n, box), 1);
    assert_int_equal(count_at(n, 1, box), 30);
    assert_int_equal(slot_at(n, 1, box)->backlog, 0);
    n->node[0].still = false;
    gate_open(scene_of(n, 0)->gate);
    nodes_settle(n);
    assert_int_equal(owner_of(n, box), 0); /* given back to who comes first */
    assert_int_equal(count_at(n, 0, box), 30);
    assert_int_equal(sum_at(n, 1, box), 30);
}

/* A commit that was said to have failed had not. */
static void a_commit_of_unknown_fate_is_found(void **state)
{
    struct nodes *n = *state;
    struct store_slot at = stands(n, 30);
    scene_of(n, 0)->gate->hold = true;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    assert_int_equal(tell_at(n, 0, add(box, 2, 1), NULL), ERR_OK);
    struct store_batch *b = gate_take(scene_of(n, 0)->gate, 30), again = *b;
    again.done = gate_done_nothing;
    store_apply(n->store, &again);
    gate_say(b, ERR_STORAGE);
    nodes_settle(n);
    assert_true(stands(n, 30).position > at.position);
    assert_true(slot_at(n, 0, box)->backlog > 0);
    gate_open(scene_of(n, 0)->gate);
    nodes_skip(n, REOPEN_MS);
    assert_int_equal(slot_at(n, 0, box)->backlog, 0);
    assert_int_equal(slot_at(n, 0, box)->epoch, 1);
    assert_int_equal(count_at(n, 0, box), 2);
}

static void a_slot_cannot_be_opened_without_the_store(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    scene_of(n, 1)->gate->broken = ERR_STORAGE;
    node_die(n, 0);
    nodes_skip(n, 3500);
    assert_int_equal(owner_of(n, box), NODES);
    struct ask *a = ask(scene_of(n, 1), add(box, 2, 1));
    nodes_settle(n);
    scene_of(n, 1)->gate->broken = ERR_OK;
    nodes_skip(n, REOPEN_MS);
    assert_int_equal(open_at(n, 1), CLUSTER_SLOTS);
    assert_true(a->done);
    assert_int_equal(a->reply.err, ERR_OK);
    assert_int_equal(count_at(n, 1, box), 2);
}

static void open_letters_go_from_the_queue(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 0)->gate->hold = true;
    check_letters_go_from_the_next(n, box, other);
}

/* --- what goes wrong on the way --- */

static uint64_t failed_at(struct nodes *n, unsigned i)
{
    struct cluster_stats st;
    cluster_stats(scene_of(n, i)->cluster, &st);
    return st.failed_records;
}

static void a_refused_record_is_undone(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    int64_t epoch = slot_at(n, 0, box)->epoch;
    node_die(n, 1); /* nobody else waits for the slot */
    nodes_settle(n);
    broker_faulty_publish_nth(n->node[0].broker, 1, PUBLISH_REFUSED);
    assert_int_equal(tell_at(n, 0, add(box, 2, 1), NULL), ERR_OK); /* it went again by itself */
    assert_int_equal(slot_at(n, 0, box)->epoch, epoch + 1);
    assert_int_equal(count_at(n, 0, box), 2);
    assert_int_equal(tell_at(n, 0, add(box, 3, 1), NULL), ERR_OK);
    assert_int_equal(sum_at(n, 0, box), 3);
    assert_int_equal(failed_at(n, 0), 0); /* that is no reason for an alarm */
}

/* Several are under way; the one in the middle is refused: what comes after it does not count, for nobody. */
static void what_follows_a_refused_record_never_counts(void **state)
{
    struct nodes *n = *state;
    node_die(n, 1);
    nodes_settle(n);
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    n->node[0].still = true;
    struct ask *a[4];
    broker_faulty_publish_nth(n->node[0].broker, 2, PUBLISH_REFUSED);
    struct scene *x = scene_of(n, 0);
    for (int64_t i = 0; i < 4; i++) { /* a tick each, and nothing comes back between them */
        a[i] = ask_on(x, slot_at(n, 0, box)->home->loop == x->loop[0] ? 0 : 1, add(box, 2 + i, 1));
        loop_poll(slot_at(n, 0, box)->loop);
    }
    n->node[0].still = false;
    nodes_settle(n);
    unsigned ok = 0;
    for (unsigned i = 0; i < 4; i++) {
        assert_true(a[i]->done);
        ok += a[i]->reply.err == ERR_OK;
    }
    assert_int_equal(count_at(n, 0, box), 1 + (int)ok);
    assert_int_equal(tell_at(n, 0, add(box, 9, 1), NULL), ERR_OK);
}

static void a_record_of_unknown_fate_that_is_there_counts(void **state)
{
    struct nodes *n = *state;
    node_die(n, 1);
    nodes_settle(n);
    scene_of(n, 0)->gate->hold = true;
    broker_faulty_publish_nth(n->node[0].broker, 1, PUBLISH_THERE_UNKNOWN);
    struct ask *a = ask(scene_of(n, 0), add(box, 1, 1));
    nodes_settle(n);
    gate_open(scene_of(n, 0)->gate);
    nodes_settle(n);
    assert_true(a->done);
    assert_int_equal(count_at(n, 0, box), 1);
    broker_faulty_publish_nth(n->node[0].broker, 1, PUBLISH_LOST_UNKNOWN);
    assert_int_equal(a->reply.err, ERR_OK);
    assert_int_equal(tell_at(n, 0, add(box, 2, 1), NULL), ERR_OK);
    assert_int_equal(count_at(n, 0, box), 2);
    assert_int_equal(sum_at(n, 0, box), 2);
}

/* It was in the queue, and the holder was dropped before it came back. */
static void a_record_that_did_not_come_back_to_its_owner_counts(void **state)
{
    struct nodes *n = *state;
    scene_of(n, 1)->gate->hold = true;
    broker_faulty_drop_nth(n->node[0].broker, 1);
    int64_t epoch = slot_at(n, 0, box)->epoch;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK); /* answered from the record, and not done again */
    nodes_settle(n);
    assert_int_equal(slot_at(n, 0, box)->epoch, epoch + 2); /* the other one had it in between */
    assert_int_equal(owner_of(n, box), 0);
    assert_int_equal(count_at(n, 1, box), 1);
    assert_int_equal(sum_at(n, 0, box), 1);
    assert_int_equal(owner_of(n, other), 0);
}

/* --- proving that it is still held --- */

static void an_idle_owner_keeps_its_slots(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    uint64_t before = stats_of(n, 0).published;
    nodes_skip(n, 60000);
    assert_shared(n, 2);
    assert_int_equal(slot_at(n, 0, box)->epoch, 1);
    uint64_t beats = stats_of(n, 0).published - before, held = open_at(n, 0);
    assert_in_range(beats, 54 * held, 62 * held);
    assert_int_equal(stats_of(n, 0).backlog_records, 0);
}

/* The queue says yes to everything, and nothing comes back. */
static void an_owner_that_gets_nothing_back_lets_go(void **state)
{
    struct nodes *n = *state;
    struct ask *a;
    broker_faulty_publish_nth(n->node[0].broker, 1, PUBLISH_LOST_CLAIMED);
    a = ask(scene_of(n, 0), add(box, 1, 1));
    nodes_skip(n, 1500);
    assert_false(a->done);
    nodes_skip(n, 3000);
    assert_true(a->done);
    assert_int_equal(a->reply.err, ERR_OK); /* done by the next one */
    assert_int_equal(slot_at(n, 0, box)->epoch, 3);
    assert_int_equal(count_at(n, 1, box), 1);
    assert_int_equal(sum_at(n, 0, box), 1);
    assert_int_equal(owner_of(n, other), 0);
}

static void a_stopped_owner_finds_itself_replaced(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    n->node[0].still = true;
    broker_local_expel(n->node[0].local);
    nodes_skip(n, 10000);
    assert_int_equal(open_at(n, 1), CLUSTER_SLOTS);
    assert_int_equal(tell_at(n, 1, add(box, 2, 1), NULL), ERR_OK);
    struct ask *a = ask(scene_of(n, 0), add(box, 3, 1)), *question = ask(scene_of(n, 0), list_of(box));
    n->node[0].still = false;
    nodes_skip(n, OPEN_PATIENCE_MS + 1000);
    assert_true(a->done && question->done);
    assert_int_equal(a->reply.err, ERR_OK);
    assert_int_equal(question->reply.err, ERR_OK);
    assert_in_range(question->reply.num[0], 2, 3); /* not what it remembers */
    assert_shared(n, 2);
    assert_int_equal(count_at(n, 1, box), 3);
    assert_int_equal(sum_at(n, 0, box), 3);
}

/* --- what others put into the queue --- */

static void published_now(struct broker_publish *p)
{
    (void)p;
}

struct forged {
    struct broker_publish publish;
    struct buf bytes;
};

/* Published by node 1's loop, as if somebody else had. */
static void forge(struct nodes *n, struct forged *f, struct record_head h)
{
    h.format = RECORD_FORMAT;
    if (!h.slot) h.slot = 30;
    buf_init(&f->bytes, 4096);
    record_encode(&f->bytes, &h, NULL, 0);
    f->publish = (struct broker_publish){.loop = scene_of(n, 1)->loop[0], .slot = 30, .bytes = buf_str(&f->bytes), .done = published_now};
    broker_publish(n->node[1].local, &f->publish);
    nodes_settle(n);
    buf_release(&f->bytes);
}

static void a_late_record_of_a_former_owner_is_void(void **state)
{
    struct nodes *n = *state;
    struct forged f;
    node_die(n, 0);
    nodes_settle(n);
    node_start(n, 0);
    nodes_settle(n);
    struct slot *s = slot_at(n, 1, box);
    assert_int_equal(s->epoch, 2);
    for (int64_t i = 1; i <= 3; i++) {
        assert_int_equal(tell_at(n, 1, add(box, i, 1), NULL), ERR_OK);
        forge(n, &f, (struct record_head){.epoch = 1, .predecessor = s->position, .position = s->position + 1, .returned = s->position});
        forge(n, &f, (struct record_head){.kind = RECORD_MARK, .epoch = 1, .predecessor = s->position, .position = s->position + 1});
        forge(n, &f, (struct record_head){.kind = RECORD_BEAT, .epoch = 1, .predecessor = 7, .position = 7});
    }
    assert_int_equal(s->epoch, 2);
    assert_int_equal(count_at(n, 1, box), 3);
    assert_int_equal(owner_of(n, box), 1);
    assert_int_equal(stats_of(n, 1).backlog_records, 0); /* acknowledged away */
    node_die(n, 1);
    nodes_settle(n);
    assert_int_equal(count_at(n, 0, box), 3);
}

/* It has opened the slot, and this owner does not know yet. */
static void a_mark_of_somebody_else_ends_it(void **state)
{
    struct nodes *n = *state;
    struct forged f;
    struct slot *s = slot_at(n, 0, box);
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    forge(n, &f,
          (struct record_head){
              .kind = RECORD_MARK, .epoch = 9, .predecessor = s->position, .position = s->position + 1, .returned = s->position});
    nodes_settle(n);
    assert_int_equal(owner_of(n, box), 0); /* again, after the other one */
    assert_int_equal(slot_at(n, 0, box)->epoch, 11);
    assert_int_equal(count_at(n, 1, box), 1);
    assert_int_equal(owner_of(n, other), 0);
    assert_int_equal(tell_at(n, 1, add(box, 2, 1), NULL), ERR_OK);
}

/* The same, when this one's mark has just come back and it still reads. */
static void a_mark_of_somebody_else_ends_an_opening(void **state)
{
    struct nodes *n = *state;
    struct forged f;
    node_die(n, 0);
    scene_of(n, 1)->gate->hold_reads = GATE_READS_LATE;
    nodes_settle(n);
    struct slot *s = slot_at(n, 1, box);
    assert_int_equal(s->state, SLOT_OPENING);
    assert_true(s->queue.mark_taken);
    int64_t at = s->queue.stand.position;
    forge(n, &f, (struct record_head){.kind = RECORD_MARK, .epoch = 9, .predecessor = at, .position = at + 1, .returned = at});
    gate_open(scene_of(n, 1)->gate);
    nodes_settle(n);
    assert_int_equal(s->epoch, 10);
    assert_int_equal(tell_at(n, 1, add(box, 2, 1), NULL), ERR_OK);
    nodes_settle(n);
    assert_int_equal(stands(n, 30).position, s->position);
}

/* Records that counted are missing, or one cannot be read: nobody serves the slot, and nothing of it is thrown away. */
static void check_set_aside(struct nodes *n)
{
    nodes_skip(n, 3000);
    assert_int_equal(owner_of(n, box), NODES);
    assert_int_equal(owner_of(n, other), 0);
    struct ask *a = ask(scene_of(n, 0), add(box, 5, 1));
    nodes_skip(n, OPEN_PATIENCE_MS + 100);
    assert_true(a->done);
    assert_int_equal(a->reply.err, ERR_UNAVAILABLE);
}

static void a_gap_sets_the_slot_aside(void **state)
{
    struct nodes *n = *state;
    struct forged f;
    struct slot *s = slot_at(n, 0, box);
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    int64_t at = s->position;
    forge(n, &f, (struct record_head){.epoch = s->epoch, .predecessor = at + 10, .position = at + 11, .returned = at + 9});
    check_set_aside(n);
}

static void a_record_of_another_slot_sets_the_slot_aside(void **state)
{
    struct nodes *n = *state;
    struct forged f;
    int64_t at = slot_at(n, 0, box)->position;
    forge(n, &f, (struct record_head){.slot = 29, .epoch = 1, .predecessor = at, .position = at + 1, .returned = at});
    check_set_aside(n);
}

static void a_record_that_cannot_be_read_sets_the_slot_aside(void **state)
{
    struct nodes *n = *state;
    struct broker_publish p = {.loop = scene_of(n, 1)->loop[0], .slot = 30, .bytes = STR("\x02 of a newer program"), .done = published_now};
    broker_publish(n->node[1].local, &p);
    nodes_settle(n);
    check_set_aside(n);
}

static void a_store_that_stands_elsewhere_sets_the_slot_aside(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    struct store_slot at = stands(n, 30);
    struct store_batch alien = {.loop = scene_of(n, 1)->loop[0],
                                .slot = 30,
                                .epoch = at.epoch,
                                .predecessor = at.position,
                                .position = at.position + 500,
                                .done = gate_done_nothing};
    store_apply(n->store, &alien);
    assert_int_equal(tell_at(n, 0, add(box, 2, 1), NULL), ERR_OK);
    nodes_settle(n);
    assert_int_not_equal(owner_of(n, box), 0);
}

/* --- large ones --- */

static enum err put_much(struct turn *t, size_t bytes)
{
    static char big[131072];
    for (int64_t i = 0; bytes; i++) {
        size_t n = bytes < sizeof big ? bytes : sizeof big;
        struct row row = thing_row(turn_entity(t)->key, 1000 + turn_position(t), i);
        row.c[C_timeline_json].s = str_make(big, n);
        turn_put(t, &row);
        bytes -= n;
    }
    return turn_ready(t);
}
static enum err put_ten_mib(struct turn *t)
{
    return put_much(t, 10 << 20);
}
static enum err put_two_mib(struct turn *t)
{
    return put_much(t, 2 << 20);
}

/* What was refused does not count against those that share its record. */
static void a_turn_that_is_too_large_costs_nobody_else(void **state)
{
    struct nodes *n = *state;
    struct ask *before = ask(scene_of(n, 0), add(same, 1, 1)), *large = ask(scene_of(n, 0), run(box, put_ten_mib)),
               *after = ask(scene_of(n, 0), add(same, 2, 1)), *more = ask(scene_of(n, 0), run(same, put_two_mib));
    nodes_settle(n);
    assert_int_equal(before->reply.err, ERR_OK);
    assert_int_equal(large->reply.err, ERR_TOO_LARGE);
    assert_int_equal(after->reply.err, ERR_OK);
    assert_int_equal(more->reply.err, ERR_OK);
    assert_int_equal(count_at(n, 0, box), 0);
}

static void large_turns(void **state)
{
    struct nodes *n = *state;
    assert_int_equal(tell_at(n, 0, run(box, put_ten_mib), NULL), ERR_TOO_LARGE);
    assert_int_equal(count_at(n, 0, box), 0);
    struct ask *a[8];
    for (unsigned i = 0; i < 8; i++) /* together more than a record takes */
        a[i] = ask(scene_of(n, 0), run(i % 2 ? box : same, put_two_mib));
    nodes_settle(n);
    for (unsigned i = 0; i < 8; i++) {
        assert_true(a[i]->done);
        assert_int_equal(a[i]->reply.err, ERR_OK);
    }
    assert_int_equal(count_at(n, 0, box), 64);
    assert_int_equal(stats_of(n, 0).backlog_records, 0);
}

/* --- who follows is told that something may have been missed --- */

static struct {
    unsigned gaps;
    uint64_t chain;
    int64_t to;
} heard;

static void hear(void *engine, struct loop *gateway, const struct delivery *d)
{
    (void)engine, (void)gateway;
    if (d->slot != 30) return;
    heard.gaps += d->chain != heard.chain + 1;
    heard.chain = d->chain;
    heard.to = d->to;
}

static void followers_are_told_of_a_gap(void **state)
{
    struct nodes *n = *state;
    n->config.delivered = hear;
    node_start(n, 0);
    nodes_settle(n);
    memset(&heard, 0, sizeof heard);
    assert_int_equal(tell_at(n, 0, (struct command){.type = BOX_FOLLOW, .key = box, .num = {0}}, NULL), ERR_OK);
    assert_int_equal(tell_at(n, 0, add(box, 1, 1), NULL), ERR_OK);
    assert_int_equal(heard.gaps, 0);
    assert_true(heard.chain > 0);
    /* In the queue, but it does not come back to this life of the slot: nobody would hear of it. */
    broker_faulty_drop_nth(n->node[0].broker, 1);
    assert_int_equal(tell_at(n, 0, add(box, 2, 1), NULL), ERR_OK);
    nodes_settle(n);
    assert_int_equal(count_at(n, 0, box), 2);
    assert_int_equal(heard.gaps, 1);
    assert_int_equal(heard.to, slot_at(n, 0, box)->position);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, nodes_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_record_is_durable_before_the_store_has_it),
        test(many_records_are_one_commit),
        test(what_comes_while_a_record_is_under_way_goes_together),
        test(chat_goes_on_while_the_store_is_away),
        test(a_backlog_has_an_end),
        test(the_next_has_what_the_store_has_not),
        test(records_wait_until_the_store_has_said_where_the_slot_stands),
        test(a_slot_may_be_lost_before_the_store_has_said_where_it_stands),
        test(only_what_is_written_leaves_the_queue),
        test(and_the_one_after_that),
        test(who_leaves_hands_over_what_is_not_written),
        test(a_late_commit_of_a_former_owner_is_found),
        test(a_commit_of_unknown_fate_is_found),
        test(a_slot_cannot_be_opened_without_the_store),
        test(open_letters_go_from_the_queue),
        test(a_refused_record_is_undone),
        test(what_follows_a_refused_record_never_counts),
        test(a_record_of_unknown_fate_that_is_there_counts),
        test(a_record_that_did_not_come_back_to_its_owner_counts),
        test(an_idle_owner_keeps_its_slots),
        test(an_owner_that_gets_nothing_back_lets_go),
        test(a_stopped_owner_finds_itself_replaced),
        test(a_late_record_of_a_former_owner_is_void),
        test(a_mark_of_somebody_else_ends_it),
        test(a_mark_of_somebody_else_ends_an_opening),
        test(a_record_of_another_slot_sets_the_slot_aside),
        test(a_gap_sets_the_slot_aside),
        test(a_record_that_cannot_be_read_sets_the_slot_aside),
        test(a_store_that_stands_elsewhere_sets_the_slot_aside),
        test(large_turns),
        test(a_turn_that_is_too_large_costs_nobody_else),
        cmocka_unit_test_setup_teardown(followers_are_told_of_a_gap, setup_empty, nodes_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
