/* Turns: one at a time per entity, whole or not at all, and nothing told before it is durable. */
#include "unit/cluster/toy.h"

/* --- locks --- */

/* Who is at work, in order: a small letter when a turn begins, a capital when it ends. */
static char diary[64];

static void note(struct turn *t, bool end)
{
    size_t n = strlen(diary);
    assert_true(n + 1 < sizeof diary);
    char name = (char)turn_command(t)->num[0];
    diary[n] = end ? (char)(name - 'a' + 'A') : name;
    diary[n + 1] = 0;
}

static enum err stay(struct turn *t)
{
    note(t, false);
    fiber_sleep_ms(turn_command(t)->num[1]);
    note(t, true);
    return ERR_OK;
}

static struct command stay_in(struct str box, char name, int64_t ms, bool shared)
{
    struct command c = shared ? run_shared(box, stay) : run(box, stay);
    c.num[0] = name;
    c.num[1] = ms;
    return c;
}

static void changes_of_one_box_do_not_interleave(void **state)
{
    struct scene *x = *state;
    diary[0] = 0;
    ask_on(x, 0, stay_in(STR("box"), 'a', 20, false));
    ask_on(x, 1, stay_in(STR("box"), 'b', 10, false));
    ask_on(x, 2, stay_in(STR("box"), 'c', 0, false));
    ask_on(x, 0, stay_in(STR("box"), 'd', 0, false));
    scene_skip(x, 1000);
    assert_true(asks_are_done(x));
    assert_int_equal(strlen(diary), 8);
    for (unsigned i = 0; i < 8; i += 2)
        assert_int_equal(diary[i] - 'a', diary[i + 1] - 'A');
    assert_int_equal(diary[0], 'a'); /* first come, first served */
    assert_true(strchr(diary, 'a') < strchr(diary, 'd'));
}

static void changes_of_two_boxes_do(void **state)
{
    struct toy_scene *x = *state;
    struct str one = key_in_slot(&x->arena, 5, 0), two = key_in_slot(&x->arena, 5, 1);
    diary[0] = 0;
    ask(&x->scene, stay_in(one, 'a', 20, false));
    ask(&x->scene, stay_in(two, 'b', 10, false));
    scene_skip(&x->scene, 1000);
    assert_string_equal(diary, "abBA");
}

static void questions_do_not_wait_for_the_lock(void **state)
{
    struct scene *x = *state;
    diary[0] = 0;
    ask(x, stay_in(STR("box"), 'a', 300, false));
    ask(x, stay_in(STR("box"), 'q', 100, true));
    ask(x, stay_in(STR("box"), 'r', 200, true));
    scene_skip(x, 1000);
    assert_string_equal(diary, "aqrQRA");
}

static void a_turn_that_fails_gives_the_lock_back(void **state)
{
    struct scene *x = *state;
    assert_int_equal(tell(x, add_badly(STR("box"), 1, TOY_REFUSED_FIRST), NULL), ERR_FORBIDDEN);
    assert_int_equal(tell(x, add_badly(STR("box"), 1, TOY_REFUSED_LAST), NULL), ERR_FORBIDDEN);
    assert_int_equal(tell(x, add(STR("box"), 1, 5), NULL), ERR_OK);
}

/* --- whole or not at all --- */

static const int64_t ways_to_fail[] = {TOY_REFUSED_FIRST, TOY_REFUSED_LAST, TOY_TOO_LARGE};
enum { WAYS = sizeof ways_to_fail / sizeof *ways_to_fail };

static enum err error_of(int64_t way)
{
    return way == TOY_TOO_LARGE ? ERR_TOO_LARGE : ERR_FORBIDDEN;
}

static struct slot *slot_of(struct scene *x, struct str key)
{
    return &x->cluster->slot[cluster_slot_of(key)];
}

static size_t batches_held(const struct scene *x)
{
    size_t n = 0;
    list_each(it, &x->gate->batches) n++;
    return n;
}

static void check_only(struct scene *x, struct str box, int64_t count, int64_t sum)
{
    struct reply reply;
    for (unsigned round = 0; round < 2; round++) { /* from memory, and from what the store has */
        assert_int_equal(tell(x, list_of(box), &reply), ERR_OK);
        assert_int_equal(reply.num[0], count);
        assert_int_equal(reply.num[1], sum);
        if (round == 0) scene_crash(x);
        scene_settle(x);
    }
}

