#include "engine/room/presence.h"

#include "engine/room/room.h"

enum { MEMBERS_MAX = 250, TOGETHER_MS = 1000, MS_PER_MEMBER = 10 };

void room_presence_init(struct room_presence *p)
{
    *p = (struct room_presence){0};
    list_init(&p->recent);
}

void room_presence_release(struct room *r)
{
    struct presence_mark *m;
    timer_clear(r->loop, &r->presence.timer);
    for (size_t at = 0; (m = map_next(&r->presence.waiting, &at));)
        mem_free(m);
    map_release(&r->presence.waiting);
}

static struct presence_mark *copy_mark(const struct presence_mark *m)
{
    struct presence_mark *copy = mem_zero(sizeof *copy + m->user_id.n + m->status.n);
    memcpy(copy->bytes, m->user_id.p, m->user_id.n);
    if (m->status.n) memcpy(copy->bytes + m->user_id.n, m->status.p, m->status.n);
    copy->user_id = str_make(copy->bytes, m->user_id.n);
    copy->status = str_make(copy->bytes + m->user_id.n, m->status.n);
    copy->state = m->state;
    copy->active_ms = m->active_ms;
    return copy;
}

/* Takes the mark over. */
static void tell_of(struct room *r, struct presence_mark *m)
{
    struct state_entry *member = room_state_entry(r, STR("m.room.member"), m->user_id);
    if (!member) {
        mem_free(m);
        return;
    }
    if (member->presence) {
        list_remove(&member->presence->recent);
        mem_free(member->presence);
    }
    /* What is told is kept for long: the name is the member's. */
    struct presence_mark *told = mem_alloc(sizeof *told + m->status.n);
    *told = *m;
    if (m->status.n) memcpy(told->bytes, m->status.p, m->status.n);
    told->status = str_make(told->bytes, m->status.n);
    told->user_id = state_entry_key(member);
    mem_free(m);
    member->presence = told;
    list_push_front(&r->presence.recent, &told->recent);
}

/* One position, one item, for all that was gathered. */
static enum err tell(struct turn *t, struct room *r)
{
    struct room_presence *p = &r->presence;
    int64_t position = turn_position(t);
    engine_note(t, ITEM_ROOM_CHANGE, r->room_id, position, STR(""));
    enum err e = turn_ready(t);
    if (e != ERR_OK) return e;
    struct presence_mark *m;
    for (size_t at = 0; (m = map_next(&p->waiting, &at));) {
        m->position = position;
        tell_of(r, m);
    }
    map_release(&p->waiting);
    p->told_ms = loop_now_ms(r->loop);
    return ERR_OK;
}

static int64_t together_ms(const struct room *r)
{
    int64_t ms = (int64_t)r->joined * MS_PER_MEMBER;
    return ms < TOGETHER_MS ? TOGETHER_MS : ms;
}

/* On the slot's loop, outside of a turn: a command comes back to do it in order. */
static void time_to_tell(struct timer *timer)
{
    struct room *r = list_item(timer, struct room, presence.timer);
    struct command c = {.type = CMD_room_presence_tell, .key = r->room_id};
    cluster_cast(r->engine->cluster, &c);
}

/* All rooms of a kind at the same moments: who is in many is then woken once for all. */
static void arm(struct room *r)
{
    struct room_presence *p = &r->presence;
    int64_t period = together_ms(r), now = loop_now_ms(r->loop), due = p->told_ms + period;
    if (due < now) due = now;
    timer_set(r->loop, &p->timer, (due / TOGETHER_MS + 1) * TOGETHER_MS - now, time_to_tell);
}

enum err room_presence_change(struct turn *t, struct room *r, const struct presence_mark *m)
{
    struct room_presence *p = &r->presence;
    if (r->joined > MEMBERS_MAX) return ERR_OK;
    bool gathering = map_count(&p->waiting) > 0;
    struct presence_mark *mark = copy_mark(m);
    mem_free(map_put(&p->waiting, mark->user_id, mark));
    if (gathering) return ERR_OK;
    bool due = !p->told_ms || p->told_ms + together_ms(r) <= loop_now_ms(r->loop);
    enum err e = due ? tell(t, r) : ERR_OK;
    if (!due || e != ERR_OK) arm(r);
    return e;
}

/* room_presence_tell: what was gathered. */
enum err room_presence_tell(struct turn *t)
{
    struct room *r = turn_entity(t)->state;
    if (!r || map_count(&r->presence.waiting) == 0) return ERR_OK;
    enum err e = tell(t, r);
    if (e != ERR_OK) arm(r);
    return e;
}
