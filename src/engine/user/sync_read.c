/* What /sync asks of a user's slot. */
#include "engine/user/state.h"

#include "base/pack.h"
#include "matrix/pushrules.h"

enum { MESSAGES_DEFAULT = 100, MESSAGES_MAX = 1000, REPLY_MAX = 256 * 1048576 };

struct reader {
    struct turn *t;
    struct user_state *u;
    struct str device_id;
    int64_t since, as_of; /* what lies in (since, as_of] is told */
    struct device_state *device;
};

static struct str take(struct arena *a, struct buf *b)
{
    struct str s = arena_str(a, str_make(b->p ? b->p : "", b->n));
    buf_release(b);
    return s;
}

static bool is_news(const struct reader *r, int64_t position)
{
    return position > r->since && position <= r->as_of;
}

/* --- messages to the device --- */

static struct store_read message_read(const struct reader *r, size_t limit)
{
    struct store_read m = {.table = T_to_device, .prefix = 2, .limit = limit, .has_from = true, .has_to = true};
    m.key[0].s = turn_command(r->t)->key;
    m.key[1].s = r->device_id;
    m.from.i = r->since + 1;
    m.to.i = r->as_of + 1;
    return m;
}

/* How many of the rows are told, so that none of a position is parted from the others of it. 0: all are of one position. */
static size_t whole_positions(const struct store_read *m)
{
    int64_t last = m->row[m->count - 1].c[C_to_device_position].i;
    size_t n = m->count;
    while (n && m->row[n - 1].c[C_to_device_position].i == last)
        n--;
    return n;
}

static bool room_changed_after(const struct user_state *u, int64_t position)
{
    for (size_t i = 0; i < u->rooms; i++)
        if (u->room[i].position > position) return true;
    return false;
}

/* At most so many messages at a time: then the answer is as of the last one that is in it, and the rest comes with the next. But not where rooms
 * came or went after that: those are told at once and only once, so all messages are. */
static enum err read_messages(struct reader *r, size_t limit, struct store_read *m, bool *more)
{
    struct device_state *d = r->device;
    *m = message_read(r, limit + 1);
    *more = false;
    if (d->newest >= 0 && d->newest <= r->since) return ERR_OK;
    enum err e = turn_range(r->t, m);
    if (e != ERR_OK) return e;
    if (m->count <= limit) {
        d->newest = m->count ? m->row[m->count - 1].c[C_to_device_position].i : r->since;
        return ERR_OK;
    }
    size_t n = whole_positions(m);
    if (n && !room_changed_after(r->u, m->row[n - 1].c[C_to_device_position].i)) {
        m->count = n;
        r->as_of = m->row[n - 1].c[C_to_device_position].i;
        *more = true;
        return ERR_OK;
    }
    *m = message_read(r, SIZE_MAX);
    return turn_range(r->t, m);
}

static void write_messages(const struct reader *r, const struct store_read *m, struct reply *out)
{
    struct buf b;
    struct json_out o;
    buf_init(&b, REPLY_MAX);
    json_out_init(&o, &b);
    json_array(&o);
    for (size_t i = 0; i < m->count; i++)
        json_put_raw(&o, m->row[i].c[C_to_device_json].s);
    json_end(&o);
    out->num[2] = m->count ? m->row[m->count - 1].c[C_to_device_position].i : 0;
    out->s[3] = take(turn_arena(r->t), &b);
}

/* A token shows which messages have arrived: those are deleted, apart from this answer. */
static enum err acknowledge(struct reader *r, const struct reply *out)
{
    struct device_state *d = r->device;
    if (d->told < 0) {
        struct store_read old = {.table = T_to_device, .prefix = 2, .limit = 1, .has_to = true, .to.i = r->since + 1};
        old.key[0].s = turn_command(r->t)->key;
        old.key[1].s = r->device_id;
        enum err e = turn_range(r->t, &old);
        if (e != ERR_OK) return e;
        d->told = old.count ? old.row[0].c[C_to_device_position].i : 0;
    }
    if (d->told && d->told <= r->since) {
        struct command c = {.type = CMD_user_to_device_ack, .key = turn_command(r->t)->key, .num[0] = r->since, .s[0] = r->device_id};
        cluster_cast(engine_of(r->t)->cluster, &c);
        d->told = 0;
    }
    if (out->num[2] > d->told) d->told = out->num[2];
    return ERR_OK;
}

/* user_to_device_ack: s[0] device, num[0] position. The device has its messages up to there. */
enum err user_to_device_ack(struct turn *t)
{
    const struct command *c = turn_command(t);
    enum { AT_ONCE = 1000 };
    struct store_read r = {.table = T_to_device, .prefix = 2, .limit = AT_ONCE, .has_to = true, .to.i = c->num[0] + 1};
    r.key[0].s = c->key;
    r.key[1].s = c->s[0];
    enum err e = turn_range(t, &r);
    if (e != ERR_OK || r.count == 0) return e;
    for (size_t i = 0; i < r.count; i++)
        turn_del(t, &r.row[i]);
    if (r.more) turn_letter(t, c, true);
    return turn_ready(t);
}

