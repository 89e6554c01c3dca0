#include "engine/session.h"

#include "base/map.h"
#include "base/random.h"
#include "engine/sync/gateway.h"
#include "matrix/id.h"

enum { SESSIONS_MAX = 50000, TOKEN_RANDOM = 40, SEEN_EVERY_MS = 600000 };

struct cached {
    struct list lru;
    struct list of_user; /* ring of the same user's sessions */
    bool guest;
    uint8_t hash_n, user_n, device_n; /* in bytes, in this order */
    int64_t expires_ms;
    int64_t seen_ms; /* when it was last written down that it is in use */
    char bytes[];
};

static struct str cached_hash(const struct cached *s)
{
    return str_make(s->bytes, s->hash_n);
}
static struct str cached_user(const struct cached *s)
{
    return str_make(s->bytes + s->hash_n, s->user_n);
}
static struct str cached_device(const struct cached *s)
{
    return str_make(s->bytes + s->hash_n + s->user_n, s->device_n);
}

struct session_cache {
    struct engine *engine;
    unsigned gateway;
    struct map by_hash, by_user;
    struct list lru;
    uint64_t ends; /* how often a session ended, or a user was unfollowed */
};

struct str session_token_make(struct arena *a, const struct engine *e, struct str user_id, struct str *hash)
{
    struct id id = {0};
    if (!id_user(user_id, &id) || !engine_is_ours(e, user_id)) abort(); /* our bug: only accounts of ours get tokens */
    struct str local = base64_encode(a, id.local, true);
    struct str token = arena_printf(a, "rk_%.*s.%.*s", STR_FMT(local), STR_FMT(random_id(a, TOKEN_RANDOM)));
    if (hash) *hash = sha256_hex(a, token);
    return token;
}

bool session_token_user(struct arena *a, const struct engine *e, struct str token, struct str *user_id)
{
    if (token.n > 1024 || !str_starts(token, STR("rk_"))) return false;
    struct str rest = str_from(token, 3), local;
    ptrdiff_t dot = str_find(rest, '.');
    if (dot <= 0 || rest.n - (size_t)dot - 1 != TOKEN_RANDOM) return false;
    if (!base64_decode(a, str_first(rest, (size_t)dot), true, &local)) return false;
    *user_id = arena_printf(a, "@%.*s:%.*s", STR_FMT(local), STR_FMT(e->config.server_name));
    return id_user(*user_id, NULL);
}

struct session_cache *session_cache_new(struct engine *e, struct loop *l)
{
    struct session_cache *c = mem_zero(sizeof *c);
    c->engine = e;
    c->gateway = loop_index(l);
    list_init(&c->lru);
    return c;
}

static void drop(struct session_cache *c, struct cached *s)
{
    list_remove(&s->lru);
    map_del(&c->by_hash, cached_hash(s));
    if (list_is_empty(&s->of_user)) {
        map_del(&c->by_user, cached_user(s));
    } else {
        struct cached *other = list_item(s->of_user.next, struct cached, of_user);
        map_put(&c->by_user, cached_user(other), other);
        list_remove(&s->of_user);
    }
    mem_wipe(s->bytes, s->hash_n);
    mem_free(s);
}

/* With the last session of a user goes the interest in it. */
static void forget(struct session_cache *c, struct cached *s)
{
    struct engine *e = c->engine;
    if (list_is_empty(&s->of_user) && !sync_gateway_follows(e->gateway[c->gateway], cached_user(s))) {
        c->ends++; /* who asks at this moment must not rely on it */
        cluster_unfollow(e->cluster, cached_user(s), c->gateway);
    }
    drop(c, s);
}

void session_cache_free(struct session_cache *c)
{
    if (!c) return;
    while (!list_is_empty(&c->lru))
        drop(c, list_item(c->lru.next, struct cached, lru));
    map_release(&c->by_hash);
    map_release(&c->by_user);
    mem_free(c);
}

