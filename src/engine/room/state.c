/* Questions about a room's state and members. */
#include "base/pack.h"
#include "engine/room/snapshot.h"
#include "engine/room/timeline.h"
#include "engine/room/viewer.h"

static enum err open_eyes(struct turn *t, struct viewer *v)
{
    struct room *room;
    enum err e = room_of_turn(t, false, &room);
    if (e == ERR_OK) e = viewer_init(v, t, room, turn_command(t)->s[0], STR(""));
    if (e == ERR_OK) e = viewer_may_look(v);
    return e;
}

/* room_state_get: s[0] who asks, s[1] type, s[2] state key. Reply: s[0] content, s[1] the whole event. NOT_FOUND. */
enum err room_state_get(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct viewer v;
    struct event *ev;
    enum err e = open_eyes(t, &v);
    if (e == ERR_OK) e = timeline_state_at(t, v.room, c->s[1], c->s[2], viewer_until(&v), &ev);
    if (e != ERR_OK) return e;
    if (!ev) return fault_set(turn_fault(t), ERR_NOT_FOUND, "The room has no such state.");
    struct buf b;
    struct json_out o;
    buf_init(&b, 262144);
    json_out_init(&o, &b);
    e = viewer_write(&v, &o, ev, FORM_ROOM, BUNDLE_NONE);
    turn_reply(t)->s[0] = arena_str(turn_arena(t), ev->content);
    turn_reply(t)->s[1] = arena_str(turn_arena(t), buf_str(&b));
    buf_release(&b);
    event_unref(ev);
    return e;
}

struct member_filter {
    enum membership only, not ; /* MEMBER_UNKNOWN: any */
    bool members;
};

/* Both together widen: one that is as asked, or not as not asked (specification, GET members). */
static bool passes(const struct member_filter *f, const struct event *e)
{
    if (!f->members) return true;
    if (!str_is(e->type, "m.room.member")) return false;
    bool is = e->membership == f->only, is_not = e->membership != f->not ;
    if (f->only == MEMBER_UNKNOWN) return f->not == MEMBER_UNKNOWN || is_not;
    return is || (f->not != MEMBER_UNKNOWN && is_not);
}

/* room_state_all: s[0] who asks; num[0] 1: members only, num[1] position (0: now), s[1] membership, s[2] membership not wanted (or null).
 * Reply: s[0] JSON array of events. */
enum err room_state_all(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct viewer v;
    struct buf b;
    struct json_out o;
    enum err e = open_eyes(t, &v);
    if (e != ERR_OK) return e;
    struct member_filter f = {.members = c->num[0] != 0,
                              .only = c->s[1].p ? membership_parse(c->s[1]) : MEMBER_UNKNOWN,
                              .not = c->s[2].p ? membership_parse(c->s[2]) : MEMBER_UNKNOWN};
    int64_t until = viewer_until(&v);
    if (c->num[1] && c->num[1] < until) until = c->num[1];
    buf_init(&b, 256 * 1048576);
    json_out_init(&o, &b);
    json_array(&o);
    struct snapshot state;
    snapshot_take(&state, turn_arena(t), v.room, 0);
    for (size_t i = state.count; i-- > 0 && e == ERR_OK;) {
        struct event *now = state.e[i], *ev;
        e = timeline_state_at(t, v.room, now->type, now->state_key, until, &ev);
        if (e == ERR_OK && ev && passes(&f, ev)) e = viewer_write(&v, &o, ev, FORM_ROOM, BUNDLE_NONE);
        event_unref(ev);
    }
    snapshot_release(&state);
    json_end(&o);
    turn_reply(t)->s[0] = arena_str(turn_arena(t), buf_str(&b));
    buf_release(&b);
    return e;
}

/* room_joined_members: s[0] who asks (must be joined). Reply: s[0] JSON object user -> {display_name, avatar_url}. */
enum err room_joined_members(struct turn *t)
{
    struct room *room;
    struct arena *a = turn_arena(t);
    enum err e = room_of_turn(t, false, &room);
    if (e != ERR_OK) return e;
    if (room_membership(room, turn_command(t)->s[0]) != MEMBER_JOIN)
        return fault_set(turn_fault(t), ERR_FORBIDDEN, "You are not in this room.");
    struct json *out = json_new(a, JSON_OBJECT);
    list_each(it, &room->recent_state)
    {
        const struct event *ev = list_item(it, struct state_entry, recent)->event;
        if (ev->membership != MEMBER_JOIN || !str_is(ev->type, "m.room.member")) continue;
        const struct json *content = room_content(room, a, ev->type, ev->state_key);
        struct json *m = json_set(out, ev->state_key, json_new(a, JSON_OBJECT));
        /* One without a name goes by the id; some clients refuse the whole list when a name is missing. */
        struct str name = json_string_at(content, "displayname");
        json_set(m, STR("display_name"), json_new_string(a, name.p ? name : ev->state_key));
        if (json_string_at(content, "avatar_url").p)
            json_set(m, STR("avatar_url"), json_new_string(a, json_string_at(content, "avatar_url")));
    }
    turn_reply(t)->s[0] = json_text(a, out);
    return ERR_OK;
}

/* A user of ours in the room who may let others in: whose server's word opens a restricted room. */
static struct str authoriser(struct turn *t, struct room *room)
{
    int64_t level = room->power ? room->power->level[POWER_INVITE] : 0;
    list_each(it, &room->recent_state)
    {
        const struct event *ev = list_item(it, struct state_entry, recent)->event;
        if (ev->membership != MEMBER_JOIN || !str_is(ev->type, "m.room.member")) continue;
        if (engine_is_ours(engine_of(t), ev->state_key) && power_of_user(room->power, ev->state_key) >= level)
            return arena_str(turn_arena(t), ev->state_key);
    }
    return STR("");
}

/* room_join_info: s[0] user. Reply: num[0] join rule, num[1] the user's membership; s[0] packed room ids whose members may join (restricted
 * rooms), s[1] a user of ours who can authorise the join, or empty. */
enum err room_join_info(struct turn *t)
{
    struct room *room;
    struct reply *r = turn_reply(t);
    enum err e = room_of_turn(t, false, &room);
    if (e != ERR_OK) return e;
    r->num[0] = room_join_rule(room);
    r->num[1] = room_membership(room, turn_command(t)->s[0]);
    r->s[0] = r->s[1] = STR("");
    if (r->num[0] != JOIN_RESTRICTED && r->num[0] != JOIN_KNOCK_RESTRICTED) return ERR_OK;
    struct buf b;
    buf_init(&b, 65536);
    json_each(rule, json_get(room_content(room, NULL, STR("m.room.join_rules"), STR("")), "allow"))
    {
        struct str id = json_string_at(rule, "room_id");
        if (str_is(json_string_at(rule, "type"), "m.room_membership") && id.p) pack_str(&b, id);
    }
    r->s[0] = arena_str(turn_arena(t), str_make(b.p ? b.p : "", b.n));
    r->s[1] = authoriser(t, room);
    buf_release(&b);
    return ERR_OK;
}

/* room_may_send: s[0] user, s[1] event type; num[0] 1: a state event. Reply: num[0] 1 when the user is joined and has the power. */
enum err room_may_send(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct room *room;
    enum err e = room_of_turn(t, false, &room);
    if (e != ERR_OK) return e;
    turn_reply(t)->num[0] = room_membership(room, c->s[0]) == MEMBER_JOIN &&
                            power_of_user(room->power, c->s[0]) >= power_for_event(room->power, c->s[1], c->num[0] != 0);
    return ERR_OK;
}
