#include "engine/engine.h"

#include "engine/hot.h"
#include "engine/item.h"
#include "engine/prune.h"
#include "engine/room/directory.h"
#include "engine/room/legacy.h"
#include "engine/session.h"
#include "engine/sync/filters.h"
#include "engine/sync/gateway.h"
#include "engine/sync/memo.h"
#include "engine/user/kept.h"
#include "engine/user/user.h"
#include "matrix/id.h"
#include "matrix/pushrules.h"

enum { CHANGE = 0, QUERY = 1 };
enum { PATIENCE_MS = 2000, AGAIN_MS = 100 };
enum { HAND_OVER_REST_MS = 60 }; /* what is read anew after a hand-over takes the processors about so long when they are busy */

static const struct command_spec commands[CMD__COUNT] = {
#define COMMAND(name, kind, mode, function) [CMD_##name] = {#name, kind, mode == QUERY, function},
#include "engine/commands.def"
#undef COMMAND
};

/* What one user has in a table, or one of its devices, is at hand of the owner: so that it can be synced while the database is away. */
static const unsigned char at_hand[T__COUNT] = {
    [T_user] = 1,         [T_device] = 1,       [T_token] = 1,     [T_profile] = 1,           [T_account_data] = 1,  [T_user_room] = 1,
    [T_filter] = 1,       [T_device_key] = 1,   [T_txn] = 1,       [T_cross_signing_key] = 1, [T_device_change] = 1, [T_key_signature] = 1,
    [T_one_time_key] = 2, [T_fallback_key] = 2, [T_to_device] = 2, [T_changed] = 1,
};

bool engine_is_ours(const struct engine *e, struct str user_id)
{
    return str_eq(id_server_of(user_id), e->config.server_name);
}

static void delivered(void *ctx, struct loop *gateway, const struct delivery *d)
{
    struct engine *e = ctx;
    unsigned index = loop_index(gateway);
    for (size_t i = 0; i < d->count; i++) {
        if (d->item[i]->kind != ITEM_SESSION_END) continue;
        struct note_item *n = (struct note_item *)(void *)d->item[i];
        session_cache_end(e->session[index], n->item.key, n->text);
    }
    sync_gateway_delivered(e->gateway[index], d);
}

static void alone(void *ctx, struct loop *gateway, bool is)
{
    struct engine *e = ctx;
    sync_gateway_alone(e->gateway[loop_index(gateway)], is);
}

static struct push_rules *default_rules(void)
{
    struct arena a;
    arena_init(&a);
    struct str nobody = STR("@nobody:invalid");
    struct push_rules *r = push_compile(push_rules_full(&a, nobody, NULL), nobody);
    arena_release(&a);
    return r;
}

static void make_slot_keys(struct engine *e)
{
    for (unsigned i = 0, made = 0; made < CLUSTER_SLOTS; i++) {
        char key[sizeof e->slot_key[0]];
        int n = snprintf(key, sizeof key, "slot:%u", i);
        if (n < 0 || (size_t)n >= sizeof key) abort();
        char *at = e->slot_key[cluster_slot_of(str_make(key, (size_t)n))];
        if (*at) continue; /* an earlier one */
        memcpy(at, key, (size_t)n + 1);
        made++;
    }
}

