#include "engine/room/timeline.h"

enum { PAGE = 50 };

void walk_init(struct walk *w, struct turn *t, struct room *room, bool back, int64_t from_ord)
{
    *w = (struct walk){.turn = t, .room = room, .back = back, .at = from_ord};
}

static void drop_page(struct walk *w)
{
    for (size_t i = 0; i < w->count; i++)
        event_unref(w->page[i]);
    w->count = w->next = 0;
}

void walk_release(struct walk *w)
{
    drop_page(w);
}

static void make_page(struct walk *w, size_t n)
{
    drop_page(w);
    w->page = arena_array(turn_arena(w->turn), n + 1, sizeof(*w->page));
}

/* True when the tail has everything from `at` on in the walk's direction, as far as it reaches. */
static bool page_from_tail(struct walk *w)
{
    struct room *r = w->room;
    if (r->tail_count == 0) return false;
    bool whole = r->first_ord >= 0; /* the tail is the whole room */
    if (!whole && w->at < r->tail[0]->ord) return false;
    make_page(w, r->tail_count);
    for (size_t i = 0; i < r->tail_count; i++) {
        struct event *e = r->tail[w->back ? r->tail_count - 1 - i : i];
        if (w->back && e->ord <= w->past) {
            w->end = true;
            return true;
        }
        if (w->back ? e->ord <= w->at : e->ord >= w->at) w->page[w->count++] = event_ref(e);
    }
    w->end = w->back ? whole : true;
    if (w->back && w->count) w->at = w->page[w->count - 1]->ord - 1;
    return w->count > 0 || w->end;
}

static enum err page_from_rows(struct walk *w)
{
    struct store_read r = {.table = T_timeline, .prefix = 1, .key[0].s = w->room->room_id, .limit = PAGE, .reverse = w->back};
    if (w->back) {
        r.has_to = true;
        r.to.i = w->at + 1;
    } else {
        r.has_from = true;
        r.from.i = w->at;
    }
    enum err e = turn_range(w->turn, &r);
    if (e != ERR_OK) return e;
    make_page(w, r.count);
    for (size_t i = 0; i < r.count; i++) {
        struct event *ev = event_from_row(turn_arena(w->turn), &r.row[i]);
        if (ev) w->page[w->count++] = ev;
    }
    w->end = !r.more;
    if (r.count) w->at = r.row[r.count - 1].c[C_timeline_ord].i + (w->back ? -1 : 1);
    return ERR_OK;
}

struct event *walk_next(struct walk *w, enum err *err)
{
    *err = ERR_OK;
    while (w->next == w->count) {
        if (w->end) return NULL;
        if (page_from_tail(w)) continue;
        *err = page_from_rows(w);
        if (*err != ERR_OK) return NULL;
    }
    return w->page[w->next++];
}

enum err timeline_find(struct turn *t, struct room *room, struct str event_id, struct event **out)
{
    for (size_t i = 0; i < room->tail_count; i++)
        if (str_eq(room->tail[i]->event_id, event_id)) {
            *out = event_ref(room->tail[i]);
            return ERR_OK;
        }
    struct row row;
    if (event_id.n > 255) return ERR_NOT_FOUND;
    enum err e = turn_get(t, T_event_id, (struct cell[]){{.s = room->room_id}, {.s = event_id}}, &row);
    if (e == ERR_OK) e = turn_get(t, T_timeline, (struct cell[]){{.s = room->room_id}, row.c[C_event_id_ord]}, &row);
    if (e == ERR_NOT_FOUND) return fault_set(turn_fault(t), e, "There is no such event in this room.");
    if (e != ERR_OK) return e;
    *out = event_from_row(turn_arena(t), &row);
    return *out ? ERR_OK : ERR_INTERNAL;
}

/* The tail has all events from its first one on: what it has of this kind is the newest, and if it is the whole room there is no other. False: rows have to be asked. */
static bool state_in_tail(const struct room *room, struct str type, struct str state_key, int64_t position, struct event **out)
{
    for (size_t i = room->tail_count; i-- > 0;) {
        struct event *e = room->tail[i];
        if (e->item.position > position || !event_is_state(e) || !str_eq(e->type, type) || !str_eq(e->state_key, state_key)) continue;
        *out = event_ref(e);
        return true;
    }
    return room->first_ord >= 0;
}

enum err timeline_state_at(struct turn *t, struct room *room, struct str type, struct str state_key, int64_t position, struct event **out)
{
    *out = NULL;
    struct event *now = room_state(room, type, state_key);
    if (!now) return ERR_OK;
    if (now->item.position <= position) {
        *out = event_ref(now);
        return ERR_OK;
    }
    if (state_in_tail(room, type, state_key, position, out)) return ERR_OK;
    struct store_read r = {.table = T_state_log,
                           .prefix = 3,
                           .key = {{.s = room->room_id}, {.s = type}, {.s = state_key}},
                           .limit = 1,
                           .reverse = true,
                           .has_to = true,
                           .to.i = position + 1};
    enum err e = turn_range(t, &r);
    if (e != ERR_OK || r.count == 0) return e;
    struct row row;
    e = turn_get(t, T_timeline, (struct cell[]){{.s = room->room_id}, r.row[0].c[C_state_log_ord]}, &row);
    if (e != ERR_OK) return e;
    *out = event_from_row(turn_arena(t), &row);
    return *out ? ERR_OK : ERR_INTERNAL;
}
