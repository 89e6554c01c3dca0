#include "http/http1_parse.h"

static bool refuse(struct http1_bad *bad, int status, const char *sentence)
{
    *bad = (struct http1_bad){status, sentence};
    return false;
}

/* --- classes of bytes --- */

/* RFC 9110 "tchar": what names and methods are made of. One bit per byte below 128. */
static const uint64_t token_bits[2] = {0x03ff6cfa00000000u, 0x57ffffffc7fffffeu};
/* What a Host may hold: letters, digits, -._~!$&'()*+,;=:%[] */
static const uint64_t host_bits[2] = {0x2fff7ff200000000u, 0x47fffffeaffffffeu};

static bool in_class(const uint64_t bits[2], unsigned char c)
{
    return c < 128 && (bits[c >> 6] >> (c & 63) & 1);
}
static bool is_token_char(unsigned char c)
{
    return in_class(token_bits, c);
}
/* Visible, blank or beyond ASCII. */
static bool is_value_char(unsigned char c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool all_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_token_char((unsigned char)s.p[i])) return false;
    return s.n > 0;
}

/* Eight bytes at a time: is one of them below 0x20 or 0x7f? The classic carry trick; exact for "is there one". */
static bool word_has_control(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t del = w ^ (ones * 0x7f);
    return (((w - ones * 0x20) & ~w) | ((del - ones) & ~del)) & high;
}

static bool is_value(struct str s)
{
    for (size_t i = 0; i < s.n;) {
        uint64_t w;
        if (s.n - i >= 8 && (memcpy(&w, s.p + i, 8), !word_has_control(w)))
            i += 8;
        else if (is_value_char((unsigned char)s.p[i]))
            i++;
        else
            return false;
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct str trim(struct str s)
{
    while (s.n && is_blank(s.p[0]))
        s = str_from(s, 1);
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* --- the head as a whole --- */

static enum http1_step refuse_size(struct http1_bad *bad, bool within_first_line)
{
    if (within_first_line)
        refuse(bad, 414, "The request line is too long.");
    else
        refuse(bad, 431, "The request's headers are too large.");
    return HTTP1_BAD;
}

enum http1_step http1_find_head(struct str in, size_t *scanned, size_t max, struct http1_bad *bad)
{
    size_t i = *scanned;
    if (i == 0 && in.n && in.p[0] != '\r' && !is_token_char((unsigned char)in.p[0])) {
        refuse(bad, 400, "This is not an HTTP request.");
        return HTTP1_BAD;
    }
    for (;;) {
        const char *lf = i < in.n ? memchr(in.p + i, '\n', in.n - i) : NULL;
        if (!lf) {
            *scanned = in.n;
            return in.n >= max ? refuse_size(bad, memchr(in.p, '\n', in.n) == NULL) : HTTP1_MORE;
        }
        i = (size_t)(lf - in.p) + 1;
        if (i < 2 || in.p[i - 2] != '\r') {
            refuse(bad, 400, "A line of the request does not end in CR LF.");
            return HTTP1_BAD;
        }
        if (i < 4 || in.p[i - 3] != '\n') continue;
        /* One empty line before a request is forgiven, as the RFC asks; two are not. */
        if (i == 4) {
            refuse(bad, 400, "The request begins with empty lines.");
            return HTTP1_BAD;
        }
        *scanned = i;
        return i > max ? refuse_size(bad, false) : HTTP1_DONE;
    }
}

/* Cuts the next line, without its CR LF, off the front. The caller knows that there is one. */
static struct str take_line(struct str *in)
{
    const char *lf = memchr(in->p, '\n', in->n);
    size_t n = (size_t)(lf - in->p);
    struct str line = str_first(*in, n - 1);
    *in = str_from(*in, n + 1);
    return line;
}

/* --- the request line --- */

static const char *const method_names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};

const char *http_method_name(enum http_method m)
{
    return m < HTTP_OTHER ? method_names[m] : "OTHER";
}

static enum http_method method_of(struct str s)
{
    for (unsigned m = 0; m < HTTP_OTHER; m++)
        if (s.p[0] == method_names[m][0] && str_is(s, method_names[m])) return (enum http_method)m;
    return HTTP_OTHER;
}

static bool starts_nocase(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq_nocase(str_first(s, prefix.n), prefix);
}

/* What follows the authority of "http://host/path". */
static bool strip_authority(struct str *target)
{
    struct str rest;
    if (starts_nocase(*target, STR("http://")))
        rest = str_from(*target, 7);
    else if (starts_nocase(*target, STR("https://")))
        rest = str_from(*target, 8);
    else
        return false;
    size_t n = 0;
    while (n < rest.n && in_class(host_bits, (unsigned char)rest.p[n]))
        n++;
    *target = str_from(rest, n);
    return n > 0 && (target->n == 0 || target->p[0] == '/' || target->p[0] == '?');
}

static bool is_target(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c >= 0x7f || c == '#') return false;
    }
    return s.n > 0;
}

