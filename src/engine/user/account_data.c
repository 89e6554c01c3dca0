/* Account data: what clients keep for themselves, for all of the user's devices; tags of rooms. */
#include "engine/user/state.h"

#include "matrix/pushrules.h"

enum err user_account_data_read(struct turn *t, struct str room_id, struct str type, struct str *json)
{
    struct row row;
    const struct cell key[] = {{.s = turn_command(t)->key}, {.s = room_id}, {.s = type}};
    enum err e = turn_get(t, T_account_data, key, &row);
    if (e == ERR_OK && str_empty(row.c[C_account_data_json].s)) e = ERR_NOT_FOUND;
    if (e == ERR_OK) *json = row.c[C_account_data_json].s;
    return e;
}

void user_account_data_write(struct turn *t, struct str room_id, struct str type, struct str json, int64_t position)
{
    struct row row = {.table = T_account_data};
    row.c[C_account_data_user_id].s = turn_command(t)->key;
    row.c[C_account_data_room_id].s = room_id;
    row.c[C_account_data_type].s = type;
    row.c[C_account_data_json].s = json;
    row.c[C_account_data_position].i = position;
    turn_put(t, &row);
    struct user_state *u = user_state(t);
    /* Where the turn fails after this, too much is read once; never too little. */
    if (position > u->data_newest) u->data_newest = position;
    if (str_empty(room_id) && (str_is(type, "m.push_rules") || str_is(type, "m.ignored_user_list"))) user_account_data_forgotten(t);
}

void user_account_data_forgotten(struct turn *t)
{
    struct user_state *u = user_state(t);
    u->data_known = false;
    user_state_keep(&u->rules, STR(""));
    user_state_keep(&u->ignored, STR(""));
}

/* user_account_data: s[0] room, empty: global; s[1] type. Reply: s[0] content. NOT_FOUND. The push rules are there always, and whole. */
enum err user_account_data(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct str json = {0};
    bool rules = str_empty(c->s[0]) && str_is(c->s[1], "m.push_rules");
    enum err e = user_account_data_read(t, c->s[0], c->s[1], &json);
    if (e == ERR_NOT_FOUND && !rules) return fault_set(turn_fault(t), e, "You have no account data of that type here.");
    if (e != ERR_OK && e != ERR_NOT_FOUND) return e;
    turn_reply(t)->s[0] = json;
    if (!rules) return ERR_OK;
    struct json *stored = NULL;
    if (e == ERR_OK && json_parse(turn_arena(t), json, &stored, NULL) != ERR_OK) stored = NULL;
    turn_reply(t)->s[0] = json_text(turn_arena(t), push_rules_full(turn_arena(t), c->key, stored));
    return ERR_OK;
}

/* user_account_data_put: s[0] room, empty: global; s[1] type, s[2] content, a JSON object. */
enum err user_account_data_put(struct turn *t)
{
    const struct command *c = turn_command(t);
    user_account_data_write(t, c->s[0], c->s[1], c->s[2], user_changed(t));
    return turn_ready(t);
}

/* user_tag_put: s[0] room, s[1] tag, s[2] its content as JSON, or null: the tag goes. */
enum err user_tag_put(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct arena *a = turn_arena(t);
    struct json *content = NULL, *value = NULL;
    struct str text;
    if (c->s[2].p && json_parse(a, c->s[2], &value, turn_fault(t)) != ERR_OK) return ERR_NOT_JSON;
    enum err e = user_account_data_read(t, c->s[0], STR("m.tag"), &text);
    if (e != ERR_OK && e != ERR_NOT_FOUND) return e;
    if (e == ERR_OK && json_parse(a, text, &content, NULL) != ERR_OK) content = NULL;
    if (!json_is(content, JSON_OBJECT)) content = json_new(a, JSON_OBJECT);
    struct json *tags = json_get(content, "tags");
    if (!json_is(tags, JSON_OBJECT)) tags = json_set(content, STR("tags"), json_new(a, JSON_OBJECT));
    if (value) {
        json_set(tags, c->s[1], value);
    } else if (!json_remove(tags, c->s[1])) {
        return ERR_OK;
    }
    user_account_data_write(t, c->s[0], STR("m.tag"), json_text(a, content), user_changed(t));
    return turn_ready(t);
}
