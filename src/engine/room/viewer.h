/* A user's eyes on a room: which events may be seen, and how events look to that user. */
#ifndef ROOKERY_ENGINE_ROOM_VIEWER_H
#define ROOKERY_ENGINE_ROOM_VIEWER_H

#include "engine/room/room.h"
#include "matrix/visibility.h"

/* What a piece of state was from a position on. */
struct phase {
    int64_t position;
    int value; /* enum membership, or enum history_visibility */
};

struct viewer {
    struct turn *turn;
    struct room *room;
    struct str user_id, device_id;
    enum membership now;
    const struct json *ignored; /* array of user ids whose events are left out of aggregations, or NULL; set by the caller */
    bool federation;            /* events are written as servers have them (engine/room/federated.h); set by the caller */
    bool everything;            /* no event of this room is hidden: nothing was read */
    struct phase *membership, *visibility;
    size_t memberships, visibilities;
};

/* Reads how the user's membership and the room's visibility went. Waits. `since`: only events after this position will be looked at, all of
 * which a user who was there all the time sees. */
must_use enum err viewer_init_since(struct viewer *v, struct turn *t, struct room *room, struct str user_id, struct str device_id,
                                    int64_t since);
must_use enum err viewer_init(struct viewer *v, struct turn *t, struct room *room, struct str user_id, struct str device_id);
bool viewer_ignores(const struct viewer *v, struct str sender);
bool viewer_may_see(const struct viewer *v, const struct event *e);
/* Has the user a right to look into the room at all (joined, was joined, or world-readable)? FORBIDDEN with a sentence. */
must_use enum err viewer_may_look(const struct viewer *v);
/* The position up to which a user who has left sees the room's state; INT64_MAX for who is in it (or looks into a world-readable room). */
int64_t viewer_until(const struct viewer *v);

enum bundle { BUNDLE_NONE, BUNDLE_EDIT /* only the newest edit */, BUNDLE_ALL };
enum event_form { FORM_TIMELINE /* in a room's section: no room_id */, FORM_ROOM /* with room_id */ };
/* The event as a client gets it: with unsigned (age, transaction id of the sender's device, previous content, aggregations of its
 * children). May wait, unless BUNDLE_NONE and not in the servers' form. */
must_use enum err viewer_write(const struct viewer *v, struct json_out *o, const struct event *e, enum event_form form, enum bundle bundle);

#endif
