/* What no single value can tell: forms with a grammar, and settings that need or exclude each other. */
#include "blob/s3/s3.h"
#include "broker/amqp/amqp.h"
#include "cache/redis/redis.h"
#include "main/listen.h"
#include "main/settings.h"
#include "matrix/contact.h"
#include "matrix/version.h"

struct checking {
    const struct settings *s;
    struct buf *problems;
};

static void tell(const struct checking *c, const char *section, const char *name, const char *reason)
{
    const struct setting_row *row = setting_find(str_c(section), str_c(name));
    const char *where = row ? c->s->origin[row - setting_rows].where : NULL;
    buf_printf(c->problems, "%s%s[%s] %s: %s\n", where ? where : "", where ? ": " : "", section, name, reason);
}

static bool host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

static bool ip6_char(char c)
{
    return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == '.' || c == ':';
}

/* The specification's grammar of server names: a host, or an IPv6 address in brackets, and perhaps a port. */
static bool is_server_name(struct str s)
{
    size_t i = 0;
    if (s.n && s.p[0] == '[') {
        ptrdiff_t end = str_find(s, ']');
        if (end < 3) return false;
        for (i = 1; i < (size_t)end; i++)
            if (!ip6_char(s.p[i])) return false;
        i = (size_t)end + 1;
    } else {
        while (i < s.n && host_char(s.p[i]))
            i++;
        if (i == 0) return false;
    }
    if (i == s.n) return true;
    int64_t port;
    struct str digits = str_from(s, i + 1);
    return s.p[i] == ':' && digits.n <= 5 && str_to_int64(digits, &port) && port >= 0;
}

static bool is_url(struct str s)
{
    struct str rest = str_starts(s, STR("https://")) ? str_from(s, 8) : str_starts(s, STR("http://")) ? str_from(s, 7) : STR("");
    for (size_t i = 0; i < rest.n; i++)
        if (!host_char(rest.p[i]) && !strchr(":[]/_~", rest.p[i])) return false;
    return rest.n > 0;
}

static bool url_is_local(struct str s)
{
    struct str host = str_from(s, str_starts(s, STR("https://")) ? 8 : 7);
    return str_starts(host, STR("localhost")) || str_starts(host, STR("127.")) || str_starts(host, STR("[::1]"));
}

static void check_contacts(const struct checking *c)
{
    const struct setting_list *list = &c->s->server.admin_contact;
    size_t pages = 0;
    for (size_t i = 0; i < list->count; i++) {
        enum contact_kind kind = contact_kind(list->item[i]);
        pages += kind == CONTACT_PAGE;
        if (kind != CONTACT_NONE) continue;
        char reason[200];
        snprintf(reason, sizeof reason,
                 "\"%.60s\" is no contact; write admin@example.org, @admin:example.org or https://example.org/support", list->item[i].p);
        tell(c, "server", "admin_contact", reason);
    }
    if (pages > 1) tell(c, "server", "admin_contact", "names more than one page; clients are told of one only");
}

static void check_server(const struct checking *c)
{
    const struct settings *s = c->s;
    if (!is_server_name(s->server.name)) tell(c, "server", "name", "is not a server name; write it like example.org or example.org:8448");
    if (s->server.public_url.n && !is_url(s->server.public_url))
        tell(c, "server", "public_url", "is not an address; write it like https://chat.example.org");
    check_contacts(c);
}

static void check_networks(const struct checking *c, const struct setting_list *list, const char *section, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (network_is_valid(list->item[i])) continue;
        char reason[200];
        snprintf(reason, sizeof reason, "\"%.60s\" is neither an address nor a network; write it like 192.0.2.1 or 10.0.0.0/8",
                 list->item[i].p);
        tell(c, section, name, reason);
    }
}

/* The first address that others can reach, or NULL. Tells of those that are none. */
static const char *check_listen(const struct checking *c)
{
    const struct settings *s = c->s;
    const char *reached = NULL;
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < s->server.listen.count; i++) {
        struct listen_address at;
        struct fault f;
        struct str text = s->server.listen.item[i];
        if (listen_parse(&a, text, &at, &f) != ERR_OK)
            tell(c, "server", "listen", f.text);
        else if (!at.local && !reached)
            reached = text.p;
    }
    arena_release(&a);
    if (!reached && s->server.public_url.n && is_url(s->server.public_url) && !url_is_local(s->server.public_url))
        reached = s->server.public_url.p;
    return reached;
}

