#include "engine/room/viewer.h"

#include "engine/room/bundle.h"
#include "engine/room/federated.h"

/* All values that a piece of state has had, oldest first. */
static enum err phases(struct turn *t, struct room *room, struct str type, struct str state_key, int (*value)(const struct json *content),
                       struct phase **out, size_t *count)
{
    struct store_read r = {.table = T_state_log, .prefix = 3, .key = {{.s = room->room_id}, {.s = type}, {.s = state_key}}, .limit = 10000};
    enum err e = turn_range(t, &r);
    if (e != ERR_OK) return e;
    *out = arena_array(turn_arena(t), r.count + 1, sizeof **out);
    for (size_t i = 0; i < r.count; i++) {
        struct row row;
        e = turn_get(t, T_timeline, (struct cell[]){{.s = room->room_id}, r.row[i].c[C_state_log_ord]}, &row);
        if (e != ERR_OK) return e;
        struct json *v;
        if (json_parse(turn_arena(t), row.c[C_timeline_json].s, &v, NULL) != ERR_OK) return ERR_INTERNAL;
        (*out)[i] = (struct phase){r.row[i].c[C_state_log_position].i, value(json_get(v, "content"))};
    }
    *count = r.count;
    return ERR_OK;
}

static int membership_value(const struct json *content)
{
    return (int)content_membership(content);
}
static int visibility_value(const struct json *content)
{
    return (int)content_history_visibility(content);
}

static bool joined_before(const struct room *room, struct str user_id, int64_t since)
{
    const struct event *me = since > 0 ? room_state(room, STR("m.room.member"), user_id) : NULL;
    return me && me->membership == MEMBER_JOIN && me->item.position <= since;
}

enum err viewer_init(struct viewer *v, struct turn *t, struct room *room, struct str user_id, struct str device_id)
{
    return viewer_init_since(v, t, room, user_id, device_id, 0);
}

enum err viewer_init_since(struct viewer *v, struct turn *t, struct room *room, struct str user_id, struct str device_id, int64_t since)
{
    *v = (struct viewer){.turn = t, .room = room, .user_id = user_id, .device_id = device_id, .now = room_membership(room, user_id)};
    v->everything = joined_before(room, user_id, since);
    if (v->everything) return ERR_OK;
    struct state_entry *hv = room_state_entry(room, STR("m.room.history_visibility"), STR(""));
    /* The common case: joined, and history is shared as it always was (the event is the room's only one of its kind). */
    bool unchanged = !hv || str_empty(hv->event->extra);
    enum history_visibility now = room_visibility(room);
    v->everything = unchanged && (now == HISTORY_WORLD_READABLE || (now == HISTORY_SHARED && v->now == MEMBER_JOIN));
    if (v->everything) return ERR_OK;
    enum err e = phases(t, room, STR("m.room.member"), user_id, membership_value, &v->membership, &v->memberships);
    if (e == ERR_OK) e = phases(t, room, STR("m.room.history_visibility"), STR(""), visibility_value, &v->visibility, &v->visibilities);
    return e;
}

/* The value as of `position`; `before`: without a change at that very position. */
static int value_at(const struct phase *p, size_t n, int64_t position, bool before, int otherwise)
{
    int value = otherwise;
    for (size_t i = 0; i < n && (before ? p[i].position < position : p[i].position <= position); i++)
        value = p[i].value;
    return value;
}

static bool joined_after(const struct viewer *v, int64_t position)
{
    for (size_t i = 0; i < v->memberships; i++)
        if (v->membership[i].position > position && v->membership[i].value == MEMBER_JOIN) return true;
    return false;
}

bool viewer_ignores(const struct viewer *v, struct str sender)
{
    json_each(u, v->ignored) if (str_eq(json_string(u), sender)) return true;
    return false;
}

