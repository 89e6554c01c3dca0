/* Deliveries: what is durable goes to the gateways that follow it, in order, together, and with numbers that show a gap. */
#include "unit/cluster/toy.h"

static struct command follow(struct str box, unsigned gateway)
{
    return (struct command){.type = BOX_FOLLOW, .key = box, .num = {gateway}};
}

/* cluster_unfollow as a gateway calls it: on its own loop. */
struct unfollowing {
    struct task task;
    struct scene *scene;
    struct str key;
    unsigned gateway;
};

static void unfollow_now(struct task *t)
{
    struct unfollowing *u = list_item(t, struct unfollowing, task);
    cluster_unfollow(u->scene->cluster, u->key, u->gateway);
}

static void unfollow(struct toy_scene *x, struct str key, unsigned gateway)
{
    struct unfollowing *u = arena_zero(&x->arena, sizeof *u);
    *u = (struct unfollowing){.task.run = unfollow_now, .scene = &x->scene, .key = key, .gateway = gateway};
    loop_post(x->scene.loop[gateway], &u->task);
}

static unsigned got_by(const struct scene *x, unsigned gateway, int64_t id)
{
    unsigned n = 0;
    for (size_t i = 0; i < x->gots; i++)
        n += x->got[i].gateway == gateway && x->got[i].id == id;
    return n;
}

/* Chain numbers without a gap, each delivery from where the last one ended, positions that grow. */
static void check_chains(const struct scene *x)
{
    static uint64_t chain[SCENE_LOOPS][CLUSTER_SLOTS];
    static int64_t to[SCENE_LOOPS][CLUSTER_SLOTS], position[SCENE_LOOPS][CLUSTER_SLOTS];
    memset(chain, 0, sizeof chain);
    memset(to, 0, sizeof to);
    memset(position, 0, sizeof position);
    for (size_t i = 0; i < x->gots; i++) {
        const struct got *g = &x->got[i];
        uint64_t *c = &chain[g->gateway][g->slot];
        int64_t *t = &to[g->gateway][g->slot], *p = &position[g->gateway][g->slot];
        if (g->first == 0) {
            assert_int_equal(g->chain, *c + 1);
            assert_int_equal(g->from, *t);
        }
        assert_int_equal(g->chain, g->first ? *c : *c + 1);
        assert_true(g->position > g->from && g->position <= g->to && g->position > *p);
        *c = g->chain;
        *t = g->to;
        *p = g->position;
    }
}

static void items_go_to_who_follows(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct str one = key_in_slot(&x->arena, 3, 0), two = key_in_slot(&x->arena, 3, 1);
    assert_int_equal(tell(s, follow(one, 0), NULL), ERR_OK);
    assert_int_equal(tell(s, follow(one, 2), NULL), ERR_OK);
    assert_int_equal(tell(s, follow(two, 1), NULL), ERR_OK);
    assert_int_equal(tell(s, add(one, 1, 1), NULL), ERR_OK);
    assert_int_equal(tell(s, add(two, 2, 1), NULL), ERR_OK);
    scene_settle(s);
    assert_int_equal(s->gots, 3);
    assert_true(got_by(s, 0, 1) == 1 && got_by(s, 2, 1) == 1 && got_by(s, 1, 2) == 1);
    unfollow(x, one, 2);
    scene_settle(s);
    assert_int_equal(tell(s, add(one, 3, 1), NULL), ERR_OK);
    scene_settle(s);
    assert_true(got_by(s, 0, 3) == 1 && got_by(s, 2, 3) == 0);
    check_chains(s);
}

static enum err is_followed(struct turn *t)
{
    turn_reply(t)->num[0] = turn_is_followed(t, turn_entity(t)->key);
    return ERR_OK;
}

static bool followed(struct scene *x, struct str box)
{
    struct reply reply;
    assert_int_equal(tell(x, run(box, is_followed), &reply), ERR_OK);
    return reply.num[0] != 0;
}

static void interest_is_known(void **state)
{
    struct toy_scene *x = *state;
    struct str box = STR("box");
    assert_false(followed(&x->scene, box));
    assert_int_equal(tell(&x->scene, follow(box, 1), NULL), ERR_OK);
    assert_int_equal(tell(&x->scene, follow(box, 2), NULL), ERR_OK);
    unfollow(x, box, 1);
    scene_settle(&x->scene);
    assert_true(followed(&x->scene, box));
    unfollow(x, box, 1); /* harmless */
    unfollow(x, box, 2);
    unfollow(x, STR("nobody"), 2);
    scene_settle(&x->scene);
    assert_false(followed(&x->scene, box));
}

