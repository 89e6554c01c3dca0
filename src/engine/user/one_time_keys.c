/* One-time and fallback keys: uploading with a device's keys, handing out. (What /sync tells of them: sync_read.c.) */
#include "engine/user/keys.h"

#include "engine/user/state.h"

enum { ONE_TIME_KEYS_MAX = 1000, ONE_TIME_KEY_MAX = 8192 };

/* --- counting --- */

static struct store_read keys_of(struct turn *t, enum table table, struct str device_id)
{
    struct store_read r = {.table = table, .prefix = 2, .limit = SIZE_MAX};
    r.key[0].s = turn_command(t)->key;
    r.key[1].s = device_id;
    return r;
}

static void count_one(struct arena *a, struct json *counts, struct str algorithm, int64_t by)
{
    struct json *v = json_get_str(counts, algorithm);
    if (v)
        v->integer += by;
    else
        json_set(counts, algorithm, json_new_int(a, by));
}

static void count_rows(struct arena *a, const struct store_read *r, struct json *counts)
{
    for (size_t i = 0; i < r->count; i++)
        count_one(a, counts, r->row[i].c[C_one_time_key_algorithm].s, 1);
}

/* --- uploading --- */

/* A key's name is `algorithm:id`; false when it is none, or too long for its row. */
static bool split(struct str name, struct str *algorithm, struct str *id)
{
    ptrdiff_t colon = str_find(name, ':');
    if (colon <= 0) return false;
    *algorithm = str_first(name, (size_t)colon);
    *id = str_from(name, (size_t)colon + 1);
    return algorithm->n <= 64 && id->n > 0 && id->n <= 255;
}

static enum err check_names(struct turn *t, const struct json *keys)
{
    struct str algorithm, id;
    json_each(k, keys)
    {
        if (!split(k->key, &algorithm, &id))
            return fault_set(turn_fault(t), ERR_INVALID_PARAM, "The name of a key must be 'algorithm:id'.");
        if (json_text(turn_arena(t), k).n > ONE_TIME_KEY_MAX) return fault_set(turn_fault(t), ERR_INVALID_PARAM, "A key is too long.");
    }
    return ERR_OK;
}

static const struct row *find_key(const struct store_read *r, struct str algorithm, struct str id)
{
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(r->row[i].c[C_one_time_key_algorithm].s, algorithm) && str_eq(r->row[i].c[C_one_time_key_key_id].s, id))
            return &r->row[i];
    return NULL;
}

struct upload {
    struct json *device, *one_time, *fallback; /* of the command; may be NULL */
    struct json *old_device;
    struct store_read have;
    struct json *counts;
    struct doomed doomed;
    bool device_is_new;
    size_t fresh;
};

/* Which one-time keys are new. A name may be sent again with the same key, and never with another. */
static enum err check_one_time(struct turn *t, struct upload *u)
{
    struct str algorithm, id;
    struct json *old;
    u->have = keys_of(t, T_one_time_key, turn_command(t)->s[0]);
    enum err e = turn_range(t, &u->have);
    if (e == ERR_OK) e = check_names(t, u->one_time);
    if (e == ERR_OK) e = check_names(t, u->fallback);
    if (e != ERR_OK) return e;
    count_rows(turn_arena(t), &u->have, u->counts);
    json_each(k, u->one_time)
    {
        if (!split(k->key, &algorithm, &id)) continue;
        const struct row *row = find_key(&u->have, algorithm, id);
        if (!row) {
            count_one(turn_arena(t), u->counts, algorithm, 1);
            u->fresh++;
            continue;
        }
        if (json_parse(turn_arena(t), row->c[C_one_time_key_json].s, &old, NULL) == ERR_OK && json_equal(old, k)) continue;
        return fault_set(turn_fault(t), ERR_INVALID_PARAM, "There is another one-time key of the name %.*s already.",
                         STR_FMT(str_first(k->key, 100)));
    }
    if (u->fresh && u->have.count + u->fresh > ONE_TIME_KEYS_MAX)
        return fault_set(turn_fault(t), ERR_INVALID_PARAM, "A device may have at most %d one-time keys at a time.", ONE_TIME_KEYS_MAX);
    return ERR_OK;
}

/* Signatures that others made of a key are void when it changes. */
static enum err check_device(struct turn *t, struct upload *u)
{
    const struct command *c = turn_command(t);
    struct row row;
    if (!u->device) return ERR_OK;
    /* The device may have been deleted while the request was under way: then nothing may be left of it. */
    enum err e = turn_get(t, T_device, (struct cell[]){{.s = c->key}, {.s = c->s[0]}}, &row);
    if (e == ERR_NOT_FOUND) e = ERR_UNKNOWN_TOKEN;
    if (e == ERR_OK) e = device_key_read(t, c->s[0], &u->old_device);
    if (e != ERR_OK) return e;
    u->device_is_new = !u->old_device || !json_equal(u->old_device, u->device);
    if (!u->old_device || signed_same(turn_arena(t), u->old_device, u->device)) return ERR_OK;
    return doom_range(t, &u->doomed, T_key_signature, 2, (struct cell[]){{.s = c->key}, {.s = c->s[0]}});
}

static void put_device(struct turn *t, const struct json *key)
{
    struct row row = {.table = T_device_key};
    row.c[C_device_key_user_id].s = turn_command(t)->key;
    row.c[C_device_key_device_id].s = turn_command(t)->s[0];
    row.c[C_device_key_json].s = json_text(turn_arena(t), key);
    row.c[C_device_key_position].i = turn_position(t);
    turn_put(t, &row);
}

