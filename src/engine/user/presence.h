/* Who is online. Kept in memory, and where there is a cache that outlives the process (engine/hot.h) also there: who was active of late is still online after a
 * restart or a fail-over, for some minutes. Everybody else is offline until they come again.
 *
 * The user's owner has the state; a change goes, without guarantee, to each slot in which the user has rooms, and stays there with the rooms that
 * are in memory (engine/room/presence.h), so that /sync finds it like any other change of a room. */
#ifndef ROOKERY_ENGINE_USER_PRESENCE_H
#define ROOKERY_ENGINE_USER_PRESENCE_H

#include "engine/engine.h"

enum presence_state { PRESENCE_OFFLINE, PRESENCE_UNAVAILABLE, PRESENCE_ONLINE, PRESENCE__COUNT };
const char *presence_name(enum presence_state p);
/* PRESENCE__COUNT for any other word. */
enum presence_state presence_parse(struct str s);
/* What a user's state has of it; NULL is allowed. */
struct presence;
void presence_free(struct presence *p);

#endif
