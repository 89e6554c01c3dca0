/* What the files about events share. */
#ifndef ROOKERY_MATRIX_EVENT_PRIV_H
#define ROOKERY_MATRIX_EVENT_PRIV_H

#include "matrix/event.h"
#include "matrix/tree.h"

/* The content that redaction leaves: a new object that shares what is below its members. */
struct json *redacted_content(struct arena *a, const struct room_version *v, struct str type, const struct json *content);

static inline bool event_makes_room_id(const struct room_version *v, struct str type, struct str state_key)
{
    return v->room_id_is_create && state_key.p && state_key.n == 0 && str_is(type, "m.room.create");
}

#endif
