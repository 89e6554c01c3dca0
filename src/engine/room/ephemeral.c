/* What is about a room but not in its timeline: who types, who has read what. */
#include "engine/room/timeline.h"

/* --- typing: kept in memory only; it has a position, so that each client is told once --- */

static struct typist *find_typist(const struct room *room, struct str user)
{
    list_each(it, &room->typing)
    {
        struct typist *y = list_item(it, struct typist, link);
        if (str_eq(str_make(y->user_id, y->n), user)) return y;
    }
    return NULL;
}

static void drop_typist(struct typist *y)
{
    list_remove(&y->link);
    mem_free(y);
}

/* On the slot's loop, outside of a turn: a command comes back to do it in order. */
static void typing_over(struct timer *timer)
{
    struct room *room = list_item(timer, struct room, typing_timer);
    struct command c = {.type = CMD_room_typing_expire, .key = room->room_id};
    cluster_cast(room->engine->cluster, &c);
}

static void arm(struct room *room)
{
    int64_t first = INT64_MAX;
    list_each(it, &room->typing)
    {
        struct typist *y = list_item(it, struct typist, link);
        if (y->until_ms < first) first = y->until_ms;
    }
    timer_clear(room->loop, &room->typing_timer);
    if (first == INT64_MAX) return;
    int64_t left = first - clock_wall_ms(room->engine->clock);
    timer_set(room->loop, &room->typing_timer, left > 0 ? left : 0, typing_over);
}

static enum err typing_changed(struct turn *t, struct room *room)
{
    int64_t position = turn_position(t);
    engine_note(t, ITEM_ROOM_CHANGE, room->room_id, position, STR(""));
    enum err e = turn_ready(t);
    if (e == ERR_OK) room->typing_position = position;
    return e;
}

/* room_typing: s[0] user; num[0] for how many ms, 0: no more. */
enum err room_typing(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct room *room;
    enum err e = room_of_turn(t, true, &room);
    if (e != ERR_OK) return e;
    if (room_membership(room, c->s[0]) != MEMBER_JOIN) return fault_set(turn_fault(t), ERR_FORBIDDEN, "You are not in this room.");
    struct typist *y = find_typist(room, c->s[0]);
    bool types = c->num[0] > 0;
    if (types == (y != NULL)) {
        if (y) y->until_ms = turn_now_ms(t) + c->num[0];
        arm(room);
        return ERR_OK;
    }
    e = typing_changed(t, room);
    if (e != ERR_OK) return e;
    if (y) {
        drop_typist(y);
    } else {
        y = mem_zero(sizeof *y + c->s[0].n);
        memcpy(y->user_id, c->s[0].p, c->s[0].n);
        y->n = c->s[0].n;
        y->until_ms = turn_now_ms(t) + c->num[0];
        list_push(&room->typing, &y->link);
    }
    arm(room);
    return ERR_OK;
}

/* room_typing_expire: whose time is over types no more. */
enum err room_typing_expire(struct turn *t)
{
    struct room *room = turn_entity(t)->state;
    int64_t now = turn_now_ms(t);
    bool some = false;
    if (!room) return ERR_OK;
    list_each(it, &room->typing) some |= list_item(it, struct typist, link)->until_ms <= now;
    enum err e = some ? typing_changed(t, room) : ERR_OK;
    if (e != ERR_OK) return e;
    list_each_safe(it, &room->typing)
    {
        struct typist *y = list_item(it, struct typist, link);
        if (y->until_ms <= now) drop_typist(y);
    }
    arm(room);
    return ERR_OK;
}

/* --- receipts --- */

static enum err check_thread(struct turn *t, struct room *room, struct str thread, const struct event *e)
{
    if (str_empty(thread) || str_is(thread, "main")) return ERR_OK;
    if (str_eq(thread, e->event_id)) return ERR_OK;
    struct event *root;
    enum err err = timeline_find(t, room, thread, &root);
    if (err == ERR_OK) event_unref(root);
    return err == ERR_NOT_FOUND ? fault_set(turn_fault(t), ERR_INVALID_PARAM, "'thread_id' is main or the id of a thread's first event.")
                                : err;
}

/* room_receipt: s[0] user, s[1] m.read or m.read.private, s[2] thread (empty: none), s[3] event. A receipt never moves back. */
enum err room_receipt_set(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct room *room;
    struct event *ev;
    enum err e = room_of_turn(t, true, &room);
    if (e != ERR_OK) return e;
    if (room_membership(room, c->s[0]) != MEMBER_JOIN) return fault_set(turn_fault(t), ERR_FORBIDDEN, "You are not in this room.");
    e = timeline_find(t, room, c->s[3], &ev);
    if (e != ERR_OK) return e;
    e = check_thread(t, room, c->s[2], ev);
    struct receipt *old = room_receipt(room, c->s[0], c->s[1], c->s[2]);
    int64_t ord = ev->ord;
    event_unref(ev);
    if (e != ERR_OK || (old && old->ord >= ord)) return e;
    struct row row = {.table = T_receipt};
    int64_t position = turn_position(t);
    row.c[C_receipt_room_id].s = room->room_id;
    row.c[C_receipt_user_id].s = c->s[0];
    row.c[C_receipt_receipt_type].s = c->s[1];
    row.c[C_receipt_thread_id].s = c->s[2];
    row.c[C_receipt_event_id].s = c->s[3];
    row.c[C_receipt_ord].i = ord;
    row.c[C_receipt_ts].i = turn_now_ms(t);
    row.c[C_receipt_position].i = position;
    turn_put(t, &row);
    engine_note(t, ITEM_ROOM_CHANGE, room->room_id, position, STR(""));
    e = turn_ready(t);
    if (e == ERR_OK) room_apply_receipt(room, c->s[0], c->s[1], c->s[2], c->s[3], ord, turn_now_ms(t), position);
    return e;
}
