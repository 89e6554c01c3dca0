#include "engine/media/content.h"

#include "base/buf.h"

const char CONTENT_SECURITY_POLICY[] = "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src "
                                       "'unsafe-inline'; object-src 'self';";

/* --- content types --- */

/* Characters of a token (RFC 9110, 5.6.2). */
static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static struct str trim(struct str s)
{
    while (s.n && is_space(s.p[0]))
        s = str_from(s, 1);
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

static size_t token_length(struct str s)
{
    size_t n = 0;
    while (n < s.n && is_token_char(s.p[n]))
        n++;
    return n;
}

/* Length of the quoted string at the start, or 0. */
static size_t quoted_length(struct str s)
{
    if (s.n == 0 || s.p[0] != '"') return 0;
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '"') return i + 1;
        if (s.p[i] == '\\') i++;
        if (i == s.n || s.p[i] < ' ' || s.p[i] > '~') return 0;
    }
    return 0;
}

/* "type/subtype" at the start, or the empty slice. */
static struct str essence(struct str s)
{
    size_t type = token_length(s);
    if (type == 0 || type == s.n || s.p[type] != '/') return (struct str){0};
    size_t subtype = token_length(str_from(s, type + 1));
    return subtype ? str_first(s, type + 1 + subtype) : (struct str){0};
}

/* Is it a list of "; name=value"? */
static bool parameters_ok(struct str s)
{
    for (;;) {
        s = trim(s);
        if (s.n == 0) return true;
        if (s.p[0] != ';') return false;
        s = trim(str_from(s, 1));
        size_t name = token_length(s);
        if (name == 0 || name == s.n || s.p[name] != '=') return false;
        s = str_from(s, name + 1);
        size_t value = s.n && s.p[0] == '"' ? quoted_length(s) : token_length(s);
        if (value == 0) return false;
        s = str_from(s, value);
    }
}

struct str content_type_clean(struct arena *a, struct str given)
{
    struct str s = trim(given), type = essence(s);
    if (type.n && type.n <= CONTENT_TYPE_MAX) {
        if (s.n <= CONTENT_TYPE_MAX && parameters_ok(str_from(s, type.n))) return arena_str(a, s);
        /* The type may have ended at a character that no type can have; then it is none. */
        if (type.n == s.n || s.p[type.n] == ';' || is_space(s.p[type.n])) return arena_str(a, type);
    }
    return STR("application/octet-stream");
}

bool content_type_is_inline(struct str content_type)
{
    static const char *const list[] = {
        "text/css",        "text/plain",  "text/csv",       "application/json", "application/ld+json", "image/jpeg", "image/gif",
        "image/png",       "image/apng",  "image/webp",     "image/avif",       "video/mp4",           "video/webm", "video/ogg",
        "video/quicktime", "audio/mp4",   "audio/webm",     "audio/aac",        "audio/mpeg",          "audio/ogg",  "audio/wave",
        "audio/wav",       "audio/x-wav", "audio/x-pn-wav", "audio/flac",       "audio/x-flac",
    };
    struct str type = essence(trim(content_type));
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (str_eq_nocase(type, str_c(list[i]))) return true;
    return false;
}

/* --- dispositions --- */

/* Read alike by every client inside quotes: no escapes, no percent signs (some decode them), no path. */
static bool is_plain(char c)
{
    return c >= ' ' && c <= '~' && !strchr("\"\\%/", c);
}

static bool all_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_plain(s.p[i])) return false;
    return true;
}

/* Everything else becomes one '_' per character. */
static void add_likeness(struct buf *b, struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (is_plain(c))
            buf_byte(b, c);
        else if ((c & 0xC0) != 0x80)
            buf_byte(b, '_');
    }
}

/* attr-char of RFC 8187 stays, the rest is percent-encoded. */
static void add_encoded(struct buf *b, struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (is_token_char(c) && !strchr("*'%", c))
            buf_byte(b, c);
        else
            buf_printf(b, "%%%02X", (unsigned char)c);
    }
}

static struct str cut(struct str name)
{
    if (name.n <= CONTENT_NAME_MAX) return name;
    size_t n = CONTENT_NAME_MAX;
    while (n && (name.p[n] & 0xC0) == 0x80)
        n--;
    return str_first(name, n);
}

struct str content_disposition(struct arena *a, struct str content_type, struct str name)
{
    struct str word = content_type_is_inline(content_type) ? STR("inline") : STR("attachment");
    if (str_empty(name)) return word;
    struct buf b;
    buf_init(&b, 8 * CONTENT_NAME_MAX);
    name = cut(name);
    buf_add(&b, word);
    buf_add(&b, STR("; filename=\""));
    add_likeness(&b, name);
    buf_byte(&b, '"');
    if (!all_plain(name) && str_is_utf8(name)) {
        buf_add(&b, STR("; filename*=UTF-8''"));
        add_encoded(&b, name);
    }
    struct str out = arena_str(a, buf_str(&b));
    buf_release(&b);
    return out;
}

/* --- ranges --- */

/* Digits at the start of *s; false when there are none. Too large numbers are the largest: they lie beyond every end. */
static bool take_number(struct str *s, uint64_t *out)
{
    size_t n = 0;
    uint64_t v = 0;
    for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++)
        if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(s->p[n] - '0'), &v)) v = UINT64_MAX;
    *s = str_from(*s, n);
    *out = v;
    return n > 0;
}

enum range_answer content_range_parse(struct str header, uint64_t size, struct content_range *out)
{
    *out = (struct content_range){0, size};
    if (header.n < 6 || !str_eq_nocase(str_first(header, 6), STR("bytes="))) return RANGE_WHOLE;
    struct str s = trim(str_from(header, 6));
    uint64_t first, last = UINT64_MAX;
    bool has_first = take_number(&s, &first);
    if (s.n == 0 || s.p[0] != '-') return RANGE_WHOLE;
    s = str_from(s, 1);
    bool has_last = take_number(&s, &last);
    if (s.n || (!has_first && !has_last) || (has_first && has_last && last < first)) return RANGE_WHOLE;
    if (!has_first) { /* the last so many */
        if (last == 0) return RANGE_UNSATISFIABLE;
        if (size == 0) return RANGE_WHOLE; /* satisfiable, but a 206 cannot say so */
        *out = last < size ? (struct content_range){size - last, last} : (struct content_range){0, size};
        return RANGE_PART;
    }
    if (first >= size) return RANGE_UNSATISFIABLE;
    if (!has_last || last >= size) last = size - 1;
    *out = (struct content_range){first, last - first + 1};
    return RANGE_PART;
}

struct str content_range_header(struct arena *a, const struct content_range *r, uint64_t size)
{
    if (!r) return arena_printf(a, "bytes */%llu", (unsigned long long)size);
    return arena_printf(a, "bytes %llu-%llu/%llu", (unsigned long long)r->first, (unsigned long long)(r->first + r->count - 1),
                        (unsigned long long)size);
}
