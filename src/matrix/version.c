#include "matrix/version.h"

#include <stddef.h>

/* Columns in the order of the struct: supported;  events: hash ids, URL-safe, canonical, room id from create, redacts in content;
 * authorization: aliases rule, creator in content, creators reign, notifications rule, knock, restricted, knock_restricted, strict levels;
 * redaction keeps: aliases, join allow, authorised via, what 11 added;  state resolution. */
/* clang-format off */
static const struct room_version versions[] = {
    {"1",   1, false,  false, false, false, false, false,  true , true , false, false, false, false, false, false,  true , false, false, false, 1},
    {"2",   2, false,  false, false, false, false, false,  true , true , false, false, false, false, false, false,  true , false, false, false, 2},
    {"3",   3, false,  true , false, false, false, false,  true , true , false, false, false, false, false, false,  true , false, false, false, 2},
    {"4",   4, false,  true , true , false, false, false,  true , true , false, false, false, false, false, false,  true , false, false, false, 2},
    {"5",   5, false,  true , true , false, false, false,  true , true , false, false, false, false, false, false,  true , false, false, false, 2},
    {"6",   6, true ,  true , true , true , false, false,  false, true , false, true , false, false, false, false,  false, false, false, false, 2},
    {"7",   7, true ,  true , true , true , false, false,  false, true , false, true , true , false, false, false,  false, false, false, false, 2},
    {"8",   8, true ,  true , true , true , false, false,  false, true , false, true , true , true , false, false,  false, true , false, false, 2},
    {"9",   9, true ,  true , true , true , false, false,  false, true , false, true , true , true , false, false,  false, true , true , false, 2},
    {"10", 10, true ,  true , true , true , false, false,  false, true , false, true , true , true , true , true ,  false, true , true , false, 2},
    {"11", 11, true ,  true , true , true , false, true ,  false, false, false, true , true , true , true , true ,  false, true , true , true , 2},
    {"12", 12, true ,  true , true , true , true , true ,  false, false, true , true , true , true , true , true ,  false, true , true , true , 3},
};
/* clang-format on */

const struct room_version *room_version_number(unsigned number)
{
    return number >= ROOM_VERSION_FIRST && number <= ROOM_VERSION_LAST ? &versions[number - 1] : NULL;
}

const struct room_version *room_version_find(struct str name)
{
    for (unsigned n = ROOM_VERSION_FIRST; n <= ROOM_VERSION_LAST; n++) {
        const struct room_version *v = room_version_number(n);
        if (v->supported && str_is(name, v->name)) return v;
    }
    return NULL;
}

const struct room_version *room_version_default(void)
{
    return room_version_number(ROOM_VERSION_LAST);
}
