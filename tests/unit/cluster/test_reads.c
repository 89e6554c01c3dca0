/* What a turn reads: rows of the store and rows that are on their way to it, as of the time when it has them. */
#include "unit/cluster/toy.h"

static int64_t seen; /* how many have been compared */

enum { ORDS = 24 };
/* num[0]: bits, 1 put, 2 delete, for a thing each; two bits a thing. */
static enum err put_and_delete(struct turn *t)
{
    for (unsigned i = 0; i < ORDS; i++) {
        unsigned what = (unsigned)(turn_command(t)->num[0] >> (2 * i)) & 3;
        struct row row = thing_row(turn_entity(t)->key, i, turn_command(t)->num[1]);
        if (what == 1) turn_put(t, &row);
        if (what == 2) turn_del(t, &row);
    }
    return turn_ready(t);
}

struct expected {
    int64_t value[ORDS]; /* 0: not there */
};
static struct expected expected;

/* Changes some things, and what is expected. */
static struct ask *stir(struct scene *x, struct str box)
{
    static int64_t value;
    struct command c = run(box, put_and_delete);
    value++;
    for (unsigned i = 0; i < ORDS; i++) {
        unsigned what = dice(8);
        if (what != 1 && what != 2) continue;
        c.num[0] |= (int64_t)what << (2 * i);
        expected.value[i] = what == 1 ? value : 0;
    }
    c.num[1] = value;
    return ask(x, c);
}

/* All things, or none. */
static void begin_anew(struct scene *x, struct str box)
{
    bool full = dice(2);
    struct command c = run(box, put_and_delete);
    c.num[0] = full ? (int64_t)0x555555555555 : (int64_t)0xAAAAAAAAAAAA;
    c.num[1] = 1000000;
    ask(x, c);
    for (unsigned i = 0; i < ORDS; i++)
        expected.value[i] = full ? c.num[1] : 0;
}

/* num[0] from, num[1] to (-1: none), num[2] reverse, num[3] limit, num[4] as one of several. */
static enum err read_and_compare(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct store_read r = things_read(turn_entity(t)->key);
    r.has_from = c->num[0] >= 0;
    r.has_to = c->num[1] >= 0;
    r.from.i = c->num[0];
    r.to.i = c->num[1];
    r.reverse = c->num[2] != 0;
    r.limit = (size_t)c->num[3];
    enum err e = c->num[4] ? turn_ranges(t, &r, 1) : turn_range(t, &r);
    if (e != ERR_OK) return e;
    size_t n = 0;
    for (unsigned i = 0; i < ORDS; i++) {
        int64_t ord = r.reverse ? ORDS - 1 - i : i;
        if (expected.value[ord] == 0 || (r.has_from && ord < r.from.i) || (r.has_to && ord >= r.to.i)) continue;
        if (n < r.limit) {
            assert_true(n < r.count);
            assert_int_equal(r.row[n].c[C_timeline_ord].i, ord);
            assert_int_equal(r.row[n].c[C_timeline_position].i, expected.value[ord]);
            assert_string_equal(arena_cstr(turn_arena(t), r.row[n].c[C_timeline_json].s), "{}");
        }
        n++;
    }
    assert_int_equal(r.count, n < r.limit ? n : r.limit);
    assert_int_equal(r.more, n > r.limit);
    assert_int_equal(r.limit, (size_t)c->num[3]);
    seen++;
    return ERR_OK;
}

static enum err get_and_compare(struct turn *t)
{
    for (unsigned i = 0; i < ORDS; i++) {
        struct row row, key = thing_row(turn_entity(t)->key, i, 0);
        enum err e = turn_get(t, T_timeline, key.c, &row);
        assert_int_equal(e, expected.value[i] ? ERR_OK : ERR_NOT_FOUND);
        if (e == ERR_OK) assert_int_equal(row.c[C_timeline_position].i, expected.value[i]);
    }
    seen++;
    return ERR_OK;
}

static struct command any_range(struct str box)
{
    struct command c = run_shared(box, read_and_compare);
    c.num[0] = dice(2) ? (int64_t)dice(ORDS) : -1;
    c.num[1] = dice(2) ? (int64_t)dice(ORDS) : -1;
    c.num[2] = dice(2);
    c.num[3] = dice(3) ? 1 + dice(ORDS + 3) : 100000;
    c.num[4] = dice(2);
    return c;
}

