/* Key backup over HTTP. */
#include "api/routes.h"
#include "crypto/crypto.h"

static enum err unknown_version(struct api *r)
{
    return fault_set(&r->fault, ERR_NOT_FOUND, "There is no backup of that version.");
}

/* Versions are opaque to clients: what is no number of ours is only unknown. */
static enum err version_of(struct api *r, struct str text, int64_t *version)
{
    return str_to_int64(text, version) && *version > 0 ? ERR_OK : unknown_version(r);
}

static enum err query_version(struct api *r, int64_t *version)
{
    struct str text = api_query(r, "version");
    if (str_empty(text)) return fault_set(&r->fault, ERR_MISSING_PARAM, "The parameter 'version' is missing.");
    return version_of(r, text, version);
}

static struct str number(struct api *r, int64_t n)
{
    return arena_printf(r->arena, "%lld", (long long)n);
}

/* --- versions --- */

static bool is_signatures(const struct json *v)
{
    if (v && !json_is(v, JSON_OBJECT)) return false;
    json_each(user, v)
    {
        if (!json_is(user, JSON_OBJECT)) return false;
        json_each(signature, user) if (!json_is(signature, JSON_STRING)) return false;
    }
    return true;
}

/* The specification has one algorithm and is strict about it: what another would need of a server nobody knows. */
static enum err check_algorithm(struct api *r, struct str algorithm, const struct json *auth)
{
    struct str key = json_string_at(auth, "public_key"), bytes;
    if (!str_is(algorithm, "m.megolm_backup.v1.curve25519-aes-sha2"))
        return fault_set(&r->fault, ERR_INVALID_PARAM, "The algorithm of a backup is m.megolm_backup.v1.curve25519-aes-sha2.");
    if (str_null(key)) return fault_set(&r->fault, ERR_BAD_JSON, "'auth_data' must have the string 'public_key'.");
    if (str_empty(key) || !base64_decode(r->arena, key, false, &bytes))
        return fault_set(&r->fault, ERR_INVALID_PARAM, "'public_key' must be a key in base64.");
    if (!is_signatures(json_get(auth, "signatures")))
        return fault_set(&r->fault, ERR_BAD_JSON, "'signatures' must be an object: user, key, signature.");
    return ERR_OK;
}

/* What a new or changed version says of itself. */
static enum err read_body(struct api *r, struct command *c)
{
    struct json *auth;
    enum err e = api_body_str(r, "algorithm", &c->s[0]);
    if (e == ERR_OK) e = api_body_object_opt(r, "auth_data", &auth);
    if (e != ERR_OK) return e;
    if (!auth) return fault_set(&r->fault, ERR_MISSING_PARAM, "The member 'auth_data' is missing.");
    c->s[1] = json_text(r->arena, auth);
    if (c->s[0].n > 255 || c->s[1].n > 65536) return fault_set(&r->fault, ERR_TOO_LARGE, "The algorithm or the auth data is too long.");
    return check_algorithm(r, c->s[0], auth);
}

enum err api_backup_new(struct api *r)
{
    struct command c = {.type = CMD_user_backup_new, .key = r->user_id};
    struct reply reply;
    enum err e = read_body(r, &c);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_str_member(&r->json, "version", number(r, reply.num[0]));
    json_end(&r->json);
    return ERR_OK;
}

static enum err show(struct api *r, int64_t version)
{
    struct command c = {.type = CMD_user_backup_get, .key = r->user_id, .num[0] = version};
    struct reply reply;
    enum err e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_str_member(&r->json, "algorithm", reply.s[0]);
    json_raw_member(&r->json, "auth_data", reply.s[1]);
    json_int_member(&r->json, "count", reply.num[2]);
    json_str_member(&r->json, "etag", number(r, reply.num[1]));
    json_str_member(&r->json, "version", number(r, reply.num[0]));
    json_end(&r->json);
    return ERR_OK;
}

enum err api_backup_latest(struct api *r)
{
    return show(r, 0);
}

enum err api_backup_get(struct api *r)
{
    int64_t version;
    enum err e = version_of(r, r->param[0], &version);
    return e == ERR_OK ? show(r, version) : e;
}

enum err api_backup_update(struct api *r)
{
    struct command c = {.type = CMD_user_backup_update, .key = r->user_id};
    struct reply reply;
    struct str again;
    enum err e = version_of(r, r->param[0], &c.num[0]);
    if (e == ERR_OK) e = read_body(r, &c);
    if (e == ERR_OK) e = api_body_str_opt(r, "version", &again);
    if (e == ERR_OK && again.p && !str_eq(again, r->param[0]))
        e = fault_set(&r->fault, ERR_INVALID_PARAM, "The versions in the path and in the body differ.");
    return e == ERR_OK ? api_call(r, &c, &reply) : e;
}

enum err api_backup_del(struct api *r)
{
    struct command c = {.type = CMD_user_backup_del, .key = r->user_id};
    struct reply reply;
    enum err e = version_of(r, r->param[0], &c.num[0]);
    return e == ERR_OK ? api_call(r, &c, &reply) : e;
}

/* --- sessions --- */

