/* Hash table from slices to pointers, insertion-order free, open addressing.
 *
 * The table owns neither keys nor values: the key's bytes must live as long as the entry (usually inside the value).
 * Small, since there are several per waiting client: 24 bytes an entry, at most three quarters full. Not thread-safe. */
#ifndef ROOKERY_BASE_MAP_H
#define ROOKERY_BASE_MAP_H

#include "base/mem.h"
#include "base/str.h"

struct map_entry {
    const char *key; /* NULL: never used */
    void *value;     /* NULL: deleted */
    uint32_t n, hash;
};
struct map {
    struct map_entry *e;
    uint32_t cap, used, count; /* used counts deleted places too */
};

void map_init(struct map *m);
void map_release(struct map *m);
/* NULL when absent. */
void *map_get(const struct map *m, struct str key);
/* Sets; returns the value that was there before (its key pointer is replaced too), or NULL. `value` is never NULL. */
void *map_put(struct map *m, struct str key, void *value);
/* Removes; returns the value or NULL. */
void *map_del(struct map *m, struct str key);
/* Iterates: start with *at = 0; NULL at the end. The entry under the iteration may be deleted, nothing may be put. */
void *map_next(const struct map *m, size_t *at);
static inline size_t map_count(const struct map *m)
{
    return m->count;
}

#endif
