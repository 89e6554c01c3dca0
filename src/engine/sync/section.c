#include "engine/sync/section.h"

#include "base/pack.h"
#include "engine/room/snapshot.h"
#include "engine/sync/memo.h"
#include "engine/sync/token.h"
#include "engine/user/presence.h"

enum { TIMELINE_DEFAULT = 10, TIMELINE_MAX = 1000, SCAN_MAX = 5000, HEROES = 5 };

/* The events of a section's timeline, newest first while they are gathered. */
struct timeline {
    struct event **e; /* owned references */
    size_t count;
    bool limited;
    int64_t start_ord; /* the state before this is the section's state */
};

static bool is_ignored(const struct section_reader *s, const struct event *e)
{
    if (!s->ignored || event_is_state(e)) return false;
    json_each(v, s->ignored) if (str_eq(json_string(v), e->sender)) return true;
    return false;
}

static bool wanted(const struct section_reader *s, const struct viewer *v, const struct event *e)
{
    const struct event_filter *f = &s->filter->room.timeline;
    return filter_event_matches(f, e->type, e->sender, e->has_url) && filter_event_room_matches(f, v->room->room_id) && !is_ignored(s, e) &&
           viewer_may_see(v, e);
}

static size_t timeline_limit(const struct section_reader *s)
{
    int64_t limit = s->filter->room.timeline.limit;
    return limit <= 0 ? TIMELINE_DEFAULT : limit > TIMELINE_MAX ? TIMELINE_MAX : (size_t)limit;
}

static enum err gather(struct section_reader *s, const struct viewer *v, int64_t since, int64_t until, struct timeline *out)
{
    struct walk w;
    enum err e;
    struct event *ev;
    size_t limit = timeline_limit(s), scanned = 0;
    int64_t since_ord = ord_last_of_position(since);
    *out =
        (struct timeline){.e = arena_array(turn_arena(s->turn), limit + 1, sizeof(*out->e)), .start_ord = ord_last_of_position(until) + 1};
    walk_init(&w, s->turn, v->room, true, ord_last_of_position(until));
    w.past = since_ord;
    while ((ev = walk_next(&w, &e)) && ev->ord > since_ord) {
        if (!wanted(s, v, ev)) {
            if (++scanned < SCAN_MAX) continue;
            out->limited = true;
            break;
        }
        if (out->count == limit) {
            out->limited = true;
            break;
        }
        out->e[out->count++] = event_ref(ev);
        out->start_ord = ev->ord;
    }
    walk_release(&w);
    if (!out->limited && since) out->start_ord = since_ord + 1;
    if (!out->limited && !since && out->count) out->start_ord = out->e[out->count - 1]->ord;
    return e;
}

static void timeline_release(struct timeline *t)
{
    for (size_t i = 0; i < t->count; i++)
        event_unref(t->e[i]);
}

static enum err write_timeline(struct section_reader *s, const struct viewer *v, const struct timeline *t, struct json_out *o)
{
    enum err e = ERR_OK;
    json_key(o, "timeline");
    json_object(o);
    json_key(o, "events");
    json_array(o);
    for (size_t i = t->count; i-- > 0 && e == ERR_OK;)
        e = viewer_write(v, o, t->e[i], FORM_TIMELINE, BUNDLE_ALL);
    json_end(o);
    json_bool_member(o, "limited", t->limited);
    int64_t before = t->count ? t->e[t->count - 1]->ord - 1 : t->start_ord - 1;
    json_str_member(o, "prev_batch", place_token_write(turn_arena(s->turn), before));
    json_end(o);
    return e;
}

/* --- state --- */

static bool is_member(const struct event *e)
{
    return event_is_state(e) && str_is(e->type, "m.room.member");
}

/* With lazy loading, members other than oneself come only with what they sent. Where the state is that after the timeline, clients take none from
 * the timeline: then what happened to a member there (invited, removed) has to come, too. */
static bool needed_member(const struct section_reader *s, const struct timeline *t, const struct event *e, bool fresh)
{
    if (!s->filter->room.state.lazy_load_members || !is_member(e)) return true;
    if (fresh && str_eq(e->state_key, s->user_id)) return true;
    bool after_form = s->flags & SYNC_STATE_FORMS;
    for (size_t i = 0; i < t->count; i++) {
        if (str_eq(t->e[i]->sender, e->state_key)) return true;
        if (after_form && is_member(t->e[i]) && str_eq(t->e[i]->state_key, e->state_key)) return true;
    }
    return false;
}

