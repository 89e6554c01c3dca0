/* What an owner that hands over a room's slot tells the next one of the room: its newest events, the transaction ids that it has taken, and its members' unread
 * counts. Each would else be read from many rows, and the counts be worked out from all that the member has not read. */
#ifndef ROOKERY_ENGINE_ROOM_LEGACY_H
#define ROOKERY_ENGINE_ROOM_LEGACY_H

#include "engine/room/room.h"

struct legacy {
    struct event *tail[ROOM_TAIL]; /* owned references, oldest first; at least one */
    size_t count;
    int64_t first_ord, relation_ord, depth; /* as in the room */
    struct txns txns;
    struct str unread; /* the members' counts: for legacy_take_unread */
};

/* entity_kind's tell. */
void room_tell(const void *state, struct buf *b);
/* The bytes may be anything, and live as long as the legacy. False: they are no legacy of that room, and there is nothing to release. */
must_use bool legacy_read(struct legacy *l, struct str room_id, struct str bytes);
void legacy_release(struct legacy *l);
/* Into a new room. The receipts are there already: who reads loses the count. */
void legacy_take_unread(const struct legacy *l, struct room *room);

#endif
