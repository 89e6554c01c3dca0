/* All rows of a store into another: whole, in pages, and after an interruption. */
#include "store/copy.h"

#include "contract/store_fixture.h"

#include "loop/fiber.h"
#include "store/faulty.h"
#include "store/memory/memory.h"

enum { ROOMS = 7, EVENTS = 450, SLOT = 5 };

struct scene {
    struct store *from, *to, *faulty;
    struct loop *loop;
    struct arena arena;
    struct store_copy copy;
    struct fault fault;
    struct task task;
    enum err err;
    unsigned slots_told;
};

/* --- what is in them --- */

struct write {
    struct store_batch batch; /* first */
    struct loop *loop;
};
static void written(struct store_batch *b)
{
    assert_int_equal(b->err, ERR_OK);
    loop_stop(((struct write *)(void *)b)->loop);
}

static void put_start(struct task *t)
{
    struct scene *x = list_item(t, struct scene, task);
    static struct change change[ROOMS * EVENTS];
    static struct write w;
    for (size_t i = 0; i < ROOMS * EVENTS; i++) {
        struct row *r = &change[i].row;
        *r = (struct row){.table = T_timeline};
        r->c[C_timeline_room_id].s = arena_printf(&x->arena, "!room%zu", i / EVENTS);
        r->c[C_timeline_ord].i = (int64_t)(i % EVENTS) - 3; /* negative ones, too */
        r->c[C_timeline_json].s = arena_printf(&x->arena, "{\"n\":%zu}", i);
    }
    w = (struct write){
        .batch = {.loop = x->loop, .slot = SLOT, .epoch = 4, .position = 77, .change = change, .count = ROOMS * EVENTS, .done = written},
        .loop = x->loop};
    store_apply(x->from, &w.batch);
}

static void fill(struct scene *x)
{
    x->task.run = put_start;
    loop_post(x->loop, &x->task);
    loop_run(x->loop);
    assert_int_equal(x->from->ops->meta_set(x->from, STR("history"), STR("0123456789abcdef")), ERR_OK);
    assert_int_equal(x->from->ops->meta_set(x->from, STR("key"), STR("secret")), ERR_OK);
}

/* --- copying --- */

static void told(void *ctx, unsigned slots, uint64_t rows)
{
    struct scene *x = ctx;
    (void)rows;
    assert_true(slots >= x->slots_told);
    x->slots_told = slots;
}

static void copy_fiber(void *arg)
{
    struct scene *x = arg;
    x->err = store_copy(&x->copy, &x->fault);
    loop_stop(x->loop);
}
static void copy_start(struct task *t)
{
    fiber_spawn(copy_fiber, list_item(t, struct scene, task));
}

static enum err copy(struct scene *x)
{
    static const struct str meta[] = {{"key", 3}, {"absent", 6}};
    x->copy = (struct store_copy){.from = x->from, .to = x->faulty, .meta = meta, .metas = 2, .progress = told, .ctx = x};
    x->slots_told = 0;
    x->fault = (struct fault){0};
    x->task.run = copy_start;
    loop_post(x->loop, &x->task);
    loop_run(x->loop);
    return x->err;
}

/* --- looking --- */

struct sum {
    struct scene *scene;
    struct store *store;
    size_t rows;
    uint64_t hash;
};

static void sum_fiber(void *arg)
{
    struct sum *s = arg;
    struct store_walk w;
    store_walk_init(&w, s->store, SLOT, T_timeline);
    for (;;) {
        assert_int_equal(store_walk_next(&w, 64), ERR_OK);
        if (w.count == 0) break;
        for (size_t i = 0; i < w.count; i++) {
            s->hash = s->hash * 31 + str_hash(w.row[i].c[C_timeline_json].s) + (uint64_t)w.row[i].c[C_timeline_ord].i;
            s->rows++;
        }
    }
    store_walk_release(&w);
    loop_stop(s->scene->loop);
}

struct sum_task {
    struct task task;
    struct sum sum;
};
static void sum_start(struct task *t)
{
    fiber_spawn(sum_fiber, &list_item(t, struct sum_task, task)->sum);
}

static struct sum sum_of(struct scene *x, struct store *s)
{
    struct sum_task st = {.task.run = sum_start, .sum = {.scene = x, .store = s}};
    loop_post(x->loop, &st.task);
    loop_run(x->loop);
    return st.sum;
}

static void is_whole(struct scene *x)
{
    struct sum from = sum_of(x, x->from), to = sum_of(x, x->to);
    struct str value;
    assert_int_equal(from.rows, ROOMS * EVENTS);
    assert_int_equal(to.rows, from.rows);
    assert_true(from.hash == to.hash);
    assert_int_equal(x->to->ops->meta_get(x->to, STR("history"), &x->arena, &value), ERR_OK);
    assert_true(str_is(value, "0123456789abcdef"));
    assert_int_equal(x->to->ops->meta_get(x->to, STR("key"), &x->arena, &value), ERR_OK);
    assert_true(str_is(value, "secret"));
}

/* --- the tests --- */

static void everything_is_copied_and_once_more_is_nothing(void **state)
{
    struct scene *x = *state;
    fill(x);
    assert_int_equal(copy(x), ERR_OK);
    assert_int_equal(x->copy.rows, ROOMS * EVENTS);
    assert_int_equal(x->slots_told, STORE_SLOTS);
    is_whole(x);
    assert_int_equal(copy(x), ERR_OK);
    assert_int_equal(x->copy.rows, 0);
    is_whole(x);
}

static void an_interrupted_copy_goes_on(void **state)
{
    struct scene *x = *state;
    struct str value;
    fill(x);
    for (unsigned nth = 1; nth <= 3; nth++) { /* pages; the last batch sets the position */
        store_faulty_fail_nth(x->faulty, nth == 1 ? 1 : 2);
        assert_int_not_equal(copy(x), ERR_OK);
        assert_int_equal(x->to->ops->meta_get(x->to, STR("history"), &x->arena, &value), ERR_NOT_FOUND);
    }
    store_faulty_fail_nth(x->faulty, 0);
    assert_int_equal(copy(x), ERR_OK);
    assert_true(x->copy.rows < ROOMS * EVENTS); /* it did not begin anew */
    is_whole(x);
}

static void the_target_of_another_server_is_refused(void **state)
{
    struct scene *x = *state;
    fill(x);
    assert_int_equal(x->to->ops->meta_set(x->to, STR("history"), STR("fedcba9876543210")), ERR_OK);
    assert_int_equal(copy(x), ERR_CONFLICT);
    assert_non_null(strstr(x->fault.text, "another server"));
    assert_int_equal(sum_of(x, x->to).rows, 0);
}

static void a_source_where_no_server_ran_is_told(void **state)
{
    struct scene *x = *state;
    assert_int_equal(copy(x), ERR_NOT_FOUND);
    assert_non_null(strstr(x->fault.text, "no server"));
}

static int setup(void **state)
{
    struct scene *x = mem_zero(sizeof *x);
    x->from = store_memory_new();
    x->to = store_memory_new();
    x->faulty = store_faulty_new(x->to);
    x->loop = loop_new(0);
    arena_init(&x->arena);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct scene *x = *state;
    x->from->ops->close(x->from);
    x->faulty->ops->close(x->faulty);
    loop_free(x->loop);
    arena_release(&x->arena);
    mem_free(x);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_is_copied_and_once_more_is_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_interrupted_copy_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(the_target_of_another_server_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_source_where_no_server_ran_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
