/* Events into rooms: messages, state, redactions. */
#include "api/membership.h"
#include "api/routes.h"
#include "matrix/content.h"
#include "matrix/id.h"

static enum err check_room(struct api *r, struct str room_id)
{
    if (id_room(room_id, NULL)) return ERR_OK;
    return fault_set(&r->fault, ERR_NOT_FOUND, "That is no room id.");
}

/* Device, transaction id and what it was for: the same request again has the same three. */
static struct str device_txn(struct api *r, struct str txn, struct str what)
{
    return arena_join(r->arena, arena_join(r->arena, r->device_id, STR("\x1f"), txn), STR("\x1f"), what);
}

static enum err send_event(struct api *r, struct command *c)
{
    struct reply reply;
    enum err e = check_room(r, c->key);
    if (e == ERR_OK) e = api_call(r, c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_str_member(&r->json, "event_id", reply.s[0]);
    json_end(&r->json);
    return ERR_OK;
}

enum err api_send(struct api *r)
{
    struct str type = r->param[1], txn = r->param[2];
    if (txn.n > 250) return fault_set(&r->fault, ERR_INVALID_PARAM, "The transaction id is too long.");
    struct command c = {.type = CMD_room_send, .key = r->param[0]};
    c.s[0] = r->user_id;
    c.s[1] = type;
    c.s[3] = r->http->body;
    c.s[4] = device_txn(r, txn, type);
    return send_event(r, &c);
}

enum err api_redact(struct api *r)
{
    struct command c = {.type = CMD_room_send, .key = r->param[0]};
    struct json *content = json_new(r->arena, JSON_OBJECT);
    struct str reason;
    enum err e = api_body_str_opt(r, "reason", &reason);
    if (e != ERR_OK) return e;
    if (r->param[2].n > 250) return fault_set(&r->fault, ERR_INVALID_PARAM, "The transaction id is too long.");
    if (reason.p) json_set(content, STR("reason"), json_new_string(r->arena, reason));
    c.s[0] = r->user_id;
    c.s[1] = STR("m.room.redaction");
    c.s[3] = json_text(r->arena, content);
    c.s[4] = device_txn(r, r->param[2], STR("redact"));
    c.s[5] = r->param[1];
    return send_event(r, &c);
}

/* The aliases that a canonical alias event adds must lead to this room. */
static enum err check_alias(struct api *r, struct str alias)
{
    struct command c = {.type = CMD_alias_get, .key = alias};
    struct reply reply;
    if (!id_alias(alias, NULL)) return fault_set(&r->fault, ERR_INVALID_PARAM, "'%.*s' is no room alias.", STR_FMT(str_first(alias, 100)));
    enum err e = engine_call(r->engine, &c, r->arena, &reply, NULL);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && !str_eq(reply.s[0], r->param[0])))
        return fault_set(&r->fault, ERR_BAD_ALIAS, "The alias '%.*s' does not lead to this room.", STR_FMT(str_first(alias, 100)));
    return e;
}

static bool has_alias(const struct json *content, struct str alias)
{
    if (str_eq(json_string_at(content, "alias"), alias)) return true;
    json_each(v, json_get(content, "alt_aliases")) if (str_eq(json_string(v), alias)) return true;
    return false;
}

static enum err check_canonical_alias(struct api *r)
{
    struct command c = {.type = CMD_room_state_get, .key = r->param[0], .s = {r->user_id, STR("m.room.canonical_alias"), STR("")}};
    struct reply reply;
    struct json *old = NULL;
    enum err e = engine_call(r->engine, &c, r->arena, &reply, NULL);
    if (e == ERR_OK && json_parse(r->arena, reply.s[0], &old, NULL) != ERR_OK) old = NULL;
    struct json *alias = json_get(r->body, "alias"), *others = json_get(r->body, "alt_aliases");
    if ((alias && !json_is(alias, JSON_STRING) && !json_is(alias, JSON_NULL)) || (others && !json_is(others, JSON_ARRAY)))
        return fault_set(&r->fault, ERR_BAD_JSON, "'alias' must be a string, and 'alt_aliases' a list of strings.");
    if (json_is(alias, JSON_STRING) && alias->string.n && !has_alias(old, alias->string)) {
        e = check_alias(r, alias->string);
        if (e != ERR_OK) return e;
    }
    json_each(v, others)
    {
        if (!json_is(v, JSON_STRING)) return fault_set(&r->fault, ERR_BAD_JSON, "An alias is a string.");
        if (has_alias(old, v->string)) continue;
        e = check_alias(r, v->string);
        if (e != ERR_OK) return e;
    }
    return ERR_OK;
}

enum err api_state_put(struct api *r)
{
    struct str type = r->param[1], key = r->param[2].p ? r->param[2] : STR("");
    enum err e = check_room(r, r->param[0]);
    if (e != ERR_OK) return e;
    if (str_is(type, "m.room.member")) return membership_by_state(r, r->param[0], key);
    if (str_is(type, "m.room.canonical_alias") && str_empty(key)) e = check_canonical_alias(r);
    if (e != ERR_OK) return e;
    struct command c = {.type = CMD_room_send, .key = r->param[0]};
    c.s[0] = r->user_id;
    c.s[1] = type;
    c.s[2] = key;
    c.s[3] = r->http->body;
    return send_event(r, &c);
}

enum err api_state_get(struct api *r)
{
    struct command c = {.type = CMD_room_state_get, .key = r->param[0]};
    struct reply reply;
    struct str format;
    c.s[0] = r->user_id;
    c.s[1] = r->param[1];
    c.s[2] = r->param[2].p ? r->param[2] : STR("");
    enum err e = check_room(r, c.key);
    if (e == ERR_OK) e = api_query_word(r, "format", "content event", &format);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_put_raw(&r->json, str_is(format, "event") ? reply.s[1] : reply.s[0]);
    return ERR_OK;
}

enum err api_state_all(struct api *r)
{
    struct command c = {.type = CMD_room_state_all, .key = r->param[0], .s[0] = r->user_id};
    struct reply reply;
    enum err e = check_room(r, c.key);
    if (e == ERR_OK) e = api_call(r, &c, &reply);
    if (e == ERR_OK) json_put_raw(&r->json, reply.s[0]);
    return e;
}
