#include "matrix/visibility.h"

bool visibility_allows(const struct visibility_case *c)
{
    if (c->at_event == HISTORY_WORLD_READABLE || c->then == MEMBER_JOIN) return true;
    if (c->at_event == HISTORY_SHARED && c->joined_since) return true;
    return c->at_event == HISTORY_INVITED && c->then == MEMBER_INVITE;
}

enum membership visibility_membership(enum membership before, enum membership after)
{
    if (before == MEMBER_JOIN || after == MEMBER_JOIN) return MEMBER_JOIN;
    return before == MEMBER_INVITE ? before : after;
}
