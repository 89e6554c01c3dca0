#include "engine/room/bundle.h"

#include "engine/room/timeline.h"

enum { CHILDREN_MAX = 10000 };

static enum err children(const struct viewer *v, const struct event *e, const char *rel_type, bool newest_first, size_t limit,
                         struct store_read *r)
{
    *r = (struct store_read){.table = T_relation,
                             .prefix = rel_type ? 3 : 2,
                             .key = {{.s = v->room->room_id}, {.s = e->event_id}, {.s = str_c(rel_type)}},
                             .limit = limit,
                             .reverse = newest_first};
    return turn_range(v->turn, r);
}

static enum err write_event(const struct viewer *v, struct json_out *o, struct str event_id, enum bundle which)
{
    struct event *e;
    enum err err = timeline_find(v->turn, v->room, event_id, &e);
    if (err != ERR_OK) return err;
    err = viewer_write(v, o, e, FORM_ROOM, which);
    event_unref(e);
    return err;
}

/* The newest edit by the author. */
static enum err write_edit(const struct viewer *v, struct json_out *o, const struct event *e)
{
    struct store_read r;
    enum err err = event_is_state(e) ? ERR_NOT_FOUND : children(v, e, "m.replace", true, CHILDREN_MAX, &r);
    if (err != ERR_OK) return err == ERR_NOT_FOUND ? ERR_OK : err;
    for (size_t i = 0; i < r.count; i++) {
        const struct cell *c = r.row[i].c;
        if (!str_eq(c[C_relation_sender].s, e->sender) || !str_eq(c[C_relation_type].s, e->type)) continue;
        json_key(o, "m.replace");
        return write_event(v, o, c[C_relation_event_id].s, BUNDLE_NONE);
    }
    return ERR_OK;
}

static enum err write_thread(const struct viewer *v, struct json_out *o, const struct event *e)
{
    struct store_read r;
    enum err err = children(v, e, "m.thread", true, CHILDREN_MAX, &r);
    if (err != ERR_OK || r.count == 0) return err;
    bool took_part = str_eq(e->sender, v->user_id);
    size_t count = 0;
    struct str latest = {0};
    for (size_t i = 0; i < r.count; i++) {
        const struct cell *c = r.row[i].c;
        if (viewer_ignores(v, c[C_relation_sender].s)) continue;
        if (count++ == 0) latest = c[C_relation_event_id].s;
        took_part |= str_eq(c[C_relation_sender].s, v->user_id);
    }
    if (count == 0) return ERR_OK;
    json_key(o, "m.thread");
    json_object(o);
    json_key(o, "latest_event");
    err = write_event(v, o, latest, BUNDLE_EDIT);
    json_int_member(o, "count", (int64_t)count);
    json_bool_member(o, "current_user_participated", took_part);
    json_end(o);
    return err;
}

static enum err write_references(const struct viewer *v, struct json_out *o, const struct event *e)
{
    struct store_read r;
    enum err err = children(v, e, "m.reference", false, 100, &r);
    if (err != ERR_OK || r.count == 0) return err;
    json_key(o, "m.reference");
    json_object(o);
    json_key(o, "chunk");
    json_array(o);
    for (size_t i = 0; i < r.count; i++) {
        if (viewer_ignores(v, r.row[i].c[C_relation_sender].s)) continue;
        json_object(o);
        json_str_member(o, "event_id", r.row[i].c[C_relation_event_id].s);
        json_end(o);
    }
    json_end(o);
    json_end(o);
    return ERR_OK;
}

enum err bundle_write(const struct viewer *v, struct json_out *u, const struct event *e, enum bundle which)
{
    struct store_read r;
    if (e->ord > v->room->relation_ord) return ERR_OK;
    enum err err = children(v, e, NULL, false, 1, &r);
    if (err != ERR_OK || r.count == 0) return err;
    struct buf b;
    struct json_out o;
    buf_init(&b, 1048576);
    json_out_init(&o, &b);
    json_object(&o);
    err = write_edit(v, &o, e);
    if (err == ERR_OK && which == BUNDLE_ALL) err = write_thread(v, &o, e);
    if (err == ERR_OK && which == BUNDLE_ALL) err = write_references(v, &o, e);
    json_end(&o);
    if (err == ERR_OK && b.n > 2) json_raw_member(u, "m.relations", buf_str(&b));
    buf_release(&b);
    return err;
}
