/* Reading rooms: messages, one event, its surroundings, members, relations, threads. */
#include "api/routes.h"
#include "engine/room/event.h"
#include "engine/sync/token.h"
#include "matrix/id.h"

enum { LIMIT_DEFAULT = 10, LIMIT_MAX = 1000, RECURSION = 3 };

/* A place from a query parameter; -1 when it is absent. */
static enum err place(struct api *r, const char *name, int64_t *ord)
{
    struct str s = api_query(r, name);
    *ord = -1;
    if (str_empty(s)) return ERR_OK;
    return place_token_read(s, cluster_history(r->engine->cluster), cluster_slot_of(r->param[0]), ord, &r->fault);
}

static enum err direction(struct api *r, bool needed, bool otherwise, int64_t *back)
{
    struct str s = api_query(r, "dir");
    *back = otherwise;
    if (str_null(s)) return needed ? fault_set(&r->fault, ERR_MISSING_PARAM, "The parameter 'dir' is missing: b or f.") : ERR_OK;
    if (!str_is(s, "b") && !str_is(s, "f")) return fault_set(&r->fault, ERR_INVALID_PARAM, "The parameter 'dir' is b or f.");
    *back = str_is(s, "b");
    return ERR_OK;
}

static enum err check_room(struct api *r)
{
    return id_room(r->param[0], NULL) ? ERR_OK : fault_set(&r->fault, ERR_NOT_FOUND, "That is no room id.");
}

static void place_member(struct api *r, const char *name, int64_t ord)
{
    if (ord >= 0) json_str_member(&r->json, name, place_token_write(r->arena, ord));
}

/* A room that the user has forgotten is not looked into any more. */
static enum err check_forgotten(struct api *r)
{
    struct command c = {.type = CMD_user_room, .key = r->user_id, .s[0] = r->param[0]};
    struct reply reply;
    enum err e = engine_call(r->engine, &c, r->arena, &reply, NULL);
    if (e == ERR_OK && reply.num[0]) return fault_set(&r->fault, ERR_FORBIDDEN, "You have forgotten this room.");
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Whom the asker ignores; see take_ignored in engine/room/history.c. */
static enum err add_ignored(struct api *r, struct command *c)
{
    struct command look = {.type = CMD_user_account_data, .key = r->user_id, .s = {STR(""), STR("m.ignored_user_list")}};
    struct reply reply;
    struct json *v, *list = json_new(r->arena, JSON_ARRAY);
    enum err e = engine_call(r->engine, &look, r->arena, &reply, NULL);
    if (e != ERR_OK) return e == ERR_NOT_FOUND ? ERR_OK : e;
    if (json_parse(r->arena, reply.s[0], &v, NULL) != ERR_OK) return ERR_OK;
    json_each(u, json_get(v, "ignored_users")) json_push(list, json_new_string(r->arena, u->key));
    if (list->count) c->s[COMMAND_STRS - 1] = json_text(r->arena, list);
    return ERR_OK;
}

enum err api_messages(struct api *r)
{
    struct command c = {.type = CMD_room_messages, .key = r->param[0], .s = {r->user_id, r->device_id, api_text(api_query(r, "filter"))}};
    struct reply reply;
    enum err e = check_room(r);
    if (e == ERR_OK) e = place(r, "from", &c.num[0]);
    if (e == ERR_OK) e = place(r, "to", &c.num[1]);
    if (e == ERR_OK) e = api_query_int(r, "limit", 1, INT64_MAX, LIMIT_DEFAULT, &c.num[2]);
    if (e == ERR_OK) e = direction(r, true, true, &c.num[3]);
    if (e == ERR_OK) e = check_forgotten(r);
    if (c.num[2] > LIMIT_MAX) c.num[2] = LIMIT_MAX;
    if (e == ERR_OK) e = add_ignored(r, &c);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_raw_member(&r->json, "chunk", reply.s[0]);
    place_member(r, "start", reply.num[0]);
    place_member(r, "end", reply.num[1]);
    if (reply.s[1].p) json_raw_member(&r->json, "state", reply.s[1]);
    json_end(&r->json);
    return ERR_OK;
}

enum err api_event(struct api *r)
{
    struct command c = {.type = CMD_room_event, .key = r->param[0], .s = {r->user_id, r->device_id, r->param[1]}};
    struct reply reply;
    enum err e = check_room(r);
    if (e == ERR_OK) e = add_ignored(r, &c);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e == ERR_OK) json_put_raw(&r->json, reply.s[0]);
    return e;
}

