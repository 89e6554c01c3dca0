/* Reading a room's history: pages, one event, an event's surroundings, a time. */
#include "engine/room/snapshot.h"
#include "engine/room/timeline.h"
#include "engine/room/viewer.h"
#include "matrix/filter.h"

enum { SCAN_MAX = 20000 };

/* What is gathered to be answered: a JSON array of events, and who sent them. */
struct chunk {
    struct buf b;
    struct json_out o;
    size_t count;
    int64_t first, last;  /* ords, in the order of the walk */
    struct json *senders; /* object: user -> true */
};

static void chunk_init(struct chunk *c, struct arena *a)
{
    *c = (struct chunk){.senders = json_new(a, JSON_OBJECT)};
    buf_init(&c->b, 128 * 1048576);
    json_out_init(&c->o, &c->b);
    json_array(&c->o);
}

static enum err chunk_add(struct chunk *c, const struct viewer *v, const struct event *e)
{
    if (c->count++ == 0) c->first = e->ord;
    c->last = e->ord;
    if (!json_get_str(c->senders, e->sender))
        json_set(c->senders, arena_str(turn_arena(v->turn), e->sender), json_new_bool(turn_arena(v->turn), true));
    return viewer_write(v, &c->o, e, FORM_ROOM, BUNDLE_ALL);
}

/* Ends it; the text is in the arena. */
static struct str chunk_take(struct chunk *c, struct arena *a)
{
    json_end(&c->o);
    struct str s = arena_str(a, buf_str(&c->b));
    buf_release(&c->b);
    return s;
}

static enum err read_filter(struct turn *t, struct str text, struct event_filter *f)
{
    struct json *v;
    filter_init_events(f);
    if (str_empty(text)) return ERR_OK;
    if (json_parse(turn_arena(t), text, &v, NULL) != ERR_OK)
        return fault_set(turn_fault(t), ERR_NOT_JSON, "The parameter 'filter' is not JSON.");
    return filter_parse_events(turn_arena(t), v, f, turn_fault(t));
}

/* The last string of all these commands: users whom the asker ignores, as a JSON array, or null. */
static void take_ignored(struct turn *t, struct viewer *v)
{
    struct str text = turn_command(t)->s[COMMAND_STRS - 1];
    struct json *list;
    if (!str_empty(text) && json_parse(turn_arena(t), text, &list, NULL) == ERR_OK) v->ignored = list;
}

static enum err open_eyes(struct turn *t, struct viewer *v)
{
    struct room *room;
    enum err e = room_of_turn(t, false, &room);
    if (e == ERR_OK) e = viewer_init(v, t, room, turn_command(t)->s[0], turn_command(t)->s[1].p ? turn_command(t)->s[1] : STR(""));
    if (e == ERR_OK) take_ignored(t, v);
    return e;
}

static enum err may_look(struct turn *t, struct viewer *v)
{
    enum err e = open_eyes(t, v);
    return e == ERR_OK ? viewer_may_look(v) : e;
}

/* Member events of those who sent something. */
static enum err write_members(const struct viewer *v, const struct json *senders, int64_t position, struct str *out)
{
    struct chunk c;
    enum err e = ERR_OK;
    chunk_init(&c, turn_arena(v->turn));
    json_each(s, senders)
    {
        struct event *m;
        if (e == ERR_OK) e = timeline_state_at(v->turn, v->room, STR("m.room.member"), s->key, position, &m);
        if (e != ERR_OK) break;
        if (m) e = viewer_write(v, &c.o, m, FORM_ROOM, BUNDLE_NONE);
        event_unref(m);
    }
    *out = chunk_take(&c, turn_arena(v->turn));
    return e;
}

static bool passes(const struct event_filter *f, const struct viewer *v, const struct event *e)
{
    return filter_event_matches(f, e->type, e->sender, e->has_url) && filter_event_room_matches(f, v->room->room_id) &&
           viewer_may_see(v, e);
}

