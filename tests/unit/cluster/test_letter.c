/* Letters: exactly once and in order, whatever happens to sender and receiver. The made-up engine counts each pair's letters in rows of both. */
#include "unit/cluster/toy.h"

static struct str from, to;

static int setup(void **state)
{
    int status = toy_setup(state);
    struct toy_scene *x = *state;
    from = key_in_slot(&x->arena, 10, 0); /* on one loop */
    to = key_in_slot(&x->arena, 20, 0);   /* on another */
    return status;
}

/* Rows of letters that are still open, in the store. */
static enum err count_letters(struct turn *t)
{
    struct store_read r = {.table = T_letter_out, .limit = 100000};
    enum err e = turn_range(t, &r);
    turn_reply(t)->num[0] = (int64_t)r.count;
    return e;
}

static int64_t letters_open(struct scene *x, struct str key)
{
    struct reply reply;
    assert_int_equal(tell(x, run_shared(key, count_letters), &reply), ERR_OK);
    return reply.num[0];
}

/* Things 1 to n have been moved, each once. */
static void check_moved(struct scene *x, int64_t n)
{
    for (unsigned life = 0; life < 2; life++) {
        assert_int_equal(count_of(x, from), n);
        assert_int_equal(count_of(x, to), n);
        assert_int_equal(sum_of(x, from), -n * (n + 1) / 2);
        assert_int_equal(sum_of(x, to), n * (n + 1) / 2);
        assert_int_equal(letters_open(x, from), 0);
        if (life == 0) scene_crash(x);
        scene_skip(x, LETTER_PATIENCE_MS); /* letters that were open are sent, and their rows go */
    }
}

/* --- the plain way --- */

static void a_letter_arrives(void **state)
{
    struct scene *x = *state;
    struct reply reply;
    assert_int_equal(tell(x, (struct command){.type = BOX_FOLLOW, .key = to, .num = {2}}, NULL), ERR_OK);
    assert_int_equal(tell(x, move(from, to, 1, 1), &reply), ERR_OK);
    assert_int_equal(reply.num[1], -1);
    assert_int_equal(x->gots, 1); /* before the answer */
    assert_int_equal(x->got[0].id, 1);
    check_moved(x, 1);
}

static void many_letters_arrive_in_order(void **state)
{
    struct scene *x = *state;
    for (int64_t i = 1; i <= 50; i++) {
        ask_on(x, (unsigned)i % SCENE_LOOPS, move(from, to, i, i));
        if (i % 7 == 0) scene_settle(x);
    }
    scene_settle(x);
    assert_true(asks_are_done(x));
    check_moved(x, 50);
}

static enum err send_three(struct turn *t)
{
    struct str to_key = turn_command(t)->s[0];
    for (int64_t i = 1; i <= 3; i++) {
        struct command take = {.type = BOX_TAKE, .key = to_key, .num = {i, i, TOY_GOOD, i}, .s = {turn_entity(t)->key}};
        struct row row = thing_row(turn_entity(t)->key, i, -i);
        turn_letter(t, &take, false);
        turn_put(t, &row);
    }
    return turn_ready(t);
}

static void several_letters_of_a_turn_keep_their_order(void **state)
{
    struct scene *x = *state;
    struct command c = run(from, send_three);
    c.s[0] = to;
    struct ask *a = ask(x, c);
    assert_int_equal(ask_answer(x, a), ERR_OK);
    check_moved(x, 3);
}

static void letters_to_the_own_slot(void **state)
{
    struct toy_scene *x = *state;
    to = key_in_slot(&x->arena, 10, 1);
    for (int64_t i = 1; i <= 5; i++)
        assert_int_equal(tell(&x->scene, move(from, to, i, i), NULL), ERR_OK);
    check_moved(&x->scene, 5);
}

static enum err send_to_oneself(struct turn *t)
{
    struct command take = {.type = BOX_TAKE, .key = turn_entity(t)->key, .num = {1, 7, TOY_GOOD, 1}, .s = {turn_entity(t)->key}};
    turn_letter(t, &take, false);
    return turn_ready(t);
}

static void a_letter_to_oneself(void **state)
{
    struct scene *x = *state;
    assert_int_equal(tell(x, run(from, send_to_oneself), NULL), ERR_OK);
    assert_int_equal(sum_of(x, from), 7);
    assert_int_equal(letters_open(x, from), 0);
}

