#include "store/wait.h"

#include "loop/fiber.h"

static void read_done(struct store_read *r)
{
    struct fiber *f = r->arg;
    r->done = NULL;
    fiber_wake(f);
}

void store_reads_begin(struct store *s, struct store_read *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        r[i].loop = loop_current();
        r[i].done = read_done;
        r[i].arg = fiber_current();
        store_read(s, &r[i]);
    }
}

void store_reads_wait(struct store_read *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        while (r[i].done)
            fiber_park();
}

enum err store_read_wait(struct store *s, struct store_read *r)
{
    store_reads_begin(s, r, 1);
    store_reads_wait(r, 1);
    return r->err;
}

/* Who waits for an answer; NULL: it has come. */
static void wake(struct fiber **waiting)
{
    struct fiber *f = *waiting;
    *waiting = NULL;
    fiber_wake(f);
}

static void wait_for(struct fiber **waiting)
{
    while (*waiting)
        fiber_park();
}

struct looking {
    struct store_look look;
    struct fiber *fiber;
};

static void looked(struct store_look *l)
{
    wake(&list_item(l, struct looking, look)->fiber);
}

enum err store_look_wait(struct store *s, unsigned slot, struct store_slot *out)
{
    struct looking w = {.look = {.loop = loop_current(), .slot = slot, .done = looked}, .fiber = fiber_current()};
    store_look(s, &w.look);
    wait_for(&w.fiber);
    *out = w.look.at;
    return w.look.err;
}

struct applying {
    struct store_batch batch;
    struct fiber *fiber;
};

static void applied(struct store_batch *b)
{
    wake(&list_item(b, struct applying, batch)->fiber);
}

enum err store_apply_wait(struct store *s, const struct store_batch *b)
{
    struct applying w = {.batch = *b, .fiber = fiber_current()};
    w.batch.loop = loop_current();
    w.batch.done = applied;
    store_apply(s, &w.batch);
    wait_for(&w.fiber);
    return w.batch.err;
}
