/* Typing, receipts, read markers. */
#include "api/routes.h"

enum { TYPING_MAX_MS = 120000, TYPING_DEFAULT_MS = 30000 };

enum err api_typing(struct api *r)
{
    bool typing;
    int64_t ms = TYPING_DEFAULT_MS;
    enum err e = api_own_user(r, r->param[1]);
    if (e == ERR_OK && !json_get(r->body, "typing")) e = fault_set(&r->fault, ERR_MISSING_PARAM, "The member 'typing' is missing.");
    if (e == ERR_OK) e = api_body_bool_opt(r, "typing", false, &typing);
    if (e != ERR_OK) return e;
    if (json_get(r->body, "timeout") && !json_int(json_get(r->body, "timeout"), &ms))
        return fault_set(&r->fault, ERR_BAD_JSON, "'timeout' is a number of milliseconds.");
    if (ms < 0) ms = 0;
    struct command c = {.type = CMD_room_typing, .key = r->param[0], .s[0] = r->user_id};
    c.num[0] = !typing ? 0 : ms > TYPING_MAX_MS ? TYPING_MAX_MS : ms;
    struct reply reply;
    return api_call(r, &c, &reply);
}

static enum err set_receipt(struct api *r, const char *type, struct str thread, struct str event_id)
{
    struct command c = {.type = CMD_room_receipt, .key = r->param[0]};
    struct reply reply;
    c.s[0] = r->user_id;
    c.s[1] = str_c(type);
    c.s[2] = thread;
    c.s[3] = event_id;
    return api_call(r, &c, &reply);
}

static enum err check_joined(struct api *r)
{
    struct command look = {.type = CMD_user_room, .key = r->user_id, .s[0] = r->param[0]};
    struct reply reply;
    enum err e = api_call(r, &look, &reply);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && !str_is(reply.s[0], "join")))
        return fault_set(&r->fault, ERR_FORBIDDEN, "You are not in this room.");
    return e;
}

/* The marker of having read everything is account data of the room. */
static enum err set_fully_read(struct api *r, struct str event_id)
{
    struct json *content = json_new(r->arena, JSON_OBJECT);
    struct reply reply;
    enum err e = check_joined(r);
    if (e != ERR_OK) return e;
    json_set(content, STR("event_id"), json_new_string(r->arena, event_id));
    struct command c = {
        .type = CMD_user_account_data_put, .key = r->user_id, .s = {r->param[0], STR("m.fully_read"), json_text(r->arena, content)}};
    return api_call(r, &c, &reply);
}

enum err api_receipt(struct api *r)
{
    struct str type = r->param[1], thread;
    enum err e = api_body_str_opt(r, "thread_id", &thread);
    if (e != ERR_OK) return e;
    if (thread.p && str_empty(thread)) return fault_set(&r->fault, ERR_INVALID_PARAM, "'thread_id' must not be empty.");
    if (str_is(type, "m.fully_read")) {
        if (thread.p) return fault_set(&r->fault, ERR_INVALID_PARAM, "The fully-read marker has no thread.");
        return set_fully_read(r, r->param[2]);
    }
    if (!str_is(type, "m.read") && !str_is(type, "m.read.private"))
        return fault_set(&r->fault, ERR_INVALID_PARAM, "Receipts are m.read, m.read.private or m.fully_read.");
    return set_receipt(r, arena_cstr(r->arena, type), api_text(thread), r->param[2]);
}

enum err api_read_markers(struct api *r)
{
    static const char *const names[] = {"m.read", "m.read.private", "m.fully_read"};
    struct str event_id[3];
    enum err joined = check_joined(r);
    if (joined != ERR_OK) return joined;
    for (int i = 0; i < 3; i++) {
        enum err e = api_body_str_opt(r, names[i], &event_id[i]);
        if (e != ERR_OK) return e;
    }
    for (int i = 0; i < 3; i++) {
        if (!event_id[i].p) continue;
        enum err e = i == 2 ? set_fully_read(r, event_id[i]) : set_receipt(r, names[i], STR(""), event_id[i]);
        if (e != ERR_OK) return e;
    }
    return ERR_OK;
}
