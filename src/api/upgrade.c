/* POST /rooms/{roomId}/upgrade: a new room that takes the old one's place. */
#include "api/membership.h"
#include "api/room_create.h"
#include "api/routes.h"
#include "matrix/content.h"
#include "matrix/id.h"

/* State that goes over to the new room as it is (specification, "Room upgrades"). */
static const char *const carried[] = {
    "m.room.server_acl",   "m.room.encryption",         "m.room.name",       "m.room.avatar",       "m.room.topic",
    "m.room.guest_access", "m.room.history_visibility", "m.room.join_rules", "m.room.pinned_events"};

struct upgrade {
    struct api *r;
    struct new_room n;
    struct json *state; /* of the old room: array of events */
};

static struct json *find(const struct upgrade *u, const char *type, struct str key)
{
    json_each(v, u->state) if (str_is(json_string_at(v, "type"), type) &&
                               str_eq(json_string_at(v, "state_key"), key)) return json_get(v, "content");
    return NULL;
}

static enum err read_request(struct upgrade *u)
{
    struct api *r = u->r;
    struct str version;
    struct reply reply;
    enum err e = api_body_str(r, "new_version", &version);
    if (e == ERR_OK) e = api_body_array_opt(r, "additional_creators", &u->n.invites);
    if (e != ERR_OK) return e;
    u->n.version = room_version_find(version);
    if (!u->n.version)
        return fault_set(&r->fault, ERR_UNSUPPORTED_ROOM_VERSION, "This server does not support room version '%.*s'.",
                         STR_FMT(str_first(version, 40)));
    if (!id_room(r->param[0], NULL)) return fault_set(&r->fault, ERR_NOT_FOUND, "That is no room id.");
    struct command may = {.type = CMD_room_may_send, .key = r->param[0], .s = {r->user_id, STR("m.room.tombstone")}, .num[0] = 1};
    e = api_call(r, &may, &reply);
    if (e == ERR_OK && !reply.num[0])
        e = fault_set(&r->fault, ERR_FORBIDDEN, "You need the power to send m.room.tombstone to upgrade a room.");
    struct command all = {.type = CMD_room_state_all, .key = r->param[0], .s[0] = r->user_id};
    if (e == ERR_OK) e = api_call(r, &all, &reply);
    if (e == ERR_OK) e = json_parse(r->arena, reply.s[0], &u->state, &r->fault);
    return e;
}

static void make_create(struct upgrade *u)
{
    struct api *r = u->r;
    const struct json *old = find(u, "m.room.create", STR(""));
    struct json *c = old ? json_copy(r->arena, old) : json_new(r->arena, JSON_OBJECT), *before = json_new(r->arena, JSON_OBJECT);
    json_remove(c, STR("creator"));
    json_remove(c, STR("additional_creators"));
    json_set(c, STR("room_version"), json_new_string(r->arena, str_c(u->n.version->name)));
    if (u->n.version->creator_in_content) json_set(c, STR("creator"), json_new_string(r->arena, r->user_id));
    if (u->n.version->creators_reign && u->n.invites && u->n.invites->count)
        json_set(c, STR("additional_creators"), json_copy(r->arena, u->n.invites));
    json_set(before, STR("room_id"), json_new_string(r->arena, r->param[0]));
    json_set(c, STR("predecessor"), before);
    u->n.create = c;
    u->n.room_type = json_string_at(c, "type").p ? json_string_at(c, "type") : STR("");
    new_room_event(&u->n, STR("m.room.create"), STR(""), c);
}

/* Who may do what stays, except that creators of version 12 do not stand in the list. */
static struct json *power_levels(struct upgrade *u)
{
    struct arena *a = u->r->arena;
    const struct json *old = find(u, "m.room.power_levels", STR(""));
    struct json *c = old ? json_copy(a, old) : json_new(a, JSON_OBJECT), *users = json_get(c, "users");
    if (!json_is(users, JSON_OBJECT)) users = json_set(c, STR("users"), json_new(a, JSON_OBJECT));
    if (!u->n.version->creators_reign) {
        int64_t mine = json_int_at(users, arena_cstr(a, u->r->user_id), 0);
        if (mine < 100) json_set(users, u->r->user_id, json_new_int(a, 100));
        return c;
    }
    json_remove(users, u->r->user_id);
    json_each(v, u->n.invites) json_remove(users, json_string(v));
    return c;
}

