/* Profiles: named fields, two of which stand in the member events of the user's rooms. */
#include "engine/user/kept.h"
#include "engine/user/user.h"

enum { PROFILE_BYTES_MAX = 65536 };

static enum err read_fields(struct turn *t, struct store_read *r)
{
    *r = (struct store_read){.table = T_profile, .prefix = 1, .limit = SIZE_MAX};
    r->key[0].s = turn_command(t)->key;
    return kept_range(t, r);
}

static void write_profile(struct json_out *o, const struct store_read *fields)
{
    json_object(o);
    for (size_t i = 0; i < fields->count; i++) {
        json_key_str(o, fields->row[i].c[C_profile_field].s);
        json_put_raw(o, fields->row[i].c[C_profile_json].s);
    }
    json_end(o);
}

/* user_profile_get: Reply: s[0] the profile, a JSON object. NOT_FOUND, USER_DEACTIVATED. */
enum err user_profile_get(struct turn *t)
{
    struct row account;
    struct store_read fields;
    struct buf b;
    struct json_out o;
    enum err e = read_fields(t, &fields);
    if (e == ERR_OK && fields.count == 0) e = user_account_row(t, &account); /* who has a profile has an account: deactivation takes both */
    if (e != ERR_OK) return e;
    buf_init(&b, 4 * PROFILE_BYTES_MAX);
    json_out_init(&o, &b);
    write_profile(&o, &fields);
    turn_reply(t)->s[0] = arena_str(turn_arena(t), buf_str(&b));
    buf_release(&b);
    return ERR_OK;
}

static struct str value_of(const struct store_read *fields, struct str field)
{
    for (size_t i = 0; i < fields->count; i++)
        if (str_eq(fields->row[i].c[C_profile_field].s, field)) return fields->row[i].c[C_profile_json].s;
    return (struct str){0};
}

/* As JSON, with quotes, colons and commas; that names may need escapes does not count. */
static size_t size_with(const struct store_read *fields, struct str field, struct str json)
{
    size_t n = 1 + field.n + 4 + json.n;
    for (size_t i = 0; i < fields->count; i++)
        if (!str_eq(fields->row[i].c[C_profile_field].s, field))
            n += fields->row[i].c[C_profile_field].s.n + 4 + fields->row[i].c[C_profile_json].s.n;
    return n;
}

static void tell_rooms(struct turn *t, const struct str *room_id, size_t count, struct str display_name, struct str avatar_url)
{
    struct command c = {.type = CMD_room_profile, .s = {turn_command(t)->key, display_name, avatar_url}};
    for (size_t i = 0; i < count; i++) {
        c.key = room_id[i];
        turn_letter(t, &c, false);
    }
}

static void write_field(struct turn *t, struct str field, struct str json)
{
    struct row row = {.table = T_profile};
    row.c[C_profile_user_id].s = turn_command(t)->key;
    row.c[C_profile_field].s = field;
    row.c[C_profile_json].s = json;
    if (json.p)
        turn_put(t, &row);
    else
        turn_del(t, &row);
}

/* user_profile_put: s[0] field, s[1] its value as JSON, or null: the field goes. The member events of the rooms follow. PROFILE_TOO_LARGE. */
enum err user_profile_put(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct str field = c->s[0], json = c->s[1], *room_id = NULL;
    struct row account;
    struct store_read fields;
    size_t rooms = 0;
    bool name = str_is(field, "displayname"), avatar = str_is(field, "avatar_url");
    enum err e = user_account_row(t, &account);
    if (e == ERR_OK) e = read_fields(t, &fields);
    if (e != ERR_OK) return e;
    struct str old = value_of(&fields, field);
    if (old.p == json.p || (old.p && json.p && str_eq(old, json))) return ERR_OK;
    if (json.p && size_with(&fields, field, json) >= PROFILE_BYTES_MAX) return ERR_PROFILE_TOO_LARGE;
    if (name || avatar) e = user_rooms_with(t, "join", &room_id, &rooms);
    if (e != ERR_OK) return e;
    write_field(t, field, json);
    tell_rooms(t, room_id, rooms, name ? json : value_of(&fields, STR("displayname")),
               avatar ? json : value_of(&fields, STR("avatar_url")));
    return turn_ready(t);
}