static void slots_that_write_to_each_other(void **state)
{
    struct scene *x = *state;
    for (int64_t i = 1; i <= 20; i++) {
        ask(x, move(from, to, i, i));
        ask(x, move(to, from, 100 + i, i));
    }
    scene_settle(x);
    assert_true(asks_are_done(x));
    assert_int_equal(count_of(x, from), 40);
    assert_int_equal(count_of(x, to), 40);
    assert_int_equal(sum_of(x, from), 0);
}

/* --- who waits --- */

/* What was asked is durable at the sender; nothing else is written. */
static void let_sender_write(struct scene *x)
{
    x->gate->hold = true;
    scene_settle(x);
    assert_true(gate_let_batch(x->gate, cluster_slot_of(from)));
}

static void the_answer_waits_for_the_letter(void **state)
{
    struct scene *x = *state;
    struct ask *a = ask(x, move(from, to, 1, 1));
    let_sender_write(x);
    scene_settle(x);
    assert_false(a->done); /* durable at the sender, on its way at the receiver */
    scene_skip(x, LETTER_PATIENCE_MS - 500);
    assert_false(a->done);
    assert_true(gate_let_batch(x->gate, cluster_slot_of(to)));
    assert_int_equal(ask_answer(x, a), ERR_OK); /* the sender's row is still there, but that is nobody's business */
    gate_open(x->gate);
    scene_settle(x);
    check_moved(x, 1);
}

static void its_patience_ends(void **state)
{
    struct scene *x = *state;
    struct ask *a = ask(x, move(from, to, 1, 1));
    let_sender_write(x);
    scene_skip(x, LETTER_PATIENCE_MS - 100);
    assert_false(a->done);
    scene_skip(x, 200);
    assert_int_equal(ask_answer(x, a), ERR_OK); /* what is durable will arrive */
    ask_free(a);                                /* its call is gone when the letter is acknowledged */
    gate_open(x->gate);
    scene_settle(x);
    check_moved(x, 1);
}

static void nobody_waits_for_letters_apart(void **state)
{
    struct scene *x = *state;
    struct command c = move(from, to, 1, 1);
    c.num[4] = 1;
    struct ask *a = ask(x, c);
    let_sender_write(x);
    assert_int_equal(ask_answer(x, a), ERR_OK);
    gate_open(x->gate);
    scene_settle(x);
    check_moved(x, 1);
}

/* Its slot is undone while it waits for what another slot does: its own record was durable. */
static void who_waits_is_answered_when_its_slot_is_opened_anew(void **state)
{
    struct scene *x = *state;
    struct ask *a = ask(x, move(from, to, 1, 1));
    let_sender_write(x);
    scene_settle(x);
    struct ask *bad = ask(x, add(from, 7, 1));
    scene_settle(x);
    assert_false(a->done);
    store_faulty_fail_nth(x->faulty, 1);
    assert_true(gate_let_batch(x->gate, cluster_slot_of(from)));
    scene_settle(x);
    assert_int_equal(bad->reply.err, ERR_STORAGE);
    assert_true(gate_let_batch(x->gate, cluster_slot_of(from))); /* the mark */
    assert_int_equal(ask_answer(x, a), ERR_OK);
    gate_open(x->gate);
    scene_settle(x);
    check_moved(x, 1);
}

/* --- the store refuses --- */

static void what_the_sender_could_not_store_is_not_sent(void **state)
{
    struct scene *x = *state;
    store_faulty_fail_nth(x->faulty, 1);
    assert_int_equal(tell(x, move(from, to, 1, 1), NULL), ERR_STORAGE);
    scene_skip(x, 10000);
    assert_int_equal(count_of(x, from), 0);
    assert_int_equal(count_of(x, to), 0);
    assert_int_equal(tell(x, move(from, to, 1, 1), NULL), ERR_OK);
    check_moved(x, 1);
}

/* The second apply is the receiver's, the third takes the letter's row away. */
static void what_the_receiver_could_not_store_comes_again(void **state)
{
    struct scene *x = *state;
    for (int64_t nth = 2; nth <= 3; nth++) {
        store_faulty_fail_nth(x->faulty, (uint64_t)nth);
        assert_int_equal(tell(x, move(from, to, nth - 1, nth - 1), NULL), ERR_OK);
        scene_skip(x, 3000);
    }
    assert_int_equal(tell(x, move(from, to, 3, 3), NULL), ERR_OK);
    check_moved(x, 3);
}

