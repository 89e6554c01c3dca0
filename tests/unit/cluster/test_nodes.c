/* What nodes announce, who comes first for a slot, and the numbers of nodes. */
#include "unit/cluster/nodes.h"

/* --- announcements --- */

static struct node_view some_node(void)
{
    struct node_view n = {.loops = 7, .leaving = true, .clock_ms = 60};
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        n.stands[i] = i < 20 ? STANDS_APART : i < 40 ? STANDS_WAITING : STANDS_OPEN + ((uint64_t)1 << (i - 20));
    return n;
}

static void an_announcement_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct node_view n = some_node(), out = {0};
    struct buf b;
    buf_init(&b, BROKER_ANNOUNCEMENT_MAX);
    announcement_encode(&b, &n);
    assert_true(buf_ok(&b));
    assert_true(announcement_decode(buf_str(&b), &out));
    assert_int_equal(out.loops, 7);
    assert_true(out.leaving);
    assert_memory_equal(out.stands, n.stands, sizeof n.stands);
    assert_int_equal(out.clock_ms, 60);
    assert_true(announcement_decode(str_first(buf_str(&b), b.n - 1), &out)); /* a program that does not tell the time */
    assert_int_equal(out.clock_ms, 0);
    buf_add(&b, STR("what a later program says besides"));
    assert_true(announcement_decode(buf_str(&b), &out));
    buf_release(&b);
}

static void the_largest_one_fits(void **state)
{
    (void)state;
    struct node_view n = {.loops = CLUSTER_LOOPS_MAX, .leaving = true};
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        n.stands[i] = INT64_MAX;
    struct buf b;
    buf_init(&b, BROKER_ANNOUNCEMENT_MAX);
    announcement_encode(&b, &n);
    assert_true(buf_ok(&b));
    buf_release(&b);
}

static void a_damaged_one_is_not_taken(void **state)
{
    (void)state;
    struct node_view n = some_node(), out;
    struct buf b;
    buf_init(&b, BROKER_ANNOUNCEMENT_MAX);
    announcement_encode(&b, &n);
    for (size_t i = 0; i < b.n - 1; i++)
        assert_false(announcement_decode(str_first(buf_str(&b), i), &out));
    assert_false(announcement_decode(STR("\0\1\0"), &out)); /* no format */
    const unsigned loops[] = {0, CLUSTER_LOOPS_MAX + 1};
    for (unsigned i = 0; i < 2; i++) {
        buf_clear(&b);
        n.loops = loops[i];
        announcement_encode(&b, &n);
        assert_false(announcement_decode(buf_str(&b), &out));
    }
    buf_release(&b);
}

/* --- who comes first --- */

enum { MANY = 20 };

static struct view *view_of(unsigned count, unsigned self)
{
    struct view *v = mem_zero(sizeof *v + MANY * sizeof v->node[0]);
    atomic_init(&v->refs, 1);
    for (v->count = 0; v->count < count; v->count++) {
        snprintf(v->node[v->count].name, sizeof v->node[0].name, "rookery-%zu.example", v->count);
        v->node[v->count].self = v->count == self;
    }
    return v;
}

/* All see the same order: each node has another rank, and the one of rank 0 is who everybody takes for the first. */
static void all_agree_about_the_order(void **state)
{
    (void)state;
    for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++) {
        bool taken[MANY] = {false};
        int first = NODE_NOBODY;
        for (unsigned self = 0; self < MANY; self++) {
            int its;
            struct view *v = view_of(MANY, self);
            unsigned rank = view_rank(v, slot, &its);
            assert_true(rank < MANY && !taken[rank]);
            taken[rank] = true;
            if (self) assert_int_equal(its, first);
            first = its;
            assert_int_equal(rank == 0, first == (int)self);
            view_unref(v);
        }
    }
}

static void each_has_its_share(void **state)
{
    (void)state;
    for (unsigned count = 2; count <= 6; count++) {
        unsigned share[MANY] = {0};
        struct view *v = view_of(count, 0);
        for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++) {
            int first;
            (void)view_rank(v, slot, &first);
            share[first]++;
        }
        for (unsigned i = 0; i < count; i++)
            assert_in_range(share[i], CLUSTER_SLOTS / count / 3, CLUSTER_SLOTS * 2 / count + 1);
        view_unref(v);
    }
}

