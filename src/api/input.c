/* What handlers ask of a request. */
#include "api/api.h"

struct str api_query(struct api *r, const char *name)
{
    return http_query(r->arena, r->query, str_c(name));
}

enum err api_query_int(struct api *r, const char *name, int64_t min, int64_t max, int64_t otherwise, int64_t *out)
{
    struct str s = api_query(r, name);
    *out = otherwise;
    if (str_null(s)) return ERR_OK;
    if (str_to_int64(s, out) && *out >= min && *out <= max) return ERR_OK;
    if (max == INT64_MAX)
        return fault_set(&r->fault, ERR_INVALID_PARAM, "The parameter '%s' must be a whole number, %lld or more.", name, (long long)min);
    return fault_set(&r->fault, ERR_INVALID_PARAM, "The parameter '%s' must be a whole number from %lld to %lld.", name, (long long)min,
                     (long long)max);
}

enum err api_query_bool(struct api *r, const char *name, bool otherwise, bool *out)
{
    struct str s = api_query(r, name);
    *out = str_is(s, "true") || (str_empty(s) && otherwise);
    if (str_empty(s) || str_is(s, "true") || str_is(s, "false")) return ERR_OK;
    return fault_set(&r->fault, ERR_INVALID_PARAM, "The parameter '%s' must be true or false.", name);
}

enum err api_query_word(struct api *r, const char *name, const char *words, struct str *out)
{
    struct str rest = str_c(words);
    *out = api_query(r, name);
    if (str_empty(*out)) *out = (struct str){0};
    while (out->p && rest.n) {
        ptrdiff_t blank = str_find(rest, ' ');
        if (str_eq(*out, blank < 0 ? rest : str_first(rest, (size_t)blank))) return ERR_OK;
        rest = str_from(rest, blank < 0 ? rest.n : (size_t)blank + 1);
    }
    return out->p ? fault_set(&r->fault, ERR_INVALID_PARAM, "The parameter '%s' must be one of: %s.", name, words) : ERR_OK;
}

enum err api_body_str_opt(struct api *r, const char *name, struct str *out)
{
    const struct json *v = json_get(r->body, name);
    *out = json_string(v);
    if (!v || json_is(v, JSON_STRING)) return ERR_OK;
    return fault_set(&r->fault, ERR_BAD_JSON, "The member '%s' must be a string.", name);
}

enum err api_body_str(struct api *r, const char *name, struct str *out)
{
    enum err e = api_body_str_opt(r, name, out);
    if (e == ERR_OK && str_null(*out)) return fault_set(&r->fault, ERR_MISSING_PARAM, "The member '%s' is missing.", name);
    return e;
}

static enum err body_of_type(struct api *r, const char *name, enum json_type type, const char *what, struct json **out)
{
    *out = json_get(r->body, name);
    if (!*out || json_is(*out, type)) return ERR_OK;
    *out = NULL;
    return fault_set(&r->fault, ERR_BAD_JSON, "The member '%s' must be %s.", name, what);
}

enum err api_body_object_opt(struct api *r, const char *name, struct json **out)
{
    return body_of_type(r, name, JSON_OBJECT, "an object", out);
}
enum err api_body_array_opt(struct api *r, const char *name, struct json **out)
{
    return body_of_type(r, name, JSON_ARRAY, "an array", out);
}

enum err api_body_bool_opt(struct api *r, const char *name, bool otherwise, bool *out)
{
    const struct json *v = json_get(r->body, name);
    *out = json_is(v, JSON_TRUE) || (!v && otherwise);
    if (!v || json_is(v, JSON_TRUE) || json_is(v, JSON_FALSE)) return ERR_OK;
    return fault_set(&r->fault, ERR_BAD_JSON, "The member '%s' must be true or false.", name);
}

enum err api_call(struct api *r, const struct command *cmd, struct reply *reply)
{
    return engine_call(r->engine, cmd, r->arena, reply, &r->fault);
}

enum err api_own_user(struct api *r, struct str user_id)
{
    if (str_eq(user_id, r->user_id)) return ERR_OK;
    return fault_set(&r->fault, ERR_FORBIDDEN, "You may only do that for your own account.");
}