/* Every apply in turn fails, with letters in every stage of their way. */
static void any_apply_may_fail(void **state)
{
    struct scene *x = *state;
    int64_t n = 0;
    for (uint64_t nth = 1; nth <= 12; nth++) {
        store_faulty_fail_nth(x->faulty, nth);
        for (unsigned i = 0; i < 4; i++) {
            n++;
            struct ask *a;
            while ((a = ask(x, move(from, to, n, n)), scene_skip(x, 1500), ask_answer(x, a)) != ERR_OK)
                assert_int_equal(a->reply.err, ERR_STORAGE);
        }
    }
    check_moved(x, n);
}

/* Both records of the receiver are undone, while the second letter waits for the lock of its box: it may not be applied before the first has
 * come again. */
static void a_letter_does_not_overtake_one_that_was_undone(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct str slow = key_in_slot(&x->arena, 20, 1), source = key_in_slot(&x->arena, 10, 1);
    struct command busy = add(slow, 99, 1);
    busy.num[3] = 3000;
    struct ask *b = ask(s, busy); /* holds its lock for a while */
    scene_settle(s);
    s->gate->hold = true;
    struct ask *first = ask(s, move(from, to, 1, 1)), *second = ask(s, move(source, slow, 1, 1));
    scene_settle(s);
    assert_true(gate_let_batch(s->gate, 10)); /* both letters are sent; the first is applied, the second waits */
    scene_settle(s);
    store_faulty_fail_nth(s->faulty, 1);
    assert_true(gate_let_batch(s->gate, 20)); /* the first is undone */
    scene_settle(s);
    gate_open(s->gate);
    scene_settle(s);
    scene_skip(s, 10000);
    assert_true(b->done);
    assert_int_equal(ask_answer(s, first), ERR_OK);
    assert_int_equal(ask_answer(s, second), ERR_OK);
    assert_int_equal(count_of(s, to), 1);
    assert_int_equal(count_of(s, slow), 1);
    check_moved(s, 1);
}

/* --- the receiver cannot, or will not --- */

static void a_receiver_that_cannot_at_the_moment(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    static const enum err errors[] = {ERR_UNAVAILABLE, ERR_STORAGE, ERR_TIMEOUT};
    int64_t n = 0;
    for (unsigned i = 0; i < 3; i++) {
        x->toy.take_failures = 2 + i;
        x->toy.take_error = errors[i];
        struct ask *a[4];
        for (unsigned j = 0; j < 4; j++, n++)
            a[j] = ask(s, move(from, to, n + 1, n + 1));
        scene_settle(s);
        assert_false(a[0]->done || a[1]->done);
        assert_int_equal(x->toy.take_failures, 1 + i); /* those behind it were not tried */
        scene_skip(s, (2 + i) * REOPEN_MS);
        for (unsigned j = 0; j < 4; j++)
            assert_int_equal(ask_answer(s, a[j]), ERR_OK);
    }
    check_moved(s, n);
}

static void a_receiver_that_cannot_for_long(void **state)
{
    struct toy_scene *x = *state;
    x->toy.take_failures = 20;
    x->toy.take_error = ERR_UNAVAILABLE;
    struct ask *a = ask(&x->scene, move(from, to, 1, 1));
    scene_skip(&x->scene, 6000);
    assert_int_equal(ask_answer(&x->scene, a), ERR_OK);
    assert_int_equal(count_of(&x->scene, to), 0);
    scene_crash(&x->scene); /* not the store that it was: it dies with the letter open */
    scene_skip(&x->scene, 20000);
    check_moved(&x->scene, 1);
}