struct state_writer {
    struct section_reader *s;
    const struct viewer *v;
    const struct timeline *t;
    struct json_out *o;
    bool fresh;
    bool own_told; /* the reader's own membership */
    enum err err;
};

static void put_state(struct state_writer *w, const struct event *e)
{
    const struct event_filter *f = &w->s->filter->room.state;
    if (!e || w->err != ERR_OK || !filter_event_matches(f, e->type, e->sender, e->has_url) ||
        !filter_event_room_matches(f, w->v->room->room_id))
        return;
    if (!needed_member(w->s, w->t, e, w->fresh)) return;
    w->err = viewer_write(w->v, w->o, e, FORM_TIMELINE, BUNDLE_NONE);
    w->own_told |= is_member(e) && str_eq(e->state_key, w->s->user_id);
}

/* A piece of state as it was at `position`; what is not newer than `after` is not new. */
static void put_state_as_of(struct state_writer *w, const struct event *now, int64_t position, int64_t after)
{
    struct event *e = NULL;
    if (now->item.position <= position) {
        if (now->item.position > after) put_state(w, now);
        return;
    }
    if (w->err == ERR_OK) w->err = timeline_state_at(w->s->turn, w->v->room, now->type, now->state_key, position, &e);
    if (e && e->item.position > after) put_state(w, e);
    event_unref(e);
}

/* With lazy loading: the members who sent what is in the timeline, unless the timeline brings them itself. */
static void put_senders(struct state_writer *w, int64_t position, int64_t after)
{
    const struct timeline *t = w->t;
    for (size_t i = 0; i < t->count; i++) {
        bool again = false;
        for (size_t j = i + 1; j < t->count && !again; j++)
            again = str_eq(t->e[j]->sender, t->e[i]->sender);
        for (size_t j = 0; j < t->count && !again; j++)
            again = is_member(t->e[j]) && str_eq(t->e[j]->state_key, t->e[i]->sender);
        struct state_entry *entry = again ? NULL : room_state_entry(w->v->room, STR("m.room.member"), t->e[i]->sender);
        /* Those that changed since are written by the walk over the state. */
        if (entry && entry->event->item.position <= after) put_state_as_of(w, entry->event, position, 0);
    }
}

static bool timeline_has_own(const struct state_writer *w)
{
    for (size_t i = 0; i < w->t->count; i++)
        if (is_member(w->t->e[i]) && str_eq(w->t->e[i]->state_key, w->s->user_id)) return true;
    return false;
}

/* How the reader left. A client may stand behind that already: its token says how far it has seen the room's slot, of which it hears for the sake of others,
 * and the news that it has left comes by way of its own. */
static void put_own(struct state_writer *w, int64_t until)
{
    struct state_entry *entry = room_state_entry(w->v->room, STR("m.room.member"), w->s->user_id);
    if (!entry || w->own_told || timeline_has_own(w)) return;
    w->fresh = true; /* as who is told of all for the first time is told of oneself */
    put_state_as_of(w, entry->event, until, 0);
}

/* `left`: the reader has left the room, and is told so. */
static enum err write_state(struct section_reader *s, const struct viewer *v, const struct timeline *t, struct json_out *o, int64_t since,
                            int64_t until, bool fresh, bool left)
{
    struct state_writer w = {s, v, t, o, fresh, false, ERR_OK};
    bool after_form = s->flags & SYNC_STATE_FORMS;
    int64_t position = after_form ? until : (t->start_ord - 1) >> ORD_SHIFT;
    if (position > until) position = until;
    int64_t after = fresh || (s->flags & SYNC_FULL_STATE) ? 0 : since;
    json_key(o, s->flags & SYNC_STATE_AFTER ? "state_after" : after_form ? "org.matrix.msc4222.state_after" : "state");
    json_object(o);
    json_key(o, "events");
    json_array(o);
    struct snapshot state;
    snapshot_take(&state, turn_arena(s->turn), v->room, after);
    for (size_t i = 0; i < state.count; i++)
        put_state_as_of(&w, state.e[i], position, after);
    snapshot_release(&state);
    if (s->filter->room.state.lazy_load_members && after) put_senders(&w, position, after);
    if (left) put_own(&w, until);
    json_end(o);
    json_end(o);
    return w.err;
}

