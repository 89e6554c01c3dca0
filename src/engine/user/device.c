/* Devices. */
#include "engine/user/token.h"

#include "base/pack.h"

static void write_device(struct json_out *o, const struct row *row)
{
    const struct cell *c = row->c;
    json_object(o);
    json_str_member(o, "device_id", c[C_device_device_id].s);
    if (!str_empty(c[C_device_display_name].s)) json_str_member(o, "display_name", c[C_device_display_name].s);
    if (!str_empty(c[C_device_seen_ip].s)) json_str_member(o, "last_seen_ip", c[C_device_seen_ip].s);
    if (c[C_device_seen_ms].i) json_int_member(o, "last_seen_ts", c[C_device_seen_ms].i);
    json_end(o);
}

static struct str device_json(struct arena *a, const struct row *rows, size_t count, bool list)
{
    struct buf b;
    struct json_out o;
    buf_init(&b, 64 * 1048576);
    json_out_init(&o, &b);
    if (list) json_array(&o);
    for (size_t i = 0; i < count; i++)
        write_device(&o, &rows[i]);
    if (list) json_end(&o);
    struct str text = arena_str(a, buf_str(&b));
    buf_release(&b);
    return text;
}

/* user_devices: s[0] device, or null: all. Reply: s[0] JSON as clients see it, an object or an array of them. NOT_FOUND. */
enum err user_devices(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct store_read r = {.table = T_device, .prefix = 1, .key = {{.s = c->key}, {.s = c->s[0]}}, .limit = SIZE_MAX};
    if (c->s[0].p) r.prefix = 2;
    enum err e = turn_range(t, &r);
    if (e == ERR_OK && c->s[0].p && r.count == 0) e = fault_set(turn_fault(t), ERR_NOT_FOUND, "You have no device of that name.");
    if (e == ERR_OK) turn_reply(t)->s[0] = device_json(turn_arena(t), r.row, r.count, !c->s[0].p);
    return e;
}

/* user_device_name: s[0] device, s[1] its new display name, or null: only asks whether it is there. NOT_FOUND. */
enum err user_device_name(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct row row;
    enum err e = turn_get(t, T_device, (struct cell[]){{.s = c->key}, {.s = c->s[0]}}, &row);
    if (e == ERR_NOT_FOUND) return fault_set(turn_fault(t), e, "You have no device of that name.");
    if (e != ERR_OK || !c->s[1].p) return e;
    row.c[C_device_display_name].s = c->s[1];
    turn_put(t, &row);
    return turn_ready(t);
}

/* --- deleting --- */

static const enum table of_device[] = {T_device_key, T_one_time_key, T_fallback_key, T_to_device};
enum { OF_DEVICE = sizeof of_device / sizeof of_device[0] };

static enum err doom_tokens(struct turn *t, struct doomed *d, struct str device_id)
{
    struct store_read r = {.table = T_token, .prefix = 1, .key[0].s = turn_command(t)->key, .limit = SIZE_MAX};
    enum err e = turn_range(t, &r);
    for (size_t i = 0; i < r.count && e == ERR_OK; i++)
        if (str_eq(r.row[i].c[C_token_device_id].s, device_id)) doom_row(t, d, &r.row[i]);
    return e;
}

enum err doom_device(struct turn *t, struct doomed *d, struct str device_id, bool *had_keys)
{
    const struct cell key[] = {{.s = turn_command(t)->key}, {.s = device_id}};
    size_t all_before = d->count;
    enum err e = doom_range(t, d, T_device, 2, key);
    if (e == ERR_OK && d->count == all_before) return ERR_OK; /* no device, so nothing of it */
    for (size_t i = 0; i < OF_DEVICE && e == ERR_OK; i++) {
        size_t before = d->count;
        e = doom_range(t, d, of_device[i], 2, key);
        if (had_keys && of_device[i] == T_device_key && d->count > before) *had_keys = true;
    }
    /* Signatures on its key; those on a key of cross-signing have that key as their target. */
    if (e == ERR_OK) e = doom_range(t, d, T_key_signature, 2, key);
    return e == ERR_OK ? doom_tokens(t, d, device_id) : e;
}

enum err doom_sessions(struct turn *t, struct doomed *d, struct str keep, bool *had_keys)
{
    struct store_read r = {.table = T_device, .prefix = 1, .key[0].s = turn_command(t)->key, .limit = SIZE_MAX};
    enum err e = turn_range(t, &r);
    for (size_t i = 0; i < r.count && e == ERR_OK; i++)
        if (!keep.p || !str_eq(r.row[i].c[C_device_device_id].s, keep)) e = doom_device(t, d, r.row[i].c[C_device_device_id].s, had_keys);
    return e;
}

static bool is_doomed(const struct doomed *d, struct str device_id)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->row[i].table == T_device && str_eq(d->row[i].c[C_device_device_id].s, device_id)) return true;
    return false;
}

/* Changes are kept for devices that have not heard of them: where none is left, for nobody. */
static enum err doom_changes_if_last(struct turn *t, struct doomed *d)
{
    struct cell key = {.s = turn_command(t)->key};
    struct store_read r = {.table = T_device, .prefix = 1, .key[0] = key, .limit = SIZE_MAX};
    enum err e = turn_range(t, &r);
    for (size_t i = 0; i < r.count && e == ERR_OK; i++)
        if (!is_doomed(d, r.row[i].c[C_device_device_id].s)) return ERR_OK;
    return e == ERR_OK ? doom_range(t, d, T_device_change, 1, &key) : e;
}

/* user_devices_delete: s[0] packed device ids, or null: all. Those that are not there are deleted already. */
enum err user_devices_delete(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct doomed d = {0};
    bool had_keys = false;
    struct str list = c->s[0], device_id;
    enum err e = ERR_OK;
    while (e == ERR_OK && pack_next(&list, &device_id))
        e = doom_device(t, &d, device_id, &had_keys);
    if (!c->s[0].p) e = doom_sessions(t, &d, (struct str){0}, &had_keys);
    if (e == ERR_OK) e = doom_changes_if_last(t, &d);
    if (e == ERR_OK && had_keys) e = user_devices_changed(t);
    if (e != ERR_OK || d.count == 0) return e;
    doom(t, &d);
    return turn_ready(t);
}
