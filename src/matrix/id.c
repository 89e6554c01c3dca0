#include "matrix/id.h"

#include <arpa/inet.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t id_hash(struct str s)
{
    return XXH64(s.p, s.n, 0);
}

unsigned id_slot(struct str id)
{
    return (unsigned)(id_hash(id) & (ID_SLOTS - 1));
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}
static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}
static bool is_alnum(char c)
{
    return is_digit(c) || is_lower(c) || is_upper(c);
}
static bool is_dns(char c)
{
    return is_alnum(c) || c == '-' || c == '.';
}
static bool is_base64url(char c)
{
    return is_alnum(c) || c == '-' || c == '_';
}
static bool is_opaque(char c)
{
    return is_base64url(c) || c == '.' || c == '~';
}
static bool is_common(char c)
{
    return is_lower(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
}
static bool is_new_user(char c)
{
    return is_common(c) || c == '=' || c == '/' || c == '+';
}
static bool is_ipv6(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

static bool all(struct str s, bool (*ok)(char c))
{
    for (size_t i = 0; i < s.n; i++)
        if (!ok(s.p[i])) return false;
    return true;
}

static bool sized(struct str s)
{
    return s.n >= 1 && s.n <= ID_MAX;
}
static bool is_text(struct str s)
{
    return str_is_utf8(s) && str_find(s, 0) < 0;
}

/* --- server names --- */

static bool port_ok(struct str s, unsigned *port)
{
    if (s.n < 1 || s.n > 5 || !all(s, is_digit)) return false;
    unsigned v = 0;
    for (size_t i = 0; i < s.n; i++)
        v = v * 10 + (unsigned)(s.p[i] - '0');
    *port = v;
    return v >= 1 && v <= 65535;
}

/* `[…]` in front; the brackets are not part of the address. */
static bool ipv6_ok(struct str s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (s.n < 2 || s.n >= sizeof text || !all(s, is_ipv6)) return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* Length of the host in front of the port. */
static size_t host_length(struct str s)
{
    ptrdiff_t at = str_find(s, s.n && s.p[0] == '[' ? ']' : ':');
    if (at < 0) return s.n;
    return s.p[0] == '[' ? (size_t)at + 1 : (size_t)at;
}

bool id_server_name(struct str s, struct str *host, unsigned *port)
{
    if (!sized(s)) return false;
    struct str name = str_first(s, host_length(s)), rest = str_from(s, name.n);
    bool literal = name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']';
    if (literal ? !ipv6_ok(str_make(name.p + 1, name.n - 2)) : name.n == 0 || !all(name, is_dns)) return false;
    unsigned number = 0;
    if (rest.n && (rest.p[0] != ':' || !port_ok(str_from(rest, 1), &number))) return false;
    if (host) *host = name;
    if (port) *port = number;
    return true;
}

/* --- ids with a sigil --- */

/* `&local:server`; the local part may hold anything but ':' and NUL. */
static bool with_server(struct str s, char sigil, struct id *out)
{
    if (!sized(s) || s.p[0] != sigil) return false;
    ptrdiff_t colon = str_find(s, ':');
    if (colon < 0) return false;
    struct id id = {.local = str_make(s.p + 1, (size_t)colon - 1), .server = str_from(s, (size_t)colon + 1)};
    if (!is_text(id.local) || !id_server_name(id.server, NULL, NULL)) return false;
    if (out) *out = id;
    return true;
}

static bool without_server(struct str s, struct id *out)
{
    if (out) *out = (struct id){.local = str_from(s, 1), .server = STR("")};
    return true;
}

bool id_user(struct str s, struct id *out)
{
    return with_server(s, '@', out);
}
bool id_alias(struct str s, struct id *out)
{
    return with_server(s, '#', out);
}

bool id_localpart_is_new(struct str s)
{
    return sized(s) && all(s, is_new_user);
}

enum { HASH_CHARACTERS = 43 }; /* of SHA-256 in unpadded base64 */

bool id_room(struct str s, struct id *out)
{
    if (str_find(s, ':') >= 0) return with_server(s, '!', out);
    if (s.n != HASH_CHARACTERS + 1 || s.p[0] != '!' || !all(str_from(s, 1), is_base64url)) return false;
    return without_server(s, out);
}

bool id_event(struct str s, struct id *out)
{
    if (str_find(s, ':') >= 0) return with_server(s, '$', out);
    if (s.n < 2 || s.n > ID_MAX || s.p[0] != '$' || !is_text(s)) return false;
    return without_server(s, out);
}

struct str id_server_of(struct str id)
{
    ptrdiff_t colon = str_find(id, ':');
    return colon < 0 ? STR("") : str_from(id, (size_t)colon + 1);
}

/* --- the rest --- */

bool id_device(struct str s)
{
    if (!sized(s) || !str_is_utf8(s)) return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F) return false;
    return true;
}

bool id_mxc(struct str s, struct id *out)
{
    struct str scheme = STR("mxc://");
    if (!sized(s) || !str_starts(s, scheme)) return false;
    s = str_from(s, scheme.n);
    ptrdiff_t slash = str_find(s, '/');
    if (slash < 0) return false;
    struct id id = {.server = str_first(s, (size_t)slash), .local = str_from(s, (size_t)slash + 1)};
    if (!id_server_name(id.server, NULL, NULL) || id.local.n == 0 || !all(id.local, is_base64url)) return false;
    if (out) *out = id;
    return true;
}

bool id_opaque(struct str s)
{
    return sized(s) && all(s, is_opaque);
}
bool id_common(struct str s)
{
    return sized(s) && is_lower(s.p[0]) && all(s, is_common);
}
