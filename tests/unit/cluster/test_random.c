/* Random commands of random boxes, on a store that fails and a process that dies at random, against a model of what was said: what was
 * acknowledged is there, what was refused never was, nothing is told before it is durable, letters count once.
 *
 *   ROOKERY_SEED=5 ROOKERY_ROUNDS=1000 build/asan/tests/unit/cluster/test_random     so many rounds from that seed on */
#include "unit/cluster/toy.h"

enum { BOXES = 7, STEPS = 150, ROUNDS = 60 };

enum fate {
    PENDING,
    DONE,    /* acknowledged */
    REFUSED, /* never to be seen */
    UNKNOWN, /* the process died first */
};

/* A thing: put by one command, perhaps moved to a second box at the same time, perhaps taken away by another. */
struct thing {
    unsigned box, to; /* to: BOXES when it is not moved */
    int64_t value;
    enum fate put, taken;
    bool seen, is_taken; /* seen: by somebody, so it is durable; is_taken: somebody has asked for it */
    unsigned told;       /* to gateway 0 */
};

struct question {
    struct ask *ask;
    unsigned box;
    size_t things;                     /* that there were when it was asked */
    bool must[STEPS], must_not[STEPS]; /* be in the answer */
};

struct round {
    struct toy_scene toy;
    struct scene *scene;
    uint64_t seed;
    struct str box[BOXES];
    struct thing thing[STEPS];
    size_t things;
    struct question *question[STEPS];
    size_t questions;
    uint64_t chain[CLUSTER_SLOTS];
    size_t refused, acknowledged, crashes, seen; /* how much of everything there was */
};

static void check(const struct round *r, bool right, const char *wrong, int64_t thing)
{
    const struct thing *t = &r->thing[thing];
    if (right) return;
    fail_msg("ROOKERY_SEED=%llu: thing %lld: %s (box %u, to %u, put %d, taken %d, seen %d, told %u)", (unsigned long long)r->seed,
             (long long)thing, wrong, t->box, t->to, t->put, t->taken, t->seen, t->told);
}

/* --- asking --- */

static void start_put(struct round *r)
{
    size_t id = r->things++;
    struct thing *t = &r->thing[id];
    *t = (struct thing){.box = dice(BOXES), .to = dice(3) ? BOXES : dice(BOXES), .value = 1 + dice(1000), .taken = REFUSED};
    if (t->to == t->box) t->to = BOXES;
    struct str key = r->box[t->box];
    struct command c = t->to < BOXES ? move(key, r->box[t->to], (int64_t)id, t->value) : add(key, (int64_t)id, t->value);
    c.num[2] = dice(6) ? TOY_GOOD : TOY_REFUSED_FIRST + dice(3);
    if (t->to == BOXES && dice(6) == 0) c.num[3] = 1 + dice(300);
    c.num[4] = dice(4) == 0;
    struct ask *a = ask_on(r->scene, dice(SCENE_LOOPS), c);
    a->own = &t->put;
}

static void start_take(struct round *r)
{
    if (r->things == 0) return;
    size_t id = dice((unsigned)r->things);
    struct thing *t = &r->thing[id];
    if (t->is_taken || t->put != DONE || t->to < BOXES) return;
    t->is_taken = true;
    t->taken = PENDING;
    ask_on(r->scene, dice(SCENE_LOOPS), del(r->box[t->box], (int64_t)id))->own = &t->taken;
}

static void start_question(struct round *r)
{
    struct question *q = mem_zero(sizeof *q);
    q->box = dice(BOXES);
    q->things = r->things;
    for (size_t i = 0; i < r->things; i++) {
        const struct thing *t = &r->thing[i];
        if (t->box != q->box && t->to != q->box) continue;
        q->must_not[i] = t->put == REFUSED || (t->is_taken && t->taken == DONE);
        q->must[i] = t->box == q->box && (t->put == DONE || t->seen) && (!t->is_taken || t->taken == REFUSED);
    }
    struct command c = list_of(r->box[q->box]);
    if (dice(2)) c.type = BOX_FOLLOW;
    q->ask = ask_on(r->scene, dice(SCENE_LOOPS), c);
    r->question[r->questions++] = q;
}

/* --- what was answered --- */

static void see(struct round *r, int64_t id)
{
    assert_true(id >= 0 && id < (int64_t)r->things);
    struct thing *t = &r->thing[id];
    check(r, t->put != REFUSED, "was refused, and is seen", id);
    t->seen = true;
    r->seen++;
}

static void judge_question(struct round *r, struct question *q)
{
    const struct reply *reply = &q->ask->reply;
    const int64_t *id = (const int64_t *)(const void *)reply->s[0].p;
    static bool there[STEPS];
    if (reply->err != ERR_OK) return;
    memset(there, 0, sizeof there);
    for (int64_t i = 0; i < reply->num[0]; i++) {
        see(r, id[i]);
        check(r, !there[id[i]], "is there twice", id[i]);
        there[id[i]] = true;
    }
    for (size_t i = 0; i < q->things; i++) {
        bool may_be_gone = r->thing[i].is_taken && r->thing[i].taken != REFUSED;
        check(r, there[i] || !q->must[i] || may_be_gone, "was acknowledged, and is not seen", (int64_t)i);
        check(r, !there[i] || !q->must_not[i], "had been refused or taken away, and is seen", (int64_t)i);
    }
}

