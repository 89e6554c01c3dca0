/* Memberships: join, invite, knock, leave, kick, ban, unban; and what a profile's change means for a room. */
#include "engine/room/draft.h"
#include "engine/room/guests.h"

enum action { ACT_JOIN, ACT_INVITE, ACT_KNOCK, ACT_LEAVE, ACT_KICK, ACT_BAN, ACT_UNBAN, ACT_UNKNOWN };

static enum action action_of(struct str s)
{
    static const char *const names[] = {"join", "invite", "knock", "leave", "kick", "ban", "unban"};
    for (int i = 0; i < ACT_UNKNOWN; i++)
        if (str_is(s, names[i])) return (enum action)i;
    return ACT_UNKNOWN;
}

/* Is there nothing to do? Or is it senseless from where the target stands? */
static enum err check_from(enum action a, enum membership now, bool *nothing, struct fault *f)
{
    *nothing = (a == ACT_JOIN && now == MEMBER_JOIN) || (a == ACT_LEAVE && now == MEMBER_LEAVE) || (a == ACT_BAN && now == MEMBER_BAN);
    if (a == ACT_LEAVE && now == MEMBER_NONE) return fault_set(f, ERR_FORBIDDEN, "You are not in this room.");
    if (a == ACT_LEAVE && now == MEMBER_BAN) return fault_set(f, ERR_FORBIDDEN, "You are banned from this room.");
    if (a == ACT_KICK && now != MEMBER_JOIN && now != MEMBER_INVITE && now != MEMBER_KNOCK)
        return fault_set(f, ERR_FORBIDDEN, "That user is not in the room.");
    if (a == ACT_UNBAN && now != MEMBER_BAN) return fault_set(f, ERR_FORBIDDEN, "That user is not banned.");
    return ERR_OK;
}

static struct str membership_of(enum action a)
{
    switch (a) {
    case ACT_JOIN:
        return STR("join");
    case ACT_INVITE:
        return STR("invite");
    case ACT_KNOCK:
        return STR("knock");
    case ACT_BAN:
        return STR("ban");
    default:
        return STR("leave");
    }
}

/* room_member: s[0] sender, s[1] target, s[2] join|invite|knock|leave|kick|ban|unban, s[3] more content as a JSON object (display name,
 * picture, reason, ...; null: none). Reply: s[0] event id, empty when there was nothing to do. */
enum err room_member(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct arena *a = turn_arena(t);
    struct fault *f = turn_fault(t);
    enum action action = action_of(c->s[2]);
    struct room *room;
    bool nothing;
    enum err e = room_of_turn(t, true, &room);
    if (e != ERR_OK) return e;
    if (action == ACT_UNKNOWN) return ERR_INVALID_PARAM;
    turn_reply(t)->s[0] = STR("");
    e = check_from(action, room_membership(room, c->s[1]), &nothing, f);
    if (e != ERR_OK || nothing) return e;
    if ((action == ACT_KICK || action == ACT_UNBAN || action == ACT_BAN || action == ACT_INVITE) &&
        room_membership(room, c->s[0]) != MEMBER_JOIN)
        return fault_set(f, ERR_FORBIDDEN, "You are not in this room.");
    if (action == ACT_JOIN) e = guests_check_join(engine_of(t), room, c->s[1], f);
    if (e != ERR_OK) return e;
    struct json *content = json_new(a, JSON_OBJECT);
    if (c->s[3].p) e = json_parse(a, c->s[3], &content, f);
    if (e != ERR_OK) return e;
    json_set(content, STR("membership"), json_new_string(a, membership_of(action)));
    struct proposal p = {.type = STR("m.room.member"), .sender = c->s[0], .state_key = c->s[1], .content = content};
    struct draft d;
    draft_init(&d, t, room);
    e = draft_add(&d, &p);
    if (e == ERR_OK) turn_reply(t)->s[0] = arena_str(a, draft_last_id(&d));
    if (e == ERR_OK) e = draft_commit(&d);
    draft_release(&d);
    return e;
}

static void set_field(struct arena *a, struct json *content, const char *name, struct str json)
{
    struct json *v = NULL;
    if (json.p && json_parse(a, json, &v, NULL) == ERR_OK && json_is(v, JSON_STRING))
        json_set(content, str_c(name), v);
    else
        json_remove(content, str_c(name));
}

/* room_profile (a letter): s[0] user, s[1] display name, s[2] avatar URL, each as JSON or null for none. The member event of who is joined
 * follows the profile. */
enum err room_profile(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct arena *a = turn_arena(t);
    struct room *room;
    enum err e = room_of_turn(t, true, &room);
    if (e != ERR_OK) return e;
    if (room_membership(room, c->s[0]) != MEMBER_JOIN) return ERR_OK;
    struct json *content = json_copy(a, room_content(room, a, STR("m.room.member"), c->s[0]));
    set_field(a, content, "displayname", c->s[1]);
    set_field(a, content, "avatar_url", c->s[2]);
    json_remove(content, STR("reason"));
    json_remove(content, STR("join_authorised_via_users_server"));
    if (json_equal(content, room_content(room, a, STR("m.room.member"), c->s[0]))) return ERR_OK;
    struct proposal p = {.type = STR("m.room.member"), .sender = c->s[0], .state_key = c->s[0], .content = content};
    struct draft d;
    draft_init(&d, t, room);
    e = draft_add(&d, &p);
    if (e == ERR_OK) e = draft_commit(&d);
    draft_release(&d);
    return e;
}
