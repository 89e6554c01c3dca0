/* Cross-signing keys and signatures over HTTP. */
#include "api/routes.h"
#include "api/uia.h"
#include "engine/user/keys.h"
#include "matrix/id.h"

enum { KEY_MAX = 60000 };

/* --- keys --- */

static bool has_usage(const struct json *key, const char *usage)
{
    const struct json *list = json_get(key, "usage");
    if (!json_is(list, JSON_ARRAY)) return false;
    json_each(u, list) if (str_is(json_string(u), usage)) return true;
    return false;
}

static enum err take_key(struct api *r, const char *name, const char *usage, struct str *text)
{
    struct json *key;
    enum err e = api_body_object_opt(r, name, &key);
    if (e != ERR_OK || !key) return e;
    if (!str_eq(json_string_at(key, "user_id"), r->user_id))
        return fault_set(&r->fault, ERR_INVALID_PARAM, "The %s is not one of yours ('user_id').", name);
    if (!has_usage(key, usage)) return fault_set(&r->fault, ERR_INVALID_PARAM, "The 'usage' of the %s must be '%s'.", name, usage);
    if (!cross_signing_public(key).p)
        return fault_set(&r->fault, ERR_INVALID_PARAM, "The %s must have exactly one key, 'ed25519:' and the public key.", name);
    json_remove(key, STR("unsigned"));
    *text = json_text(r->arena, key);
    return text->n > KEY_MAX || cross_signing_public(key).n > 200 ? fault_set(&r->fault, ERR_INVALID_PARAM, "The %s is too large.", name)
                                                                  : ERR_OK;
}

enum err api_cross_signing_upload(struct api *r)
{
    struct command c = {.type = CMD_user_cross_signing_put, .key = r->user_id};
    struct reply reply;
    enum err e = take_key(r, "master_key", "master", &c.s[0]);
    if (e == ERR_OK) e = take_key(r, "self_signing_key", "self_signing", &c.s[1]);
    if (e == ERR_OK) e = take_key(r, "user_signing_key", "user_signing", &c.s[2]);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e != ERR_OK || !reply.num[0]) return e;
    e = uia_password(r);
    if (e != ERR_OK) return e;
    c.num[0] = 1;
    return api_call(r, &c, &reply);
}

/* --- signatures --- */

static enum err check_body(struct api *r)
{
    json_each(u, r->body)
    {
        if (!json_is(u, JSON_OBJECT)) return fault_set(&r->fault, ERR_BAD_JSON, "The keys of a user must be an object.");
        json_each(k, u) if (!json_is(k, JSON_OBJECT)) return fault_set(&r->fault, ERR_BAD_JSON, "A signed key must be an object.");
    }
    return ERR_OK;
}

/* The public key with which the one who asks signs other users. */
static enum err own_user_signing(struct api *r, struct str *out)
{
    struct command c = {.type = CMD_user_keys, .key = r->user_id, .s = {r->user_id, STR("[\"\"]")}};
    struct reply reply;
    struct json *key;
    *out = (struct str){0};
    enum err e = api_call(r, &c, &reply);
    if (e != ERR_OK || !reply.s[3].p) return e;
    e = json_parse(r->arena, reply.s[3], &key, &r->fault);
    if (e == ERR_OK) *out = cross_signing_public(key);
    return e;
}

/* A user of whom nothing can be known: every key of it has failed. */
static struct str all_unknown(struct api *r, const struct json *keys)
{
    struct json *failures = json_new(r->arena, JSON_OBJECT);
    json_each(k, keys)
    {
        struct json *v = json_new(r->arena, JSON_OBJECT);
        json_set(v, STR("errcode"), json_new_string(r->arena, str_c(err_errcode(ERR_NOT_FOUND))));
        json_set(v, STR("error"), json_new_string(r->arena, STR("There is no such key.")));
        json_add(failures, k->key, v);
    }
    return json_text(r->arena, failures);
}

static enum err sign_one(struct api *r, const struct json *user, struct str user_signing, struct str *failures)
{
    struct reply reply;
    if (!id_user(user->key, NULL) || !engine_is_ours(r->engine, user->key)) {
        *failures = all_unknown(r, user);
        return ERR_OK;
    }
    struct command c = {.type = CMD_user_signatures_put, .key = user->key, .s = {r->user_id, json_text(r->arena, user), user_signing}};
    enum err e = api_call(r, &c, &reply);
    if (e == ERR_OK) *failures = reply.s[0];
    return e;
}

enum err api_signatures_upload(struct api *r)
{
    struct str user_signing;
    enum err e = check_body(r);
    if (e == ERR_OK) e = own_user_signing(r, &user_signing);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_key(&r->json, "failures");
    json_object(&r->json);
    json_each(user, r->body)
    {
        struct str failures;
        e = sign_one(r, user, user_signing, &failures);
        if (e != ERR_OK) return e;
        if (failures.n <= 2) continue;
        json_key_str(&r->json, user->key);
        json_put_raw(&r->json, failures);
    }
    json_end(&r->json);
    json_end(&r->json);
    return ERR_OK;
}