static void a_turn_that_fails_leaves_nothing(void **state)
{
    struct scene *x = *state;
    struct reply reply;
    struct str box = STR("box"), other = STR("other");
    assert_int_equal(tell(x, (struct command){.type = BOX_FOLLOW, .key = box, .num = {0}}, NULL), ERR_OK);
    assert_int_equal(tell(x, add(box, 1, 5), NULL), ERR_OK);
    int64_t position = slot_of(x, box)->position;
    uint64_t applied = x->gate->applied;
    for (unsigned i = 0; i < WAYS; i++) {
        struct command letter = move(box, other, 2, 9);
        letter.num[2] = ways_to_fail[i];
        assert_int_equal(tell(x, add_badly(box, 2, ways_to_fail[i]), &reply), error_of(ways_to_fail[i]));
        assert_true(reply.fault.text[0] != 0);
        if (ways_to_fail[i] != TOY_REFUSED_FIRST) assert_int_equal(tell(x, letter, NULL), error_of(ways_to_fail[i]));
    }
    assert_int_equal(slot_of(x, box)->position, position);
    assert_int_equal(x->gate->applied, applied); /* nothing was written */
    assert_int_equal(x->gots, 1);                /* nor told */
    assert_int_equal(tell(x, add(box, 3, 7), &reply), ERR_OK);
    assert_int_equal(reply.num[1], 12); /* nor remembered */
    assert_int_equal(x->gots, 2);
    assert_int_equal(x->got[1].id, 3);
    assert_int_equal(count_of(x, other), 0);
    check_only(x, box, 2, 12);
}

static void the_sentence_names_what_is_too_large(void **state)
{
    struct scene *x = *state;
    struct reply reply;
    assert_int_equal(tell(x, add_badly(STR("box"), 1, TOY_TOO_LARGE), &reply), ERR_TOO_LARGE);
    assert_non_null(strstr(reply.fault.text, "profile"));
    assert_int_equal(reply.fault.code, ERR_TOO_LARGE);
}

/* All turns of a tick share a record; one of them fails, first, in the middle or last. */
static void a_turn_that_fails_takes_no_other_with_it(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct ask *a[3];
    for (unsigned way = 0; way < WAYS; way++)
        for (unsigned bad = 0; bad < 3; bad++) {
            struct str box = arena_printf(&x->arena, "box %u %u", way, bad);
            assert_int_equal(tell(s, (struct command){.type = BOX_FOLLOW, .key = box, .num = {1}}, NULL), ERR_OK);
            s->gots = 0;
            s->gate->hold = true;
            for (unsigned i = 0; i < 3; i++)
                a[i] = ask(s, i == bad ? add_badly(box, i, ways_to_fail[way]) : add(box, i, 10 + i));
            scene_settle(s);
            assert_int_equal(batches_held(s), 1);
            gate_open(s->gate);
            for (unsigned i = 0; i < 3; i++)
                assert_int_equal(ask_answer(s, a[i]), i == bad ? error_of(ways_to_fail[way]) : ERR_OK);
            assert_int_equal(s->gots, 2);
            assert_true(s->got[0].id != bad && s->got[1].id != bad && s->got[0].id < s->got[1].id);
            assert_true(s->got[0].position < s->got[1].position);
            check_only(s, box, 2, 33 - 10 - bad);
        }
}

/* The same in different boxes of a slot. */
static void boxes_of_a_slot_share_a_record(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct ask *a[4];
    for (unsigned way = 0; way < WAYS; way++) {
        s->gate->hold = true;
        for (unsigned i = 0; i < 4; i++) {
            struct str box = key_in_slot(&x->arena, 9, way * 4 + i);
            a[i] = ask(s, i == 2 ? add_badly(box, 7, ways_to_fail[way]) : add(box, 7, 1));
        }
        scene_settle(s);
        assert_int_equal(batches_held(s), 1);
        gate_open(s->gate);
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(ask_answer(s, a[i]), i == 2 ? error_of(ways_to_fail[way]) : ERR_OK);
            check_only(s, key_in_slot(&x->arena, 9, way * 4 + i), i != 2, i != 2);
        }
    }
}

