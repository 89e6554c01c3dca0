/* The public directory, page by page: all slots tell which of their rooms come next, the page is put together here, and what is told of its rooms
 * is fetched from the slots that have them. A token is the place between two rooms in the order of the list. */
#include "api/listing.h"
#include "api/routes.h"
#include "base/pack.h"
#include "engine/room/directory.h"
#include "matrix/fold.h"
#include "matrix/id.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 500 };

struct query {
    struct str term, types; /* folded; JSON */
    size_t limit;
    struct directory_place at; /* room id null: none */
    bool back;                 /* the page ends before `at` instead of beginning behind it */
};

struct page {
    struct directory_place *room;
    size_t count;
    int64_t total, before, after; /* rooms that match; those of them that lie before and behind the page */
};

static void take_places(struct api *r, struct page *p, const struct call *calls)
{
    struct str list, joined, room_id;
    size_t max = 0;
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        max += calls[i].reply.s[0].n / (2 * sizeof(uint32_t));
    p->room = arena_array(r->arena, max + 1, sizeof *p->room);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        list = calls[i].reply.s[0];
        p->total += calls[i].reply.num[0];
        p->before += calls[i].reply.num[1];
        p->after += calls[i].reply.num[2];
        while (pack_next(&list, &joined) && joined.n == sizeof(int64_t) && pack_next(&list, &room_id)) {
            memcpy(&p->room[p->count].joined, joined.p, sizeof(int64_t));
            p->room[p->count++].room_id = arena_str(r->arena, room_id);
        }
    }
    if (p->count) qsort(p->room, p->count, sizeof *p->room, directory_order);
}

/* A slot that has just made itself ready wants to be asked once more. */
static enum err ask(struct api *r, const struct command *c, struct call *calls)
{
    for (int attempt = 0;; attempt++) {
        bool again = false;
        enum err e = listing_ask(r, c, calls);
        for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
            again = again || calls[i].reply.num[3];
        if (e != ERR_OK || !again) return e;
        if (attempt) return fault_set(&r->fault, ERR_UNAVAILABLE, "The directory is being made ready. Try again shortly.");
        listing_release(calls);
    }
}

static enum err find_page(struct api *r, const struct query *q, struct page *p)
{
    struct call *calls = arena_array(r->arena, CLUSTER_SLOTS, sizeof *calls);
    struct command c = {.type = CMD_slot_public_rooms, .s = {q->term, q->types, q->at.room_id}};
    c.num[0] = q->at.joined;
    c.num[1] = q->back;
    c.num[2] = (int64_t)q->limit;
    *p = (struct page){0};
    enum err e = ask(r, &c, calls);
    if (e == ERR_OK) take_places(r, p, calls);
    listing_release(calls);
    if (p->count <= q->limit) return e;
    size_t over = p->count - q->limit;
    if (q->back) {
        p->room += over;
        p->before += (int64_t)over;
    } else {
        p->after += (int64_t)over;
    }
    p->count = q->limit;
    return e;
}

/* --- entries --- */

/* What is told of the page's rooms in that slot, by room, into `entries`. */
static enum err fetch(struct api *r, unsigned slot, const struct page *p, struct json *entries)
{
    struct command c = {.type = CMD_slot_public_entries, .key = engine_key_of_slot(r->engine, slot)};
    struct reply reply;
    struct buf rooms;
    struct json *list;
    buf_init(&rooms, 1048576);
    for (size_t i = 0; i < p->count; i++)
        if (cluster_slot_of(p->room[i].room_id) == slot) pack_str(&rooms, p->room[i].room_id);
    c.s[0] = buf_str(&rooms);
    enum err e = rooms.n ? api_call(r, &c, &reply) : ERR_OK;
    if (rooms.n && e == ERR_OK) e = json_parse(r->arena, reply.s[0], &list, &r->fault);
    for (struct json *v = rooms.n && e == ERR_OK ? list->child : NULL, *next; v; v = next) {
        next = v->next;
        json_set(entries, json_string_at(v, "room_id"), v);
    }
    buf_release(&rooms);
    return e;
}

static enum err write_chunk(struct api *r, const struct page *p)
{
    struct json *entries = json_new(r->arena, JSON_OBJECT);
    enum err e = ERR_OK;
    for (unsigned i = 0; i < CLUSTER_SLOTS && e == ERR_OK; i++)
        e = fetch(r, i, p, entries);
    json_key(&r->json, "chunk");
    json_array(&r->json);
    for (size_t i = 0; i < p->count; i++) {
        const struct json *v = json_get_str(entries, p->room[i].room_id);
        if (v) json_put(&r->json, v);
    }
    json_end(&r->json);
    return e;
}

