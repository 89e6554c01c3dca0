/* Media: upload, download, thumbnails. */
#include "api/metrics.h"
#include "api/routes.h"
#include "base/random.h"
#include "blob/blob.h"
#include "engine/media/content.h"
#include "engine/media/thumbnail.h"
#include "matrix/id.h"

enum {
    PIECE = 131072,
    MEDIA_ID = 24,
    PENDING_MS = 24 * 3600 * 1000,
    THUMBNAIL_SOURCE_MAX = 32 * 1048576,
    WAIT_MAX_MS = 120000,
    WAIT_DEFAULT_MS = 20000,
    POLL_MS = 200
};

/* --- upload: pieces from the connection go to the blob store by a worker thread; the connection pauses meanwhile --- */

struct upload {
    struct api *r;
    struct fiber *fiber;
    struct buf pending;
    bool ended, paused, gone;
    enum err err; /* of the body */
    struct blob_writer *writer;
    struct blob_hash hash;
    uint64_t size;
    struct fault fault;
    enum err step; /* of the blob store */
};

static struct upload *upload_of(struct http_request *http)
{
    return http->user;
}

static bool piece(struct http_request *http, struct str data, enum err e)
{
    struct upload *u = upload_of(http);
    if (e != ERR_OK || data.n == 0) {
        u->err = e;
        u->ended = true;
    } else {
        buf_add(&u->pending, data);
    }
    fiber_wake(u->fiber);
    u->paused = u->pending.n >= PIECE;
    return !u->paused;
}

static void upload_gone(struct http_request *http)
{
    struct upload *u = upload_of(http);
    u->gone = u->ended = true;
    fiber_wake(u->fiber);
}

static void work_begin(void *arg)
{
    struct upload *u = arg;
    u->step = blob_begin(api_config(u->r->server)->blobs, &u->writer, &u->fault);
}

static void work_write(void *arg)
{
    struct upload *u = arg;
    u->step = blob_write(u->writer, buf_str(&u->pending), &u->fault);
}

static void work_commit(void *arg)
{
    struct upload *u = arg;
    u->step = blob_commit(u->writer, &u->hash, &u->size, &u->fault);
    u->writer = NULL;
}

static void work_abort(void *arg)
{
    struct upload *u = arg;
    blob_abort(u->writer);
    u->writer = NULL;
}

static enum err store_pieces(struct upload *u)
{
    while (!u->ended || u->pending.n) {
        if (!u->pending.n) {
            fiber_park();
            continue;
        }
        struct buf batch = u->pending, next;
        buf_init(&next, batch.max);
        struct upload copy = {.writer = u->writer, .pending = batch};
        u->pending = next;
        fiber_work(work_write, &copy);
        buf_release(&copy.pending);
        if (copy.step != ERR_OK) {
            u->fault = copy.fault;
            return copy.step;
        }
        if (u->paused && !u->ended) {
            u->paused = false;
            http_resume_body(u->r->http);
        }
    }
    return u->err;
}

/* The body as a blob. Waits. */
static enum err receive(struct upload *u)
{
    struct api *r = u->r;
    u->fiber = fiber_current();
    buf_init(&u->pending, 64 * 1048576);
    fiber_work(work_begin, u);
    enum err e = u->step;
    if (e == ERR_OK) {
        r->http->user = u;
        r->http->gone = upload_gone;
        http_stream_body(r->http, api_config(r->server)->upload_max, piece);
        e = store_pieces(u);
        if (e == ERR_OK && u->gone) e = ERR_UNAVAILABLE;
        if (e == ERR_OK) {
            fiber_work(work_commit, u);
            e = u->step;
        } else {
            fiber_work(work_abort, u);
        }
    }
    r->http->gone = NULL;
    buf_release(&u->pending);
    if (e == ERR_TOO_LARGE) return fault_set(&r->fault, e, "A file may have at most %zu bytes here.", api_config(r->server)->upload_max);
    if (e != ERR_OK) r->fault = u->fault;
    return e;
}

static enum err put_row(struct api *r, struct str media_id, const struct upload *u, bool fill)
{
    struct command c = {.type = CMD_media_put, .key = media_id};
    struct reply reply;
    struct str name = api_query(r, "filename");
    c.s[0] = r->user_id;
    c.s[1] = u ? blob_hash_str(&u->hash) : STR("");
    c.s[2] = u ? content_type_clean(r->arena, http_header_get(r->http, STR("content-type"))) : STR("");
    c.s[3] = str_first(api_text(name), 1000);
    c.s[4] = fill ? STR("fill") : STR("");
    c.num[0] = u ? (int64_t)u->size : 0;
    c.num[1] = u ? 0 : clock_wall_ms(r->engine->clock) + PENDING_MS;
    return api_call(r, &c, &reply);
}

