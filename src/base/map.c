#include "base/map.h"

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_release(struct map *m)
{
    mem_free(m->e);
    map_init(m);
}

static struct map_entry *find(const struct map *m, struct str key, uint64_t hash)
{
    if (m->cap == 0) return NULL;
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_entry *e = &m->e[i];
        if (e->key.p == NULL) return NULL;
        if (e->value && e->hash == hash && str_eq(e->key, key)) return e;
    }
}

void *map_get(const struct map *m, struct str key)
{
    struct map_entry *e = find(m, key, str_hash(key));
    return e ? e->value : NULL;
}

static void place(struct map *m, struct str key, uint64_t hash, void *value)
{
    size_t i = hash & (m->cap - 1);
    while (m->e[i].key.p != NULL)
        i = (i + 1) & (m->cap - 1);
    m->e[i] = (struct map_entry){key, hash, value};
    m->used++;
    m->count++;
}

static void rehash(struct map *m)
{
    struct map old = *m;
    size_t cap = 16;
    while (cap < old.count * 3)
        cap *= 2;
    *m = (struct map){.e = mem_zero(cap * sizeof *m->e), .cap = cap};
    for (size_t i = 0; i < old.cap; i++)
        if (old.e[i].key.p && old.e[i].value) place(m, old.e[i].key, old.e[i].hash, old.e[i].value);
    mem_free(old.e);
}

void *map_put(struct map *m, struct str key, void *value)
{
    if (key.p == NULL) key.p = "";
    uint64_t hash = str_hash(key);
    struct map_entry *e = find(m, key, hash);
    if (e) {
        void *before = e->value;
        e->key = key;
        e->value = value;
        return before;
    }
    if ((m->used + 1) * 4 > m->cap * 3) rehash(m);
    place(m, key, hash, value);
    return NULL;
}

void *map_del(struct map *m, struct str key)
{
    struct map_entry *e = find(m, key, str_hash(key));
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
        if (e->key.p && e->value) return e->value;
    }
    return NULL;
}
