/* The authorization rules of room versions 6 to 12 as one pure function over the state of a room.
 *
 * Not decided here, because it is no rule about state: signatures of homeservers (that of join_authorised_via_users_server included:
 * an owner signs for its own users, federation checks before it asks here), and whether auth events were rejected. */
#ifndef ROOKERY_MATRIX_AUTH_H
#define ROOKERY_MATRIX_AUTH_H

#include "matrix/content.h"
#include "matrix/event.h"
#include "matrix/power.h"

/* What the rules may ask of a state event. */
struct auth_state_event {
    struct str event_id, sender;
    const struct json *content;
};

/* The state before the event. Callbacks answer at once; what they hand out must live for the call. */
struct auth_room {
    const struct room_version *version;
    /* Parsed from the current m.room.power_levels and m.room.create. May be NULL only when the event is m.room.create. */
    const struct power_levels *power;
    /* MEMBER_NONE for who has no m.room.member. */
    enum membership (*membership)(void *ctx, struct str user_id);
    /* m.room.create, m.room.join_rules, m.room.power_levels and m.room.third_party_invite are asked for. False: no such state. */
    bool (*state)(void *ctx, struct str type, struct str state_key, struct auth_state_event *out);
    void *ctx;
};

/* ERR_FORBIDDEN with a sentence for the sender, ERR_BAD_JSON / INVALID_PARAM where the content has a form that no room takes.
 * `scratch` is used for signature checks only. Uses of `e`: all but auth_events, depth and the time. */
must_use enum err auth_check(struct arena *scratch, const struct auth_room *room, const struct event_fields *e, struct fault *f);

/* The state that an event must name in auth_events. */
struct auth_key {
    struct str type, state_key;
};
enum { AUTH_KEYS_MAX = 8 };
/* Fills `out`, returns how many. Keys point into the event. State that does not exist is left out by the caller. */
size_t auth_keys(const struct room_version *v, const struct event_fields *e, struct auth_key out[AUTH_KEYS_MAX]);
/* The rules about the list itself: no pair twice, none that auth_keys does not name. */
must_use enum err auth_check_keys(const struct room_version *v, const struct event_fields *e, const struct auth_key *keys, size_t count,
                                  struct fault *f);

/* May `user_id` let others in (authorise a restricted join, invite)? */
bool auth_may_invite(const struct auth_room *room, struct str user_id);
/* May `sender` redact an event of `event_sender`? Not part of the rules for sending: the check before the redaction is applied. */
bool auth_may_redact(const struct auth_room *room, struct str sender, struct str event_sender);

#endif