/* A letter may be pointless; the next ones are not held up. */
static void a_receiver_that_will_not(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    static const enum err errors[] = {ERR_NOT_FOUND, ERR_FORBIDDEN, ERR_CONFLICT, ERR_INTERNAL, ERR_TOO_LARGE};
    struct str source = key_in_slot(&x->arena, 10, 1);
    for (unsigned i = 0; i < 5; i++) {
        x->toy.take_failures = 1;
        x->toy.take_error = errors[i];
        assert_int_equal(tell(s, move(source, key_in_slot(&x->arena, 20, 1 + i), 1, 1), NULL), ERR_OK);
        assert_int_equal(count_of(s, key_in_slot(&x->arena, 20, 1 + i)), 0);
        assert_int_equal(letters_open(s, source), 0);
        assert_int_equal(tell(s, move(from, to, i + 1, i + 1), NULL), ERR_OK);
    }
    check_moved(s, 5);
}

/* Rows beyond their limits will be so the next time too. */
static void a_letter_whose_rows_are_too_large(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct str source = key_in_slot(&x->arena, 10, 1), target = key_in_slot(&x->arena, 20, 1);
    x->toy.take_failures = 1;
    x->toy.take_too_large = true;
    assert_int_equal(tell(s, move(source, target, 1, 1), NULL), ERR_OK);
    assert_int_equal(letters_open(s, source), 0);
    assert_int_equal(tell(s, move(from, to, 1, 1), NULL), ERR_OK);
    assert_int_equal(count_of(s, target), 0);
    check_moved(s, 1);
}

static enum err send_too_much(struct turn *t)
{
    static char big[1100000];
    struct command c = {.type = BOX_TAKE, .key = to, .s = {str_make(big, sizeof big)}};
    turn_letter(t, &c, false);
    return turn_ready(t);
}

static void a_letter_that_is_too_large_is_refused(void **state)
{
    struct scene *x = *state;
    struct reply reply;
    assert_int_equal(tell(x, run(from, send_too_much), &reply), ERR_TOO_LARGE);
    assert_true(reply.fault.text[0] != 0);
    assert_int_equal(tell(x, move(from, to, 1, 1), NULL), ERR_OK);
    check_moved(x, 1);
}

static enum err put_a_strange_letter(struct turn *t)
{
    struct buf b;
    struct row row = {.table = T_letter_out};
    struct command c = {.type = TOY_COMMANDS, .key = to};
    buf_init(&b, 1000);
    if (turn_command(t)->num[0])
        buf_add(&b, STR("no command at all"));
    else
        command_encode(&b, &c);
    row.c[C_letter_out_to_slot].i = cluster_slot_of(to);
    row.c[C_letter_out_number].i = turn_position(t);
    row.c[C_letter_out_command].s = buf_str(&b);
    turn_put(t, &row);
    buf_release(&b);
    return turn_ready(t);
}

/* From a newer program, or broken: it is kept, and those behind it wait. */
static void a_letter_that_cannot_be_read(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct str source = key_in_slot(&x->arena, 10, 1), elsewhere = key_in_slot(&x->arena, 11, 1);
    for (unsigned i = 0; i < 2; i++) {
        struct command c = run(source, put_a_strange_letter);
        c.num[0] = i;
        assert_int_equal(tell(s, c, NULL), ERR_OK);
        scene_crash(s);
        scene_skip(s, 3000);
        struct ask *a = ask(s, move(from, to, 1, 1));
        scene_skip(s, 3000);
        assert_false(a->done);
        assert_int_equal(letters_open(s, source), 2 * (i + 1));
        assert_int_equal(tell(s, move(elsewhere, key_in_slot(&x->arena, 20, 1), 1, 1), NULL), ERR_OK);
    }
}

/* --- the process dies --- */

/* After so many batches of a few letters, at every stage. */
static void dies_after_every_batch(void **state)
{
    struct scene *x = *state;
    int64_t n = 0;
    for (unsigned batches = 0; batches <= 8; batches++) {
        x->gate->hold = true;
        for (unsigned i = 0; i < 3; i++)
            ask(x, move(from, to, n + 1 + i, n + 1 + i));
        for (unsigned i = 0; i < batches; i++) {
            scene_settle(x);
            gate_let_batch(x->gate, STORE_SLOTS);
        }
        scene_crash(x);
        scene_skip(x, 1000);
        assert_int_equal(count_of(x, from), count_of(x, to));
        int64_t there = count_of(x, from) - n;
        assert_true(there == 0 || there == 3);
        n += there;
    }
    assert_true(n > 0);
    check_moved(x, n);
}

