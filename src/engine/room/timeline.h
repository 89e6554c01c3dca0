/* Walking through a room's timeline: from memory where the tail has it, from rows beyond. */
#ifndef ROOKERY_ENGINE_ROOM_TIMELINE_H
#define ROOKERY_ENGINE_ROOM_TIMELINE_H

#include "engine/room/room.h"

struct walk {
    struct turn *turn;
    struct room *room;
    bool back;
    int64_t past;        /* going back, set by the caller after init: events at or before it are not wanted. Otherwise all are */
    int64_t at;          /* next: events with ord <= at going back, >= at going forward */
    struct event **page; /* owned references */
    size_t count, next;
    bool end;
};

/* Begins before (back) or after an ord, which itself is included. */
void walk_init(struct walk *w, struct turn *t, struct room *room, bool back, int64_t from_ord);
/* The next event, valid until the walk's release; NULL at the end, or when err is not OK. Waits. */
struct event *walk_next(struct walk *w, enum err *err);
void walk_release(struct walk *w);
/* One event of the room. NOT_FOUND. The reference is the caller's. Waits. */
must_use enum err timeline_find(struct turn *t, struct room *room, struct str event_id, struct event **out);
/* The event that was the state at `position` (INCLUSIVE); NULL in *out when there was none. The reference is the caller's. Waits. */
must_use enum err timeline_state_at(struct turn *t, struct room *room, struct str type, struct str state_key, int64_t position,
                                    struct event **out);

#endif
