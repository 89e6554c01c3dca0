/* Messages from device to device: kept for each receiving device until it has been seen to have them
 * (sync_read.c). */
#include "engine/user/state.h"

static enum err is_done(struct turn *t, struct str txn, bool *done)
{
    struct row row;
    enum err e = turn_get(t, T_txn, (struct cell[]){{.s = turn_command(t)->key}, {.s = txn}}, &row);
    *done = e == ERR_OK;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static void put_txn(struct turn *t, struct str txn)
{
    struct row row = {.table = T_txn};
    row.c[C_txn_scope].s = turn_command(t)->key;
    row.c[C_txn_device_txn].s = txn;
    row.c[C_txn_made_ms].i = turn_now_ms(t);
    turn_put(t, &row);
}

/* user_to_device_send: key the sender; s[0] transaction, s[1] type, s[2] JSON object: user -> {device or "*": content}. A repeated one does
 * nothing. */
enum err user_to_device_send(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct json *messages;
    bool done = false;
    enum err e = json_parse(turn_arena(t), c->s[2], &messages, turn_fault(t));
    if (e == ERR_OK) e = is_done(t, c->s[0], &done);
    if (e != ERR_OK || done) return e;
    put_txn(t, c->s[0]);
    json_each(m, messages)
    {
        struct command deliver = {.type = CMD_user_to_device_deliver, .key = m->key};
        deliver.s[0] = c->key;
        deliver.s[1] = c->s[1];
        deliver.s[2] = json_text(turn_arena(t), m);
        turn_letter(t, &deliver, false);
    }
    return turn_ready(t);
}

static struct str message_text(struct turn *t, const struct json *content)
{
    struct json *m = json_new(turn_arena(t), JSON_OBJECT);
    json_set(m, STR("content"), json_copy(turn_arena(t), content));
    json_set(m, STR("sender"), json_new_string(turn_arena(t), turn_command(t)->s[0]));
    json_set(m, STR("type"), json_new_string(turn_arena(t), turn_command(t)->s[1]));
    return json_text(turn_arena(t), m);
}

/* What the device gets: what is for it, else what is for all. */
static const struct json *message_for(const struct json *messages, struct str device_id)
{
    const struct json *own = json_get_str(messages, device_id);
    return own ? own : json_get(messages, "*");
}

/* user_to_device_deliver (a letter): s[0] sender, s[1] type, s[2] JSON object: device or "*" -> content. Devices that are not there get nothing. */
enum err user_to_device_deliver(struct turn *t)
{
    struct store_read r = {.table = T_device, .prefix = 1, .key[0].s = turn_command(t)->key, .limit = SIZE_MAX};
    struct json *messages;
    struct row row = {.table = T_to_device, .c[C_to_device_user_id].s = turn_command(t)->key};
    enum err e = json_parse(turn_arena(t), turn_command(t)->s[2], &messages, turn_fault(t));
    if (e == ERR_OK) e = turn_range(t, &r);
    if (e != ERR_OK) return e;
    for (size_t i = 0; i < r.count; i++) {
        struct str device_id = r.row[i].c[C_device_device_id].s;
        const struct json *content = message_for(messages, device_id);
        if (!content) continue;
        if (!row.c[C_to_device_position].i) row.c[C_to_device_position].i = user_changed(t);
        row.c[C_to_device_device_id].s = device_id;
        row.c[C_to_device_json].s = message_text(t, content);
        turn_put(t, &row);
        row.c[C_to_device_part].i++;
        user_state_message(t, device_id, row.c[C_to_device_position].i);
    }
    return turn_ready(t);
}