/* Two boxes of a slot and one of another, on one loop: two deliveries, which come together. */
static void what_belongs_together_comes_together(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct str box[3] = {key_in_slot(&x->arena, 3, 0), key_in_slot(&x->arena, 3, 1), key_in_slot(&x->arena, 3 + SCENE_LOOPS, 0)};
    struct cluster_stats before, after;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(tell(s, follow(box[i], 1), NULL), ERR_OK);
    cluster_stats(s->cluster, &before);
    s->gate->hold = true;
    for (unsigned i = 0; i < 12; i++)
        ask(s, add(box[i % 3], i, 1));
    scene_settle(s);
    assert_int_equal(s->gots, 0); /* nothing before it is durable */
    gate_open(s->gate);
    scene_settle(s);
    cluster_stats(s->cluster, &after);
    assert_int_equal(s->gots, 12);
    assert_int_equal(after.deliveries - before.deliveries, 2);
    for (unsigned i = 0; i < 12; i++) {
        assert_int_equal(s->got[i].chain, 1);
        assert_int_equal(s->got[i].slot, i < 8 ? 3 : 3 + SCENE_LOOPS);
    }
    check_chains(s);
}

static void what_was_undone_is_told_to_nobody_and_interest_stays(void **state)
{
    struct scene *x = *state;
    assert_int_equal(tell(x, follow(STR("box"), 1), NULL), ERR_OK);
    for (int64_t i = 0; i < 10; i += 2) {
        assert_int_equal(tell(x, add(STR("box"), i, 1), NULL), ERR_OK);
        store_faulty_fail_nth(x->faulty, 1);
        assert_int_equal(tell(x, add(STR("box"), i + 1, 1), NULL), ERR_STORAGE);
        scene_settle(x);
    }
    assert_int_equal(x->gots, 5);
    for (int64_t i = 0; i < 10; i++)
        assert_int_equal(got_by(x, 1, i), i % 2 == 0);
    check_chains(x);
}

/* A gateway unfollows and follows again, at once: what it asked last holds. */
static void the_last_word_of_a_gateway_holds(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    for (unsigned slot = 0; slot < SCENE_LOOPS; slot++) /* on the gateway's own loop, and on others */
        for (unsigned gateway = 0; gateway < SCENE_LOOPS; gateway++) {
            struct str box = key_in_slot(&x->arena, slot, gateway);
            ask_on(s, gateway, follow(box, gateway));
            unfollow(x, box, gateway);
            ask_on(s, gateway, follow(box, gateway));
            scene_settle(s);
            assert_true(followed(s, box));
            unfollow(x, box, gateway);
            ask_on(s, gateway, follow(box, gateway));
            unfollow(x, box, gateway);
            scene_settle(s);
            assert_false(followed(s, box));
        }
}

/* Looks, before the owner's deliveries have left it, whether the answer has. */
struct watch {
    struct task task, later;
    struct loop *asker;
    bool looked, answered;
};

static void watch_look(struct task *t)
{
    struct watch *w = list_item(t, struct watch, later);
    w->looked = true;
    w->answered = atomic_load(&w->asker->inbox) != NULL;
}

static void watch_later(struct task *t)
{
    struct watch *w = list_item(t, struct watch, task);
    w->later.run = watch_look;
    loop_defer(loop_current(), &w->later);
}

/* Who has the answer and asks on another loop finds that loop told: a session that has ended is over everywhere. */
static void deliveries_leave_before_the_answer(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct str box = key_in_slot(&x->arena, 3, 0);
    struct loop *owner = s->cluster->slot[3].loop;
    unsigned asker = (loop_index(owner) + 1) % SCENE_LOOPS;
    assert_int_equal(tell(s, follow(box, (asker + 1) % SCENE_LOOPS), NULL), ERR_OK);
    s->gate->hold = true;
    struct ask *a = ask_on(s, asker, add(box, 1, 1));
    scene_settle(s);
    struct watch w = {.task.run = watch_later, .asker = s->loop[asker]};
    loop_post(owner, &w.task);
    gate_open(s->gate);
    while (!w.looked)
        loop_poll(owner);
    assert_false(w.answered);
    assert_int_equal(ask_answer(s, a), ERR_OK);
    assert_int_equal(s->gots, 1);
}

