/* Summaries of rooms and the hierarchy of spaces. */
#include "api/membership.h"
#include "api/routes.h"
#include "matrix/content.h"
#include "matrix/id.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 100, DEPTH_MAX = 50, ROOMS_MAX = 2000 };

/* A room's summary if the one who asks may see it; FORBIDDEN otherwise. */
static enum err summary(struct api *r, struct str room_id, bool children, struct reply *out)
{
    struct command c = {.type = CMD_room_summary, .key = room_id, .s[0] = r->user_id, .num[0] = children};
    enum err e = api_call(r, &c, out);
    if (e != ERR_OK || out->num[0]) return e;
    struct command shares = {.type = CMD_user_shares, .key = r->user_id, .s[0] = out->s[1]};
    struct reply reply;
    if (str_empty(out->s[1]) || str_null(r->user_id)) return fault_set(&r->fault, ERR_FORBIDDEN, "You may not look into this room.");
    e = api_call(r, &shares, &reply);
    if (e == ERR_OK && !reply.num[0]) e = fault_set(&r->fault, ERR_FORBIDDEN, "You may not look into this room.");
    return e;
}

enum err api_room_summary(struct api *r)
{
    struct str room_id;
    struct reply reply;
    enum err e = membership_room(r, r->param[0], &room_id);
    if (e == ERR_OK) e = summary(r, room_id, false, &reply);
    if (e == ERR_FORBIDDEN) e = fault_set(&r->fault, ERR_NOT_FOUND, "There is no such room, or you may not look into it.");
    if (e != ERR_OK) return e;
    json_put_raw(&r->json, STR("{"));
    buf_add(&r->out, reply.s[0]);
    if (r->user_id.p) {
        buf_add(&r->out, STR(",\"membership\":"));
        json_write_string(&r->out, str_c(membership_name((enum membership)reply.num[1])));
    }
    buf_byte(&r->out, '}');
    return ERR_OK;
}

/* --- hierarchy: depth first, in the order of the children; each room once --- */

struct visit {
    struct str room_id;
    int64_t depth;
};

struct hierarchy {
    struct api *r;
    bool suggested_only;
    int64_t max_depth, limit, skip, seen, written;
    struct visit *stack;
    size_t count, cap;
    struct json *met; /* object: room id -> true */
};

static void push(struct hierarchy *h, struct str room_id, int64_t depth)
{
    if (h->count == h->cap) {
        size_t cap = h->cap ? h->cap * 2 : 64;
        struct visit *more = arena_array(h->r->arena, cap, sizeof *more);
        if (h->count) memcpy(more, h->stack, h->count * sizeof *more);
        h->stack = more;
        h->cap = cap;
    }
    h->stack[h->count++] = (struct visit){room_id, depth};
}

/* `order` first (by its text), then those without by the time of the event, then by room id. */
static int child_cmp(const void *x, const void *y)
{
    const struct json *a = *(struct json *const *)x, *b = *(struct json *const *)y;
    struct str oa = json_string(json_path(a, "content", "order", NULL)), ob = json_string(json_path(b, "content", "order", NULL));
    if (oa.p && ob.p && str_cmp(oa, ob) != 0) return str_cmp(oa, ob);
    if (!oa.p != !ob.p) return oa.p ? -1 : 1;
    int64_t ta = json_int_at(a, "origin_server_ts", 0), tb = json_int_at(b, "origin_server_ts", 0);
    if (ta != tb) return ta < tb ? -1 : 1;
    return str_cmp(json_string_at(a, "state_key"), json_string_at(b, "state_key"));
}

static bool is_suggested(const struct json *child)
{
    return json_is(json_path(child, "content", "suggested", NULL), JSON_TRUE);
}

static enum err push_children(struct hierarchy *h, struct json *room, int64_t depth)
{
    struct json *list = json_get(room, "children_state");
    struct json **sorted = arena_array(h->r->arena, (list ? list->count : 0) + 1, sizeof(*sorted));
    size_t n = 0;
    json_each(v, list) if (!h->suggested_only || is_suggested(v)) sorted[n++] = v;
    if (n) qsort(sorted, n, sizeof(*sorted), child_cmp);
    while (n-- > 0)
        push(h, json_string_at(sorted[n], "state_key"), depth + 1);
    return ERR_OK;
}

static enum err visit(struct hierarchy *h, const struct visit *v)
{
    struct api *r = h->r;
    struct reply reply;
    struct json *room;
    if (json_get_str(h->met, v->room_id)) return ERR_OK;
    json_set(h->met, v->room_id, json_new_bool(r->arena, true));
    enum err e = summary(r, v->room_id, true, &reply);
    if (v->depth > 0 && (e == ERR_NOT_FOUND || e == ERR_FORBIDDEN)) return ERR_OK; /* what one may not see is left out */
    if (e != ERR_OK) return e;
    struct str text = arena_join(r->arena, STR("{"), reply.s[0], STR("}"));
    e = json_parse(r->arena, text, &room, &r->fault);
    if (e != ERR_OK) return e;
    if (h->seen++ >= h->skip) {
        json_put_raw(&r->json, text);
        h->written++;
    }
    bool space = str_is(json_string_at(room, "room_type"), "m.space");
    return space && (h->max_depth < 0 || v->depth < h->max_depth) ? push_children(h, room, v->depth) : ERR_OK;
}

enum err api_hierarchy(struct api *r)
{
    struct hierarchy h = {.r = r, .met = json_new(r->arena, JSON_OBJECT)};
    struct str from = api_query(r, "from");
    enum err e = api_query_bool(r, "suggested_only", false, &h.suggested_only);
    if (e == ERR_OK) e = api_query_int(r, "limit", 1, INT64_MAX, PAGE_DEFAULT, &h.limit);
    if (e == ERR_OK) e = api_query_int(r, "max_depth", 0, INT64_MAX, -1, &h.max_depth);
    if (e != ERR_OK) return e;
    if (h.limit > PAGE_MAX) h.limit = PAGE_MAX;
    if (h.max_depth < 0 || h.max_depth > DEPTH_MAX) h.max_depth = DEPTH_MAX;
    if (!str_empty(from) && (from.p[0] != 'h' || !str_to_int64(str_from(from, 1), &h.skip) || h.skip < 0))
        return fault_set(&r->fault, ERR_INVALID_PARAM, "'from' is a token of an earlier answer.");
    if (!id_room(r->param[0], NULL)) return fault_set(&r->fault, ERR_NOT_FOUND, "That is no room id.");
    push(&h, r->param[0], 0);
    json_object(&r->json);
    json_key(&r->json, "rooms");
    json_array(&r->json);
    while (e == ERR_OK && h.count && h.written < h.limit && h.seen < ROOMS_MAX) {
        struct visit v = h.stack[--h.count];
        e = visit(&h, &v);
    }
    json_end(&r->json);
    if (h.count && h.written == h.limit) json_str_member(&r->json, "next_batch", arena_printf(r->arena, "h%lld", (long long)h.seen));
    json_end(&r->json);
    return e;
}
