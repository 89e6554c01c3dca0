/* What the files about authorization share: one event under check. */
#ifndef ROOKERY_MATRIX_AUTH_PRIV_H
#define ROOKERY_MATRIX_AUTH_PRIV_H

#include "matrix/auth.h"

struct auth {
    struct arena *scratch;
    const struct auth_room *room;
    const struct room_version *version;
    const struct event_fields *e;
    struct auth_state_event create;
    struct fault *f;
};

static inline enum membership auth_membership(const struct auth *c, struct str user_id)
{
    return c->room->membership(c->room->ctx, user_id);
}

/* FORBIDDEN with both levels in the sentence ("to kick") when the sender has less than `need`. */
enum err auth_need_level(const struct auth *c, int64_t need, const char *what);

enum err auth_check_member(struct auth *c);
enum err auth_check_power_levels(const struct auth *c);
/* The invitation by a third party that `proof` (content.third_party_invite) stands for. */
enum err auth_check_third_party(const struct auth *c, const struct json *proof);

#endif