static enum err make_events(struct upgrade *u)
{
    struct api *r = u->r;
    struct json *me;
    make_create(u);
    enum err e = membership_profile(r, r->user_id, &me);
    if (e != ERR_OK) return e;
    json_set(me, STR("membership"), json_new_string(r->arena, STR("join")));
    new_room_event(&u->n, STR("m.room.member"), r->user_id, me);
    new_room_event(&u->n, STR("m.room.power_levels"), STR(""), power_levels(u));
    for (size_t i = 0; i < sizeof carried / sizeof carried[0]; i++) {
        struct json *content = find(u, carried[i], STR(""));
        if (content) new_room_event(&u->n, str_c(carried[i]), STR(""), json_copy(r->arena, content));
    }
    json_each(v, u->state)
    {
        struct str type = json_string_at(v, "type");
        bool ban = str_is(type, "m.room.member") && str_is(json_string(json_path(v, "content", "membership", NULL)), "ban");
        bool child = str_is(type, "m.space.child") && json_get(v, "content") && json_get(v, "content")->count;
        if (ban || child)
            new_room_event(&u->n, ban ? STR("m.room.member") : STR("m.space.child"), json_string_at(v, "state_key"),
                           json_copy(r->arena, json_get(v, "content")));
    }
    return ERR_OK;
}

static enum err send_old(struct upgrade *u, const char *type, struct json *content)
{
    struct api *r = u->r;
    struct command c = {.type = CMD_room_send, .key = r->param[0], .s = {r->user_id, str_c(type), STR(""), json_text(r->arena, content)}};
    struct reply reply;
    return engine_call(r->engine, &c, r->arena, &reply, NULL);
}

static void set_at_least(struct upgrade *u, struct json *c, const char *name, int64_t level)
{
    if (json_int_at(c, name, 0) < level) json_set(c, str_c(name), json_new_int(u->r->arena, level));
}

/* Nobody should talk on in the old room. Without the power for it, that is left as it is. */
static void close_old(struct upgrade *u)
{
    struct arena *a = u->r->arena;
    const struct json *old = find(u, "m.room.power_levels", STR(""));
    struct json *c = old ? json_copy(a, old) : json_new(a, JSON_OBJECT);
    int64_t level = json_int_at(c, "users_default", 0) + 1;
    if (level < 50) level = 50;
    set_at_least(u, c, "events_default", level);
    set_at_least(u, c, "invite", level);
    enum err ignored = send_old(u, "m.room.power_levels", c);
    (void)ignored;
}

/* The local aliases lead to the new room. */
static void move_aliases(struct upgrade *u)
{
    struct api *r = u->r;
    struct command list = {.type = CMD_room_aliases, .key = r->param[0]};
    struct reply reply;
    struct json *aliases, *canonical = find(u, "m.room.canonical_alias", STR(""));
    if (engine_call(r->engine, &list, r->arena, &reply, NULL) != ERR_OK || json_parse(r->arena, reply.s[0], &aliases, NULL) != ERR_OK)
        return;
    json_each(v, aliases)
    {
        struct command del = {.type = CMD_alias_del, .key = v->string, .s[0] = r->param[0]},
                       put = {.type = CMD_alias_put, .key = v->string, .s = {u->n.room_id, r->user_id}};
        if (engine_call(r->engine, &del, r->arena, &reply, NULL) != ERR_OK ||
            engine_call(r->engine, &put, r->arena, &reply, NULL) != ERR_OK)
            return;
    }
    if (!canonical || !canonical->count) return;
    struct command c = {.type = CMD_room_send,
                        .key = u->n.room_id,
                        .s = {r->user_id, STR("m.room.canonical_alias"), STR(""), json_text(r->arena, canonical)}};
    if (engine_call(r->engine, &c, r->arena, &reply, NULL) != ERR_OK) return;
    enum err ignored = send_old(u, "m.room.canonical_alias", json_new(r->arena, JSON_OBJECT));
    (void)ignored;
}

enum err api_upgrade(struct api *r)
{
    struct upgrade u = {.r = r, .n = {.api = r, .events = json_new(r->arena, JSON_ARRAY), .alias = STR(""), .room_type = STR("")}};
    struct reply reply;
    enum err e = read_request(&u);
    if (e == ERR_OK) e = make_events(&u);
    struct command listed = {.type = CMD_room_is_public, .key = r->param[0]};
    if (e == ERR_OK) e = api_call(r, &listed, &reply);
    u.n.is_public = e == ERR_OK && reply.num[0];
    if (e == ERR_OK) e = new_room_id(&u.n);
    if (e == ERR_OK) e = new_room_make(&u.n);
    if (e != ERR_OK) return e;
    struct json *tombstone = json_new(r->arena, JSON_OBJECT);
    json_set(tombstone, STR("body"), json_new_string(r->arena, STR("This room has been replaced")));
    json_set(tombstone, STR("replacement_room"), json_new_string(r->arena, u.n.room_id));
    struct command c = {
        .type = CMD_room_send, .key = r->param[0], .s = {r->user_id, STR("m.room.tombstone"), STR(""), json_text(r->arena, tombstone)}};
    e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    move_aliases(&u);
    close_old(&u);
    json_object(&r->json);
    json_str_member(&r->json, "replacement_room", u.n.room_id);
    json_end(&r->json);
    return ERR_OK;
}
