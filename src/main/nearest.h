/* Guessing what was meant by a name that nothing has. */
#ifndef ROOKERY_MAIN_NEAREST_H
#define ROOKERY_MAIN_NEAREST_H

#include "base/str.h"

enum { NEAREST_MAX = 64 };
/* Letters to add, drop or change to get from `a` to `b`; SIZE_MAX when one of them has more than NEAREST_MAX. */
size_t nearest_distance(struct str a, struct str b);
/* How far a name of that length may be off and still be taken for a slip. */
static inline size_t nearest_limit(struct str wanted)
{
    return 1 + wanted.n / 5;
}

#endif
