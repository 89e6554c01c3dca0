#include "api/membership.h"

#include "api/routes.h"
#include "base/pack.h"
#include "matrix/content.h"
#include "matrix/id.h"

enum err membership_profile(struct api *r, struct str user_id, struct json **content)
{
    struct command c = {.type = CMD_user_profile_get, .key = user_id};
    struct reply reply;
    struct json *profile;
    *content = json_new(r->arena, JSON_OBJECT);
    enum err e = engine_call(r->engine, &c, r->arena, &reply, NULL);
    if (e == ERR_NOT_FOUND || e == ERR_USER_DEACTIVATED) return ERR_OK;
    if (e == ERR_OK) e = json_parse(r->arena, reply.s[0], &profile, &r->fault);
    if (e != ERR_OK) return e;
    static const char *const names[] = {"displayname", "avatar_url"};
    for (int i = 0; i < 2; i++) {
        struct str s = json_string_at(profile, names[i]);
        if (s.p) json_set(*content, str_c(names[i]), json_new_string(r->arena, s));
    }
    return ERR_OK;
}

enum err membership_check_target(struct api *r, struct str user_id)
{
    if (!id_user(user_id, NULL)) return fault_set(&r->fault, ERR_INVALID_PARAM, "'%.*s' is no user id.", STR_FMT(str_first(user_id, 100)));
    if (!engine_is_ours(r->engine, user_id))
        return fault_set(&r->fault, ERR_FORBIDDEN, "This server does not reach users of other servers.");
    struct command c = {.type = CMD_user_profile_get, .key = user_id};
    struct reply reply;
    enum err e = engine_call(r->engine, &c, r->arena, &reply, NULL);
    if (e == ERR_NOT_FOUND) return fault_set(&r->fault, e, "There is no user %.*s.", STR_FMT(str_first(user_id, 150)));
    return e;
}

static enum err joined_rooms(struct api *r, struct str user_id, struct json **out)
{
    struct command c = {.type = CMD_user_joined_rooms, .key = user_id};
    struct reply reply;
    enum err e = api_call(r, &c, &reply);
    return e == ERR_OK ? json_parse(r->arena, reply.s[0], out, &r->fault) : e;
}

enum err membership_shared(struct api *r, struct str other, struct json **rooms)
{
    struct json *mine, *theirs;
    *rooms = json_new(r->arena, JSON_ARRAY);
    enum err e = joined_rooms(r, r->user_id, &mine);
    if (e == ERR_OK) e = joined_rooms(r, other, &theirs);
    if (e != ERR_OK) return e;
    json_each(x, mine) json_each(y, theirs) if (str_eq(x->string, y->string)) json_push(*rooms, json_new_string(r->arena, x->string));
    return ERR_OK;
}

enum err membership_room(struct api *r, struct str id_or_alias, struct str *room_id)
{
    struct reply reply;
    *room_id = id_or_alias;
    if (id_room(id_or_alias, NULL)) return ERR_OK;
    if (!id_alias(id_or_alias, NULL)) return fault_set(&r->fault, ERR_INVALID_PARAM, "That is neither a room id nor a room alias.");
    struct command c = {.type = CMD_alias_get, .key = id_or_alias};
    enum err e = api_call(r, &c, &reply);
    if (e == ERR_OK) *room_id = reply.s[0];
    return e;
}

enum err membership_do(struct api *r, struct str room_id, const char *action, struct str target, struct json *content, struct reply *reply)
{
    struct command c = {.type = CMD_room_member, .key = room_id};
    if (!id_room(room_id, NULL)) return fault_set(&r->fault, ERR_NOT_FOUND, "That is no room id.");
    c.s[0] = r->user_id;
    c.s[1] = target;
    c.s[2] = str_c(action);
    if (content) c.s[3] = json_text(r->arena, content);
    return api_call(r, &c, reply);
}

/* The reason in the body, into the content. */
static enum err with_reason(struct api *r, struct json *content)
{
    struct str reason;
    enum err e = api_body_str_opt(r, "reason", &reason);
    if (e == ERR_OK && reason.p) json_set(content, STR("reason"), json_new_string(r->arena, reason));
    return e;
}

static enum err is_in_any(struct api *r, struct str packed, bool *in)
{
    struct command c = {.type = CMD_user_shares, .key = r->user_id, .s[0] = packed};
    struct reply reply;
    enum err e = api_call(r, &c, &reply);
    *in = e == ERR_OK && reply.num[0];
    return e;
}

/* Into a restricted room one comes by an invite, or through a room that is named there. */
static enum err authorise(struct api *r, struct str room_id, struct json *content)
{
    struct command c = {.type = CMD_room_join_info, .key = room_id, .s[0] = r->user_id};
    struct reply info;
    bool in;
    enum err e = api_call(r, &c, &info);
    if (e != ERR_OK || str_empty(info.s[0])) return e;
    if (info.num[1] == MEMBER_INVITE || info.num[1] == MEMBER_JOIN) return ERR_OK;
    e = is_in_any(r, info.s[0], &in);
    if (e != ERR_OK) return e;
    if (!in) return fault_set(&r->fault, ERR_FORBIDDEN, "You need an invite, or to be in one of the rooms whose members may join.");
    if (str_empty(info.s[1])) return ERR_UNABLE_TO_AUTHORISE_JOIN;
    json_set(content, STR("join_authorised_via_users_server"), json_new_string(r->arena, info.s[1]));
    return ERR_OK;
}

static void answer_room(struct api *r, struct str room_id)
{
    json_object(&r->json);
    json_str_member(&r->json, "room_id", room_id);
    json_end(&r->json);
}

