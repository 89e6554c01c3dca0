#include "engine/user/presence.h"

#include "base/pack.h"
#include "engine/room/room.h"
#include "engine/user/state.h"

enum { ACTIVE_MS = 60000, FRESH_MS = 5 * 60000, STATUS_MAX = 1024, PARTS = 3 };
#define REMEMBERED_MS ((int64_t)86400 * 1000)

struct presence {
    enum presence_state state;
    bool told;         /* to the rooms, by this owner */
    int64_t active_ms; /* when last seen to do something */
    struct str status; /* owned */
};

static const char *const names[PRESENCE__COUNT] = {"offline", "unavailable", "online"};

const char *presence_name(enum presence_state p)
{
    return names[p < PRESENCE__COUNT ? p : PRESENCE_OFFLINE];
}

enum presence_state presence_parse(struct str s)
{
    for (int i = 0; i < PRESENCE__COUNT; i++)
        if (str_is(s, names[i])) return (enum presence_state)i;
    return PRESENCE__COUNT;
}

void presence_free(struct presence *p)
{
    if (!p) return;
    mem_free((char *)(uintptr_t)p->status.p);
    mem_free(p);
}

static void keep_status(struct presence *p, struct str s)
{
    char *copy = s.n ? mem_alloc(s.n) : NULL;
    if (copy) memcpy(copy, s.p, s.n);
    mem_free((char *)(uintptr_t)p->status.p);
    p->status = str_make(copy, s.n);
}

/* --- over a fail-over: in the cache, which may forget it. It has no rows --- */

static void name_of(struct turn *t, struct hot_name *out)
{
    hot_name_make(out, engine_of(t), HOT_PRESENCE, 0, &turn_entity(t)->key, 1);
}

static void remember(struct turn *t, const struct presence *p)
{
    struct hot_name name;
    struct buf b;
    const char state = (char)p->state;
    buf_init(&b, STATUS_MAX + 64);
    pack_str(&b, str_make(&state, 1));
    pack_str(&b, str_make((const char *)&p->active_ms, sizeof p->active_ms));
    pack_str(&b, p->status);
    name_of(t, &name);
    if (buf_ok(&b)) hot_put(engine_of(t), &name, buf_str(&b), turn_now_ms(t), REMEMBERED_MS);
    buf_release(&b);
}

static bool unpack(struct str in, struct presence *out)
{
    struct str part[PARTS];
    for (int i = 0; i < PARTS; i++)
        if (!pack_next(&in, &part[i])) return false;
    if (part[0].n != 1 || (unsigned char)*part[0].p >= PRESENCE__COUNT || part[1].n != sizeof out->active_ms || in.n) return false;
    *out = (struct presence){.state = (enum presence_state) * part[0].p};
    memcpy(&out->active_ms, part[1].p, sizeof out->active_ms);
    keep_status(out, part[2]);
    return true;
}

/* Once for each time that the user is loaded; of several who ask at once the first that comes back decides. Waits. */
static enum err recall(struct turn *t, struct user_state *u)
{
    struct hot_name name;
    struct cache_value got;
    struct presence p;
    if (u->presence || u->presence_recalled || !engine_of(t)->config.presence) return ERR_OK;
    name_of(t, &name);
    bool found = hot_get(engine_of(t), &name, turn_arena(t), &got);
    enum err e = turn_resumed(t);
    if (e != ERR_OK || u->presence_recalled) return e;
    u->presence_recalled = true;
    if (!found || u->presence || !unpack(got.value, &p)) return ERR_OK;
    u->presence = mem_zero(sizeof p);
    *u->presence = p;
    hot_count(engine_of(t), HOT_USED);
    return ERR_OK;
}

/* One message per slot in which the user has rooms. */
static void spread(struct turn *t, const struct presence *p, const struct user_state *u)
{
    struct engine *e = engine_of(t);
    struct buf packed[CLUSTER_SLOTS];
    struct str any[CLUSTER_SLOTS];
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        buf_init(&packed[i], 1048576);
    for (size_t i = 0; i < u->rooms; i++) {
        struct str id = room_mark_id(u, &u->room[i]);
        if (u->room[i].membership != MEMBER_JOIN) continue;
        pack_str(&packed[cluster_slot_of(id)], id);
        any[cluster_slot_of(id)] = id;
    }
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        if (packed[i].n && buf_ok(&packed[i])) {
            struct command c = {.type = CMD_rooms_presence, .key = any[i], .s = {turn_command(t)->key, p->status, buf_str(&packed[i])}};
            c.num[0] = p->state;
            c.num[1] = p->active_ms;
            cluster_cast(e->cluster, &c);
        }
        buf_release(&packed[i]);
    }
}

/* presence_set: key a user; s[0] status message (null: as it was), num[0] presence_state, num[1] 1: the user has done something just now. */
enum err presence_set(struct turn *t)
{
    const struct command *c = turn_command(t);
    enum presence_state state = (enum presence_state)c->num[0];
    struct user_state *u = user_state(t);
    if (c->s[0].p && c->s[0].n > STATUS_MAX)
        return fault_set(turn_fault(t), ERR_TOO_LARGE, "A status message has at most %d bytes.", STATUS_MAX);
    enum err e = recall(t, u);
    if (e != ERR_OK) return e;
    const struct presence *was = u->presence;
    bool status = c->s[0].p && !str_eq(c->s[0], was ? was->status : STR(""));
    if (was && was->told && !status && was->state == state && (!c->num[1] || turn_now_ms(t) - was->active_ms < ACTIVE_MS)) return ERR_OK;
    if (!was && state == PRESENCE_OFFLINE && !status) return ERR_OK;
    e = user_state_rooms(t, u);
    if (e != ERR_OK) return e;
    if (!u->presence) u->presence = mem_zero(sizeof *u->presence);
    struct presence *p = u->presence;
    p->state = state;
    if (c->num[1] || !p->active_ms) p->active_ms = turn_now_ms(t);
    if (status) keep_status(p, c->s[0]);
    p->told = true;
    remember(t, p);
    spread(t, p, u);
    return ERR_OK;
}

/* Whom this owner only knows from the cache may have gone since she was last active, and with the server that would have said so. */
static enum presence_state state_of(struct turn *t, const struct presence *p)
{
    if (!p || (!p->told && turn_now_ms(t) - p->active_ms > FRESH_MS)) return PRESENCE_OFFLINE;
    return p->state;
}

/* presence_get. Reply: s[0] the state's name, s[1] status message or empty; num[0] when last active, 0: never. */
enum err presence_get(struct turn *t)
{
    struct user_state *u = user_state(t);
    struct reply *r = turn_reply(t);
    enum err e = recall(t, u);
    if (e != ERR_OK) return e;
    const struct presence *p = u->presence;
    r->s[0] = str_c(presence_name(state_of(t, p)));
    r->s[1] = p ? arena_str(turn_arena(t), p->status.p ? p->status : STR("")) : STR("");
    r->num[0] = p ? p->active_ms : 0;
    return ERR_OK;
}

/* rooms_presence: s[0] user, s[1] status message, s[2] packed rooms of the slot; num[0] state, num[1] when last active. */
enum err rooms_presence(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct str list = c->s[2], room_id;
    struct presence_mark m = {.user_id = c->s[0], .status = c->s[1], .state = (unsigned)c->num[0], .active_ms = c->num[1]};
    enum err e = ERR_OK;
    while (e == ERR_OK && pack_next(&list, &room_id)) {
        struct entity *at = turn_peek(t, KIND_ROOM, room_id);
        if (at && at->state) e = room_presence_change(t, at->state, &m);
    }
    return e;
}
