/* Slots: undone when the store refuses and opened again, readable when they cannot be written, and what is refused meanwhile. */
#include "unit/cluster/toy.h"

static struct str box, same, other; /* two of a slot, one of another */

static int setup(void **state)
{
    int status = toy_setup(state);
    struct toy_scene *x = *state;
    box = key_in_slot(&x->arena, 30, 0);
    same = key_in_slot(&x->arena, 30, 1);
    other = key_in_slot(&x->arena, 31, 0);
    return status;
}

static struct slot *slot_of(struct scene *x, struct str key)
{
    return &x->cluster->slot[cluster_slot_of(key)];
}

static struct cluster_stats stats_of(struct scene *x)
{
    struct cluster_stats st;
    cluster_stats(x->cluster, &st);
    return st;
}

/* --- start --- */

static void each_life_opens_a_new_epoch(void **state)
{
    struct scene *x = *state;
    struct store_slot at;
    char history[17];
    int64_t position = 0;
    snprintf(history, sizeof history, "%.*s", STR_FMT(cluster_history(x->cluster)));
    for (int64_t life = 1; life <= 3; life++) {
        assert_int_equal(stats_of(x).slots_open, CLUSTER_SLOTS);
        assert_int_equal(slot_of(x, box)->epoch, life);
        assert_true(slot_of(x, box)->position > position);
        position = slot_of(x, box)->position;
        assert_int_equal(store_stands(x->inside, 30, &at), ERR_OK);
        assert_int_equal(at.epoch, life);
        assert_int_equal(at.position, position);
        assert_string_equal(history, cluster_history(x->cluster).p);
        scene_crash(x);
        scene_settle(x);
    }
}

static void a_store_that_cannot_be_written_has_no_history(void **state)
{
    (void)state;
    struct store *s = store_faulty_new(store_memory_new());
    struct loop *loop = loop_new(0);
    struct cluster *c;
    struct fault f = {0};
    struct cluster_config config = {.loop = &loop, .loops = 1, .store = s, .clock = &scene_clock};
    store_faulty_fail_all(s, true);
    assert_int_equal(cluster_new(&config, &c, &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, "history"));
    s->ops->close(s);
    loop_free(loop);
}

/* --- undone --- */

static void a_slot_whose_record_was_refused_is_undone(void **state)
{
    struct scene *x = *state;
    assert_int_equal(tell(x, add(box, 1, 1), NULL), ERR_OK);
    int64_t epoch = slot_of(x, box)->epoch, durable = slot_of(x, box)->durable;
    x->gate->hold = true;
    struct ask *a = ask(x, add(box, 2, 1)), *b = ask(x, add(same, 2, 1)), *c = ask(x, add(other, 2, 1));
    scene_settle(x);
    struct ask *later = ask(x, add(same, 3, 1)), *question = ask(x, list_of(box));
    scene_settle(x);
    assert_int_equal(stats_of(x).in_flight, 3);
    store_faulty_fail_nth(x->faulty, 1);
    assert_true(gate_let_batch(x->gate, 30));
    scene_settle(x);
    struct ask *undone[] = {a, b, later, question};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(ask_answer(x, undone[i]), ERR_STORAGE);
        assert_int_equal(undone[i]->reply.fault.code, ERR_STORAGE);
        assert_true(undone[i]->reply.fault.retry_ms > 0);
    }
    assert_false(c->done);
    assert_int_equal(slot_of(x, box)->state, SLOT_CLOSED); /* a record of the old life is still under way */
    struct ask *new = ask(x, add(box, 4, 1));
    scene_settle(x);
    assert_false(new->done);
    assert_int_equal(map_count(&slot_of(x, box)->table[TOY_BOX].map), 0);
    assert_true(gate_let_batch(x->gate, 30)); /* it meets a conflict */
    scene_settle(x);
    assert_int_equal(slot_of(x, box)->state, SLOT_OPENING);
    gate_open(x->gate);
    assert_int_equal(ask_answer(x, new), ERR_OK);
    assert_int_equal(ask_answer(x, c), ERR_OK);
    assert_int_equal(slot_of(x, box)->epoch, epoch + 1);
    assert_int_equal(slot_of(x, box)->durable, durable + 2); /* the mark, and one that was asked for since */
    assert_int_equal(slot_of(x, other)->epoch, 1);
    assert_int_equal(count_of(x, box), 2);
    assert_int_equal(count_of(x, same), 0);
    assert_int_equal(stats_of(x).in_flight, 0);
    assert_int_equal(stats_of(x).slots_open, CLUSTER_SLOTS);
}

