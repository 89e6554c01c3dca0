#include "matrix/fold.h"

#include <stdlib.h>
#include <utf8proc.h>

struct str fold(struct arena *a, struct str s)
{
    utf8proc_uint8_t *out = NULL;
    if (str_empty(s)) return STR("");
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)s.p, (utf8proc_ssize_t)s.n, &out,
                                      UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD);
    if (n < 0) return s;
    struct str folded = arena_str(a, str_make((const char *)out, (size_t)n));
    free(out);
    return folded;
}

bool fold_contains(struct arena *a, struct str s, struct str term)
{
    if (str_null(s)) return false;
    struct str f = fold(a, s);
    return f.n >= term.n && memmem(f.p, f.n, term.p, term.n) != NULL;
}
