/* Logging in and out, refreshing. */
#include "api/credentials.h"
#include "api/routes.h"
#include "base/pack.h"
#include "engine/session.h"
#include "matrix/id.h"

enum err api_login_flows(struct api *r)
{
    json_object(&r->json);
    json_key(&r->json, "flows");
    json_array(&r->json);
    json_object(&r->json);
    json_str_member(&r->json, "type", STR("m.login.password"));
    json_end(&r->json);
    json_end(&r->json);
    json_end(&r->json);
    return ERR_OK;
}

/* Who wants in, as the body says in one of two forms. */
static enum err read_user(struct api *r, struct str *typed)
{
    struct json *identifier;
    enum err e = api_body_object_opt(r, "identifier", &identifier);
    if (e != ERR_OK) return e;
    if (!identifier) { /* the older form */
        e = api_body_str_opt(r, "user", typed);
        if (e == ERR_OK && str_null(*typed)) e = fault_set(&r->fault, ERR_MISSING_PARAM, "The member 'identifier' is missing.");
        return e;
    }
    const struct json *type = json_get(identifier, "type"), *user = json_get(identifier, "user");
    if (!type) return fault_set(&r->fault, ERR_MISSING_PARAM, "The identifier has no 'type'.");
    if (!json_is(type, JSON_STRING)) return fault_set(&r->fault, ERR_BAD_JSON, "The 'type' of the identifier must be a string.");
    if (!str_is(type->string, "m.id.user")) return fault_set(&r->fault, ERR_UNKNOWN, "Users are known here by their ids only (m.id.user).");
    if (!user) return fault_set(&r->fault, ERR_MISSING_PARAM, "The identifier has no 'user'.");
    if (!json_is(user, JSON_STRING)) return fault_set(&r->fault, ERR_BAD_JSON, "The 'user' of the identifier must be a string.");
    *typed = user->string;
    return ERR_OK;
}

/* Telephones like to begin names with a capital letter. */
static struct str lower(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);
    for (size_t i = 0; i < s.n; i++)
        p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
    return str_make(p, s.n);
}

static struct str user_of(struct api *r, struct str typed)
{
    struct str user_id = credentials_user_id(r, typed), small;
    struct command c = {.type = CMD_user_account, .key = user_id};
    struct reply reply;
    small = typed.n && typed.p[0] == '@' ? typed : credentials_user_id(r, lower(r->arena, typed));
    if (str_eq(small, user_id) || engine_call(r->engine, &c, r->arena, &reply, NULL) == ERR_OK) return user_id;
    return small;
}

static void write_login(struct api *r, const struct new_session *s)
{
    struct str url = api_config(r->server)->public_url;
    json_object(&r->json);
    credentials_write(r, s);
    if (!str_empty(url)) {
        json_key(&r->json, "well_known");
        json_object(&r->json);
        json_key(&r->json, "m.homeserver");
        json_object(&r->json);
        json_str_member(&r->json, "base_url", url);
        json_end(&r->json);
        json_end(&r->json);
    }
    json_end(&r->json);
}

static enum err login_by_password(struct api *r)
{
    struct command c = {.type = CMD_user_login};
    struct str typed, password;
    struct new_session s;
    struct reply reply;
    enum err e = read_user(r, &typed);
    if (e == ERR_OK) e = api_body_str(r, "password", &password);
    if (e != ERR_OK) return e;
    c.key = user_of(r, typed);
    /* What is no id of this server is nobody's, and is answered as that is. */
    if (!id_user(c.key, NULL) || !engine_is_ours(r->engine, c.key)) c.key = credentials_user_id(r, STR(""));
    e = credentials_check(r, c.key, password, &c.s[0]);
    if (e == ERR_OK) e = credentials_session(r, c.key, &s);
    if (e != ERR_OK) return e;
    credentials_fill(r, &s, &c);
    e = api_call(r, &c, &reply);
    if (e == ERR_OK) write_login(r, &s);
    return e;
}

enum err api_login(struct api *r)
{
    struct str type;
    enum err e = api_body_str(r, "type", &type);
    if (e != ERR_OK) return e;
    if (str_is(type, "m.login.password")) return login_by_password(r);
    return fault_set(&r->fault, ERR_UNKNOWN, "This server knows the login type m.login.password only.");
}

enum err api_refresh(struct api *r)
{
    struct str token;
    struct new_session s = {0};
    struct reply reply;
    enum err e = api_body_str(r, "refresh_token", &token);
    if (e != ERR_OK) return e;
    if (!session_token_user(r->arena, r->engine, token, &s.user_id))
        return fault_set(&r->fault, ERR_UNKNOWN_TOKEN, "That is no refresh token of this server.");
    credentials_tokens(r, &s, true);
    struct command c = {.type = CMD_user_refresh, .key = s.user_id, .num[0] = s.expires_ms};
    c.s[0] = sha256_hex(r->arena, token);
    c.s[1] = s.access_hash;
    c.s[2] = s.refresh_hash;
    e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    credentials_write_tokens(r, &s);
    json_end(&r->json);
    return ERR_OK;
}

/* A session ends with its device. */
enum err api_logout(struct api *r)
{
    struct buf b;
    struct reply reply;
    buf_init(&b, 4096);
    pack_str(&b, r->device_id);
    struct command c = {.type = CMD_user_devices_delete, .key = r->user_id, .s[0] = buf_str(&b)};
    enum err e = api_call(r, &c, &reply);
    buf_release(&b);
    return e;
}

enum err api_logout_all(struct api *r)
{
    struct command c = {.type = CMD_user_devices_delete, .key = r->user_id};
    struct reply reply;
    return api_call(r, &c, &reply);
}