static void who_waits_for_a_box_of_an_undone_slot_gets_the_new_one(void **state)
{
    struct scene *x = *state;
    struct command slow = add(box, 1, 1);
    slow.num[3] = 500;
    struct ask *a = ask(x, slow), *b = ask(x, add(box, 2, 1)), *c = ask(x, add(box, 3, 1));
    scene_settle(x);
    store_faulty_fail_nth(x->faulty, 1);
    assert_int_equal(tell(x, add(same, 9, 1), NULL), ERR_STORAGE);
    scene_skip(x, 600);
    assert_int_equal(ask_answer(x, a), ERR_UNAVAILABLE);
    assert_int_equal(ask_answer(x, b), ERR_OK);
    assert_int_equal(ask_answer(x, c), ERR_OK);
    assert_int_equal(count_of(x, box), 2);
}

static void it_may_fail_again_and_again(void **state)
{
    struct scene *x = *state;
    for (int64_t i = 0; i < 10; i++) {
        store_faulty_fail_nth(x->faulty, 1);
        assert_int_equal(tell(x, add(box, i, 1), NULL), ERR_STORAGE);
        assert_int_equal(tell(x, add(box, i, 1), NULL), ERR_OK);
    }
    assert_int_equal(slot_of(x, box)->epoch, 11);
    assert_int_equal(count_of(x, box), 10);
}

/* --- readable, not writable --- */

static void a_slot_that_cannot_be_written_can_be_read(void **state)
{
    struct scene *x = *state;
    struct reply reply;
    assert_int_equal(tell(x, add(box, 1, 7), NULL), ERR_OK);
    store_faulty_fail_all(x->faulty, true);
    assert_int_equal(tell(x, add(box, 2, 1), &reply), ERR_STORAGE);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sum_of(x, box), 7);
        assert_int_equal(tell(x, add(box, 2, 1), &reply), ERR_STORAGE);
        assert_true(reply.fault.retry_ms > 0);
        assert_int_equal(tell(x, move(box, other, 3, 1), NULL), ERR_STORAGE);
        scene_skip(x, 2 * REOPEN_MS);
    }
    assert_int_equal(stats_of(x).slots_open, CLUSTER_SLOTS);
    store_faulty_fail_all(x->faulty, false);
    assert_int_equal(tell(x, add(box, 2, 1), NULL), ERR_STORAGE); /* it does not know yet */
    scene_skip(x, REOPEN_MS);
    assert_int_equal(tell(x, add(box, 4, 1), &reply), ERR_OK);
    assert_int_equal(reply.num[1], 8); /* from memory, which nothing of what was refused has touched */
    assert_int_equal(count_of(x, box), 2);
    assert_int_equal(count_of(x, other), 0);
    scene_crash(x);
    assert_int_equal(count_of(x, box), 2);
}

static void a_store_that_is_full_when_the_process_starts(void **state)
{
    struct scene *x = *state;
    assert_int_equal(tell(x, add(box, 1, 7), NULL), ERR_OK);
    store_faulty_fail_all(x->faulty, true);
    scene_crash(x);
    assert_int_equal(sum_of(x, box), 7);
    assert_int_equal(tell(x, add(box, 2, 1), NULL), ERR_STORAGE);
    store_faulty_fail_all(x->faulty, false);
    scene_skip(x, REOPEN_MS);
    assert_int_equal(tell(x, add(box, 2, 1), NULL), ERR_OK);
}

/* --- not even readable --- */

static void a_slot_that_cannot_be_opened_lets_nobody_wait_for_ever(void **state)
{
    struct scene *x = *state;
    scene_end_life(x);
    scene_make_loops(x);
    scene_make_cluster(x);
    x->gate->broken = ERR_STORAGE;
    struct ask *change = ask(x, add(box, 1, 1)), *question = ask_on(x, 1, list_of(box));
    scene_skip(x, 3000);
    assert_false(change->done || question->done);
    struct ask *later = ask(x, add(box, 2, 1));
    scene_skip(x, 2500);
    assert_int_equal(ask_answer(x, change), ERR_UNAVAILABLE);
    assert_int_equal(ask_answer(x, question), ERR_UNAVAILABLE);
    assert_true(change->reply.fault.retry_ms > 0 && change->reply.fault.text[0]);
    x->gate->broken = ERR_OK;
    scene_skip(x, REOPEN_MS);
    assert_int_equal(ask_answer(x, later), ERR_OK);
    assert_int_equal(count_of(x, box), 1);
}

