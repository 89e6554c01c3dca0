#include "engine/room/room.h"

#include "base/log.h"
#include "engine/sync/memo.h"
#include "matrix/version.h"

enum { CONTENT_FIRST = 480, POWER_FIRST = 1000 };

struct room *room_new(struct turn *t, const struct room_version *v, struct str room_id, struct str creator, struct str room_type)
{
    struct room *r = mem_zero(sizeof *r);
    r->version = v;
    r->engine = engine_of(t);
    r->loop = turn_loop(t);
    char *names = mem_alloc(creator.n + room_type.n);
    if (creator.n) memcpy(names, creator.p, creator.n);
    if (room_type.n) memcpy(names + creator.n, room_type.p, room_type.n);
    r->creator = str_make(names, creator.n);
    r->room_type = str_make(names + creator.n, room_type.n);
    r->room_id = room_id;
    r->first_ord = -1;
    list_init(&r->recent_state);
    list_init(&r->recent_receipts);
    list_init(&r->recent_devices);
    room_presence_init(&r->presence);
    list_init(&r->typing);
    arena_init_small(&r->power_arena, POWER_FIRST);
    return r;
}

static void forget_unread(struct room *r, struct str user_id)
{
    struct state_entry *member = room_state_entry(r, STR("m.room.member"), user_id);
    r->unread_changes++;
    if (!member) return;
    mem_free(member->unread);
    member->unread = NULL;
}

static void forget_all_unread(struct room *r)
{
    r->unread_changes++;
    list_each(it, &r->recent_state)
    {
        struct state_entry *s = list_item(it, struct state_entry, recent);
        mem_free(s->unread);
        s->unread = NULL;
    }
}

static void forget_content(struct state_entry *s)
{
    if (!s->content) return;
    arena_release(&s->content->arena);
    mem_free(s->content);
    s->content = NULL;
}

void room_free_state(void *state)
{
    struct room *r = state;
    if (!r) return;
    timer_clear(r->loop, &r->typing_timer);
    room_presence_release(r);
    for (size_t i = 0; i < r->tail_count; i++)
        event_unref(r->tail[i]);
    struct list *n;
    while ((n = list_pop(&r->recent_state))) {
        struct state_entry *s = list_item(n, struct state_entry, recent);
        event_unref(s->event);
        forget_content(s);
        mem_free(s->unread);
        mem_free(s->presence);
        mem_free(s);
    }
    while ((n = list_pop(&r->recent_receipts)))
        mem_free(list_item(n, struct receipt, recent));
    while ((n = list_pop(&r->recent_devices)))
        mem_free(list_item(n, struct device_mark, recent));
    while ((n = list_pop(&r->typing)))
        mem_free(list_item(n, struct typist, link));
    txns_release(&r->txns);
    map_release(&r->state);
    map_release(&r->receipts);
    map_release(&r->devices);
    arena_release(&r->power_arena);
    mem_free((char *)(uintptr_t)r->creator.p);
    mem_free(r);
}

/* --- state --- */

/* type, 0, state key on the stack: types have no NUL, so the pair is found again. */
struct pair {
    char p[2 * EVENT_KEY_MAX + 4];
    struct str s;
};

static void pair_make(struct pair *k, struct str type, struct str state_key)
{
    k->s = (struct str){0};
    if (type.n > EVENT_KEY_MAX || state_key.n > EVENT_KEY_MAX) return;
    memcpy(k->p, type.p, type.n);
    k->p[type.n] = 0;
    if (state_key.n) memcpy(k->p + type.n + 1, state_key.p, state_key.n);
    k->s = str_make(k->p, type.n + 1 + state_key.n);
}

struct state_entry *room_state_entry(const struct room *r, struct str type, struct str state_key)
{
    struct pair k;
    pair_make(&k, type, state_key);
    return k.s.p ? map_get(&r->state, k.s) : NULL;
}

