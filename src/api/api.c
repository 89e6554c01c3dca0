/* What is common to all requests, in its order: CORS, path and method, body, access token, rate limit, JSON, handler, answer. */
#include "api/api.h"

#include "api/metrics.h"
#include "api/router.h"
#include "api/routes.h"
#include "base/log.h"
#include "engine/session.h"
#include "matrix/contact.h"

static const struct api_route routes[] = {
#define ROUTE(method, path, handler, access, body, body_max, limit)                                                                        \
    {HTTP_##method, path, handler, ACCESS_##access, BODY_##body, body_max, LIMIT_##limit, #handler},
#include "api/routes.def"
#undef ROUTE
};
enum { ROUTES = sizeof routes / sizeof routes[0], OUT_MAX = 256 * 1048576, OUT_FIRST = 256 };

struct api_server {
    struct api_config config;
    struct router *router;
    struct api_metrics *metrics;
};

struct api_server *api_new(const struct api_config *config)
{
    struct api_server *s = mem_zero(sizeof *s);
    s->config = *config;
    s->router = router_new(routes, ROUTES);
    s->metrics = api_metrics_new(routes, ROUTES);
    return s;
}

void api_free(struct api_server *s)
{
    router_free(s->router);
    api_metrics_free(s->metrics);
    mem_free(s);
}

void api_add_listener(struct api_server *s, struct http_server *h)
{
    if (s->config.listeners < sizeof s->config.listener / sizeof s->config.listener[0]) s->config.listener[s->config.listeners++] = h;
}

const struct api_config *api_config(const struct api_server *s)
{
    return &s->config;
}
struct api_metrics *api_metrics_of(const struct api_server *s)
{
    return s->metrics;
}

/* --- answers --- */

static const struct http_header cors[] = {
    {STR("Access-Control-Allow-Origin"), STR("*")},
    {STR("Access-Control-Allow-Methods"), STR("GET, HEAD, POST, PUT, DELETE, OPTIONS")},
    {STR("Access-Control-Allow-Headers"), STR("X-Requested-With, Content-Type, Authorization")},
};
enum { CORS = sizeof cors / sizeof cors[0], HEADERS_MAX = CORS + 12 };

void api_header(struct api *r, const char *name, struct str value)
{
    if (r->headers < sizeof r->header / sizeof r->header[0]) r->header[r->headers++] = (struct http_header){str_c(name), value};
}

size_t api_answer_headers(const struct api *r, struct http_header *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < CORS && n < max; i++)
        out[n++] = cors[i];
    for (size_t i = 0; i < r->headers && n < max; i++)
        out[n++] = r->header[i];
    return n;
}

/* The specification's code for a full disk wants to say whom to tell; where nobody is named, the code for whatever has no other. */
static void write_code(struct api *r, enum err e)
{
    const struct api_config *c = &r->server->config;
    bool nobody = e == ERR_FULL && !c->admin_contacts;
    json_str_member(&r->json, "errcode", str_c(err_errcode(nobody ? ERR_STORAGE : e)));
    if (e == ERR_FULL && !nobody) json_str_member(&r->json, "admin_contact", contact_uri(r->arena, c->admin_contact[0]));
}

static void write_error(struct api *r, enum err e)
{
    if (r->out.n && r->status) return; /* the handler has written the error's body itself (user-interactive authentication) */
    buf_clear(&r->out);
    json_out_init(&r->json, &r->out);
    json_object(&r->json);
    write_code(r, e);
    json_str_member(&r->json, "error", str_c(r->fault.code == e && r->fault.text[0] ? r->fault.text : err_sentence(e)));
    if (e == ERR_LIMIT_EXCEEDED) json_int_member(&r->json, "retry_after_ms", r->fault.retry_ms);
    if (e == ERR_UNKNOWN_TOKEN && str_starts(str_c(r->fault.text), STR("The access token has expired")))
        json_bool_member(&r->json, "soft_logout", true);
    json_end(&r->json);
    if (r->fault.retry_ms > 0 && r->fault.code == e)
        api_header(r, "Retry-After", arena_printf(r->arena, "%lld", (long long)((r->fault.retry_ms + 999) / 1000)));
}

