#include "cache/local/local.h"

#include <pthread.h>

#include "base/list.h"
#include "base/map.h"

/* A value, a deletion (no value), a counter, or a debt (which is paid off when it expires). */
struct entry {
    struct list lru;
    struct bytes *value; /* NULL: deleted, a counter, a debt */
    int64_t number;      /* position, or the counter */
    int64_t expires_us;
    size_t cost, key_n;
    char key[];
};

/* What an entry costs besides its key and value: the struct, its places in the map, and what malloc adds. */
enum { OVERHEAD = sizeof(struct entry) + sizeof(struct bytes) + 2 * sizeof(struct map_entry) + 32 };

struct shard {
    pthread_mutex_t lock;
    struct map map;
    struct list lru; /* most recently used first */
    size_t bytes;
    struct cache_stats stats;
    char apart[64]; /* neighbours do not share a cache line */
};

struct local {
    struct cache cache;
    const struct clock *clock;
    size_t shard_bytes;
    struct shard shard[CACHE_LOCAL_SHARDS];
};

/* The map's name of a key: what it is, then the key. */
struct name {
    char p[CACHE_KEY_MAX + 1];
    struct str s;
};

static bool name_make(struct name *n, char kind, struct str key)
{
    if (key.n > CACHE_KEY_MAX) return false;
    n->p[0] = kind;
    if (key.n) memcpy(n->p + 1, key.p, key.n);
    n->s = str_make(n->p, key.n + 1);
    return true;
}

static struct local *local_of(struct cache *c)
{
    return (struct local *)(void *)c;
}

/* Locks. The map takes the low bits of the same hash, the shard the high ones. */
static struct shard *shard_take(struct local *l, struct str name)
{
    struct shard *s = &l->shard[str_hash(name) >> 60];
    _Static_assert(CACHE_LOCAL_SHARDS == 16, "four bits choose the shard");
    pthread_mutex_lock(&s->lock);
    return s;
}

static void entry_drop(struct shard *s, struct entry *e)
{
    map_del(&s->map, str_make(e->key, e->key_n));
    list_remove(&e->lru);
    s->bytes -= e->cost;
    bytes_unref(e->value);
    mem_free(e);
}

/* What is there and has not run out. */
static struct entry *entry_find(struct shard *s, struct str name, int64_t now_us)
{
    struct entry *e = map_get(&s->map, name);
    if (e && e->expires_us <= now_us) {
        entry_drop(s, e);
        return NULL;
    }
    return e;
}

static void entry_touch(struct shard *s, struct entry *e)
{
    list_remove(&e->lru);
    list_push_front(&s->lru, &e->lru);
}

static void shard_make_room(struct shard *s, size_t most)
{
    while (s->bytes > most && !list_is_empty(&s->lru)) {
        entry_drop(s, list_item(s->lru.prev, struct entry, lru));
        s->stats.evicted++;
    }
}

/* A new entry without a value; `cost` is already counted. */
static struct entry *entry_add(struct shard *s, struct str name, size_t cost)
{
    struct entry *e = mem_zero(sizeof *e + name.n);
    memcpy(e->key, name.p, name.n);
    e->key_n = name.n;
    e->cost = cost;
    s->bytes += cost;
    map_put(&s->map, str_make(e->key, e->key_n), e);
    list_push_front(&s->lru, &e->lru);
    return e;
}

static int64_t expiry_us(int64_t now_us, int64_t ttl_ms)
{
    return now_us + (ttl_ms < CACHE_TTL_MAX_MS ? ttl_ms : CACHE_TTL_MAX_MS) * 1000;
}

static bool local_get(struct cache *c, struct str key, struct arena *a, struct cache_value *out)
{
    struct local *l = local_of(c);
    struct name n;
    if (!name_make(&n, 'v', key)) return false;
    struct shard *s = shard_take(l, n.s);
    struct entry *e = entry_find(s, n.s, clock_mono_us(l->clock));
    struct bytes *value = e && e->value ? bytes_ref(e->value) : NULL;
    if (value) {
        out->position = e->number;
        entry_touch(s, e);
        s->stats.hits++;
    } else {
        s->stats.misses++;
    }
    pthread_mutex_unlock(&s->lock);
    if (!value) return false;
    out->value = arena_str(a, bytes_str(value));
    bytes_unref(value);
    return true;
}

/* Puts a value or (NULL) a deletion; takes over the caller's reference. */
static void local_put(struct local *l, struct str name, struct bytes *value, int64_t position, int64_t ttl_ms)
{
    size_t cost = OVERHEAD + name.n + (value ? value->n : 0);
    int64_t now = clock_mono_us(l->clock);
    struct shard *s = shard_take(l, name);
    struct entry *e = entry_find(s, name, now);
    if (e && e->number > position) {
        s->stats.refused++;
        bytes_unref(value);
        pthread_mutex_unlock(&s->lock);
        return;
    }
    /* A value that is too large still says that what is there is old. */
    if (e) entry_drop(s, e);
    if (cost > l->shard_bytes) {
        s->stats.refused++;
        bytes_unref(value);
    } else {
        e = entry_add(s, name, cost);
        e->value = value;
        e->number = position;
        e->expires_us = expiry_us(now, ttl_ms);
        s->stats.sets++;
        shard_make_room(s, l->shard_bytes);
    }
    pthread_mutex_unlock(&s->lock);
}

