/* POST /createRoom: everything that a new room begins with, as one list of events for its owner. */
#include "api/room_create.h"

#include "api/membership.h"
#include "api/routes.h"
#include "base/random.h"
#include "matrix/event.h"
#include "matrix/id.h"

enum { INVITES_MAX = 500, ATTEMPTS = 10, JITTER_MS = 16 };

struct preset {
    const char *name, *join_rule, *history, *guest;
    bool invitees_reign;
};
static const struct preset presets[] = {
    {"private_chat", "invite", "shared", "can_join", false},
    {"trusted_private_chat", "invite", "shared", "can_join", true},
    {"public_chat", "public", "shared", "forbidden", false},
};

static struct json *str_json(struct api *r, struct str s)
{
    return json_new_string(r->arena, s);
}

void new_room_event(struct new_room *n, struct str type, struct str state_key, struct json *content)
{
    struct arena *a = n->api->arena;
    struct json *e = json_push(n->events, json_new(a, JSON_OBJECT));
    json_set(e, STR("type"), json_new_string(a, type));
    json_set(e, STR("state_key"), json_new_string(a, state_key));
    json_set(e, STR("sender"), json_new_string(a, n->api->user_id));
    json_set(e, STR("content"), content);
}

static struct json *one(struct api *r, const char *name, struct str value)
{
    struct json *c = json_new(r->arena, JSON_OBJECT);
    json_set(c, str_c(name), str_json(r, value));
    return c;
}

static enum err read_version(struct new_room *n)
{
    struct api *r = n->api;
    struct str version;
    enum err e = api_body_str_opt(r, "room_version", &version);
    if (e != ERR_OK) return e;
    n->version = version.p ? room_version_find(version) : api_config(r->server)->room_version;
    if (n->version) return ERR_OK;
    return fault_set(&r->fault, ERR_UNSUPPORTED_ROOM_VERSION, "This server does not support room version '%.*s'.",
                     STR_FMT(str_first(version, 40)));
}

static enum err read_preset(struct new_room *n)
{
    struct api *r = n->api;
    struct str visibility, preset;
    enum err e = api_body_str_opt(r, "visibility", &visibility);
    if (e == ERR_OK) e = api_body_str_opt(r, "preset", &preset);
    if (e != ERR_OK) return e;
    if (visibility.p && !str_is(visibility, "public") && !str_is(visibility, "private"))
        return fault_set(&r->fault, ERR_INVALID_PARAM, "'visibility' is public or private.");
    n->is_public = str_is(visibility, "public");
    n->preset = &presets[n->is_public ? 2 : 0];
    if (!preset.p) return ERR_OK;
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
        if (str_is(preset, presets[i].name)) {
            n->preset = &presets[i];
            return ERR_OK;
        }
    return fault_set(&r->fault, ERR_INVALID_PARAM, "There is no preset of that name.");
}

static enum err read_invites(struct new_room *n)
{
    struct api *r = n->api;
    struct json *threepids;
    enum err e = api_body_array_opt(r, "invite", &n->invites);
    if (e == ERR_OK) e = api_body_array_opt(r, "invite_3pid", &threepids);
    if (e != ERR_OK) return e;
    if (threepids && threepids->count)
        return fault_set(&r->fault, ERR_THREEPID_DENIED, "This server has no identity server to invite by address.");
    if (n->invites && n->invites->count > INVITES_MAX)
        return fault_set(&r->fault, ERR_INVALID_PARAM, "At most %d users can be invited at once.", INVITES_MAX);
    json_each(v, n->invites)
    {
        if (!json_is(v, JSON_STRING)) return fault_set(&r->fault, ERR_BAD_JSON, "'invite' is a list of user ids.");
        if (!id_user(v->string, NULL))
            return fault_set(&r->fault, ERR_INVALID_PARAM, "'%.*s' is no user id.", STR_FMT(str_first(v->string, 100)));
    }
    json_each(v, n->invites)
    {
        e = membership_check_target(r, v->string);
        if (e != ERR_OK) return e;
    }
    return ERR_OK;
}

