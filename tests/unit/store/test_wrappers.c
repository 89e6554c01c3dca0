/* The stores around a store: one that fails on command, one that counts. */
#include "contract/stands.h"
#include "contract/store_fixture.h"

#include "store/faulty.h"
#include "store/memory/memory.h"
#include "store/trace.h"

static int setup(void **state)
{
    struct fixture *x = mem_zero(sizeof *x);
    fixture_init(x);
    fixture_loops(x);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    fixture_release(*state);
    mem_free(*state);
    return 0;
}

static enum err add(struct fixture *x, int64_t from)
{
    struct change c = put_timeline(STR("!r"), from, from, STR("{}"));
    return apply(x, 0, from, from + 1, &c, 1);
}

static size_t count(struct fixture *x)
{
    struct store_read r = {.slot = 0, .table = T_timeline, .prefix = 1, .key = {cell_str(STR("!r"))}};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    return r.count;
}

static void the_nth_apply_fails(void **state)
{
    struct fixture *x = *state;
    x->store = store_faulty_new(store_memory_new());
    store_faulty_fail_nth(x->store, 3);
    assert_int_equal(add(x, 0), ERR_OK);
    assert_int_equal(add(x, 1), ERR_OK);
    assert_int_equal(add(x, 2), ERR_STORAGE);
    assert_int_equal(count(x), 2);
    assert_int_equal(add(x, 3), ERR_CONFLICT); /* it builds on what failed */
    assert_int_equal(add(x, 2), ERR_OK);
    assert_int_equal(count(x), 3);
}

static void all_fail_while_it_is_on(void **state)
{
    struct fixture *x = *state;
    x->store = store_faulty_new(store_memory_new());
    store_faulty_fail_all(x->store, true);
    assert_int_equal(add(x, 0), ERR_STORAGE);
    assert_int_equal(add(x, 0), ERR_STORAGE);
    assert_int_equal(x->store->ops->meta_set(x->store, STR("a"), STR("b")), ERR_STORAGE);
    assert_int_equal(count(x), 0);
    store_faulty_fail_all(x->store, false);
    assert_int_equal(add(x, 0), ERR_OK);
}

/* Reads that were begun but not answered when store_read returned. */
static bool late;

static void note_done(struct store_read *r)
{
    late = true;
    read_is_done(r);
}

static void note_start(struct call *c)
{
    late = false;
    c->read->done = note_done;
    store_read(c->store, c->read);
    assert_false(late);
}

static void delayed_reads_come_in_a_later_tick(void **state)
{
    struct fixture *x = *state;
    x->store = store_faulty_new(store_memory_new());
    store_faulty_delay_reads(x->store, true);
    struct store_read r = {.slot = 0, .table = T_letter_out, .limit = 1, .loop = x->loop[0], .arena = &x->arena};
    struct call c = {.fn = note_start, .store = x->store, .read = &r};
    r.arg = &c;
    call_wait(x->loop[0], &c);
    assert_true(late);
}

static void calls_are_counted(void **state)
{
    struct fixture *x = *state;
    struct store_trace n;
    struct store_slot at;
    x->store = store_trace_new(store_memory_new());
    assert_int_equal(add(x, 0), ERR_OK);
    assert_int_equal(add(x, 1), ERR_OK);
    assert_int_equal(add(x, 1), ERR_CONFLICT);
    assert_int_equal(count(x), 2);
    assert_int_equal(store_stands(x->store, 0, &at), ERR_OK);
    store_trace_counts(x->store, &n);
    assert_int_equal(n.applies, 3);
    assert_int_equal(n.applies_failed, 1);
    assert_int_equal(n.changes, 3);
    assert_int_equal(n.reads, 1);
    assert_int_equal(n.rows, 2);
    assert_int_equal(n.looks, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_nth_apply_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(all_fail_while_it_is_on, setup, teardown),
        cmocka_unit_test_setup_teardown(delayed_reads_come_in_a_later_tick, setup, teardown),
        cmocka_unit_test_setup_teardown(calls_are_counted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
