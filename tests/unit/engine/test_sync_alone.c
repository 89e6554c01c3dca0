/* /sync at a server that alone has lost the others: nobody is kept waiting for what cannot come there. */
#include "client.h"

enum { LONG_MS = 30000, SOON_MS = 1000 };

static int64_t real_ms(void)
{
    return loop_now_ms(loop_current());
}

static void tell_gateway(void *arg)
{
    fiber_sleep_ms(20);
    sync_gateway_alone(arg, true);
}

static void alone_script(struct scene *x)
{
    struct client c = {.x = x, .number = 1};
    char stood[sizeof c.since];
    fill_room(x);
    assert_int_equal(sync_for(&c, 0), ERR_OK);
    memcpy(stood, c.since, sizeof stood);
    int64_t began_ms = real_ms();
    fiber_spawn(tell_gateway, x->engine->gateway[0]);
    assert_int_equal(sync_for(&c, LONG_MS), ERR_OK); /* who waits already */
    assert_in_range(real_ms() - began_ms, 20, LONG_MS / 2);
    assert_null(joined(&c, ROOM));
    assert_counts(&c);
    assert_string_equal(c.since, stood);
    began_ms = real_ms();
    assert_int_equal(sync_for(&c, LONG_MS), ERR_OK); /* who comes all the same: not at once, so that it does not ask without end */
    assert_in_range(real_ms() - began_ms, SOON_MS, LONG_MS / 2);
    say_in(x, ROOM, "still here");
    assert_int_equal(sync_for(&c, LONG_MS), ERR_OK);
    assert_int_equal(told(&c, ROOM, "still here"), 1);
    sync_gateway_alone(x->engine->gateway[0], false);
    began_ms = real_ms();
    assert_int_equal(sync_for(&c, 2 * SOON_MS), ERR_OK); /* as ever */
    assert_true(real_ms() - began_ms >= 2 * SOON_MS);
}

static void nobody_waits_where_nothing_comes(void **state)
{
    (void)state;
    play_at_gate(alone_script, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_waits_where_nothing_comes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
