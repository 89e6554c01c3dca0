/* Profiles. */
#include "api/routes.h"
#include "matrix/id.h"

enum { FIELD_NAME_MAX = 255, DISPLAY_NAME_MAX = 256 /* characters */, URL_MAX = 1000 };

static enum err read_profile(struct api *r, struct json **profile)
{
    struct command c = {.type = CMD_user_profile_get, .key = r->param[0]};
    struct reply reply;
    if (!id_user(r->param[0], NULL)) return fault_set(&r->fault, ERR_INVALID_PARAM, "That is no user id.");
    if (!engine_is_ours(r->engine, r->param[0]))
        return fault_set(&r->fault, ERR_NOT_FOUND, "This server does not reach users of other servers.");
    enum err e = api_call(r, &c, &reply);
    if (e == ERR_NOT_FOUND || e == ERR_USER_DEACTIVATED) return fault_set(&r->fault, ERR_NOT_FOUND, "There is no profile of that user.");
    return e == ERR_OK ? json_parse(r->arena, reply.s[0], profile, &r->fault) : e;
}

enum err api_profile_get(struct api *r)
{
    struct json *profile;
    enum err e = read_profile(r, &profile);
    if (e == ERR_OK) json_put(&r->json, profile);
    return e;
}

enum err api_profile_field_get(struct api *r)
{
    struct json *profile;
    enum err e = read_profile(r, &profile);
    if (e != ERR_OK) return e;
    const struct json *value = json_get_str(profile, r->param[1]);
    if (!value) return fault_set(&r->fault, ERR_NOT_FOUND, "The profile has no such field.");
    json_object(&r->json);
    json_key_str(&r->json, r->param[1]);
    json_put(&r->json, value);
    json_end(&r->json);
    return ERR_OK;
}

static enum err check_field(struct api *r)
{
    struct str field = r->param[1];
    enum err e = api_own_user(r, r->param[0]);
    if (e != ERR_OK) return e;
    if (r->guest && !str_is(field, "displayname"))
        return fault_set(&r->fault, ERR_GUEST_FORBIDDEN, "Guests may change their display name only.");
    if (field.n > FIELD_NAME_MAX)
        return fault_set(&r->fault, ERR_KEY_TOO_LARGE, "The name of a field may have at most %d bytes.", FIELD_NAME_MAX);
    if (!id_common(field))
        return fault_set(&r->fault, ERR_INVALID_PARAM, "The name of a field begins with a-z and is made of a-z, 0-9 and . _ -");
    return ERR_OK;
}

static size_t characters(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

/* The two fields that have a meaning here. Null and the empty text take them away, as clients do it. */
static enum err check_known(struct api *r, struct str field, const struct json *value, bool *away)
{
    bool name = str_is(field, "displayname"), avatar = str_is(field, "avatar_url");
    *away = false;
    if (!name && !avatar) return ERR_OK;
    *away = json_is(value, JSON_NULL) || (json_is(value, JSON_STRING) && str_empty(value->string));
    if (*away) return ERR_OK;
    if (!json_is(value, JSON_STRING)) return fault_set(&r->fault, ERR_BAD_JSON, "The field '%.*s' is a text.", STR_FMT(field));
    if (name && characters(value->string) > DISPLAY_NAME_MAX)
        return fault_set(&r->fault, ERR_INVALID_PARAM, "A display name may have at most %d characters.", DISPLAY_NAME_MAX);
    if (avatar && (value->string.n > URL_MAX || !id_mxc(value->string, NULL)))
        return fault_set(&r->fault, ERR_INVALID_PARAM, "The picture must be an mxc:// address.");
    return ERR_OK;
}

static enum err put_field(struct api *r, struct str json)
{
    struct command c = {.type = CMD_user_profile_put, .key = r->user_id, .s = {r->param[1], json}};
    struct reply reply;
    return api_call(r, &c, &reply);
}

enum err api_profile_field_put(struct api *r)
{
    bool away;
    enum err e = check_field(r);
    if (e != ERR_OK) return e;
    const struct json *value = json_get_str(r->body, r->param[1]);
    if (!value) return fault_set(&r->fault, ERR_MISSING_PARAM, "The body has no member '%.*s'.", STR_FMT(r->param[1]));
    e = check_known(r, r->param[1], value, &away);
    return e == ERR_OK ? put_field(r, away ? (struct str){0} : json_text(r->arena, value)) : e;
}

enum err api_profile_field_delete(struct api *r)
{
    enum err e = check_field(r);
    return e == ERR_OK ? put_field(r, (struct str){0}) : e;
}