/* room_messages: s[0] who asks, s[1] device, s[2] filter or empty; num[0] from (-1: the end to begin at), num[1] to (-1: none), num[2] limit,
 * num[3] 1: back. Places are ords: everything at or before one lies before it.
 * Reply: s[0] events, s[1] members for lazy loading (null: not asked); num[0] where it began, num[1] where to go on (-1: nowhere). */
enum err room_messages(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct viewer v;
    struct event_filter f;
    struct walk w;
    struct chunk out;
    struct event *ev;
    bool back = c->num[3] != 0;
    enum err e = may_look(t, &v), walked = ERR_OK;
    if (e == ERR_OK) e = read_filter(t, c->s[2], &f);
    if (e != ERR_OK) return e;
    v.federation = f.federation_format;
    int64_t until = viewer_until(&v), last = until == INT64_MAX ? INT64_MAX - 1 : ord_last_of_position(until);
    int64_t from = c->num[0] >= 0 ? c->num[0] : back ? last : 0;
    if (back && from > last) from = last;
    int64_t limit = f.limit > 0 && f.limit < c->num[2] ? f.limit : c->num[2];
    chunk_init(&out, turn_arena(t));
    walk_init(&w, t, v.room, back, back ? from : from + 1);
    int64_t next = -1;
    size_t scanned = 0;
    while (e == ERR_OK && (ev = walk_next(&w, &walked))) {
        if (back ? c->num[1] >= 0 && ev->ord <= c->num[1] : (c->num[1] >= 0 && ev->ord > c->num[1]) || ev->ord > last) break;
        if ((int64_t)out.count == limit || scanned++ > SCAN_MAX) {
            next = back ? ev->ord : ev->ord - 1;
            break;
        }
        if (passes(&f, &v, ev)) e = chunk_add(&out, &v, ev);
        /* Going forward there may always be more one day. */
        if (!back) next = ev->ord;
    }
    if (e == ERR_OK) e = walked;
    walk_release(&w);
    struct reply *r = turn_reply(t);
    r->s[0] = chunk_take(&out, turn_arena(t));
    r->num[0] = from == INT64_MAX - 1 ? ord_last_of_position(turn_last(t)) : from;
    r->num[1] = next;
    if (e == ERR_OK && f.lazy_load_members) e = write_members(&v, out.senders, until, &r->s[1]);
    return e;
}

static enum err find_visible(struct turn *t, struct viewer *v, struct str event_id, struct event **out)
{
    enum err e = open_eyes(t, v);
    if (e == ERR_OK) e = timeline_find(t, v->room, event_id, out);
    if (e != ERR_OK) return e == ERR_NOT_FOUND ? fault_set(turn_fault(t), e, "There is no such event, or you may not see it.") : e;
    if (viewer_may_see(v, *out)) return ERR_OK;
    event_unref(*out);
    return fault_set(turn_fault(t), ERR_NOT_FOUND, "There is no such event, or you may not see it.");
}

/* room_event: s[0] who asks, s[1] device, s[2] event. Reply: s[0] the event; num[0] its ord. */
enum err room_event(struct turn *t)
{
    struct viewer v;
    struct event *ev;
    struct buf b;
    struct json_out o;
    enum err e = find_visible(t, &v, turn_command(t)->s[2], &ev);
    if (e != ERR_OK) return e;
    buf_init(&b, 4 * 1048576);
    json_out_init(&o, &b);
    e = viewer_write(&v, &o, ev, FORM_ROOM, BUNDLE_ALL);
    turn_reply(t)->s[0] = arena_str(turn_arena(t), buf_str(&b));
    turn_reply(t)->num[0] = ev->ord;
    buf_release(&b);
    event_unref(ev);
    return e;
}