/* --- summary --- */

static size_t write_heroes(struct json_out *o, const struct room *room, struct str user_id, bool present)
{
    size_t n = 0;
    for (struct list *it = room->recent_state.prev; it != &room->recent_state && n < HEROES; it = it->prev) {
        const struct event *e = list_item(it, struct state_entry, recent)->event;
        bool here = e->membership == MEMBER_JOIN || e->membership == MEMBER_INVITE;
        if (!is_member(e) || here != present || str_eq(e->state_key, user_id)) continue;
        json_put_str(o, e->state_key);
        n++;
    }
    return n;
}

static void write_summary(struct json_out *o, const struct room *room, struct str user_id)
{
    bool named = room_state(room, STR("m.room.name"), STR("")) || room_state(room, STR("m.room.canonical_alias"), STR(""));
    json_key(o, "summary");
    json_object(o);
    if (!named) {
        json_key(o, "m.heroes");
        json_array(o);
        if (write_heroes(o, room, user_id, true) == 0) write_heroes(o, room, user_id, false);
        json_end(o);
    }
    json_int_member(o, "m.joined_member_count", (int64_t)room->joined);
    json_int_member(o, "m.invited_member_count", (int64_t)room->invited);
    json_end(o);
}

/* --- ephemeral --- */

static bool receipt_for_user(const struct section_reader *s, const struct receipt *r)
{
    if (r->position > s->as_of) return false;
    return str_is(r->type, "m.read") || (str_is(r->type, "m.read.private") && str_eq(r->user_id, s->user_id));
}

static void put_receipt(struct json *content, struct arena *a, const struct receipt *r)
{
    struct json *event = json_get_str(content, r->event_id);
    if (!event) event = json_set(content, r->event_id, json_new(a, JSON_OBJECT));
    struct json *type = json_get_str(event, r->type);
    if (!type) type = json_set(event, r->type, json_new(a, JSON_OBJECT));
    struct json *data = json_get_str(type, r->user_id);
    /* Of several threads' receipts on one event, one per user can be told. */
    if (data) return;
    data = json_set(type, r->user_id, json_new(a, JSON_OBJECT));
    json_set(data, STR("ts"), json_new_int(a, r->ts));
    if (!str_empty(r->thread)) json_set(data, STR("thread_id"), json_new_string(a, r->thread));
}

static struct json *new_receipts(const struct section_reader *s, const struct room *room, int64_t since)
{
    struct arena *a = turn_arena(s->turn);
    struct json *content = NULL;
    list_each(it, &room->recent_receipts)
    {
        const struct receipt *r = list_item(it, struct receipt, recent);
        if (r->position <= since) break;
        if (!receipt_for_user(s, r)) continue;
        if (!content) content = json_new(a, JSON_OBJECT);
        put_receipt(content, a, r);
    }
    return content;
}

static void put_ephemeral(struct json_out *o, const char *type, struct str content)
{
    json_object(o);
    json_str_member(o, "type", str_c(type));
    json_raw_member(o, "content", content);
    json_end(o);
}

static struct str typing_content(struct arena *a, const struct room *room)
{
    struct json *c = json_new(a, JSON_OBJECT), *users = json_new(a, JSON_ARRAY);
    list_each(it, &room->typing)
    {
        const struct typist *y = list_item(it, struct typist, link);
        json_push(users, json_new_string(a, str_make(y->user_id, y->n)));
    }
    json_set(c, STR("user_ids"), users);
    return json_text(a, c);
}

static void write_ephemeral(const struct section_reader *s, const struct room *room, struct json_out *o, int64_t since, bool fresh)
{
    const struct event_filter *f = &s->filter->room.ephemeral;
    if (!filter_event_room_matches(f, room->room_id)) return;
    struct json *receipts =
        filter_event_matches(f, STR("m.receipt"), (struct str){0}, false) ? new_receipts(s, room, fresh ? 0 : since) : NULL;
    bool typing = room->typing_position > since && room->typing_position <= s->as_of && (!fresh || !list_is_empty(&room->typing)) &&
                  filter_event_matches(f, STR("m.typing"), (struct str){0}, false);
    if (!receipts && !typing) return;
    json_key(o, "ephemeral");
    json_object(o);
    json_key(o, "events");
    json_array(o);
    if (typing) put_ephemeral(o, "m.typing", typing_content(turn_arena(s->turn), room));
    if (receipts) put_ephemeral(o, "m.receipt", json_text(turn_arena(s->turn), receipts));
    json_end(o);
    json_end(o);
}

