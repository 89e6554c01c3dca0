#include "store/postgres/text.h"

enum { ESCAPE = 1 };

/* All bytes from 02 to 7F: such a text is its bytes, in both forms. */
static bool is_plain(struct str s)
{
    unsigned char odd = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        odd |= (unsigned char)(c & 0x80) | (c <= ESCAPE);
    }
    return odd == 0;
}

static bool is_text(struct str s)
{
    return !(s.n && s.p[0] == ESCAPE) && !(s.n && memchr(s.p, 0, s.n)) && str_is_utf8(s);
}

static void put_escaped(struct buf *out, struct str s)
{
    char *to = buf_room(out, 2 * s.n);
    if (!to) return;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ESCAPE)
            to[n++] = ESCAPE;
        else if (c >= 0x80)
            to[n++] = (char)(0xC0 | c >> 6);
        to[n++] = (char)(c <= ESCAPE ? c + 1 : c >= 0x80 ? 0x80 | (c & 0x3F) : c);
    }
    buf_added(out, n);
}

void text_put(struct buf *out, struct str s, bool key)
{
    if (is_plain(s) || (!key && is_text(s))) {
        buf_add(out, s);
        return;
    }
    if (!key) buf_byte(out, ESCAPE);
    put_escaped(out, s);
}

static bool take_escaped(struct str text, char *to, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == 0 || (c >= 0x80 && (c & 0xFE) != 0xC2)) return false;
        if (c > ESCAPE && c < 0x80) {
            to[(*n)++] = (char)c;
            continue;
        }
        if (++i == text.n) return false;
        unsigned char low = (unsigned char)text.p[i];
        if (c == ESCAPE ? low != 1 && low != 2 : (low & 0xC0) != 0x80) return false;
        to[(*n)++] = (char)(c == ESCAPE ? low - 1 : (c & 3) << 6 | (low & 0x3F));
    }
    return true;
}

bool text_take(struct str text, bool key, char *to, size_t *n)
{
    bool escaped = key ? !is_plain(text) : text.n && text.p[0] == ESCAPE;
    if (escaped) return take_escaped(key ? text : str_from(text, 1), to, n);
    if (text.n) memcpy(to, text.p, text.n);
    *n = text.n;
    return true;
}
