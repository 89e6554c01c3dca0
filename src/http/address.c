#include <arpa/inet.h>

#include "http/internal.h"

static const unsigned char v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const struct ip *ip)
{
    return memcmp(ip->byte, v4_prefix, sizeof v4_prefix) == 0;
}

bool ip_parse(struct str text, struct ip *out)
{
    char c[ADDRESS_TEXT];
    if (text.n == 0 || text.n >= sizeof c || memchr(text.p, 0, text.n)) return false;
    memcpy(c, text.p, text.n);
    c[text.n] = 0;
    memcpy(out->byte, v4_prefix, sizeof v4_prefix);
    return inet_pton(AF_INET, c, out->byte + sizeof v4_prefix) == 1 || inet_pton(AF_INET6, c, out->byte) == 1;
}

/* Done for every request, where inet_ntop, which formats with printf, would be felt. */
static char *decimal_byte(char *p, unsigned char v)
{
    if (v >= 100) *p++ = (char)('0' + v / 100);
    if (v >= 10) *p++ = (char)('0' + v / 10 % 10);
    *p++ = (char)('0' + v % 10);
    return p;
}

size_t ip_text(const struct ip *ip, char out[ADDRESS_TEXT])
{
    if (!is_v4(ip)) return inet_ntop(AF_INET6, ip->byte, out, ADDRESS_TEXT) ? strlen(out) : 0;
    char *p = out;
    for (int i = 12; i < 16; i++) {
        p = decimal_byte(p, ip->byte[i]);
        *p++ = '.';
    }
    *--p = 0;
    return (size_t)(p - out);
}

bool network_parse(struct str text, struct network *out)
{
    *out = (struct network){.local = str_is(text, "unix")};
    if (out->local) return true;
    ptrdiff_t slash = str_find(text, '/');
    if (!ip_parse(slash < 0 ? text : str_first(text, (size_t)slash), &out->ip)) return false;
    int64_t bits = 128, widest = is_v4(&out->ip) && str_find(text, ':') < 0 ? 32 : 128;
    if (slash >= 0) {
        if (!str_to_int64(str_from(text, (size_t)slash + 1), &bits) || bits < 0 || bits > widest) return false;
        bits += 128 - widest;
    }
    out->bits = (unsigned)bits;
    return true;
}

static bool same_prefix(const struct ip *a, const struct ip *b, unsigned bits)
{
    if (memcmp(a->byte, b->byte, bits / 8) != 0) return false;
    unsigned rest = bits % 8;
    return rest == 0 || ((a->byte[bits / 8] ^ b->byte[bits / 8]) >> (8 - rest)) == 0;
}

bool network_holds(const struct network *n, size_t count, const struct address *a)
{
    for (size_t i = 0; i < count; i++)
        if (n[i].local == a->local && (a->local || same_prefix(&n[i].ip, &a->ip, n[i].bits))) return true;
    return false;
}

/* --- what proxies say --- */

/* An address as proxies write it: bare, with a port, in brackets, quoted. */
static bool hop_address(struct str s, struct ip *out)
{
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"') s = str_make(s.p + 1, s.n - 2);
    if (s.n && s.p[0] == '[') {
        ptrdiff_t end = str_find(s, ']');
        return end > 0 && ip_parse(str_make(s.p + 1, (size_t)end - 1), out);
    }
    if (ip_parse(s, out)) return true;
    ptrdiff_t colon = str_find(s, ':');
    return colon > 0 && ip_parse(str_first(s, (size_t)colon), out);
}

static struct str trim(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_from(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* The "for" of one element of Forwarded; the element itself in X-Forwarded-For. */
static struct str hop_of(struct str element, bool standard)
{
    if (!standard) return trim(element);
    while (element.n) {
        ptrdiff_t semi = str_find(element, ';');
        struct str pair = trim(semi < 0 ? element : str_first(element, (size_t)semi));
        element = str_from(element, semi < 0 ? element.n : (size_t)semi + 1);
        if (pair.n > 4 && str_eq_nocase(str_first(pair, 4), STR("for="))) return str_from(pair, 4);
    }
    return (struct str){0};
}

/* Walks the elements of one header from its end. False: go on with the header before it. */
static bool walk_header(struct str v, bool standard, const struct network *trusted, size_t networks, struct ip *client)
{
    while (v.n) {
        size_t at = v.n;
        while (at && v.p[at - 1] != ',')
            at--;
        struct address hop = {0};
        if (!hop_address(hop_of(str_from(v, at), standard), &hop.ip)) return true;
        *client = hop.ip;
        if (!network_holds(trusted, networks, &hop)) return true;
        v.n = at ? at - 1 : 0;
    }
    return false;
}

static bool walk(const struct http_header *h, size_t n, bool standard, const struct network *trusted, size_t networks, struct ip *client)
{
    struct str name = standard ? STR("forwarded") : STR("x-forwarded-for");
    bool any = false;
    while (n-- > 0) {
        if (!str_eq_nocase(h[n].name, name)) continue;
        any = true;
        if (walk_header(h[n].value, standard, trusted, networks, client)) break;
    }
    return any;
}

struct ip forwarded_client(const struct http_header *h, size_t n, const struct network *trusted, size_t networks, struct ip peer)
{
    if (!walk(h, n, false, trusted, networks, &peer)) walk(h, n, true, trusted, networks, &peer);
    return peer;
}
