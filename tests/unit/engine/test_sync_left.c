/* /sync while the store is away: who left the client's rooms, and the counts of its keys. */
#include "client.h"

static void upload_key(struct client *c, const char *id)
{
    struct command u = {.type = CMD_user_keys_upload, .key = me(c), .s = {STR("DEVICE")}};
    u.s[2] = arena_printf(&c->x->arena, "{\"signed_curve25519:%s\":{\"key\":\"%s\"}}", id, id);
    call(c->x, u);
}

static int64_t count_of_keys(const struct client *c)
{
    return json_int_at(json_get(c->answer, "device_one_time_keys_count"), "signed_curve25519", 0);
}

static bool told_left(const struct client *c, unsigned number)
{
    const struct json *left = json_get(json_get(c->answer, "device_lists"), "left");
    for (const struct json *v = left ? left->child : NULL; v; v = v->next)
        if (str_eq(json_string(v), person(&c->x->arena, number))) return true;
    return false;
}

static void leave(struct scene *x, unsigned number)
{
    call(x, member(person(&x->arena, number), person(&x->arena, number), "leave"));
}

/* A room is new and cannot be told, so that the user's news waits: one of those who left the other room is in it. */
static void left_in_torn_look_script(struct scene *x)
{
    struct client c = {.x = x, .number = 1};
    fill_room(x);
    make_open_room(x, SECOND_ROOM);
    upload_key(&c, "A");
    assert_int_equal(sync_for(&c, 0), ERR_OK);
    assert_int_equal(count_of_keys(&c), 1);
    for (unsigned i = 1; i <= 2; i++)
        call(x, in_room(SECOND_ROOM, member(person(&x->arena, i), person(&x->arena, i), "join")));
    upload_key(&c, "B");
    leave(x, 2);
    leave(x, 3);
    slot_fail(&x->engine->cluster->slot[cluster_slot_of(SECOND_ROOM)], ERR_UNAVAILABLE);
    gate->broken = ERR_UNAVAILABLE;
    gate->broken_table = T_state_log;
    gate->broken_slot = cluster_slot_of(SECOND_ROOM);
    assert_int_equal(sync_for(&c, PATIENT_MS), ERR_OK);
    assert_non_null(joined(&c, ROOM));
    assert_null(joined(&c, SECOND_ROOM));
    assert_true(told_left(&c, 3));
    assert_false(told_left(&c, 2));
    assert_int_equal(count_of_keys(&c), 2); /* and not as they were before */
}

static void who_left_is_looked_for_in_the_rooms_as_just_told(void **state)
{
    (void)state;
    play_at_gate(left_in_torn_look_script, NULL);
}

/* The counts were none, and those who look next must not be told so any more. */
static void first_keys_script(struct scene *x)
{
    struct client c = {.x = x, .number = 1};
    fill_room(x);
    assert_int_equal(sync_for(&c, 0), ERR_OK);
    assert_counts(&c);
    assert_int_equal(count_of_keys(&c), 0);
    upload_key(&c, "A");
    assert_int_equal(sync_for(&c, PATIENT_MS), ERR_OK); /* that alone is news */
    assert_int_equal(count_of_keys(&c), 1);
    say(x, person(&x->arena, 0), "{\"msgtype\":\"m.text\",\"body\":\"later\"}");
    assert_int_equal(sync_for(&c, PATIENT_MS), ERR_OK);
    assert_int_equal(told(&c, ROOM, "later"), 1);
    assert_int_equal(count_of_keys(&c), 1);
}

static void counts_of_keys_take_the_place_of_none(void **state)
{
    (void)state;
    play_at_gate(first_keys_script, NULL);
}

static void check_who_left_is_told_later(struct client *c)
{
    assert_int_equal(sync_for(c, PATIENT_MS), ERR_OK);
    assert_non_null(joined(c, ROOM)); /* which does not wait for that */
    assert_false(told_left(c, 2));
    assert_true(told_left(c, 3));
    assert_int_equal(sync_for(c, 3000), ERR_OK); /* asked again, in vain */
    assert_false(told_left(c, 2));
    gate->broken = ERR_OK;
    assert_int_equal(sync_for(c, PATIENT_MS), ERR_OK);
    assert_true(told_left(c, 2));
    assert_false(told_left(c, 3));
    assert_null(joined(c, ROOM));
}

static void left_unread_script(struct scene *x)
{
    struct client c = {.x = x, .number = 1};
    fill_room(x);
    assert_int_equal(sync_for(&c, 0), ERR_OK);
    leave(x, 2);
    leave(x, 3);
    gate->broken = ERR_UNAVAILABLE;
    gate->broken_table = T_user_room;
    gate->broken_slot = cluster_slot_of(person(&x->arena, 2));
    check_who_left_is_told_later(&c);
}

static void left_unserved_script(struct scene *x)
{
    struct client c = {.x = x, .number = 1};
    fill_room(x);
    assert_int_equal(sync_for(&c, 0), ERR_OK);
    leave(x, 2);
    leave(x, 3);
    lose_slot(x, cluster_slot_of(person(&x->arena, 2)));
    struct watch w = {.slot = &x->engine->cluster->slot[gate->broken_slot]};
    fiber_spawn(watch_slot, &w);
    check_who_left_is_told_later(&c);
    w.over = true;
    while (!w.done)
        fiber_sleep_ms(1);
    assert_false(w.asked);
}

static void who_left_is_told_later_where_their_rooms_cannot_be_read(void **state)
{
    (void)state;
    play_at_gate(left_unread_script, NULL);
    play_at_gate(left_unserved_script, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_left_is_looked_for_in_the_rooms_as_just_told),
        cmocka_unit_test(counts_of_keys_take_the_place_of_none),
        cmocka_unit_test(who_left_is_told_later_where_their_rooms_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
