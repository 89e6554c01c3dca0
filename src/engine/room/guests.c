#include "engine/room/guests.h"

#include "engine/user/user.h"

static bool lets_guests_in(const struct json *content)
{
    return str_is(json_string_at(content, "guest_access"), "can_join");
}

enum err guests_check_join(const struct engine *e, const struct room *room, struct str user_id, struct fault *f)
{
    if (!user_is_guest(e, user_id) || lets_guests_in(room_content(room, NULL, STR("m.room.guest_access"), STR("")))) return ERR_OK;
    return fault_set(f, ERR_GUEST_FORBIDDEN, "This room takes no guests.");
}

enum err guests_follow(struct draft *d)
{
    const struct drafted *last = &d->e[d->count - 1];
    const struct engine *engine = engine_of(d->turn);
    struct json *content = json_new(turn_arena(d->turn), JSON_OBJECT);
    enum err e = ERR_OK;
    if (!str_is(last->event->type, "m.room.guest_access") || !event_is_state(last->event) || lets_guests_in(last->content)) return ERR_OK;
    json_set(content, STR("membership"), json_new_string(turn_arena(d->turn), STR("leave")));
    list_each(it, &d->room->recent_state)
    {
        const struct event *member = list_item(it, struct state_entry, recent)->event;
        if (e != ERR_OK || d->count == DRAFT_MAX) break;
        if (member->membership != MEMBER_JOIN || !str_is(member->type, "m.room.member") || !user_is_guest(engine, member->state_key))
            continue;
        struct proposal p = {.type = STR("m.room.member"), .sender = member->state_key, .state_key = member->state_key, .content = content};
        e = draft_add(d, &p);
    }
    return e;
}
