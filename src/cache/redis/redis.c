#include "cache/redis/redis.h"

#include "base/stat.h"
#include "cache/redis/link.h"

enum { DIGITS = 20, HEAD = DIGITS + 1, PORT = 6379, DATABASES = 65536 };
#define ARGS(a) (a), sizeof(a) / sizeof((a)[0])

/* Redis runs a script as one step. EVAL and not EVALSHA: it sends some 150 bytes more, and there is no script that Redis could have lost. */
static const char set_script[] = "if redis.call('GETRANGE',KEYS[1],0,19)>string.sub(ARGV[1],1,20) then return 0 end "
                                 "redis.call('SET',KEYS[1],ARGV[1],'PX',ARGV[2]) return 1";
static const char incr_script[] = "redis.call('SET',KEYS[1],0,'PX',ARGV[2],'NX') return redis.call('INCRBY',KEYS[1],ARGV[1])";
static const char owe_script[] = "local owed=math.min(math.max(redis.call('PTTL',KEYS[1]),0)+ARGV[1],ARGV[2]) "
                                 "redis.call('SET',KEYS[1],'','PX',owed) return owed";

struct redis {
    struct cache cache;
    struct link_config config;
    char prefix[CACHE_REDIS_PREFIX_MAX];
    size_t prefix_n;
    atomic_uint_fast64_t hits, misses, sets, refused;
    _Atomic(struct link *) link[CACHE_REDIS_LOOPS_MAX]; /* made by the thread of their loop, or before it runs */
};

static struct redis *redis_of(struct cache *c)
{
    return (struct redis *)(void *)c;
}

static void count(atomic_uint_fast64_t *n)
{
    atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

static struct link *link_of(struct redis *r, struct loop *loop)
{
    unsigned i = loop_index(loop);
    if (i >= CACHE_REDIS_LOOPS_MAX) abort();
    struct link *l = atomic_load_explicit(&r->link[i], memory_order_acquire);
    if (l) return l;
    l = mem_alloc(sizeof *l);
    link_init(l, &r->config, loop);
    atomic_store_explicit(&r->link[i], l, memory_order_release);
    return l;
}

static bool ask(struct redis *r, const struct str *arg, size_t args, struct arena *a, struct resp *out)
{
    return link_ask(link_of(r, loop_current()), arg, args, a, out);
}

/* --- names and numbers --- */

struct name {
    char p[CACHE_REDIS_PREFIX_MAX + 2 + CACHE_KEY_MAX];
    struct str s;
};

static bool name_make(const struct redis *r, struct name *n, char kind, struct str key)
{
    if (key.n > CACHE_KEY_MAX) return false;
    size_t at = r->prefix_n;
    memcpy(n->p, r->prefix, at);
    n->p[at++] = ':';
    n->p[at++] = kind;
    if (key.n) memcpy(n->p + at, key.p, key.n);
    n->s = str_make(n->p, at + key.n);
    return true;
}

struct digits {
    char p[24];
};

static struct str digits_of(struct digits *d, int64_t v)
{
    int n = snprintf(d->p, sizeof d->p, "%lld", (long long)v);
    return str_make(d->p, (size_t)n);
}

static uint64_t shifted(int64_t position)
{
    return (uint64_t)position ^ (uint64_t)1 << 63;
}

/* False: it is none of ours. */
static bool read_position(struct str digits, int64_t *position)
{
    uint64_t v = 0;
    for (size_t i = 0; i < digits.n; i++) {
        unsigned char c = (unsigned char)digits.p[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(c - '0'), &v)) return false;
    }
    *position = (int64_t)shifted((int64_t)v);
    return true;
}

/* --- the operations --- */

