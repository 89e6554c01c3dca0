/* Who may see which event (module "Room history visibility"). */
#ifndef ROOKERY_MATRIX_VISIBILITY_H
#define ROOKERY_MATRIX_VISIBILITY_H

#include "matrix/content.h"

struct visibility_case {
    enum history_visibility at_event; /* for an m.room.history_visibility event itself: see visibility_merge */
    enum membership then;             /* the user's membership at the event; for its own member event the better of before and after */
    bool joined_since;                /* the user was joined at some time after the event */
    bool peeking;                     /* a guest or stranger who looks into a room without having been in it */
};
bool visibility_allows(const struct visibility_case *c);

/* A change of the visibility may be seen by who may see it under the old or the new value: the more open of both. */
enum history_visibility visibility_merge(enum history_visibility before, enum history_visibility after);
/* For a user's own member event: the membership that shows more. */
enum membership visibility_membership(enum membership before, enum membership after);

#endif