static void answer_uri(struct api *r, struct str media_id, bool pending)
{
    json_object(&r->json);
    json_str_member(&r->json, "content_uri",
                    arena_printf(r->arena, "mxc://%.*s/%.*s", STR_FMT(r->engine->config.server_name), STR_FMT(media_id)));
    if (pending) json_int_member(&r->json, "unused_expires_at", clock_wall_ms(r->engine->clock) + PENDING_MS);
    json_end(&r->json);
}

enum err api_upload(struct api *r)
{
    struct upload *u = arena_zero(r->arena, sizeof *u);
    u->r = r;
    struct str media_id = random_id(r->arena, MEDIA_ID);
    enum err e = receive(u);
    if (e == ERR_OK) e = put_row(r, media_id, u, false);
    if (e == ERR_OK) answer_uri(r, media_id, false);
    return e;
}

enum err api_media_create(struct api *r)
{
    struct str media_id = random_id(r->arena, MEDIA_ID);
    enum err e = put_row(r, media_id, NULL, false);
    if (e == ERR_OK) answer_uri(r, media_id, true);
    return e;
}

static enum err check_server(struct api *r)
{
    if (str_eq(r->param[0], r->engine->config.server_name)) return ERR_OK;
    return fault_set(&r->fault, ERR_NOT_FOUND, "This server does not reach the files of others.");
}

enum err api_upload_to(struct api *r)
{
    struct upload *u = arena_zero(r->arena, sizeof *u);
    struct command look = {.type = CMD_media_get, .key = r->param[1]};
    struct reply reply = {0};
    u->r = r;
    enum err e = check_server(r);
    if (e == ERR_OK) e = api_call(r, &look, &reply);
    if (e == ERR_OK && !str_eq(reply.s[3], r->user_id)) e = fault_set(&r->fault, ERR_FORBIDDEN, "Another user has reserved that media id.");
    if (e == ERR_OK && !str_empty(reply.s[0])) e = ERR_CANNOT_OVERWRITE_MEDIA;
    if (e == ERR_OK) e = receive(u);
    return e == ERR_OK ? put_row(r, r->param[1], u, true) : e;
}

enum err api_media_config(struct api *r)
{
    json_object(&r->json);
    json_int_member(&r->json, "m.upload.size", (int64_t)api_config(r->server)->upload_max);
    json_end(&r->json);
    return ERR_OK;
}

/* --- download --- */

struct download {
    struct api *r;
    struct fiber *fiber;
    struct blob_reader *reader;
    uint64_t size, at;
    char *block;
    size_t want, got;
    struct str hash;
    enum err step;
    struct fault fault;
    bool gone, drained;
};

static void work_open(void *arg)
{
    struct download *d = arg;
    d->step = blob_open(api_config(d->r->server)->blobs, d->hash, &d->reader, &d->size, &d->fault);
}

static void work_read(void *arg)
{
    struct download *d = arg;
    d->step = blob_read(d->reader, d->at, d->block, d->want, &d->got, &d->fault);
}

static void work_close(void *arg)
{
    blob_close(((struct download *)arg)->reader);
}

static void drained(struct http_request *http)
{
    struct download *d = http->user;
    d->drained = true;
    fiber_wake(d->fiber);
}

static void download_gone(struct http_request *http)
{
    struct download *d = http->user;
    d->gone = true;
    fiber_wake(d->fiber);
}

/* Waits for a file that somebody has announced but not uploaded yet. */
static enum err find(struct api *r, struct reply *reply)
{
    struct command c = {.type = CMD_media_get, .key = r->param[1]};
    int64_t timeout;
    enum err e = check_server(r);
    if (e == ERR_OK) e = api_query_int(r, "timeout_ms", 0, INT64_MAX, WAIT_DEFAULT_MS, &timeout);
    if (e != ERR_OK) return e;
    int64_t until = loop_now_ms(r->http->loop) + (timeout > WAIT_MAX_MS ? WAIT_MAX_MS : timeout);
    for (;;) {
        e = api_call(r, &c, reply);
        if (e != ERR_OK || !str_empty(reply->s[0])) return e;
        if (reply->num[1] <= clock_wall_ms(r->engine->clock))
            return fault_set(&r->fault, ERR_NOT_FOUND, "That file has never been uploaded.");
        if (loop_now_ms(r->http->loop) >= until) return ERR_NOT_YET_UPLOADED;
        fiber_sleep_ms(POLL_MS);
    }
}

static void file_headers(struct api *r, struct str type, struct str name)
{
    api_header(r, "Content-Type", type);
    api_header(r, "Content-Disposition", content_disposition(r->arena, type, name));
    api_header(r, "Content-Security-Policy", str_c(CONTENT_SECURITY_POLICY));
    api_header(r, "Cross-Origin-Resource-Policy", STR("cross-origin"));
    api_header(r, "X-Content-Type-Options", STR("nosniff"));
    api_header(r, "Cache-Control", STR("private, max-age=31536000, immutable"));
    api_header(r, "Accept-Ranges", STR("bytes"));
}

