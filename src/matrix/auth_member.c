#include "matrix/auth_priv.h"
#include "matrix/id.h"

static struct str creator_of(const struct auth *c)
{
    return c->version->creator_in_content ? json_string_at(c->create.content, "creator") : c->create.sender;
}

static bool is_self(const struct auth *c)
{
    return str_eq(c->e->sender, c->e->state_key);
}

static bool follows_create(const struct auth *c)
{
    return c->e->prev_count == 1 && !str_empty(c->create.event_id) && str_eq(c->e->prev_events[0], c->create.event_id);
}

/* A room version does not know the join rules that came later: nobody joins by them. */
static enum join_rule join_rule_of(const struct auth *c)
{
    struct auth_state_event s = {0};
    bool set = c->room->state(c->room->ctx, STR("m.room.join_rules"), STR(""), &s);
    enum join_rule r = content_join_rule(set ? s.content : NULL);
    bool known = r == JOIN_KNOCK              ? c->version->knock
                 : r == JOIN_RESTRICTED       ? c->version->restricted
                 : r == JOIN_KNOCK_RESTRICTED ? c->version->knock_restricted
                                              : true;
    return known ? r : JOIN_PRIVATE;
}

static bool is_restricted(enum join_rule r)
{
    return r == JOIN_RESTRICTED || r == JOIN_KNOCK_RESTRICTED;
}

/* --- join --- */

static enum err check_restricted(const struct auth *c)
{
    struct str via = json_string_at(c->e->content, "join_authorised_via_users_server");
    if (str_null(via)) return fault_set(c->f, ERR_FORBIDDEN, "You are in none of the rooms whose members may join this one.");
    if (!auth_may_invite(c->room, via)) return fault_set(c->f, ERR_FORBIDDEN, "Who let you in may not invite to this room.");
    return ERR_OK;
}

static enum err check_join(const struct auth *c)
{
    if (follows_create(c) && str_eq(c->e->state_key, creator_of(c))) return ERR_OK;
    if (!is_self(c)) return fault_set(c->f, ERR_FORBIDDEN, "Nobody can join for somebody else.");
    enum membership now = auth_membership(c, c->e->sender);
    if (now == MEMBER_BAN) return fault_set(c->f, ERR_FORBIDDEN, "You are banned from this room.");
    enum join_rule rule = join_rule_of(c);
    if (rule == JOIN_PUBLIC) return ERR_OK;
    if (rule == JOIN_PRIVATE) return fault_set(c->f, ERR_FORBIDDEN, "Nobody may join this room.");
    if (now == MEMBER_JOIN || now == MEMBER_INVITE) return ERR_OK;
    if (is_restricted(rule)) return check_restricted(c);
    return fault_set(c->f, ERR_FORBIDDEN, "You need an invitation to join this room.");
}

/* --- invite --- */

static enum err check_invite(const struct auth *c)
{
    const struct json *proof = json_get(c->e->content, "third_party_invite");
    if (proof) return auth_check_third_party(c, proof);
    if (auth_membership(c, c->e->sender) != MEMBER_JOIN) return fault_set(c->f, ERR_FORBIDDEN, "You are not in this room.");
    enum membership theirs = auth_membership(c, c->e->state_key);
    if (theirs == MEMBER_JOIN) return fault_set(c->f, ERR_FORBIDDEN, "That user is in the room already.");
    if (theirs == MEMBER_BAN) return fault_set(c->f, ERR_FORBIDDEN, "That user is banned from the room.");
    return auth_need_level(c, c->room->power->level[POWER_INVITE], "invite");
}

/* --- leave, kick, ban --- */

static enum err check_own_leave(const struct auth *c)
{
    switch (auth_membership(c, c->e->sender)) {
    case MEMBER_INVITE:
    case MEMBER_JOIN:
        return ERR_OK;
    case MEMBER_KNOCK:
        if (c->version->knock) return ERR_OK;
        break;
    case MEMBER_BAN:
        return fault_set(c->f, ERR_FORBIDDEN, "You are banned from this room.");
    default:
        break;
    }
    return fault_set(c->f, ERR_FORBIDDEN, "You are not in this room.");
}

static enum err need_below(const struct auth *c, const char *what)
{
    if (power_of_user(c->room->power, c->e->state_key) < power_of_user(c->room->power, c->e->sender)) return ERR_OK;
    return fault_set(c->f, ERR_FORBIDDEN, "You may only %s users whose power level is below yours.", what);
}

static enum err check_removal(const struct auth *c, enum power_name level, const char *what)
{
    enum err e = auth_need_level(c, c->room->power->level[level], what);
    return e == ERR_OK ? need_below(c, what) : e;
}

static enum err check_leave(const struct auth *c)
{
    if (is_self(c)) return check_own_leave(c);
    if (auth_membership(c, c->e->sender) != MEMBER_JOIN) return fault_set(c->f, ERR_FORBIDDEN, "You are not in this room.");
    if (auth_membership(c, c->e->state_key) != MEMBER_BAN) return check_removal(c, POWER_KICK, "kick");
    enum err e = auth_need_level(c, c->room->power->level[POWER_BAN], "unban");
    return e == ERR_OK ? check_removal(c, POWER_KICK, "unban") : e;
}

static enum err check_ban(const struct auth *c)
{
    if (auth_membership(c, c->e->sender) != MEMBER_JOIN) return fault_set(c->f, ERR_FORBIDDEN, "You are not in this room.");
    return check_removal(c, POWER_BAN, "ban");
}

/* --- knock --- */

static enum err check_knock(const struct auth *c)
{
    enum join_rule rule = join_rule_of(c);
    if (rule != JOIN_KNOCK && rule != JOIN_KNOCK_RESTRICTED) return fault_set(c->f, ERR_FORBIDDEN, "This room does not let users knock.");
    if (!is_self(c)) return fault_set(c->f, ERR_FORBIDDEN, "Nobody can knock for somebody else.");
    switch (auth_membership(c, c->e->sender)) {
    case MEMBER_BAN:
        return fault_set(c->f, ERR_FORBIDDEN, "You are banned from this room.");
    case MEMBER_INVITE:
        return fault_set(c->f, ERR_FORBIDDEN, "You are invited already: join.");
    case MEMBER_JOIN:
        return fault_set(c->f, ERR_FORBIDDEN, "You are in this room already.");
    default:
        return ERR_OK;
    }
}

enum err auth_check_member(struct auth *c)
{
    enum membership m = content_membership(c->e->content);
    if (str_null(c->e->state_key)) return fault_set(c->f, ERR_BAD_JSON, "m.room.member is a state event: it needs a state key.");
    if (m == MEMBER_NONE) return fault_set(c->f, ERR_BAD_JSON, "m.room.member needs a `membership`.");
    if (!id_user(c->e->state_key, NULL)) return fault_set(c->f, ERR_INVALID_PARAM, "The state key of m.room.member must be a user id.");
    switch (m) {
    case MEMBER_JOIN:
        return check_join(c);
    case MEMBER_INVITE:
        return check_invite(c);
    case MEMBER_LEAVE:
        return check_leave(c);
    case MEMBER_BAN:
        return check_ban(c);
    case MEMBER_KNOCK:
        if (c->version->knock) return check_knock(c);
        break;
    default:
        break;
    }
    return fault_set(c->f, ERR_BAD_JSON, "That `membership` does not exist in this room's version.");
}