static void check_broker(const struct checking *c)
{
    const struct settings *s = c->s;
    for (size_t i = 0; i < s->broker.url.count; i++) {
        char reason[300];
        struct fault f;
        if (broker_amqp_check_url(s->broker.url.item[i], &f) == ERR_OK) continue;
        snprintf(reason, sizeof reason, "the %zu. address: %s", i + 1, f.text);
        tell(c, "broker", "url", reason);
    }
    if (s->broker.url.count && !s->store.url.count)
        tell(c, "broker", "url", "a broker is for several servers, and those need a database that they share: set [store] url");
    if (s->broker.prefetch < BROKER_AMQP_PREFETCH_MIN) {
        char reason[200];
        snprintf(reason, sizeof reason,
                 "is below %d: a slot's queue may hold %d records, and those beyond the prefetch lose their order when two servers die one "
                 "after the other",
                 BROKER_AMQP_PREFETCH_MIN, BROKER_BACKLOG_RECORDS);
        tell(c, "broker", "prefetch", reason);
    }
    if (!broker_name_ok(s->broker.prefix)) tell(c, "broker", "prefix", "has letters, digits, '.', '_' and '-' only");
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((host_char(s.p[i]) || s.p[i] == '_' || s.p[i] == '~'))) return false;
    return s.n >= 1 && s.n <= 64;
}

static void check_registration(const struct checking *c, const char *reached)
{
    const struct settings *s = c->s;
    if (s->registration.mode == REGISTRATION_OPEN && reached && !s->registration.allow_public_open) {
        char reason[600];
        snprintf(reason, sizeof reason,
                 "is open, and others can reach the server at %.200s: anyone, and any program, could make accounts and send from them. "
                 "Set registration.mode to token or closed; or, if that is what you want, registration.allow_public_open = true",
                 reached);
        tell(c, "registration", "mode", reason);
    }
    if (s->registration.mode == REGISTRATION_TOKEN && s->registration.tokens.count == 0)
        tell(c, "registration", "tokens", "is empty, so that nobody could register; give a token, or set registration.mode to closed");
    for (size_t i = 0; i < s->registration.tokens.count; i++)
        if (!is_token(s->registration.tokens.item[i]))
            tell(c, "registration", "tokens", "a token has 1 to 64 characters of A-Z a-z 0-9 . _ ~ -");
}

static void check_rooms(const struct checking *c)
{
    struct str name = c->s->rooms.default_version;
    if (room_version_find(name)) return;
    struct buf reason;
    buf_init(&reason, 400);
    buf_printf(&reason, "\"%.32s\" is unknown here; take one of", name.p);
    for (unsigned n = ROOM_VERSION_FIRST; n <= ROOM_VERSION_LAST; n++) {
        const struct room_version *v = room_version_number(n);
        if (v->supported) buf_printf(&reason, " %s", v->name);
    }
    buf_byte(&reason, 0);
    tell(c, "rooms", "default_version", reason.p);
    buf_release(&reason);
}

static void check_tls(const struct checking *c)
{
    bool certificate = c->s->tls.certificate[0], key = c->s->tls.key[0];
    if (certificate && !key) tell(c, "tls", "key", "is missing; TLS needs the certificate and its key");
    if (key && !certificate) tell(c, "tls", "certificate", "is missing; TLS needs the certificate and its key");
}

static void check_cache(const struct checking *c)
{
    struct fault f;
    if (c->s->cache.url.n && cache_redis_check_url(c->s->cache.url, &f) != ERR_OK) tell(c, "cache", "url", f.text);
}

static bool is_region(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!host_char(s.p[i])) return false;
    return true;
}

static void check_media(const struct checking *c)
{
    struct fault f;
    if (c->s->media.url.n && blobs_s3_check_url(c->s->media.url, &f) != ERR_OK) tell(c, "media", "url", f.text);
    if (!is_region(c->s->media.region)) tell(c, "media", "region", "has letters, digits, '.' and '-' only");
}

/* Without a word of the URL: it may have a password. */
static void check_store(const struct checking *c)
{
    const struct setting_list *list = &c->s->store.url;
    for (size_t i = 0; i < list->count; i++) {
        if (str_starts(list->item[i], STR("postgresql://")) || str_starts(list->item[i], STR("postgres://"))) continue;
        char reason[120];
        snprintf(reason, sizeof reason, "number %zu is no address of a database; write it like postgresql://user@host/database", i + 1);
        tell(c, "store", "url", reason);
    }
}

bool settings_check(const struct settings *s, struct buf *problems)
{
    struct checking c = {s, problems};
    size_t before = problems->n;
    check_server(&c);
    check_registration(&c, check_listen(&c));
    check_networks(&c, &s->server.trusted_proxies, "server", "trusted_proxies");
    check_networks(&c, &s->metrics.allow, "metrics", "allow");
    check_tls(&c);
    check_broker(&c);
    check_rooms(&c);
    check_cache(&c);
    check_media(&c);
    check_store(&c);
    return problems->n == before && buf_ok(problems);
}