static enum err check_session(struct api *r, const struct json *s)
{
    int64_t index, forwarded;
    const struct json *verified = json_get(s, "is_verified");
    if (!json_int(json_get(s, "first_message_index"), &index) || index < 0)
        return fault_set(&r->fault, ERR_BAD_JSON, "'first_message_index' must be a whole number.");
    if (!json_int(json_get(s, "forwarded_count"), &forwarded) || forwarded < 0)
        return fault_set(&r->fault, ERR_BAD_JSON, "'forwarded_count' must be a whole number.");
    if (!json_is(verified, JSON_TRUE) && !json_is(verified, JSON_FALSE))
        return fault_set(&r->fault, ERR_BAD_JSON, "'is_verified' must be true or false.");
    if (!json_is(json_get(s, "session_data"), JSON_OBJECT)) return fault_set(&r->fault, ERR_BAD_JSON, "'session_data' must be an object.");
    return ERR_OK;
}

/* The sessions of one room, from the `sessions` of an object, into rooms[room]. */
static enum err take_room(struct api *r, struct json *rooms, struct str room_id, const struct json *from)
{
    const struct json *sessions = json_get(from, "sessions");
    if (!json_is(sessions, JSON_OBJECT)) return fault_set(&r->fault, ERR_BAD_JSON, "'sessions' must be an object.");
    json_each(s, sessions)
    {
        enum err e = check_session(r, s);
        if (e != ERR_OK) return e;
    }
    json_add(rooms, room_id, json_copy(r->arena, sessions));
    return ERR_OK;
}

/* All three forms of the request, as room -> {session -> data}. */
static enum err take_sessions(struct api *r, struct json *rooms)
{
    struct json *all;
    if (r->param[1].p) {
        struct json *sessions = json_new(r->arena, JSON_OBJECT);
        json_set(sessions, r->param[1], json_copy(r->arena, r->body));
        json_set(rooms, r->param[0], sessions);
        return check_session(r, r->body);
    }
    if (r->param[0].p) return take_room(r, rooms, r->param[0], r->body);
    enum err e = api_body_object_opt(r, "rooms", &all);
    if (e == ERR_OK && !all) e = fault_set(&r->fault, ERR_MISSING_PARAM, "The member 'rooms' is missing.");
    if (e != ERR_OK) return e;
    json_each(room, all)
    {
        e = take_room(r, rooms, room->key, room);
        if (e != ERR_OK) return e;
    }
    return ERR_OK;
}

static enum err answer_counts(struct api *r, const struct reply *reply)
{
    json_object(&r->json);
    json_int_member(&r->json, "count", reply->num[2]);
    json_str_member(&r->json, "etag", number(r, reply->num[1]));
    json_end(&r->json);
    return ERR_OK;
}

/* The error that says which version is the current one. */
static enum err wrong_version(struct api *r, int64_t current)
{
    enum err e = ERR_WRONG_ROOM_KEYS_VERSION;
    r->status = err_http_status(e);
    json_object(&r->json);
    json_str_member(&r->json, "errcode", str_c(err_errcode(e)));
    json_str_member(&r->json, "error", str_c(err_sentence(e)));
    json_str_member(&r->json, "current_version", number(r, current));
    json_end(&r->json);
    return e;
}

enum err api_backup_keys_put(struct api *r)
{
    struct command c = {.type = CMD_user_backup_keys_put, .key = r->user_id};
    struct json *rooms = json_new(r->arena, JSON_OBJECT);
    struct reply reply;
    enum err e = query_version(r, &c.num[0]);
    if (e == ERR_OK) e = take_sessions(r, rooms);
    if (e != ERR_OK) return e;
    c.s[0] = json_text(r->arena, rooms);
    e = api_call(r, &c, &reply);
    if (e == ERR_WRONG_ROOM_KEYS_VERSION) return wrong_version(r, reply.num[0]);
    return e == ERR_OK ? answer_counts(r, &reply) : e;
}

/* From room -> {session -> data} to the form of the request. */
static void answer_sessions(struct api *r, const struct json *rooms)
{
    if (r->param[1].p) {
        json_put(&r->json, rooms->child->child);
        return;
    }
    json_object(&r->json);
    if (r->param[0].p) {
        json_key(&r->json, "sessions");
        json_put(&r->json, rooms->child ? rooms->child : json_new(r->arena, JSON_OBJECT));
    } else {
        json_key(&r->json, "rooms");
        json_object(&r->json);
        json_each(room, rooms)
        {
            json_key_str(&r->json, room->key);
            json_object(&r->json);
            json_key(&r->json, "sessions");
            json_put(&r->json, room);
            json_end(&r->json);
        }
        json_end(&r->json);
    }
    json_end(&r->json);
}

enum err api_backup_keys_get(struct api *r)
{
    struct command c = {.type = CMD_user_backup_keys_get, .key = r->user_id, .s = {r->param[0], r->param[1]}};
    struct reply reply;
    struct json *rooms;
    enum err e = query_version(r, &c.num[0]);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e == ERR_OK) e = json_parse(r->arena, reply.s[0], &rooms, &r->fault);
    if (e == ERR_OK) answer_sessions(r, rooms);
    return e;
}

enum err api_backup_keys_del(struct api *r)
{
    struct command c = {.type = CMD_user_backup_keys_del, .key = r->user_id, .s = {r->param[0], r->param[1]}};
    struct reply reply;
    enum err e = query_version(r, &c.num[0]);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    return e == ERR_OK ? answer_counts(r, &reply) : e;
}
