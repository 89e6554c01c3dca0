/* Sending into a room: messages, state, redactions; and making a room. */
#include "engine/room/draft.h"
#include "engine/room/guests.h"
#include "matrix/event.h"
#include "matrix/version.h"

/* Answers a request that was done before. True: answered. */
static enum err answered_before(struct turn *t, const struct room *room, struct str device_txn, bool *answered)
{
    *answered = false;
    if (str_empty(device_txn) || txns_is_new(&room->txns, device_txn, turn_now_ms(t))) return ERR_OK;
    struct row row;
    enum err e = turn_get(t, T_txn, (struct cell[]){{.s = room->room_id}, {.s = device_txn}}, &row);
    if (e == ERR_NOT_FOUND) return ERR_OK;
    if (e != ERR_OK) return e;
    turn_reply(t)->s[0] = row.c[C_txn_answer].s;
    *answered = true;
    return ERR_OK;
}

/* Where an event of this room stands. NOT_FOUND. Waits. */
static enum err find_event(struct turn *t, struct str room_id, struct str event_id, struct row *timeline)
{
    struct row place;
    enum err e = turn_get(t, T_event_id, (struct cell[]){{.s = room_id}, {.s = event_id}}, &place);
    if (e != ERR_OK) return e;
    return turn_get(t, T_timeline, (struct cell[]){{.s = room_id}, {.i = place.c[C_event_id_ord].i}}, timeline);
}

struct redaction {
    struct row row; /* as it will be */
    struct event *event;
    bool relates;
    struct row relation;
};

/* What the target becomes; `by` is not known yet. Waits. */
static enum err prepare_redaction(struct turn *t, struct room *room, struct str sender, struct str target, struct redaction *out)
{
    struct fault *f = turn_fault(t);
    enum err e = find_event(t, room->room_id, target, &out->row);
    if (e == ERR_NOT_FOUND) return fault_set(f, e, "There is no such event in this room.");
    if (e != ERR_OK) return e;
    struct json *v;
    e = json_parse(turn_arena(t), out->row.c[C_timeline_json].s, &v, f);
    if (e != ERR_OK) return ERR_INTERNAL;
    struct auth_room rules = {.version = room->version, .power = room->power};
    if (!auth_may_redact(&rules, sender, json_string_at(v, "sender")))
        return fault_set(f, ERR_FORBIDDEN, "You need power level %lld to remove the messages of others.",
                         (long long)room->power->level[POWER_REDACT]);
    struct relation rel;
    content_relation(json_get(v, "content"), &rel);
    if (rel.rel_type.p && str_empty(out->row.c[C_timeline_redacted_by].s)) {
        out->relates = true;
        out->relation = (struct row){.table = T_relation};
        out->relation.c[C_relation_room_id].s = room->room_id;
        out->relation.c[C_relation_parent].s = rel.event_id;
        out->relation.c[C_relation_rel_type].s = rel.rel_type;
        out->relation.c[C_relation_ord].i = out->row.c[C_timeline_ord].i;
    }
    return event_redact_client(turn_arena(t), room->version, out->row.c[C_timeline_json].s, &out->row.c[C_timeline_json].s, f);
}

static enum err write_redaction(struct turn *t, struct draft *d, struct redaction *r)
{
    const struct event *by = d->e[d->count - 1].event;
    r->row.c[C_timeline_redacted_by].s = by->event_id;
    /* The content before is gone too; the reason stands where clients look for it. */
    struct str open = str_first(by->client, by->client.n - 1);
    r->row.c[C_timeline_extra].s =
        arena_printf(turn_arena(t), "\"redacted_because\":%.*s,\"room_id\":\"%.*s\"}", STR_FMT(open), STR_FMT(d->room->room_id));
    d->redacted = event_from_row(turn_arena(t), &r->row);
    if (!d->redacted) return ERR_INTERNAL;
    turn_put(t, &r->row);
    if (r->relates) turn_del(t, &r->relation);
    return ERR_OK;
}

/* A second reaction with the same key by the same user. Waits. */
static enum err check_annotation(struct turn *t, struct room *room, const struct proposal *p)
{
    struct relation rel;
    content_relation(p->content, &rel);
    if (!str_is(p->type, "m.reaction") || !str_is(rel.rel_type, "m.annotation") || !rel.key.p) return ERR_OK;
    struct store_read r = {
        .table = T_relation, .prefix = 3, .key = {{.s = room->room_id}, {.s = rel.event_id}, {.s = rel.rel_type}}, .limit = 100000};
    enum err e = turn_range(t, &r);
    for (size_t i = 0; e == ERR_OK && i < r.count; i++)
        if (str_eq(r.row[i].c[C_relation_sender].s, p->sender) && str_eq(r.row[i].c[C_relation_key].s, rel.key) &&
            str_eq(r.row[i].c[C_relation_type].s, p->type))
            return fault_set(turn_fault(t), ERR_DUPLICATE_ANNOTATION, "You have reacted with that already.");
    return e;
}

/* Sending state that is there already changes nothing. */
static bool is_same_state(struct arena *a, const struct room *room, const struct proposal *p)
{
    struct event *now = p->state_key.p ? room_state(room, p->type, p->state_key) : NULL;
    return now && str_eq(now->sender, p->sender) && str_empty(now->redacted_by) &&
           json_equal(room_content(room, a, p->type, p->state_key), p->content);
}

/* The event to redact: what the command names, or the content of a message that redacts. */
static struct str target_of(const struct command *c, const struct json *content)
{
    if (c->s[5].p || c->s[2].p || !str_is(c->s[1], "m.room.redaction")) return c->s[5];
    return json_string_at(content, "redacts");
}

