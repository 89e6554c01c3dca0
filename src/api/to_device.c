/* Sending messages to devices. */
#include "api/routes.h"
#include "matrix/id.h"

enum { MESSAGE_MAX = 200000 };

static enum err check(struct api *r, struct json *messages)
{
    json_each(u, messages)
    {
        if (!json_is(u, JSON_OBJECT)) return fault_set(&r->fault, ERR_BAD_JSON, "The messages of a user must be an object.");
        json_each(d, u)
        {
            if (!json_is(d, JSON_OBJECT)) return fault_set(&r->fault, ERR_BAD_JSON, "A message must be an object.");
            if (json_text(r->arena, d).n > MESSAGE_MAX)
                return fault_set(&r->fault, ERR_TOO_LARGE, "A message may have at most %d bytes.", MESSAGE_MAX);
        }
    }
    return ERR_OK;
}

/* Those for users of other servers go nowhere: this server speaks with none. */
static struct str for_ours(struct api *r, struct json *messages)
{
    struct json *ours = json_new(r->arena, JSON_OBJECT);
    json_each(u, messages) if (id_user(u->key, NULL) && engine_is_ours(r->engine, u->key)) json_add(ours, u->key, json_copy(r->arena, u));
    return json_text(r->arena, ours);
}

enum err api_send_to_device(struct api *r)
{
    struct str type = r->param[0], txn = r->param[1];
    struct json *messages;
    struct reply reply;
    if (type.n > 255 || txn.n > 250) return fault_set(&r->fault, ERR_INVALID_PARAM, "The type or the transaction id is too long.");
    enum err e = api_body_object_opt(r, "messages", &messages);
    if (e == ERR_OK && !messages) e = fault_set(&r->fault, ERR_MISSING_PARAM, "The member 'messages' is missing.");
    if (e == ERR_OK) e = check(r, messages);
    if (e != ERR_OK) return e;
    struct command c = {.type = CMD_user_to_device_send, .key = r->user_id, .s[1] = type, .s[2] = for_ours(r, messages)};
    c.s[0] = arena_printf(r->arena, "%.*s\x1f%.*s\x1fto_device", STR_FMT(r->device_id), STR_FMT(txn));
    return api_call(r, &c, &reply);
}
