#include "engine/room/draft.h"

#include "base/stat.h"
#include "engine/room/directory.h"
#include "engine/room/stripped.h"
#include "matrix/event.h"

void draft_init(struct draft *d, struct turn *t, struct room *room)
{
    *d = (struct draft){.turn = t, .room = room, .power = room->power, .last_id = room->last_event_id, .depth = room->depth};
}

void draft_release(struct draft *d)
{
    for (size_t i = 0; i < d->count; i++)
        event_unref(d->e[i].event);
    event_unref(d->redacted);
}

struct str draft_last_id(const struct draft *d)
{
    return d->e[d->count - 1].event->event_id;
}

static const struct drafted *find(const struct draft *d, struct str type, struct str state_key)
{
    for (size_t i = d->count; i-- > 0;) {
        const struct event *e = d->e[i].event;
        if (event_is_state(e) && str_eq(e->type, type) && str_eq(e->state_key, state_key)) return &d->e[i];
    }
    return NULL;
}

struct event *draft_state(const struct draft *d, struct str type, struct str state_key)
{
    const struct drafted *x = find(d, type, state_key);
    return x ? x->event : room_state(d->room, type, state_key);
}

static enum membership draft_membership(void *ctx, struct str user_id)
{
    struct event *e = draft_state(ctx, STR("m.room.member"), user_id);
    return e ? e->membership : MEMBER_NONE;
}

static bool draft_auth_state(void *ctx, struct str type, struct str state_key, struct auth_state_event *out)
{
    struct draft *d = ctx;
    const struct drafted *x = find(d, type, state_key);
    const struct event *e = x ? x->event : room_state(d->room, type, state_key);
    if (!e) return false;
    *out = (struct auth_state_event){.event_id = e->event_id,
                                     .sender = e->sender,
                                     .content = x ? x->content : room_content(d->room, turn_arena(d->turn), type, state_key)};
    return true;
}

static size_t auth_ids(const struct draft *d, const struct event_fields *f, struct str out[AUTH_KEYS_MAX])
{
    struct auth_key keys[AUTH_KEYS_MAX];
    size_t n = auth_keys(d->room->version, f, keys), found = 0;
    for (size_t i = 0; i < n; i++) {
        const struct event *e = draft_state(d, keys[i].type, keys[i].state_key);
        if (e) out[found++] = e->event_id;
    }
    return found;
}

/* What was there before, for who follows the room: clients show a change by it. */
static struct str replaced(const struct draft *d, const struct proposal *p)
{
    const struct event *old = p->state_key.p ? draft_state(d, p->type, p->state_key) : NULL;
    if (!old) return STR("");
    return arena_printf(turn_arena(d->turn), "\"prev_content\":%.*s,\"replaces_state\":\"%.*s\"", STR_FMT(old->content),
                        STR_FMT(old->event_id));
}

static void grow(struct draft *d)
{
    if (d->count < d->cap) return;
    size_t cap = d->cap ? d->cap * 2 : 4;
    struct drafted *more = arena_array(turn_arena(d->turn), cap, sizeof *more);
    if (d->count) memcpy(more, d->e, d->count * sizeof *more);
    d->e = more;
    d->cap = cap;
}

static void refresh_power(struct draft *d)
{
    const struct drafted *levels = find(d, STR("m.room.power_levels"), STR("")), *create = find(d, STR("m.room.create"), STR(""));
    struct event *old = room_state(d->room, STR("m.room.create"), STR(""));
    d->power = power_levels_parse(turn_arena(d->turn), d->room->version,
                                  levels ? levels->content : room_content(d->room, NULL, STR("m.room.power_levels"), STR("")),
                                  create ? create->event->sender
                                  : old  ? old->sender
                                         : STR(""),
                                  create ? create->content : room_content(d->room, NULL, STR("m.room.create"), STR("")));
}