/* A turn that waits for something else than a read does not see at once that its slot was undone. */
static void a_turn_of_an_undone_slot_writes_nothing(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct str box = key_in_slot(&x->arena, 3, 0), other = key_in_slot(&x->arena, 3, 1);
    assert_int_equal(tell(s, (struct command){.type = BOX_FOLLOW, .key = box, .num = {0}}, NULL), ERR_OK);
    struct command late = add(box, 1, 100);
    late.num[3] = 50;
    struct ask *a = ask(s, late);
    scene_settle(s);
    store_faulty_fail_nth(s->faulty, 1);
    assert_int_equal(tell(s, add(other, 2, 1), NULL), ERR_STORAGE);
    scene_skip(s, 100);
    assert_true(a->done);
    assert_int_equal(a->reply.err, ERR_UNAVAILABLE);
    assert_int_equal(tell(s, add(other, 3, 1), NULL), ERR_OK);
    assert_int_equal(s->gots, 0);
    check_only(s, box, 0, 0);
    check_only(s, other, 1, 1);
}

static void nor_while_it_is_closed(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct str box = key_in_slot(&x->arena, 3, 0), other = key_in_slot(&x->arena, 3, 1);
    struct command late = add(box, 1, 100);
    late.num[3] = 50;
    struct ask *a = ask(s, late);
    scene_settle(s);
    store_faulty_fail_nth(s->faulty, 1);
    s->gate->hold = true;
    struct ask *b = ask(s, add(other, 2, 1));
    scene_settle(s);
    gate_let_batch(s->gate, 3);
    scene_settle(s); /* the slot's mark is on its way now */
    assert_int_equal(ask_answer(s, b), ERR_STORAGE);
    scene_skip(s, 100);
    gate_open(s->gate);
    assert_int_equal(ask_answer(s, a), ERR_UNAVAILABLE);
    assert_int_equal(tell(s, add(other, 3, 1), NULL), ERR_OK);
    check_only(s, box, 0, 0);
    check_only(s, other, 1, 1);
}

static int64_t seen;
static enum err look_after_a_while(struct turn *t)
{
    struct box *b;
    enum err e = box_load(t, &b);
    if (e != ERR_OK) return e;
    seen = b->total;
    fiber_sleep_ms(50);
    return turn_command(t)->num[0] ? ERR_NOT_FOUND : ERR_OK;
}

/* What a turn has seen of a slot that was undone since is not told, whether it is an answer or a reason to refuse. */
static void nothing_is_told_of_an_undone_slot(void **state)
{
    struct scene *x = *state;
    assert_int_equal(tell(x, add(STR("box"), 1, 1), NULL), ERR_OK);
    for (unsigned shared = 0; shared < 2; shared++)
        for (unsigned refuse = 0; refuse < 2; refuse++) {
            store_faulty_fail_nth(x->faulty, 1);
            x->gate->hold = true;
            ask(x, add(STR("box"), 2, 100));
            scene_settle(x);
            struct command c = shared ? run_shared(STR("box"), look_after_a_while) : run(STR("box"), look_after_a_while);
            c.num[0] = refuse;
            struct ask *a = ask(x, c);
            scene_settle(x);
            assert_int_equal(seen, 101);
            gate_open(x->gate);
            scene_settle(x);
            scene_skip(x, 100);
            assert_int_equal(ask_answer(x, a), ERR_UNAVAILABLE);
            assert_int_equal(count_of(x, STR("box")), 1);
        }
}

/* --- what is not durable is not told --- */

static void an_answer_waits_until_it_is_durable(void **state)
{
    struct scene *x = *state;
    x->gate->hold = true;
    struct ask *first = ask(x, add(STR("box"), 1, 1));
    scene_settle(x);
    struct ask *second = ask(x, add(STR("box"), 2, 1));
    scene_skip(x, 60000);
    assert_false(first->done || second->done);
    assert_true(gate_let_batch(x->gate, STORE_SLOTS));
    scene_settle(x);
    assert_true(first->done && !second->done);
    assert_true(gate_let_batch(x->gate, STORE_SLOTS));
    assert_int_equal(ask_answer(x, second), ERR_OK);
}

static enum err look_at_total(struct turn *t)
{
    struct box *b;
    enum err e = box_load(t, &b);
    if (e != ERR_OK) return e;
    turn_reply(t)->num[0] = seen = b->total;
    return turn_command(t)->num[0] ? fault_set(turn_fault(t), ERR_FORBIDDEN, "No.") : ERR_OK;
}