/* The create event's content; what the client may not decide is taken out. */
static enum err make_create(struct new_room *n)
{
    struct api *r = n->api;
    struct json *given;
    enum err e = api_body_object_opt(r, "creation_content", &given);
    if (e != ERR_OK) return e;
    struct json *c = given ? json_copy(r->arena, given) : json_new(r->arena, JSON_OBJECT);
    json_remove(c, STR("creator"));
    json_set(c, STR("room_version"), str_json(r, str_c(n->version->name)));
    if (n->version->creator_in_content) json_set(c, STR("creator"), str_json(r, r->user_id));
    if (n->version->creators_reign && n->preset->invitees_reign && n->invites && n->invites->count) {
        struct json *more = json_get(c, "additional_creators");
        if (!more) more = json_set(c, STR("additional_creators"), json_new(r->arena, JSON_ARRAY));
        if (json_is(more, JSON_ARRAY)) json_each(v, n->invites) json_push(more, str_json(r, v->string));
    }
    struct json *type = json_get(c, "type");
    if (type && !json_is(type, JSON_STRING)) return fault_set(&r->fault, ERR_BAD_JSON, "The type of a room is a string.");
    n->room_type = json_string(type).p ? json_string(type) : STR("");
    n->create = c;
    new_room_event(n, STR("m.room.create"), STR(""), c);
    return ERR_OK;
}

static void set_level(struct api *r, struct json *c, const char *name, int64_t level)
{
    json_set(c, str_c(name), json_new_int(r->arena, level));
}

/* The power levels that every room begins with, changed by the client's. */
static enum err make_power(struct new_room *n)
{
    struct api *r = n->api;
    struct json *change, *c = json_new(r->arena, JSON_OBJECT), *events = json_new(r->arena, JSON_OBJECT),
                         *users = json_new(r->arena, JSON_OBJECT);
    enum err e = api_body_object_opt(r, "power_level_content_override", &change);
    if (e != ERR_OK) return e;
    static const struct {
        const char *name;
        int64_t level;
    } levels[] = {{"ban", 50},    {"events_default", 0}, {"invite", 0},       {"kick", 50},
                  {"redact", 50}, {"state_default", 50}, {"users_default", 0}},
      types[] = {{"m.room.avatar", 50}, {"m.room.canonical_alias", 50}, {"m.room.encryption", 100}, {"m.room.history_visibility", 100},
                 {"m.room.name", 50},   {"m.room.power_levels", 100},   {"m.room.server_acl", 100}, {"m.room.tombstone", 100}};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        set_level(r, c, levels[i].name, levels[i].level);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        set_level(r, events, types[i].name, types[i].level);
    if (n->version->creators_reign) set_level(r, events, "m.room.tombstone", 150);
    json_set(c, STR("events"), events);
    if (!n->version->creators_reign) {
        json_set(users, r->user_id, json_new_int(r->arena, 100));
        if (n->preset->invitees_reign) json_each(v, n->invites) json_set(users, v->string, json_new_int(r->arena, 100));
    }
    json_set(c, STR("users"), users);
    json_each(v, change) json_set(c, v->key, json_copy(r->arena, v));
    new_room_event(n, STR("m.room.power_levels"), STR(""), c);
    return ERR_OK;
}

static bool in_initial(const struct new_room *n, const char *type)
{
    json_each(v, n->initial) if (str_is(json_string_at(v, "type"), type) && json_string_at(v, "state_key").n == 0) return true;
    return false;
}

static void make_preset(struct new_room *n)
{
    struct api *r = n->api;
    const struct preset *p = n->preset;
    if (!in_initial(n, "m.room.join_rules")) new_room_event(n, STR("m.room.join_rules"), STR(""), one(r, "join_rule", str_c(p->join_rule)));
    if (!in_initial(n, "m.room.history_visibility"))
        new_room_event(n, STR("m.room.history_visibility"), STR(""), one(r, "history_visibility", str_c(p->history)));
    if (!in_initial(n, "m.room.guest_access"))
        new_room_event(n, STR("m.room.guest_access"), STR(""), one(r, "guest_access", str_c(p->guest)));
}