void api_finish(struct api *r, enum err e)
{
    struct http_header header[HEADERS_MAX];
    if (e != ERR_OK) write_error(r, e);
    if (r->out.n == 0) buf_add(&r->out, STR("{}"));
    if (!buf_ok(&r->out) && e == ERR_OK) {
        e = ERR_INTERNAL;
        write_error(r, e);
    }
    int status = r->status ? r->status : err_http_status(e);
    if (e == ERR_INTERNAL)
        log_event(LOG_ERROR, "api", "internal error", "request=%s route=%s reason=\"%s\"", r->http->id, r->route ? r->route->name : "-",
                  r->fault.text);
    size_t n = api_answer_headers(r, header, HEADERS_MAX - 2);
    header[n++] = (struct http_header){STR("Content-Type"), STR("application/json")};
    header[n++] = (struct http_header){STR("Cache-Control"), STR("no-store")};
    int64_t took_us = clock_mono_us(r->engine->clock) - r->began_us;
    api_metrics_count(r, status, took_us);
    log_event(LOG_DEBUG, "api", "request", "request=%s route=%s status=%d us=%lld", r->http->id, r->route ? r->route->name : "-", status,
              (long long)took_us);
    struct buf out = r->out; /* `r` lives in the request's arena and goes with it */
    http_respond(r->http, status, header, n, buf_str(&out));
    buf_release(&out);
}

/* --- the steps --- */

static struct str token_of(struct api *r)
{
    struct str h = http_header_get(r->http, STR("authorization"));
    if (h.n > 7 && str_eq_nocase(str_first(h, 7), STR("bearer "))) return str_from(h, 7);
    return api_query(r, "access_token");
}

/* When and from where the device was last in use; never on the way of a message. */
static void note_seen(struct api *r)
{
    if (r->route->limit == LIMIT_MESSAGE || !session_seen_due(r->engine, r->token_hash)) return;
    struct command c = {.type = CMD_user_seen, .key = r->user_id, .s = {r->device_id, str_first(r->http->client_ip, 64)}};
    cluster_cast(r->engine->cluster, &c);
}

static enum err authenticate(struct api *r)
{
    enum api_access access = r->route->access;
    if (access == ACCESS_NONE) return ERR_OK;
    struct str token = token_of(r);
    if (str_empty(token)) return access == ACCESS_OPTIONAL ? ERR_OK : ERR_MISSING_TOKEN;
    struct session s;
    enum err e = session_find(r->engine, token, r->arena, &s, &r->fault);
    if (e != ERR_OK) return e;
    r->user_id = s.user_id;
    r->device_id = s.device_id;
    r->token_hash = s.token_hash;
    r->guest = s.guest;
    note_seen(r);
    return access == ACCESS_USER && s.guest ? ERR_GUEST_FORBIDDEN : ERR_OK;
}

enum err api_take(struct api *r, enum api_limit limit, struct str key)
{
    const struct rate *rate = &r->server->config.limit[limit];
    int64_t retry = 0;
    if (limiter_take(r->engine->limiter, limit, key, clock_mono_us(r->engine->clock), rate->per_second, rate->burst, &retry)) return ERR_OK;
    fault_set(&r->fault, ERR_LIMIT_EXCEEDED, "Too many requests. Try again in %lld ms.", (long long)retry);
    r->fault.retry_ms = retry;
    return ERR_LIMIT_EXCEEDED;
}

/* By user where one is known, by address otherwise. */
static enum err limit(struct api *r)
{
    if (r->route->limit == LIMIT_NONE) return ERR_OK;
    return api_take(r, r->route->limit, str_null(r->user_id) ? r->http->client_ip : r->user_id);
}

