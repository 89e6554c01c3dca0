/* What somebody who is not in a room may know of it: the stripped state of invites, knocks and summaries. */
#ifndef ROOKERY_ENGINE_ROOM_STRIPPED_H
#define ROOKERY_ENGINE_ROOM_STRIPPED_H

#include "engine/room/draft.h"

/* JSON array of stripped state events as of the draft, the member event `own` and its sender's among them. In the arena. */
struct str stripped_state(struct arena *a, const struct draft *d, const struct event *own);

#endif