enum err engine_new(const struct engine_config *config, struct loop **loop, size_t loops, struct store *store, struct broker *broker,
                    struct cache *cache, struct limiter *limiter, const struct clock *clock, struct engine **out, struct fault *f)
{
    struct engine *e = mem_zero(sizeof *e);
    e->config = *config;
    e->clock = clock;
    e->cache = cache;
    e->limiter = limiter;
    e->default_rules = default_rules();
    make_slot_keys(e);
    for (size_t i = 0; i < loops; i++) {
        e->session[i] = session_cache_new(e, loop[i]);
        e->gateway[i] = sync_gateway_new(e, loop[i]);
        e->filters[i] = filter_pool_new();
        e->memo[i] = sync_memo_new();
    }
    size_t rooms = config->warm_rooms / CLUSTER_SLOTS + 1, users = config->warm_users / CLUSTER_SLOTS + 1;
    const struct entity_kind kinds[KIND__COUNT] = {
        [KIND_ROOM] = {.name = "room", .warm_max = rooms, .free_state = room_free_state, .tell = room_tell},
        [KIND_USER] = {.name = "user", .warm_max = users, .free_state = user_free_state},
        [KIND_NAME] = {.name = "name", .warm_max = 64},
        [KIND_MEDIA] = {.name = "media", .warm_max = 64},
        [KIND_SLOT] = {.name = "slot", .warm_max = 64},
        [KIND_DIRECTORY] = {.name = "directory", .warm_max = 64, .free_state = directory_free_state},
    };
    struct entity_kind *own = mem_array(KIND__COUNT, sizeof *own);
    memcpy(own, kinds, sizeof kinds);
    e->kinds = own;
    struct cluster_config cc = {.loop = loop,
                                .loops = loops,
                                .store = store,
                                .broker = broker,
                                .journal = config->journal,
                                .record_bytes = config->record_bytes,
                                .tick_ms = config->tick_ms,
                                .gather_ms = config->gather_ms,
                                .spacing_ms = config->spacing_ms,
                                .rest_ms = HAND_OVER_REST_MS,
                                .clock = clock,
                                .kind = own,
                                .kinds = KIND__COUNT,
                                .command = commands,
                                .commands = CMD__COUNT,
                                .at_hand = at_hand,
                                .at_hand_kind = KIND_USER,
                                .engine = e,
                                .kept = kept_tables(),
                                .delivered = delivered,
                                .alone = alone,
                                .item_encode = engine_item_encode,
                                .item_decode = engine_item_decode};
    enum err err = server_key_open(store, &e->key, f);
    e->hot = hot_new(e);
    if (err == ERR_OK) err = cluster_new(&cc, &e->cluster, f);
    if (err != ERR_OK) {
        engine_free(e);
        return err;
    }
    e->pruner = pruner_new(e, loop[0]);
    *out = e;
    return ERR_OK;
}

void engine_free(struct engine *e)
{
    if (e->cluster) cluster_free(e->cluster);
    pruner_free(e->pruner);
    for (size_t i = 0; i < CLUSTER_LOOPS_MAX; i++) {
        session_cache_free(e->session[i]);
        sync_gateway_free(e->gateway[i]);
        filter_pool_free(e->filters[i]);
        sync_memo_free(e->memo[i]);
        share_release(&e->texts[i]);
    }
    push_free(e->default_rules);
    hot_free(e->hot);
    mem_free(e->kinds);
    mem_free(e);
}

void engine_leave(struct engine *e)
{
    struct cluster_stats st;
    cluster_stats(e->cluster, &st);
    atomic_store(&e->stopping, true);
    if (st.others) cluster_leave(e->cluster); /* alone, it serves to the end */
}

void engine_stop_waiting(struct engine *e)
{
    for (size_t i = 0; i < CLUSTER_LOOPS_MAX && e->gateway[i]; i++)
        sync_gateway_stop(e->gateway[i]);
}

bool engine_ask_again(const struct engine *e, enum err err, int64_t since_ms)
{
    if (!err_may_pass(err) || loop_now_ms(loop_current()) - since_ms >= PATIENCE_MS || cluster_is_alone(e->cluster)) return false;
    fiber_sleep_ms(AGAIN_MS);
    return true;
}

enum err engine_call(struct engine *e, const struct command *cmd, struct arena *a, struct reply *reply, struct fault *f)
{
    int64_t since_ms = loop_now_ms(loop_current());
    enum err err = cluster_call(e->cluster, cmd, a, reply);
    while (commands[cmd->type].shared && engine_ask_again(e, err, since_ms))
        err = cluster_call(e->cluster, cmd, a, reply);
    if (err != ERR_OK && f) {
        *f = reply->fault;
        f->code = err;
    }
    return err;
}

static void note_free(struct item *i)
{
    mem_free(i);
}

struct item *engine_note_new(enum item_kind kind, struct str key, int64_t position, struct str text)
{
    struct note_item *n = mem_zero(sizeof *n + key.n + text.n);
    memcpy(n->bytes, key.p, key.n);
    if (text.n) memcpy(n->bytes + key.n, text.p, text.n);
    atomic_init(&n->item.refs, 1);
    n->item.kind = kind;
    n->item.key = str_make(n->bytes, key.n);
    n->text = str_make(n->bytes + key.n, text.n);
    n->item.position = position;
    n->item.free = note_free;
    return &n->item;
}

void engine_note(struct turn *t, enum item_kind kind, struct str key, int64_t position, struct str text)
{
    turn_item(t, engine_note_new(kind, key, position, text));
}
