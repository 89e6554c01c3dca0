/* Ordered bytes → bytes: a skip list with links back. Not thread-safe; copies what it is given. */
#ifndef ROOKERY_STORE_MEMORY_SKIPLIST_H
#define ROOKERY_STORE_MEMORY_SKIPLIST_H

#include "base/mem.h"
#include "base/str.h"

enum { SKIP_HEIGHT = 16 };
struct skip_item {
    struct str key, value;
    struct skip_item *prev; /* NULL at the first */
    unsigned height;
    struct skip_item *next[];
};
struct skiplist {
    struct skip_item *first[SKIP_HEIGHT];
    struct skip_item *last;
    uint64_t coin;
};

void skip_init(struct skiplist *l);
void skip_release(struct skiplist *l);
void skip_put(struct skiplist *l, struct str key, struct str value);
/* Harmless when absent. */
void skip_del(struct skiplist *l, struct str key);
/* The first item whose key is >= key, or NULL. */
const struct skip_item *skip_at(struct skiplist *l, struct str key);
/* The last item whose key is < key, or NULL. */
const struct skip_item *skip_before(struct skiplist *l, struct str key);

#endif