static void put_one_time(struct turn *t, const struct upload *u, int64_t position)
{
    struct row row = {.table = T_one_time_key};
    row.c[C_one_time_key_user_id].s = turn_command(t)->key;
    row.c[C_one_time_key_device_id].s = turn_command(t)->s[0];
    row.c[C_one_time_key_position].i = position;
    json_each(k, u->one_time)
    {
        if (!split(k->key, &row.c[C_one_time_key_algorithm].s, &row.c[C_one_time_key_key_id].s)) continue;
        if (find_key(&u->have, row.c[C_one_time_key_algorithm].s, row.c[C_one_time_key_key_id].s)) continue;
        row.c[C_one_time_key_json].s = json_text(turn_arena(t), k);
        turn_put(t, &row);
    }
}

static void put_fallback(struct turn *t, const struct upload *u)
{
    struct row row = {.table = T_fallback_key};
    row.c[C_fallback_key_user_id].s = turn_command(t)->key;
    row.c[C_fallback_key_device_id].s = turn_command(t)->s[0];
    json_each(k, u->fallback)
    {
        if (!split(k->key, &row.c[C_fallback_key_algorithm].s, &row.c[C_fallback_key_key_id].s)) continue;
        row.c[C_fallback_key_json].s = json_text(turn_arena(t), k);
        turn_put(t, &row);
    }
}

static enum err parse_opt(struct turn *t, struct str text, struct json **out)
{
    *out = NULL;
    return text.p ? json_parse(turn_arena(t), text, out, turn_fault(t)) : ERR_OK;
}

/* user_keys_upload: s[0] device; each null or JSON: s[1] its keys, s[2] one-time keys, s[3] fallback keys. Reply: s[0] JSON object: how many
 * one-time keys there are of each algorithm. INVALID_PARAM for a name that is taken by another key. */
enum err user_keys_upload(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct upload u = {.counts = json_new(turn_arena(t), JSON_OBJECT)};
    enum err e = parse_opt(t, c->s[1], &u.device);
    if (e == ERR_OK) e = parse_opt(t, c->s[2], &u.one_time);
    if (e == ERR_OK) e = parse_opt(t, c->s[3], &u.fallback);
    if (e == ERR_OK) e = check_one_time(t, &u);
    if (e == ERR_OK) e = check_device(t, &u);
    if (e == ERR_OK && u.device_is_new) e = user_devices_changed(t);
    if (e != ERR_OK) return e;
    turn_reply(t)->s[0] = json_text(turn_arena(t), u.counts);
    bool counts_change = u.fresh || (u.fallback && u.fallback->count);
    if (!u.device_is_new && !counts_change) return ERR_OK;
    if (u.device_is_new) put_device(t, u.device);
    doom(t, &u.doomed);
    if (counts_change) {
        put_one_time(t, &u, user_changed(t));
        put_fallback(t, &u);
        user_state_keys_changed(t);
    }
    return turn_ready(t);
}

/* --- handing out --- */

struct handed {
    struct row row;
    struct handed *next;
};

static void hand(struct turn *t, struct json *out, const struct json *asked, struct str key_id, struct str text)
{
    struct arena *a = turn_arena(t);
    struct json *key, *named = json_new(a, JSON_OBJECT);
    if (json_parse(a, text, &key, NULL) != ERR_OK) return;
    json_set(named, arena_join(a, json_string(asked), STR(":"), key_id), key);
    json_set(out, asked->key, named);
}

/* The one that was uploaded first. */
static const struct row *oldest(const struct store_read *r)
{
    const struct row *best = NULL;
    for (size_t i = 0; i < r->count; i++)
        if (!best || r->row[i].c[C_one_time_key_position].i < best->c[C_one_time_key_position].i) best = &r->row[i];
    return best;
}

static enum err claim_one(struct turn *t, const struct json *asked, struct json *out, struct handed **list)
{
    struct store_read r = keys_of(t, T_one_time_key, asked->key);
    r.prefix = 3;
    r.key[2].s = json_string(asked);
    enum err e = turn_range(t, &r);
    if (e != ERR_OK) return e;
    const struct row *row = oldest(&r);
    struct row fallback;
    if (row) {
        hand(t, out, asked, row->c[C_one_time_key_key_id].s, row->c[C_one_time_key_json].s);
    } else {
        e = turn_get(t, T_fallback_key, r.key, &fallback);
        if (e != ERR_OK) return e == ERR_NOT_FOUND ? ERR_OK : e;
        hand(t, out, asked, fallback.c[C_fallback_key_key_id].s, fallback.c[C_fallback_key_json].s);
        if (fallback.c[C_fallback_key_used].i) return ERR_OK;
        fallback.c[C_fallback_key_used].i = 1;
        row = &fallback;
    }
    struct handed *h = arena_alloc(turn_arena(t), sizeof *h);
    *h = (struct handed){*row, *list};
    *list = h;
    return ERR_OK;
}

/* user_keys_claim: s[0] JSON object: device id -> algorithm. Reply: s[0] JSON object: device id -> {name: key}. A one-time key goes in the
 * record that answers, so nobody else ever gets it. */
enum err user_keys_claim(struct turn *t)
{
    struct arena *a = turn_arena(t);
    struct json *asked, *out = json_new(a, JSON_OBJECT);
    struct handed *list = NULL;
    enum err e = json_parse(a, turn_command(t)->s[0], &asked, turn_fault(t));
    if (e != ERR_OK) return e;
    json_each(d, asked)
    {
        e = claim_one(t, d, out, &list);
        if (e != ERR_OK) return e;
    }
    turn_reply(t)->s[0] = json_text(a, out);
    if (!list) return ERR_OK;
    user_changed(t);
    user_state_keys_changed(t);
    for (struct handed *h = list; h; h = h->next) {
        if (h->row.table == T_one_time_key)
            turn_del(t, &h->row);
        else
            turn_put(t, &h->row);
    }
    return turn_ready(t);
}
