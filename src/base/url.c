#include "base/url.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* False: a bad %XX, a NUL, or too long. */
static bool decode(struct str s, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int c = (unsigned char)s.p[i];
        if (c == '%') {
            if (s.n - i < 3 || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0) return false;
            c = hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]);
            i += 2;
        }
        if (c == 0 || n + 1 >= size) return false;
        out[n++] = (char)c;
    }
    out[n] = 0;
    return true;
}

/* Cuts `s` at the first `c`: what stands before it is returned, what stands behind it is left. Without one all is left. */
static bool cut(struct str *s, char c, struct str *before)
{
    ptrdiff_t at = str_find(*s, c);
    if (at < 0) return false;
    *before = str_first(*s, (size_t)at);
    *s = str_from(*s, (size_t)at + 1);
    return true;
}

static bool take_login(struct str *rest, struct url *u)
{
    struct str user, password;
    if (!cut(rest, '@', &password)) return true;
    if (!cut(&password, ':', &user)) {
        user = password;
        password = STR("");
    }
    return decode(user, u->user, sizeof u->user) && decode(password, u->password, sizeof u->password);
}

static bool take_port(struct str digits, struct url *u)
{
    int64_t port;
    if (!str_to_int64(digits, &port) || port < 1 || port > 65535) return false;
    u->port = (uint16_t)port;
    return true;
}

static bool take_address(struct str at, struct url *u)
{
    struct str host = at, port = STR("");
    if (at.n && at.p[0] == '[') {
        at = str_from(at, 1);
        if (!cut(&at, ']', &host) || (at.n && at.p[0] != ':')) return false;
        port = str_from(at, 1);
        if (at.n && port.n == 0) return false;
    } else if (cut(&at, ':', &host)) {
        port = at;
        if (port.n == 0) return false;
    }
    return host.n && decode(host, u->host, sizeof u->host) && (port.n == 0 || take_port(port, u));
}

enum err url_parse(struct str text, struct url *out, struct fault *f)
{
    struct str rest = text, scheme, address;
    *out = (struct url){0};
    if (!cut(&rest, ':', &scheme) || !scheme.n || !str_starts(rest, STR("//")) || !decode(scheme, out->scheme, sizeof out->scheme))
        return fault_set(f, ERR_INVALID_PARAM, "it does not begin with a scheme and ://");
    rest = str_from(rest, 2);
    if (str_find(rest, '?') >= 0 || str_find(rest, '#') >= 0)
        return fault_set(f, ERR_INVALID_PARAM, "it takes no parameters (write ? and # as %%3F and %%23)");
    /* The address ends at the first slash, which a password has written as %2F. */
    struct str path = STR("");
    if (cut(&rest, '/', &address))
        path = rest;
    else
        address = rest;
    if (!take_login(&address, out)) return fault_set(f, ERR_INVALID_PARAM, "the user or password is not written as USER:PASSWORD@");
    if (!take_address(address, out)) return fault_set(f, ERR_INVALID_PARAM, "the host is not written as HOST:PORT or [IPv6]:PORT");
    if (!decode(path, out->path, sizeof out->path))
        return fault_set(f, ERR_INVALID_PARAM, "what stands behind the / is too long or badly written");
    return ERR_OK;
}
