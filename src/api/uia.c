#include "api/uia.h"

#include "api/credentials.h"
#include "base/random.h"
#include "matrix/id.h"

enum { SESSION_NAME = 24, SESSION_TTL_MS = 600000, COMPLETED_MAX = 8 };

struct dialogue {
    struct str session;
    struct str bound; /* hash of user, method and path */
    struct str body;  /* hash of the body without `auth`; empty until a stage is completed */
    struct str completed[COMPLETED_MAX];
    size_t count;
    bool kept; /* in the cache, from an earlier request */
};

/* --- the session in the cache --- */

static struct str cache_key(struct api *r, struct str session)
{
    return arena_join(r->arena, STR("uia:"), session, STR(""));
}

static struct str request_hash(struct api *r)
{
    const char *method = http_method_name(r->http->method);
    return sha256_hex(r->arena, arena_printf(r->arena, "%.*s\n%s\n%.*s", STR_FMT(api_text(r->user_id)), method, STR_FMT(r->http->path)));
}

/* `auth` is taken out of the body for the time of writing it. */
static struct str body_hash(struct api *r)
{
    struct json *bare = json_new(r->arena, JSON_OBJECT);
    json_each(v, r->body) if (!str_is(v->key, "auth")) json_add(bare, v->key, json_copy(r->arena, v));
    return sha256_hex(r->arena, json_text(r->arena, bare));
}

static void begin(struct api *r, struct dialogue *d)
{
    *d = (struct dialogue){.session = random_id(r->arena, SESSION_NAME), .bound = request_hash(r), .body = STR("")};
}

static bool restore(struct api *r, struct str session, struct dialogue *d)
{
    struct cache_value kept;
    struct json *v;
    if (session.n != SESSION_NAME || !cache_get(r->engine->cache, cache_key(r, session), r->arena, &kept)) return false;
    if (json_parse(r->arena, kept.value, &v, NULL) != ERR_OK) return false;
    *d = (struct dialogue){.session = session, .kept = true, .bound = json_string_at(v, "bound"), .body = json_string_at(v, "body")};
    json_each(stage, json_get(v, "completed")) if (d->count < COMPLETED_MAX) d->completed[d->count++] = json_string(stage);
    if (!str_eq(d->bound, request_hash(r))) return false;
    return d->count == 0 || str_eq(d->body, body_hash(r));
}

static void keep(struct api *r, const struct dialogue *d)
{
    struct json *v = json_new(r->arena, JSON_OBJECT), *completed = json_new(r->arena, JSON_ARRAY);
    for (size_t i = 0; i < d->count; i++)
        json_push(completed, json_new_string(r->arena, d->completed[i]));
    json_add(v, STR("bound"), json_new_string(r->arena, d->bound));
    json_add(v, STR("body"), json_new_string(r->arena, d->body));
    json_add(v, STR("completed"), completed);
    cache_set(r->engine->cache, cache_key(r, d->session), json_text(r->arena, v), clock_wall_ms(r->engine->clock), SESSION_TTL_MS);
}

/* --- stages --- */

static enum err stage_dummy(struct api *r, const struct json *auth)
{
    (void)r, (void)auth;
    return ERR_OK;
}

static enum err stage_registration_token(struct api *r, const struct json *auth)
{
    struct str token = json_string_at(auth, "token");
    if (str_null(token)) return fault_set(&r->fault, ERR_MISSING_PARAM, "The registration token is missing.");
    if (credentials_registration_token(r, token)) return ERR_OK;
    return fault_set(&r->fault, ERR_UNAUTHORIZED, "That registration token is not valid.");
}

/* The user of an identifier, in the one form or the older one; null when it names none. */
static struct str named_user(struct api *r, const struct json *auth)
{
    struct str user = json_string_at(auth, "user");
    const struct json *identifier = json_get(auth, "identifier");
    if (identifier) user = str_is(json_string_at(identifier, "type"), "m.id.user") ? json_string_at(identifier, "user") : STR("");
    return str_null(user) ? user : credentials_user_id(r, user);
}

static enum err stage_password(struct api *r, const struct json *auth)
{
    struct str password = json_string_at(auth, "password"), user = named_user(r, auth), hash;
    if (str_null(password)) return fault_set(&r->fault, ERR_MISSING_PARAM, "The password is missing.");
    if (!str_null(user) && !str_eq(user, r->user_id))
        return fault_set(&r->fault, ERR_UNAUTHORIZED, "That is not the user who is logged in.");
    return credentials_check(r, r->user_id, password, &hash);
}

