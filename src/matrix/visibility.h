/* Who may see which event (module "Room history visibility"). */
#ifndef ROOKERY_MATRIX_VISIBILITY_H
#define ROOKERY_MATRIX_VISIBILITY_H

#include "matrix/content.h"

struct visibility_case {
    enum history_visibility at_event; /* the setting in the state at the event */
    enum membership then;             /* the user's membership at the event; for its own member event: visibility_membership */
    bool joined_since;                /* the user joined at some time after the event */
};
/* An m.room.history_visibility event may be seen when either the setting before it or the one that it makes allows it: ask for both. */
bool visibility_allows(const struct visibility_case *c);

/* For a user's own member event: the membership before or after, whichever shows more. */
enum membership visibility_membership(enum membership before, enum membership after);

#endif
