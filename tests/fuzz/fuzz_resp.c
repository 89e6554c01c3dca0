/* What a cache answers, in one piece and byte by byte: the same answers, and none from outside of what came. */
#include <stdlib.h>

#include "cache/redis/resp.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { MAX = 1000 };

static void must(bool ok)
{
    if (!ok) abort();
}

static bool same(const struct resp *a, const struct resp *b)
{
    return a->kind == b->kind && a->number == b->number && str_eq(a->text, b->text);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct str whole = {(const char *)data, size};
    struct resp r, again;
    enum resp_got got;
    for (struct str before = whole; (got = resp_read(&whole, MAX, &r)) == RESP_ANSWER; before = whole) {
        size_t n = before.n - whole.n;
        must(n > 0 && whole.p == before.p + n && r.text.n <= n);
        struct str part = str_first(before, n);
        must(resp_read(&part, MAX, &again) == RESP_ANSWER && part.n == 0 && same(&r, &again));
        part = str_first(before, n - 1);
        must(resp_read(&part, MAX, &again) == RESP_MORE);
    }
    must(got == RESP_BAD || whole.n <= MAX + RESP_LINE_MAX);
    return 0;
}
