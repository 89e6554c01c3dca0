/* /sync while the store is away: what can be told is told, and for the rest the token stays where it was, so that it comes later, once. */
#include "client.h"

/* --- the user cannot be asked --- */

/* They are in three slots, so that each has a position of its own. */
static void assert_apart(struct client *c)
{
    unsigned user = cluster_slot_of(me(c)), one = cluster_slot_of(ROOM), two = cluster_slot_of(SECOND_ROOM);
    assert_true(user != one && user != two && one != two);
}

static void user_away_script(struct scene *x)
{
    struct client c = {.x = x, .number = 1};
    fill_room(x);
    assert_apart(&c);
    assert_int_equal(sync_for(&c, 0), ERR_OK);
    assert_non_null(joined(&c, ROOM));
    int64_t user_at = stands_at(&c, me(&c)), room_at = stands_at(&c, ROOM);
    gate->broken = ERR_UNAVAILABLE;
    put_account_data(&c);
    for (unsigned i = 0; i < 3; i++) { /* also while the user's slot is left alone for a while */
        const char *body = (const char *const[]){"one", "two", "three"}[i];
        say(x, person(&x->arena, 0), arena_printf(&x->arena, "{\"msgtype\":\"m.text\",\"body\":\"%s\"}%c", body, 0).p);
        assert_int_equal(sync_for(&c, PATIENT_MS), ERR_OK);
        assert_int_equal(told(&c, ROOM, body), 1);
        assert_null(account_data(&c));
        assert_counts(&c);
        assert_int_equal(stands_at(&c, me(&c)), user_at);
        assert_true(stands_at(&c, ROOM) > room_at);
        room_at = stands_at(&c, ROOM);
    }
    gate->broken = ERR_OK;
    assert_int_equal(sync_for(&c, PATIENT_MS), ERR_OK); /* asked again by itself */
    assert_int_equal(account_data(&c)->count, 1);
    assert_null(joined(&c, ROOM));
    assert_true(stands_at(&c, me(&c)) > user_at);
}

static void rooms_are_told_while_the_user_cannot_be_asked(void **state)
{
    (void)state;
    play_at_gate(user_away_script, NULL);
}

/* --- nobody serves a room's slot --- */

static void unserved_script(struct scene *x)
{
    struct client c = {.x = x, .number = 1};
    struct watch w = {.slot = &x->engine->cluster->slot[cluster_slot_of(ROOM)]};
    fill_room(x);
    make_open_room(x, SECOND_ROOM);
    call(x, in_room(SECOND_ROOM, member(me(&c), me(&c), "join")));
    assert_int_equal(sync_for(&c, 0), ERR_OK);
    int64_t room_at = stands_at(&c, ROOM);
    say(x, person(&x->arena, 0), "{\"msgtype\":\"m.text\",\"body\":\"before\"}");
    lose_slot(x, w.slot->index);
    say_in(x, SECOND_ROOM, "one");
    assert_int_equal(sync_for(&c, PATIENT_MS), ERR_OK); /* asked once: it may be a moment only */
    assert_int_equal(told(&c, SECOND_ROOM, "one"), 1);
    fiber_spawn(watch_slot, &w);
    assert_int_equal(sync_for(&c, 3000), ERR_OK); /* longer than it is left alone for other reasons */
    say_in(x, SECOND_ROOM, "two");
    assert_int_equal(sync_for(&c, PATIENT_MS), ERR_OK);
    assert_int_equal(told(&c, SECOND_ROOM, "two"), 1);
    assert_int_equal(stands_at(&c, ROOM), room_at);
    w.over = true;
    while (!w.done)
        fiber_sleep_ms(1);
    assert_false(w.asked);
    gate->broken = ERR_OK;
    assert_int_equal(sync_for(&c, PATIENT_MS), ERR_OK); /* by itself, once somebody serves it */
    assert_int_equal(told(&c, ROOM, "before"), 1);
}

static void a_slot_that_nobody_serves_is_left_alone(void **state)
{
    (void)state;
    play_at_gate(unserved_script, NULL);
}

static char since_first_life[2000];

/* --- a cold room beside a warm one --- */

enum { WARM, COLD, ROOMS };

/* Two rooms of one slot, in which the client is; the store is away for the cold one. */
struct neighbours {
    struct client c;
    struct str room[ROOMS];
};

static struct str id_in_slot(struct arena *a, char sigil, unsigned slot, unsigned number)
{
    for (unsigned i = 0;; i++) {
        struct str id = arena_printf(a, "%cn%u:localhost", sigil, i);
        if (cluster_slot_of(id) == slot && number-- == 0) return id;
    }
}

