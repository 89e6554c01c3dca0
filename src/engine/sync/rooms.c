/* What is new for one user in the rooms of one slot, as of one position. */
#include "base/pack.h"
#include "engine/sync/filters.h"
#include "engine/sync/section.h"

/* There is nothing to be told of it, which is known without reading it. */
static bool is_unmoved(const struct section_reader *s, char kind, const struct entity *room)
{
    return kind == 'j' && !(s->flags & (SYNC_FULL_STATE | SYNC_INITIAL)) && turn_is_unchanged(s->turn, room, s->since);
}

static enum err one_room(struct section_reader *s, struct str mode, struct str room_id, struct buf *out)
{
    struct turn *t = s->turn;
    struct room *room;
    struct buf b;
    struct entity *entity = turn_other(t, KIND_ROOM, room_id);
    char kind = mode.n ? mode.p[0] : 'j';
    enum err e = room_load(t, entity, false, &room);
    if (e == ERR_NOT_FOUND) return ERR_OK; /* the user's slot is ahead of a restore, or behind a forgotten room */
    if (e != ERR_OK) return is_unmoved(s, kind, entity) ? turn_does_without(t, e) : e;
    buf_init(&b, 128 * 1048576);
    if (kind == 'l') {
        int64_t until = 0;
        if (!str_to_int64(str_from(mode, 1), &until)) until = 0;
        e = section_left(s, room, until, &b);
    } else {
        e = section_joined(s, room, kind == 'n', &b);
    }
    if (e == ERR_OK && b.n) {
        pack_str(out, str_make(&kind, 1));
        pack_str(out, room_id);
        pack_str(out, buf_str(&b));
    }
    buf_release(&b);
    return e;
}

/* From here on the gateway hears of all that happens in the rooms: before the position is fixed as of which they are read, since reading may
 * wait. */
static void follow_all(struct turn *t, struct str list, unsigned gateway)
{
    struct str mode, room_id;
    while (pack_next(&list, &mode) && pack_next(&list, &room_id))
        if (mode.n && mode.p[0] != 'l') turn_follow(t, room_id, gateway);
}

/* rooms_sync: key any room of the slot; num[0] the position that the client has seen, num[1] the gateway that follows, num[2] sync_flags,
 * num[3] as of which position (0: what is durable); s[0] user, s[1] device, s[2] filter as JSON or empty, s[3] packed pairs of mode and room id:
 * "j" joined, "n" newly joined, "l" and a position: left there; s[4] the user's stored push rules or empty, s[5] ignored users as
 * JSON or empty.
 * Reply: num[0] the position, num[1] the one from which on the gateway hears of the rooms, num[2] how many events are in the timelines, num[3]
 * when the first of those was sent that are new to who was in the room (0: none); s[0] packed triples of mode, room id and the members of the section; s[1], s[2] packed user ids whose devices changed, who left; s[3] packed pairs of user id and presence. */
enum err rooms_sync(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct arena *a = turn_arena(t);
    struct filter_pool *filters = engine_of(t)->filters[loop_index(turn_loop(t))];
    const struct shared_filter *filter = filter_take(filters, c->s[2], turn_fault(t));
    if (!filter) return turn_fault(t)->code;
    enum err e = ERR_OK;
    follow_all(t, c->s[3], (unsigned)c->num[1]);
    turn_reply(t)->num[1] = turn_durable(t);
    struct section_reader s = {.turn = t,
                               .user_id = c->s[0],
                               .device_id = c->s[1],
                               .since = c->num[0],
                               .flags = (unsigned)c->num[2],
                               .filter = &filter->filter,
                               .filter_id = filter->id,
                               .as_of = c->num[3] ? c->num[3] : turn_durable(t)};
    s.rules_text = c->s[4];
    if (!str_empty(c->s[5]) && json_parse(a, c->s[5], &s.ignored, NULL) != ERR_OK) s.ignored = NULL;
    buf_init(&s.changed, 16 * 1048576);
    buf_init(&s.left, 16 * 1048576);
    buf_init(&s.presence, 16 * 1048576);
    struct buf out;
    buf_init(&out, 256 * 1048576);
    struct str list = c->s[3], mode, room_id;
    while (e == ERR_OK && pack_next(&list, &mode) && pack_next(&list, &room_id))
        e = one_room(&s, mode, room_id, &out);
    struct reply *r = turn_reply(t);
    r->num[0] = s.as_of;
    r->num[2] = (int64_t)s.events;
    r->num[3] = s.oldest_ms;
    r->s[0] = arena_str(a, str_make(out.p ? out.p : "", out.n));
    r->s[1] = arena_str(a, str_make(s.changed.p ? s.changed.p : "", s.changed.n));
    r->s[2] = arena_str(a, str_make(s.left.p ? s.left.p : "", s.left.n));
    r->s[3] = arena_str(a, str_make(s.presence.p ? s.presence.p : "", s.presence.n));
    if (e == ERR_OK && !buf_ok(&out)) e = fault_set(turn_fault(t), ERR_TOO_LARGE, "The answer would be too large. Ask with a filter.");
    buf_release(&out);
    buf_release(&s.changed);
    buf_release(&s.left);
    buf_release(&s.presence);
    push_free(s.rules);
    filter_drop(filters, filter);
    return e;
}

/* user_shares: key a user; s[0] packed room ids. Reply: num[0] 1 when the user is joined to one of them. */
enum err user_shares(struct turn *t)
{
    struct str list = turn_command(t)->s[0], room_id;
    while (pack_next(&list, &room_id)) {
        struct row row;
        enum err e = turn_get(t, T_user_room, (struct cell[]){{.s = turn_command(t)->key}, {.s = room_id}}, &row);
        if (e == ERR_NOT_FOUND) continue;
        if (e != ERR_OK) return e;
        if (str_is(row.c[C_user_room_membership].s, "join")) {
            turn_reply(t)->num[0] = 1;
            return ERR_OK;
        }
    }
    return ERR_OK;
}