/* Kept by a gateway beyond the call. */
static struct item *kept;
static void keep(void *engine, struct loop *gateway, const struct delivery *d)
{
    (void)engine, (void)gateway;
    if (!kept) kept = item_ref(d->item[0]);
}

static void an_item_may_be_kept(void **state)
{
    struct scene *x = *state;
    x->cluster->config.delivered = keep;
    kept = NULL;
    assert_int_equal(tell(x, follow(STR("box"), 1), NULL), ERR_OK);
    assert_int_equal(tell(x, add(STR("box"), 1, 1), NULL), ERR_OK);
    assert_int_equal(tell(x, add(STR("box"), 2, 1), NULL), ERR_OK);
    scene_settle(x);
    assert_int_equal(list_item(kept, struct toy_item, item)->id, 1);
    assert_int_equal(kept->slot, cluster_slot_of(STR("box")));
    assert_int_equal(kept->refs, 1);
    item_unref(kept);
}

/* Whoever follows in the turn in which it reads misses nothing: each thing is in what was read, or comes, once. */
enum { BOXES = 3, THINGS = 60 };
static void nothing_is_missed_between_reading_and_following(void **state)
{
    struct toy_scene *x = *state;
    struct scene *s = &x->scene;
    struct str box[BOXES];
    for (unsigned i = 0; i < BOXES; i++)
        box[i] = key_in_slot(&x->arena, 3 + i, 0);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        dice_state = seed;
        int64_t first = (int64_t)seed * 1000;
        struct ask *added[THINGS], *reader[SCENE_LOOPS][BOXES];
        unsigned adds = 0;
        s->gots = 0;
        for (unsigned b = 0; b < BOXES; b++)
            for (unsigned g = 0; g < SCENE_LOOPS; g++) {
                unfollow(x, box[b], g);
                reader[g][b] = NULL;
            }
        scene_settle(s);
        s->gate->hold = true;
        while (adds < THINGS) {
            unsigned what = dice(10), b = dice(BOXES), g = dice(SCENE_LOOPS);
            if (what < 4) added[adds] = ask_on(s, g, add(box[b], first + adds, 1)), adds++;
            if (what == 4 && !reader[g][b]) reader[g][b] = ask_on(s, g, follow(box[b], g));
            if (what == 5) s->gate->hold_reads = dice(3);
            if (what == 6) gate_let_read(s->gate);
            if (what >= 7) gate_let_batch(s->gate, STORE_SLOTS);
            if (dice(2)) scene_poll(s);
        }
        gate_open(s->gate);
        scene_settle(s);
        gate_open(s->gate);
        scene_settle(s);
        assert_true(asks_are_done(s));
        for (unsigned g = 0; g < SCENE_LOOPS; g++)
            for (unsigned b = 0; b < BOXES; b++) {
                if (!reader[g][b]) continue;
                assert_int_equal(reader[g][b]->reply.err, ERR_OK);
                const int64_t *id = (const int64_t *)(const void *)reader[g][b]->reply.s[0].p;
                for (unsigned i = 0; i < adds; i++) {
                    if (!str_eq(added[i]->cmd.key, box[b])) continue;
                    assert_int_equal(added[i]->reply.err, ERR_OK);
                    unsigned read = 0, came = got_by(s, g, first + i);
                    for (int64_t n = 0; n < reader[g][b]->reply.num[0]; n++)
                        read += id[n] == first + i;
                    if (read + came == 0 || came > 1)
                        fail_msg("seed %llu: thing %u, read %u times, delivered %u times", (unsigned long long)seed, i, read, came);
                }
            }
        while (!list_is_empty(&s->asks))
            ask_free(list_item(s->asks.next, struct ask, link));
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, toy_setup, toy_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(items_go_to_who_follows),
        test(interest_is_known),
        test(what_belongs_together_comes_together),
        test(what_was_undone_is_told_to_nobody_and_interest_stays),
        test(the_last_word_of_a_gateway_holds),
        test(deliveries_leave_before_the_answer),
        test(an_item_may_be_kept),
        test(nothing_is_missed_between_reading_and_following),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