static bool redis_get(struct cache *c, struct str key, struct arena *a, struct cache_value *out)
{
    struct redis *r = redis_of(c);
    struct name n;
    struct resp got;
    bool found = false;
    if (name_make(r, &n, 'v', key)) {
        const struct str get[] = {STR("GET"), n.s};
        found = ask(r, ARGS(get), a, &got) && got.kind == RESP_BYTES && got.text.n >= HEAD && got.text.p[DIGITS] == '=' &&
                read_position(str_first(got.text, DIGITS), &out->position);
    }
    count(found ? &r->hits : &r->misses);
    if (found) out->value = str_from(got.text, HEAD);
    return found;
}

/* Redis has no room for what is newer: then at least what is older goes. */
static void drop(struct redis *r, struct str name, struct arena *a)
{
    const struct str del[] = {STR("DEL"), name};
    struct resp ignored;
    if (!ask(r, ARGS(del), a, &ignored)) return; /* away: nobody will find it */
}

static void put(struct redis *r, struct str name, char mark, struct str value, int64_t position, int64_t ttl_ms)
{
    struct arena a;
    struct digits ttl = {0};
    struct resp done;
    arena_init_small(&a, 64);
    char *held = mem_alloc(HEAD + value.n + 1);
    int n = snprintf(held, HEAD + 1, "%020llu%c", (unsigned long long)shifted(position), mark);
    if (value.n) memcpy(held + n, value.p, value.n);
    const struct str set[] = {STR("EVAL"),
                              str_c(set_script),
                              STR("1"),
                              name,
                              str_make(held, (size_t)n + value.n),
                              digits_of(&ttl, ttl_ms < CACHE_TTL_MAX_MS ? ttl_ms : CACHE_TTL_MAX_MS)};
    bool answered = ask(r, ARGS(set), &a, &done);
    mem_free(held);
    if (answered && done.kind == RESP_NUMBER) count(done.number ? &r->sets : &r->refused);
    if (answered && done.kind == RESP_ERROR) drop(r, name, &a);
    arena_release(&a);
}

static void redis_del(struct cache *c, struct str key, int64_t position)
{
    struct redis *r = redis_of(c);
    struct name n;
    if (name_make(r, &n, 'v', key)) put(r, n.s, '-', STR(""), position, CACHE_FORGET_MS);
}

static void redis_set(struct cache *c, struct str key, struct str value, int64_t position, int64_t ttl_ms)
{
    struct redis *r = redis_of(c);
    struct name n;
    if (!name_make(r, &n, 'v', key)) return;
    /* A value that is too large still says that what is there is old. */
    if (ttl_ms <= 0 || value.n > CACHE_VALUE_MAX)
        put(r, n.s, '-', STR(""), position, CACHE_FORGET_MS);
    else
        put(r, n.s, '=', value, position, ttl_ms);
}

/* A script that takes two numbers and answers one. */
static bool ask_number(struct redis *r, const char *script, struct str name, int64_t first, int64_t second, int64_t *out)
{
    struct arena a;
    struct digits d[2] = {0};
    struct resp got;
    const struct str eval[] = {STR("EVAL"), str_c(script), STR("1"), name, digits_of(&d[0], first), digits_of(&d[1], second)};
    arena_init_small(&a, 64);
    bool answered = ask(r, ARGS(eval), &a, &got) && got.kind == RESP_NUMBER;
    arena_release(&a);
    if (answered) *out = got.number;
    return answered;
}

static bool redis_incr(struct cache *c, struct str key, int64_t by, int64_t ttl_ms, int64_t *now)
{
    struct redis *r = redis_of(c);
    struct name n;
    if (!name_make(r, &n, 'c', key) || ttl_ms <= 0) return false;
    return ask_number(r, incr_script, n.s, by, ttl_ms < CACHE_TTL_MAX_MS ? ttl_ms : CACHE_TTL_MAX_MS, now);
}