/* Its position and place come when the draft is committed. */
static struct event *drafted_event(const struct draft *d, const struct proposal *p, const struct event_built *built, int64_t ts)
{
    return event_new(&(struct event_parts){.room_id = d->room->room_id,
                                           .event_id = built->event_id,
                                           .type = p->type,
                                           .sender = p->sender,
                                           .state_key = p->state_key,
                                           .client = built->client,
                                           .content = built->content,
                                           .device_txn = p->device_txn,
                                           .extra = replaced(d, p),
                                           .ts = ts,
                                           .parsed = p->content});
}

enum err draft_add(struct draft *d, const struct proposal *p)
{
    struct arena *a = turn_arena(d->turn);
    struct fault *f = turn_fault(d->turn);
    if (d->count >= DRAFT_MAX) return fault_set(f, ERR_TOO_LARGE, "That makes more than %d events at once.", DRAFT_MAX);
    struct str auth[AUTH_KEYS_MAX];
    struct event_fields fields = {.type = p->type,
                                  .sender = p->sender,
                                  .room_id = d->room->room_id,
                                  .state_key = p->state_key,
                                  .content = p->content,
                                  .redacts = p->redacts,
                                  .prev_events = &d->last_id,
                                  .prev_count = d->last_id.n ? 1 : 0,
                                  .auth_events = auth,
                                  .depth = d->depth + 1,
                                  .origin_server_ts = p->ts ? p->ts : turn_now_ms(d->turn)};
    fields.auth_count = auth_ids(d, &fields, auth);
    struct auth_room rules = {
        .version = d->room->version, .power = d->power, .membership = draft_membership, .state = draft_auth_state, .ctx = d};
    enum err e = auth_check(a, &rules, &fields, f);
    if (e != ERR_OK) return e;
    struct event_built built;
    e = event_build(a, d->room->version, &fields, &built, f);
    if (e != ERR_OK) return e;
    if (d->new_room && d->count == 0 && !str_eq(built.room_id, d->room->room_id))
        return fault_set(f, ERR_INTERNAL, "the create event does not make the room's id");
    struct event *ev = drafted_event(d, p, &built, fields.origin_server_ts);
    bool member = str_is(p->type, "m.room.member") && p->state_key.p;
    enum membership before = member ? draft_membership(d, p->state_key) : MEMBER_NONE;
    grow(d);
    d->e[d->count++] = (struct drafted){.event = ev, .fed = built.fed, .content = p->content, .before = before};
    d->last_id = ev->event_id;
    d->depth++;
    if (event_is_state(ev) && (str_is(p->type, "m.room.power_levels") || str_is(p->type, "m.room.create"))) refresh_power(d);
    return ERR_OK;
}

/* --- rows --- */

static void put_timeline(struct turn *t, const struct event *e, struct str fed)
{
    struct row r;
    event_to_row(e, &r);
    r.c[C_timeline_fed].s = fed;
    turn_put(t, &r);
}

static void put_places(struct turn *t, const struct event *e)
{
    struct row r = {.table = T_event_id};
    r.c[C_event_id_room_id].s = e->item.key;
    r.c[C_event_id_event_id].s = e->event_id;
    r.c[C_event_id_ord].i = e->ord;
    turn_put(t, &r);
    if (!event_is_state(e)) return;
    r = (struct row){.table = T_state_log};
    r.c[C_state_log_room_id].s = e->item.key;
    r.c[C_state_log_type].s = e->type;
    r.c[C_state_log_state_key].s = e->state_key;
    r.c[C_state_log_position].i = e->item.position;
    r.c[C_state_log_ord].i = e->ord;
    turn_put(t, &r);
}