static void judge_change(struct round *r, struct ask *a)
{
    enum fate *fate = a->own;
    enum err e = a->reply.err;
    bool good = e == ERR_OK || e == ERR_FORBIDDEN || e == ERR_TOO_LARGE || e == ERR_STORAGE || e == ERR_UNAVAILABLE;
    check(r, good, "has a strange answer", a->cmd.num[0]);
    *fate = e == ERR_OK ? DONE : REFUSED;
    *(e == ERR_OK ? &r->acknowledged : &r->refused) += 1;
    struct thing *t = &r->thing[a->cmd.num[0]];
    check(r, t->put != REFUSED || !t->seen, "was seen, and is refused", a->cmd.num[0]);
}

static void judge_deliveries(struct round *r)
{
    struct scene *s = r->scene;
    for (size_t i = 0; i < s->gots; i++) {
        struct got *g = &s->got[i];
        struct thing *t = &r->thing[g->id];
        if (g->gateway != 0) continue;
        if (g->first == 0) check(r, g->chain == ++r->chain[g->slot], "comes with a gap in the chain", g->id);
        if (t->to == BOXES && !t->is_taken) check(r, t->told++ == 0, "is told twice", g->id);
        see(r, g->id);
    }
    s->gots = 0;
}

static void judge(struct round *r)
{
    judge_deliveries(r);
    list_each_safe(it, &r->scene->asks)
    {
        struct ask *a = list_item(it, struct ask, link);
        if (!a->done || !a->own) continue;
        judge_change(r, a);
        ask_free(a);
    }
    for (size_t i = 0; i < r->questions;) {
        struct question *q = r->question[i];
        if (!q->ask->done) {
            i++;
            continue;
        }
        judge_question(r, q);
        ask_free(q->ask);
        mem_free(q);
        r->question[i] = r->question[--r->questions];
    }
}

/* --- what happens --- */

static void forget_answers(struct round *r)
{
    while (!list_is_empty(&r->scene->asks)) {
        struct ask *a = list_item(r->scene->asks.next, struct ask, link);
        assert_true(a->done);
        ask_free(a);
    }
    while (r->questions)
        mem_free(r->question[--r->questions]);
}

/* Some of what is on its way gets into the store, and nobody hears of it. */
static void crash(struct round *r)
{
    judge(r);
    for (size_t i = 0; i < r->things; i++) {
        struct thing *t = &r->thing[i];
        if (t->put == PENDING) t->put = UNKNOWN;
        if (t->is_taken && t->taken == PENDING) t->taken = UNKNOWN;
    }
    r->scene->gate->broken = ERR_OK;
    for (unsigned n = dice(6); n > 0; n--)
        gate_let_unheard(r->scene->gate, STORE_SLOTS);
    scene_crash(r->scene);
    r->scene->gots = 0;
    forget_answers(r);
    memset(r->chain, 0, sizeof r->chain);
    r->scene->gate->hold = true;
    r->crashes++;
}

static void other_is_done(struct store_batch *b)
{
    mem_free(b);
}

/* Somebody else holds the slot for a moment. */
static void another_writer(struct round *r)
{
    struct store_slot at;
    struct store *store = r->scene->inside;
    struct store_batch *b = mem_zero(sizeof *b);
    unsigned slot = cluster_slot_of(r->box[dice(BOXES)]);
    assert_int_equal(store_stands(store, slot, &at), ERR_OK);
    *b = (struct store_batch){.loop = r->scene->loop[0],
                              .slot = slot,
                              .epoch = at.epoch + 1,
                              .predecessor = at.position,
                              .position = at.position + 1,
                              .done = other_is_done};
    store_apply(store, b);
}

/* All goes well for a moment. */
static void breathe(struct scene *s)
{
    gate_open(s->gate);
    scene_settle(s);
    s->gate->hold = true;
}

static void step(struct round *r)
{
    struct scene *s = r->scene;
    struct gate *g = s->gate;
    unsigned what = dice(1000), slot = dice(3) ? cluster_slot_of(r->box[dice(BOXES)]) : STORE_SLOTS;
    if (what < 270)
        start_put(r);
    else if (what < 320)
        start_take(r);
    else if (what < 400)
        start_question(r);
    else if (what < 760)
        gate_let_batch(g, slot);
    else if (what < 830)
        gate_let_read(g);
    else if (what < 850)
        g->hold_reads = dice(3);
    else if (what < 870)
        g->hold = dice(3) != 0;
    else if (what < 890)
        store_faulty_fail_nth(s->faulty, 1 + dice(3));
    else if (what < 900)
        store_faulty_fail_all(s->faulty, dice(4) == 0);
    else if (what < 910)
        g->broken = dice(4) ? ERR_OK : ERR_STORAGE;
    else if (what < 925)
        r->toy.toy.take_failures = dice(3);
    else if (what < 935)
        another_writer(r);
    else if (what < 980)
        scene_skip(s, 1 + dice(1500));
    else if (what < 990)
        breathe(s);
    else
        crash(r);
    for (unsigned n = dice(4); n > 0; n--)
        loop_poll(s->loop[dice(SCENE_LOOPS)]);
    if (dice(4) == 0) scene_settle(s);
    judge(r);
}