static enum err read_proposal(struct turn *t, struct proposal *out)
{
    const struct command *c = turn_command(t);
    struct json *content;
    enum err e = json_parse(turn_arena(t), c->s[3], &content, turn_fault(t));
    if (e != ERR_OK) return e;
    if (!json_is(content, JSON_OBJECT)) return fault_set(turn_fault(t), ERR_BAD_JSON, "The content of an event is a JSON object.");
    *out = (struct proposal){.type = c->s[1],
                             .sender = c->s[0],
                             .state_key = c->s[2],
                             .content = content,
                             .redacts = target_of(c, content),
                             .device_txn = c->s[4].p ? c->s[4] : STR(""),
                             .ts = c->num[0]};
    return ERR_OK;
}

/* room_send: s[0] sender, s[1] type, s[2] state key (null: a message), s[3] content as JSON, s[4] device and transaction id
 * (null: none), s[5] id of the event to redact (null: what the content says); num[0] time (0: now).
 * Reply: s[0] event id. */
enum err room_send(struct turn *t)
{
    struct fault *f = turn_fault(t);
    struct room *room;
    struct proposal p;
    bool answered;
    enum err e = read_proposal(t, &p);
    if (e == ERR_OK) e = room_of_turn(t, true, &room);
    if (e == ERR_OK) e = answered_before(t, room, p.device_txn, &answered);
    if (e != ERR_OK || answered) return e;
    if (is_same_state(turn_arena(t), room, &p)) {
        turn_reply(t)->s[0] = arena_str(turn_arena(t), room_state(room, p.type, p.state_key)->event_id);
        return ERR_OK;
    }
    struct redaction redaction = {0};
    bool redacts = p.redacts.p && str_is(p.type, "m.room.redaction");
    if (room_membership(room, p.sender) != MEMBER_JOIN && !str_is(p.type, "m.room.member"))
        return fault_set(f, ERR_FORBIDDEN, "You are not in this room.");
    if (redacts) e = prepare_redaction(t, room, p.sender, p.redacts, &redaction);
    if (e == ERR_OK) e = check_annotation(t, room, &p);
    if (e != ERR_OK) return e;
    struct draft d;
    draft_init(&d, t, room);
    e = draft_add(&d, &p);
    if (e == ERR_OK) {
        turn_reply(t)->s[0] = arena_str(turn_arena(t), draft_last_id(&d));
        /* Whoever asks again is answered by the transaction id. State can have letters, which that would not wait for. */
        if (!str_empty(p.device_txn) && str_null(p.state_key) && !redacts) turn_repeatable(t);
        if (redacts) e = write_redaction(t, &d, &redaction);
        if (e == ERR_OK) e = guests_follow(&d);
    }
    if (e == ERR_OK) e = draft_commit(&d);
    draft_release(&d);
    return e;
}

void room_put_row(struct turn *t, const struct room *room)
{
    struct row r = {.table = T_room};
    r.c[C_room_room_id].s = room->room_id;
    r.c[C_room_version].s = str_c(room->version->name);
    r.c[C_room_creator].s = room->creator;
    r.c[C_room_room_type].s = room->room_type;
    r.c[C_room_created_ms].i = room->created_ms;
    r.c[C_room_public].i = room->is_public;
    r.c[C_room_position].i = room->rewritten;
    turn_put(t, &r);
}

static enum err add_all(struct turn *t, struct draft *d, const struct json *events, int64_t ts)
{
    enum err e = ERR_OK;
    bool first = true;
    json_each(v, events)
    {
        struct proposal p = {.type = json_string_at(v, "type"),
                             .sender = json_string_at(v, "sender"),
                             .state_key = json_string_at(v, "state_key"),
                             .content = json_get(v, "content"),
                             .ts = first ? ts : 0};
        first = false;
        if (e == ERR_OK) e = draft_add(d, &p);
    }
    (void)t;
    return e;
}

/* room_create: key the new room's id; s[0] version, s[1] creator, s[2] room type (or empty), s[3] JSON array of the events
 * {type, sender, state_key, content} in order, the create event first; num[0] 1: in the directory, num[1] time of the create event.
 * CONFLICT when the room is there already. All events, or none. */
enum err room_create(struct turn *t)
{
    const struct command *c = turn_command(t);
    const struct room_version *v = room_version_find(c->s[0]);
    struct row row;
    if (!v) return ERR_UNSUPPORTED_ROOM_VERSION;
    enum err e = turn_get(t, T_room, (struct cell[]){{.s = c->key}}, &row);
    if (e == ERR_OK) return ERR_CONFLICT;
    if (e != ERR_NOT_FOUND) return e;
    struct json *events;
    e = json_parse(turn_arena(t), c->s[3], &events, turn_fault(t));
    if (e != ERR_OK) return e;
    struct room *room = room_new(t, v, turn_entity(t)->key, c->s[1], c->s[2].p ? c->s[2] : STR(""));
    room->created_ms = turn_now_ms(t);
    room->is_public = c->num[0] != 0;
    struct draft d;
    draft_init(&d, t, room);
    d.new_room = true;
    e = add_all(t, &d, events, c->num[1]);
    if (e == ERR_OK) {
        room_put_row(t, room);
        e = draft_commit(&d);
    }
    draft_release(&d);
    if (e != ERR_OK) {
        room_free_state(room);
        return e;
    }
    room->first_ord = room->tail_count == d.count ? room->tail[0]->ord : -1;
    turn_entity(t)->state = room;
    return ERR_OK;
}