static enum err make_initial(struct new_room *n)
{
    struct api *r = n->api;
    json_each(v, n->initial)
    {
        struct json *content = json_get(v, "content"), *key = json_get(v, "state_key");
        struct str type = json_string_at(v, "type");
        if (!type.p || !json_is(content, JSON_OBJECT) || (key && !json_is(key, JSON_STRING)))
            return fault_set(&r->fault, ERR_BAD_JSON, "Each of 'initial_state' needs a type and a content that is an object.");
        if (str_is(type, "m.room.create") || str_is(type, "m.room.member"))
            return fault_set(&r->fault, ERR_INVALID_ROOM_STATE, "'initial_state' cannot have %.*s.", STR_FMT(type));
        new_room_event(n, type, key ? key->string : STR(""), json_copy(r->arena, content));
    }
    return ERR_OK;
}

static enum err make_names(struct new_room *n)
{
    struct api *r = n->api;
    struct str name, topic;
    enum err e = api_body_str_opt(r, "name", &name);
    if (e == ERR_OK) e = api_body_str_opt(r, "topic", &topic);
    if (e != ERR_OK) return e;
    if (name.p) new_room_event(n, STR("m.room.name"), STR(""), one(r, "name", name));
    if (!topic.p) return ERR_OK;
    struct json *c = one(r, "topic", topic), *m = json_set(c, STR("m.topic"), json_new(r->arena, JSON_OBJECT));
    struct json *text = json_set(m, STR("m.text"), json_new(r->arena, JSON_ARRAY));
    json_push(text, one(r, "body", topic));
    new_room_event(n, STR("m.room.topic"), STR(""), c);
    return ERR_OK;
}

static enum err make_invites(struct new_room *n)
{
    struct api *r = n->api;
    bool direct;
    enum err e = api_body_bool_opt(r, "is_direct", false, &direct);
    json_each(v, n->invites)
    {
        struct json *content;
        if (e == ERR_OK) e = membership_profile(r, v->string, &content);
        if (e != ERR_OK) return e;
        json_set(content, STR("membership"), str_json(r, STR("invite")));
        if (direct) json_set(content, STR("is_direct"), json_new_bool(r->arena, true));
        new_room_event(n, STR("m.room.member"), v->string, content);
    }
    return e;
}

/* The id of the room: made by its create event in version 12, at random before. Asked again it is another one, by another time. */
enum err new_room_id(struct new_room *n)
{
    struct api *r = n->api;
    int64_t now = clock_wall_ms(r->engine->clock);
    n->ts = n->ts ? n->ts + 1 + (int64_t)(random_u64() % n->jitter_ms) : now;
    n->jitter_ms = n->jitter_ms ? n->jitter_ms * 2 : JITTER_MS;
    if (!n->version->room_id_is_create) {
        n->room_id = arena_printf(r->arena, "!%.*s:%.*s", STR_FMT(random_id(r->arena, 18)), STR_FMT(r->engine->config.server_name));
        return ERR_OK;
    }
    struct event_fields f = {.type = STR("m.room.create"),
                             .sender = r->user_id,
                             .state_key = STR(""),
                             .content = n->create,
                             .depth = 1,
                             .origin_server_ts = n->ts};
    struct event_built built;
    enum err e = event_build(r->arena, n->version, &f, &built, &r->fault);
    n->room_id = built.room_id;
    return e;
}

static enum err read_alias(struct new_room *n)
{
    struct api *r = n->api;
    struct str local;
    enum err e = api_body_str_opt(r, "room_alias_name", &local);
    if (e != ERR_OK || !local.p) return e;
    n->alias = arena_printf(r->arena, "#%.*s:%.*s", STR_FMT(local), STR_FMT(r->engine->config.server_name));
    bool control = false;
    for (size_t i = 0; i < local.n; i++)
        control |= (unsigned char)local.p[i] <= ' ' || local.p[i] == 0x7F;
    if (control || str_empty(local) || str_find(local, ':') >= 0 || !id_alias(n->alias, NULL))
        return fault_set(&r->fault, ERR_INVALID_PARAM, "'room_alias_name' is the part of the alias between # and the colon.");
    return ERR_OK;
}

