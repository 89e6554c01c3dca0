/* Devices of the one who asks. */
#include "api/routes.h"
#include "api/uia.h"
#include "base/pack.h"

enum { DEVICE_NAME_MAX = 1024, DEVICES_AT_ONCE = 1000 };

enum err api_devices(struct api *r)
{
    struct command c = {.type = CMD_user_devices, .key = r->user_id};
    struct reply reply;
    enum err e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_raw_member(&r->json, "devices", reply.s[0]);
    json_end(&r->json);
    return ERR_OK;
}

enum err api_device_get(struct api *r)
{
    struct command c = {.type = CMD_user_devices, .key = r->user_id, .s[0] = r->param[0]};
    struct reply reply;
    enum err e = api_call(r, &c, &reply);
    if (e == ERR_OK) json_put_raw(&r->json, reply.s[0]);
    return e;
}

enum err api_device_put(struct api *r)
{
    struct command c = {.type = CMD_user_device_name, .key = r->user_id, .s[0] = r->param[0]};
    struct reply reply;
    enum err e = api_body_str_opt(r, "display_name", &c.s[1]);
    if (e != ERR_OK) return e;
    if (c.s[1].n > DEVICE_NAME_MAX)
        return fault_set(&r->fault, ERR_TOO_LARGE, "The name of a device may have at most %d bytes.", DEVICE_NAME_MAX);
    return api_call(r, &c, &reply);
}

static enum err delete_packed(struct api *r, struct buf *packed)
{
    struct command c = {.type = CMD_user_devices_delete, .key = r->user_id, .s[0] = packed->n ? buf_str(packed) : STR("")};
    struct reply reply;
    return api_call(r, &c, &reply);
}

enum err api_device_delete(struct api *r)
{
    struct buf b;
    enum err e = uia_password(r);
    if (e != ERR_OK) return e;
    buf_init(&b, API_BODY_SMALL);
    pack_str(&b, r->param[0]);
    e = delete_packed(r, &b);
    buf_release(&b);
    return e;
}

static enum err pack_devices(struct api *r, const struct json *list, struct buf *b)
{
    if (list->count > DEVICES_AT_ONCE) return fault_set(&r->fault, ERR_TOO_LARGE, "At most %d devices at once.", DEVICES_AT_ONCE);
    json_each(v, list)
    {
        if (!json_is(v, JSON_STRING)) return fault_set(&r->fault, ERR_BAD_JSON, "The member 'devices' must be an array of strings.");
        pack_str(b, v->string);
    }
    return ERR_OK;
}

enum err api_devices_delete(struct api *r)
{
    struct json *list;
    struct buf b;
    enum err e = api_body_array_opt(r, "devices", &list);
    if (e != ERR_OK) return e;
    if (!list) return fault_set(&r->fault, ERR_MISSING_PARAM, "The member 'devices' is missing.");
    buf_init(&b, 4 * API_BODY_SMALL);
    e = pack_devices(r, list, &b);
    if (e == ERR_OK) e = uia_password(r);
    if (e == ERR_OK) e = delete_packed(r, &b);
    buf_release(&b);
    return e;
}