/* --- device lists --- */

static void all_members(struct section_reader *s, const struct room *room)
{
    list_each(it, &room->recent_state)
    {
        const struct event *e = list_item(it, struct state_entry, recent)->event;
        if (is_member(e) && e->membership == MEMBER_JOIN && !str_eq(e->state_key, s->user_id)) pack_str(&s->changed, e->state_key);
    }
}

/* Whose devices the client should look at again: in rooms with encryption those who came, in all rooms those whose devices changed. */
static void note_devices(struct section_reader *s, const struct room *room, int64_t since, bool fresh)
{
    struct event *encryption = room_state(room, STR("m.room.encryption"), STR(""));
    if (s->flags & SYNC_INITIAL) return;
    if (encryption && (fresh || encryption->item.position > since)) all_members(s, room);
    list_each(it, &room->recent_devices)
    {
        const struct device_mark *m = list_item(it, struct device_mark, recent);
        if (m->position <= since) break;
        struct str user = str_make(m->user_id, m->n);
        if (room_membership(room, user) == MEMBER_JOIN) pack_str(&s->changed, user);
    }
    list_each(it, &room->recent_state)
    {
        const struct event *e = list_item(it, struct state_entry, recent)->event;
        if (e->item.position <= since) break;
        if (!is_member(e) || str_eq(e->state_key, s->user_id)) continue;
        if (e->membership == MEMBER_JOIN && encryption && !fresh) pack_str(&s->changed, e->state_key);
        if ((e->membership == MEMBER_LEAVE || e->membership == MEMBER_BAN) && !fresh) pack_str(&s->left, e->state_key);
    }
}

/* --- presence --- */

static void note_presence(struct section_reader *s, const struct room *room, int64_t since, bool fresh)
{
    list_each(it, &room->presence.recent)
    {
        const struct presence_mark *m = list_item(it, struct presence_mark, recent);
        if (m->position <= since) break;
        if (room_membership(room, m->user_id) != MEMBER_JOIN || (fresh && m->state == PRESENCE_OFFLINE)) continue;
        struct buf b;
        struct json_out o;
        int64_t ago = turn_now_ms(s->turn) - m->active_ms;
        buf_init(&b, 16384);
        json_out_init(&o, &b);
        json_object(&o);
        json_str_member(&o, "presence", str_c(presence_name((enum presence_state)m->state)));
        json_int_member(&o, "last_active_ago", ago > 0 ? ago : 0);
        if (m->status.n) json_str_member(&o, "status_msg", m->status);
        json_bool_member(&o, "currently_active", m->state == PRESENCE_ONLINE && ago < 120000);
        json_end(&o);
        pack_str(&s->presence, m->user_id);
        pack_str(&s->presence, buf_str(&b));
        buf_release(&b);
    }
}

