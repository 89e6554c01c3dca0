/* What is told of a room to those who are not in it: the directory, summaries, spaces. */
#include "base/pack.h"
#include "engine/room/directory.h"

static void write_summary(struct json_out *o, const struct room *room)
{
    json_str_member(o, "room_id", room->room_id);
    json_int_member(o, "num_joined_members", (int64_t)room->joined);
    directory_write_entry(o, room, NULL);
}

static void write_more(struct json_out *o, const struct room *room)
{
    json_str_member(o, "room_version", str_c(room->version->name));
    struct str algorithm = json_string_at(room_content(room, NULL, STR("m.room.encryption"), STR("")), "algorithm");
    if (algorithm.n) json_str_member(o, "encryption", algorithm);
}

static void write_allowed(struct json_out *o, const struct room *room, struct buf *packed)
{
    enum join_rule rule = room_join_rule(room);
    if (rule != JOIN_RESTRICTED && rule != JOIN_KNOCK_RESTRICTED) return;
    json_key(o, "allowed_room_ids");
    json_array(o);
    json_each(v, json_get(room_content(room, NULL, STR("m.room.join_rules"), STR("")), "allow"))
    {
        struct str id = json_string_at(v, "room_id");
        if (!id.p || !str_is(json_string_at(v, "type"), "m.room_membership")) continue;
        json_put_str(o, id);
        pack_str(packed, id);
    }
    json_end(o);
}

static void write_children(struct json_out *o, const struct room *room)
{
    json_key(o, "children_state");
    json_array(o);
    list_each(it, &room->recent_state)
    {
        const struct state_entry *s = list_item(it, struct state_entry, recent);
        const struct event *e = s->event;
        if (!str_is(e->type, "m.space.child")) continue;
        const struct json *content = room_content(room, NULL, e->type, e->state_key);
        if (!json_is(json_get(content, "via"), JSON_ARRAY)) continue;
        json_object(o);
        json_raw_member(o, "content", e->content);
        json_int_member(o, "origin_server_ts", e->ts);
        json_str_member(o, "sender", e->sender);
        json_str_member(o, "state_key", e->state_key);
        json_str_member(o, "type", e->type);
        json_end(o);
    }
    json_end(o);
}

/* room_summary: s[0] who asks or null; num[0] 1: with the children of a space.
 * Reply: s[0] members of a JSON object (no braces), s[1] packed rooms whose members may join; num[0] 1: open to everybody who asks (or the asker is in it or
 * invited), num[1] the asker's membership, num[2] joined members. */
enum err room_summary(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct reply *r = turn_reply(t);
    struct room *room;
    struct buf b, allowed;
    struct json_out o;
    enum err e = room_of_turn(t, false, &room);
    if (e != ERR_OK) return e;
    enum membership m = c->s[0].p ? room_membership(room, c->s[0]) : MEMBER_NONE;
    enum join_rule rule = room_join_rule(room);
    buf_init(&b, 4 * 1048576);
    buf_init(&allowed, 1048576);
    json_out_init(&o, &b);
    json_object(&o);
    write_summary(&o, room);
    write_more(&o, room);
    write_allowed(&o, room, &allowed);
    if (c->num[0]) write_children(&o, room);
    json_end(&o);
    r->num[0] = rule == JOIN_PUBLIC || rule == JOIN_KNOCK || rule == JOIN_KNOCK_RESTRICTED ||
                room_visibility(room) == HISTORY_WORLD_READABLE || m == MEMBER_JOIN || m == MEMBER_INVITE;
    r->num[1] = m;
    r->num[2] = (int64_t)room->joined;
    r->s[0] = arena_str(turn_arena(t), str_make(b.p + 1, b.n - 2));
    r->s[1] = arena_str(turn_arena(t), str_make(allowed.p ? allowed.p : "", allowed.n));
    buf_release(&b);
    buf_release(&allowed);
    return ERR_OK;
}

