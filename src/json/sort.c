#include <stdlib.h>

#include "json/json_priv.h"

/* The key's first eight bytes, most significant first, padded with zeros: orders as the keys do, where it differs. */
static uint64_t key_prefix(struct str key)
{
    uint64_t w = 0;
    if (key.n >= 8) {
        memcpy(&w, key.p, 8);
        return be64toh(w);
    }
    if (key.n >= 4) { /* the halves overlap, with the same bytes */
        uint32_t first, last;
        memcpy(&first, key.p, 4);
        memcpy(&last, key.p + key.n - 4, 4);
        return (uint64_t)be32toh(first) << 32 | (uint64_t)be32toh(last) << (64 - 8 * key.n);
    }
    for (size_t i = 0; i < key.n; i++)
        w |= (uint64_t)(unsigned char)key.p[i] << (56 - 8 * i);
    return w;
}

static inline int compare(const struct json_sorted *a, const struct json_sorted *b)
{
    if (a->prefix != b->prefix) return a->prefix < b->prefix ? -1 : 1;
    return str_cmp(a->member->key, b->member->key);
}

static int compare_void(const void *a, const void *b)
{
    return compare(a, b);
}

/* Insertion: no calls, no memory, and one pass over members that are in order already, as those of stored events are. */
static void sort_few(struct json_sorted *s, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct json_sorted item = s[i];
        size_t at = i;
        for (; at > 0 && compare(&s[at - 1], &item) > 0; at--)
            s[at] = s[at - 1];
        s[at] = item;
    }
}

struct json_sorted *json_sort(const struct json *object, struct json_sorted room[JSON_FEW])
{
    struct json_sorted *s = object->count <= JSON_FEW ? room : mem_array(object->count, sizeof *s);
    size_t n = 0;
    json_each(m, object) s[n++] = (struct json_sorted){key_prefix(m->key), m};
    if (n <= JSON_FEW)
        sort_few(s, n);
    else
        qsort(s, n, sizeof *s, compare_void);
    return s;
}
