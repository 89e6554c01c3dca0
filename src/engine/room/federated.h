/* Events in the form in which servers have them, for clients that ask for it (event_format in a filter). */
#ifndef ROOKERY_ENGINE_ROOM_FEDERATED_H
#define ROOKERY_ENGINE_ROOM_FEDERATED_H

#include "engine/room/room.h"

/* The event as a JSON object without `unsigned`: what servers send one another, and what a client needs besides to know what it has: the event_id
 * and, if `with_room`, the room_id also where servers leave it out. There are no signatures yet. In the turn's arena. Waits. */
must_use enum err federated_text(struct turn *t, const struct room *room, const struct event *e, bool with_room, struct str *out);

#endif