struct str state_entry_key(const struct state_entry *s)
{
    size_t type = strlen(s->key) + 1;
    return str_make(s->key + type, s->key_n - type);
}

struct event *room_state(const struct room *r, struct str type, struct str state_key)
{
    struct state_entry *s = room_state_entry(r, type, state_key);
    return s ? s->event : NULL;
}

bool room_state_has(const struct room *r, const struct event *e)
{
    struct event *now = event_is_state(e) ? room_state(r, e->type, e->state_key) : NULL;
    return now && now->ord == e->ord;
}

static struct json *parse_content(struct arena *a, const struct event *e)
{
    struct json *v;
    return json_parse(a, e->content, &v, NULL) == ERR_OK ? v : json_new(a, JSON_OBJECT);
}

const struct json *room_content(const struct room *r, struct arena *scratch, struct str type, struct str state_key)
{
    struct state_entry *s = room_state_entry(r, type, state_key);
    if (!s) return NULL;
    if (str_is(type, "m.room.member")) return parse_content(scratch, s->event);
    if (!s->content) {
        s->content = mem_alloc(sizeof *s->content);
        arena_init_small(&s->content->arena, CONTENT_FIRST);
        s->content->tree = parse_content(&s->content->arena, s->event);
    }
    return s->content->tree;
}

enum membership room_membership(const struct room *r, struct str user_id)
{
    struct event *e = room_state(r, STR("m.room.member"), user_id);
    return e ? e->membership : MEMBER_NONE;
}

enum history_visibility room_visibility(const struct room *r)
{
    return content_history_visibility(room_content(r, NULL, STR("m.room.history_visibility"), STR("")));
}

enum join_rule room_join_rule(const struct room *r)
{
    return content_join_rule(room_content(r, NULL, STR("m.room.join_rules"), STR("")));
}

static void refresh_power(struct room *r)
{
    arena_reset(&r->power_arena);
    struct event *create = room_state(r, STR("m.room.create"), STR(""));
    r->power = power_levels_parse(&r->power_arena, r->version, room_content(r, NULL, STR("m.room.power_levels"), STR("")),
                                  create ? create->sender : STR(""), room_content(r, NULL, STR("m.room.create"), STR("")));
}

static void count_member(struct room *r, enum membership m, int by)
{
    if (m == MEMBER_JOIN) r->joined += (size_t)by;
    if (m == MEMBER_INVITE) r->invited += (size_t)by;
}

static void apply_state(struct room *r, struct event *e)
{
    struct state_entry *s = room_state_entry(r, e->type, e->state_key);
    if (!s) {
        struct pair k;
        pair_make(&k, e->type, e->state_key);
        if (!k.s.p) return;
        s = mem_zero(sizeof *s + k.s.n);
        memcpy(s->key, k.s.p, k.s.n);
        s->key_n = k.s.n;
        list_init(&s->recent);
        map_put(&r->state, str_make(s->key, s->key_n), s);
    }
    if (str_is(e->type, "m.room.member")) {
        count_member(r, s->event ? s->event->membership : MEMBER_NONE, -1);
        count_member(r, e->membership, 1);
    }
    event_unref(s->event);
    s->event = event_ref(e);
    forget_content(s);
    list_remove(&s->recent);
    list_push_front(&r->recent_state, &s->recent);
    if (str_is(e->type, "m.room.power_levels") || str_is(e->type, "m.room.create")) refresh_power(r);
}

static void push_tail(struct room *r, struct event *e)
{
    if (r->tail_count == ROOM_TAIL) {
        event_unref(r->tail[0]);
        memmove(r->tail, r->tail + 1, (ROOM_TAIL - 1) * sizeof r->tail[0]);
        r->tail_count--;
        r->first_ord = -1;
    }
    r->tail[r->tail_count++] = event_ref(e);
    r->last_event_position = e->item.position;
    r->last_event_id = str_make(r->last_event_id_bytes, e->event_id.n < 256 ? e->event_id.n : 255);
    memcpy(r->last_event_id_bytes, e->event_id.p, r->last_event_id.n);
}