static enum err parse_body(struct api *r)
{
    if (r->route->body != BODY_JSON && r->route->body != BODY_OPTIONAL) return ERR_OK;
    if (r->http->body.n == 0 && r->route->body == BODY_OPTIONAL) {
        r->body = json_new(r->arena, JSON_OBJECT);
        return ERR_OK;
    }
    enum err e = json_parse(r->arena, r->http->body, &r->body, &r->fault);
    if (e != ERR_OK) return e;
    if (!json_is(r->body, JSON_OBJECT)) return fault_set(&r->fault, ERR_BAD_JSON, "The body must be a JSON object.");
    return ERR_OK;
}

static void run_fiber(void *arg)
{
    struct api *r = arg;
    enum err e = authenticate(r);
    if (e == ERR_OK) e = limit(r);
    if (e == ERR_OK) e = parse_body(r);
    if (e == ERR_OK) e = r->route->handler(r);
    if (e != API_ANSWERED) api_finish(r, e);
}

static struct api *api_of(struct http_request *http)
{
    return http->user;
}

/* A client that has gone does not stop what it asked for: the handler ends, and its answer finds nobody. */
static void body_ready(struct http_request *http, enum err e)
{
    struct api *r = api_of(http);
    if (e == ERR_OK) {
        fiber_spawn(run_fiber, r);
        return;
    }
    fault_set(&r->fault, e, "The body may have at most %zu bytes here.", r->route->body_max);
    api_finish(r, e);
}

static struct str methods_text(struct arena *a, unsigned methods)
{
    struct str text = STR("OPTIONS");
    for (unsigned m = 0; m < HTTP_OTHER; m++) {
        bool head = m == HTTP_HEAD && (methods & 1u << HTTP_GET);
        if (head || (methods & 1u << m)) text = arena_join(a, str_c(http_method_name((enum http_method)m)), STR(", "), text);
    }
    return text;
}

static enum err match(struct api *r)
{
    struct router_match m;
    enum err e = router_find(r->server->router, r->arena, r->http->method, r->http->path, &m);
    if (e != ERR_OK) return fault_set(&r->fault, e, "The path has an escape (%%) that is not valid.");
    if (!m.route && m.path_known) api_header(r, "Allow", methods_text(r->arena, m.methods));
    if (!m.route) return m.path_known ? ERR_METHOD : ERR_UNRECOGNIZED;
    r->route = m.route;
    memcpy(r->param, m.param, sizeof m.param);
    for (size_t i = 0; i < API_PARAMS_MAX; i++)
        if (!str_null(r->param[i]) && !str_is_utf8(r->param[i]))
            return fault_set(&r->fault, ERR_INVALID_PARAM, "The path is not valid UTF-8.");
    return ERR_OK;
}

bool api_owns(const struct api_server *s, struct str path)
{
    return router_owns(s->router, path);
}

void api_handle(struct api_server *s, struct http_request *http)
{
    struct api *r = arena_zero(http->arena, sizeof *r);
    *r = (struct api){.http = http, .server = s, .engine = s->config.engine, .arena = http->arena, .query = http->query};
    r->began_us = clock_mono_us(r->engine->clock);
    http->user = r;
    buf_init_in(&r->out, OUT_MAX, arena_alloc(r->arena, OUT_FIRST), OUT_FIRST);
    json_out_init(&r->json, &r->out);
    if (http->method == HTTP_OPTIONS) {
        api_finish(r, ERR_OK);
        return;
    }
    enum err e = match(r);
    if (e != ERR_OK) {
        api_finish(r, e);
        return;
    }
    if (r->route->body != BODY_NONE && r->route->body != BODY_OWN) {
        http_read_body(http, r->route->body_max, body_ready);
        return;
    }
    fiber_spawn(run_fiber, r);
}
