#include "http/internal.h"

/* Whole lines, because that is what is sent. */
static struct str status_line(int status)
{
    switch (status) {
#define LINE(code, reason)                                                                                                                 \
    case code:                                                                                                                             \
        return STR("HTTP/1.1 " #code " " reason "\r\n")
        LINE(200, "OK");
        LINE(201, "Created");
        LINE(202, "Accepted");
        LINE(204, "No Content");
        LINE(206, "Partial Content");
        LINE(301, "Moved Permanently");
        LINE(302, "Found");
        LINE(303, "See Other");
        LINE(304, "Not Modified");
        LINE(307, "Temporary Redirect");
        LINE(308, "Permanent Redirect");
        LINE(400, "Bad Request");
        LINE(401, "Unauthorized");
        LINE(403, "Forbidden");
        LINE(404, "Not Found");
        LINE(405, "Method Not Allowed");
        LINE(408, "Request Timeout");
        LINE(409, "Conflict");
        LINE(410, "Gone");
        LINE(412, "Precondition Failed");
        LINE(413, "Content Too Large");
        LINE(414, "URI Too Long");
        LINE(415, "Unsupported Media Type");
        LINE(416, "Range Not Satisfiable");
        LINE(417, "Expectation Failed");
        LINE(429, "Too Many Requests");
        LINE(431, "Request Header Fields Too Large");
        LINE(500, "Internal Server Error");
        LINE(501, "Not Implemented");
        LINE(502, "Bad Gateway");
        LINE(503, "Service Unavailable");
        LINE(504, "Gateway Timeout");
        LINE(505, "HTTP Version Not Supported");
#undef LINE
    default:
        return (struct str){0};
    }
}

static void add_status_line(struct buf *b, int status)
{
    struct str known = status_line(status);
    if (known.n)
        buf_add(b, known);
    else
        buf_printf(b, "HTTP/1.1 %03d \r\n", status >= 200 && status <= 999 ? status : 500);
}

bool response_value_ok(struct str v)
{
    for (size_t i = 0; i < v.n; i++)
        if ((unsigned char)v.p[i] < 0x20 || v.p[i] == 0x7f) return false;
    return true;
}

static void add_header(struct buf *b, struct http_header h)
{
    /* A value with a line break would be a way to write headers, or a whole response, of one's own. */
    if (!response_value_ok(h.value)) return;
    char *p = buf_room(b, h.name.n + h.value.n + 4);
    if (!p) return;
    memcpy(p, h.name.p, h.name.n);
    p += h.name.n;
    *p++ = ':';
    *p++ = ' ';
    if (h.value.n) memcpy(p, h.value.p, h.value.n);
    p += h.value.n;
    *p++ = '\r';
    *p++ = '\n';
    buf_added(b, h.name.n + h.value.n + 4);
}

bool status_has_body(int status)
{
    return status != 204 && status != 304;
}

struct str response_head(struct worker *w, int status, const struct http_header *h, size_t n, uint64_t length, const char *connection)
{
    struct buf *b = &w->head;
    buf_clear(b);
    add_status_line(b, status);
    if (length != UINT64_MAX) {
        buf_add(b, STR("content-length: "));
        buf_int(b, (int64_t)length);
        buf_add(b, STR("\r\n"));
    }
    buf_add(b, worker_date(w));
    for (size_t i = 0; i < n; i++)
        add_header(b, h[i]);
    if (connection) add_header(b, (struct http_header){STR("connection"), str_c(connection)});
    buf_add(b, STR("\r\n"));
    return buf_str(b);
}

#define HEADER(name, value)                                                                                                                \
    {                                                                                                                                      \
        {name, sizeof name - 1},                                                                                                           \
        {                                                                                                                                  \
            value, sizeof value - 1                                                                                                        \
        }                                                                                                                                  \
    }
const struct http_header refusal_header[REFUSAL_HEADERS] = {
    HEADER("content-type", "application/json"),
    HEADER("access-control-allow-origin", "*"),
    HEADER("access-control-allow-methods", "GET, POST, PUT, DELETE, OPTIONS"),
    HEADER("access-control-allow-headers", "X-Requested-With, Content-Type, Authorization"),
};
#undef HEADER

struct str refusal_body(char *out, size_t size, int status, const char *sentence)
{
    bool large = status == 413 || status == 414 || status == 431;
    int n = snprintf(out, size, "{\"errcode\":\"%s\",\"error\":\"%s\"}", large ? "M_TOO_LARGE" : "M_UNKNOWN", sentence);
    return str_make(out, n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1);
}
