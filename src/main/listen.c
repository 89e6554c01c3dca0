#include "main/listen.h"

#include <arpa/inet.h>
#include <sys/un.h>

static bool loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static enum err parse_unix(struct arena *a, struct str text, struct listen_address *out, struct fault *f)
{
    struct str path = str_from(text, 5);
    if (path.n == 0 || path.p[0] != '/') return fault_set(f, ERR_INVALID_PARAM, "a unix socket is written unix:/path, with the whole path");
    if (path.n >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return fault_set(f, ERR_INVALID_PARAM, "the path of a unix socket may have at most 107 bytes");
    *out = (struct listen_address){.host = arena_cstr(a, text), .local = true};
    return ERR_OK;
}

/* Cuts "host:port" at the colon; an IPv6 host is in brackets. */
static bool split(struct str text, struct str *host, struct str *port)
{
    if (text.n && text.p[0] == '[') {
        ptrdiff_t end = str_find(text, ']');
        if (end < 0 || (size_t)end + 1 >= text.n || text.p[end + 1] != ':') return false;
        *host = str_make(text.p + 1, (size_t)end - 1);
        *port = str_from(text, (size_t)end + 2);
        return true;
    }
    ptrdiff_t colon = str_find(text, ':');
    if (colon < 0) return false;
    *host = str_first(text, (size_t)colon);
    *port = str_from(text, (size_t)colon + 1);
    return true;
}

enum err listen_parse(struct arena *a, struct str text, struct listen_address *out, struct fault *f)
{
    if (str_starts(text, STR("unix:"))) return parse_unix(a, text, out, f);
    struct str host, port;
    int64_t number;
    if (!split(text, &host, &port) || !str_to_int64(port, &number) || number < 0 || number > 65535)
        return fault_set(f, ERR_INVALID_PARAM, "\"%.*s\" is not an address; write it like 127.0.0.1:8008, [::1]:8008 or unix:/path",
                         STR_FMT(str_first(text, 100)));
    const char *c = str_is(host, "localhost") ? "127.0.0.1" : arena_cstr(a, host);
    struct in6_addr any;
    bool v6 = text.p[0] == '[';
    if (inet_pton(v6 ? AF_INET6 : AF_INET, c, &any) != 1)
        return fault_set(f, ERR_INVALID_PARAM, "\"%.*s\" is not an IP address; names other than localhost are not looked up",
                         STR_FMT(str_first(host, 100)));
    *out = (struct listen_address){.host = c, .port = (uint16_t)number, .local = loopback(c)};
    return ERR_OK;
}

bool network_is_valid(struct str text)
{
    if (str_is(text, "unix")) return true;
    ptrdiff_t slash = str_find(text, '/');
    struct str ip = slash < 0 ? text : str_first(text, (size_t)slash);
    char c[INET6_ADDRSTRLEN];
    struct in6_addr any;
    if (ip.n >= sizeof c) return false;
    memcpy(c, ip.p, ip.n);
    c[ip.n] = 0;
    bool v6 = str_find(ip, ':') >= 0;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, c, &any) != 1) return false;
    int64_t bits = 0;
    return slash < 0 || (str_to_int64(str_from(text, (size_t)slash + 1), &bits) && bits >= 0 && bits <= (v6 ? 128 : 32));
}
