/* The keys of devices: uploading, showing, telling others that they changed. */
#include "engine/user/keys.h"

#include "base/pack.h"
#include "engine/room/room.h"
#include "engine/user/state.h"

/* --- telling --- */

static void put_device_change(struct turn *t, struct str other, int64_t position)
{
    struct row row = {.table = T_device_change};
    row.c[C_device_change_user_id].s = turn_command(t)->key;
    row.c[C_device_change_other].s = other;
    row.c[C_device_change_position].i = position;
    turn_put(t, &row);
    user_state_device_changed(t, position);
}

/* A letter per slot in which the user has rooms. Letters have a size, so a slot with very many rooms gets several. */
enum { ROOMS_PER_LETTER = 2000 };

static void send_letters(struct turn *t, const struct str *room_id, size_t count)
{
    for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++) {
        struct buf rooms;
        size_t n = 0;
        buf_init(&rooms, 1048576);
        struct command c = {.type = CMD_rooms_devices_changed, .s[0] = turn_command(t)->key};
        for (size_t i = 0; i < count; i++) {
            if (cluster_slot_of(room_id[i]) != slot) continue;
            c.key = room_id[i];
            pack_str(&rooms, room_id[i]);
            if (++n % ROOMS_PER_LETTER) continue;
            c.s[1] = buf_str(&rooms);
            turn_letter(t, &c, false);
            buf_clear(&rooms);
        }
        c.s[1] = buf_str(&rooms);
        if (rooms.n) turn_letter(t, &c, false);
        buf_release(&rooms);
    }
}

enum err user_devices_changed(struct turn *t)
{
    struct str *room_id;
    size_t count;
    enum err e = user_rooms_with(t, "join", &room_id, &count);
    if (e != ERR_OK) return e;
    put_device_change(t, turn_command(t)->key, user_changed(t));
    send_letters(t, room_id, count);
    return ERR_OK;
}

/* user_device_note (a letter): s[0] another user, whose keys look different to this one now. */
enum err user_device_note(struct turn *t)
{
    put_device_change(t, turn_command(t)->s[0], user_changed(t));
    return turn_ready(t);
}

/* A room that is being read from the store at this moment could miss what is written meanwhile: waits until none is. */
static void wait_for_loading(struct turn *t, struct str list)
{
    struct str all = list, room_id;
    while (pack_next(&list, &room_id)) {
        struct entity *e = turn_peek(t, KIND_ROOM, room_id);
        if (!e || e->state || fiber_lock_is_free(&e->lock)) continue;
        e = turn_other(t, KIND_ROOM, room_id);
        fiber_lock(&e->lock);
        fiber_unlock(&e->lock);
        list = all;
    }
}

/* rooms_devices_changed (a letter): key any room of the slot; s[0] the user, s[1] packed ids of rooms of this slot in which the user is. */
enum err rooms_devices_changed(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct str list = c->s[1], room_id;
    wait_for_loading(t, list);
    int64_t position = turn_position(t);
    while (pack_next(&list, &room_id)) {
        struct row row = {.table = T_room_device_change};
        row.c[C_room_device_change_room_id].s = room_id;
        row.c[C_room_device_change_user_id].s = c->s[0];
        row.c[C_room_device_change_position].i = position;
        turn_put(t, &row);
        engine_note(t, ITEM_ROOM_CHANGE, room_id, position, STR(""));
    }
    enum err e = turn_ready(t);
    if (e != ERR_OK) return e;
    list = c->s[1];
    while (pack_next(&list, &room_id)) {
        const struct entity *room = turn_changes(t, KIND_ROOM, room_id, position);
        if (room && room->state) room_apply_device_mark(room->state, c->s[0], position);
    }
    return ERR_OK;
}

/* --- reading --- */

static enum err parse_stored(struct turn *t, struct str text, struct json **out)
{
    return json_parse(turn_arena(t), text, out, NULL) == ERR_OK ? ERR_OK
                                                                : fault_set(turn_fault(t), ERR_INTERNAL, "A stored key is damaged.");
}

