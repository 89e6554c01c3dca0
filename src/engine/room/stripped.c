#include "engine/room/stripped.h"

/* The state that invites and knocks carry (specification, "Stripped state"). */
static const char *const types[] = {"m.room.create",          "m.room.name",      "m.room.avatar", "m.room.topic", "m.room.join_rules",
                                    "m.room.canonical_alias", "m.room.encryption"};

static void put(struct json_out *o, const struct event *e)
{
    if (!e) return;
    json_object(o);
    json_raw_member(o, "content", e->content);
    json_str_member(o, "sender", e->sender);
    json_str_member(o, "state_key", e->state_key);
    json_str_member(o, "type", e->type);
    json_end(o);
}

struct str stripped_state(struct arena *a, const struct draft *d, const struct event *own)
{
    struct buf b;
    struct json_out o;
    buf_init(&b, 262144);
    json_out_init(&o, &b);
    json_array(&o);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        put(&o, draft_state(d, str_c(types[i]), STR("")));
    if (!str_eq(own->sender, own->state_key)) put(&o, draft_state(d, STR("m.room.member"), own->sender));
    /* The member event itself: here with its time and id, as clients show them. */
    json_object(&o);
    json_raw_member(&o, "content", own->content);
    json_str_member(&o, "event_id", own->event_id);
    json_int_member(&o, "origin_server_ts", own->ts);
    json_str_member(&o, "sender", own->sender);
    json_str_member(&o, "state_key", own->state_key);
    json_str_member(&o, "type", own->type);
    json_end(&o);
    json_end(&o);
    struct str s = buf_ok(&b) ? arena_str(a, buf_str(&b)) : STR("[]");
    buf_release(&b);
    return s;
}