bool viewer_may_see(const struct viewer *v, const struct event *e)
{
    if (v->everything) return true;
    int64_t at = e->item.position;
    struct visibility_case c = {
        .at_event = (enum history_visibility)value_at(v->visibility, v->visibilities, at, false, HISTORY_SHARED),
        .then = (enum membership)value_at(v->membership, v->memberships, at, false, MEMBER_NONE),
        .joined_since = joined_after(v, at),
    };
    if (event_is_state(e) && str_is(e->type, "m.room.member") && str_eq(e->state_key, v->user_id))
        c.then = visibility_membership((enum membership)value_at(v->membership, v->memberships, at, true, MEMBER_NONE), c.then);
    if (visibility_allows(&c)) return true;
    if (!event_is_state(e) || !str_is(e->type, "m.room.history_visibility")) return false;
    c.at_event = (enum history_visibility)value_at(v->visibility, v->visibilities, at, true, HISTORY_SHARED);
    return visibility_allows(&c);
}

enum err viewer_may_look(const struct viewer *v)
{
    if (v->now == MEMBER_JOIN || room_visibility(v->room) == HISTORY_WORLD_READABLE) return ERR_OK;
    for (size_t i = 0; i < v->memberships; i++)
        if (v->membership[i].value == MEMBER_JOIN && v->now != MEMBER_NONE) return ERR_OK;
    return fault_set(turn_fault(v->turn), ERR_FORBIDDEN, "You are not in this room, and its history is not open to everybody.");
}

int64_t viewer_until(const struct viewer *v)
{
    if (v->now == MEMBER_JOIN || room_visibility(v->room) == HISTORY_WORLD_READABLE) return INT64_MAX;
    int64_t until = INT64_MAX;
    /* The last leave (or ban) after a join. */
    bool joined = false;
    for (size_t i = 0; i < v->memberships; i++) {
        if (v->membership[i].value == MEMBER_JOIN) joined = true;
        if (v->membership[i].value != MEMBER_JOIN && joined) {
            until = v->membership[i].position;
            joined = false;
        }
    }
    return until;
}

/* --- how it looks --- */

static bool is_own_txn(const struct viewer *v, const struct event *e, struct str *txn)
{
    if (str_empty(e->device_txn) || !str_eq(e->sender, v->user_id) || str_empty(v->device_id)) return false;
    ptrdiff_t cut = str_find(e->device_txn, '\x1f');
    if (cut < 0 || !str_eq(str_first(e->device_txn, (size_t)cut), v->device_id)) return false;
    *txn = str_from(e->device_txn, (size_t)cut + 1);
    ptrdiff_t end = str_find(*txn, '\x1f');
    if (end >= 0) *txn = str_first(*txn, (size_t)end);
    return true;
}

static void begin_client_form(struct buf *b, const struct event *e, enum event_form form)
{
    buf_add(b, str_first(e->client, e->client.n - 1));
    if (form != FORM_ROOM) return;
    buf_add(b, STR(",\"room_id\":"));
    json_write_string(b, e->item.key);
}

static enum err write_event(const struct viewer *v, struct json_out *o, const struct event *e, enum event_form form, enum bundle bundle)
{
    struct buf b;
    struct json_out u;
    struct str txn, federated;
    enum err err = v->federation ? federated_text(v->turn, v->room, e, form == FORM_ROOM, &federated) : ERR_OK;
    if (err != ERR_OK) return err;
    buf_init(&b, 1048576);
    if (v->federation)
        buf_add(&b, str_first(federated, federated.n - 1));
    else
        begin_client_form(&b, e, form);
    buf_add(&b, STR(",\"unsigned\":"));
    json_out_init(&u, &b);
    json_object(&u);
    int64_t age = turn_now_ms(v->turn) - e->ts;
    json_int_member(&u, "age", age > 0 ? age : 0);
    if (is_own_txn(v, e, &txn)) json_str_member(&u, "transaction_id", txn);
    if (!str_empty(e->extra)) {
        buf_byte(&b, ',');
        buf_add(&b, e->extra);
    }
    if (bundle != BUNDLE_NONE && str_empty(e->redacted_by)) err = bundle_write(v, &u, e, bundle);
    json_end(&u);
    buf_byte(&b, '}');
    json_put_raw(o, buf_str(&b));
    buf_release(&b);
    return err;
}

enum err viewer_write(const struct viewer *v, struct json_out *o, const struct event *e, enum event_form form, enum bundle bundle)
{
    if (!v->federation) return write_event(v, o, e, form, bundle);
    struct event *kept = event_ref((struct event *)(uintptr_t)e); /* the caller need not have one: see BUNDLE_NONE */
    enum err err = write_event(v, o, e, form, bundle);
    event_unref(kept);
    return err;
}
