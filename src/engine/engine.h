/* The engine: the product without HTTP and without SQL. Rooms, users, sync.
 *
 * Whatever changes or reads a room, user or name is a command (commands.def) that runs as a turn at its owner. API handlers build a
 * command, call it (engine_call) and write the reply. */
#ifndef ROOKERY_ENGINE_ENGINE_H
#define ROOKERY_ENGINE_ENGINE_H

#include "base/share.h"
#include "cache/cache.h"
#include "cache/limiter.h"
#include "cluster/cluster.h"
#include "engine/server_key.h"
#include "json/json.h"

enum entity_kinds {
    KIND_ROOM,
    KIND_USER,
    KIND_NAME /* aliases, registration tokens */,
    KIND_MEDIA,
    KIND_SLOT /* queries over a whole slot */,
    KIND_DIRECTORY /* one per slot: its part of the public directory */,
    KIND__COUNT
};

enum command_type {
#define COMMAND(name, kind, mode, function) CMD_##name,
#include "engine/commands.def"
#undef COMMAND
    CMD__COUNT
};

/* The functions behind the commands, each in the file of what it is about. */
#define COMMAND(name, kind, mode, function) enum err function(struct turn *t);
#include "engine/commands.def"
#undef COMMAND

struct engine_config {
    struct str server_name;
    struct password_cost password_cost;
    int64_t access_token_lifetime_ms; /* for clients that can refresh */
    bool presence;
    size_t warm_rooms, warm_users; /* in memory, in all */
    enum cluster_journal journal;
    size_t record_bytes;                    /* with JOURNAL_QUEUE, see cluster/cluster.h; 0: the default */
    int64_t tick_ms, gather_ms, spacing_ms; /* likewise */
    bool keep_hot;                          /* the cache outlives the process: see engine/hot.h */
};

struct pruner;
struct sync_gateway;
struct session_cache;
struct filter_pool;
struct sync_memo;
struct push_rules;

struct engine {
    struct engine_config config;
    struct server_key key;
    struct cluster *cluster;
    const struct clock *clock;
    struct cache *cache;
    struct limiter *limiter;
    struct sync_gateway *gateway[CLUSTER_LOOPS_MAX];  /* one per loop, see engine/sync */
    struct filter_pool *filters[CLUSTER_LOOPS_MAX];   /* one per loop, see engine/sync/filters.h */
    struct sync_memo *memo[CLUSTER_LOOPS_MAX];        /* one per loop, see engine/sync/memo.h */
    struct share texts[CLUSTER_LOOPS_MAX];            /* one per loop: what many users and clients have alike */
    struct push_rules *default_rules;                 /* compiled for anybody: of users who stored none */
    struct entity_kind *kinds;                        /* the cluster points to it */
    struct session_cache *session[CLUSTER_LOOPS_MAX]; /* one per loop, see engine/session.h */
    uint64_t events[CLUSTER_LOOPS_MAX];               /* one per loop: those that rooms have accepted (base/stat.h) */
    struct pruner *pruner;
    struct hot *hot;                  /* see engine/hot.h */
    atomic_bool stopping;             /* no new work, please: said by /health/ready */
    char slot_key[CLUSTER_SLOTS][16]; /* see engine_key_of_slot */
};

/* The engine brings its tables to the cluster; `cluster` in the config's place is made by it. */
must_use enum err engine_new(const struct engine_config *config, struct loop **loop, size_t loops, struct store *store,
                             struct broker *broker, struct cache *cache, struct limiter *limiter, const struct clock *clock,
                             struct engine **out, struct fault *f);
void engine_free(struct engine *e);
/* The server is about to stop: /health/ready says so, and where other nodes live, they get its slots. From any thread. */
void engine_leave(struct engine *e);
/* Nobody waits any more: who waits in /sync is answered, on each loop. */
void engine_stop_waiting(struct engine *e);

static inline struct engine *engine_of(const struct turn *t)
{
    return turn_engine(t);
}
/* `@local:this server`? */
bool engine_is_ours(const struct engine *e, struct str user_id);

/* A key that belongs to the slot: for commands that are about a slot and not about one entity. */
static inline struct str engine_key_of_slot(const struct engine *e, unsigned slot)
{
    return str_c(e->slot_key[slot]);
}

/* A question that changes nothing has been answered with `err`, and was asked first at `since_ms` of the loop's clock. True: ask again; it met a slot
 * that was being undone (a full disk, for one), and what cannot be written can still be read. For two seconds; not where only other servers
 * can answer. Waits. */
bool engine_ask_again(const struct engine *e, enum err err, int64_t since_ms);

/* Runs the command and waits; questions are asked again. On failure the sentence is in `f`. Waits. */
must_use enum err engine_call(struct engine *e, const struct command *cmd, struct arena *a, struct reply *reply, struct fault *f);

/* --- items: what waiting clients are told. The position is in the item. --- */
enum item_kind {
    ITEM_EVENT,       /* key: room; the struct is a struct event (engine/room/event.h) */
    ITEM_ROOM_CHANGE, /* key: room; receipts, typing, device lists: something to read in the room */
    ITEM_USER_CHANGE, /* key: user; account data, memberships, to-device, keys: something to read of the user */
    ITEM_SESSION_END  /* key: user; `text`: the token hash that is void, or empty: all of the user's */
};
struct note_item {
    struct item item;
    struct str text;
    char bytes[];
};
/* For ROOM_CHANGE, USER_CHANGE, SESSION_END. With one reference. */
struct item *engine_note_new(enum item_kind kind, struct str key, int64_t position, struct str text);
/* The same, added to the turn. */
void engine_note(struct turn *t, enum item_kind kind, struct str key, int64_t position, struct str text);

#endif
