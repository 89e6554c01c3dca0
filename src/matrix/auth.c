#include "matrix/auth.h"

#include "matrix/auth_priv.h"
#include "matrix/id.h"

/* --- m.room.create --- */

static enum err check_creators(const struct auth *c)
{
    const struct json *more = json_get(c->e->content, "additional_creators");
    if (!more || !c->version->creators_reign) return ERR_OK;
    if (!json_is(more, JSON_ARRAY)) return fault_set(c->f, ERR_BAD_JSON, "`additional_creators` must be an array.");
    json_each(m, more) if (!id_user(json_string(m), NULL)) return fault_set(c->f, ERR_BAD_JSON,
                                                                            "`additional_creators` must be a list of user ids.");
    return ERR_OK;
}

static enum err check_create(const struct auth *c)
{
    const struct json *version = json_get(c->e->content, "room_version");
    if (c->e->prev_count) return fault_set(c->f, ERR_FORBIDDEN, "A room has only one beginning.");
    if (!c->version->room_id_is_create && !str_eq(id_server_of(c->e->room_id), id_server_of(c->e->sender)))
        return fault_set(c->f, ERR_FORBIDDEN, "A room is created on its creator's server.");
    if (version && !room_version_find(json_string(version)))
        return fault_set(c->f, ERR_UNSUPPORTED_ROOM_VERSION, "`room_version` is none that this server supports.");
    if (c->version->creator_in_content && !json_get(c->e->content, "creator"))
        return fault_set(c->f, ERR_BAD_JSON, "In this room version `creator` is needed.");
    return check_creators(c);
}

/* --- the room as such --- */

static bool is_create_of(struct str event_id, struct str room_id)
{
    return event_id.n > 1 && event_id.n == room_id.n && room_id.p[0] == '!' && str_eq(str_from(event_id, 1), str_from(room_id, 1));
}

static enum err check_room(struct auth *c)
{
    if (!c->room->state(c->room->ctx, STR("m.room.create"), STR(""), &c->create))
        return fault_set(c->f, ERR_FORBIDDEN, "There is no such room.");
    if (c->version->room_id_is_create && !is_create_of(c->create.event_id, c->e->room_id))
        return fault_set(c->f, ERR_FORBIDDEN, "The room id is not that of the room's first event.");
    if (!json_bool_at(c->create.content, "m.federate", true) && !str_eq(id_server_of(c->e->sender), id_server_of(c->create.sender)))
        return fault_set(c->f, ERR_FORBIDDEN, "This room is for users of one server only.");
    return ERR_OK;
}

/* --- all types but m.room.member --- */

enum err auth_need_level(const struct auth *c, int64_t need, const char *what)
{
    int64_t have = power_of_user(c->room->power, c->e->sender);
    if (have >= need) return ERR_OK;
    return fault_set(c->f, ERR_FORBIDDEN, "You need power level %lld to %s; yours is %lld.", (long long)need, what, (long long)have);
}

static enum err check_type_level(const struct auth *c)
{
    bool is_state = !str_null(c->e->state_key);
    int64_t need = power_for_event(c->room->power, c->e->type, is_state), have = power_of_user(c->room->power, c->e->sender);
    if (have >= need) return ERR_OK;
    struct str type = str_first(c->e->type, 80);
    return fault_set(c->f, ERR_FORBIDDEN, "You need power level %lld to %s %.*s; yours is %lld.", (long long)need,
                     is_state ? "set" : "send", STR_FMT(type), (long long)have);
}

static enum err check_other(struct auth *c)
{
    if (auth_membership(c, c->e->sender) != MEMBER_JOIN) return fault_set(c->f, ERR_FORBIDDEN, "You are not in this room.");
    if (str_is(c->e->type, "m.room.third_party_invite")) return auth_need_level(c, c->room->power->level[POWER_INVITE], "invite");
    enum err e = check_type_level(c);
    if (e) return e;
    struct str key = c->e->state_key;
    if (key.n && key.p[0] == '@' && !str_eq(key, c->e->sender))
        return fault_set(c->f, ERR_FORBIDDEN, "A state key that begins with @ must be your own user id.");
    return str_is(c->e->type, "m.room.power_levels") ? auth_check_power_levels(c) : ERR_OK;
}