static void a_slot_that_fails_while_nothing_can_be_read(void **state)
{
    struct scene *x = *state;
    assert_int_equal(tell(x, add(box, 1, 1), NULL), ERR_OK);
    store_faulty_fail_nth(x->faulty, 1);
    x->gate->broken = ERR_STORAGE;
    assert_int_equal(tell(x, add(box, 2, 1), NULL), ERR_STORAGE);
    assert_int_equal(stats_of(x).slots_open, CLUSTER_SLOTS - 1);
    scene_skip(x, 3 * REOPEN_MS);
    x->gate->broken = ERR_OK;
    scene_skip(x, REOPEN_MS);
    assert_int_equal(stats_of(x).slots_open, CLUSTER_SLOTS);
    assert_int_equal(count_of(x, box), 1);
}

/* It was readable; then not even that, for a while. */
static void a_readable_slot_stays_so(void **state)
{
    struct scene *x = *state;
    assert_int_equal(tell(x, add(box, 1, 7), NULL), ERR_OK);
    store_faulty_fail_all(x->faulty, true);
    assert_int_equal(tell(x, add(box, 2, 1), NULL), ERR_STORAGE);
    x->gate->broken = ERR_STORAGE;
    scene_skip(x, 2 * REOPEN_MS);
    assert_int_equal(tell(x, list_of(box), NULL), ERR_STORAGE); /* the read's own error, at once */
    assert_int_equal(stats_of(x).slots_open, CLUSTER_SLOTS);
    x->gate->broken = ERR_OK;
    store_faulty_fail_all(x->faulty, false);
    scene_skip(x, 2 * REOPEN_MS);
    assert_int_equal(tell(x, add(box, 3, 1), NULL), ERR_OK);
    assert_int_equal(stats_of(x).slots_open, CLUSTER_SLOTS);
}

/* --- another writer --- */

static bool other_is_done;
static void other_done(struct store_batch *b)
{
    assert_int_equal(b->err, ERR_OK);
    other_is_done = true;
}

/* Somebody else holds the slot for a moment, and puts a thing into the box. */
static void write_as_another(struct scene *x, struct str key, int64_t id, int64_t value)
{
    struct store_slot at;
    struct change c = {.row = thing_row(key, id, value)};
    assert_int_equal(store_stands(x->inside, cluster_slot_of(key), &at), ERR_OK);
    struct store_batch b = {.loop = x->loop[0],
                            .slot = cluster_slot_of(key),
                            .epoch = at.epoch + 1,
                            .predecessor = at.position,
                            .position = at.position + 5,
                            .change = &c,
                            .count = 1,
                            .done = other_done};
    other_is_done = false;
    store_apply(x->inside, &b);
    scene_settle(x);
    assert_true(other_is_done);
}

static void another_writer_is_noticed(void **state)
{
    struct scene *x = *state;
    struct reply reply;
    assert_int_equal(tell(x, add(box, 1, 1), NULL), ERR_OK);
    write_as_another(x, box, 2, 10);
    assert_int_equal(tell(x, add(box, 3, 100), &reply), ERR_UNAVAILABLE);
    assert_true(reply.fault.retry_ms > 0);
    assert_int_equal(tell(x, add(box, 3, 100), &reply), ERR_OK);
    assert_int_equal(reply.num[1], 111);
    assert_int_equal(slot_of(x, box)->epoch, 3);
    assert_int_equal(sum_of(x, box), 111);
}

/* While the slot could only be read: what it has in memory is of an older time. */
static void another_writer_is_noticed_by_a_slot_that_could_only_be_read(void **state)
{
    struct scene *x = *state;
    struct reply reply;
    assert_int_equal(tell(x, add(box, 1, 1), NULL), ERR_OK);
    store_faulty_fail_all(x->faulty, true);
    assert_int_equal(tell(x, add(box, 2, 1), NULL), ERR_STORAGE);
    assert_int_equal(tell(x, add(box, 2, 1), NULL), ERR_STORAGE); /* has loaded the box again */
    write_as_another(x, box, 2, 10);
    store_faulty_fail_all(x->faulty, false);
    scene_skip(x, 2 * REOPEN_MS);
    assert_int_equal(tell(x, add(box, 3, 100), &reply), ERR_OK);
    assert_int_equal(reply.num[1], 111);
}

