#include "matrix/contact.h"

#include "base/buf.h"
#include "matrix/id.h"

enum { EMAIL_MAX = 254, PAGE_MAX = 500 };

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool has_only(struct str s, const char *more)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]) && (!s.p[i] || !strchr(more, s.p[i]))) return false;
    return s.n > 0;
}

/* What people have, not all that RFC 5322 would allow. */
static bool is_email(struct str s)
{
    ptrdiff_t at = str_find(s, '@');
    unsigned port = 0;
    return s.n <= EMAIL_MAX && at > 0 && has_only(str_first(s, (size_t)at), ".!#$%&'*+/=?^_`{|}~-") &&
           id_server_name(str_from(s, (size_t)at + 1), NULL, &port) && port == 0;
}

static bool is_page(struct str s)
{
    return s.n <= PAGE_MAX && str_starts(s, STR("https://")) && has_only(str_from(s, 8), "-._~:/?#[]@!$&'()*+,;=%");
}

enum contact_kind contact_kind(struct str s)
{
    struct id id;
    if (str_starts(s, STR("@"))) return id_user(s, &id) && id.local.n ? CONTACT_USER : CONTACT_NONE;
    return is_page(s) ? CONTACT_PAGE : is_email(s) ? CONTACT_EMAIL : CONTACT_NONE;
}

/* What may stand in the path of a URI by itself; the rest is escaped. */
static void add_escaped(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (has_only(str_make(s.p + i, 1), "-._~:@[]"))
            buf_byte(b, s.p[i]);
        else
            buf_printf(b, "%%%02X", (unsigned)(unsigned char)s.p[i]);
}

struct str contact_uri(struct arena *a, struct str s)
{
    enum contact_kind kind = contact_kind(s);
    if (kind == CONTACT_PAGE) return s;
    struct buf b;
    buf_init(&b, 4096);
    buf_add(&b, kind == CONTACT_USER ? STR("matrix:u/") : STR("mailto:"));
    add_escaped(&b, str_from(s, kind == CONTACT_USER));
    struct str uri = arena_str(a, buf_str(&b));
    buf_release(&b);
    return uri;
}