enum err auth_check(struct arena *scratch, const struct auth_room *room, const struct event_fields *e, struct fault *f)
{
    struct auth c = {.scratch = scratch, .room = room, .version = room->version, .e = e, .f = f};
    if (!c.version->supported) return fault_set(f, ERR_UNSUPPORTED_ROOM_VERSION, "This server does not support the room's version.");
    if (str_is(e->type, "m.room.create")) return check_create(&c);
    enum err bad = check_room(&c);
    if (bad) return bad;
    return str_is(e->type, "m.room.member") ? auth_check_member(&c) : check_other(&c);
}

/* --- questions apart from an event --- */

bool auth_may_invite(const struct auth_room *room, struct str user_id)
{
    return room->membership(room->ctx, user_id) == MEMBER_JOIN && power_of_user(room->power, user_id) >= room->power->level[POWER_INVITE];
}

bool auth_may_redact(const struct auth_room *room, struct str sender, struct str event_sender)
{
    return str_eq(sender, event_sender) || power_of_user(room->power, sender) >= room->power->level[POWER_REDACT];
}

/* --- auth_events --- */

struct keys {
    struct auth_key *out;
    size_t n;
};

static void add_key(struct keys *k, const char *type, struct str state_key)
{
    for (size_t i = 0; i < k->n; i++)
        if (str_is(k->out[i].type, type) && str_eq(k->out[i].state_key, state_key)) return;
    k->out[k->n++] = (struct auth_key){str_c(type), state_key};
}

static void add_member_keys(struct keys *k, const struct room_version *v, const struct event_fields *e)
{
    enum membership m = content_membership(e->content);
    if (!str_null(e->state_key)) add_key(k, "m.room.member", e->state_key);
    if (m == MEMBER_JOIN || m == MEMBER_INVITE || m == MEMBER_KNOCK) add_key(k, "m.room.join_rules", STR(""));
    struct str token = json_string(json_path(e->content, "third_party_invite", "signed", "token", NULL));
    if (m == MEMBER_INVITE && !str_null(token)) add_key(k, "m.room.third_party_invite", token);
    struct str via = json_string_at(e->content, "join_authorised_via_users_server");
    if (m == MEMBER_JOIN && v->restricted && !str_null(via)) add_key(k, "m.room.member", via);
}

size_t auth_keys(const struct room_version *v, const struct event_fields *e, struct auth_key out[AUTH_KEYS_MAX])
{
    struct keys k = {.out = out};
    if (str_is(e->type, "m.room.create")) return 0;
    if (!v->room_id_is_create) add_key(&k, "m.room.create", STR(""));
    add_key(&k, "m.room.power_levels", STR(""));
    add_key(&k, "m.room.member", e->sender);
    if (str_is(e->type, "m.room.member")) add_member_keys(&k, v, e);
    return k.n;
}

static bool has_key(const struct auth_key *keys, size_t count, const struct auth_key *key)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(keys[i].type, key->type) && str_eq(keys[i].state_key, key->state_key)) return true;
    return false;
}

enum err auth_check_keys(const struct room_version *v, const struct event_fields *e, const struct auth_key *keys, size_t count,
                         struct fault *f)
{
    struct auth_key allowed[AUTH_KEYS_MAX];
    size_t n = auth_keys(v, e, allowed);
    if (count > n) return fault_set(f, ERR_FORBIDDEN, "The event names more authorizing events than it may.");
    for (size_t i = 0; i < count; i++) {
        if (has_key(keys, i, &keys[i])) return fault_set(f, ERR_FORBIDDEN, "The event names two authorizing events for the same state.");
        if (!has_key(allowed, n, &keys[i])) return fault_set(f, ERR_FORBIDDEN, "The event names an authorizing event that has no say.");
    }
    const struct auth_key create = {STR("m.room.create"), STR("")};
    if (has_key(allowed, n, &create) && !has_key(keys, count, &create))
        return fault_set(f, ERR_FORBIDDEN, "The event does not name the room's first event.");
    return ERR_OK;
}
