/* The contract of the store (store/store.h): many batches on their way, and what survives a stop and a kill. */
#include "contract/store_backends.h"

#include <signal.h>
#include <sys/wait.h>

/* --- many batches at once --- */

enum { PIPE = 200 };
struct piped {
    struct store_batch batch;
    struct change change;
    struct pipeline *line;
};
struct pipeline {
    struct call call;
    struct piped b[PIPE];
    unsigned slots, answered;
    int64_t seen[STORE_SLOTS]; /* position of the last answer per slot: they come in order */
    int64_t at[STORE_SLOTS];
    pthread_t thread;
    bool early, disordered, unwatched;
    unsigned failed;
};

static void piped_done(struct store_batch *b)
{
    struct pipeline *l = list_item(b, struct piped, batch)->line;
    if (loop_current() != b->loop) l->early = true;
    if (b->position <= l->seen[b->slot]) l->disordered = true;
    l->seen[b->slot] = b->position;
    l->failed += b->err != ERR_OK;
    if (++l->answered == PIPE && !l->unwatched) sem_post(&l->call.ready);
}

static void pipeline_start(struct call *c)
{
    struct pipeline *l = list_item(c, struct pipeline, call);
    for (size_t i = 0; i < PIPE; i++)
        store_apply(c->store, &l->b[i].batch);
    if (l->answered) l->early = true;
}

/* PIPE batches spread over `slots` slots from `first` on, each building on the one before. */
static void pipeline_fill(struct pipeline *l, struct fixture *x, unsigned loop, unsigned first, unsigned slots)
{
    l->slots = slots;
    l->call = (struct call){.fn = pipeline_start, .store = x->store};
    for (size_t i = 0; i < PIPE; i++) {
        unsigned slot = first + (unsigned)i % slots;
        struct piped *p = &l->b[i];
        int64_t at = ++l->at[slot];
        p->line = l;
        p->change = put_timeline(STR("!r"), at, at, STR("json"));
        p->batch = (struct store_batch){.loop = x->loop[loop],
                                        .slot = slot,
                                        .epoch = 1,
                                        .predecessor = at - 1,
                                        .position = at,
                                        .change = &p->change,
                                        .count = 1,
                                        .done = piped_done};
    }
}

static void answers_come_in_order_and_later(void **state)
{
    struct fixture *x = *state;
    struct pipeline *l = mem_zero(sizeof *l);
    pipeline_fill(l, x, 0, 3, 1);
    call_wait(x->loop[0], &l->call);
    assert_false(l->early);
    assert_false(l->disordered);
    assert_int_equal(l->failed, 0);
    assert_int_equal(slot_of(x, 3).position, PIPE);
    mem_free(l);
}

static void what_builds_on_a_failed_batch_fails(void **state)
{
    struct fixture *x = *state;
    struct pipeline *l = mem_zero(sizeof *l);
    pipeline_fill(l, x, 0, 0, 2);
    l->b[100].batch.predecessor = 1; /* slot 0: all from here on; slot 1 is not concerned */
    call_wait(x->loop[0], &l->call);
    assert_false(l->disordered);
    for (size_t i = 0; i < PIPE; i++)
        assert_int_equal(l->b[i].batch.err, i >= 100 && i % 2 == 0 ? ERR_CONFLICT : ERR_OK);
    assert_int_equal(slot_of(x, 0).position, 50);
    assert_int_equal(slot_of(x, 1).position, 100);
    struct store_read r = all_timeline(0, STR("!r"));
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 50);
    mem_free(l);
}

static void *pipeline_thread(void *arg)
{
    struct pipeline *l = arg;
    call_wait(l->b[0].batch.loop, &l->call);
    return NULL;
}

/* How many times are in it. */
static uint64_t timed(const struct histogram *h)
{
    uint64_t n = 0;
    for (unsigned i = 0; h && i <= HISTOGRAM_BOUNDS; i++)
        n += h->range[i];
    return n;
}

static void two_loops_write_all_slots(void **state)
{
    struct fixture *x = *state;
    struct pipeline *l[2];
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 2; i++) {
            if (round == 0) l[i] = mem_zero(sizeof *l[i]);
            l[i]->answered = 0;
            pipeline_fill(l[i], x, i, 32 * i, 32);
            pthread_create(&l[i]->thread, NULL, pipeline_thread, l[i]);
        }
        for (unsigned i = 0; i < 2; i++) {
            pthread_join(l[i]->thread, NULL);
            assert_false(l[i]->early || l[i]->disordered);
            assert_int_equal(l[i]->failed, 0);
        }
    }
    for (unsigned slot = 0; slot < STORE_SLOTS; slot++) {
        assert_int_equal(slot_of(x, slot).position, l[slot / 32]->at[slot]);
        struct store_read r = all_timeline(slot, STR("!r"));
        assert_int_equal(read_rows(x, &r), ERR_OK);
        assert_int_equal(r.count, l[slot / 32]->at[slot]);
        assert_int_equal(r.as_of, r.count);
    }
    struct store_stats st;
    x->store->ops->stats(x->store, &st);
    assert_int_equal(st.batches, 2 * 20 * PIPE);
    assert_int_equal(st.changes, 2 * 20 * PIPE);
    assert_int_equal(st.queue, 0);
    assert_true(st.commits >= 1 && st.commits <= st.batches);
    assert_int_equal(timed(st.commit_time), st.commit_time ? st.commits : 0);
    assert_true(!st.read_time || timed(st.read_time) <= st.reads);
    mem_free(l[0]);
    mem_free(l[1]);
}