static void reads_see_what_is_on_its_way(void **state)
{
    struct scene *x = *state;
    unsigned asked = 0;
    seen = 0;
    for (dice_state = 7; asked < 600;) {
        struct str box = dice(2) ? STR("box") : STR("xob");
        begin_anew(x, box);
        stir(x, box);
        scene_settle(x);
        x->gate->hold = true;
        for (unsigned n = dice(4); n > 0; n--) {
            stir(x, box);
            scene_settle(x);
        }
        if (dice(2)) gate_let_batch(x->gate, STORE_SLOTS);
        scene_settle(x);
        for (unsigned n = 0; n < 10; n++, asked++) {
            ask(x, n ? any_range(box) : run_shared(box, get_and_compare));
            scene_settle(x);
            assert_int_equal(seen, asked + 1); /* at once, though the answer waits */
        }
        gate_open(x->gate);
        scene_settle(x);
        assert_true(asks_are_done(x));
        while (!list_is_empty(&x->asks))
            ask_free(list_item(x->asks.next, struct ask, link));
    }
}

/* The store answers late, or as of a time that has passed, while rows come and go. */
static void reads_are_right_as_of_their_end(void **state)
{
    struct scene *x = *state;
    seen = 0;
    for (dice_state = 3; dice_state < 400 * 3; dice_state += 3) {
        uint64_t seed = dice_state;
        begin_anew(x, STR("box"));
        stir(x, STR("box"));
        scene_settle(x);
        x->gate->hold = true;
        stir(x, STR("box"));
        scene_settle(x);
        int64_t before = seen;
        x->gate->hold_reads = dice(2) ? GATE_READS_LATE : GATE_READS_STALE;
        ask(x, any_range(STR("box")));
        scene_settle(x);
        for (unsigned n = dice(5); n > 0; n--) {
            if (dice(2))
                stir(x, STR("box"));
            else
                gate_let_batch(x->gate, STORE_SLOTS);
            scene_settle(x);
        }
        while (gate_let_read(x->gate))
            scene_settle(x);
        assert_int_equal(seen, before + 1);
        gate_open(x->gate);
        scene_settle(x);
        assert_true(asks_are_done(x));
        while (!list_is_empty(&x->asks))
            ask_free(list_item(x->asks.next, struct ask, link));
        dice_state = seed;
    }
}

static enum err keep_a_row(struct turn *t)
{
    struct row row;
    enum err e = turn_get(t, T_profile, (struct cell[]){cell_str(STR("box")), cell_str(STR("f"))}, &row);
    if (e != ERR_OK) return e;
    fiber_sleep_ms(50); /* its record returns meanwhile, and is freed */
    turn_reply(t)->s[0] = row.c[C_profile_json].s;
    return ERR_OK;
}

static enum err write_a_note(struct turn *t)
{
    struct row row = note_row(STR("box"), STR("f"), STR("some text that is long enough for memory of its own"));
    turn_put(t, &row);
    return turn_ready(t);
}

static void rows_outlive_the_record_that_they_were_read_from(void **state)
{
    struct scene *x = *state;
    x->gate->hold = true;
    ask(x, run(STR("box"), write_a_note));
    scene_settle(x);
    struct ask *a = ask(x, run_shared(STR("box"), keep_a_row));
    scene_settle(x);
    gate_open(x->gate);
    scene_skip(x, 100);
    assert_int_equal(ask_answer(x, a), ERR_OK);
    assert_true(str_starts(a->reply.s[0], STR("some text")));
}

static enum err delete_what_cannot_be(struct turn *t)
{
    static char big[3000];
    struct row row = note_row(turn_entity(t)->key, str_make(big, (size_t)turn_command(t)->num[0]), STR(""));
    turn_del(t, &row);
    return turn_ready(t);
}

/* A key that is too long can have no row; the store would refuse the whole record. */
static void a_deletion_keeps_the_limits_too(void **state)
{
    struct scene *x = *state;
    struct command c = run(STR("box"), delete_what_cannot_be);
    c.num[0] = 3000;
    uint64_t applied = x->gate->applied;
    struct ask *good = ask(x, add(STR("box"), 1, 1)), *bad = ask(x, c);
    assert_int_equal(ask_answer(x, bad), ERR_TOO_LARGE);
    assert_int_equal(ask_answer(x, good), ERR_OK);
    assert_int_equal(x->gate->applied, applied + 1);
    c.num[0] = 255;
    assert_int_equal(tell(x, c, NULL), ERR_OK);
}

#define test(name) cmocka_unit_test_setup_teardown(name, toy_setup, toy_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(reads_see_what_is_on_its_way),
        test(reads_are_right_as_of_their_end),
        test(rows_outlive_the_record_that_they_were_read_from),
        test(a_deletion_keeps_the_limits_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
