/* Unread counts: the user's push rules over the events after the user's read receipt.
 *
 * Counting stops after COUNT_SCAN_MAX events: nobody looks at the difference between two and three thousand. */
#include "engine/engine.h"
#include "engine/sync/memo.h"
#include "engine/sync/section.h"
#include "matrix/id.h"

enum { COUNT_SCAN_MAX = 2000 };

struct unread {
    int64_t notify, highlight;
    struct json *threads; /* object: root -> {notification_count, highlight_count}; NULL: not asked apart */
};

/* Where the user has read to: in the main timeline (and everywhere, by an unthreaded receipt), and in one thread. */
static int64_t read_to(const struct room *room, struct str user_id, struct str thread)
{
    static const char *const types[] = {"m.read", "m.read.private"};
    int64_t ord = 0;
    for (int i = 0; i < 2; i++) {
        struct receipt *r = room_receipt(room, user_id, str_c(types[i]), thread);
        if (r && r->ord > ord) ord = r->ord;
    }
    return ord;
}

/* The event by which the user came in: what was before does not count as unread. */
static bool is_own_join(const struct section_reader *s, struct arena *scratch, const struct event *e)
{
    struct json *v;
    if (!event_is_state(e) || e->membership != MEMBER_JOIN || !str_is(e->type, "m.room.member") || !str_eq(e->state_key, s->user_id))
        return false;
    if (str_empty(e->extra)) return true;
    if (json_parse(scratch, arena_join(scratch, STR("{"), e->extra, STR("}")), &v, NULL) != ERR_OK) return true;
    return content_membership(json_get(v, "prev_content")) != MEMBER_JOIN;
}

static struct str thread_of(struct arena *a, const struct event *e)
{
    struct json *content;
    struct relation rel;
    if (e->content.n < 12 || event_is_state(e) || !memmem(e->content.p, e->content.n, "m.thread", 8)) return STR("");
    if (json_parse(a, e->content, &content, NULL) != ERR_OK) return STR("");
    content_relation(content, &rel);
    return str_is(rel.rel_type, "m.thread") ? arena_str(a, rel.event_id) : STR("");
}

static const struct push_rules *rules_of(struct section_reader *s)
{
    struct arena *a = turn_arena(s->turn);
    struct json *stored;
    if (str_empty(s->rules_text)) return engine_of(s->turn)->default_rules;
    if (s->rules) return s->rules;
    if (json_parse(a, s->rules_text, &stored, NULL) != ERR_OK) stored = NULL;
    s->rules = push_compile(push_rules_full(a, s->user_id, stored), s->user_id);
    return s->rules;
}

static struct push_result judge(struct section_reader *s, const struct room *room, struct event *e, const struct power_levels *power)
{
    const struct json *v = sync_memo_event(engine_of(s->turn)->memo[loop_index(turn_loop(s->turn))], e);
    if (!v) return (struct push_result){0};
    struct push_event pe = {.event = v, .room_id = room->room_id};
    struct push_context c = {
        .user_id = s->user_id, .display_name = s->display_name, .member_count = room->joined, .power = power ? power : room->power};
    return push_evaluate(rules_of(s), &pe, &c);
}

static void add_thread(struct unread *out, struct arena *a, struct str root, const struct push_result *r)
{
    struct json *t = json_get_str(out->threads, root);
    if (!t) {
        t = json_set(out->threads, root, json_new(a, JSON_OBJECT));
        json_set(t, STR("highlight_count"), json_new_int(a, 0));
        json_set(t, STR("notification_count"), json_new_int(a, 0));
    }
    json_get(t, "notification_count")->integer += r->notify;
    json_get(t, "highlight_count")->integer += r->highlight;
}

/* The walk goes back in time: before a change of the power levels its predecessor counted. */
static const struct power_levels *power_before(const struct section_reader *s, const struct room *room, const struct event *e,
                                               const struct power_levels *power)
{
    struct arena *a = turn_arena(s->turn);
    struct json *v = NULL;
    if (!event_is_state(e) || !str_is(e->type, "m.room.power_levels") || !str_empty(e->state_key)) return power;
    if (!str_empty(e->extra) && json_parse(a, arena_join(a, STR("{"), e->extra, STR("}")), &v, NULL) != ERR_OK) return power;
    const struct event *create = room_state(room, STR("m.room.create"), STR(""));
    return power_levels_parse(a, room->version, json_get(v, "prev_content"), create ? create->sender : STR(""),
                              room_content(room, NULL, STR("m.room.create"), STR("")));
}

