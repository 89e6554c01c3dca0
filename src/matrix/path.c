#include "matrix/path.h"

/* Only a dot and a backslash can be escaped; a backslash before anything else is itself. */
static bool is_escape(struct str s, size_t at)
{
    return s.p[at] == '\\' && at + 1 < s.n && (s.p[at + 1] == '.' || s.p[at + 1] == '\\');
}

static size_t part_end(struct str s, size_t at, bool *escaped)
{
    *escaped = false;
    while (at < s.n && s.p[at] != '.') {
        bool escape = is_escape(s, at);
        *escaped = *escaped || escape;
        at += escape ? 2 : 1;
    }
    return at;
}

static struct str unescape(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n), *to = p;
    for (size_t i = 0; i < s.n; i++) {
        if (is_escape(s, i)) i++;
        *to++ = s.p[i];
    }
    return str_make(p, (size_t)(to - p));
}

bool path_parse(struct arena *a, struct str text, struct path *out)
{
    out->n = 0;
    for (size_t at = 0; at <= text.n;) {
        if (out->n == PATH_PARTS_MAX) return false;
        bool escaped;
        size_t end = part_end(text, at, &escaped);
        struct str part = str_make(text.p ? text.p + at : "", end - at);
        out->parts[out->n++] = escaped ? unescape(a, part) : part;
        at = end + 1;
    }
    return true;
}