static enum err reserve_alias(struct new_room *n)
{
    struct api *r = n->api;
    struct command c = {.type = CMD_alias_put, .key = n->alias, .s = {n->room_id, r->user_id}};
    struct reply reply;
    if (str_empty(n->alias)) return ERR_OK;
    enum err e = api_call(r, &c, &reply);
    return e == ERR_ALIAS_IN_USE ? fault_set(&r->fault, ERR_ROOM_IN_USE, "The alias %.*s is taken.", STR_FMT(n->alias)) : e;
}

static enum err make_once(struct new_room *n)
{
    struct api *r = n->api;
    struct command c = {.type = CMD_room_create, .key = n->room_id};
    struct reply reply;
    enum err e = reserve_alias(n);
    if (e != ERR_OK) return e;
    c.num[0] = n->is_public;
    c.num[1] = n->ts;
    c.s[0] = str_c(n->version->name);
    c.s[1] = r->user_id;
    c.s[2] = n->room_type;
    c.s[3] = json_text(r->arena, n->events);
    e = api_call(r, &c, &reply);
    if (e == ERR_OK) return e;
    if (!str_empty(n->alias)) {
        struct command undo = {.type = CMD_alias_del, .key = n->alias, .s[0] = n->room_id};
        enum err undone = engine_call(r->engine, &undo, r->arena, &reply, NULL);
        (void)undone; /* the reason of the first failure is the one to tell */
    }
    if (e != ERR_FORBIDDEN) return e;
    struct str why = arena_str(r->arena, str_c(r->fault.text));
    return fault_set(&r->fault, ERR_INVALID_ROOM_STATE, "The room cannot begin like this: %.*s", STR_FMT(why));
}

/* Two rooms that a user makes in the same millisecond may begin with the same event, and so would have the same name. The more are made, the further they have to
 * move apart. */
enum err new_room_make(struct new_room *n)
{
    enum err e = make_once(n);
    for (int i = 0; i < ATTEMPTS && e == ERR_CONFLICT; i++) {
        e = new_room_id(n);
        if (e == ERR_OK) e = make_once(n);
    }
    return e;
}

static enum err read_all(struct new_room *n)
{
    enum err e = read_version(n);
    if (e == ERR_OK) e = read_preset(n);
    if (e == ERR_OK) e = read_invites(n);
    if (e == ERR_OK) e = read_alias(n);
    if (e == ERR_OK) e = api_body_array_opt(n->api, "initial_state", &n->initial);
    return e;
}

static enum err make_all(struct new_room *n)
{
    struct api *r = n->api;
    struct json *me;
    enum err e = make_create(n);
    if (e == ERR_OK) e = membership_profile(r, r->user_id, &me);
    if (e != ERR_OK) return e;
    json_set(me, STR("membership"), str_json(r, STR("join")));
    new_room_event(n, STR("m.room.member"), r->user_id, me);
    e = make_power(n);
    if (e != ERR_OK) return e;
    if (!str_empty(n->alias)) new_room_event(n, STR("m.room.canonical_alias"), STR(""), one(r, "alias", n->alias));
    make_preset(n);
    e = make_initial(n);
    if (e == ERR_OK) e = make_names(n);
    if (e == ERR_OK) e = make_invites(n);
    return e;
}

enum err api_create_room(struct api *r)
{
    struct new_room n = {.api = r, .events = json_new(r->arena, JSON_ARRAY), .alias = STR(""), .room_type = STR("")};
    enum err e = read_all(&n);
    if (e == ERR_OK) e = make_all(&n);
    if (e == ERR_OK) e = new_room_id(&n);
    if (e == ERR_OK) e = new_room_make(&n);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_str_member(&r->json, "room_id", n.room_id);
    json_end(&r->json);
    return ERR_OK;
}