/* --- the end --- */

static void heal(struct round *r)
{
    struct scene *s = r->scene;
    store_faulty_fail_nth(s->faulty, 0);
    store_faulty_fail_all(s->faulty, false);
    s->gate->broken = ERR_OK;
    r->toy.toy.take_failures = 0;
    for (unsigned n = 0; n < 4; n++) {
        gate_open(s->gate);
        scene_skip(s, LETTER_PATIENCE_MS);
    }
    assert_true(asks_are_done(s));
    judge(r);
}

static enum err count_letters(struct turn *t)
{
    struct store_read read = {.table = T_letter_out, .limit = 100000};
    enum err e = turn_range(t, &read);
    turn_reply(t)->num[0] = (int64_t)read.count;
    return e;
}

static void judge_box(struct round *r, unsigned box)
{
    struct reply reply;
    bool there[STEPS] = {false};
    int64_t sum = 0;
    assert_int_equal(tell(r->scene, run_shared(r->box[box], count_letters), &reply), ERR_OK);
    check(r, reply.num[0] == 0, "or another has left a letter", 0);
    assert_int_equal(tell(r->scene, list_of(r->box[box]), &reply), ERR_OK);
    const int64_t *id = (const int64_t *)(const void *)reply.s[0].p;
    for (int64_t i = 0; i < reply.num[0]; i++) {
        assert_true(id[i] >= 0 && id[i] < (int64_t)r->things);
        check(r, !there[id[i]], "is there twice in the end", id[i]);
        there[id[i]] = true;
    }
    for (size_t i = 0; i < r->things; i++) {
        struct thing *t = &r->thing[i];
        bool here = t->box == box || t->to == box, gone = t->is_taken && t->taken == DONE;
        bool must = here && (t->put == DONE || t->seen) && (!t->is_taken || t->taken == REFUSED);
        check(r, !there[i] || (here && t->put != REFUSED && !gone), "was refused or taken away, and is there in the end", (int64_t)i);
        check(r, there[i] || !must, "was acknowledged, and is not there in the end", (int64_t)i);
        if (there[i]) sum += t->box == box && t->to < BOXES ? -t->value : t->value;
        /* The box that it was moved to comes to the same result. */
        if (here && t->to < BOXES && t->put != DONE && t->put != REFUSED) t->put = there[i] ? DONE : REFUSED;
    }
    check(r, sum == reply.num[1], "or another has the wrong value", 0);
}

static struct round totals;

static void play(uint64_t seed)
{
    struct round *r = mem_zero(sizeof *r);
    toy_init(&r->toy, SCENE_LOOPS);
    r->scene = &r->toy.scene;
    r->toy.toy.take_error = ERR_UNAVAILABLE;
    r->seed = seed;
    dice_state = seed * 7919;
    for (unsigned i = 0; i < BOXES; i++)
        r->box[i] = key_in_slot(&r->toy.arena, 10 + i / 2 * 4 + i / 4, i); /* two of a slot; on all loops */
    r->scene->gate->hold = true;
    for (unsigned i = 0; i < STEPS; i++)
        step(r);
    heal(r);
    for (unsigned i = 0; i < BOXES; i++)
        judge_box(r, i);
    crash(r);
    heal(r);
    for (unsigned i = 0; i < BOXES; i++)
        judge_box(r, i);
    check(r, r->toy.toy.doubled == 0, "or another came twice by letter", 0);
    check(r, r->toy.toy.overtaken == 0, "or another came too early by letter", 0);
    check(r, r->toy.toy.diverged == 0, "or another is not in memory as in its row", 0);
    totals.acknowledged += r->acknowledged;
    totals.refused += r->refused;
    totals.crashes += r->crashes;
    totals.seen += r->seen;
    toy_release(&r->toy);
    mem_free(r);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void what_was_said_is_true(void **state)
{
    (void)state;
    uint64_t first = number_of("ROOKERY_SEED", 1), rounds = number_of("ROOKERY_ROUNDS", getenv("ROOKERY_SEED") ? 1 : ROUNDS);
    for (uint64_t seed = first; seed < first + rounds; seed++)
        play(seed);
    print_message("%zu acknowledged, %zu refused, %zu seen, %zu crashes\n", totals.acknowledged, totals.refused, totals.seen,
                  totals.crashes);
    if (rounds >= ROUNDS) assert_true(totals.acknowledged > 10 * rounds && totals.refused > 5 * rounds && totals.crashes > rounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_said_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
