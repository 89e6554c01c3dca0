/* Room aliases: names in slots of their own. */
#include "engine/engine.h"

/* alias_put: key the alias; s[0] room, s[1] who makes it. ALIAS_IN_USE when it is there. */
enum err alias_put(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct row row;
    enum err e = turn_get(t, T_alias, (struct cell[]){{.s = c->key}}, &row);
    if (e == ERR_OK) return ERR_ALIAS_IN_USE;
    if (e != ERR_NOT_FOUND) return e;
    row = (struct row){.table = T_alias};
    row.c[C_alias_alias].s = c->key;
    row.c[C_alias_room_id].s = c->s[0];
    row.c[C_alias_creator].s = c->s[1];
    turn_put(t, &row);
    struct command note = {.type = CMD_room_alias_note, .key = c->s[0], .s[0] = c->key, .num[0] = 1};
    turn_letter(t, &note, false);
    return turn_ready(t);
}

/* alias_get. Reply: s[0] room, s[1] who made it. */
enum err alias_get(struct turn *t)
{
    struct row row;
    enum err e = turn_get(t, T_alias, (struct cell[]){{.s = turn_command(t)->key}}, &row);
    if (e == ERR_NOT_FOUND) return fault_set(turn_fault(t), e, "There is no room alias of that name.");
    if (e != ERR_OK) return e;
    turn_reply(t)->s[0] = row.c[C_alias_room_id].s;
    turn_reply(t)->s[1] = row.c[C_alias_creator].s;
    return ERR_OK;
}

/* alias_del: s[0] the room that it must lead to (null: any). */
enum err alias_del(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct row row;
    enum err e = turn_get(t, T_alias, (struct cell[]){{.s = c->key}}, &row);
    if (e != ERR_OK) return e;
    if (c->s[0].p && !str_eq(c->s[0], row.c[C_alias_room_id].s)) return ERR_NOT_FOUND;
    turn_del(t, &row);
    struct command note = {.type = CMD_room_alias_note, .key = row.c[C_alias_room_id].s, .s[0] = c->key};
    turn_letter(t, &note, false);
    return turn_ready(t);
}

/* room_alias_note (a letter): s[0] alias; num[0] 1: leads here now, 0: no more. */
enum err room_alias_note(struct turn *t)
{
    struct row row = {.table = T_room_alias_of};
    row.c[C_room_alias_of_room_id].s = turn_command(t)->key;
    row.c[C_room_alias_of_alias].s = turn_command(t)->s[0];
    if (turn_command(t)->num[0])
        turn_put(t, &row);
    else
        turn_del(t, &row);
    return turn_ready(t);
}

/* room_aliases. Reply: s[0] JSON array. */
enum err room_aliases(struct turn *t)
{
    struct store_read r = {.table = T_room_alias_of, .prefix = 1, .key[0].s = turn_command(t)->key, .limit = 10000};
    enum err e = turn_range(t, &r);
    if (e != ERR_OK) return e;
    struct json *list = json_new(turn_arena(t), JSON_ARRAY);
    for (size_t i = 0; i < r.count; i++)
        json_push(list, json_new_string(turn_arena(t), r.row[i].c[C_room_alias_of_alias].s));
    turn_reply(t)->s[0] = json_text(turn_arena(t), list);
    return ERR_OK;
}
