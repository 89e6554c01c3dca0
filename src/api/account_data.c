/* Account data and tags: a user's own, of all rooms or of one. */
#include "api/routes.h"
#include "matrix/id.h"

enum { TYPE_MAX = 255, TAG_MAX = 255 };

/* `type` and the room (empty: none) come from the path. */
static enum err check_path(struct api *r, struct str room_id, struct str type)
{
    enum err e = api_own_user(r, r->param[0]);
    if (e != ERR_OK) return e;
    if (!str_empty(room_id) && !id_room(room_id, NULL)) return fault_set(&r->fault, ERR_INVALID_PARAM, "That is no room id.");
    if (type.n > TYPE_MAX) return fault_set(&r->fault, ERR_INVALID_PARAM, "A type may have at most %d bytes.", TYPE_MAX);
    return ERR_OK;
}

static enum err get(struct api *r, struct str room_id, struct str type)
{
    struct command c = {.type = CMD_user_account_data, .key = r->user_id, .s = {room_id, type}};
    struct reply reply;
    enum err e = check_path(r, room_id, type);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e == ERR_OK) json_put_raw(&r->json, reply.s[0]);
    return e;
}

static enum err put(struct api *r, struct str room_id, struct str type)
{
    struct command c = {.type = CMD_user_account_data_put, .key = r->user_id, .s = {room_id, type}};
    struct reply reply;
    enum err e = check_path(r, room_id, type);
    if (e != ERR_OK) return e;
    if (str_is(type, "m.fully_read") || str_is(type, "m.push_rules")) {
        r->status = 405;
        return fault_set(&r->fault, ERR_BAD_JSON, "Account data of the type %.*s is changed by endpoints of its own.", STR_FMT(type));
    }
    c.s[2] = json_text(r->arena, r->body);
    return api_call(r, &c, &reply);
}

enum err api_account_data_get(struct api *r)
{
    return get(r, STR(""), r->param[1]);
}
enum err api_account_data_put(struct api *r)
{
    return put(r, STR(""), r->param[1]);
}

static enum err room_of(struct api *r)
{
    return str_empty(r->param[1]) ? fault_set(&r->fault, ERR_INVALID_PARAM, "That is no room id.") : ERR_OK;
}

enum err api_room_account_data_get(struct api *r)
{
    enum err e = room_of(r);
    return e == ERR_OK ? get(r, r->param[1], r->param[2]) : e;
}

enum err api_room_account_data_put(struct api *r)
{
    enum err e = room_of(r);
    return e == ERR_OK ? put(r, r->param[1], r->param[2]) : e;
}

/* --- tags --- */

enum err api_tags_get(struct api *r)
{
    struct command c = {.type = CMD_user_account_data, .key = r->user_id, .s = {r->param[1], STR("m.tag")}};
    struct reply reply;
    struct json *content = NULL;
    enum err e = check_path(r, r->param[1], STR("m.tag"));
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e == ERR_OK) e = json_parse(r->arena, reply.s[0], &content, &r->fault);
    if (e != ERR_OK && e != ERR_NOT_FOUND) return e;
    const struct json *tags = json_get(content, "tags");
    json_object(&r->json);
    json_key(&r->json, "tags");
    if (json_is(tags, JSON_OBJECT))
        json_put(&r->json, tags);
    else
        json_put_raw(&r->json, STR("{}"));
    json_end(&r->json);
    return ERR_OK;
}

static enum err change_tag(struct api *r, struct str content)
{
    struct command c = {.type = CMD_user_tag_put, .key = r->user_id, .s = {r->param[1], r->param[2], content}};
    struct reply reply;
    enum err e = check_path(r, r->param[1], STR("m.tag"));
    if (e != ERR_OK) return e;
    if (r->param[2].n > TAG_MAX) return fault_set(&r->fault, ERR_INVALID_PARAM, "A tag may have at most %d bytes.", TAG_MAX);
    return api_call(r, &c, &reply);
}

enum err api_tag_put(struct api *r)
{
    const struct json *order = json_get(r->body, "order");
    if (order && !json_is(order, JSON_INT) && !json_is(order, JSON_REAL))
        return fault_set(&r->fault, ERR_BAD_JSON, "The member 'order' must be a number.");
    return change_tag(r, json_text(r->arena, r->body));
}

enum err api_tag_delete(struct api *r)
{
    return change_tag(r, (struct str){0});
}
