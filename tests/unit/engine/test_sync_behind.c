/* /sync while the store is away: what can be told is told, and for the rest the token stays where it was, so that it comes later, once. */
#include "chat.h"

#include "engine/sync/gateway.h"
#include "unit/cluster/gate.h"

#define SECOND_ROOM STR("!second:localhost")
enum { PATIENT_MS = 30000 };

/* The store of the scene, which is away when the test says so; it outlives the scene. */
static struct gate *gate;

static void play_at_gate(void (*first)(struct scene *x), void (*second)(struct scene *x))
{
    struct store *inside = store_memory_new();
    gate = gate_new(inside);
    play_on(&gate->store, first);
    if (second) play_on(&gate->store, second);
    gate->store.ops->close(&gate->store);
    inside->ops->close(inside);
}

/* --- a client --- */

struct client {
    struct scene *x;
    unsigned number; /* of the person */
    char since[2000];
    struct sync_job *job;
    bool answered;
    enum err err;
    int64_t retry_ms;
    struct json *answer;
};

static void going_to_wait(void *ctx)
{
    (void)ctx;
}

static void on_answer(void *ctx, enum err e, const struct fault *f, struct str body)
{
    struct client *c = ctx;
    struct arena *a = &c->x->arena;
    c->answered = true;
    c->err = e;
    c->retry_ms = f ? f->retry_ms : 0;
    if (e == ERR_OK) assert_int_equal(json_parse(a, arena_str(a, body), &c->answer, NULL), ERR_OK);
}
static const struct sync_callbacks callbacks = {going_to_wait, on_answer};

static struct str me(struct client *c)
{
    return person(&c->x->arena, c->number);
}

/* One request from where the client stands; it moves on when there is an answer. */
static enum err sync_for(struct client *c, int64_t timeout_ms)
{
    struct sync_params p = {.user_id = me(c), .device_id = STR("DEVICE"), .timeout_ms = timeout_ms, .presence = PRESENCE_OFFLINE};
    if (c->since[0]) p.since = arena_str(&c->x->arena, str_c(c->since));
    c->answered = false;
    sync_begin(c->x->engine->gateway[0], &p, &callbacks, c, &c->job);
    while (!c->answered)
        fiber_sleep_ms(1);
    if (c->err != ERR_OK) return c->err;
    struct str next = json_string_at(c->answer, "next_batch");
    assert_true(next.n < sizeof c->since);
    memcpy(c->since, next.p, next.n);
    c->since[next.n] = 0;
    return ERR_OK;
}

static int64_t stands_at(struct client *c, struct str key)
{
    struct sync_token t;
    bool stale;
    assert_int_equal(sync_token_read(str_c(c->since), cluster_history(c->x->engine->cluster), &t, &stale, NULL), ERR_OK);
    return sync_token_at(&t, cluster_slot_of(key));
}

static const struct json *joined(const struct client *c, struct str room_id)
{
    return json_get_str(json_get(json_get(c->answer, "rooms"), "join"), room_id);
}

/* How many events of that body the answer has in the room's timeline. */
static unsigned told(const struct client *c, struct str room_id, const char *body)
{
    const struct json *events = json_get(json_get(joined(c, room_id), "timeline"), "events");
    unsigned n = 0;
    for (const struct json *v = events ? events->child : NULL; v; v = v->next)
        n += str_is(json_string_at(json_get(v, "content"), "body"), body);
    return n;
}

static const struct json *account_data(const struct client *c)
{
    return json_get(json_get(c->answer, "account_data"), "events");
}

/* Without them clients believe that there are none. */
static void assert_counts(const struct client *c)
{
    assert_non_null(json_get(c->answer, "device_one_time_keys_count"));
    assert_non_null(json_get(c->answer, "device_unused_fallback_key_types"));
}

static void put_data_of(struct scene *x, struct str user_id)
{
    struct command c = {.type = CMD_user_account_data_put, .key = user_id, .s = {STR(""), STR("org.example.note"), STR("{\"a\":1}")}};
    assert_int_equal(call(x, c).err, ERR_OK);
}

static void put_account_data(struct client *c)
{
    put_data_of(c->x, me(c));
}

/* They are in three slots, so that each has a position of its own. */
static void assert_apart(struct client *c)
{
    unsigned user = cluster_slot_of(me(c)), one = cluster_slot_of(ROOM), two = cluster_slot_of(SECOND_ROOM);
    assert_true(user != one && user != two && one != two);
}

static struct command in_room(struct str room_id, struct command c)
{
    c.key = room_id;
    return c;
}

static void make_open_room(struct scene *x, struct str room_id)
{
    struct command c = {.type = CMD_room_create, .key = room_id, .s = {STR("11"), person(&x->arena, 0), STR("")}, .num = {0, now_ms}};
    c.s[3] = STR(
        "[{\"type\":\"m.room.create\",\"state_key\":\"\",\"sender\":\"@u0:localhost\",\"content\":{\"room_version\":\"11\"}},"
        "{\"type\":\"m.room.member\",\"state_key\":\"@u0:localhost\",\"sender\":\"@u0:localhost\",\"content\":{\"membership\":\"join\"}},"
        "{\"type\":\"m.room.join_rules\",\"state_key\":\"\",\"sender\":\"@u0:localhost\",\"content\":{\"join_rule\":\"public\"}}]");
    call(x, c);
}

static void say_in(struct scene *x, struct str room_id, const char *body)
{
    struct str content = arena_printf(&x->arena, "{\"msgtype\":\"m.text\",\"body\":\"%s\"}", body);
    call(x, in_room(room_id, message(person(&x->arena, 0), content)));
}

/* --- the user cannot be asked --- */

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

struct watch {
    struct slot *slot;
    bool asked, over, done;
};

static void watch_slot(void *arg)
{
    struct watch *w = arg;
    for (; !w->over; fiber_sleep_ms(1))
        w->asked |= !list_is_empty(&w->slot->waiting_to_open);
    w->done = true;
}

/* The store is away for it alone: it cannot be opened again. */
static void lose_slot(struct scene *x, unsigned slot)
{
    log_setup((enum log_level)(LOG_ERROR + 1), false);
    gate->broken = ERR_UNAVAILABLE;
    gate->broken_slot = slot;
    slot_fail(&x->engine->cluster->slot[slot], ERR_UNAVAILABLE);
}

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
        cmocka_unit_test(rooms_are_told_while_the_user_cannot_be_asked),     cmocka_unit_test(a_slot_that_nobody_serves_is_left_alone),
        cmocka_unit_test(a_cold_room_does_not_hold_up_a_warm_one),           cmocka_unit_test(nor_where_the_slot_could_not_be_asked_before),
        cmocka_unit_test(a_first_look_that_could_not_be_whole_is_made_good), cmocka_unit_test(nothing_is_lost_where_nothing_can_be_told),
        cmocka_unit_test(a_new_room_is_told_whole_when_it_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
