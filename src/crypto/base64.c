#include "crypto/crypto.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct str base64_encode(struct arena *a, struct str data, bool url_safe)
{
    const char *letters = url_safe ? safe : standard;
    const unsigned char *in = (const unsigned char *)data.p;
    char *out = arena_alloc(a, data.n / 3 * 4 + 4), *to = out;
    size_t i = 0;
    for (; data.n - i >= 3; i += 3) {
        unsigned v = (unsigned)in[i] << 16 | (unsigned)in[i + 1] << 8 | in[i + 2];
        *to++ = letters[v >> 18];
        *to++ = letters[v >> 12 & 63];
        *to++ = letters[v >> 6 & 63];
        *to++ = letters[v & 63];
    }
    size_t left = data.n - i;
    if (left) {
        unsigned v = (unsigned)in[i] << 16 | (left == 2 ? (unsigned)in[i + 1] << 8 : 0);
        *to++ = letters[v >> 18];
        *to++ = letters[v >> 12 & 63];
        if (left == 2) *to++ = letters[v >> 6 & 63];
    }
    *to = 0; /* there is room: four characters at most, or three and this */
    return str_make(out, (size_t)(to - out));
}

/* 0 to 63, or -1. */
static int letter_value(char c, bool url_safe)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == (url_safe ? '-' : '+')) return 62;
    if (c == (url_safe ? '_' : '/')) return 63;
    return -1;
}

static struct str without_padding(struct str text)
{
    if (text.n == 0 || text.n % 4 != 0) return text;
    for (int i = 0; i < 2 && text.p[text.n - 1] == '='; i++)
        text.n--;
    return text;
}

bool base64_decode(struct arena *a, struct str text, bool url_safe, struct str *out)
{
    text = without_padding(text);
    if (text.n % 4 == 1) return false;
    char *p = arena_alloc(a, text.n / 4 * 3 + 3);
    size_t n = 0;
    unsigned bits = 0, have = 0;
    for (size_t i = 0; i < text.n; i++) {
        int v = letter_value(text.p[i], url_safe);
        if (v < 0) return false;
        bits = bits << 6 | (unsigned)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            p[n++] = (char)(bits >> have & 0xFF);
        }
    }
    *out = str_make(p, n);
    return true;
}

struct str hex_encode(struct arena *a, struct str data)
{
    static const char digits[] = "0123456789abcdef";
    char *p = arena_alloc(a, data.n * 2 + 1);
    for (size_t i = 0; i < data.n; i++) {
        unsigned char c = (unsigned char)data.p[i];
        p[2 * i] = digits[c >> 4];
        p[2 * i + 1] = digits[c & 15];
    }
    p[2 * data.n] = 0;
    return str_make(p, data.n * 2);
}