enum err api_context(struct api *r)
{
    struct command c = {
        .type = CMD_room_context, .key = r->param[0], .s = {r->user_id, r->device_id, r->param[1], api_text(api_query(r, "filter"))}};
    struct reply reply;
    enum err e = check_room(r);
    if (e == ERR_OK) e = api_query_int(r, "limit", 0, INT64_MAX, LIMIT_DEFAULT, &c.num[0]);
    if (c.num[0] > LIMIT_MAX) c.num[0] = LIMIT_MAX;
    if (e == ERR_OK) e = add_ignored(r, &c);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_raw_member(&r->json, "event", reply.s[0]);
    json_raw_member(&r->json, "events_before", reply.s[1]);
    json_raw_member(&r->json, "events_after", reply.s[2]);
    json_raw_member(&r->json, "state", reply.s[3]);
    place_member(r, "start", reply.num[0]);
    place_member(r, "end", reply.num[1]);
    json_end(&r->json);
    return ERR_OK;
}

enum err api_members(struct api *r)
{
    struct command c = {.type = CMD_room_state_all, .key = r->param[0], .num[0] = 1};
    struct reply reply;
    int64_t at;
    static const char memberships[] = "join invite knock leave ban";
    enum err e = check_room(r);
    if (e == ERR_OK) e = place(r, "at", &at);
    if (e == ERR_OK) e = api_query_word(r, "membership", memberships, &c.s[1]);
    if (e == ERR_OK) e = api_query_word(r, "not_membership", memberships, &c.s[2]);
    if (e != ERR_OK) return e;
    c.s[0] = r->user_id;
    if (at >= 0) c.num[1] = (at >> ORD_SHIFT) > 0 ? at >> ORD_SHIFT : 1;
    e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_raw_member(&r->json, "chunk", reply.s[0]);
    json_end(&r->json);
    return ERR_OK;
}

enum err api_relations(struct api *r)
{
    struct command c = {
        .type = CMD_room_relations, .key = r->param[0], .s = {r->user_id, r->device_id, r->param[1], r->param[2], r->param[3]}};
    struct reply reply;
    bool recurse;
    enum err e = api_query_bool(r, "recurse", false, &recurse);
    if (e == ERR_OK) e = check_room(r);
    if (e == ERR_OK) e = place(r, "from", &c.num[0]);
    if (e == ERR_OK) e = place(r, "to", &c.num[1]);
    if (e == ERR_OK) e = api_query_int(r, "limit", 1, INT64_MAX, LIMIT_DEFAULT, &c.num[2]);
    if (e == ERR_OK) e = direction(r, false, true, &c.num[3]);
    if (c.num[2] > LIMIT_MAX) c.num[2] = LIMIT_MAX;
    c.num[4] = recurse ? RECURSION - 1 : 0;
    if (e == ERR_OK) e = add_ignored(r, &c);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    struct str from = api_query(r, "from");
    json_object(&r->json);
    json_raw_member(&r->json, "chunk", reply.s[0]);
    place_member(r, "next_batch", reply.num[0]);
    if (!str_empty(from)) json_str_member(&r->json, "prev_batch", from);
    if (recurse) json_int_member(&r->json, "recursion_depth", RECURSION);
    json_end(&r->json);
    return ERR_OK;
}

enum err api_threads(struct api *r)
{
    struct command c = {.type = CMD_room_threads, .key = r->param[0], .s = {r->user_id, r->device_id}};
    struct reply reply;
    struct str include = {0};
    enum err e = check_room(r);
    if (e == ERR_OK) e = api_query_word(r, "include", "all participated", &include);
    if (e == ERR_OK) e = place(r, "from", &c.num[0]);
    if (e == ERR_OK) e = api_query_int(r, "limit", 1, INT64_MAX, LIMIT_DEFAULT, &c.num[1]);
    if (c.num[1] > LIMIT_MAX) c.num[1] = LIMIT_MAX;
    c.num[2] = str_is(include, "participated");
    if (e == ERR_OK) e = add_ignored(r, &c);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_raw_member(&r->json, "chunk", reply.s[0]);
    place_member(r, "next_batch", reply.num[0]);
    json_end(&r->json);
    return ERR_OK;
}

enum err api_timestamp_to_event(struct api *r)
{
    struct command c = {.type = CMD_room_at_time, .key = r->param[0], .s = {r->user_id}};
    struct reply reply;
    enum err e = check_room(r);
    if (e == ERR_OK && str_null(api_query(r, "ts"))) e = fault_set(&r->fault, ERR_MISSING_PARAM, "The parameter 'ts' is missing.");
    if (e == ERR_OK) e = api_query_int(r, "ts", 0, INT64_MAX, 0, &c.num[0]);
    if (e == ERR_OK) e = direction(r, true, false, &c.num[1]);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_str_member(&r->json, "event_id", reply.s[0]);
    json_int_member(&r->json, "origin_server_ts", reply.num[0]);
    json_end(&r->json);
    return ERR_OK;
}