void session_cache_end(struct session_cache *c, struct str user_id, struct str hash)
{
    c->ends++;
    if (!str_empty(hash)) {
        struct cached *s = map_get(&c->by_hash, hash);
        if (s) forget(c, s);
        return;
    }
    struct cached *s;
    while ((s = map_get(&c->by_user, user_id)))
        forget(c, s);
}

static void remember(struct session_cache *c, const struct session *from)
{
    if (map_get(&c->by_hash, from->token_hash)) return;
    if (from->token_hash.n > UINT8_MAX || from->user_id.n > UINT8_MAX || from->device_id.n > UINT8_MAX) return; /* none that we gave */
    struct cached *s = mem_zero(sizeof *s + from->token_hash.n + from->user_id.n + from->device_id.n);
    char *p = s->bytes;
    const struct str *in[] = {&from->token_hash, &from->user_id, &from->device_id};
    uint8_t *out[] = {&s->hash_n, &s->user_n, &s->device_n};
    for (int i = 0; i < 3; i++) {
        if (in[i]->n) memcpy(p, in[i]->p, in[i]->n);
        *out[i] = (uint8_t)in[i]->n;
        p += in[i]->n;
    }
    s->guest = from->guest;
    s->expires_ms = from->expires_ms;
    list_init(&s->of_user);
    list_push(&c->lru, &s->lru);
    map_put(&c->by_hash, cached_hash(s), s);
    struct cached *other = map_get(&c->by_user, cached_user(s));
    if (other)
        list_push(&other->of_user, &s->of_user);
    else
        map_put(&c->by_user, cached_user(s), s);
    if (map_count(&c->by_hash) > SESSIONS_MAX) forget(c, list_item(c->lru.next, struct cached, lru));
}

static enum err ask_owner(struct session_cache *c, struct str user_id, struct str hash, struct arena *a, struct session *out,
                          struct fault *f)
{
    struct command cmd = {.type = CMD_user_session, .key = user_id, .s[0] = hash, .num[0] = c->gateway};
    struct reply reply;
    uint64_t ends = c->ends;
    enum err e = engine_call(c->engine, &cmd, a, &reply, f);
    if (e != ERR_OK) return e;
    *out = (struct session){
        .user_id = user_id, .device_id = reply.s[0], .token_hash = hash, .guest = reply.num[0] != 0, .expires_ms = reply.num[1]};
    /* What ended after the owner had answered may have been told before the answer was read here. */
    if (c->ends == ends) remember(c, out);
    return ERR_OK;
}

bool session_seen_due(struct engine *e, struct str token_hash)
{
    struct cached *s = map_get(&e->session[loop_index(loop_current())]->by_hash, token_hash);
    int64_t now = clock_mono_us(e->clock) / 1000;
    if (!s || (s->seen_ms && now < s->seen_ms + SEEN_EVERY_MS)) return false;
    s->seen_ms = now;
    return true;
}

enum err session_find(struct engine *e, struct str token, struct arena *a, struct session *out, struct fault *f)
{
    struct session_cache *c = e->session[loop_index(loop_current())];
    struct str hash = sha256_hex(a, token), user_id;
    struct cached *s = map_get(&c->by_hash, hash);
    enum err err = ERR_OK;
    if (s) {
        list_remove(&s->lru);
        list_push(&c->lru, &s->lru);
        *out = (struct session){arena_str(a, cached_user(s)), arena_str(a, cached_device(s)), hash, s->guest, s->expires_ms};
    } else if (!session_token_user(a, e, token, &user_id)) {
        return ERR_UNKNOWN_TOKEN;
    } else {
        err = ask_owner(c, user_id, hash, a, out, f);
    }
    if (err == ERR_NOT_FOUND) return ERR_UNKNOWN_TOKEN;
    if (err == ERR_OK && out->expires_ms && out->expires_ms <= clock_wall_ms(e->clock))
        return fault_set(f, ERR_UNKNOWN_TOKEN, "The access token has expired. Refresh it.");
    return err;
}