/* A question sees at once what was written, and its answer, also a refusal, waits for it. */
static void a_question_waits_for_what_it_has_seen(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct str box = key_in_slot(&x->arena, 7, 0), same = key_in_slot(&x->arena, 7, 1), far = key_in_slot(&x->arena, 8, 0);
    s->gate->hold = true;
    ask(s, add(box, 1, 42));
    scene_settle(s);
    struct command refused = run(box, look_at_total);
    refused.num[0] = 1;
    struct ask *by_memory = ask(s, run(box, look_at_total)), *no = ask(s, refused), *by_rows = ask(s, list_of(box));
    struct ask *unrelated = ask(s, list_of(same)), *elsewhere = ask(s, list_of(far));
    scene_settle(s);
    assert_int_equal(seen, 42);
    assert_false(by_memory->done || no->done || by_rows->done);
    assert_true(unrelated->done && elsewhere->done);
    gate_open(s->gate);
    assert_int_equal(ask_answer(s, by_memory), ERR_OK);
    assert_int_equal(ask_answer(s, no), ERR_FORBIDDEN);
    assert_int_equal(by_rows->reply.num[1], 42);
}

static enum err read_anothers_rows(struct turn *t)
{
    struct store_read r = things_read(turn_command(t)->s[0]);
    enum err e = turn_range(t, &r);
    turn_reply(t)->num[0] = (int64_t)r.count;
    return e;
}

/* The rows are another's, and a deletion is seen too. */
static void a_question_waits_for_rows_that_it_has_read(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct command c = run_shared(key_in_slot(&x->arena, 7, 1), read_anothers_rows);
    c.s[0] = key_in_slot(&x->arena, 7, 0);
    for (int64_t n = 1; n >= 0; n--) {
        s->gate->hold = true;
        struct ask *change = ask(s, n ? add(c.s[0], 1, 1) : del(c.s[0], 1));
        scene_settle(s);
        struct ask *question = ask(s, c);
        scene_settle(s);
        assert_false(question->done);
        gate_open(s->gate);
        assert_int_equal(ask_answer(s, question), ERR_OK);
        assert_int_equal(question->reply.num[0], n);
        assert_int_equal(change->reply.err, ERR_OK);
    }
}

static enum err read_then_look(struct turn *t)
{
    int64_t ignored;
    enum err e = number_get(t, STR("none"), &ignored); /* waits */
    const struct box *b = turn_entity(t)->state;
    if (e == ERR_OK) turn_reply(t)->num[0] = b->total;
    return e;
}

/* A question takes no lock: while it waits, others change what it then looks at. */
static void a_question_waits_for_what_came_while_it_read(void **state)
{
    struct scene *x = *state;
    assert_int_equal(tell(x, add(STR("box"), 1, 1), NULL), ERR_OK);
    x->gate->hold_reads = GATE_READS_LATE;
    struct ask *question = ask(x, run_shared(STR("box"), read_then_look));
    scene_settle(x);
    x->gate->hold = true;
    ask(x, add(STR("box"), 2, 100));
    scene_settle(x);
    assert_true(gate_let_read(x->gate));
    scene_settle(x);
    assert_false(question->done);
    gate_open(x->gate);
    assert_int_equal(ask_answer(x, question), ERR_OK);
    assert_int_equal(question->reply.num[0], 101);
}

static void what_is_undone_was_told_to_nobody(void **state)
{
    struct scene *x = *state;
    assert_int_equal(tell(x, add(STR("box"), 1, 1), NULL), ERR_OK);
    assert_int_equal(tell(x, (struct command){.type = BOX_FOLLOW, .key = STR("box")}, NULL), ERR_OK);
    store_faulty_fail_nth(x->faulty, 1);
    x->gate->hold = true;
    struct ask *change = ask(x, add(STR("box"), 2, 42));
    scene_settle(x);
    struct ask *question = ask(x, list_of(STR("box")));
    scene_settle(x);
    gate_open(x->gate);
    assert_int_equal(ask_answer(x, change), ERR_STORAGE);
    assert_true(change->reply.fault.retry_ms > 0);
    assert_int_equal(ask_answer(x, question), ERR_STORAGE);
    assert_int_equal(x->gots, 0);
    check_only(x, STR("box"), 1, 1);
}

