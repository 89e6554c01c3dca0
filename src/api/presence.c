/* Who is online: asking and saying. */
#include "engine/user/presence.h"
#include "api/membership.h"
#include "api/routes.h"
#include "matrix/id.h"

static enum err may_see(struct api *r, struct str user_id)
{
    struct json *shared;
    if (str_eq(user_id, r->user_id)) return ERR_OK;
    enum err e = membership_check_target(r, user_id);
    if (e == ERR_OK) e = membership_shared(r, user_id, &shared);
    if (e == ERR_OK && shared->count == 0) e = fault_set(&r->fault, ERR_FORBIDDEN, "You share no room with that user.");
    return e;
}

enum err api_presence_get(struct api *r)
{
    struct command c = {.type = CMD_presence_get, .key = r->param[0]};
    struct reply reply;
    enum err e = may_see(r, r->param[0]);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_str_member(&r->json, "presence", reply.s[0]);
    if (reply.num[0]) {
        int64_t ago = clock_wall_ms(r->engine->clock) - reply.num[0];
        json_int_member(&r->json, "last_active_ago", ago > 0 ? ago : 0);
        json_bool_member(&r->json, "currently_active", str_is(reply.s[0], "online") && ago < 120000);
    }
    if (reply.s[1].n) json_str_member(&r->json, "status_msg", reply.s[1]);
    json_end(&r->json);
    return ERR_OK;
}

enum err api_presence_put(struct api *r)
{
    struct str presence, status;
    struct reply reply;
    enum err e = api_own_user(r, r->param[0]);
    if (e == ERR_OK) e = api_body_str(r, "presence", &presence);
    if (e == ERR_OK) e = api_body_str_opt(r, "status_msg", &status);
    if (e != ERR_OK) return e;
    enum presence_state state = presence_parse(presence);
    if (state == PRESENCE__COUNT) return fault_set(&r->fault, ERR_INVALID_PARAM, "'presence' is online, unavailable or offline.");
    if (!r->engine->config.presence) return ERR_OK;
    struct command c = {.type = CMD_presence_set, .key = r->user_id, .s[0] = api_text(status), .num = {state, 1}};
    return api_call(r, &c, &reply);
}
