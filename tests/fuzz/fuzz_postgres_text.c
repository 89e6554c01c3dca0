/* Bytes as text of PostgreSQL and back: always text that it takes, in the order of the bytes where they are a key; and whatever a database says. */
#include "store/postgres/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf text_of(struct str s, bool key)
{
    struct buf b;
    buf_init(&b, 2 * s.n + 1);
    text_put(&b, s, key);
    if (!buf_ok(&b) || !str_is_utf8(buf_str(&b)) || (b.n && memchr(b.p, 0, b.n))) abort();
    return b;
}

static void comes_back(struct str s, bool key)
{
    struct buf b = text_of(s, key);
    char *to = mem_alloc(b.n + 1);
    size_t n;
    if (!text_take(buf_str(&b), key, to, &n) || !str_eq(str_make(to, n), s)) abort();
    mem_free(to);
    buf_release(&b);
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void keeps_order(struct str a, struct str b)
{
    struct buf x = text_of(a, true), y = text_of(b, true);
    if (sign(str_cmp(a, b)) != sign(str_cmp(buf_str(&x), buf_str(&y)))) abort();
    buf_release(&x);
    buf_release(&y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = str_make((const char *)data, size);
    size_t n, half = size ? data[0] % (size + 1) : 0;
    char *to = mem_alloc(size + 1);
    comes_back(s, true);
    comes_back(s, false);
    keeps_order(str_first(s, half), str_from(s, half));
    for (int key = 0; key < 2; key++)
        if (text_take(s, key, to, &n) && n > size) abort();
    mem_free(to);
    return 0;
}