/* Was that user in the room at that position? */
static enum err was_joined(struct section_reader *s, struct room *room, struct str user, int64_t position, bool *joined)
{
    struct event *e = NULL;
    enum err err = timeline_state_at(s->turn, room, STR("m.room.member"), user, position, &e);
    *joined = err == ERR_OK && e && e->membership == MEMBER_JOIN;
    if (e) event_unref(e);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* The reader has left: of those with whom an encrypted room was shared then, the client may not hear any more. */
static enum err note_left(struct section_reader *s, struct room *room, int64_t until)
{
    struct buf later;
    enum err err = ERR_OK;
    if ((s->flags & SYNC_INITIAL) || !room_state(room, STR("m.room.encryption"), STR(""))) return ERR_OK;
    buf_init(&later, 16 * 1048576);
    list_each(it, &room->recent_state)
    {
        const struct event *e = list_item(it, struct state_entry, recent)->event;
        if (!is_member(e) || str_eq(e->state_key, s->user_id)) continue;
        if (e->item.position > until)
            pack_str(&later, e->state_key);
        else if (e->membership == MEMBER_JOIN || (e->item.position > s->since && e->membership != MEMBER_INVITE))
            pack_str(&s->left, e->state_key);
    }
    struct str list = buf_str(&later), user;
    bool joined;
    while (err == ERR_OK && pack_next(&list, &user)) {
        err = was_joined(s, room, user, until, &joined);
        if (err == ERR_OK && joined) pack_str(&s->left, user);
    }
    buf_release(&later);
    return err;
}

/* --- the section --- */

static bool members_changed(const struct room *room, int64_t since)
{
    list_each(it, &room->recent_state)
    {
        const struct event *e = list_item(it, struct state_entry, recent)->event;
        if (e->item.position <= since) return false;
        if (is_member(e)) return true;
    }
    return false;
}

/* Has anything in the room changed after `since`, up to `as_of`? Cheap: in a quiet room the answer is no. */
static bool is_quiet(const struct section_reader *s, const struct room *room)
{
    int64_t since = s->since;
    if (room->last_event_position > since || room->typing_position > since) return false;
    if (!list_is_empty(&room->presence.recent) && list_item(room->presence.recent.next, struct presence_mark, recent)->position > since)
        return false;
    if (!list_is_empty(&room->recent_receipts) && list_item(room->recent_receipts.next, struct receipt, recent)->position > since)
        return false;
    return list_is_empty(&room->recent_devices) || list_item(room->recent_devices.next, struct device_mark, recent)->position <= since;
}

static bool own_receipt_is_new(const struct section_reader *s, const struct room *room)
{
    list_each(it, &room->recent_receipts)
    {
        const struct receipt *r = list_item(it, struct receipt, recent);
        if (r->position <= s->since) return false;
        if (str_eq(r->user_id, s->user_id)) return true;
    }
    return false;
}

/* Without the braces around it: the caller adds members of its own. */
static void take_members(struct buf *out, const struct buf *object)
{
    if (object->n > 2) buf_add(out, str_make(object->p + 1, object->n - 2));
}

/* --- what is the same for all who stand at the same place --- */

/* Timeline, state and what is ephemeral. */
static enum err write_common(struct section_reader *s, const struct viewer *v, int64_t since, bool fresh, struct json_out *o,
                             struct section_news *news)
{
    struct timeline t;
    const struct room *room = v->room;
    enum err e = gather(s, v, since, s->as_of, &t);
    *news = (struct section_news){.any = t.count || t.limited || fresh || (s->flags & SYNC_FULL_STATE), .events = t.count};
    if (t.count) news->oldest_ms = t.e[t.count - 1]->ts;
    bool state_moved =
        !list_is_empty(&room->recent_state) && list_item(room->recent_state.next, struct state_entry, recent)->event->item.position > since;
    if (e == ERR_OK && (news->any || state_moved)) {
        e = write_timeline(s, v, &t, o);
        if (e == ERR_OK) e = write_state(s, v, &t, o, since, s->as_of, fresh, false);
    }
    if (e == ERR_OK) write_ephemeral(s, room, o, since, fresh);
    timeline_release(&t);
    return e;
}

/* Perhaps so where the tail does not reach back so far. */
static bool sent_since(const struct room *room, struct str user_id, int64_t since)
{
    if (room->first_ord < 0 && (room->tail_count == 0 || room->tail[0]->item.position > since)) return true;
    for (size_t i = room->tail_count; i-- > 0 && room->tail[i]->item.position > since;)
        if (str_eq(room->tail[i]->sender, user_id)) return true;
    return false;
}

static bool read_privately_since(const struct section_reader *s, const struct room *room)
{
    list_each(it, &room->recent_receipts)
    {
        const struct receipt *r = list_item(it, struct receipt, recent);
        if (r->position <= s->since) return false;
        if (str_is(r->type, "m.read.private") && str_eq(r->user_id, s->user_id)) return true;
    }
    return false;
}

/* Would anybody else get the same common part? Not who has sent something (a transaction id comes with it), read something privately or ignores
 * somebody; nor where aggregations could tell of the reader's own part in them. */
static bool is_plain(const struct section_reader *s, const struct viewer *v, bool fresh)
{
    const struct room *room = v->room;
    return !fresh && !(s->flags & (SYNC_FULL_STATE | SYNC_INITIAL)) && v->everything && v->now == MEMBER_JOIN && !s->ignored &&
           room->relation_ord <= ord_last_of_position(s->since) && !sent_since(room, s->user_id, s->since) &&
           !read_privately_since(s, room);
}

/* As write_common, from what was made for somebody else where that is possible. The members are in *out. */
static enum err make_common(struct section_reader *s, const struct viewer *v, int64_t since, bool fresh, struct buf *out,
                            struct section_news *news)
{
    struct sync_memo *memo = engine_of(s->turn)->memo[loop_index(turn_loop(s->turn))];
    struct section_key key = {
        .room_id = v->room->room_id, .since = s->since, .as_of = s->as_of, .filter = s->filter_id, .flags = s->flags & SYNC_STATE_FORMS};
    bool plain = is_plain(s, v, fresh);
    uint64_t forgot = sync_memo_forgot(memo);
    const struct section_text *found = plain ? sync_memo_section(memo, &key, turn_now_ms(s->turn)) : NULL;
    if (found) {
        buf_add(out, bytes_str(found->members));
        *news = found->news;
        return ERR_OK;
    }
    struct buf b;
    struct json_out o;
    buf_init(&b, 64 * 1048576);
    json_out_init(&o, &b);
    json_object(&o);
    enum err e = write_common(s, v, since, fresh, &o, news);
    json_end(&o);
    if (e == ERR_OK) take_members(out, &b);
    if (e == ERR_OK && plain && buf_ok(&b) && forgot == sync_memo_forgot(memo))
        sync_memo_keep_section(memo, &key, turn_now_ms(s->turn), buf_str(out), news);
    buf_release(&b);
    return e;
}

/* What only this reader gets. */
static enum err write_own(struct section_reader *s, struct room *room, bool fresh, bool events, struct json_out *o)
{
    int64_t since = fresh ? 0 : s->since;
    note_devices(s, room, since, fresh);
    note_presence(s, room, since, fresh);
    if (fresh || members_changed(room, since)) write_summary(o, room, s->user_id);
    return events || own_receipt_is_new(s, room) ? section_write_unread(s, room, o) : ERR_OK;
}

static void note_news(struct section_reader *s, const struct section_news *news, bool fresh)
{
    s->events += news->events;
    if (news->events && !fresh && (!s->oldest_ms || news->oldest_ms < s->oldest_ms)) s->oldest_ms = news->oldest_ms;
}

enum err section_joined(struct section_reader *s, struct room *room, bool fresh, struct buf *out)
{
    if (!fresh && !(s->flags & SYNC_FULL_STATE) && is_quiet(s, room)) return ERR_OK;
    struct viewer v;
    struct buf b;
    struct json_out o;
    struct section_news news = {0};
    int64_t since = fresh ? 0 : s->since;
    enum err e = viewer_init_since(&v, s->turn, room, s->user_id, s->device_id, since);
    if (e != ERR_OK) return e;
    v.ignored = s->ignored;
    v.federation = s->filter->federation_format;
    e = make_common(s, &v, since, fresh, out, &news);
    buf_init(&b, 1048576);
    json_out_init(&o, &b);
    json_object(&o);
    if (e == ERR_OK) e = write_own(s, room, fresh, news.any, &o);
    json_end(&o);
    if (e == ERR_OK && b.n > 2 && out->n) buf_byte(out, ',');
    if (e == ERR_OK) take_members(out, &b);
    note_news(s, &news, fresh);
    buf_release(&b);
    return e;
}

enum err section_left(struct section_reader *s, struct room *room, int64_t until, struct buf *out)
{
    struct viewer v;
    struct timeline t;
    struct buf b;
    struct json_out o;
    enum err e = viewer_init(&v, s->turn, room, s->user_id, s->device_id);
    if (e != ERR_OK) return e;
    v.ignored = s->ignored;
    v.federation = s->filter->federation_format;
    if (until <= 0 || until > s->as_of) until = s->as_of;
    e = gather(s, &v, s->since, until, &t);
    buf_init(&b, 64 * 1048576);
    json_out_init(&o, &b);
    json_object(&o);
    if (e == ERR_OK) e = write_timeline(s, &v, &t, &o);
    if (e == ERR_OK) e = write_state(s, &v, &t, &o, s->since, until, s->since == 0, true);
    if (e == ERR_OK) e = note_left(s, room, until);
    json_end(&o);
    if (e == ERR_OK) take_members(out, &b);
    timeline_release(&t);
    buf_release(&b);
    return e;
}
