#include "base/map.h"

#include <stdlib.h>

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_release(struct map *m)
{
    mem_free(m->e);
    map_init(m);
}

static uint32_t hash_of(struct str key)
{
    return (uint32_t)str_hash(key);
}

static struct map_entry *find(const struct map *m, struct str key, uint32_t hash)
{
    if (m->cap == 0) return NULL;
    for (uint32_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_entry *e = &m->e[i];
        if (e->key == NULL) return NULL;
        if (e->value && e->hash == hash && str_eq(str_make(e->key, e->n), key)) return e;
    }
}

void *map_get(const struct map *m, struct str key)
{
    struct map_entry *e = find(m, key, hash_of(key));
    return e ? e->value : NULL;
}

static void place(struct map *m, const struct map_entry *new)
{
    uint32_t i = new->hash &(m->cap - 1);
    while (m->e[i].key != NULL)
        i = (i + 1) & (m->cap - 1);
    m->e[i] = *new;
    m->used++;
    m->count++;
}

/* Twice the size when it is full; the same when it is deleted places that fill it. */
static void rehash(struct map *m)
{
    struct map old = *m;
    uint32_t cap = 16;
    while (cap / 8 * 3 < old.count) {
        if (cap > UINT32_MAX / 2) abort();
        cap *= 2;
    }
    *m = (struct map){.e = mem_zero((size_t)cap * sizeof *m->e), .cap = cap};
    for (uint32_t i = 0; i < old.cap; i++)
        if (old.e[i].key && old.e[i].value) place(m, &old.e[i]);
    mem_free(old.e);
}

void *map_put(struct map *m, struct str key, void *value)
{
    if (key.p == NULL) key.p = "";
    if (key.n > UINT32_MAX) abort();
    struct map_entry new = {.key = key.p, .value = value, .n = (uint32_t)key.n, .hash = hash_of(key)};
    struct map_entry *e = find(m, key, new.hash);
    if (e) {
        void *before = e->value;
        *e = new;
        return before;
    }
    if (m->used + 1 > m->cap / 4 * 3) rehash(m);
    place(m, &new);
    return NULL;
}

void *map_del(struct map *m, struct str key)
{
    struct map_entry *e = find(m, key, hash_of(key));
    if (!e) return NULL;
    void *value = e->value;
    e->value = NULL;
    m->count--;
    return value;
}

void *map_next(const struct map *m, size_t *at)
{
    while (*at < m->cap) {
        struct map_entry *e = &m->e[(*at)++];
        if (e->key && e->value) return e->value;
    }
    return NULL;
}