static void local_del(struct cache *c, struct str key, int64_t position)
{
    struct name n;
    if (name_make(&n, 'v', key)) local_put(local_of(c), n.s, NULL, position, CACHE_FORGET_MS);
}

static void local_set(struct cache *c, struct str key, struct str value, int64_t position, int64_t ttl_ms)
{
    struct name n;
    if (!name_make(&n, 'v', key)) return;
    if (ttl_ms <= 0 || value.n > CACHE_VALUE_MAX)
        local_put(local_of(c), n.s, NULL, position, CACHE_FORGET_MS);
    else
        local_put(local_of(c), n.s, bytes_new(value), position, ttl_ms);
}

static bool local_incr(struct cache *c, struct str key, int64_t by, int64_t ttl_ms, int64_t *now)
{
    struct local *l = local_of(c);
    struct name n;
    size_t cost = OVERHEAD + key.n + 1;
    if (!name_make(&n, 'c', key) || ttl_ms <= 0 || cost > l->shard_bytes) return false;
    int64_t now_us = clock_mono_us(l->clock);
    struct shard *s = shard_take(l, n.s);
    struct entry *e = entry_find(s, n.s, now_us);
    if (!e) {
        e = entry_add(s, n.s, cost);
        e->expires_us = expiry_us(now_us, ttl_ms);
        shard_make_room(s, l->shard_bytes);
    } else {
        entry_touch(s, e);
    }
    if (__builtin_add_overflow(e->number, by, &e->number)) e->number = by > 0 ? INT64_MAX : INT64_MIN;
    *now = e->number;
    pthread_mutex_unlock(&s->lock);
    return true;
}

static bool local_owe(struct cache *c, struct str key, int64_t add_ms, int64_t most_ms, int64_t *owed_ms)
{
    struct local *l = local_of(c);
    struct name n;
    size_t cost = OVERHEAD + key.n + 1;
    if (!name_make(&n, 'd', key) || cost > l->shard_bytes) return false;
    int64_t now_us = clock_mono_us(l->clock);
    struct shard *s = shard_take(l, n.s);
    struct entry *e = entry_find(s, n.s, now_us);
    int64_t owed = e ? (e->expires_us - now_us) / 1000 : 0;
    if (e)
        entry_touch(s, e);
    else
        e = entry_add(s, n.s, cost);
    *owed_ms = add_ms < most_ms - owed ? owed + add_ms : most_ms;
    e->expires_us = expiry_us(now_us, *owed_ms);
    shard_make_room(s, l->shard_bytes);
    pthread_mutex_unlock(&s->lock);
    return true;
}

static void local_stats(struct cache *c, struct cache_stats *out)
{
    struct local *l = local_of(c);
    *out = (struct cache_stats){0};
    for (size_t i = 0; i < CACHE_LOCAL_SHARDS; i++) {
        struct shard *s = &l->shard[i];
        pthread_mutex_lock(&s->lock);
        out->hits += s->stats.hits;
        out->misses += s->stats.misses;
        out->sets += s->stats.sets;
        out->refused += s->stats.refused;
        out->evicted += s->stats.evicted;
        out->entries += map_count(&s->map);
        out->bytes += s->bytes;
        pthread_mutex_unlock(&s->lock);
    }
}

static void local_close(struct cache *c)
{
    struct local *l = local_of(c);
    for (size_t i = 0; i < CACHE_LOCAL_SHARDS; i++) {
        struct shard *s = &l->shard[i];
        while (!list_is_empty(&s->lru))
            entry_drop(s, list_item(s->lru.next, struct entry, lru));
        map_release(&s->map);
        pthread_mutex_destroy(&s->lock);
    }
    mem_free(l);
}

static const struct cache_ops ops = {
    .name = "local",
    .get = local_get,
    .set = local_set,
    .del = local_del,
    .incr = local_incr,
    .owe = local_owe,
    .stats = local_stats,
    .close = local_close,
};

struct cache *cache_local_open(size_t bytes, const struct clock *clock)
{
    struct local *l = mem_zero(sizeof *l);
    l->cache.ops = &ops;
    l->clock = clock;
    l->shard_bytes = bytes / CACHE_LOCAL_SHARDS;
    for (size_t i = 0; i < CACHE_LOCAL_SHARDS; i++) {
        pthread_mutex_init(&l->shard[i].lock, NULL);
        map_init(&l->shard[i].map);
        list_init(&l->shard[i].lru);
    }
    return &l->cache;
}
