#include "main/network.h"

#include <arpa/inet.h>

struct address {
    unsigned char b[16];
    unsigned bits; /* 32 or 128 */
};

static bool read_address(struct str s, struct address *out)
{
    char text[64];
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (s.n == 0 || s.n >= sizeof text) return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    if (inet_pton(AF_INET, text, out->b) == 1) {
        out->bits = 32;
        return true;
    }
    if (inet_pton(AF_INET6, text, out->b) != 1) return false;
    out->bits = 128;
    if (memcmp(out->b, mapped, sizeof mapped) == 0) {
        memmove(out->b, out->b + 12, 4);
        out->bits = 32;
    }
    return true;
}

bool network_has(struct str network, struct str address)
{
    struct address n, a;
    ptrdiff_t slash = str_find(network, '/');
    if (!read_address(slash < 0 ? network : str_first(network, (size_t)slash), &n) || !read_address(address, &a) || n.bits != a.bits)
        return false;
    int64_t bits = n.bits;
    if (slash >= 0 && !str_to_int64(str_from(network, (size_t)slash + 1), &bits)) return false;
    if (bits < 0 || bits > n.bits) return false;
    size_t whole = (size_t)bits / 8;
    if (memcmp(n.b, a.b, whole) != 0) return false;
    unsigned rest = (unsigned)bits % 8;
    return rest == 0 || ((n.b[whole] ^ a.b[whole]) >> (8 - rest)) == 0;
}