/* --- what must survive --- */

static void closing_keeps_all(void **state)
{
    struct world *w = *state;
    struct fixture *x = &w->x;
    if (!w->backend->durable) skip();
    for (int64_t i = 0; i < 50; i++) {
        struct change c[] = {put_timeline(STR("!r"), i, i, STR("x")), put_timeline(STR("!r"), i - 3, i, STR("x"))};
        c[1].del = true;
        assert_int_equal(apply(x, 11, i, i + 1, c, 2), ERR_OK);
        if (i % 10 == 9) reopen(w);
    }
    check_ords(x, all_timeline(11, STR("!r")), (int64_t[]){47, 48, 49}, 3, false);
    assert_int_equal(slot_of(x, 11).position, 50);
    assert_int_equal(slot_of(x, 11).epoch, 7);
    assert_int_equal(slot_of(x, 12).position, 0);
    struct change c = put_timeline(STR("!r"), 50, 50, STR("x"));
    assert_int_equal(apply(x, 11, 49, 51, &c, 1), ERR_CONFLICT);
    assert_int_equal(apply(x, 11, 50, 51, &c, 1), ERR_OK);
}

static void queue_and_leave(struct call *c)
{
    pipeline_start(c);
    sem_post(&c->ready);
}

/* The loop goes on: it ends its tick while the store closes or after, and has the answers then. */
static void closing_commits_what_is_queued(void **state)
{
    struct world *w = *state;
    struct fixture *x = &w->x;
    if (!w->backend->durable || w->backend->wrapper) skip();
    struct pipeline *l = mem_zero(sizeof *l);
    pipeline_fill(l, x, 0, 0, 64);
    l->call.fn = queue_and_leave;
    l->unwatched = true;
    call_wait(x->loop[0], &l->call);
    x->store->ops->close(x->store);
    for (size_t i = 0; i < PIPE; i++)
        assert_int_equal(l->b[i].batch.err, ERR_OK);
    assert_int_equal(w->backend->open(x->data, &x->store), ERR_OK);
    for (unsigned slot = 0; slot < STORE_SLOTS; slot++)
        assert_int_equal(slot_of(x, slot).position, PIPE / 64 + (slot < PIPE % 64));
    assert_false(l->early || l->disordered);
    loop_stop(x->loop[0]);
    pthread_join(x->thread[0], NULL);
    assert_int_equal(l->answered, PIPE);
    pthread_create(&x->thread[0], NULL, loop_thread, x->loop[0]);
    mem_free(l);
}

/* The child applies without end and tells each answer on stdout; it is killed at some moment. */
static int child(const char *name, const char *path, int64_t at)
{
    for (size_t i = 0; i < BACKENDS; i++) {
        if (strcmp(backends[i].name, name) != 0) continue;
        struct fixture x = {0};
        if (backends[i].open(path, &x.store)) return 2;
        fixture_loops(&x);
        for (;; at++) {
            struct change c[2] = {put_timeline(STR("!r"), at, at, STR("x")), put_letter(1, at, STR("y"))};
            if (apply(&x, 1, at, at + 1, c, 2)) return 3;
            if (write(1, &at, sizeof at) != sizeof at) return 4;
        }
    }
    return 1;
}

static int64_t kill_a_child(const char *name, const char *path, int64_t at, unsigned after)
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)at);
        dup2(out[1], 1);
        close(out[0]);
        execl("/proc/self/exe", "test_store_life", "child", name, path, number, (char *)NULL);
        _exit(9);
    }
    close(out[1]);
    int64_t last = -1;
    for (unsigned i = 0; read(out[0], &last, sizeof last) == sizeof last; i++)
        if (i == after) kill(pid, SIGKILL);
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status));
    close(out[0]);
    return last;
}

static void what_was_acknowledged_survives_a_kill(void **state)
{
    struct world *w = *state;
    struct fixture *x = &w->x;
    if (!w->backend->durable) skip();
    int64_t at = 0;
    for (unsigned round = 0; round < 6; round++) {
        x->store->ops->close(x->store);
        x->store = NULL;
        int64_t last = kill_a_child(w->backend->name, x->data, at, round * 17);
        assert_true(last >= at);
        assert_int_equal(w->backend->open(x->data, &x->store), ERR_OK);
        at = slot_of(x, 1).position;
        assert_true(at >= last + 1);
        struct store_read t = all_timeline(1, STR("!r")), l = {.slot = 1, .table = T_letter_out};
        assert_int_equal(read_rows(x, &t), ERR_OK);
        assert_int_equal(read_rows(x, &l), ERR_OK);
        assert_int_equal(t.count, at);
        assert_int_equal(l.count, at);
    }
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[] = {
        ON_BACKEND(answers_come_in_order_and_later), ON_BACKEND(what_builds_on_a_failed_batch_fails),
        ON_BACKEND(two_loops_write_all_slots),       ON_BACKEND(closing_keeps_all),
        ON_BACKEND(closing_commits_what_is_queued),  ON_BACKEND(what_was_acknowledged_survives_a_kill),
    };
    if (argc == 5 && strcmp(argv[1], "child") == 0) return child(argv[2], argv[3], strtoll(argv[4], NULL, 10));
    return on_all_backends(argc, argv, tests, sizeof tests / sizeof *tests);
}