/* Who comes takes from the others only what is its own, and who leaves takes nothing. */
static void who_comes_or_leaves_moves_its_share_only(void **state)
{
    (void)state;
    struct view *v = view_of(5, 0), *more = view_of(6, 0);
    unsigned moved = 0;
    for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++) {
        int before, after, without;
        (void)view_rank(v, slot, &before);
        (void)view_rank(more, slot, &after);
        assert_true(after == before || after == 5);
        moved += after == 5;
        more->node[5].leaving = true;
        (void)view_rank(more, slot, &without);
        more->node[5].leaving = false;
        assert_int_equal(without, before);
    }
    assert_in_range(moved, 3, 20);
    for (size_t i = 0; i < v->count; i++)
        v->node[i].leaving = true;
    int nobody;
    (void)view_rank(v, 3, &nobody);
    assert_int_equal(nobody, NODE_NOBODY);
    view_unref(v);
    view_unref(more);
}

/* --- views --- */

static void check_views(struct nodes *n)
{
    for (unsigned i = 0; i < NODES; i++) {
        if (!n->node[i].alive) continue;
        for (unsigned l = 0; l < NODE_LOOPS; l++) {
            const struct view *v = scene_of(n, i)->cluster->home[l].view;
            unsigned live = 0;
            for (unsigned k = 0; k < NODES; k++) {
                int at = view_find(v, str_c(n->node[k].name));
                assert_int_equal(at >= 0, n->node[k].alive);
                live += n->node[k].alive;
                if (at < 0) continue;
                assert_int_equal(v->node[at].self, k == i);
                assert_int_equal(v->node[at].loops, NODE_LOOPS);
                for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++) {
                    const struct slot *s = &scene_of(n, k)->cluster->slot[slot];
                    assert_int_equal(v->node[at].stands[slot] >= STANDS_OPEN, s->state == SLOT_OPEN);
                    if (s->state == SLOT_OPEN) assert_int_equal(v->node[at].stands[slot] - STANDS_OPEN, s->epoch);
                    if (s->state == SLOT_OPEN && k != i) assert_int_equal(scene_of(n, i)->cluster->home[l].owner[slot].node, at);
                }
            }
            assert_int_equal(v->others, live - 1);
        }
    }
}

static void all_see_who_lives_and_who_has_what(void **state)
{
    (void)state;
    struct nodes *n = mem_zero(sizeof *n);
    nodes_init(n);
    n->config.journal = JOURNAL_QUEUE;
    n->any_names = true;
    dice_state = 7;
    for (unsigned k = 0; k < 60; k++) {
        unsigned i = dice(NODES);
        if (n->node[i].alive)
            node_die(n, i);
        else
            node_start(n, i);
        nodes_skip(n, 200);
        check_views(n);
        nodes_skip(n, dice(4000));
        check_views(n);
    }
    nodes_release(n);
    mem_free(n);
}

static void a_number_goes_to_nobody_else_while_it_is_known(void **state)
{
    (void)state;
    struct nodes *n = mem_zero(sizeof *n);
    nodes_init(n);
    n->config.journal = JOURNAL_QUEUE;
    for (unsigned i = 0; i < NODES; i++)
        node_start(n, i);
    nodes_skip(n, 3500);
    const struct home *h = &scene_of(n, 0)->cluster->home[0];
    int one = view_find(h->view, str_c(n->node[1].name)), two = view_find(h->view, str_c(n->node[2].name));
    n->node[0].still = true; /* what happens now it learns in one view */
    node_die(n, 1);
    node_start(n, 1);
    nodes_settle(n);
    n->node[0].still = false;
    nodes_settle(n);
    int again = view_find(h->view, str_c(n->node[1].name));
    assert_true(again >= 0 && again != one && again != two);
    assert_int_equal(view_find(h->view, str_c(n->node[2].name)), two);
    nodes_release(n);
    mem_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_announcement_comes_out_as_it_went_in),
        cmocka_unit_test(the_largest_one_fits),
        cmocka_unit_test(a_damaged_one_is_not_taken),
        cmocka_unit_test(all_agree_about_the_order),
        cmocka_unit_test(each_has_its_share),
        cmocka_unit_test(who_comes_or_leaves_moves_its_share_only),
        cmocka_unit_test(all_see_who_lives_and_who_has_what),
        cmocka_unit_test(a_number_goes_to_nobody_else_while_it_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