static void find_neighbours(struct neighbours *n, struct scene *x, unsigned slot)
{
    *n = (struct neighbours){.c = {.x = x, .number = 1}};
    for (unsigned i = 0; i < ROOMS; i++)
        n->room[i] = id_in_slot(&x->arena, '!', slot, i);
}

static void come_in(struct client *c, struct str room_id)
{
    make_open_room(c->x, room_id);
    call(c->x, in_room(room_id, member(me(c), me(c), "join")));
}

/* The slot forgets what it has in memory, and then has one room only; no other gets there. Users can be asked. */
static void cool_down(struct neighbours *n)
{
    struct scene *x = n->c.x;
    unsigned slot = cluster_slot_of(n->room[WARM]);
    struct command warm = {.type = CMD_room_joined_members, .key = n->room[WARM], .s = {person(&x->arena, 0)}};
    slot_fail(&x->engine->cluster->slot[slot], ERR_UNAVAILABLE);
    call(x, warm);
    gate->broken = ERR_UNAVAILABLE;
    gate->broken_table = T_state_log;
    gate->broken_slot = slot;
}

static void check_the_warm_one_goes_on(struct neighbours *n)
{
    struct scene *x = n->c.x;
    struct client *c = &n->c;
    for (unsigned i = 0; i < ROOMS; i++)
        come_in(c, n->room[i]);
    assert_int_equal(sync_for(c, 0), ERR_OK);
    assert_non_null(joined(c, n->room[COLD]));
    cool_down(n);
    put_account_data(c);
    say_in(x, n->room[WARM], "one");
    put_data_of(x, id_in_slot(&x->arena, '@', cluster_slot_of(n->room[WARM]), 0)); /* of which the gateway does not hear */
    assert_int_equal(sync_for(c, PATIENT_MS), ERR_OK);
    assert_int_equal(told(c, n->room[WARM], "one"), 1);
    assert_int_equal(account_data(c)->count, 1);
    say_in(x, n->room[WARM], "two");
    assert_int_equal(sync_for(c, PATIENT_MS), ERR_OK);
    assert_int_equal(told(c, n->room[WARM], "two"), 1);
    gate->broken = ERR_OK;
    say_in(x, n->room[COLD], "three");
    assert_int_equal(sync_for(c, PATIENT_MS), ERR_OK);
    assert_int_equal(told(c, n->room[COLD], "three"), 1);
}

static void neighbours_script(struct scene *x)
{
    struct neighbours n;
    find_neighbours(&n, x, cluster_slot_of(ROOM));
    check_the_warm_one_goes_on(&n);
}

static void neighbours_of_the_user_script(struct scene *x)
{
    struct neighbours n;
    find_neighbours(&n, x, cluster_slot_of(person(&x->arena, 1)));
    check_the_warm_one_goes_on(&n);
}

static void a_cold_room_does_not_hold_up_a_warm_one(void **state)
{
    (void)state;
    play_at_gate(neighbours_script, NULL);
    play_at_gate(neighbours_of_the_user_script, NULL);
}

static void come_into_all(struct neighbours *n)
{
    for (unsigned i = 0; i < ROOMS; i++)
        come_in(&n->c, n->room[i]);
    come_in(&n->c, SECOND_ROOM);
    assert_int_equal(sync_for(&n->c, 0), ERR_OK);
}

static void neighbours_behind_script(struct scene *x)
{
    struct neighbours n;
    struct client *c = &n.c;
    find_neighbours(&n, x, cluster_slot_of(ROOM));
    come_into_all(&n);
    say_in(x, n.room[WARM], "one");
    lose_slot(x, cluster_slot_of(ROOM));
    say_in(x, SECOND_ROOM, "meanwhile");
    assert_int_equal(sync_for(c, PATIENT_MS), ERR_OK);
    assert_null(joined(c, n.room[WARM]));
    gate->broken = ERR_OK;
    while (!cluster_reaches(x->engine->cluster, cluster_slot_of(ROOM)))
        fiber_sleep_ms(1);
    cool_down(&n);
    assert_int_equal(sync_for(c, PATIENT_MS), ERR_OK);
    assert_int_equal(told(c, n.room[WARM], "one"), 1);
}

static void nor_where_the_slot_could_not_be_asked_before(void **state)
{
    (void)state;
    play_at_gate(neighbours_behind_script, NULL);
}