void room_apply_event(struct room *r, struct event *e)
{
    if (event_is_state(e)) apply_state(r, e);
    r->pages.fresh += event_is_state(e);
    if (event_is_state(e) && str_is(e->type, "m.room.member")) forget_unread(r, e->state_key);
    push_tail(r, e);
    r->depth++;
}

void room_replace_event(struct room *r, struct event *e)
{
    forget_all_unread(r);
    sync_memo_forget(r->engine->memo[loop_index(r->loop)]);
    for (size_t i = 0; i < r->tail_count; i++)
        if (r->tail[i]->ord == e->ord) {
            event_unref(r->tail[i]);
            r->tail[i] = event_ref(e);
        }
    if (!room_state_has(r, e)) return;
    struct state_entry *s = room_state_entry(r, e->type, e->state_key);
    struct list *before = s->recent.prev; /* a redaction is no newer change of the state */
    apply_state(r, e);
    list_remove(&s->recent);
    list_insert(before, &s->recent);
}

/* --- receipts and device marks --- */

struct receipt_key {
    char p[700];
    struct str s;
};

static void receipt_key(struct receipt_key *k, struct str user, struct str type, struct str thread)
{
    if (user.n + type.n + thread.n + 2 > sizeof k->p) {
        k->s = STR("");
        return;
    }
    char *at = k->p;
    memcpy(at, user.p, user.n);
    at += user.n;
    *at++ = 0;
    memcpy(at, type.p, type.n);
    at += type.n;
    *at++ = 0;
    if (thread.n) memcpy(at, thread.p, thread.n);
    k->s = str_make(k->p, user.n + type.n + thread.n + 2);
}

struct receipt *room_receipt(const struct room *r, struct str user_id, struct str type, struct str thread)
{
    struct receipt_key k;
    receipt_key(&k, user_id, type, thread);
    return map_get(&r->receipts, k.s);
}

void room_apply_receipt(struct room *r, struct str user_id, struct str type, struct str thread, struct str event_id, int64_t ord,
                        int64_t ts, int64_t position)
{
    struct receipt_key k;
    receipt_key(&k, user_id, type, thread);
    struct receipt *old = map_get(&r->receipts, k.s);
    struct receipt *n = mem_zero(sizeof *n + k.s.n + event_id.n);
    memcpy(n->bytes, k.s.p, k.s.n);
    memcpy(n->bytes + k.s.n, event_id.p, event_id.n);
    n->user_id = str_make(n->bytes, user_id.n);
    n->type = str_make(n->bytes + user_id.n + 1, type.n);
    n->thread = str_make(n->bytes + user_id.n + type.n + 2, thread.n);
    n->event_id = str_make(n->bytes + k.s.n, event_id.n);
    n->ord = ord;
    n->ts = ts;
    n->position = position;
    map_put(&r->receipts, str_make(n->bytes, k.s.n), n);
    list_push_front(&r->recent_receipts, &n->recent);
    forget_unread(r, user_id);
    if (old) {
        list_remove(&old->recent);
        mem_free(old);
    }
}

void room_keep_unread(struct room *r, struct str user_id, const struct unread_memo *m)
{
    struct state_entry *member = room_state_entry(r, STR("m.room.member"), user_id);
    if (!member) return;
    if (!member->unread) member->unread = mem_alloc(sizeof *m);
    *member->unread = *m;
}

void room_apply_device_mark(struct room *r, struct str user_id, int64_t position)
{
    struct device_mark *m = map_get(&r->devices, user_id);
    if (!m) {
        m = mem_zero(sizeof *m + user_id.n);
        memcpy(m->user_id, user_id.p, user_id.n);
        m->n = user_id.n;
        list_init(&m->recent);
        map_put(&r->devices, str_make(m->user_id, m->n), m);
    }
    m->position = position;
    list_remove(&m->recent);
    list_push_front(&r->recent_devices, &m->recent);
}
