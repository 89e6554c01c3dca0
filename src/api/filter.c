/* Filters that clients store. */
#include "matrix/filter.h"

#include "api/routes.h"

enum err api_filter_put(struct api *r)
{
    struct command c = {.type = CMD_user_filter_put, .key = r->user_id};
    struct sync_filter parsed;
    struct reply reply;
    enum err e = api_own_user(r, r->param[0]);
    if (e == ERR_OK) e = filter_parse_sync(r->arena, r->body, &parsed, &r->fault);
    if (e != ERR_OK) return e;
    c.s[0] = json_text(r->arena, r->body);
    e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_str_member(&r->json, "filter_id", reply.s[0]);
    json_end(&r->json);
    return ERR_OK;
}

enum err api_filter_get(struct api *r)
{
    struct command c = {.type = CMD_user_filter_get, .key = r->user_id, .s[0] = r->param[1]};
    struct reply reply;
    enum err e = api_own_user(r, r->param[0]);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e == ERR_NOT_FOUND) return fault_set(&r->fault, e, "There is no filter with that id.");
    if (e == ERR_OK) json_put_raw(&r->json, reply.s[0]);
    return e;
}