/* Who does not wait asks all rooms of the slot, as who comes for the first time does. */
static void unchanged_script(struct scene *x)
{
    struct neighbours n;
    struct client *c = &n.c;
    find_neighbours(&n, x, cluster_slot_of(ROOM));
    come_into_all(&n);
    cool_down(&n);
    say_in(x, n.room[WARM], "one");
    assert_int_equal(sync_for(c, 0), ERR_OK);
    assert_int_equal(told(c, n.room[WARM], "one"), 1);
    assert_null(joined(c, n.room[COLD]));
    gate->broken = ERR_OK;
    say_in(x, n.room[COLD], "two");
    assert_int_equal(sync_for(c, PATIENT_MS), ERR_OK);
    assert_int_equal(told(c, n.room[COLD], "two"), 1);
}

/* The slot's other rooms are asked with one that is new. */
static void new_room_script(struct scene *x)
{
    struct neighbours n;
    struct client *c = &n.c;
    find_neighbours(&n, x, cluster_slot_of(ROOM));
    struct str new = id_in_slot(&x->arena, '!', cluster_slot_of(ROOM), ROOMS);
    come_into_all(&n);
    cool_down(&n);
    come_in(c, new);
    say_in(x, n.room[WARM], "one");
    assert_int_equal(sync_for(c, PATIENT_MS), ERR_OK);
    assert_int_equal(told(c, n.room[WARM], "one"), 1);
    assert_non_null(json_get(joined(c, new), "timeline"));
    gate->broken = ERR_OK;
}

static void a_cold_room_that_has_not_changed_holds_up_nothing(void **state)
{
    (void)state;
    play_at_gate(unchanged_script, NULL);
    play_at_gate(new_room_script, NULL);
}

static void before_first_look_script(struct scene *x)
{
    struct neighbours n;
    find_neighbours(&n, x, cluster_slot_of(ROOM));
    come_into_all(&n);
    memcpy(since_first_life, n.c.since, sizeof since_first_life);
    say_in(x, n.room[COLD], "before");
}

/* What was said before the gateway heard of the room is told once the room can be read, though what was said later in its neighbour is known. */
static void first_look_script(struct scene *x)
{
    struct neighbours n;
    struct client *c = &n.c;
    find_neighbours(&n, x, cluster_slot_of(ROOM));
    memcpy(c->since, since_first_life, sizeof since_first_life);
    cool_down(&n);
    say_in(x, SECOND_ROOM, "meanwhile");
    assert_int_equal(sync_for(c, PATIENT_MS), ERR_OK);
    assert_int_equal(told(c, SECOND_ROOM, "meanwhile"), 1);
    say_in(x, n.room[WARM], "later");
    assert_int_equal(sync_for(c, 3000), ERR_OK); /* it is asked again, in vain */
    assert_null(joined(c, n.room[WARM]));
    gate->broken = ERR_OK;
    assert_int_equal(sync_for(c, PATIENT_MS), ERR_OK);
    assert_int_equal(told(c, n.room[COLD], "before"), 1);
    assert_int_equal(told(c, n.room[WARM], "later"), 1);
}

static void a_first_look_that_could_not_be_whole_is_made_good(void **state)
{
    (void)state;
    play_at_gate(before_first_look_script, first_look_script);
}

/* --- the events that are to be counted cannot be read --- */

static int64_t unread(const struct client *c, struct str room_id)
{
    return json_int_at(json_get(joined(c, room_id), "unread_notifications"), "notification_count", -1);
}

static void uncounted_script(struct scene *x)
{
    struct client c = {.x = x, .number = 1};
    fill_room(x);
    assert_int_equal(sync_for(&c, 0), ERR_OK);
    for (unsigned i = 0; i < ROOM_TAIL + 10; i++) /* more than the owner has in memory when it has read the room */
        say_in(x, ROOM, "before");
    assert_int_equal(sync_for(&c, 0), ERR_OK);
    int64_t before = unread(&c, ROOM);
    assert_true(before >= ROOM_TAIL + 10);
    slot_fail(&x->engine->cluster->slot[cluster_slot_of(ROOM)], ERR_UNAVAILABLE);
    warm_up(x);
    gate->broken = ERR_UNAVAILABLE;
    gate->broken_table = T_timeline;
    gate->broken_slot = cluster_slot_of(ROOM);
    say_in(x, ROOM, "one");
    assert_int_equal(sync_for(&c, PATIENT_MS), ERR_OK);
    assert_int_equal(told(&c, ROOM, "one"), 1);
    assert_in_range(unread(&c, ROOM), ROOM_TAIL / 2, before); /* as many as are known */
    gate->broken = ERR_OK;
    say_in(x, ROOM, "two");
    assert_int_equal(sync_for(&c, PATIENT_MS), ERR_OK);
    assert_int_equal(unread(&c, ROOM), before + 2);
}