/* The bytes from `first`, `count` of them, piece by piece as the client takes them. Waits. */
static void send_file(struct download *d, uint64_t first, uint64_t count)
{
    struct api *r = d->r;
    d->at = first;
    while (count && !d->gone) {
        d->want = count < PIECE ? (size_t)count : PIECE;
        fiber_work(work_read, d);
        if (d->step != ERR_OK || d->got == 0) break;
        d->at += d->got;
        count -= d->got;
        d->drained = false;
        if (d->gone) break;
        http_send(r->http, str_make(d->block, d->got), drained);
        while (!d->drained && !d->gone)
            fiber_park();
    }
}

static enum err serve_file(struct api *r, struct str hash, struct str type, struct str name)
{
    struct download *d = arena_zero(r->arena, sizeof *d);
    *d = (struct download){.r = r, .fiber = fiber_current(), .hash = hash};
    fiber_work(work_open, d);
    if (d->step != ERR_OK) {
        r->fault = d->fault;
        return d->step == ERR_NOT_FOUND ? fault_set(&r->fault, ERR_NOT_FOUND, "The file is not there any more.") : d->step;
    }
    struct content_range range = {.count = d->size};
    enum range_answer answer = content_range_parse(http_header_get(r->http, STR("range")), d->size, &range);
    file_headers(r, type, name);
    int status = answer == RANGE_PART ? 206 : answer == RANGE_UNSATISFIABLE ? 416 : 200;
    struct http_header headers[16];
    size_t n = api_answer_headers(r, headers, 15);
    if (answer != RANGE_WHOLE)
        headers[n++] =
            (struct http_header){STR("Content-Range"), content_range_header(r->arena, answer == RANGE_PART ? &range : NULL, d->size)};
    if (answer == RANGE_UNSATISFIABLE) range = (struct content_range){0};
    if (answer == RANGE_WHOLE) range = (struct content_range){.first = 0, .count = d->size};
    d->block = arena_alloc(r->arena, PIECE);
    *r->answered = true;
    r->http->user = d;
    r->http->gone = download_gone;
    http_begin(r->http, status, headers, n, range.count);
    if (r->http->method != HTTP_HEAD) send_file(d, range.first, range.count);
    fiber_work(work_close, d);
    api_metrics_count(r, status, clock_mono_us(r->engine->clock) - r->began_us);
    buf_release(&r->out);
    http_end(r->http);
    return ERR_OK;
}

enum err api_download(struct api *r)
{
    struct reply reply;
    enum err e = find(r, &reply);
    if (e != ERR_OK) return e;
    return serve_file(r, reply.s[0], reply.s[1], r->param[2].p ? r->param[2] : reply.s[2]);
}

/* --- thumbnails --- */

struct whole {
    struct api *r;
    struct str hash, bytes;
    enum err step;
    struct fault fault;
};

static void work_get(void *arg)
{
    struct whole *w = arg;
    w->step = blob_get(api_config(w->r->server)->blobs, w->hash, THUMBNAIL_SOURCE_MAX, w->r->arena, &w->bytes, &w->fault);
}

enum err api_thumbnail(struct api *r)
{
    int64_t width, height;
    struct reply reply;
    struct str method = api_query(r, "method"), out, type;
    enum err e = str_null(api_query(r, "width")) || str_null(api_query(r, "height"))
                     ? fault_set(&r->fault, ERR_MISSING_PARAM, "The parameters 'width' and 'height' are needed.")
                     : ERR_OK;
    if (e == ERR_OK) e = api_query_int(r, "width", 1, INT32_MAX, 0, &width);
    if (e == ERR_OK) e = api_query_int(r, "height", 1, INT32_MAX, 0, &height);
    if (e == ERR_OK && method.p && !str_is(method, "crop") && !str_is(method, "scale"))
        e = fault_set(&r->fault, ERR_INVALID_PARAM, "'method' is crop or scale.");
    if (e == ERR_OK) e = find(r, &reply);
    if (e != ERR_OK) return e;
    struct whole w = {.r = r, .hash = reply.s[0]};
    fiber_work(work_get, &w);
    if (w.step != ERR_OK) {
        r->fault = w.fault;
        return w.step;
    }
    unsigned tw = width > THUMBNAIL_SIDE_MAX ? THUMBNAIL_SIDE_MAX : (unsigned)width,
             th = height > THUMBNAIL_SIDE_MAX ? THUMBNAIL_SIDE_MAX : (unsigned)height;
    bool crop = str_is(method, "crop");
    thumbnail_standard(&tw, &th, crop);
    e = thumbnail_make(api_config(r->server)->thumbnailer, w.bytes, tw, th, crop, r->arena, &out, &type, &r->fault);
    if (e != ERR_OK) return e;
    file_headers(r, type, STR("thumbnail"));
    struct http_header headers[16];
    size_t n = api_answer_headers(r, headers, 16);
    *r->answered = true;
    api_metrics_count(r, 200, clock_mono_us(r->engine->clock) - r->began_us);
    buf_release(&r->out);
    http_respond(r->http, 200, headers, n, out);
    return ERR_OK;
}
