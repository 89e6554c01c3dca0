#include "cache/redis/resp.h"

/* "$5\r\nhello\r\n"; `rest` begins behind the first line, which says `size`. */
static enum resp_got read_bytes(struct str *in, struct str rest, struct str size, size_t max, struct resp *out)
{
    int64_t n;
    if (!str_to_int64(size, &n) || n < -1 || (n > 0 && (uint64_t)n > max)) return RESP_BAD;
    if (n < 0) {
        *out = (struct resp){.kind = RESP_NONE};
        *in = rest;
        return RESP_ANSWER;
    }
    if (rest.n < (size_t)n + 2) return RESP_MORE;
    if (rest.p[n] != '\r' || rest.p[n + 1] != '\n') return RESP_BAD;
    *out = (struct resp){.kind = RESP_BYTES, .text = str_first(rest, (size_t)n)};
    *in = str_from(rest, (size_t)n + 2);
    return RESP_ANSWER;
}

enum resp_got resp_read(struct str *in, size_t max, struct resp *out)
{
    ptrdiff_t end = str_find(str_first(*in, RESP_LINE_MAX), '\r');
    if (end < 0) return in->n < RESP_LINE_MAX ? RESP_MORE : RESP_BAD;
    if (end == 0) return RESP_BAD;
    if ((size_t)end + 1 == in->n) return RESP_MORE;
    if (in->p[end + 1] != '\n') return RESP_BAD;
    struct str text = str_make(in->p + 1, (size_t)end - 1), rest = str_from(*in, (size_t)end + 2);
    *out = (struct resp){.text = text};
    switch (in->p[0]) {
    case '+':
        out->kind = RESP_STATUS;
        break;
    case '-':
        out->kind = RESP_ERROR;
        break;
    case ':':
        out->kind = RESP_NUMBER;
        if (!str_to_int64(text, &out->number)) return RESP_BAD;
        break;
    case '$':
        return read_bytes(in, rest, text, max, out);
    default:
        return RESP_BAD;
    }
    *in = rest;
    return RESP_ANSWER;
}

enum { COUNT_ROOM = 24 }; /* of a number and what stands around it */

size_t resp_size(const struct str *arg, size_t args)
{
    size_t n = COUNT_ROOM;
    for (size_t i = 0; i < args; i++)
        n += COUNT_ROOM + arg[i].n + 2;
    return n;
}

static void add_count(struct buf *b, char kind, size_t n)
{
    buf_byte(b, kind);
    buf_int(b, (int64_t)n);
    buf_add(b, STR("\r\n"));
}

void resp_command(struct buf *b, const struct str *arg, size_t args)
{
    add_count(b, '*', args);
    for (size_t i = 0; i < args; i++) {
        add_count(b, '$', arg[i].n);
        buf_add(b, arg[i]);
        buf_add(b, STR("\r\n"));
    }
}
