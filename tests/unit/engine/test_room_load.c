/* The first message to a room that is not in memory waits for the store: a few times, however large the room is. */
#include "chat.h"

#include "unit/cluster/gate.h"

enum { GUESTS = 150, ROUND_TRIPS_MAX = 6 };

static void many_people(struct scene *x)
{
    fill_room(x);
    for (unsigned i = PEOPLE; i < GUESTS; i++)
        call(x, member(person(&x->arena, i), person(&x->arena, i), "join"));
    for (unsigned i = 0; i < 2 * ROOM_TAIL; i++)
        say(x, person(&x->arena, 1), "{\"body\":\"x\"}");
}

static bool said;

static void say_one(void *arg)
{
    struct scene *x = arg;
    say(x, person(&x->arena, 1), "{\"body\":\"the first one\"}");
    said = true;
}

static bool all_are_open(struct scene *x)
{
    struct cluster_stats st;
    cluster_stats(x->engine->cluster, &st);
    return st.slots_open == CLUSTER_SLOTS;
}

/* Each time all that was asked until then is answered. */
static void count_round_trips(struct scene *x)
{
    struct gate *g = gate_of(x->store);
    unsigned trips = 0;
    said = false;
    while (!all_are_open(x))
        fiber_sleep_ms(1);
    g->hold_reads = GATE_READS_LATE;
    assert_null(room_in_memory(x));
    for (fiber_spawn(say_one, x); !said; fiber_sleep_ms(1)) {
        size_t reads = 0;
        list_each(it, &g->reads) reads++;
        trips += reads > 0;
        while (reads--)
            (void)gate_let_read(g);
    }
    gate_open(g);
    assert_in_range(trips, 1, ROUND_TRIPS_MAX);
}

static void a_large_room_takes_no_more_round_trips_than_a_small_one(void **state)
{
    (void)state;
    struct store *store = store_memory_new();
    play_on(store, many_people);
    struct gate *g = gate_new(store);
    play_on(&g->store, count_round_trips);
    g->store.ops->close(&g->store);
    store->ops->close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_room_takes_no_more_round_trips_than_a_small_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