static bool parse_target(struct str target, struct http1_head *out, struct http1_bad *bad)
{
    if (!is_target(target)) return refuse(bad, 400, "The request's target has characters that are not allowed.");
    if (out->method == HTTP_OPTIONS && str_is(target, "*")) target = STR("/");
    if (target.p[0] != '/' && !strip_authority(&target)) return refuse(bad, 400, "The request's target is no path.");
    ptrdiff_t q = str_find(target, '?');
    out->path = q < 0 ? target : str_first(target, (size_t)q);
    out->query = q < 0 ? (struct str){0} : str_from(target, (size_t)q + 1);
    if (str_empty(out->path)) out->path = STR("/");
    return true;
}

bool http1_parse_target(struct str method, struct str target, struct http1_head *out, struct http1_bad *bad)
{
    if (!all_token(method) || method.n > 32) return refuse(bad, 400, "The request's method is not valid.");
    out->method = method_of(method);
    return parse_target(target, out, bad);
}

/* Sets *minor; any 1.x beyond 1.1 is spoken to as 1.1. */
static bool parse_version(struct str s, int *minor, struct http1_bad *bad)
{
    if (s.n != 8 || !str_starts(s, STR("HTTP/")) || s.p[5] < '0' || s.p[5] > '9' || s.p[6] != '.' || s.p[7] < '0' || s.p[7] > '9')
        return refuse(bad, 400, "The request line does not end in an HTTP version.");
    if (s.p[5] != '1') return refuse(bad, 505, "This server speaks HTTP/1.1 here.");
    *minor = s.p[7] - '0';
    return true;
}

static bool parse_request_line(struct str line, struct http1_head *out, int *minor, struct http1_bad *bad)
{
    ptrdiff_t first = str_find(line, ' ');
    struct str method = str_first(line, first < 0 ? 0 : (size_t)first);
    if (!all_token(method) || method.n > 32) return refuse(bad, 400, "The request does not begin with a method.");
    struct str rest = str_from(line, method.n + 1);
    ptrdiff_t second = str_find(rest, ' ');
    if (second < 0) return refuse(bad, 400, "The request line does not have three parts.");
    out->method = method_of(method);
    /* The version first: who speaks another one cannot be told anything about the target. */
    return parse_version(str_from(rest, (size_t)second + 1), minor, bad) && parse_target(str_first(rest, (size_t)second), out, bad);
}

/* --- the fields --- */

/* What the fields say about the framing. */
struct framing {
    int hosts, lengths, codings;
    bool close, keep;
};

static bool parse_length(struct str v, struct http1_head *out, struct http1_bad *bad)
{
    uint64_t n = 0;
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] < '0' || v.p[i] > '9') return refuse(bad, 400, "Content-Length is not a number.");
        n = n * 10 + (uint64_t)(v.p[i] - '0');
    }
    if (v.n == 0 || v.n > 18) return refuse(bad, 400, "Content-Length is not a number of at most 18 digits.");
    out->length = n;
    return true;
}

