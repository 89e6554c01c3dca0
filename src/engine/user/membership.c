/* Which rooms a user sees. */
#include "engine/user/kept.h"
#include "engine/user/user.h"

/* user_membership (a letter of the room): num[0] position in the room's slot; s[0] room, s[1] membership, s[2] stripped state (invite, knock; else
 * null), s[3] who did it. */
enum err user_membership(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct row old, row = {.table = T_user_room};
    enum err e = turn_get(t, T_user_room, (struct cell[]){{.s = c->key}, {.s = c->s[0]}}, &old);
    if (e != ERR_OK && e != ERR_NOT_FOUND) return e;
    row.c[C_user_room_user_id].s = c->key;
    row.c[C_user_room_room_id].s = c->s[0];
    row.c[C_user_room_membership].s = c->s[1];
    row.c[C_user_room_position].i = user_changed(t);
    row.c[C_user_room_room_position].i = c->num[0];
    row.c[C_user_room_json].s = c->s[2].p ? c->s[2] : STR("");
    turn_put(t, &row);
    enum err ready = turn_ready(t);
    if (ready == ERR_OK) user_rooms_changed(t);
    return ready;
}

/* user_forget: s[0] room. The room is no longer spoken of. UNKNOWN when the user is still in it. */
enum err user_forget(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct row row;
    enum err e = turn_get(t, T_user_room, (struct cell[]){{.s = c->key}, {.s = c->s[0]}}, &row);
    if (e != ERR_OK) return e == ERR_NOT_FOUND ? fault_set(turn_fault(t), e, "You have never been in that room.") : e;
    if (!str_is(row.c[C_user_room_membership].s, "leave") && !str_is(row.c[C_user_room_membership].s, "ban"))
        return fault_set(turn_fault(t), ERR_UNKNOWN, "Leave the room before you forget it.");
    row.c[C_user_room_forgotten].i = 1;
    turn_put(t, &row);
    enum err ready = turn_ready(t);
    if (ready == ERR_OK) user_rooms_changed(t);
    return ready;
}

/* user_joined_rooms. Reply: s[0] JSON array of room ids. */
enum err user_joined_rooms(struct turn *t)
{
    struct store_read r = {.table = T_user_room, .prefix = 1, .key[0].s = turn_command(t)->key, .limit = SIZE_MAX};
    enum err e = kept_range(t, &r);
    if (e != ERR_OK) return e;
    struct json *list = json_new(turn_arena(t), JSON_ARRAY);
    for (size_t i = 0; i < r.count; i++)
        if (str_is(r.row[i].c[C_user_room_membership].s, "join"))
            json_push(list, json_new_string(turn_arena(t), r.row[i].c[C_user_room_room_id].s));
    turn_reply(t)->s[0] = json_text(turn_arena(t), list);
    return ERR_OK;
}

/* user_room: s[0] room. Reply: s[0] membership, num[0] forgotten. NOT_FOUND when the user has nothing to do with it. */
enum err user_room(struct turn *t)
{
    struct row row;
    enum err e = turn_get(t, T_user_room, (struct cell[]){{.s = turn_command(t)->key}, {.s = turn_command(t)->s[0]}}, &row);
    if (e != ERR_OK) return e;
    turn_reply(t)->s[0] = row.c[C_user_room_membership].s;
    turn_reply(t)->num[0] = row.c[C_user_room_forgotten].i;
    return ERR_OK;
}
