/* Guests: users without a password, whose names are numbers. They come into a room only where m.room.guest_access lets them, and leave when it no
 * longer does. */
#ifndef ROOKERY_ENGINE_ROOM_GUESTS_H
#define ROOKERY_ENGINE_ROOM_GUESTS_H

#include "engine/room/draft.h"

/* GUEST_FORBIDDEN when the user is a guest of this server and the room takes none. */
must_use enum err guests_check_join(const struct engine *e, const struct room *room, struct str user_id, struct fault *f);
/* After a state event has been added to the draft: when it shuts guests out, those who are in leave with it. */
must_use enum err guests_follow(struct draft *d);

#endif