/* The store takes writes again; the slot, which could only be read, tries to write its mark, and that waits at the gate. */
static void writes_its_mark_again(struct scene *x)
{
    store_faulty_fail_all(x->faulty, true);
    assert_int_equal(tell(x, add(box, 2, 1), NULL), ERR_STORAGE);
    store_faulty_fail_all(x->faulty, false);
    x->gate->hold = true;
    scene_skip(x, REOPEN_MS);
}

/* The store has the mark, and shows it to whoever reads, a moment before its answer is here. */
static void its_own_mark_is_nobody_elses(void **state)
{
    struct scene *x = *state;
    assert_int_equal(tell(x, add(box, 1, 7), NULL), ERR_OK);
    writes_its_mark_again(x);
    uint64_t failed = stats_of(x).failed_records;
    unsigned generation = slot_of(x, box)->generation;
    struct store_batch *mark = gate_let_in(x->gate, 30);
    assert_non_null(mark);
    assert_int_equal(sum_of(x, box), 7);
    assert_int_equal(tell(x, list_of(box), NULL), ERR_OK);
    gate_say(mark, ERR_OK);
    gate_open(x->gate);
    scene_settle(x);
    assert_int_equal(tell(x, add(box, 3, 1), NULL), ERR_OK);
    assert_int_equal(sum_of(x, box), 8);
    assert_int_equal(slot_of(x, box)->generation, generation);
    assert_int_equal(stats_of(x).failed_records, failed);
}

static void another_writer_is_noticed_by_a_read_beside_the_mark(void **state)
{
    struct scene *x = *state;
    assert_int_equal(tell(x, add(box, 1, 7), NULL), ERR_OK);
    writes_its_mark_again(x);
    write_as_another(x, box, 2, 10); /* further than the mark */
    assert_int_equal(tell(x, list_of(box), NULL), ERR_UNAVAILABLE);
    gate_open(x->gate);
    assert_int_equal(sum_of(x, box), 17);
}

/* And at once, when nobody reads. */
static void another_writer_is_noticed_by_the_mark(void **state)
{
    struct scene *x = *state;
    struct reply reply;
    assert_int_equal(tell(x, add(box, 1, 1), NULL), ERR_OK);
    writes_its_mark_again(x);
    write_as_another(x, box, 2, 10);
    gate_open(x->gate);
    scene_settle(x);
    assert_int_equal(tell(x, add(box, 3, 100), &reply), ERR_OK);
    assert_int_equal(reply.num[1], 111);
}

/* --- too much to write --- */

static void a_slot_with_too_much_to_write_refuses(void **state)
{
    struct scene *x = *state;
    struct reply reply;
    x->cluster->config.backlog_bytes = 2000;
    x->gate->hold = true;
    unsigned taken = 0;
    struct ask *a;
    while (a = ask(x, add(box, taken, 1)), scene_settle(x), !a->done) {
        taken++;
        assert_true(taken < 1000);
    }
    assert_true(taken > 3);
    assert_int_equal(a->reply.err, ERR_UNAVAILABLE);
    assert_true(a->reply.fault.retry_ms > 0);
    assert_non_null(strstr(a->reply.fault.text, "write"));
    struct ask *letter = ask(x, move(box, other, 7777, 1)), *elsewhere = ask(x, add(other, 1, 1));
    scene_settle(x);
    assert_int_equal(letter->reply.err, ERR_UNAVAILABLE);
    assert_false(elsewhere->done); /* taken, and on its way */
    assert_int_equal(tell(x, list_of(same), NULL), ERR_OK);
    /* What is refused costs no memory, however often it is tried. */
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(tell(x, add(box, 7777, 1), NULL), ERR_UNAVAILABLE);
    assert_null(slot_of(x, box)->open);
    gate_open(x->gate);
    scene_settle(x);
    assert_int_equal(tell(x, add(box, 5000, 1), &reply), ERR_OK);
    assert_int_equal(reply.num[1], taken + 1);
    assert_int_equal(slot_of(x, box)->in_flight_bytes, 0);
}

/* --- on threads of their own --- */

enum { BOXES = 40, WORKERS = 8, ROUNDS = 150 };

struct worker {
    struct task task;
    struct scene *scene;
    unsigned number;
    unsigned *added; /* per box, counted by its worker alone */
    atomic_uint *running;
};