static void parse_connection(struct str v, struct framing *f)
{
    while (v.n) {
        ptrdiff_t comma = str_find(v, ',');
        struct str option = trim(comma < 0 ? v : str_first(v, (size_t)comma));
        v = str_from(v, comma < 0 ? v.n : (size_t)comma + 1);
        f->close |= str_eq_nocase(option, STR("close"));
        f->keep |= str_eq_nocase(option, STR("keep-alive"));
    }
}

static bool parse_host(struct str v, struct framing *f, struct http1_bad *bad)
{
    if (f->hosts++) return refuse(bad, 400, "The request has more than one Host.");
    for (size_t i = 0; i < v.n; i++)
        if (!in_class(host_bits, (unsigned char)v.p[i])) return refuse(bad, 400, "The request's Host is not valid.");
    return true;
}

/* The fields that the protocol itself needs, told apart by their length first. */
static bool note_field(struct str name, struct str v, struct http1_head *out, struct framing *f, struct http1_bad *bad)
{
    switch (name.n) {
    case 4:
        if (str_eq_nocase(name, STR("host"))) return parse_host(v, f, bad);
        break;
    case 6:
        if (!str_eq_nocase(name, STR("expect"))) break;
        if (!str_eq_nocase(v, STR("100-continue")))
            return refuse(bad, 417, "The request expects something that this server does not know.");
        out->expects_continue = true;
        break;
    case 10:
        if (str_eq_nocase(name, STR("connection"))) parse_connection(v, f);
        break;
    case 14:
        if (!str_eq_nocase(name, STR("content-length"))) break;
        if (f->lengths++) return refuse(bad, 400, "The request has more than one Content-Length.");
        return parse_length(v, out, bad);
    case 17:
        if (!str_eq_nocase(name, STR("transfer-encoding"))) break;
        if (f->codings++) return refuse(bad, 400, "The request has more than one Transfer-Encoding.");
        if (!str_eq_nocase(v, STR("chunked"))) return refuse(bad, 501, "The request's Transfer-Encoding is not chunked.");
        out->chunked = true;
        break;
    default:
        break;
    }
    return true;
}

static bool parse_field(struct str line, struct http_header *h, struct http1_bad *bad)
{
    size_t n = 0;
    while (n < line.n && is_token_char((unsigned char)line.p[n]))
        n++;
    if (n == 0 || n == line.n || line.p[n] != ':') {
        if (line.n && is_blank(line.p[0])) return refuse(bad, 400, "A header is folded over several lines.");
        return refuse(bad, 400, "A header has no valid name followed by a colon.");
    }
    h->name = str_first(line, n);
    h->value = trim(str_from(line, n + 1));
    return is_value(h->value) || refuse(bad, 400, "A header's value has control characters.");
}

static bool check_framing(const struct framing *f, int minor, struct http1_head *out, struct http1_bad *bad)
{
    if (minor >= 1 && f->hosts == 0) return refuse(bad, 400, "The request has no Host.");
    if (f->codings && f->lengths) return refuse(bad, 400, "The request has both Content-Length and Transfer-Encoding.");
    if (f->codings && minor == 0) return refuse(bad, 400, "HTTP/1.0 has no Transfer-Encoding.");
    out->keep_alive = !f->close && (minor >= 1 || f->keep);
    out->old = minor == 0;
    if (out->old) out->expects_continue = false;
    return true;
}

bool http1_parse_head(struct str head, struct http_header *header, struct http1_head *out, struct http1_bad *bad)
{
    *out = (struct http1_head){0};
    struct framing f = {0};
    int minor;
    if (head.p[0] == '\r') head = str_from(head, 2);
    if (!parse_request_line(take_line(&head), out, &minor, bad)) return false;
    for (;;) {
        struct str line = take_line(&head);
        if (line.n == 0) break;
        if (out->header_count == HTTP1_HEADERS_MAX) return refuse(bad, 431, "The request has too many headers.");
        struct http_header *h = &header[out->header_count++];
        if (!parse_field(line, h, bad) || !note_field(h->name, h->value, out, &f, bad)) return false;
    }
    return check_framing(&f, minor, out, bad);
}

/* --- the body --- */

enum body_state {
    BODY_DONE,
    BODY_PLAIN,
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    TRAILER_START,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF
};

