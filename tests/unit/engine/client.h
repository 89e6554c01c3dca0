/* A client that syncs, in the tests of what /sync tells while the store is away, for all or for a slot. */
#ifndef ROOKERY_TESTS_ENGINE_CLIENT_H
#define ROOKERY_TESTS_ENGINE_CLIENT_H

#include "chat.h"

#include "engine/sync/gateway.h"
#include "unit/cluster/gate.h"

#define SECOND_ROOM STR("!second:localhost")
enum { PATIENT_MS = 30000 };

/* The store of the scene, which is away when the test says so; it outlives the scene. */
static struct gate *gate;

static inline void play_at_gate(void (*first)(struct scene *x), void (*second)(struct scene *x))
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

static inline void going_to_wait(void *ctx)
{
    (void)ctx;
}

static inline void on_answer(void *ctx, enum err e, const struct fault *f, struct str body)
{
    struct client *c = ctx;
    struct arena *a = &c->x->arena;
    c->answered = true;
    c->err = e;
    c->retry_ms = f ? f->retry_ms : 0;
    if (e == ERR_OK) assert_int_equal(json_parse(a, arena_str(a, body), &c->answer, NULL), ERR_OK);
}
static const struct sync_callbacks callbacks = {going_to_wait, on_answer};

static inline struct str me(struct client *c)
{
    return person(&c->x->arena, c->number);
}

/* One request from where the client stands; it moves on when there is an answer. */
static inline enum err sync_for(struct client *c, int64_t timeout_ms)
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

static inline int64_t stands_at(struct client *c, struct str key)
{
    struct sync_token t;
    bool stale;
    assert_int_equal(sync_token_read(str_c(c->since), cluster_history(c->x->engine->cluster), &t, &stale, NULL), ERR_OK);
    return sync_token_at(&t, cluster_slot_of(key));
}

static inline const struct json *joined(const struct client *c, struct str room_id)
{
    return json_get_str(json_get(json_get(c->answer, "rooms"), "join"), room_id);
}

/* How many events of that body the answer has in the room's timeline. */
static inline unsigned told(const struct client *c, struct str room_id, const char *body)
{
    const struct json *events = json_get(json_get(joined(c, room_id), "timeline"), "events");
    unsigned n = 0;
    for (const struct json *v = events ? events->child : NULL; v; v = v->next)
        n += str_is(json_string_at(json_get(v, "content"), "body"), body);
    return n;
}

static inline const struct json *account_data(const struct client *c)
{
    return json_get(json_get(c->answer, "account_data"), "events");
}

/* Without them clients believe that there are none. */
static inline void assert_counts(const struct client *c)
{
    assert_non_null(json_get(c->answer, "device_one_time_keys_count"));
    assert_non_null(json_get(c->answer, "device_unused_fallback_key_types"));
}

static inline void put_data_of(struct scene *x, struct str user_id)
{
    struct command c = {.type = CMD_user_account_data_put, .key = user_id, .s = {STR(""), STR("org.example.note"), STR("{\"a\":1}")}};
    assert_int_equal(call(x, c).err, ERR_OK);
}

static inline void put_account_data(struct client *c)
{
    put_data_of(c->x, me(c));
}

static inline struct command in_room(struct str room_id, struct command c)
{
    c.key = room_id;
    return c;
}

static inline void make_open_room(struct scene *x, struct str room_id)
{
    struct command c = {.type = CMD_room_create, .key = room_id, .s = {STR("11"), person(&x->arena, 0), STR("")}, .num = {0, now_ms}};
    c.s[3] = STR(
        "[{\"type\":\"m.room.create\",\"state_key\":\"\",\"sender\":\"@u0:localhost\",\"content\":{\"room_version\":\"11\"}},"
        "{\"type\":\"m.room.member\",\"state_key\":\"@u0:localhost\",\"sender\":\"@u0:localhost\",\"content\":{\"membership\":\"join\"}},"
        "{\"type\":\"m.room.join_rules\",\"state_key\":\"\",\"sender\":\"@u0:localhost\",\"content\":{\"join_rule\":\"public\"}}]");
    call(x, c);
}

static inline void say_in(struct scene *x, struct str room_id, const char *body)
{
    struct str content = arena_printf(&x->arena, "{\"msgtype\":\"m.text\",\"body\":\"%s\"}", body);
    call(x, in_room(room_id, message(person(&x->arena, 0), content)));
}

struct watch {
    struct slot *slot;
    bool asked, over, done;
};

static inline void watch_slot(void *arg)
{
    struct watch *w = arg;
    for (; !w->over; fiber_sleep_ms(1))
        w->asked |= !list_is_empty(&w->slot->waiting_to_open);
    w->done = true;
}

/* The store is away for it alone: it cannot be opened again. */
static inline void lose_slot(struct scene *x, unsigned slot)
{
    log_setup((enum log_level)(LOG_ERROR + 1), false);
    gate->broken = ERR_UNAVAILABLE;
    gate->broken_slot = slot;
    slot_fail(&x->engine->cluster->slot[slot], ERR_UNAVAILABLE);
}

#endif