static void count(struct section_reader *s, const struct room *room, struct event *e, bool apart, int64_t main_ord,
                  const struct power_levels *power, struct unread *out)
{
    struct arena *a = turn_arena(s->turn);
    if (str_eq(e->sender, s->user_id) || e->item.position > s->as_of) return;
    struct str root = thread_of(a, e);
    if (str_empty(root) ? e->ord <= main_ord : e->ord <= read_to(room, s->user_id, root)) return;
    struct push_result r = judge(s, room, e, power);
    if (!r.notify && !r.highlight) return;
    if (apart && !str_empty(root)) {
        add_thread(out, a, root, &r);
        return;
    }
    out->notify += r.notify;
    out->highlight += r.highlight;
}

/* What can be taken over from the last count: NULL or the counts up to memo->as_of. */
static const struct unread_memo *memo_of(const struct section_reader *s, const struct room *room, const struct unread_memo *now)
{
    const struct state_entry *member = room_state_entry(room, STR("m.room.member"), s->user_id);
    const struct unread_memo *m = member ? member->unread : NULL;
    return m && m->from == now->from && m->main == now->main && m->rules == now->rules && m->as_of <= now->as_of ? m : NULL;
}

/* What the reader is called in the room: rules look for it. A copy, since the walk waits. */
static struct str display_name(const struct section_reader *s, const struct room *room)
{
    struct arena *a = turn_arena(s->turn);
    return arena_str(a, json_string_at(room_content(room, a, STR("m.room.member"), s->user_id), "displayname"));
}

/* Adds the events after `from` to `out`, newest first; those before the user came in do not count. */
static enum err count_from(struct section_reader *s, struct room *room, bool apart, int64_t from, int64_t main_ord, bool *came_in,
                           struct unread *out)
{
    struct walk w;
    struct arena scratch;
    struct event *e;
    enum err err;
    size_t scanned = 0;
    const struct power_levels *power = NULL; /* the room's own, which may be replaced while the walk waits */
    *came_in = false;
    s->display_name = display_name(s, room);
    arena_init(&scratch);
    walk_init(&w, s->turn, room, true, ord_last_of_position(s->as_of));
    w.past = from;
    while ((e = walk_next(&w, &err)) && e->ord > from && scanned++ < COUNT_SCAN_MAX) {
        *came_in = is_own_join(s, &scratch, e);
        if (*came_in) break;
        count(s, room, e, apart, main_ord, power, out);
        power = power_before(s, room, e, power);
        arena_reset(&scratch);
    }
    walk_release(&w);
    arena_release(&scratch);
    return err;
}

static enum err count_unread(struct section_reader *s, struct room *room, bool apart, struct unread *out)
{
    *out = (struct unread){.threads = apart ? json_new(turn_arena(s->turn), JSON_OBJECT) : NULL};
    struct unread_memo now = {
        .as_of = s->as_of, .from = read_to(room, s->user_id, STR("")), .main = read_to(room, s->user_id, STR("main"))};
    now.rules = str_empty(s->rules_text) ? 0 : id_hash(s->rules_text); /* the same at every node */
    const struct unread_memo *found = apart ? NULL : memo_of(s, room, &now);
    struct unread_memo before = found ? *found : (struct unread_memo){0}; /* the walk may wait, and the memo may go */
    int64_t from = found && ord_last_of_position(before.as_of) > now.from ? ord_last_of_position(before.as_of) : now.from;
    uint64_t changes = room->unread_changes;
    bool came_in = false;
    enum err e = ERR_OK;
    if (!found || before.as_of < now.as_of) e = count_from(s, room, apart, from, now.main > now.from ? now.main : now.from, &came_in, out);
    if (found && !came_in) {
        out->notify += before.notify;
        out->highlight += before.highlight;
    }
    now.notify = (int32_t)out->notify;
    now.highlight = (int32_t)out->highlight;
    if (e == ERR_OK && !apart && changes == room->unread_changes) room_keep_unread(room, s->user_id, &now);
    return e;
}

static void write_counts(struct json_out *o, int64_t notify, int64_t highlight)
{
    json_object(o);
    json_int_member(o, "highlight_count", highlight);
    json_int_member(o, "notification_count", notify);
    json_end(o);
}

enum err section_write_unread(struct section_reader *s, struct room *room, struct json_out *o)
{
    struct unread u;
    bool apart = s->filter->room.timeline.unread_thread_notifications;
    enum err e = count_unread(s, room, apart, &u);
    if (e != ERR_OK && !(s->flags & (SYNC_FULL_STATE | SYNC_INITIAL))) e = turn_does_without(s->turn, e);
    if (e != ERR_OK) return e;
    json_key(o, "unread_notifications");
    write_counts(o, u.notify, u.highlight);
    if (apart && u.threads && u.threads->count) {
        json_key(o, "unread_thread_notifications");
        json_put(o, u.threads);
    }
    return ERR_OK;
}