static enum err join(struct api *r, struct str room_id)
{
    struct json *content, *signed_;
    struct reply reply;
    enum err e =
        id_room(room_id, NULL) ? membership_profile(r, r->user_id, &content) : fault_set(&r->fault, ERR_NOT_FOUND, "That is no room id.");
    if (e == ERR_OK) e = with_reason(r, content);
    if (e == ERR_OK) e = api_body_object_opt(r, "third_party_signed", &signed_);
    if (e == ERR_OK) e = authorise(r, room_id, content);
    if (e == ERR_OK) e = membership_do(r, room_id, "join", r->user_id, content, &reply);
    if (e == ERR_OK) answer_room(r, room_id);
    return e;
}

enum err api_join_room(struct api *r)
{
    return join(r, r->param[0]);
}

enum err api_join(struct api *r)
{
    struct str room_id;
    enum err e = membership_room(r, r->param[0], &room_id);
    return e == ERR_OK ? join(r, room_id) : e;
}

enum err api_knock(struct api *r)
{
    struct str room_id;
    struct json *content;
    struct reply reply;
    enum err e = membership_room(r, r->param[0], &room_id);
    if (e == ERR_OK) e = membership_profile(r, r->user_id, &content);
    if (e == ERR_OK) e = with_reason(r, content);
    if (e == ERR_OK) e = membership_do(r, room_id, "knock", r->user_id, content, &reply);
    if (e == ERR_OK) answer_room(r, room_id);
    return e;
}

enum err api_leave(struct api *r)
{
    struct json *content = json_new(r->arena, JSON_OBJECT);
    struct reply reply;
    enum err e = with_reason(r, content);
    return e == ERR_OK ? membership_do(r, r->param[0], "leave", r->user_id, content, &reply) : e;
}

static enum err on_target(struct api *r, const char *action)
{
    struct str target;
    struct json *content = json_new(r->arena, JSON_OBJECT);
    struct reply reply;
    enum err e = api_body_str(r, "user_id", &target);
    if (e == ERR_OK) e = with_reason(r, content);
    if (e == ERR_OK && !id_user(target, NULL)) e = fault_set(&r->fault, ERR_INVALID_PARAM, "'user_id' is no user id.");
    return e == ERR_OK ? membership_do(r, r->param[0], action, target, content, &reply) : e;
}

enum err api_kick(struct api *r)
{
    return on_target(r, "kick");
}
enum err api_ban(struct api *r)
{
    return on_target(r, "ban");
}
enum err api_unban(struct api *r)
{
    return on_target(r, "unban");
}

enum err api_invite(struct api *r)
{
    struct str target;
    struct json *content;
    struct reply reply;
    if (!json_get(r->body, "user_id") && json_get(r->body, "address"))
        return fault_set(&r->fault, ERR_THREEPID_DENIED, "This server has no identity server to invite by address.");
    enum err e = api_body_str(r, "user_id", &target);
    if (e == ERR_OK) e = membership_check_target(r, target);
    if (e == ERR_OK) e = membership_profile(r, target, &content);
    if (e == ERR_OK) e = with_reason(r, content);
    return e == ERR_OK ? membership_do(r, r->param[0], "invite", target, content, &reply) : e;
}

enum err api_forget(struct api *r)
{
    struct command c = {.type = CMD_user_forget, .key = r->user_id, .s[0] = r->param[0]};
    struct reply reply;
    return api_call(r, &c, &reply);
}

enum err api_joined_rooms(struct api *r)
{
    struct command c = {.type = CMD_user_joined_rooms, .key = r->user_id};
    struct reply reply;
    enum err e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_raw_member(&r->json, "joined_rooms", reply.s[0]);
    json_end(&r->json);
    return ERR_OK;
}

enum err api_joined_members(struct api *r)
{
    struct command c = {.type = CMD_room_joined_members, .key = r->param[0], .s[0] = r->user_id};
    struct reply reply;
    enum err e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_raw_member(&r->json, "joined", reply.s[0]);
    json_end(&r->json);
    return ERR_OK;
}

enum err membership_by_state(struct api *r, struct str room_id, struct str target)
{
    struct str membership = json_string_at(r->body, "membership");
    struct reply reply;
    const char *action = NULL;
    bool self = str_eq(target, r->user_id);
    if (str_is(membership, "join") && self) action = "join";
    if (str_is(membership, "invite")) action = "invite";
    if (str_is(membership, "knock") && self) action = "knock";
    if (str_is(membership, "ban")) action = "ban";
    if (str_is(membership, "leave")) action = self ? "leave" : "kick";
    if (!action) return fault_set(&r->fault, ERR_BAD_JSON, "The content needs a 'membership' that this user may have.");
    if (str_is(membership, "invite")) {
        enum err e = membership_check_target(r, target);
        if (e != ERR_OK) return e;
    }
    enum err e = ERR_OK;
    if (str_is(membership, "join")) e = authorise(r, room_id, r->body);
    if (e == ERR_OK) e = membership_do(r, room_id, action, target, r->body, &reply);
    /* Joined already: the event changes one's name or picture in this room. */
    if (e == ERR_OK && str_empty(reply.s[0]) && str_is(membership, "join")) {
        struct command c = {.type = CMD_room_send, .key = room_id, .s = {r->user_id, STR("m.room.member"), target, r->http->body}};
        e = api_call(r, &c, &reply);
    }
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_str_member(&r->json, "event_id", reply.s[0]);
    json_end(&r->json);
    return ERR_OK;
}