/* Up to `limit` events on one side of an ord. */
static enum err side(struct turn *t, const struct viewer *v, const struct event_filter *f, bool back, int64_t ord, int64_t limit,
                     struct chunk *out)
{
    struct walk w;
    struct event *ev;
    enum err e = ERR_OK, walked = ERR_OK;
    size_t scanned = 0;
    walk_init(&w, t, v->room, back, back ? ord - 1 : ord + 1);
    while (e == ERR_OK && (int64_t)out->count < limit && scanned++ < SCAN_MAX && (ev = walk_next(&w, &walked)))
        if (passes(f, v, ev)) e = chunk_add(out, v, ev);
    walk_release(&w);
    return e == ERR_OK ? walked : e;
}

static enum err write_state(const struct viewer *v, const struct event_filter *f, const struct json *senders, int64_t position,
                            struct str *out)
{
    struct chunk c;
    enum err e = ERR_OK;
    chunk_init(&c, turn_arena(v->turn));
    struct snapshot state;
    snapshot_take(&state, turn_arena(v->turn), v->room, 0);
    for (size_t i = state.count; i-- > 0 && e == ERR_OK;) {
        struct event *now = state.e[i], *ev;
        if (f->lazy_load_members && str_is(now->type, "m.room.member") && !json_get_str(senders, now->state_key)) continue;
        e = timeline_state_at(v->turn, v->room, now->type, now->state_key, position, &ev);
        if (e == ERR_OK && ev) e = viewer_write(v, &c.o, ev, FORM_ROOM, BUNDLE_NONE);
        event_unref(ev);
    }
    snapshot_release(&state);
    *out = chunk_take(&c, turn_arena(v->turn));
    return e;
}

/* room_context: s[0] who asks, s[1] device, s[2] event, s[3] filter or empty; num[0] limit.
 * Reply: s[0] the event, s[1] events before it (newest first), s[2] after it, s[3] state as of the last; num[0], num[1] ords of start and end. */
enum err room_context(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct arena *a = turn_arena(t);
    struct reply *r = turn_reply(t);
    struct viewer v;
    struct event *ev;
    struct event_filter f;
    struct chunk self, before, after;
    enum err e = read_filter(t, c->s[3], &f);
    if (e == ERR_OK) e = find_visible(t, &v, c->s[2], &ev);
    if (e != ERR_OK) return e;
    chunk_init(&self, a);
    chunk_init(&before, a);
    chunk_init(&after, a);
    v.federation = f.federation_format;
    e = viewer_write(&v, &self.o, ev, FORM_ROOM, BUNDLE_ALL);
    if (e == ERR_OK) e = side(t, &v, &f, true, ev->ord, c->num[0] / 2, &before);
    if (e == ERR_OK) e = side(t, &v, &f, false, ev->ord, c->num[0] - c->num[0] / 2, &after);
    struct str list = chunk_take(&self, a);
    r->s[0] = str_make(list.p + 1, list.n - 2);
    r->s[1] = chunk_take(&before, a);
    r->s[2] = chunk_take(&after, a);
    r->num[0] = (before.count ? before.last : ev->ord) - 1;
    r->num[1] = after.count ? after.last : ev->ord;
    struct json *senders = before.senders;
    json_each(s, after.senders) if (!json_get_str(senders, s->key)) json_set(senders, s->key, json_new_bool(a, true));
    if (!json_get_str(senders, ev->sender)) json_set(senders, arena_str(a, ev->sender), json_new_bool(a, true));
    if (e == ERR_OK) e = write_state(&v, &f, senders, (after.count ? after.last : ev->ord) >> ORD_SHIFT, &r->s[3]);
    event_unref(ev);
    return e;
}

/* --- by time --- */

/* The first event at or after an ord. *ord is moved to it; *found false when there is none. */
static enum err event_from(struct turn *t, struct room *room, int64_t *ord, int64_t *ts, struct str *id, bool *found)
{
    struct walk w;
    enum err e;
    walk_init(&w, t, room, false, *ord);
    struct event *ev = walk_next(&w, &e);
    *found = ev != NULL;
    if (ev) {
        *ord = ev->ord;
        *ts = ev->ts;
        *id = arena_str(turn_arena(t), ev->event_id);
    }
    walk_release(&w);
    return e;
}

