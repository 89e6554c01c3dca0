/* A room and people in it, for the tests of what the engine has in memory: short names for commands, and ways to look into a warm room. */
#ifndef ROOKERY_TESTS_ENGINE_CHAT_H
#define ROOKERY_TESTS_ENGINE_CHAT_H

#include "scene.h"

#include "base/pack.h"
#include "cluster/cluster_priv.h"
#include "cluster/wire.h"
#include "engine/room/legacy.h"

enum { PEOPLE = 5 };
#define ROOM STR("!room:localhost")
#define PERSON(name) STR("@" name ":localhost")

static inline struct str person(struct arena *a, unsigned n)
{
    return arena_printf(a, "@u%u:localhost", n);
}

/* As call, for what may be refused. */
static inline enum err attempt(struct scene *x, struct command c, struct reply *reply)
{
    struct fault f = {0};
    return engine_call(x->engine, &c, &x->arena, reply, &f);
}

/* The first person makes the room, where all may do everything; the others join. */
static inline void make_room(struct scene *x)
{
    struct command c = {.type = CMD_room_create, .key = ROOM, .s = {STR("11"), person(&x->arena, 0), STR("")}, .num = {0, now_ms}};
    c.s[3] = STR(
        "[{\"type\":\"m.room.create\",\"state_key\":\"\",\"sender\":\"@u0:localhost\",\"content\":{\"room_version\":\"11\"}},"
        "{\"type\":\"m.room.member\",\"state_key\":\"@u0:localhost\",\"sender\":\"@u0:localhost\",\"content\":{\"membership\":\"join\"}},"
        "{\"type\":\"m.room.power_levels\",\"state_key\":\"\",\"sender\":\"@u0:localhost\",\"content\":{\"users\":{\"@u0:localhost\":100},"
        "\"state_default\":0,\"invite\":0,\"kick\":50,\"redact\":0,\"notifications\":{\"room\":50}}},"
        "{\"type\":\"m.room.join_rules\",\"state_key\":\"\",\"sender\":\"@u0:localhost\",\"content\":{\"join_rule\":\"public\"}}]");
    assert_int_equal(call(x, c).err, ERR_OK);
}

static inline struct command member(struct str sender, struct str target, const char *action)
{
    return (struct command){.type = CMD_room_member, .key = ROOM, .s = {sender, target, str_c(action)}};
}

static inline void fill_room(struct scene *x)
{
    make_room(x);
    for (unsigned i = 1; i < PEOPLE; i++)
        call(x, member(person(&x->arena, i), person(&x->arena, i), "join"));
}

static inline struct command message(struct str sender, struct str content)
{
    return (struct command){.type = CMD_room_send, .key = ROOM, .s = {sender, STR("m.room.message"), {0}, content}};
}

static inline struct command state(struct str sender, struct str type, struct str key, struct str content)
{
    return (struct command){.type = CMD_room_send, .key = ROOM, .s = {sender, type, key, content}};
}

static inline struct command redact(struct scene *x, struct str sender, struct str event_id)
{
    struct command c = {.type = CMD_room_send, .key = ROOM, .s = {sender, STR("m.room.redaction")}};
    c.s[3] = arena_printf(&x->arena, "{\"redacts\":\"%.*s\"}", STR_FMT(event_id));
    c.s[5] = event_id;
    return c;
}

static inline struct command read_up_to(struct str reader, const char *type, struct str thread, struct str event_id)
{
    return (struct command){.type = CMD_room_receipt, .key = ROOM, .s = {reader, str_c(type), thread, event_id}};
}

/* The event's id. */
static inline struct str say(struct scene *x, struct str sender, const char *content)
{
    return call(x, message(sender, str_c(content))).s[0];
}

/* The room as it is in memory; NULL when it is cold. */
static inline struct room *room_in_memory(struct scene *x)
{
    struct entity *e = map_get(&x->engine->cluster->slot[cluster_slot_of(ROOM)].table[KIND_ROOM].map, ROOM);
    return e ? e->state : NULL;
}

static inline void warm_up(struct scene *x)
{
    struct command c = {.type = CMD_room_joined_members, .key = ROOM, .s = {person(&x->arena, 0)}};
    struct reply reply;
    (void)!attempt(x, c, &reply);
    assert_non_null(room_in_memory(x));
}

/* The slot forgets all, and the room is loaded from what it told before that: as if another node had handed the slot over. */
static inline void hand_room_over(struct scene *x)
{
    unsigned slot = cluster_slot_of(ROOM);
    struct slot *s = &x->engine->cluster->slot[slot];
    struct cluster_config *config = &x->engine->cluster->config;
    struct buf told, b;
    warm_up(x);
    txns_note(&room_in_memory(x)->txns, STR("told"), now_ms); /* not in the store */
    buf_init(&told, 1 << 24);
    room_tell(room_in_memory(x), &told);
    assert_true(told.n && buf_ok(&told));
    slot_fail(s, ERR_UNAVAILABLE);
    call(x, (struct command){.type = CMD_slot_prune, .key = engine_key_of_slot(x->engine, slot)}); /* it is open again */
    assert_null(room_in_memory(x));
    buf_init(&b, 1 << 24);
    wire_put_int(&b, s->epoch - 1);
    wire_put_int(&b, s->position - 1);
    wire_put_uint(&b, KIND_ROOM);
    wire_put_str(&b, ROOM);
    buf_add(&b, buf_str(&told));
    s->queue.began = s->position - 1;
    enum cluster_journal journal = config->journal;
    config->journal = JOURNAL_QUEUE;
    inherit_arrived(&(struct post){.home = s->home, .slot = s, .kind = POST_INHERIT, .body = buf_str(&b)});
    config->journal = journal;
    buf_release(&b);
    buf_release(&told);
    warm_up(x);
    assert_false(txns_is_new(&room_in_memory(x)->txns, STR("told"), now_ms));
}

/* --- what a client is told of the room --- */

/* The section of one who has just come, as JSON. `rules`: the push rules that the reader has stored. */
static inline const struct json *section_with_rules(struct scene *x, struct str reader, const char *filter, const char *rules)
{
    struct buf b;
    struct json *v;
    struct command c = {.type = CMD_rooms_sync, .key = engine_key_of_slot(x->engine, cluster_slot_of(ROOM))};
    buf_init(&b, 1000);
    pack_str(&b, STR("n"));
    pack_str(&b, ROOM);
    c.s[0] = reader;
    c.s[1] = STR("DEVICE");
    c.s[2] = str_c(filter);
    c.s[4] = str_c(rules);
    c.s[3] = arena_str(&x->arena, buf_str(&b));
    buf_release(&b);
    struct str list = call(x, c).s[0], mode, room, members;
    assert_true(pack_next(&list, &mode) && pack_next(&list, &room) && pack_next(&list, &members));
    assert_int_equal(json_parse(&x->arena, arena_join(&x->arena, STR("{"), members, STR("}")), &v, NULL), ERR_OK);
    return v;
}

static inline const struct json *section_of(struct scene *x, struct str reader, const char *filter)
{
    return section_with_rules(x, reader, filter, "");
}

struct counts {
    int64_t notify, highlight;
};

static inline struct counts counts_in(const struct json *v)
{
    return (struct counts){json_int_at(v, "notification_count", -1), json_int_at(v, "highlight_count", -1)};
}

static inline struct counts unread_of(struct scene *x, struct str reader)
{
    return counts_in(json_get(section_of(x, reader, ""), "unread_notifications"));
}

#endif