static bool redis_owe(struct cache *c, struct str key, int64_t add_ms, int64_t most_ms, int64_t *owed_ms)
{
    struct redis *r = redis_of(c);
    struct name n;
    if (!name_make(r, &n, 'd', key)) return false;
    return ask_number(r, owe_script, n.s, add_ms, most_ms < CACHE_TTL_MAX_MS ? most_ms : CACHE_TTL_MAX_MS, owed_ms);
}

static void redis_stats(struct cache *c, struct cache_stats *out)
{
    struct redis *r = redis_of(c);
    *out = (struct cache_stats){.hits = r->hits, .misses = r->misses, .sets = r->sets, .refused = r->refused};
    for (size_t i = 0; i < CACHE_REDIS_LOOPS_MAX; i++) {
        const struct link *l = atomic_load_explicit(&r->link[i], memory_order_acquire);
        if (l) out->unanswered += stat_get(&l->unanswered);
    }
}

static void redis_close(struct cache *c)
{
    struct redis *r = redis_of(c);
    for (size_t i = 0; i < CACHE_REDIS_LOOPS_MAX; i++) {
        struct link *l = r->link[i];
        if (!l) continue;
        link_release(l);
        mem_free(l);
    }
    SSL_CTX_free(r->config.tls);
    mem_wipe(&r->config.url, sizeof r->config.url);
    mem_free(r);
}

static const struct cache_ops ops = {
    .name = "redis",
    .get = redis_get,
    .set = redis_set,
    .del = redis_del,
    .incr = redis_incr,
    .owe = redis_owe,
    .stats = redis_stats,
    .close = redis_close,
};

/* --- opening --- */

static enum err read_url(struct str text, struct url *u, bool *tls, struct fault *f)
{
    int64_t database = 0;
    enum err e = url_parse(text, u, f);
    if (e != ERR_OK) return e;
    *tls = strcmp(u->scheme, "rediss") == 0;
    if (!*tls && strcmp(u->scheme, "redis") != 0) return fault_set(f, ERR_INVALID_PARAM, "it does not begin with redis:// or rediss://");
    if (*u->user && !*u->password)
        return fault_set(f, ERR_INVALID_PARAM, "it names a user and no password; write redis://USER:PASSWORD@HOST");
    if (*u->path && (!str_to_int64(str_c(u->path), &database) || database < 0 || database >= DATABASES))
        return fault_set(f, ERR_INVALID_PARAM, "what stands behind the / is no number of a database");
    return ERR_OK;
}

enum err cache_redis_check_url(struct str url, struct fault *f)
{
    struct url u;
    bool tls;
    enum err e = read_url(url, &u, &tls, f);
    mem_wipe(&u, sizeof u);
    return e;
}

/* With the name of the setting. */
static enum err blame(const char *setting, const struct fault *why, struct fault *f)
{
    return fault_set(f, why->code, "[cache] %s: %s", setting, why->text);
}

enum err cache_redis_open(const struct cache_redis_config *c, struct cache **out, struct fault *f)
{
    struct redis *r = mem_zero(sizeof *r);
    struct fault why;
    bool tls = false;
    r->cache.ops = &ops;
    r->config.patience_ms = c->patience_ms;
    r->prefix_n = c->prefix.n < sizeof r->prefix ? c->prefix.n : sizeof r->prefix;
    if (r->prefix_n) memcpy(r->prefix, c->prefix.p, r->prefix_n);
    enum err e = read_url(c->url, &r->config.url, &tls, &why);
    if (e != ERR_OK) e = blame("url", &why, f);
    if (e == ERR_OK && tls && socket_tls_new(c->ca_file, &r->config.tls, &why) != ERR_OK) e = blame("ca_file", &why, f);
    if (e != ERR_OK) {
        redis_close(&r->cache);
        return e;
    }
    r->config.port = r->config.url.port ? r->config.url.port : PORT;
    *out = &r->cache;
    return ERR_OK;
}

void cache_redis_begin(struct cache *c, struct loop *l)
{
    link_begin(link_of(redis_of(c), l));
}
