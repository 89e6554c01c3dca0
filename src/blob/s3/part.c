#include "blob/s3/part.h"

/* The number before `end`, which is taken too. */
static bool take_number(struct str *s, char end, int64_t *out)
{
    ptrdiff_t at = str_find(*s, end);
    if (at < 0 || !str_to_int64(str_first(*s, (size_t)at), out)) return false;
    *s = str_from(*s, (size_t)at + 1);
    return *out >= 0;
}

bool part_parse(struct str value, struct part *out)
{
    static const struct str unit = {"bytes ", 6};
    struct str s = str_from(value, unit.n);
    int64_t first, last, total;
    if (!str_starts(value, unit) || !take_number(&s, '-', &first) || !take_number(&s, '/', &last)) return false;
    if (!str_to_int64(s, &total) || first > last || last >= total) return false;
    *out = (struct part){(uint64_t)first, (uint64_t)last, (uint64_t)total};
    return true;
}
