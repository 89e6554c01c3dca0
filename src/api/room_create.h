/* A room to be made: what createRoom and upgrades share. */
#ifndef ROOKERY_API_ROOM_CREATE_H
#define ROOKERY_API_ROOM_CREATE_H

#include "api/api.h"
#include "matrix/version.h"

struct preset;
struct new_room {
    struct api *api;
    const struct room_version *version;
    const struct preset *preset;
    bool is_public;
    struct str room_id, room_type;
    struct str alias;    /* whole, or empty */
    int64_t ts;          /* of the create event */
    uint64_t jitter_ms;  /* of the next ts, should this one be taken */
    struct json *create; /* its content */
    struct json *events; /* array of {type, state_key, sender, content}; the create event first */
    struct json *invites, *initial;
};

/* One more state event, sent by who makes the room. */
void new_room_event(struct new_room *n, struct str type, struct str state_key, struct json *content);
/* Fills room_id and ts, once `create` is complete. */
must_use enum err new_room_id(struct new_room *n);
/* Reserves the alias, makes the room (under another room_id when that is taken), releases the alias when that fails. Waits. */
must_use enum err new_room_make(struct new_room *n);

#endif
