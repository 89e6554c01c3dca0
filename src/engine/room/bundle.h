/* Bundled aggregations: what an event's children add up to (edits, threads, references). */
#ifndef ROOKERY_ENGINE_ROOM_BUNDLE_H
#define ROOKERY_ENGINE_ROOM_BUNDLE_H

#include "engine/room/viewer.h"

/* Writes the member `m.relations` into the open `unsigned` object, if there is anything to say. Waits. */
must_use enum err bundle_write(const struct viewer *v, struct json_out *u, const struct event *e, enum bundle which);

#endif