/* room_at_time: s[0] who asks; num[0] time in ms, num[1] 1: back. Reply: s[0] event id; num[0] its time. Bisects: times grow with the order but
 * for clocks that disagree. */
enum err room_at_time(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct viewer v;
    bool found;
    enum err e = may_look(t, &v);
    if (e != ERR_OK) return e;
    int64_t low = 0, high = ord_of_position(turn_last(t) + 1), ts = 0, ord;
    struct str id = {0};
    while (low < high) {
        int64_t mid = ord = low + (high - low) / 2;
        e = event_from(t, v.room, &ord, &ts, &id, &found);
        if (e != ERR_OK) return e;
        if (!found || (c->num[1] ? ts > c->num[0] : ts >= c->num[0]))
            high = mid;
        else
            low = ord + 1;
    }
    /* `low` is where the first later event begins. */
    struct walk w;
    walk_init(&w, t, v.room, c->num[1] != 0, c->num[1] ? low - 1 : low);
    struct event *ev;
    while ((ev = walk_next(&w, &e)) && !viewer_may_see(&v, ev)) {
    }
    if (e == ERR_OK && !ev) e = fault_set(turn_fault(t), ERR_NOT_FOUND, "There is no event on that side of that time.");
    if (e == ERR_OK) {
        turn_reply(t)->s[0] = arena_str(turn_arena(t), ev->event_id);
        turn_reply(t)->num[0] = ev->ts;
    }
    walk_release(&w);
    return e;
}

/* --- relations and threads --- */

static int newest_first(const void *x, const void *y)
{
    int64_t a = ((const struct row *)x)->c[C_relation_ord].i, b = ((const struct row *)y)->c[C_relation_ord].i;
    return a < b ? 1 : a > b ? -1 : 0;
}

/* All children of an event, and of these when `recurse` says how deep, appended to the list. */
static enum err children(struct turn *t, struct room *room, struct str parent, int64_t recurse, struct row **list, size_t *count)
{
    struct store_read r = {.table = T_relation, .prefix = 2, .key = {{.s = room->room_id}, {.s = parent}}, .limit = 10000};
    enum err e = turn_range(t, &r);
    if (e != ERR_OK || r.count == 0) return e;
    struct row *more = arena_array(turn_arena(t), *count + r.count, sizeof *more);
    if (*count) memcpy(more, *list, *count * sizeof *more);
    memcpy(more + *count, r.row, r.count * sizeof *more);
    *list = more;
    *count += r.count;
    for (size_t i = 0; recurse > 0 && e == ERR_OK && i < r.count; i++)
        e = children(t, room, r.row[i].c[C_relation_event_id].s, recurse - 1, list, count);
    return e;
}

static bool is_asked(const struct command *c, const struct row *r)
{
    return (str_null(c->s[3]) || str_eq(c->s[3], r->c[C_relation_rel_type].s)) &&
           (str_null(c->s[4]) || str_eq(c->s[4], r->c[C_relation_type].s));
}

static enum err add_by_id(struct turn *t, const struct viewer *v, struct chunk *out, struct str event_id)
{
    struct event *ev;
    enum err e = timeline_find(t, v->room, event_id, &ev);
    if (e != ERR_OK) return e == ERR_NOT_FOUND ? ERR_OK : e;
    if (viewer_may_see(v, ev)) e = chunk_add(out, v, ev);
    event_unref(ev);
    return e;
}

/* room_relations: s[0] who asks, s[1] device, s[2] parent, s[3] rel type or null, s[4] event type or null; num[0] from (-1), num[1] to (-1),
 * num[2] limit, num[3] 1: back, num[4] depth of recursion. Reply: s[0] events; num[0] where to go on (-1: nowhere), num[1] began. */
