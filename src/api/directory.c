/* Names and lists: aliases, what is listed, the user directory. */
#include "api/listing.h"
#include "api/membership.h"
#include "api/routes.h"
#include "matrix/content.h"
#include "matrix/fold.h"
#include "matrix/id.h"

enum { PAGE_MAX = 500 };

static enum err check_alias(struct api *r, struct str alias)
{
    if (!id_alias(alias, NULL))
        return fault_set(&r->fault, ERR_INVALID_PARAM, "A room alias looks like #name:%.*s.", STR_FMT(r->engine->config.server_name));
    return ERR_OK;
}

enum err api_alias_get(struct api *r)
{
    struct command c = {.type = CMD_alias_get, .key = r->param[0]};
    struct reply reply;
    enum err e = check_alias(r, r->param[0]);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_str_member(&r->json, "room_id", reply.s[0]);
    json_key(&r->json, "servers");
    json_array(&r->json);
    json_put_str(&r->json, r->engine->config.server_name);
    json_end(&r->json);
    json_end(&r->json);
    return ERR_OK;
}

enum err api_alias_put(struct api *r)
{
    struct str room_id;
    struct reply reply;
    enum err e = check_alias(r, r->param[0]);
    if (e == ERR_OK) e = api_body_str(r, "room_id", &room_id);
    if (e == ERR_OK && !id_room(room_id, NULL)) e = fault_set(&r->fault, ERR_INVALID_PARAM, "'room_id' is no room id.");
    if (e == ERR_OK && !engine_is_ours(r->engine, r->param[0]))
        e = fault_set(&r->fault, ERR_FORBIDDEN, "This server makes aliases of its own name only.");
    if (e != ERR_OK) return e;
    struct command look = {.type = CMD_room_join_info, .key = room_id, .s[0] = r->user_id};
    e = api_call(r, &look, &reply);
    if (e == ERR_OK && reply.num[1] != MEMBER_JOIN) e = fault_set(&r->fault, ERR_FORBIDDEN, "You are not in that room.");
    if (e != ERR_OK) return e;
    struct command c = {.type = CMD_alias_put, .key = r->param[0], .s = {room_id, r->user_id}};
    return api_call(r, &c, &reply);
}

/* Who made the alias, or may change the room's address. */
static enum err may_delete(struct api *r, const struct reply *alias)
{
    if (str_eq(alias->s[1], r->user_id)) return ERR_OK;
    struct command c = {.type = CMD_room_may_send, .key = alias->s[0], .s = {r->user_id, STR("m.room.canonical_alias")}, .num[0] = 1};
    struct reply reply;
    enum err e = engine_call(r->engine, &c, r->arena, &reply, NULL);
    if (e == ERR_OK && reply.num[0]) return ERR_OK;
    return fault_set(&r->fault, ERR_FORBIDDEN, "Only who made the alias, or may change the room's address, can remove it.");
}

enum err api_alias_delete(struct api *r)
{
    struct command c = {.type = CMD_alias_get, .key = r->param[0]};
    struct reply alias, reply;
    enum err e = check_alias(r, r->param[0]);
    if (e == ERR_OK) e = api_call(r, &c, &alias);
    if (e == ERR_OK) e = may_delete(r, &alias);
    if (e != ERR_OK) return e;
    c = (struct command){.type = CMD_alias_del, .key = r->param[0], .s[0] = alias.s[0]};
    return api_call(r, &c, &reply);
}

enum err api_room_aliases(struct api *r)
{
    struct command look = {.type = CMD_room_join_info, .key = r->param[0], .s[0] = r->user_id},
                   c = {.type = CMD_room_aliases, .key = r->param[0]};
    struct reply reply;
    enum err e = api_call(r, &look, &reply);
    if (e == ERR_OK && reply.num[1] != MEMBER_JOIN) {
        struct command open = {.type = CMD_room_summary, .key = r->param[0]};
        struct reply summary;
        e = api_call(r, &open, &summary);
        if (e == ERR_OK && !memmem(summary.s[0].p, summary.s[0].n, "\"world_readable\":true", 21))
            e = fault_set(&r->fault, ERR_FORBIDDEN, "You are not in this room.");
    }
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_raw_member(&r->json, "aliases", reply.s[0]);
    json_end(&r->json);
    return ERR_OK;
}

/* --- who may see a room listed --- */

enum err api_visibility_get(struct api *r)
{
    struct command c = {.type = CMD_room_is_public, .key = r->param[0]};
    struct reply reply;
    enum err e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_str_member(&r->json, "visibility", reply.num[0] ? STR("public") : STR("private"));
    json_end(&r->json);
    return ERR_OK;
}