static void a_message_does_not_wait_for_the_counts(void **state)
{
    (void)state;
    play_at_gate(uncounted_script, NULL);
}

/* --- nothing can be told --- */

static void nothing_script(struct scene *x)
{
    struct client c = {.x = x, .number = 1}, other = {.x = x, .number = 2};
    struct cluster_stats before, after;
    char since[sizeof c.since];
    fill_room(x);
    assert_int_equal(sync_for(&c, 0), ERR_OK);
    memcpy(since, c.since, sizeof since);
    gate->broken = ERR_UNAVAILABLE;
    put_account_data(&c);
    assert_int_equal(sync_for(&c, 0), ERR_UNAVAILABLE); /* who does not wait is not told that there is nothing */
    assert_true(c.retry_ms > 0);
    assert_int_equal(sync_for(&other, PATIENT_MS), ERR_UNAVAILABLE); /* a first answer is whole, or none */
    cluster_stats(x->engine->cluster, &before);
    assert_int_equal(sync_for(&c, 3000), ERR_UNAVAILABLE); /* who waits, waits; and an answer would have no counts of keys */
    cluster_stats(x->engine->cluster, &after);
    assert_string_equal(c.since, since);
    assert_true(after.commands - before.commands < 40);
    gate->broken = ERR_OK;
    assert_int_equal(sync_for(&c, PATIENT_MS), ERR_OK);
    assert_int_equal(account_data(&c)->count, 1);
}

static void nothing_is_lost_where_nothing_can_be_told(void **state)
{
    (void)state;
    play_at_gate(nothing_script, NULL);
}

/* --- a room that goes with the user's news cannot be asked --- */

static void joining_script(struct scene *x)
{
    struct client c = {.x = x, .number = 1};
    assert_apart(&c);
    fill_room(x);
    make_open_room(x, SECOND_ROOM);
    assert_int_equal(sync_for(&c, 0), ERR_OK);
    memcpy(since_first_life, c.since, sizeof since_first_life);
    call(x, in_room(SECOND_ROOM, member(me(&c), me(&c), "join")));
    say(x, person(&x->arena, 0), "{\"msgtype\":\"m.text\",\"body\":\"meanwhile\"}");
}

static void torn_script(struct scene *x)
{
    struct client c = {.x = x, .number = 1};
    memcpy(c.since, since_first_life, sizeof since_first_life);
    int64_t user_at = stands_at(&c, me(&c)), second_at = stands_at(&c, SECOND_ROOM);
    warm_up(x);
    gate->broken = ERR_UNAVAILABLE;
    gate->broken_table = T_state_log; /* users can be asked, and the room that is warm; no other */
    assert_int_equal(sync_for(&c, PATIENT_MS), ERR_OK);
    assert_int_equal(told(&c, ROOM, "meanwhile"), 1);
    assert_null(joined(&c, SECOND_ROOM));
    assert_counts(&c);
    assert_int_equal(stands_at(&c, me(&c)), user_at);
    assert_int_equal(stands_at(&c, SECOND_ROOM), second_at);
    gate->broken = ERR_OK;
    assert_int_equal(sync_for(&c, PATIENT_MS), ERR_OK);
    assert_non_null(json_get(joined(&c, SECOND_ROOM), "timeline"));
    assert_null(joined(&c, ROOM));
    assert_true(stands_at(&c, me(&c)) > user_at);
}

static void a_new_room_is_told_whole_when_it_can_be(void **state)
{
    (void)state;
    play_at_gate(joining_script, torn_script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rooms_are_told_while_the_user_cannot_be_asked),
        cmocka_unit_test(a_slot_that_nobody_serves_is_left_alone),
        cmocka_unit_test(a_cold_room_does_not_hold_up_a_warm_one),
        cmocka_unit_test(nor_where_the_slot_could_not_be_asked_before),
        cmocka_unit_test(a_first_look_that_could_not_be_whole_is_made_good),
        cmocka_unit_test(nothing_is_lost_where_nothing_can_be_told),
        cmocka_unit_test(a_new_room_is_told_whole_when_it_can_be),
        cmocka_unit_test(a_cold_room_that_has_not_changed_holds_up_nothing),
        cmocka_unit_test(a_message_does_not_wait_for_the_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