enum err room_relations(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct viewer v;
    struct event *parent;
    struct row *list = NULL;
    size_t count = 0;
    struct chunk out;
    enum err e = find_visible(t, &v, c->s[2], &parent);
    if (e != ERR_OK) return e;
    event_unref(parent);
    e = children(t, v.room, c->s[2], c->num[4], &list, &count);
    if (e != ERR_OK) return e;
    if (count) qsort(list, count, sizeof *list, newest_first);
    chunk_init(&out, turn_arena(t));
    int64_t next = -1;
    for (size_t n = 0; e == ERR_OK && n < count; n++) {
        const struct row *r = &list[c->num[3] ? n : count - 1 - n];
        int64_t ord = r->c[C_relation_ord].i;
        if (!is_asked(c, r)) continue;
        if (c->num[0] >= 0 && (c->num[3] ? ord > c->num[0] : ord <= c->num[0])) continue;
        if (c->num[1] >= 0 && (c->num[3] ? ord <= c->num[1] : ord > c->num[1])) break;
        if ((int64_t)out.count == c->num[2]) {
            next = c->num[3] ? ord : ord - 1;
            break;
        }
        e = add_by_id(t, &v, &out, r->c[C_relation_event_id].s);
    }
    turn_reply(t)->s[0] = chunk_take(&out, turn_arena(t));
    turn_reply(t)->num[0] = next;
    return e;
}

static int newest_thread_first(const void *x, const void *y)
{
    int64_t a = ((const struct row *)x)->c[C_thread_latest_ord].i, b = ((const struct row *)y)->c[C_thread_latest_ord].i;
    return a < b ? 1 : a > b ? -1 : 0;
}

static enum err takes_part(struct turn *t, const struct viewer *v, struct str root, bool *yes)
{
    struct event *ev;
    *yes = false;
    enum err e = timeline_find(t, v->room, root, &ev);
    if (e != ERR_OK) return e == ERR_NOT_FOUND ? ERR_OK : e;
    *yes = str_eq(ev->sender, v->user_id);
    event_unref(ev);
    struct store_read r = {
        .table = T_relation, .prefix = 3, .key = {{.s = v->room->room_id}, {.s = root}, {.s = STR("m.thread")}}, .limit = 10000};
    e = turn_range(t, &r);
    for (size_t i = 0; e == ERR_OK && i < r.count; i++)
        *yes |= str_eq(r.row[i].c[C_relation_sender].s, v->user_id);
    return e;
}

/* room_threads: s[0] who asks, s[1] device; num[0] from (-1), num[1] limit, num[2] 1: only those with the asker in them.
 * Reply: s[0] roots, the thread with the newest message first; num[0] where to go on (-1: nowhere). */
enum err room_threads(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct viewer v;
    struct chunk out;
    enum err e = may_look(t, &v);
    if (e != ERR_OK) return e;
    struct store_read r = {.table = T_thread, .prefix = 1, .key[0].s = v.room->room_id, .limit = 100000};
    e = turn_range(t, &r);
    if (e != ERR_OK) return e;
    if (r.count) qsort(r.row, r.count, sizeof *r.row, newest_thread_first);
    chunk_init(&out, turn_arena(t));
    int64_t next = -1;
    for (size_t i = 0; e == ERR_OK && i < r.count; i++) {
        int64_t latest = r.row[i].c[C_thread_latest_ord].i;
        bool yes = true;
        if (c->num[0] >= 0 && latest > c->num[0]) continue;
        if ((int64_t)out.count == c->num[1]) {
            next = latest;
            break;
        }
        if (c->num[2]) e = takes_part(t, &v, r.row[i].c[C_thread_root].s, &yes);
        if (e == ERR_OK && yes) e = add_by_id(t, &v, &out, r.row[i].c[C_thread_root].s);
    }
    turn_reply(t)->s[0] = chunk_take(&out, turn_arena(t));
    turn_reply(t)->num[0] = next;
    return e;
}