/* --- entities in memory --- */

static unsigned freed;
static void count_freed(void *p)
{
    freed++;
    mem_free(p);
}

/* Loads boxes of this slot; the last one stays under work for a while. */
static enum err use_another(struct turn *t)
{
    struct entity *e = turn_other(t, TOY_BOX, turn_command(t)->s[0]);
    if (!e->state) e->state = mem_zero(sizeof(struct box));
    assert_ptr_equal(turn_peek(t, TOY_BOX, e->key), e);
    assert_null(turn_peek(t, TOY_BOX, STR("nobody")));
    fiber_sleep_ms(50);
    assert_ptr_equal(turn_peek(t, TOY_BOX, e->key), e); /* still there */
    ((struct box *)e->state)->count = 1;
    return ERR_OK;
}

static void the_least_used_entities_go_cold(void **state)
{
    (void)state;
    static const struct entity_kind kinds[] = {{.name = "box", .warm_max = 3, .free_state = count_freed}};
    struct scene s, *x = &s;
    struct toy toy = {0};
    struct arena a;
    struct cluster_stats st;
    arena_init(&a);
    scene_init(x, 1, toy_commands, TOY_COMMANDS, kinds, 1);
    x->own = &toy;
    scene_settle(x);
    freed = 0;
    struct command use = run_shared(key_in_slot(&a, 4, 0), use_another);
    use.s[0] = key_in_slot(&a, 4, 1);
    ask(x, use);
    scene_settle(x);
    x->gate->hold = true;
    for (unsigned i = 2; i < 10; i++)
        ask(x, add(key_in_slot(&a, 4, i), 1, 1));
    scene_settle(x);
    assert_int_equal(freed, 0); /* in use, or not durable */
    gate_open(x->gate);
    scene_skip(x, 100);
    assert_true(asks_are_done(x));
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(count_of(x, key_in_slot(&a, 4, i)), i >= 2 && i < 10);
    cluster_stats(x->cluster, &st);
    assert_int_equal(st.warm, 3);
    assert_int_equal(freed, 9);
    /* Who is used again stays. */
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(tell(x, add(key_in_slot(&a, 4, 20 + i), 1, 1), NULL), ERR_OK);
    freed = 0;
    count_of(x, key_in_slot(&a, 4, 20));
    count_of(x, key_in_slot(&a, 4, 30));
    assert_int_equal(freed, 1);
    assert_non_null(map_get(&x->cluster->slot[4].table[TOY_BOX].map, key_in_slot(&a, 4, 20)));
    assert_null(map_get(&x->cluster->slot[4].table[TOY_BOX].map, key_in_slot(&a, 4, 21)));
    scene_release(x);
    arena_release(&a);
}

/* --- positions without rows --- */

static enum err only_a_position(struct turn *t)
{
    turn_reply(t)->num[0] = turn_position(t);
    return ERR_OK;
}

static void a_turn_may_take_a_position_and_nothing_else(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct str one = key_in_slot(&x->arena, 2, 0), two = key_in_slot(&x->arena, 2, 1);
    struct ask *a = ask(s, run(one, only_a_position)), *b = ask(s, add(two, 1, 1)), *c = ask(s, run(one, only_a_position));
    assert_int_equal(ask_answer(s, a), ERR_OK);
    assert_int_equal(ask_answer(s, b), ERR_OK);
    assert_int_equal(ask_answer(s, c), ERR_OK);
    assert_true(a->reply.num[0] < b->reply.num[0] && b->reply.num[0] < c->reply.num[0]);
    assert_int_equal(tell(s, run(one, only_a_position), NULL), ERR_OK);
    check_only(s, two, 1, 1);
}

/* --- several at once, and casts --- */

struct many {
    struct task task;
    struct scene *scene;
    enum err err[64];
    bool done;
};

static void ask_many(void *arg)
{
    struct many *m = arg;
    struct call call[64];
    struct call_group g = {0};
    char key[64][8];
    for (unsigned i = 0; i < 64; i++) {
        snprintf(key[i], sizeof key[i], "m%u", i);
        call[i].cmd = i % 3 ? add(str_c(key[i]), 1, i) : add_badly(str_c(key[i]), 1, TOY_REFUSED_LAST);
        cluster_call_start(m->scene->cluster, &call[i], &g);
    }
    cluster_call_wait(&g);
    for (unsigned i = 0; i < 64; i++) {
        m->err[i] = call[i].reply.err;
        call_release(&call[i]);
    }
    m->done = true;
}