/* True when the event relates to another. */
static bool put_relation(struct turn *t, const struct event *e, const struct json *content)
{
    struct relation rel;
    content_relation(content, &rel);
    if (!rel.rel_type.p || rel.event_id.n > EVENT_KEY_MAX || rel.rel_type.n > EVENT_KEY_MAX || event_is_state(e)) return false;
    struct row r = {.table = T_relation};
    r.c[C_relation_room_id].s = e->item.key;
    r.c[C_relation_parent].s = rel.event_id;
    r.c[C_relation_rel_type].s = rel.rel_type;
    r.c[C_relation_ord].i = e->ord;
    r.c[C_relation_event_id].s = e->event_id;
    r.c[C_relation_sender].s = e->sender;
    r.c[C_relation_type].s = e->type;
    r.c[C_relation_key].s = str_first(rel.key.p ? rel.key : STR(""), EVENT_KEY_MAX);
    turn_put(t, &r);
    if (!str_is(rel.rel_type, "m.thread")) return true;
    r = (struct row){.table = T_thread};
    r.c[C_thread_room_id].s = e->item.key;
    r.c[C_thread_root].s = rel.event_id;
    r.c[C_thread_latest_ord].i = e->ord;
    turn_put(t, &r);
    return true;
}

static void put_txn(struct turn *t, const struct event *e)
{
    if (str_empty(e->device_txn)) return;
    struct row r = {.table = T_txn};
    r.c[C_txn_scope].s = e->item.key;
    r.c[C_txn_device_txn].s = e->device_txn;
    r.c[C_txn_answer].s = e->event_id;
    r.c[C_txn_made_ms].i = turn_now_ms(t);
    turn_put(t, &r);
}

/* The user's slot learns of it: membership, and what an invited or knocking user may see of the room. */
static void tell_member(struct draft *d, const struct drafted *x)
{
    const struct event *e = x->event;
    struct engine *engine = engine_of(d->turn);
    if (!str_is(e->type, "m.room.member") || !event_is_state(e) || !engine_is_ours(engine, e->state_key)) return;
    if (x->before == e->membership && e->membership == MEMBER_JOIN) return; /* a new name or picture */
    struct command c = {.type = CMD_user_membership, .key = e->state_key};
    c.num[0] = e->item.position;
    c.s[0] = d->room->room_id;
    c.s[1] = str_c(membership_name(e->membership));
    if (e->membership == MEMBER_INVITE || e->membership == MEMBER_KNOCK) c.s[2] = stripped_state(turn_arena(d->turn), d, e);
    c.s[3] = e->sender;
    turn_letter(d->turn, &c, false);
}

/* What is in the state becomes another event: whoever keeps it from before has to know. What the state has left behind nobody
 * looks for there. */
static void put_rewritten(struct draft *d)
{
    d->room->rewritten = turn_last(d->turn);
    room_put_row(d->turn, d->room);
}

enum err draft_commit(struct draft *d)
{
    struct turn *t = d->turn;
    for (size_t i = 0; i < d->count; i++) {
        struct event *e = d->e[i].event;
        e->item.position = turn_position(t);
        e->ord = ord_of_position(e->item.position);
        put_timeline(t, e, d->e[i].fed);
        put_places(t, e);
        d->e[i].relates = put_relation(t, e, d->e[i].content);
        put_txn(t, e);
        turn_item(t, item_ref(&e->item));
    }
    for (size_t i = 0; i < d->count; i++)
        tell_member(d, &d->e[i]);
    int64_t rewritten = d->room->rewritten;
    bool rewrites = d->redacted && room_state_has(d->room, d->redacted);
    if (rewrites) put_rewritten(d);
    struct directory_change listed = directory_draft(d);
    enum err e = turn_ready(t);
    if (e != ERR_OK) {
        d->room->rewritten = rewritten;
        return e;
    }
    directory_apply(t, d->room, &listed);
    for (size_t i = 0; i < d->count; i++) {
        struct event *ev = d->e[i].event;
        room_apply_event(d->room, ev);
        if (!str_empty(ev->device_txn)) txns_note(&d->room->txns, ev->device_txn, turn_now_ms(t));
        if (d->e[i].relates) d->room->relation_ord = ev->ord;
    }
    if (d->redacted) room_replace_event(d->room, d->redacted);
    if (rewrites) pages_forget(d->room);
    pages_keep(t, d->room);
    stat_add(&engine_of(t)->events[loop_index(turn_loop(t))], (int64_t)d->count);
    return ERR_OK;
}
