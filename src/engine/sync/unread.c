/* Unread counts: the user's push rules over the events after the user's read receipt.
 *
 * Counting stops after COUNT_SCAN_MAX events: nobody looks at the difference between two and three thousand. */
#include "engine/sync/section.h"

enum { COUNT_SCAN_MAX = 2000 };

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
    if (!event_is_state(e) || e->membership != MEMBER_JOIN || !str_is(e->type, "m.room.member") || !str_eq(e->state_key, s->user_id)) return false;
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

static struct push_result judge(const struct section_reader *s, const struct room *room, struct arena *a, const struct event *e,
                                const struct power_levels *power)
{
    struct json *v;
    if (json_parse(a, e->client, &v, NULL) != ERR_OK) return (struct push_result){0};
    struct push_event pe = {.event = v, .room_id = room->room_id};
    struct event *me = room_state(room, STR("m.room.member"), s->user_id);
    struct push_context c = {.member_count = room->joined, .power = power ? power : room->power};
    if (me) c.display_name = json_string_at(room_content(room, STR("m.room.member"), s->user_id), "displayname");
    return push_evaluate(s->rules, &pe, &c);
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
                              room_content(room, STR("m.room.create"), STR("")));
}

static void count(const struct section_reader *s, const struct room *room, struct arena *scratch, const struct event *e, bool apart, int64_t main_ord,
                  const struct power_levels *power, struct unread *out)
{
    struct arena *a = turn_arena(s->turn);
    if (str_eq(e->sender, s->user_id) || e->item.position > s->as_of) return;
    struct str root = thread_of(a, e);
    if (str_empty(root) ? e->ord <= main_ord : e->ord <= read_to(room, s->user_id, root)) return;
    struct push_result r = judge(s, room, scratch, e, power);
    if (!r.notify && !r.highlight) return;
    if (apart && !str_empty(root)) {
        add_thread(out, a, root, &r);
        return;
    }
    out->notify += r.notify;
    out->highlight += r.highlight;
}

enum err section_unread(struct section_reader *s, struct room *room, bool apart, struct unread *out)
{
    *out = (struct unread){.threads = apart ? json_new(turn_arena(s->turn), JSON_OBJECT) : NULL};
    int64_t from = read_to(room, s->user_id, STR(""));
    int64_t main_ord = read_to(room, s->user_id, STR("main"));
    struct walk w;
    struct arena scratch;
    struct event *e;
    enum err err;
    size_t scanned = 0;
    const struct power_levels *power = NULL; /* the room's own, which may be replaced while the walk waits */
    arena_init(&scratch);
    walk_init(&w, s->turn, room, true, ord_last_of_position(s->as_of));
    while ((e = walk_next(&w, &err)) && e->ord > from && scanned++ < COUNT_SCAN_MAX) {
        if (is_own_join(s, &scratch, e)) break;
        count(s, room, &scratch, e, apart, main_ord > from ? main_ord : from, power, out);
        power = power_before(s, room, e, power);
        arena_reset(&scratch);
    }
    walk_release(&w);
    arena_release(&scratch);
    return err;
}