static void start_many(struct task *t)
{
    fiber_spawn(ask_many, list_item(t, struct many, task));
}

static void several_calls_at_once(void **state)
{
    struct scene *x = *state;
    struct many m = {.task.run = start_many, .scene = x};
    loop_post(x->loop[1], &m.task);
    scene_settle(x);
    assert_true(m.done);
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(m.err[i], i % 3 ? ERR_OK : ERR_FORBIDDEN);
}

static enum err cast_an_add(struct turn *t)
{
    char text[] = "box";
    struct command c = add(str_c(text), turn_command(t)->num[0], 1);
    cluster_cast(((struct scene *)turn_engine(t))->cluster, &c);
    memset(text, 'x', sizeof text); /* the cast has its own copy */
    seen = turn_position(t);
    return ERR_OK;
}

static void a_cast_runs_before_what_comes_in_later(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct command near = run(key_in_slot(&x->arena, cluster_slot_of(STR("box")), 0), cast_an_add), far = near;
    near.num[0] = 1;
    assert_int_equal(tell(s, near, NULL), ERR_OK);
    assert_int_equal(count_of(s, STR("box")), 1);
    far.key = key_in_slot(&x->arena, (cluster_slot_of(STR("box")) + 1) % CLUSTER_SLOTS, 0);
    far.num[0] = 2;
    assert_int_equal(tell(s, far, NULL), ERR_OK);
    assert_int_equal(count_of(s, STR("box")), 2);
}

static void a_cast_that_fails_is_forgotten(void **state)
{
    struct scene *x = *state;
    struct command c = add_badly(STR("box"), 1, TOY_REFUSED_LAST);
    struct ask *first = ask(x, run(STR("other"), cast_an_add));
    assert_int_equal(ask_answer(x, first), ERR_OK);
    store_faulty_fail_all(x->faulty, true);
    assert_int_equal(tell(x, run(STR("box"), cast_an_add), NULL), ERR_STORAGE);
    store_faulty_fail_all(x->faulty, false);
    scene_skip(x, 2000);
    assert_int_equal(tell(x, c, NULL), ERR_FORBIDDEN);
    assert_int_equal(count_of(x, STR("box")), 1);
}

static enum err cast_too_much(struct turn *t)
{
    static char big[1100000];
    struct command c = {.type = BOX_LIST, .key = turn_entity(t)->key, .s = {str_make(big, sizeof big)}};
    cluster_cast(((struct scene *)turn_engine(t))->cluster, &c);
    return ERR_OK;
}

static void a_cast_that_is_too_large_is_lost(void **state)
{
    struct scene *x = *state;
    assert_int_equal(tell(x, run(STR("box"), cast_too_much), NULL), ERR_OK);
}

#define test(name) cmocka_unit_test_setup_teardown(name, toy_setup, toy_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(changes_of_one_box_do_not_interleave),
        test(changes_of_two_boxes_do),
        test(questions_do_not_wait_for_the_lock),
        test(a_turn_that_fails_gives_the_lock_back),
        test(a_turn_that_fails_leaves_nothing),
        test(the_sentence_names_what_is_too_large),
        test(a_turn_that_fails_takes_no_other_with_it),
        test(boxes_of_a_slot_share_a_record),
        test(a_turn_of_an_undone_slot_writes_nothing),
        test(nor_while_it_is_closed),
        test(nothing_is_told_of_an_undone_slot),
        test(an_answer_waits_until_it_is_durable),
        test(a_question_waits_for_what_it_has_seen),
        test(a_question_waits_for_rows_that_it_has_read),
        test(a_question_waits_for_what_came_while_it_read),
        test(what_is_undone_was_told_to_nobody),
        cmocka_unit_test(the_least_used_entities_go_cold),
        test(a_turn_may_take_a_position_and_nothing_else),
        test(several_calls_at_once),
        test(a_cast_runs_before_what_comes_in_later),
        test(a_cast_that_fails_is_forgotten),
        test(a_cast_that_is_too_large_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
