#include "http/http.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_decode(struct arena *a, struct str in, bool plus, struct str *out)
{
    char *p = arena_alloc(a, in.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '%') {
            int high = in.n - i > 2 ? hex(in.p[i + 1]) : -1, low = in.n - i > 2 ? hex(in.p[i + 2]) : -1;
            if (high < 0 || low < 0) return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        p[n++] = c;
    }
    p[n] = 0;
    *out = str_make(p, n);
    return true;
}

/* Cuts the next "name=value" off the front of `query`. */
static struct str take_pair(struct str *query, struct str *value)
{
    ptrdiff_t amp = str_find(*query, '&');
    struct str pair = amp < 0 ? *query : str_first(*query, (size_t)amp);
    *query = str_from(*query, amp < 0 ? query->n : (size_t)amp + 1);
    ptrdiff_t eq = str_find(pair, '=');
    *value = eq < 0 ? str_from(pair, pair.n) : str_from(pair, (size_t)eq + 1);
    return eq < 0 ? pair : str_first(pair, (size_t)eq);
}

static bool name_is(struct arena *a, struct str raw, struct str name)
{
    if (str_eq(raw, name)) return true;
    struct str decoded;
    return str_find(raw, '%') >= 0 && http_decode(a, raw, true, &decoded) && str_eq(decoded, name);
}

static bool next_value(struct arena *a, struct str *query, struct str name, struct str *out)
{
    while (query->n) {
        struct str value, raw = take_pair(query, &value);
        if (name_is(a, raw, name) && http_decode(a, value, true, out)) return true;
    }
    return false;
}

struct str http_query(struct arena *a, struct str query, struct str name)
{
    struct str out;
    return next_value(a, &query, name, &out) ? out : (struct str){0};
}

void http_query_each(struct arena *a, struct str query, struct str name, void (*each)(void *arg, struct str value), void *arg)
{
    struct str out;
    while (next_value(a, &query, name, &out))
        each(arg, out);
}
