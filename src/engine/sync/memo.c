#include "engine/sync/memo.h"

enum { SECTIONS = 64, EVENTS = 32, SECTION_MAX = 32768, SECTION_MS = 250 };

struct kept_section {
    struct section_key key; /* its room id is `room_id` */
    int64_t made_ms;
    struct bytes *room_id;
    struct section_text text;
};

struct kept_event {
    struct event *event; /* owned reference; NULL: free */
    struct arena arena;
    struct json *tree;
};

struct sync_memo {
    struct kept_section section[SECTIONS]; /* by hash */
    struct kept_event event[EVENTS];
    uint64_t forgot;
};

struct sync_memo *sync_memo_new(void)
{
    struct sync_memo *m = mem_zero(sizeof *m);
    for (int i = 0; i < EVENTS; i++)
        arena_init_small(&m->event[i].arena, 1000);
    return m;
}

static void forget_section(struct kept_section *s)
{
    bytes_unref(s->room_id);
    bytes_unref(s->text.members);
    *s = (struct kept_section){0};
}

uint64_t sync_memo_forgot(const struct sync_memo *m)
{
    return m->forgot;
}

void sync_memo_forget(struct sync_memo *m)
{
    m->forgot++;
    for (int i = 0; i < SECTIONS; i++)
        forget_section(&m->section[i]);
}

void sync_memo_free(struct sync_memo *m)
{
    if (!m) return;
    sync_memo_forget(m);
    for (int i = 0; i < EVENTS; i++) {
        event_unref(m->event[i].event);
        arena_release(&m->event[i].arena);
    }
    mem_free(m);
}

static struct kept_section *place_of(struct sync_memo *m, const struct section_key *k)
{
    uint64_t h = str_hash(k->room_id) ^ (uint64_t)k->since * 0x9E3779B97F4A7C15u ^ k->filter << 32;
    return &m->section[(h ^ h >> 29) % SECTIONS];
}

static bool same_key(const struct section_key *a, const struct section_key *b)
{
    return a->since == b->since && a->as_of == b->as_of && a->filter == b->filter && a->flags == b->flags && str_eq(a->room_id, b->room_id);
}

const struct section_text *sync_memo_section(struct sync_memo *m, const struct section_key *k, int64_t now_ms)
{
    struct kept_section *s = place_of(m, k);
    return s->text.members && same_key(&s->key, k) && now_ms - s->made_ms < SECTION_MS ? &s->text : NULL;
}

void sync_memo_keep_section(struct sync_memo *m, const struct section_key *k, int64_t now_ms, struct str members,
                            const struct section_news *news)
{
    struct kept_section *s = place_of(m, k);
    forget_section(s);
    if (members.n > SECTION_MAX) return;
    *s = (struct kept_section){.key = *k, .made_ms = now_ms, .room_id = bytes_new(k->room_id), .text = {bytes_new(members), *news}};
    s->key.room_id = bytes_str(s->room_id);
}

const struct json *sync_memo_event(struct sync_memo *m, struct event *e)
{
    struct kept_event *k = &m->event[(uint64_t)(e->ord >> ORD_SHIFT) % EVENTS];
    if (k->event == e) return k->tree;
    event_unref(k->event);
    k->event = event_ref(e);
    k->tree = NULL;
    arena_reset(&k->arena);
    if (json_parse(&k->arena, e->client, &k->tree, NULL) != ERR_OK) k->tree = NULL;
    return k->tree;
}
