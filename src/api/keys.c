/* End-to-end keys over HTTP: what is asked for many users is asked of all their owners at once. */
#include "api/routes.h"
#include "engine/sync/gateway.h"
#include "matrix/id.h"

enum { USERS_MAX = 5000, KEY_MAX = 60000 };

/* --- upload --- */

static bool has_string(const struct json *keys, struct str *bad)
{
    json_each(k, keys)
    {
        if (json_is(k, JSON_STRING)) continue;
        *bad = k->key;
        return false;
    }
    return true;
}

static enum err check_device_keys(struct api *r, struct json *keys)
{
    struct str bad;
    static const char *const own[] = {"user_id", "device_id"};
    const struct str is[] = {r->user_id, r->device_id};
    for (int i = 0; i < 2; i++)
        if (!str_eq(json_string_at(keys, own[i]), is[i]))
            return fault_set(&r->fault, ERR_INVALID_PARAM, "The device keys must have the '%s' of the device that sends them.", own[i]);
    if (!json_is(json_get(keys, "algorithms"), JSON_ARRAY) || !json_is(json_get(keys, "keys"), JSON_OBJECT) ||
        !json_is(json_get(keys, "signatures"), JSON_OBJECT))
        return fault_set(&r->fault, ERR_BAD_JSON, "Device keys need 'algorithms' (an array), 'keys' and 'signatures' (objects).");
    json_each(v, json_get(keys, "algorithms")) if (!json_is(v, JSON_STRING)) return fault_set(&r->fault, ERR_BAD_JSON,
                                                                                              "Each of the 'algorithms' must be a string.");
    if (!has_string(json_get(keys, "keys"), &bad))
        return fault_set(&r->fault, ERR_BAD_JSON, "The key '%.*s' is no string.", STR_FMT(str_first(bad, 100)));
    json_remove(keys, STR("unsigned")); /* is the server's to fill in */
    return ERR_OK;
}

/* A one-time key is a string, or an object that has one. */
static enum err check_one_time(struct api *r, const struct json *keys)
{
    json_each(k, keys)
    {
        if (str_find(k->key, ':') <= 0) return fault_set(&r->fault, ERR_INVALID_PARAM, "The name of a key must be 'algorithm:id'.");
        if (!json_is(k, JSON_STRING) && !json_string_at(k, "key").p)
            return fault_set(&r->fault, ERR_BAD_JSON, "The key '%.*s' must be a string, or an object with the string 'key'.",
                             STR_FMT(str_first(k->key, 100)));
    }
    return ERR_OK;
}

static struct str text_opt(struct api *r, const struct json *v)
{
    return v ? json_text(r->arena, v) : (struct str){0};
}

enum err api_keys_upload(struct api *r)
{
    struct json *device, *one_time, *fallback;
    struct reply reply;
    enum err e = api_body_object_opt(r, "device_keys", &device);
    if (e == ERR_OK) e = api_body_object_opt(r, "one_time_keys", &one_time);
    if (e == ERR_OK) e = api_body_object_opt(r, "fallback_keys", &fallback);
    if (e == ERR_OK && device) e = check_device_keys(r, device);
    if (e == ERR_OK) e = check_one_time(r, one_time);
    if (e == ERR_OK) e = check_one_time(r, fallback);
    if (e != ERR_OK) return e;
    struct command c = {.type = CMD_user_keys_upload,
                        .key = r->user_id,
                        .s = {r->device_id, text_opt(r, device), text_opt(r, one_time), text_opt(r, fallback)}};
    if (c.s[1].n > KEY_MAX) return fault_set(&r->fault, ERR_TOO_LARGE, "The device keys are too large.");
    e = api_call(r, &c, &reply);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_raw_member(&r->json, "one_time_key_counts", reply.s[0]);
    json_end(&r->json);
    return ERR_OK;
}

/* --- many users at once --- */

struct many {
    struct call *call;
    struct str *user_id;
    size_t count;
};

/* One command per user of this server among the keys of `users`. The same `type`, with what is asked of the user in s[`at`]. */
static enum err ask_many(struct api *r, const struct json *users, enum command_type type, unsigned at, struct str asker, struct many *m)
{
    struct call_group g = {0};
    *m = (struct many){0};
    if (users->count > USERS_MAX) return fault_set(&r->fault, ERR_INVALID_PARAM, "At most %d users at a time.", USERS_MAX);
    m->call = mem_zero((users->count + 1) * sizeof *m->call);
    m->user_id = arena_array(r->arena, users->count + 1, sizeof *m->user_id);
    json_each(u, users)
    {
        if (!id_user(u->key, NULL) || !engine_is_ours(r->engine, u->key)) continue;
        struct call *call = &m->call[m->count];
        call->cmd = (struct command){.type = type, .key = u->key};
        if (at) call->cmd.s[0] = asker;
        call->cmd.s[at] = json_text(r->arena, u);
        m->user_id[m->count++] = u->key;
        cluster_call_start(r->engine->cluster, call, &g);
    }
    cluster_call_wait(&g);
    return ERR_OK;
}

static void many_release(struct many *m)
{
    for (size_t i = 0; i < m->count; i++)
        call_release(&m->call[i]);
    mem_free(m->call);
}

/* The first failure, if there is one. */
static enum err many_failed(struct api *r, const struct many *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->call[i].reply.err != ERR_OK) {
            r->fault = m->call[i].reply.fault;
            return m->call[i].reply.err;
        }
    return ERR_OK;
}