/* --- tokens --- */

/* n or p (next or previous), members, dot, room. */
static enum err read_token(struct api *r, struct str token, struct query *q)
{
    if (str_empty(token)) return ERR_OK;
    ptrdiff_t dot = str_find(token, '.');
    q->back = token.p[0] == 'p';
    if (dot > 1 && (q->back || token.p[0] == 'n') && str_to_int64(str_make(token.p + 1, (size_t)dot - 1), &q->at.joined)) {
        q->at.room_id = str_from(token, (size_t)dot + 1);
        if (id_room(q->at.room_id, NULL)) return ERR_OK;
    }
    return fault_set(&r->fault, ERR_INVALID_PARAM, "'since' is a token of an earlier answer.");
}

static void token_member(struct api *r, const char *name, char direction, const struct directory_place *at)
{
    json_str_member(&r->json, name, arena_printf(r->arena, "%c%lld.%.*s", direction, (long long)at->joined, STR_FMT(at->room_id)));
}

/* --- the two forms of the request --- */

static enum err answer(struct api *r, struct query *q)
{
    struct page p;
    struct str server = api_query(r, "server");
    if (!str_empty(server) && !str_eq(server, r->engine->config.server_name))
        return fault_set(&r->fault, ERR_FORBIDDEN, "This server does not reach the directories of others.");
    enum err e = find_page(r, q, &p);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    e = write_chunk(r, &p);
    json_int_member(&r->json, "total_room_count_estimate", p.total);
    if (p.count && p.after) token_member(r, "next_batch", 'n', &p.room[p.count - 1]);
    if (p.count && p.before) token_member(r, "prev_batch", 'p', &p.room[0]);
    json_end(&r->json);
    return e;
}

static size_t page_size(int64_t limit)
{
    return limit <= 0 || limit > PAGE_MAX ? PAGE_MAX : (size_t)limit;
}

enum err api_public_rooms(struct api *r)
{
    struct query q = {.term = STR(""), .types = STR("")};
    int64_t limit;
    enum err e = api_query_int(r, "limit", 0, INT64_MAX, PAGE_DEFAULT, &limit);
    if (e == ERR_OK) e = read_token(r, api_query(r, "since"), &q);
    if (e != ERR_OK) return e;
    q.limit = page_size(limit);
    return answer(r, &q);
}

static enum err read_filter(struct api *r, struct query *q)
{
    struct json *filter;
    enum err e = api_body_object_opt(r, "filter", &filter);
    if (e != ERR_OK) return e;
    const struct json *term = json_get(filter, "generic_search_term"), *types = json_get(filter, "room_types");
    if (term && !json_is(term, JSON_STRING) && !json_is(term, JSON_NULL))
        return fault_set(&r->fault, ERR_BAD_JSON, "'generic_search_term' is a string.");
    if (types && !json_is(types, JSON_ARRAY) && !json_is(types, JSON_NULL))
        return fault_set(&r->fault, ERR_BAD_JSON, "'room_types' is a list.");
    json_each(v, json_is(types, JSON_ARRAY) ? types : NULL) if (!json_is(v, JSON_STRING) && !json_is(v, JSON_NULL)) return fault_set(
        &r->fault, ERR_BAD_JSON, "'room_types' is a list of strings and null.");
    q->term = fold(r->arena, json_string(term));
    q->types = json_is(types, JSON_ARRAY) ? json_text(r->arena, types) : STR("");
    return ERR_OK;
}

enum err api_public_rooms_search(struct api *r)
{
    struct query q = {0};
    const struct json *limit = json_get(r->body, "limit");
    struct str since;
    int64_t n = PAGE_DEFAULT;
    enum err e = read_filter(r, &q);
    if (e == ERR_OK) e = api_body_str_opt(r, "since", &since);
    if (e == ERR_OK) e = read_token(r, since, &q);
    if (e != ERR_OK) return e;
    if (limit && (!json_int(limit, &n) || n < 0)) return fault_set(&r->fault, ERR_BAD_JSON, "'limit' is a whole number.");
    q.limit = page_size(n);
    return answer(r, &q);
}