/* room_publish: s[0] who asks; num[0] 1: into the directory, 0: out. */
enum err room_publish(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct room *room;
    enum err e = room_of_turn(t, true, &room);
    if (e != ERR_OK) return e;
    if (room_membership(room, c->s[0]) != MEMBER_JOIN ||
        power_of_user(room->power, c->s[0]) < power_for_event(room->power, STR("m.room.canonical_alias"), true))
        return fault_set(turn_fault(t), ERR_FORBIDDEN, "You need the power to change the room's address for that.");
    bool before = room->is_public;
    room->is_public = c->num[0] != 0;
    room_put_row(t, room);
    struct directory_change listed = directory_publish(t, room);
    e = turn_ready(t);
    if (e == ERR_OK)
        directory_apply(t, room, &listed);
    else
        room->is_public = before;
    return e;
}

/* room_is_public. Reply: num[0]. */
enum err room_is_public(struct turn *t)
{
    struct room *room;
    enum err e = room_of_turn(t, false, &room);
    if (e == ERR_OK) turn_reply(t)->num[0] = room->is_public;
    return e;
}

/* The profile rows of one user, which follow each other, into the entry. */
static size_t take_profile(struct arena *a, const struct store_read *profiles, size_t at, struct str user, struct json *entry)
{
    for (; at < profiles->count; at++) {
        const struct cell *c = profiles->row[at].c;
        int order = str_cmp(c[C_profile_user_id].s, user);
        struct json *v;
        if (order > 0) break;
        if (order < 0 || json_parse(a, c[C_profile_json].s, &v, NULL) != ERR_OK || !json_is(v, JSON_STRING)) continue;
        if (str_is(c[C_profile_field].s, "displayname")) json_set(entry, STR("display_name"), v);
        if (str_is(c[C_profile_field].s, "avatar_url")) json_set(entry, STR("avatar_url"), v);
    }
    return at;
}

/* slot_users: the accounts of this slot that people can be found by. Reply: s[0] JSON array {user_id, display_name, avatar_url}. */
enum err slot_users(struct turn *t)
{
    struct arena *a = turn_arena(t);
    struct store_read users = {.table = T_user, .limit = SIZE_MAX}, profiles = {.table = T_profile, .limit = SIZE_MAX};
    struct json *list = json_new(a, JSON_ARRAY);
    size_t at = 0;
    enum err e = turn_range(t, &users);
    if (e == ERR_OK) e = turn_range(t, &profiles);
    for (size_t i = 0; e == ERR_OK && i < users.count; i++) {
        const struct cell *c = users.row[i].c;
        if (c[C_user_deactivated].i || c[C_user_kind].i) continue;
        struct json *entry = json_push(list, json_new(a, JSON_OBJECT));
        json_set(entry, STR("user_id"), json_new_string(a, c[C_user_user_id].s));
        at = take_profile(a, &profiles, at, c[C_user_user_id].s, entry);
    }
    turn_reply(t)->s[0] = json_text(a, list);
    return e;
}

/* report: key a room or user id; s[0] who reports, s[1] the report as JSON, s[2] an event of the room or null. */
enum err report_put(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct row row;
    enum err e = ERR_OK;
    if (c->s[2].p) {
        e = turn_get(t, T_event_id, (struct cell[]){{.s = c->key}, {.s = c->s[2]}}, &row);
        if (e == ERR_NOT_FOUND) return fault_set(turn_fault(t), e, "There is no such event, or you may not see it.");
        if (e != ERR_OK) return e;
    }
    row = (struct row){.table = T_report};
    row.c[C_report_subject].s = c->key;
    row.c[C_report_position].i = turn_position(t);
    row.c[C_report_reporter].s = c->s[0];
    row.c[C_report_json].s = c->s[1];
    row.c[C_report_made_ms].i = turn_now_ms(t);
    turn_put(t, &row);
    return turn_ready(t);
}
