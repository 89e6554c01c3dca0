#include "engine/room/event.h"

#include "base/log.h"

static void event_free(struct item *i)
{
    mem_free(i);
}

static struct str place(char **at, struct str s)
{
    char *p = *at;
    if (s.n) memcpy(p, s.p, s.n);
    *at += s.n;
    return str_make(p, s.n);
}

/* Of state events there are as many as a room has members, and they stay: what their text has anyway is not stored twice. The place in the
 * text, or NULL. */
static const char *in_text(const struct event_parts *p, struct str s)
{
    return p->state_key.p && s.n ? memmem(p->client.p, p->client.n, s.p, s.n) : NULL;
}

struct event *event_new(const struct event_parts *p)
{
    const struct str names[] = {p->event_id, p->type, p->sender, p->state_key};
    enum { NAMES = sizeof names / sizeof names[0] };
    const char *found[NAMES];
    size_t n = p->room_id.n + p->client.n + p->redacted_by.n + p->device_txn.n + p->extra.n;
    for (int i = 0; i < NAMES; i++) {
        found[i] = in_text(p, names[i]);
        if (!found[i]) n += names[i].n;
    }
    struct event *e = mem_alloc(sizeof *e + n);
    *e = (struct event){.item = {.kind = ITEM_EVENT, .position = p->position, .free = event_free}, .ord = p->ord, .ts = p->ts};
    char *at = e->bytes;
    atomic_init(&e->item.refs, 1);
    e->item.key = place(&at, p->room_id);
    e->client = place(&at, p->client);
    if (p->content.p) e->content = str_make(e->client.p + (p->content.p - p->client.p), p->content.n);
    struct str *out[NAMES] = {&e->event_id, &e->type, &e->sender, &e->state_key};
    for (int i = 0; i < NAMES; i++)
        if (found[i])
            *out[i] = str_make(e->client.p + (found[i] - p->client.p), names[i].n);
        else if (names[i].p)
            *out[i] = place(&at, names[i]);
    e->redacted_by = place(&at, p->redacted_by);
    e->device_txn = place(&at, p->device_txn);
    e->extra = place(&at, p->extra);
    if (str_is(e->type, "m.room.member")) e->membership = content_membership(p->parsed);
    e->has_url = content_has_url(p->parsed);
    return e;
}

struct event *event_from_row(struct arena *scratch, const struct row *row)
{
    const struct cell *c = row->c;
    struct json *v;
    struct fault f;
    if (json_parse(scratch, c[C_timeline_json].s, &v, &f) != ERR_OK) {
        log_event(LOG_ERROR, "room", "stored event is broken", "room=%.*s ord=%lld reason=\"%s\"", STR_FMT(c[C_timeline_room_id].s),
                  (long long)c[C_timeline_ord].i, f.text);
        return NULL;
    }
    const struct json *content = json_get(v, "content");
    return event_new(&(struct event_parts){.room_id = c[C_timeline_room_id].s,
                                           .event_id = json_string_at(v, "event_id"),
                                           .type = json_string_at(v, "type"),
                                           .sender = json_string_at(v, "sender"),
                                           .state_key = json_string_at(v, "state_key"),
                                           .client = c[C_timeline_json].s,
                                           .content = content ? content->raw : (struct str){0},
                                           .redacted_by = c[C_timeline_redacted_by].s,
                                           .device_txn = c[C_timeline_device_txn].s,
                                           .extra = c[C_timeline_extra].s,
                                           .position = c[C_timeline_position].i,
                                           .ord = c[C_timeline_ord].i,
                                           .ts = json_int_at(v, "origin_server_ts", 0),
                                           .parsed = content});
}

void event_to_row(const struct event *e, struct row *out)
{
    *out = (struct row){.table = T_timeline};
    out->c[C_timeline_room_id].s = e->item.key;
    out->c[C_timeline_ord].i = e->ord;
    out->c[C_timeline_position].i = e->item.position;
    out->c[C_timeline_event_id].s = e->event_id;
    out->c[C_timeline_json].s = e->client;
    out->c[C_timeline_fed].s = STR("");
    out->c[C_timeline_redacted_by].s = e->redacted_by;
    out->c[C_timeline_device_txn].s = e->device_txn;
    out->c[C_timeline_extra].s = e->extra;
}
