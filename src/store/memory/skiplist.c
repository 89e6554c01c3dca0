#include "store/memory/skiplist.h"

void skip_init(struct skiplist *l)
{
    *l = (struct skiplist){.coin = 0x9E3779B97F4A7C15u};
}

void skip_release(struct skiplist *l)
{
    for (struct skip_item *i = l->first[0]; i;) {
        struct skip_item *next = i->next[0];
        mem_free(i);
        i = next;
    }
    skip_init(l);
}

/* The first item >= key; and for each height the link that leads to the first such item of that height. */
static struct skip_item *find(struct skiplist *l, struct str key, struct skip_item **path[SKIP_HEIGHT])
{
    struct skip_item **links = l->first;
    for (int h = SKIP_HEIGHT - 1; h >= 0; h--) {
        while (links[h] && str_cmp(links[h]->key, key) < 0)
            links = links[h]->next;
        path[h] = &links[h];
    }
    return *path[0];
}

static void set_prev(struct skiplist *l, struct skip_item *of, struct skip_item *prev)
{
    if (of)
        of->prev = prev;
    else
        l->last = prev;
}

static struct skip_item *unlink_item(struct skiplist *l, struct skip_item **path[], struct skip_item *i)
{
    for (unsigned h = 0; h < i->height; h++)
        *path[h] = i->next[h];
    set_prev(l, i->next[0], i->prev);
    return i;
}

static unsigned flip_height(struct skiplist *l)
{
    l->coin ^= l->coin << 13;
    l->coin ^= l->coin >> 7;
    l->coin ^= l->coin << 17;
    unsigned h = 1 + (unsigned)__builtin_ctzll(l->coin | (uint64_t)1 << 62) / 2;
    return h < SKIP_HEIGHT ? h : SKIP_HEIGHT;
}

static struct skip_item *item_new(unsigned height, struct str key, struct str value)
{
    struct skip_item *i = mem_alloc(sizeof *i + height * sizeof *i->next + key.n + value.n);
    char *bytes = (char *)&i->next[height];
    if (key.n) memcpy(bytes, key.p, key.n);
    if (value.n) memcpy(bytes + key.n, value.p, value.n);
    i->key = str_make(bytes, key.n);
    i->value = str_make(bytes + key.n, value.n);
    i->height = height;
    return i;
}

void skip_put(struct skiplist *l, struct str key, struct str value)
{
    struct skip_item **path[SKIP_HEIGHT], *at = find(l, key, path);
    if (at && str_eq(at->key, key)) {
        mem_free(unlink_item(l, path, at));
        at = *path[0];
    }
    struct skip_item *i = item_new(flip_height(l), key, value);
    for (unsigned h = 0; h < i->height; h++) {
        i->next[h] = *path[h];
        *path[h] = i;
    }
    i->prev = at ? at->prev : l->last;
    set_prev(l, at, i);
}

void skip_del(struct skiplist *l, struct str key)
{
    struct skip_item **path[SKIP_HEIGHT], *at = find(l, key, path);
    if (at && str_eq(at->key, key)) mem_free(unlink_item(l, path, at));
}

const struct skip_item *skip_at(struct skiplist *l, struct str key)
{
    struct skip_item **path[SKIP_HEIGHT];
    return find(l, key, path);
}

const struct skip_item *skip_before(struct skiplist *l, struct str key)
{
    const struct skip_item *at = skip_at(l, key);
    return at ? at->prev : l->last;
}