/* --- rooms --- */

static bool is_ignored(const struct reader *r, struct str user_id)
{
    struct json *list;
    if (str_empty(r->u->ignored) || json_parse(turn_arena(r->t), r->u->ignored, &list, NULL) != ERR_OK) return false;
    json_each(v, list) if (str_eq(json_string(v), user_id)) return true;
    return false;
}

/* Who invites, as the stripped state says. */
static struct str inviter(const struct reader *r, struct str stripped)
{
    struct json *list;
    if (json_parse(turn_arena(r->t), stripped, &list, NULL) != ERR_OK) return (struct str){0};
    json_each(v, list)
    {
        if (!str_is(json_string_at(v, "type"), "m.room.member")) continue;
        if (str_eq(json_string_at(v, "state_key"), turn_command(r->t)->key)) return json_string_at(v, "sender");
    }
    return (struct str){0};
}

/* What an invited or knocking user may see of the room. Hidden: invites of ignored users. */
static enum err read_stripped(const struct reader *r, const struct room_mark *m, struct str *json, bool *hidden)
{
    struct row row;
    *json = (struct str){0};
    *hidden = false;
    if (m->membership != MEMBER_INVITE && m->membership != MEMBER_KNOCK) return ERR_OK;
    const struct cell key[] = {{.s = turn_command(r->t)->key}, {.s = room_mark_id(r->u, m)}};
    enum err e = turn_get(r->t, T_user_room, key, &row);
    if (e != ERR_OK) return e;
    *json = row.c[C_user_room_json].s;
    *hidden = m->membership == MEMBER_INVITE && !str_empty(r->u->ignored) && is_ignored(r, inviter(r, *json));
    return ERR_OK;
}

/* All rooms that the user is in, and what else is new. */
static enum err write_rooms(const struct reader *r, struct reply *out)
{
    const struct user_state *u = r->u;
    struct buf b;
    struct json_out o;
    enum err e = ERR_OK;
    buf_init(&b, REPLY_MAX);
    json_out_init(&o, &b);
    json_array(&o);
    for (size_t i = 0; i < u->rooms && e == ERR_OK; i++) {
        const struct room_mark *m = &u->room[i];
        if (m->membership != MEMBER_JOIN && !is_news(r, m->position)) continue;
        struct str stripped;
        bool hidden;
        e = read_stripped(r, m, &stripped, &hidden);
        if (e != ERR_OK || hidden) continue;
        json_object(&o);
        json_str_member(&o, "room_id", room_mark_id(u, m));
        json_str_member(&o, "membership", str_c(membership_name(m->membership)));
        json_int_member(&o, "position", m->position);
        json_int_member(&o, "room_position", m->room_position);
        if (!str_empty(stripped)) json_raw_member(&o, "json", stripped);
        json_end(&o);
    }
    json_end(&o);
    out->s[2] = take(turn_arena(r->t), &b);
    return e;
}

/* --- account data --- */

static struct str full_rules(const struct reader *r)
{
    struct arena *a = turn_arena(r->t);
    struct json *stored = NULL;
    if (!str_empty(r->u->rules) && json_parse(a, r->u->rules, &stored, NULL) != ERR_OK) stored = NULL;
    return json_text(a, push_rules_full(a, turn_command(r->t)->key, stored));
}

static void put_event(struct json_out *o, struct str type, struct str content)
{
    json_object(o);
    json_str_member(o, "type", type);
    json_raw_member(o, "content", content);
    json_end(o);
}

/* Rows come sorted by room, the global ones (of the empty room id) first. */
static void write_data_rows(const struct reader *r, const struct store_read *rows, struct json_out *global, struct json_out *rooms)
{
    struct str room = {0};
    for (size_t i = 0; i < rows->count; i++) {
        const struct cell *c = rows->row[i].c;
        struct str type = c[C_account_data_type].s, id = c[C_account_data_room_id].s, json = c[C_account_data_json].s;
        if (!is_news(r, c[C_account_data_position].i) || str_empty(json)) continue;
        if (str_empty(id)) {
            bool rules = str_is(type, "m.push_rules");
            if (!rules || r->since) put_event(global, type, rules ? full_rules(r) : json);
            continue;
        }
        if (!room.p || !str_eq(room, id)) {
            if (room.p) json_end(rooms);
            room = id;
            json_key_str(rooms, room);
            json_array(rooms);
        }
        put_event(rooms, type, json);
    }
    if (room.p) json_end(rooms);
}

