/* X-Forwarded-For and Forwarded: what anybody wrote before the proxy's own element must not change who the client is. */
#include <stdlib.h>

#include "http/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) abort();
}

static struct ip client(const char *name, struct str value, const char *peer)
{
    struct network proxies = {0};
    struct ip ip = {0};
    struct http_header h = {str_c(name), value};
    must(network_parse(STR("10.0.0.0/8"), &proxies) && ip_parse(str_c(peer), &ip));
    return forwarded_client(&h, 1, &proxies, 1, ip);
}

static bool same(const struct ip a, const struct ip b)
{
    return memcmp(a.byte, b.byte, sizeof a.byte) == 0;
}

static void check(struct arena *a, const char *name, struct str header, const char *prefix)
{
    struct ip seen = {0}, back = {0};
    char text[ADDRESS_TEXT];
    must(ip_parse(STR("203.0.113.9"), &seen));
    must(same(client(name, arena_join(a, header, STR(","), arena_printf(a, "%s203.0.113.9", prefix)), "10.1.1.1"), seen));
    struct ip direct = client(name, header, "10.0.0.1");
    must(same(client(name, arena_join(a, header, STR(","), arena_printf(a, "%s10.0.0.1", prefix)), "10.1.1.1"), direct));
    must(ip_parse(str_make(text, ip_text(&direct, text)), &back) && same(back, direct));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct network n = {0};
    arena_init(&a);
    struct str header = arena_str(&a, str_make((const char *)data, size));
    check(&a, "X-Forwarded-For", header, "");
    check(&a, "Forwarded", header, "for=");
    if (network_parse(header, &n)) must(n.bits <= 128);
    arena_release(&a);
    return 0;
}