/* A member of the answer: user -> the text that the reply has in s[i], of those that have one, or of all of them. */
static void put_many(struct api *r, const char *name, const struct many *m, unsigned i, bool all)
{
    json_key(&r->json, name);
    json_object(&r->json);
    for (size_t k = 0; k < m->count; k++) {
        struct str text = m->call[k].reply.s[i];
        if (text.n <= 2 && !all) continue;
        json_key_str(&r->json, m->user_id[k]);
        json_put_raw(&r->json, text.n ? text : STR("{}"));
    }
    json_end(&r->json);
}

static void put_no_failures(struct api *r)
{
    json_key(&r->json, "failures");
    json_object(&r->json);
    json_end(&r->json);
}

/* --- query --- */

static enum err check_query(struct api *r, struct json **users)
{
    enum err e = api_body_object_opt(r, "device_keys", users);
    if (e == ERR_OK && !*users) e = fault_set(&r->fault, ERR_MISSING_PARAM, "The member 'device_keys' is missing.");
    if (e != ERR_OK) return e;
    json_each(u, *users)
    {
        if (!json_is(u, JSON_ARRAY)) return fault_set(&r->fault, ERR_BAD_JSON, "The devices of a user must be an array.");
        json_each(d, u) if (!json_is(d, JSON_STRING)) return fault_set(&r->fault, ERR_BAD_JSON, "A device id must be a string.");
    }
    return ERR_OK;
}

enum err api_keys_query(struct api *r)
{
    struct json *users;
    struct many m;
    enum err e = check_query(r, &users);
    if (e == ERR_OK) e = ask_many(r, users, CMD_user_keys, 1, r->user_id, &m);
    if (e != ERR_OK) return e;
    e = many_failed(r, &m);
    if (e == ERR_OK) {
        static const char *const names[] = {"device_keys", "master_keys", "self_signing_keys", "user_signing_keys"};
        json_object(&r->json);
        for (unsigned i = 0; i < 4; i++)
            put_many(r, names[i], &m, i, i == 0); /* a user who is left out of device_keys counts as not answered: clients wait for him */
        put_no_failures(r);
        json_end(&r->json);
    }
    many_release(&m);
    return e;
}

/* --- claim --- */

static enum err check_claim(struct api *r, struct json **users)
{
    enum err e = api_body_object_opt(r, "one_time_keys", users);
    if (e == ERR_OK && !*users) e = fault_set(&r->fault, ERR_MISSING_PARAM, "The member 'one_time_keys' is missing.");
    if (e != ERR_OK) return e;
    json_each(u, *users)
    {
        if (!json_is(u, JSON_OBJECT)) return fault_set(&r->fault, ERR_BAD_JSON, "The devices of a user must be an object.");
        json_each(d, u) if (!json_is(d, JSON_STRING)) return fault_set(&r->fault, ERR_BAD_JSON, "An algorithm must be a string.");
    }
    return ERR_OK;
}

/* A user who cannot be asked is left out: what the others gave is used up and must reach the client. */
enum err api_keys_claim(struct api *r)
{
    struct json *users;
    struct many m;
    enum err e = check_claim(r, &users);
    if (e == ERR_OK) e = ask_many(r, users, CMD_user_keys_claim, 0, (struct str){0}, &m);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    put_many(r, "one_time_keys", &m, 0, false);
    put_no_failures(r);
    json_end(&r->json);
    many_release(&m);
    return ERR_OK;
}

/* --- changes: what a /sync between the two would have told --- */

struct changes {
    struct api *r;
    struct fiber *fiber;
    enum err err;
    struct str body;
    bool done;
};

static void is_waiting(void *ctx)
{
    (void)ctx;
}

static void is_answered(void *ctx, enum err e, const struct fault *f, struct str body)
{
    struct changes *c = ctx;
    c->err = e;
    if (e == ERR_OK)
        c->body = arena_str(c->r->arena, body);
    else
        c->r->fault = *f;
    c->done = true;
    fiber_wake(c->fiber);
}

static enum err look(struct api *r, struct str from, struct json **lists)
{
    static const struct sync_callbacks callbacks = {is_waiting, is_answered};
    struct changes c = {.r = r, .fiber = fiber_current()};
    struct sync_job *job = NULL;
    struct json *answer;
    struct sync_params p = {.user_id = r->user_id, .device_id = r->device_id, .since = from};
    p.filter = STR("{\"room\":{\"timeline\":{\"limit\":1}},\"presence\":{\"types\":[]},\"account_data\":{\"types\":[]}}");
    sync_begin(r->engine->gateway[loop_index(loop_current())], &p, &callbacks, &c, &job);
    while (!c.done)
        fiber_park();
    if (c.err != ERR_OK) return c.err;
    enum err e = json_parse(r->arena, c.body, &answer, &r->fault);
    if (e == ERR_OK) *lists = json_get(answer, "device_lists");
    return e;
}

static void put_list(struct api *r, const char *name, const struct json *lists)
{
    json_key(&r->json, name);
    json_array(&r->json);
    json_each(v, json_get(lists, name)) json_put(&r->json, v);
    json_end(&r->json);
}

/* `to` is a hint only (specification): what is newer than it is told as well. */
enum err api_keys_changes(struct api *r)
{
    struct json *lists = NULL;
    struct str from = api_query(r, "from"), to = api_query(r, "to");
    struct sync_token token;
    bool stale;
    if (str_empty(from) || str_empty(to)) return fault_set(&r->fault, ERR_MISSING_PARAM, "The parameters 'from' and 'to' are needed.");
    enum err e = sync_token_read(to, cluster_history(r->engine->cluster), &token, &stale, &r->fault);
    if (e == ERR_OK) e = look(r, from, &lists);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    put_list(r, "changed", lists);
    put_list(r, "left", lists);
    json_end(&r->json);
    return ERR_OK;
}