static enum err write_account_data(const struct reader *r, struct reply *out)
{
    struct store_read rows = {.table = T_account_data, .prefix = 1, .key[0].s = turn_command(r->t)->key, .limit = SIZE_MAX};
    struct buf global, rooms;
    struct json_out go, ro;
    if (r->u->data_newest > r->since) {
        enum err e = kept_range(r->t, &rows);
        if (e != ERR_OK) return e;
    }
    buf_init(&global, REPLY_MAX);
    buf_init(&rooms, REPLY_MAX);
    json_out_init(&go, &global);
    json_out_init(&ro, &rooms);
    json_array(&go);
    json_object(&ro);
    if (r->since == 0) put_event(&go, STR("m.push_rules"), full_rules(r));
    write_data_rows(r, &rows, &go, &ro);
    json_end(&go);
    json_end(&ro);
    out->num[1] = global.n > 2 || rooms.n > 2;
    out->s[0] = take(turn_arena(r->t), &global);
    out->s[1] = take(turn_arena(r->t), &rooms);
    return ERR_OK;
}

/* --- keys --- */

static enum err read_key_counts(const struct reader *r, struct str *out)
{
    struct store_read k = {
        .table = T_one_time_key, .prefix = 2, .key = {{.s = turn_command(r->t)->key}, {.s = r->device_id}}, .limit = SIZE_MAX};
    struct json *counts = json_new(turn_arena(r->t), JSON_OBJECT), *n = NULL;
    enum err e = turn_range(r->t, &k);
    for (size_t i = 0; i < k.count && e == ERR_OK; i++) {
        struct str algorithm = k.row[i].c[C_one_time_key_algorithm].s;
        if (!n || !str_eq(n->key, algorithm)) n = json_add(counts, algorithm, json_new_int(turn_arena(r->t), 0));
        n->integer++;
    }
    /* Clients of encryption look for this one even where it is none. */
    if (!json_get(counts, "signed_curve25519")) json_add(counts, STR("signed_curve25519"), json_new_int(turn_arena(r->t), 0));
    *out = json_text(turn_arena(r->t), counts);
    return e;
}

static enum err read_fallback_types(const struct reader *r, struct str *out)
{
    struct store_read k = {
        .table = T_fallback_key, .prefix = 2, .key = {{.s = turn_command(r->t)->key}, {.s = r->device_id}}, .limit = SIZE_MAX};
    struct json *types = json_new(turn_arena(r->t), JSON_ARRAY);
    enum err e = turn_range(r->t, &k);
    for (size_t i = 0; i < k.count && e == ERR_OK; i++)
        if (!k.row[i].c[C_fallback_key_used].i) json_push(types, json_new_string(turn_arena(r->t), k.row[i].c[C_fallback_key_algorithm].s));
    *out = json_text(turn_arena(r->t), types);
    return e;
}

/* Both, packed. The keys themselves are many and are not kept. */
static enum err read_keys(const struct reader *r, struct str *out)
{
    struct kept_question q = {.table = {T_one_time_key, T_fallback_key}};
    const struct str key[] = {turn_command(r->t)->key, r->device_id};
    struct str counts, fallback;
    struct buf packed;
    bool found;
    enum err e = kept_find(r->t, &q, key, 2, out, &found);
    if (e != ERR_OK || found) return e;
    e = read_key_counts(r, &counts);
    if (e == ERR_OK) e = read_fallback_types(r, &fallback);
    if (e != ERR_OK) return e;
    buf_init(&packed, 65536);
    pack_str(&packed, counts);
    pack_str(&packed, fallback);
    *out = take(turn_arena(r->t), &packed);
    kept_tell(r->t, &q, *out);
    return ERR_OK;
}

/* Read again after they have changed. What was not known before counts as changed when the user did; at worst a client gets an answer that it
 * need not have had. */
static enum err write_keys(const struct reader *r, struct reply *out)
{
    struct device_state *d = r->device;
    struct arena *a = turn_arena(r->t);
    int64_t position = turn_entity(r->t)->position;
    if (!d->keys_known) {
        struct str keys;
        enum err e = read_keys(r, &keys);
        if (e != ERR_OK) return e;
        if (!d->keys || !str_eq(bytes_str(d->keys), keys)) d->changed = position;
        bytes_unref(d->keys);
        d->keys = share_text(&engine_of(r->t)->texts[loop_index(turn_loop(r->t))], keys);
        d->keys_known = true;
    }
    struct str packed = arena_str(a, bytes_str(d->keys));
    if (!pack_next(&packed, &out->s[4]) || !pack_next(&packed, &out->s[5])) return ERR_INTERNAL;
    out->num[5] = d->changed > r->since;
    return ERR_OK;
}

/* --- device lists --- */