enum err api_visibility_put(struct api *r)
{
    struct str visibility;
    struct reply reply;
    enum err e = api_body_str_opt(r, "visibility", &visibility);
    if (e != ERR_OK) return e;
    if (visibility.p && !str_is(visibility, "public") && !str_is(visibility, "private"))
        return fault_set(&r->fault, ERR_INVALID_PARAM, "'visibility' is public or private.");
    struct command c = {.type = CMD_room_publish, .key = r->param[0], .s[0] = r->user_id, .num[0] = !str_is(visibility, "private")};
    return api_call(r, &c, &reply);
}

/* --- users --- */

static bool user_wanted(struct api *r, const struct json *v, struct str term)
{
    return fold_contains(r->arena, json_string_at(v, "user_id"), term) || fold_contains(r->arena, json_string_at(v, "display_name"), term);
}

enum err api_user_search(struct api *r)
{
    struct str term;
    int64_t limit = 10;
    struct json *given = json_get(r->body, "limit");
    enum err e = api_body_str(r, "search_term", &term);
    if (e != ERR_OK) return e;
    if (given && (!json_int(given, &limit) || limit < 0)) return fault_set(&r->fault, ERR_BAD_JSON, "'limit' is a whole number.");
    if (limit > PAGE_MAX) limit = PAGE_MAX;
    term = fold(r->arena, term);
    struct call *call = arena_array(r->arena, CLUSTER_SLOTS, sizeof *call);
    struct command c = {.type = CMD_slot_users};
    bool limited = false;
    int64_t n = 0;
    e = listing_ask(r, &c, call);
    json_object(&r->json);
    json_key(&r->json, "results");
    json_array(&r->json);
    for (unsigned i = 0; e == ERR_OK && i < CLUSTER_SLOTS; i++) {
        struct json *list;
        e = json_parse(r->arena, call[i].reply.s[0], &list, &r->fault);
        json_each(v, e == ERR_OK ? list : NULL)
        {
            if (str_empty(term) || !user_wanted(r, v, term)) continue;
            if (n == limit) {
                limited = true;
                break;
            }
            json_put(&r->json, v);
            n++;
        }
    }
    json_end(&r->json);
    json_bool_member(&r->json, "limited", limited);
    json_end(&r->json);
    listing_release(call);
    return e;
}

enum err api_mutual_rooms(struct api *r)
{
    struct str other = api_query(r, "user_id");
    struct json *shared;
    if (str_empty(other)) return fault_set(&r->fault, ERR_MISSING_PARAM, "The parameter 'user_id' is missing.");
    if (!id_user(other, NULL)) return fault_set(&r->fault, ERR_INVALID_PARAM, "'user_id' is no user id.");
    if (!str_empty(api_query(r, "from"))) /* everything is in one answer */
        return fault_set(&r->fault, ERR_INVALID_PARAM, "'from' is a token of an earlier answer.");
    if (str_eq(other, r->user_id)) return fault_set(&r->fault, ERR_INVALID_PARAM, "You share all rooms with yourself.");
    enum err e = membership_shared(r, other, &shared);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_key(&r->json, "joined");
    json_put(&r->json, shared);
    json_int_member(&r->json, "count", shared->count);
    json_end(&r->json);
    return ERR_OK;
}

/* --- reports --- */

static enum err report(struct api *r, struct str subject, struct str event_id)
{
    struct command c = {.type = CMD_report, .key = subject, .s = {r->user_id, r->http->body.n ? r->http->body : STR("{}"), event_id}};
    struct reply reply;
    struct str reason;
    enum err e = api_body_str_opt(r, "reason", &reason);
    return e == ERR_OK ? api_call(r, &c, &reply) : e;
}

enum err api_report_event(struct api *r)
{
    struct command c = {.type = CMD_room_event, .key = r->param[0], .s = {r->user_id, STR(""), r->param[1]}};
    struct reply reply;
    enum err e = api_call(r, &c, &reply);
    return e == ERR_OK ? report(r, r->param[0], r->param[1]) : e;
}

enum err api_report_room(struct api *r)
{
    struct command c = {.type = CMD_room_is_public, .key = r->param[0]};
    struct reply reply;
    enum err e = api_call(r, &c, &reply);
    return e == ERR_OK ? report(r, r->param[0], (struct str){0}) : e;
}

enum err api_report_user(struct api *r)
{
    enum err e = membership_check_target(r, r->param[0]);
    return e == ERR_OK ? report(r, r->param[0], (struct str){0}) : e;
}