/* 15 hex digits cannot overflow; extensions and trailers mean nothing to us, so that there may be few of them. */
enum { CHUNK_DIGITS_MAX = 15, OVERHEAD_MAX = 16384 };

void http1_body_init(struct http1_body *b, const struct http1_head *head)
{
    *b = (struct http1_body){.left = head->chunked ? 0 : head->length};
    b->state = head->chunked ? CHUNK_SIZE : head->length ? BODY_PLAIN : BODY_DONE;
}

bool http1_body_is_done(const struct http1_body *b)
{
    return b->state == BODY_DONE;
}

uint64_t http1_body_left(const struct http1_body *b)
{
    return b->state == BODY_DONE || b->state == BODY_PLAIN ? b->left : UINT64_MAX;
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a chunk's size line. Every step function returns the next state, or -1. */
static int step_size(struct http1_body *b, unsigned char c)
{
    int digit = hex_digit(c);
    if (digit >= 0) {
        b->left = b->left << 4 | (unsigned)digit;
        return ++b->digits > CHUNK_DIGITS_MAX ? -1 : CHUNK_SIZE;
    }
    if (b->digits == 0) return -1;
    return c == '\r' ? CHUNK_SIZE_LF : c == ';' ? CHUNK_EXTENSION : -1;
}

static int step_size_lf(struct http1_body *b, unsigned char c)
{
    if (c != '\n') return -1;
    b->digits = 0;
    return b->left ? CHUNK_DATA : TRAILER_START;
}

static int step_trailer(struct http1_body *b, unsigned char c)
{
    if (++b->overhead > OVERHEAD_MAX) return -1;
    switch (b->state) {
    case TRAILER_START:
        return c == '\r' ? LAST_LF : is_token_char(c) ? TRAILER_NAME : -1;
    case TRAILER_NAME:
        return c == ':' ? TRAILER_VALUE : is_token_char(c) ? TRAILER_NAME : -1;
    case TRAILER_VALUE:
        return c == '\r' ? TRAILER_LF : is_value_char(c) ? TRAILER_VALUE : -1;
    case TRAILER_LF:
        return c == '\n' ? TRAILER_START : -1;
    default:
        return c == '\n' ? BODY_DONE : -1;
    }
}

static int step_frame(struct http1_body *b, unsigned char c)
{
    switch (b->state) {
    case CHUNK_SIZE:
        return step_size(b, c);
    case CHUNK_EXTENSION:
        if (++b->overhead > OVERHEAD_MAX) return -1;
        return c == '\r' ? CHUNK_SIZE_LF : is_value_char(c) ? CHUNK_EXTENSION : -1;
    case CHUNK_SIZE_LF:
        return step_size_lf(b, c);
    case CHUNK_DATA_CR:
        return c == '\r' ? CHUNK_DATA_LF : -1;
    case CHUNK_DATA_LF:
        return c == '\n' ? CHUNK_SIZE : -1;
    default:
        return step_trailer(b, c);
    }
}

static struct str take_data(struct http1_body *b, struct str *in)
{
    struct str data = str_first(*in, b->left < in->n ? (size_t)b->left : in->n);
    *in = str_from(*in, data.n);
    b->left -= data.n;
    if (b->left == 0) b->state = b->state == BODY_PLAIN ? BODY_DONE : CHUNK_DATA_CR;
    return data;
}

enum http1_step http1_body_next(struct http1_body *b, struct str *in, struct str *data, struct http1_bad *bad)
{
    for (;;) {
        if (b->state == BODY_DONE) return HTTP1_DONE;
        if (in->n == 0) return HTTP1_MORE;
        if (b->state == BODY_PLAIN || b->state == CHUNK_DATA) {
            *data = take_data(b, in);
            return HTTP1_DATA;
        }
        int next = step_frame(b, (unsigned char)in->p[0]);
        if (next < 0) {
            refuse(bad, 400, "The chunks of the request's body are malformed.");
            return HTTP1_BAD;
        }
        b->state = (uint8_t)next;
        *in = str_from(*in, 1);
    }
}