static enum err write_device_changes(const struct reader *r, struct reply *out)
{
    struct arena *a = turn_arena(r->t);
    struct user_state *u = r->u;
    struct json *changed = json_new(a, JSON_ARRAY), *left = json_new(a, JSON_ARRAY);
    if (!u->changes_known || u->changes_newest > r->since) {
        struct store_read c = {.table = T_device_change, .prefix = 1, .key[0].s = turn_command(r->t)->key, .limit = SIZE_MAX};
        enum err e = kept_range(r->t, &c);
        if (e != ERR_OK) return e;
        u->changes_newest = 0;
        for (size_t i = 0; i < c.count; i++) {
            const struct cell *v = c.row[i].c;
            if (v[C_device_change_position].i > u->changes_newest) u->changes_newest = v[C_device_change_position].i;
            if (!is_news(r, v[C_device_change_position].i)) continue;
            json_push(v[C_device_change_left].i ? left : changed, json_new_string(a, v[C_device_change_other].s));
        }
        u->changes_known = true;
    }
    out->s[6] = json_text(a, changed);
    out->s[7] = json_text(a, left);
    return ERR_OK;
}

/* --- all of it --- */

/* Where the store may be away while people chat on: rows that the user's other commands need then, with the first look at the user. What is not
 * to be had now is read when it is needed. */
static void bring_in(struct reader *r)
{
    static const enum table table[] = {T_token, T_device, T_txn, T_changed};
    if (r->u->at_hand || engine_of(r->t)->config.journal != JOURNAL_QUEUE) return;
    r->u->at_hand = true;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct store_read one = {.table = table[i], .prefix = 1, .key[0].s = turn_command(r->t)->key, .limit = 1};
        if (turn_range(r->t, &one) != ERR_OK) return;
    }
}

/* Where nothing of the user is newer than what the gateway has heard of the slot, it is read as of that: so is what was delivered of the rooms there. */
static int64_t as_of(const struct turn *t, int64_t since, int64_t heard)
{
    int64_t changed = turn_entity(t)->position, durable = turn_durable(t);
    if (changed && changed <= heard && since <= heard && heard <= durable) return heard;
    return durable > changed ? durable : changed; /* what is not durable yet the answer waits for */
}

/* user_sync: num[0] the position that the client has seen (0: an initial sync), which also shows what messages it has; num[1] the gateway that
 * follows the user; num[2] up to where it has heard of the slot before (0: it has to be told as of now); num[4] how many messages to the device at most (0: the default); s[0] device.
 * Reply: num[0] as of which position: nothing newer is in the answer, nothing older is missing; num[1] 1: account data changed; num[2] position of
 * the last message in it; num[3] 1: more messages wait; num[5] 1: the counts of keys may have changed. JSON: s[0] array of global account
 * data events; s[1] object, room id to array of its account data events; s[2] array of rooms {room_id, membership, position, room_position, json}: all
 * joined ones and what else changed, json being the stripped state of invites and knocks; s[3] array of messages; s[4] object of counts of
 * one-time keys; s[5] array of unused fallback keys' algorithms; s[6], s[7] arrays of users whose devices changed, and that are gone; s[8] the
 * stored push rules or empty; s[9] array of ignored users or empty.
 * It changes nothing, but holds the user's lock, so that all of the answer is of one moment. */
enum err user_sync(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct reply *out = turn_reply(t);
    struct user_state *u = user_state(t);
    struct reader r = {.t = t, .u = u, .device_id = c->s[0].p ? c->s[0] : STR(""), .since = c->num[0]};
    struct store_read messages;
    size_t limit = c->num[4] <= 0 ? MESSAGES_DEFAULT : c->num[4] > MESSAGES_MAX ? MESSAGES_MAX : (size_t)c->num[4];
    bool more;
    turn_follow(t, turn_entity(t)->key, (unsigned)c->num[1]);
    r.as_of = as_of(t, r.since, c->num[2]);
    if (r.since < 0 || r.since > r.as_of) r.since = r.since < 0 ? 0 : r.as_of;
    r.device = user_state_device(u, r.device_id);
    enum err e = user_state_rooms(t, u);
    if (e == ERR_OK) e = user_state_data(t, u);
    if (e == ERR_OK) e = read_messages(&r, limit, &messages, &more);
    if (e != ERR_OK) return e;
    write_messages(&r, &messages, out);
    e = write_rooms(&r, out);
    if (e == ERR_OK) e = write_account_data(&r, out);
    if (e == ERR_OK) e = write_keys(&r, out);
    if (e == ERR_OK) e = write_device_changes(&r, out);
    if (e == ERR_OK) e = acknowledge(&r, out);
    if (e == ERR_OK) bring_in(&r);
    out->num[0] = r.as_of;
    out->num[3] = more;
    out->s[8] = arena_str(turn_arena(t), u->rules);
    out->s[9] = arena_str(turn_arena(t), u->ignored);
    return e;
}