enum err device_key_read(struct turn *t, struct str device_id, struct json **out)
{
    struct row row;
    *out = NULL;
    enum err e = turn_get(t, T_device_key, (struct cell[]){{.s = turn_command(t)->key}, {.s = device_id}}, &row);
    if (e != ERR_OK) return e == ERR_NOT_FOUND ? ERR_OK : e;
    return parse_stored(t, row.c[C_device_key_json].s, out);
}

/* --- showing --- */

static bool is_asked(const struct json *devices, struct str device_id)
{
    if (!devices || !devices->count) return true;
    json_each(d, devices) if (str_eq(json_string(d), device_id)) return true;
    return false;
}

/* The name that the device goes by, for the reader's eyes. */
static enum err add_display_name(struct turn *t, struct str device_id, struct json *key)
{
    struct arena *a = turn_arena(t);
    struct row row;
    struct json *extra = json_new(a, JSON_OBJECT);
    enum err e = turn_get(t, T_device, (struct cell[]){{.s = turn_command(t)->key}, {.s = device_id}}, &row);
    if (e != ERR_OK) return e == ERR_NOT_FOUND ? ERR_OK : e;
    if (str_empty(row.c[C_device_display_name].s)) return ERR_OK;
    json_set(extra, STR("device_display_name"), json_new_string(a, row.c[C_device_display_name].s));
    json_set(key, STR("unsigned"), extra);
    return ERR_OK;
}

static enum err show_devices(struct turn *t, const struct json *asked, struct json *out)
{
    struct store_read r = {.table = T_device_key, .prefix = 1, .key[0].s = turn_command(t)->key, .limit = SIZE_MAX};
    enum err e = turn_range(t, &r);
    for (size_t i = 0; i < r.count && e == ERR_OK; i++) {
        struct str device_id = r.row[i].c[C_device_key_device_id].s;
        struct json *key;
        if (!is_asked(asked, device_id)) continue;
        e = parse_stored(t, r.row[i].c[C_device_key_json].s, &key);
        if (e == ERR_OK) e = signatures_add(t, key, device_id, turn_command(t)->key);
        if (e == ERR_OK) e = add_display_name(t, device_id, key);
        if (e == ERR_OK) json_set(out, device_id, key);
    }
    return e;
}

/* With the signatures of its owner and of the one who asks. */
static enum err show_cross_signing(struct turn *t, const char *usage, struct str asker, struct str *out)
{
    struct json *key;
    struct str owner = turn_command(t)->key;
    enum err e = cross_signing_read(t, usage, &key);
    if (e != ERR_OK || !key) return e;
    struct str public_key = cross_signing_public(key);
    e = signatures_add(t, key, public_key, owner);
    if (e == ERR_OK && !str_eq(asker, owner)) e = signatures_add(t, key, public_key, asker);
    if (e == ERR_OK) *out = json_text(turn_arena(t), key);
    return e;
}

/* user_keys: s[0] who asks, s[1] JSON array of device ids (empty: all). Reply: s[0] JSON object: device id -> key; s[1] master key, s[2]
 * self-signing key, s[3] (only for oneself) user-signing key, each null when there is none. */
enum err user_keys(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct reply *r = turn_reply(t);
    struct arena *a = turn_arena(t);
    struct json *asked, *devices = json_new(a, JSON_OBJECT);
    enum err e = json_parse(a, c->s[1], &asked, turn_fault(t));
    if (e == ERR_OK) e = show_devices(t, asked, devices);
    if (e == ERR_OK) e = show_cross_signing(t, "master", c->s[0], &r->s[1]);
    if (e == ERR_OK) e = show_cross_signing(t, "self_signing", c->s[0], &r->s[2]);
    if (e == ERR_OK && str_eq(c->s[0], c->key)) e = show_cross_signing(t, "user_signing", c->s[0], &r->s[3]);
    if (e == ERR_OK) r->s[0] = json_text(a, devices);
    return e;
}