/* The receiver opens before the sender, and the other way round. */
static void whoever_opens_first(void **state)
{
    struct scene *x = *state;
    for (unsigned late = 0; late < 2; late++) {
        struct str slow = late ? from : to;
        x->gate->hold = true;
        int64_t n = 2 * late;
        ask(x, move(from, to, n + 1, n + 1));
        scene_settle(x);
        gate_let_batch(x->gate, cluster_slot_of(from));
        scene_crash(x);
        x->gate->hold = true;
        scene_settle(x);
        for (unsigned i = 0; i < CLUSTER_SLOTS; i++) /* all marks but one */
            if (i != cluster_slot_of(slow)) gate_let_batch(x->gate, i);
        scene_settle(x);
        struct ask *a = ask(x, move(from, to, n + 2, n + 2));
        scene_settle(x);
        gate_open(x->gate);
        scene_skip(x, 2000);
        assert_int_equal(ask_answer(x, a), ERR_OK);
        check_moved(x, n + 2);
    }
}

/* --- everything at once, many times --- */

enum { PAIRS = 4 };
static void everything_at_random(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct str a[PAIRS], b[PAIRS];
    int64_t n[PAIRS] = {0};
    for (unsigned i = 0; i < PAIRS; i++) {
        a[i] = key_in_slot(&x->arena, 10 + i / 2, i);
        b[i] = key_in_slot(&x->arena, 20 + i % 2, i);
    }
    for (uint64_t seed = 1; seed <= 60; seed++) {
        dice_state = seed;
        s->gate->hold = true;
        for (unsigned step = 0; step < 60; step++) {
            unsigned what = dice(100), pair = dice(PAIRS);
            if (what < 30)
                n[pair]++, ask_on(s, dice(SCENE_LOOPS), move(a[pair], b[pair], n[pair], 1));
            else if (what < 75)
                gate_let_batch(s->gate, dice(3) ? 10 + dice(2) + 10 * dice(2) : STORE_SLOTS);
            else if (what < 80)
                store_faulty_fail_nth(s->faulty, 1);
            else if (what < 85)
                x->toy.take_failures = dice(3), x->toy.take_error = ERR_UNAVAILABLE;
            else if (what < 95)
                scene_skip(s, 1 + dice(700));
            else if (dice(3) == 0)
                scene_crash(s), s->gate->hold = true;
            if (dice(2)) scene_settle(s);
        }
        x->toy.take_failures = 0;
        store_faulty_fail_nth(s->faulty, 0);
        gate_open(s->gate);
        scene_skip(s, 2 * LETTER_PATIENCE_MS);
        assert_true(asks_are_done(s));
        for (unsigned i = 0; i < PAIRS; i++) {
            if (count_of(s, a[i]) != count_of(s, b[i]) || letters_open(s, a[i]) || x->toy.doubled || x->toy.overtaken)
                fail_msg("seed %llu: %lld sent, %lld arrived, %u twice, %u too early", (unsigned long long)seed,
                         (long long)count_of(s, a[i]), (long long)count_of(s, b[i]), (unsigned)x->toy.doubled, (unsigned)x->toy.overtaken);
        }
        while (!list_is_empty(&s->asks))
            ask_free(list_item(s->asks.next, struct ask, link));
    }
    assert_true(count_of(s, a[0]) > 20);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, toy_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_letter_arrives),
        test(many_letters_arrive_in_order),
        test(several_letters_of_a_turn_keep_their_order),
        test(letters_to_the_own_slot),
        test(a_letter_to_oneself),
        test(slots_that_write_to_each_other),
        test(the_answer_waits_for_the_letter),
        test(its_patience_ends),
        test(nobody_waits_for_letters_apart),
        test(who_waits_is_answered_when_its_slot_is_opened_anew),
        test(what_the_sender_could_not_store_is_not_sent),
        test(what_the_receiver_could_not_store_comes_again),
        test(any_apply_may_fail),
        test(a_letter_does_not_overtake_one_that_was_undone),
        test(a_receiver_that_cannot_at_the_moment),
        test(a_receiver_that_cannot_for_long),
        test(a_receiver_that_will_not),
        test(a_letter_whose_rows_are_too_large),
        test(a_letter_that_is_too_large_is_refused),
        test(a_letter_that_cannot_be_read),
        test(dies_after_every_batch),
        test(whoever_opens_first),
        test(everything_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
