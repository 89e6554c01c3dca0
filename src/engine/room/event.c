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

struct event *event_new(struct arena *scratch, struct str room_id, int64_t position, int64_t ord, struct str client, struct str redacted_by,
                        struct str device_txn, struct str extra)
{
    struct json *v;
    struct fault f;
    if (json_parse(scratch, client, &v, &f) != ERR_OK) {
        log_event(LOG_ERROR, "room", "stored event is broken", "room=%.*s ord=%lld reason=\"%s\"", STR_FMT(room_id), (long long)ord,
                  f.text);
        return NULL;
    }
    const struct json *content = json_get(v, "content"), *key = json_get(v, "state_key");
    struct str id = json_string_at(v, "event_id"), type = json_string_at(v, "type"), sender = json_string_at(v, "sender");
    struct str state_key = json_string(key);
    size_t n = room_id.n + client.n + id.n + type.n + sender.n + state_key.n + redacted_by.n + device_txn.n + extra.n;
    struct event *e = mem_zero(sizeof *e + n);
    char *at = e->bytes;
    atomic_init(&e->item.refs, 1);
    e->item.kind = ITEM_EVENT;
    e->item.free = event_free;
    e->item.position = position;
    e->item.key = place(&at, room_id);
    e->ord = ord;
    e->ts = json_int_at(v, "origin_server_ts", 0);
    e->client = place(&at, client);
    if (content && content->raw.p) e->content = str_make(e->client.p + (content->raw.p - client.p), content->raw.n);
    e->event_id = place(&at, id);
    e->type = place(&at, type);
    e->sender = place(&at, sender);
    if (json_is(key, JSON_STRING)) e->state_key = place(&at, state_key);
    e->redacted_by = place(&at, redacted_by);
    e->device_txn = place(&at, device_txn);
    e->extra = place(&at, extra);
    if (str_is(e->type, "m.room.member")) e->membership = content_membership(content);
    e->has_url = content_has_url(content);
    return e;
}

struct event *event_from_row(struct arena *scratch, const struct row *row)
{
    return event_new(scratch, row->c[C_timeline_room_id].s, row->c[C_timeline_position].i, row->c[C_timeline_ord].i,
                     row->c[C_timeline_json].s, row->c[C_timeline_redacted_by].s, row->c[C_timeline_device_txn].s,
                     row->c[C_timeline_extra].s);
}
