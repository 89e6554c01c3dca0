/* The account of the one who asks: who it is, its password, its end. */
#include "api/credentials.h"
#include "api/routes.h"
#include "api/uia.h"
#include "base/random.h"

enum { OPENID_SECONDS = 3600, OPENID_TOKEN = 40 };

enum err api_whoami(struct api *r)
{
    json_object(&r->json);
    json_str_member(&r->json, "user_id", r->user_id);
    json_str_member(&r->json, "device_id", r->device_id);
    json_bool_member(&r->json, "is_guest", r->guest);
    json_end(&r->json);
    return ERR_OK;
}

enum err api_password_change(struct api *r)
{
    struct command c = {.type = CMD_user_password, .key = r->user_id, .s[1] = r->device_id};
    struct str password;
    struct reply reply;
    bool logout;
    enum err e = api_body_str_opt(r, "new_password", &password);
    if (e == ERR_OK) e = api_body_bool_opt(r, "logout_devices", true, &logout);
    if (e == ERR_OK && !str_null(password)) e = credentials_strong(r, password);
    if (e == ERR_OK) e = uia_password(r);
    if (e == ERR_OK) e = api_body_str(r, "new_password", &password);
    if (e == ERR_OK) e = credentials_hash(r, password, &c.s[0]);
    if (e != ERR_OK) return e;
    c.num[0] = logout;
    return api_call(r, &c, &reply);
}

enum err api_deactivate(struct api *r)
{
    struct command c = {.type = CMD_user_deactivate, .key = r->user_id};
    struct reply reply;
    bool erase;
    enum err e = api_body_bool_opt(r, "erase", false, &erase);
    if (e == ERR_OK) e = uia_password(r);
    if (e != ERR_OK) return e;
    c.num[0] = erase;
    e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    /* There is nothing to unbind: no third-party identifiers are kept. */
    json_str_member(&r->json, "id_server_unbind_result", STR("success"));
    json_end(&r->json);
    return ERR_OK;
}

/* None can be added here. */
enum err api_threepids(struct api *r)
{
    json_object(&r->json);
    json_raw_member(&r->json, "threepids", STR("[]"));
    json_end(&r->json);
    return ERR_OK;
}

enum err api_openid_token(struct api *r)
{
    struct str token = random_id(r->arena, OPENID_TOKEN);
    struct command c = {.type = CMD_user_openid_put, .key = r->user_id};
    struct reply reply;
    enum err e = api_own_user(r, r->param[0]);
    if (e != ERR_OK) return e;
    c.s[0] = sha256_hex(r->arena, token);
    c.num[0] = clock_wall_ms(r->engine->clock) + OPENID_SECONDS * 1000;
    e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_str_member(&r->json, "access_token", token);
    json_str_member(&r->json, "token_type", STR("Bearer"));
    json_str_member(&r->json, "matrix_server_name", r->engine->config.server_name);
    json_int_member(&r->json, "expires_in", OPENID_SECONDS);
    json_end(&r->json);
    return ERR_OK;
}
