#include "base/random.h"

#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *out, size_t n)
{
    char *p = out;
    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0) continue; /* only EINTR can happen here */
        p += got;
        n -= (size_t)got;
    }
}

uint64_t random_u64(void)
{
    uint64_t v;
    random_bytes(&v, sizeof v);
    return v;
}

struct str random_id(struct arena *a, size_t n)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    char *p = arena_alloc(a, n + 1);
    size_t i = 0;
    while (i < n) {
        unsigned char raw[64];
        random_bytes(raw, sizeof raw);
        /* Bytes of 248 and above would favour the first letters: thrown away. */
        for (size_t j = 0; j < sizeof raw && i < n; j++)
            if (raw[j] < 248) p[i++] = letters[raw[j] % 62];
        mem_wipe(raw, sizeof raw);
    }
    p[n] = 0;
    return str_make(p, n);
}
