/* Who of a room's members is online, as the room's members are told. Lost when the room goes cold.
 *
 * Presence is not urgent, and each change would wake everybody in the room: when thousands come at once, each thousands of times. So the first
 * change is told at once, and what follows is gathered: a second's in a room of up to 100 members, more in larger ones, so that all of a
 * room together are woken about a hundred times a second at most. In rooms of more than 250 members nobody is told: a thousand who come at once
 * would be a million things to tell, and in such a room nobody looks who is there. Of several changes of one user the last is told. */
#ifndef ROOKERY_ENGINE_ROOM_PRESENCE_H
#define ROOKERY_ENGINE_ROOM_PRESENCE_H

#include "base/map.h"
#include "engine/engine.h"

/* A member's presence. */
struct presence_mark {
    struct list recent;          /* when it was told */
    int64_t position, active_ms; /* position 0: not told yet */
    unsigned state;
    struct str user_id; /* while it waits in bytes, then the member's */
    struct str status;  /* in bytes */
    char bytes[];
};

struct room_presence {
    struct list recent; /* what was told, newest first; each is its member's (state_entry) */
    struct map waiting; /* what is gathered: struct presence_mark, by user */
    int64_t told_ms;    /* of the loop's clock: when last; 0: never */
    struct timer timer;
};

struct room;
void room_presence_init(struct room_presence *p);
void room_presence_release(struct room *r);
/* In a turn of the room's slot: tells it, or keeps it for later. */
must_use enum err room_presence_change(struct turn *t, struct room *r, const struct presence_mark *m);

#endif
