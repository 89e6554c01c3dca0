#include "json/json_priv.h"

/* The letter of the short escape, or 0. */
static char short_escape(unsigned char c)
{
    switch (c) {
    case '\b':
        return 'b';
    case '\t':
        return 't';
    case '\n':
        return 'n';
    case '\f':
        return 'f';
    case '\r':
        return 'r';
    case '"':
    case '\\':
        return (char)c;
    default:
        return 0;
    }
}

static void write_escape(struct buf *b, unsigned char c)
{
    char letter = short_escape(c);
    if (letter) {
        buf_add(b, str_make((const char[]){'\\', letter}, 2));
        return;
    }
    static const char hex[] = "0123456789abcdef";
    buf_add(b, str_make((const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6));
}

static void write_escaped(struct buf *b, struct str s)
{
    const char *p = s.p, *end = s.p + s.n;
    uint64_t high = 0;
    buf_byte(b, '"');
    while (p < end) {
        const char *stop = json_plain_end(p, end, &high);
        buf_add(b, str_make(p, (size_t)(stop - p)));
        if (stop == end) break;
        write_escape(b, (unsigned char)*stop);
        p = stop + 1;
    }
    buf_byte(b, '"');
}

static uint64_t load8(const char *p)
{
    uint64_t w;
    memcpy(&w, p, 8);
    return w;
}

static uint32_t load4(const char *p)
{
    uint32_t w;
    memcpy(&w, p, 4);
    return w;
}

/* Nothing to escape. The last word overlaps the one before it, so that no byte is looked at alone. */
static bool is_plain(struct str s)
{
    if (s.n >= 8) {
        uint64_t special = json_special(load8(s.p + s.n - 8));
        for (size_t i = 0; i + 8 < s.n; i += 8)
            special |= json_special(load8(s.p + i));
        return special == 0;
    }
    if (s.n >= 4) return json_special((uint64_t)load4(s.p) << 32 | load4(s.p + s.n - 4)) == 0;
    for (size_t i = 0; i < s.n; i++)
        if (!json_is_plain((unsigned char)s.p[i])) return false;
    return true;
}

void json_write_string(struct buf *b, struct str s)
{
    if (!is_plain(s)) {
        write_escaped(b, s);
        return;
    }
    char *to = buf_room(b, s.n + 2);
    if (!to) return;
    to[0] = '"';
    if (s.n) memcpy(to + 1, s.p, s.n);
    to[s.n + 1] = '"';
    buf_added(b, s.n + 2);
}

/* --- as it came --- */

static void write_members(struct buf *b, const struct json *v)
{
    buf_byte(b, '{');
    json_each(m, v)
    {
        if (m != v->child) buf_byte(b, ',');
        json_write_string(b, m->key);
        buf_byte(b, ':');
        json_write(b, m);
    }
    buf_byte(b, '}');
}

static void write_items(struct buf *b, const struct json *v)
{
    buf_byte(b, '[');
    json_each(item, v)
    {
        if (item != v->child) buf_byte(b, ',');
        json_write(b, item);
    }
    buf_byte(b, ']');
}

void json_write(struct buf *b, const struct json *v)
{
    switch (v->type) {
    case JSON_NULL:
        buf_add(b, STR("null"));
        break;
    case JSON_FALSE:
        buf_add(b, STR("false"));
        break;
    case JSON_TRUE:
        buf_add(b, STR("true"));
        break;
    case JSON_INT:
        buf_int(b, v->integer);
        break;
    case JSON_REAL:
        buf_add(b, v->string);
        break;
    case JSON_STRING:
        json_write_string(b, v->string);
        break;
    case JSON_ARRAY:
        write_items(b, v);
        break;
    case JSON_OBJECT:
        write_members(b, v);
        break;
    }
}

/* --- canonical --- */

static enum err write_canonical(struct buf *b, const struct json *v, struct fault *f);

static enum err outside(struct fault *f, struct str number)
{
    struct str shown = str_first(number, 40);
    return fault_set(f, ERR_BAD_JSON, "The number %.*s is not allowed here: only whole numbers of at most 2^53-1, either sign.",
                     STR_FMT(shown));
}

static enum err write_integer(struct buf *b, const struct json *v, struct fault *f)
{
    if (v->integer < -JSON_INTEGER_MAX || v->integer > JSON_INTEGER_MAX) return outside(f, STR("beyond that"));
    buf_int(b, v->integer);
    return ERR_OK;
}

static enum err write_sorted(struct buf *b, const struct json *v, struct fault *f)
{
    struct json_sorted room[JSON_FEW], *s = json_sort(v, room);
    enum err e = ERR_OK;
    buf_byte(b, '{');
    for (size_t i = 0; i < v->count && e == ERR_OK; i++) {
        if (i) buf_byte(b, ',');
        json_write_string(b, s[i].member->key);
        buf_byte(b, ':');
        e = write_canonical(b, s[i].member, f);
    }
    buf_byte(b, '}');
    json_sorted_free(s, room);
    return e;
}

static enum err write_canonical_items(struct buf *b, const struct json *v, struct fault *f)
{
    buf_byte(b, '[');
    json_each(item, v)
    {
        if (item != v->child) buf_byte(b, ',');
        enum err e = write_canonical(b, item, f);
        if (e) return e;
    }
    buf_byte(b, ']');
    return ERR_OK;
}

static enum err write_canonical(struct buf *b, const struct json *v, struct fault *f)
{
    switch (v->type) {
    case JSON_INT:
        return write_integer(b, v, f);
    case JSON_REAL:
        return outside(f, v->string);
    case JSON_ARRAY:
        return write_canonical_items(b, v, f);
    case JSON_OBJECT:
        return write_sorted(b, v, f);
    default:
        json_write(b, v);
        return ERR_OK;
    }
}

enum err json_write_canonical(struct buf *b, const struct json *v, struct fault *f)
{
    size_t before = b->n;
    enum err e = write_canonical(b, v, f);
    if (e) b->n = before;
    return e;
}

struct str json_text(struct arena *a, const struct json *v)
{
    struct buf b;
    buf_init(&b, SIZE_MAX); /* as much as the tree in memory makes of it */
    json_write(&b, v);
    struct str text = arena_str(a, buf_str(&b));
    buf_release(&b);
    return text;
}
