#include "json/json_priv.h"

struct parser {
    const char *start, *at, *end;
    struct arena *arena;
    unsigned depth;
    struct fault *fault;
};

static struct json *parse_value(struct parser *p);

/* Says what is wrong at p->at. Never true, so that it can be the operand of `return`. */
static bool wrong(struct parser *p, const char *what)
{
    fault_set(p->fault, ERR_NOT_JSON, "Not JSON: %s at byte %zu.", what, (size_t)(p->at - p->start));
    return false;
}

static void skip_space(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t'))
        p->at++;
}

static bool take(struct parser *p, char c)
{
    skip_space(p);
    if (p->at == p->end || *p->at != c) return false;
    p->at++;
    return true;
}

/* --- strings --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Four hex digits at p->at, or -1. */
static int hex_four(struct parser *p)
{
    if (p->end - p->at < 4) return -1;
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(p->at[i]);
        if (d < 0) return -1;
        v = v << 4 | d;
    }
    p->at += 4;
    return v;
}

static char *put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

/* After `\u`. NULL when it is none, or half of a surrogate pair. */
static char *unescape_unicode(struct parser *p, char *out)
{
    int c = hex_four(p);
    if (c < 0 || (c >= 0xDC00 && c <= 0xDFFF)) return NULL;
    if (c < 0xD800 || c > 0xDBFF) return put_utf8(out, (unsigned)c);
    if (p->end - p->at < 2 || p->at[0] != '\\' || p->at[1] != 'u') return NULL;
    p->at += 2;
    int low = hex_four(p);
    if (low < 0xDC00 || low > 0xDFFF) return NULL;
    return put_utf8(out, 0x10000u + ((unsigned)(c - 0xD800) << 10) + (unsigned)(low - 0xDC00));
}

/* At a backslash. Moves behind the escape and returns the end of what it stands for; NULL when it is none. */
static char *unescape(struct parser *p, char *out)
{
    if (p->end - p->at < 2) return NULL;
    char c = p->at[1];
    p->at += 2;
    switch (c) {
    case '"':
    case '\\':
    case '/':
        *out = c;
        break;
    case 'b':
        *out = '\b';
        break;
    case 'f':
        *out = '\f';
        break;
    case 'n':
        *out = '\n';
        break;
    case 'r':
        *out = '\r';
        break;
    case 't':
        *out = '\t';
        break;
    case 'u':
        return unescape_unicode(p, out);
    default:
        return NULL;
    }
    return out + 1;
}

/* Moves p->at to the closing quote, or to what is wrong. */
static bool find_end(struct parser *p, uint64_t *high, bool *escaped)
{
    for (;;) {
        p->at = json_plain_end(p->at, p->end, high);
        if (p->at == p->end) return wrong(p, "a string does not end");
        if (*p->at == '"') return true;
        if (*p->at != '\\') return wrong(p, "a control character in a string");
        *escaped = true;
        p->at += p->end - p->at < 2 ? 1 : 2;
    }
}

/* From p->at to the quote at `close`. What it decodes to is never longer than the source. */
static bool decode(struct parser *p, const char *close, struct str *out)
{
    char *to = arena_alloc(p->arena, (size_t)(close - p->at));
    out->p = to;
    uint64_t high = 0;
    while (p->at < close) {
        const char *stop = json_plain_end(p->at, close, &high), *from = p->at;
        memcpy(to, from, (size_t)(stop - from));
        to += stop - from;
        p->at = stop;
        if (stop == close) break;
        to = unescape(p, to);
        if (!to) {
            p->at = stop;
            return wrong(p, "an escape that is none");
        }
    }
    out->n = (size_t)(to - out->p);
    return true;
}

/* p->at is behind the opening quote. */
static bool parse_string(struct parser *p, struct str *out)
{
    const char *begin = p->at;
    uint64_t high = 0;
    bool escaped = false;
    if (!find_end(p, &high, &escaped)) return false;
    const char *close = p->at;
    struct str inside = str_make(begin, (size_t)(close - begin));
    if (high) {
        size_t good = str_utf8_prefix(inside);
        p->at = begin + good;
        if (good < inside.n) return wrong(p, "a string that is not UTF-8");
    }
    *out = inside;
    p->at = begin;
    if (escaped && !decode(p, close, out)) return false;
    p->at = close + 1;
    return true;
}

/* --- numbers --- */

static bool skip_digits(struct parser *p)
{
    const char *first = p->at;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
        p->at++;
    return p->at > first || wrong(p, "a digit is missing");
}

static bool skip_fraction(struct parser *p, bool *real)
{
    if (p->at < p->end && *p->at == '.') {
        *real = true;
        p->at++;
        if (!skip_digits(p)) return false;
    }
    if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
        *real = true;
        p->at++;
        if (p->at < p->end && (*p->at == '+' || *p->at == '-')) p->at++;
        if (!skip_digits(p)) return false;
    }
    return true;
}

/* False when the number is outside of canonical JSON; `-0` is, too. */
static bool to_integer(struct str digits, bool negative, int64_t *out)
{
    if (digits.n > 16) return false;
    int64_t v = 0;
    for (size_t i = 0; i < digits.n; i++)
        v = v * 10 + (digits.p[i] - '0');
    if (v > JSON_INTEGER_MAX || (negative && v == 0)) return false;
    *out = negative ? -v : v;
    return true;
}