/* Adds to boxes of all slots, moves between them, asks, and takes refusals as they come. */
static void work(void *arg)
{
    struct worker *w = arg;
    struct cluster *c = w->scene->cluster;
    uint64_t chance = w->number + 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct arena a;
        struct reply reply = {0};
        arena_init(&a);
        chance = chance * 6364136223846793005u + 1442695040888963407u;
        unsigned n = (unsigned)(chance >> 33) % BOXES, m = (unsigned)(chance >> 40) % BOXES;
        struct str key = arena_printf(&a, "t%u", n), to = arena_printf(&a, "to %u of %u", m, w->number);
        int64_t id = w->number * 10000 + i;
        struct command cmd = i % 4 == 0   ? list_of(key)
                             : i % 4 == 1 ? move(arena_printf(&a, "from %u of %u", n, w->number), to, id, 1)
                                          : add(key, id, 1);
        if (i % 10 == 9) cmd.type = BOX_FOLLOW, cmd.num[0] = loop_index(loop_current());
        enum err e = cluster_call(c, &cmd, &a, &reply);
        assert_true(e == ERR_OK || e == ERR_STORAGE || e == ERR_UNAVAILABLE);
        if (e == ERR_OK && cmd.type == BOX_ADD) w->added[n]++;
        if (i % 7 == 0) cluster_unfollow(c, key, loop_index(loop_current()));
        if (i % 11 == 0) cluster_cast(c, &(struct command){.type = BOX_LIST, .key = key});
        if (e != ERR_OK) fiber_sleep_ms(2);
        arena_release(&a);
    }
    atomic_fetch_sub(w->running, 1);
}

static void start_work(struct task *t)
{
    fiber_spawn(work, list_item(t, struct worker, task));
}

static void count_items(void *engine, struct loop *gateway, const struct delivery *d)
{
    (void)engine, (void)gateway;
    for (size_t i = 0; i < d->count; i++)
        item_unref(item_ref(d->item[i]));
}

static void *run_loop(void *l)
{
    loop_run(l);
    return NULL;
}

static void loops_on_threads(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    pthread_t thread[SCENE_LOOPS];
    struct worker w[WORKERS];
    static unsigned added[WORKERS][BOXES];
    atomic_uint running = WORKERS;
    s->cluster->config.delivered = count_items;
    atomic_store(&time_is_real, true);
    for (unsigned i = 0; i < WORKERS; i++) {
        w[i] = (struct worker){.task.run = start_work, .scene = s, .number = i, .added = added[i], .running = &running};
        loop_post(s->loop[i % SCENE_LOOPS], &w[i].task);
    }
    for (unsigned i = 0; i < SCENE_LOOPS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, run_loop, s->loop[i]), 0);
    while (atomic_load(&running)) {
        store_faulty_fail_nth(s->faulty, 20);
        assert_true(stats_of(s).slots_open <= CLUSTER_SLOTS);
        usleep(2000);
    }
    for (unsigned i = 0; i < SCENE_LOOPS; i++)
        loop_stop(s->loop[i]);
    for (unsigned i = 0; i < SCENE_LOOPS; i++)
        pthread_join(thread[i], NULL);
    atomic_store(&time_is_real, false);
    store_faulty_fail_nth(s->faulty, 0);
    scene_skip(s, 2 * LETTER_PATIENCE_MS);
    for (unsigned n = 0; n < BOXES; n++) {
        unsigned sum = 0;
        for (unsigned i = 0; i < WORKERS; i++)
            sum += added[i][n];
        assert_int_equal(count_of(s, arena_printf(&x->arena, "t%u", n)), sum);
    }
}

/* --- what is known of that which is not in memory --- */

static enum err ask_whether_unchanged(struct turn *t)
{
    const struct command *c = turn_command(t);
    turn_reply(t)->num[0] = turn_is_unchanged(t, turn_other(t, TOY_BOX, c->s[0]), c->num[0]);
    return ERR_OK;
}

/* num[0]: is it in memory? */
static enum err change_another(struct turn *t)
{
    const struct entity *e = turn_changes(t, TOY_BOX, turn_command(t)->s[0], turn_position(t));
    assert_int_equal(e != NULL, turn_command(t)->num[0]);
    return ERR_OK;
}