static const struct {
    const char *name;
    enum err (*check)(struct api *r, const struct json *auth);
} stages[] = {
    {"m.login.dummy", stage_dummy},
    {"m.login.registration_token", stage_registration_token},
    {"m.login.password", stage_password},
};

static enum err try_stage(struct api *r, const struct json *auth, struct str type)
{
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
        if (str_is(type, stages[i].name)) return stages[i].check(r, auth);
    return ERR_UNRECOGNIZED;
}

static bool flow_has(const struct uia_flow *flow, struct str stage)
{
    for (size_t i = 0; flow->stage[i]; i++)
        if (str_is(stage, flow->stage[i])) return true;
    return false;
}

static bool in_a_flow(const struct uia_flow *flow, size_t flows, struct str stage)
{
    for (size_t i = 0; i < flows; i++)
        if (flow_has(&flow[i], stage)) return true;
    return false;
}

static bool has_completed(const struct dialogue *d, struct str stage)
{
    for (size_t i = 0; i < d->count; i++)
        if (str_eq(d->completed[i], stage)) return true;
    return false;
}

static bool is_complete(const struct dialogue *d, const struct uia_flow *flow, size_t flows)
{
    for (size_t i = 0; i < flows; i++) {
        bool all = true;
        for (size_t j = 0; flow[i].stage[j]; j++)
            all = all && has_completed(d, str_c(flow[i].stage[j]));
        if (all) return true;
    }
    return false;
}

/* --- the answer --- */

static void write_flows(struct json_out *o, const struct uia_flow *flow, size_t flows)
{
    json_key(o, "flows");
    json_array(o);
    for (size_t i = 0; i < flows; i++) {
        json_object(o);
        json_key(o, "stages");
        json_array(o);
        for (size_t j = 0; flow[i].stage[j]; j++)
            json_put_str(o, str_c(flow[i].stage[j]));
        json_end(o);
        json_end(o);
    }
    json_end(o);
}

/* `why`: a stage failed; OK: it has only just begun. */
static enum err ask(struct api *r, const struct dialogue *d, const struct uia_flow *flow, size_t flows, enum err why)
{
    struct json_out *o = &r->json;
    keep(r, d);
    json_object(o);
    if (why != ERR_OK) {
        json_str_member(o, "errcode", str_c(err_errcode(why)));
        json_str_member(o, "error", str_c(r->fault.code == why && r->fault.text[0] ? r->fault.text : err_sentence(why)));
    }
    write_flows(o, flow, flows);
    json_key(o, "completed");
    json_array(o);
    for (size_t i = 0; i < d->count; i++)
        json_put_str(o, d->completed[i]);
    json_end(o);
    json_key(o, "params");
    json_object(o);
    json_end(o);
    json_str_member(o, "session", d->session);
    json_end(o);
    r->status = 401;
    return ERR_UNAUTHORIZED;
}

/* Errors that are about what was sent; the others (too many attempts, a fault of the server) are no answer of a stage. */
static bool is_refusal(enum err e)
{
    return e == ERR_UNAUTHORIZED || e == ERR_FORBIDDEN || e == ERR_MISSING_PARAM || e == ERR_UNRECOGNIZED || e == ERR_USER_DEACTIVATED;
}

enum err uia_check(struct api *r, const struct uia_flow *flow, size_t flows)
{
    struct json *auth;
    struct dialogue d;
    enum err e = api_body_object_opt(r, "auth", &auth);
    if (e != ERR_OK) return e;
    if (!auth || !restore(r, api_text(json_string_at(auth, "session")), &d)) begin(r, &d);
    struct str type = json_string_at(auth, "type");
    if (str_empty(type) && !is_complete(&d, flow, flows)) return ask(r, &d, flow, flows, ERR_OK);
    if (!str_empty(type) && !has_completed(&d, type)) {
        e = in_a_flow(flow, flows, type) ? try_stage(r, auth, type)
                                         : fault_set(&r->fault, ERR_UNRECOGNIZED, "That stage is not part of a flow.");
        if (e != ERR_OK) return is_refusal(e) ? ask(r, &d, flow, flows, e) : e;
        d.completed[d.count++] = type;
        if (d.count == 1) d.body = body_hash(r);
    }
    if (!is_complete(&d, flow, flows)) return ask(r, &d, flow, flows, ERR_OK);
    if (d.kept) cache_del(r->engine->cache, cache_key(r, d.session), INT64_MAX);
    return ERR_OK;
}

enum err uia_password(struct api *r)
{
    static const struct uia_flow flow = {{"m.login.password"}};
    return uia_check(r, &flow, 1);
}
