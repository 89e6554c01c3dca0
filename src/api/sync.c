/* GET /sync */
#include "api/metrics.h"
#include "api/routes.h"
#include "engine/sync/gateway.h"
#include "engine/sync/section.h"

/* A /sync that may wait: what remains of the request. */
struct pending {
    struct http_request *http;
    struct api_server *server;
    const struct api_route *route;
    struct sync_job *job;
    bool waits;
};

static void waiting(void *ctx)
{
    struct pending *p = ctx;
    p->waits = true;
    http_wait(p->http);
}

static void answer(void *ctx, enum err e, const struct fault *f, struct str body)
{
    struct pending *p = ctx;
    struct arena a;
    arena_init(&a);
    struct engine *engine = api_config(p->server)->engine;
    struct api r = {.http = p->http,
                    .server = p->server,
                    .engine = engine,
                    .route = p->route,
                    .arena = &a,
                    .fault = *f,
                    .began_us = clock_mono_us(engine->clock)};
    /* The buffer is lent: its bytes belong to the caller. */
    buf_init(&r.out, SIZE_MAX / 2);
    if (e == ERR_OK) buf_add(&r.out, body);
    p->http->user = NULL;
    api_finish(&r, e);
    arena_release(&a);
    mem_free(p);
}

static void gone(struct http_request *http)
{
    struct pending *p = http->user;
    if (!p) return;
    if (p->job) sync_cancel(p->job);
    http->user = NULL;
    http_respond(http, 200, NULL, 0, STR("")); /* frees it: nobody is there */
    mem_free(p);
}

enum err api_sync(struct api *r)
{
    struct sync_params p = {
        .user_id = r->user_id, .device_id = r->device_id, .since = api_query(r, "since"), .filter = api_query(r, "filter")};
    int64_t timeout;
    bool full, after, after_4222;
    enum err e = api_query_int(r, "timeout", 0, INT64_MAX, 0, &timeout);
    if (e == ERR_OK) e = api_query_bool(r, "full_state", false, &full);
    if (e == ERR_OK) e = api_query_bool(r, "use_state_after", false, &after);
    if (e == ERR_OK) e = api_query_bool(r, "org.matrix.msc4222.use_state_after", false, &after_4222);
    if (e != ERR_OK) return e;
    if (str_empty(p.since)) p.since = (struct str){0};
    if (str_empty(p.filter)) p.filter = STR("");
    if (full) p.flags |= SYNC_FULL_STATE;
    if (after)
        p.flags |= SYNC_STATE_AFTER;
    else if (after_4222)
        p.flags |= SYNC_STATE_AFTER_4222;
    struct str presence = api_query(r, "set_presence");
    p.presence = str_null(presence) ? PRESENCE_ONLINE : presence_parse(presence);
    if (p.presence == PRESENCE__COUNT) return fault_set(&r->fault, ERR_INVALID_PARAM, "'set_presence' is online, unavailable or offline.");
    p.timeout_ms = timeout > 120000 ? 120000 : timeout;
    struct pending *q = mem_zero(sizeof *q);
    *q = (struct pending){.http = r->http, .server = r->server, .route = r->route};
    r->http->user = q;
    r->http->gone = gone;
    buf_release(&r->out);
    static const struct sync_callbacks callbacks = {waiting, answer};
    /* From here on the request may be answered, and `r` be gone, at any wait. */
    struct engine *engine = r->engine;
    sync_begin(engine->gateway[loop_index(r->http->loop)], &p, &callbacks, q, &q->job);
    return API_ANSWERED;
}