static bool is_unchanged(struct scene *x, struct str key, int64_t since)
{
    struct command c = run_shared(same, ask_whether_unchanged);
    struct reply reply;
    c.s[0] = key;
    c.num[0] = since;
    assert_int_equal(tell(x, c, &reply), ERR_OK);
    return reply.num[0];
}

/* Adds something; returns the position. */
static int64_t change(struct scene *x, struct str key)
{
    static int64_t id;
    assert_int_equal(tell(x, add(key, ++id, 1), NULL), ERR_OK);
    scene_settle(x);
    return slot_of(x, key)->durable;
}

static void a_box_is_unchanged_while_nobody_changes_it(void **state)
{
    (void)state;
    static const struct entity_kind kinds[] = {{.name = "box", .warm_max = 3, .free_state = mem_free}};
    struct scene s, *x = &s;
    struct toy toy = {0};
    struct arena a;
    struct str key[6];
    arena_init(&a);
    for (unsigned i = 0; i < 6; i++)
        key[i] = key_in_slot(&a, 30, 10 + i);
    same = key_in_slot(&a, 30, 1);
    scene_init(x, 1, toy_commands, TOY_COMMANDS, kinds, 1);
    x->own = &toy;
    scene_settle(x);
    int64_t begin = slot_of(x, same)->durable - 1; /* the mark changes nothing */
    assert_true(is_unchanged(x, key[5], begin));   /* of which nothing was ever in memory */
    assert_false(is_unchanged(x, key[5], begin - 1));
    int64_t first = change(x, key[0]);
    assert_true(is_unchanged(x, key[0], first) && !is_unchanged(x, key[0], first - 1));
    assert_true(is_unchanged(x, key[5], begin));
    for (unsigned i = 0; i < 20; i++)
        change(x, key[2 + i % 3]);
    assert_null(map_get(&slot_of(x, same)->table[TOY_BOX].map, key[0]));
    assert_false(is_unchanged(x, key[0], first - 1)); /* nobody remembers when it was */
    assert_false(is_unchanged(x, key[5], begin));     /* and so nobody knows this */
    assert_true(is_unchanged(x, key[0], slot_of(x, same)->durable));
    int64_t end = slot_of(x, same)->durable;
    store_faulty_fail_nth(x->faulty, 1);
    assert_int_equal(tell(x, add(key[0], 1000, 1), NULL), ERR_STORAGE); /* the slot is opened anew */
    scene_skip(x, 2 * REOPEN_MS);
    assert_true(slot_of(x, same)->durable > end);
    for (unsigned i = 0; i < 6; i++)
        assert_true(is_unchanged(x, key[i], end) && !is_unchanged(x, key[i], end - 1));
    struct command c = run(same, change_another);
    c.s[0] = key_in_slot(&a, 30, 20);
    assert_int_equal(tell(x, c, NULL), ERR_OK);
    scene_settle(x);
    assert_false(is_unchanged(x, c.s[0], end));
    assert_true(is_unchanged(x, c.s[0], slot_of(x, same)->durable));
    end = change(x, key[0]);
    c.s[0] = key[0];
    c.num[0] = true;
    assert_int_equal(tell(x, c, NULL), ERR_OK);
    scene_settle(x);
    assert_false(is_unchanged(x, key[0], end));
    assert_true(is_unchanged(x, key[0], slot_of(x, same)->durable));
    scene_release(x);
    arena_release(&a);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, toy_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(each_life_opens_a_new_epoch),
        cmocka_unit_test(a_store_that_cannot_be_written_has_no_history),
        test(a_slot_whose_record_was_refused_is_undone),
        test(who_waits_for_a_box_of_an_undone_slot_gets_the_new_one),
        test(it_may_fail_again_and_again),
        test(a_slot_that_cannot_be_written_can_be_read),
        test(a_store_that_is_full_when_the_process_starts),
        test(a_slot_that_cannot_be_opened_lets_nobody_wait_for_ever),
        test(a_slot_that_fails_while_nothing_can_be_read),
        test(a_readable_slot_stays_so),
        test(another_writer_is_noticed),
        test(another_writer_is_noticed_by_a_slot_that_could_only_be_read),
        test(its_own_mark_is_nobody_elses),
        test(another_writer_is_noticed_by_a_read_beside_the_mark),
        test(another_writer_is_noticed_by_the_mark),
        test(a_slot_with_too_much_to_write_refuses),
        test(loops_on_threads),
        cmocka_unit_test(a_box_is_unchanged_while_nobody_changes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