static bool parse_number(struct parser *p, struct json *v)
{
    const char *begin = p->at;
    bool negative = *begin == '-', real = false;
    if (negative) p->at++;
    struct str digits = {p->at, 0};
    if (!negative && (*p->at < '0' || *p->at > '9')) return wrong(p, "no value");
    if (!skip_digits(p)) return false;
    digits.n = (size_t)(p->at - digits.p);
    if (digits.n > 1 && digits.p[0] == '0') {
        p->at = digits.p;
        return wrong(p, "a number with a leading zero");
    }
    if (!skip_fraction(p, &real)) return false;
    if (!real && to_integer(digits, negative, &v->integer)) {
        v->type = JSON_INT;
    } else {
        v->type = JSON_REAL;
        v->string = str_make(begin, (size_t)(p->at - begin));
    }
    return true;
}

/* --- containers --- */

static bool enter(struct parser *p)
{
    if (p->depth == JSON_DEPTH_MAX) return wrong(p, "it is nested too deeply");
    p->depth++;
    p->at++;
    return true;
}

static bool leave(struct parser *p, char bracket)
{
    if (!take(p, bracket)) return false;
    p->depth--;
    return true;
}

static bool parse_array(struct parser *p, struct json *v)
{
    v->type = JSON_ARRAY;
    if (!enter(p)) return false;
    if (leave(p, ']')) return true;
    do {
        struct json *child = parse_value(p);
        if (!child) return false;
        json_push(v, child);
    } while (take(p, ','));
    return leave(p, ']') || wrong(p, "neither ',' nor ']'");
}

/* Few members are compared as they come, and only with those that could be equal by `seen`, a set of what keys look like. */
static bool is_repeated(const struct json *object, struct str key, uint64_t *seen)
{
    unsigned char first = key.n ? (unsigned char)key.p[0] : 0, last = key.n ? (unsigned char)key.p[key.n - 1] : 0;
    uint64_t looks = (uint64_t)1 << ((key.n * 11 + first * 5u + last) & 63);
    bool maybe = *seen & looks;
    *seen |= looks;
    if (!maybe) return false;
    json_each(m, object) if (str_eq(m->key, key)) return true;
    return false;
}

/* Many are sorted once all are there: no object costs the square of its size, and no hash can be attacked. */
static bool repeats_among_many(const struct json *object)
{
    struct json_sorted room[JSON_FEW], *s = json_sort(object, room);
    bool repeats = false;
    for (size_t i = 1; i < object->count && !repeats; i++)
        repeats = str_eq(s[i - 1].member->key, s[i].member->key);
    json_sorted_free(s, room);
    return repeats;
}

static bool parse_member(struct parser *p, struct json *object, uint64_t *seen)
{
    if (!take(p, '"')) return wrong(p, "no key");
    const char *begin = p->at - 1;
    struct str key;
    if (!parse_string(p, &key)) return false;
    if (object->count < JSON_FEW && is_repeated(object, key, seen)) {
        p->at = begin;
        return wrong(p, "a key for the second time");
    }
    if (!take(p, ':')) return wrong(p, "no ':'");
    struct json *value = parse_value(p);
    if (!value) return false;
    json_add(object, key, value);
    return true;
}

static bool parse_object(struct parser *p, struct json *v)
{
    v->type = JSON_OBJECT;
    if (!enter(p)) return false;
    if (leave(p, '}')) return true;
    uint64_t seen = 0;
    do {
        if (!parse_member(p, v, &seen)) return false;
    } while (take(p, ','));
    if (!leave(p, '}')) return wrong(p, "neither ',' nor '}'");
    return v->count <= JSON_FEW || !repeats_among_many(v) || wrong(p, "an object with a key for the second time ends");
}

static bool parse_word(struct parser *p, struct json *v, struct str word, enum json_type type)
{
    if (!str_starts(str_make(p->at, (size_t)(p->end - p->at)), word)) return wrong(p, "no value");
    p->at += word.n;
    v->type = type;
    return true;
}

static bool parse_into(struct parser *p, struct json *v)
{
    switch (*p->at) {
    case '"':
        p->at++;
        v->type = JSON_STRING;
        return parse_string(p, &v->string);
    case '{':
        return parse_object(p, v);
    case '[':
        return parse_array(p, v);
    case 't':
        return parse_word(p, v, STR("true"), JSON_TRUE);
    case 'f':
        return parse_word(p, v, STR("false"), JSON_FALSE);
    case 'n':
        return parse_word(p, v, STR("null"), JSON_NULL);
    default:
        return parse_number(p, v);
    }
}

static struct json *parse_value(struct parser *p)
{
    skip_space(p);
    if (p->at == p->end) {
        wrong(p, "the end, where a value should be,");
        return NULL;
    }
    struct json *v = json_new(p->arena, JSON_NULL);
    const char *begin = p->at;
    if (!parse_into(p, v)) return NULL;
    v->raw = str_make(begin, (size_t)(p->at - begin));
    return v;
}

enum err json_parse(struct arena *a, struct str text, struct json **out, struct fault *f)
{
    *out = NULL;
    if (text.n > UINT32_MAX) return fault_set(f, ERR_TOO_LARGE, "The JSON is too large.");
    if (text.n == 0) text.p = "";
    struct parser p = {.start = text.p, .at = text.p, .end = text.p + text.n, .arena = a, .fault = f};
    struct json *v = parse_value(&p);
    if (!v) return ERR_NOT_JSON;
    skip_space(&p);
    if (p.at != p.end) {
        wrong(&p, "something after the value");
        return ERR_NOT_JSON;
    }
    *out = v;
    return ERR_OK;
}
