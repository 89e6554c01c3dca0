/* A room's state as it is now, for readers that wait while they go through it: meanwhile a turn may change the state, and with it the
 * order of the room's own list. */
#ifndef ROOKERY_ENGINE_ROOM_SNAPSHOT_H
#define ROOKERY_ENGINE_ROOM_SNAPSHOT_H

#include "engine/room/room.h"

struct snapshot {
    struct event **e; /* owned references, newest change first */
    size_t count;
};

/* What changed after position `after`. The list is in the arena. */
void snapshot_take(struct snapshot *s, struct arena *a, const struct room *room, int64_t after);
void snapshot_release(struct snapshot *s);

#endif
