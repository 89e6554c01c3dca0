/* Media: upload, download, thumbnails. */
#include "api/metrics.h"
#include "api/routes.h"
#include "base/random.h"
#include "blob/blob.h"
#include "engine/media/content.h"
#include "engine/media/shelf.h"
#include "engine/media/thumbnail.h"
#include "matrix/id.h"

enum {
    PIECE = 131072,
    PENDING_MAX = 64 * 1048576,
    MEDIA_ID = 24,
    PENDING_MS = 24 * 3600 * 1000,
    THUMBNAIL_SOURCE_MAX = 32 * 1048576,
    WAIT_MAX_MS = 120000,
    WAIT_DEFAULT_MS = 20000,
    POLL_MS = 200
};

/* --- upload: pieces from the connection go to the blob store, which works on other threads; the connection pauses meanwhile --- */

struct upload {
    struct api *r;
    struct fiber *fiber;
    struct buf pending;
    bool ended, paused, gone;
    enum err err; /* of the body */
    struct blob_hash hash;
    uint64_t size;
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

/* All of the body into the writer, as it comes. Waits. */
static enum err store_pieces(struct upload *u, struct blob_writer *w)
{
    while (!u->ended || u->pending.n) {
        if (!u->pending.n) {
            fiber_park();
            continue;
        }
        struct buf batch = u->pending; /* the connection fills another one meanwhile */
        buf_init(&u->pending, batch.max);
        enum err e = blob_write(w, buf_str(&batch), &u->r->fault);
        buf_release(&batch);
        if (e != ERR_OK) return e;
        if (u->paused && !u->ended) {
            u->paused = false;
            http_resume_body(u->r->http);
        }
    }
    return u->gone ? ERR_UNAVAILABLE : u->err;
}

/* The body as a blob. Waits. */
static enum err receive(struct upload *u)
{
    struct api *r = u->r;
    struct blob_writer *w;
    enum err e = blob_begin(api_config(r->server)->blobs, &w, &r->fault);
    if (e != ERR_OK) return e;
    u->fiber = fiber_current();
    buf_init(&u->pending, PENDING_MAX);
    r->http->user = u;
    r->http->gone = upload_gone;
    http_stream_body(r->http, api_config(r->server)->upload_max, piece);
    e = store_pieces(u, w);
    if (e == ERR_OK)
        e = blob_commit(w, &u->hash, &u->size, &r->fault);
    else
        blob_abort(w);
    r->http->gone = NULL;
    buf_release(&u->pending);
    if (e == ERR_TOO_LARGE) return fault_set(&r->fault, e, "A file may have at most %zu bytes here.", api_config(r->server)->upload_max);
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
    bool gone, drained;
};

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
static void send_file(struct download *d, struct blob_reader *reader, uint64_t first, uint64_t count)
{
    char *block = arena_alloc(d->r->arena, PIECE);
    while (count && !d->gone) {
        size_t got = 0;
        enum err e = blob_read(reader, first, block, count < PIECE ? (size_t)count : PIECE, &got, NULL);
        if (e != ERR_OK || got == 0 || d->gone) return;
        first += got;
        count -= got;
        d->drained = false;
        http_send(d->r->http, str_make(block, got), drained);
        while (!d->drained && !d->gone)
            fiber_park();
    }
}

/* `d` knows from here on whether the client has gone, and until a failure; opening may take long already. Waits. */
static enum err open_file(struct download *d, struct str hash, struct blob_reader **reader, uint64_t *size)
{
    struct api *r = d->r;
    r->http->user = d;
    r->http->gone = download_gone;
    enum err e = blob_open(api_config(r->server)->blobs, hash, reader, size, &r->fault);
    if (e != ERR_OK) r->http->gone = NULL;
    return e == ERR_NOT_FOUND ? fault_set(&r->fault, e, "The file is not there any more.") : e;
}

static enum err serve_file(struct api *r, struct str hash, struct str type, struct str name)
{
    struct blob_reader *reader;
    uint64_t size;
    struct download *d = arena_zero(r->arena, sizeof *d);
    *d = (struct download){.r = r, .fiber = fiber_current()};
    enum err e = open_file(d, hash, &reader, &size);
    if (e != ERR_OK) return e;
    struct content_range range;
    enum range_answer answer = content_range_parse(http_header_get(r->http, STR("range")), size, &range);
    if (answer == RANGE_WHOLE) range = (struct content_range){.count = size};
    if (answer == RANGE_UNSATISFIABLE) range = (struct content_range){0};
    int status = answer == RANGE_PART ? 206 : answer == RANGE_UNSATISFIABLE ? 416 : 200;
    struct http_header headers[16];
    file_headers(r, type, name);
    size_t n = api_answer_headers(r, headers, 15);
    if (answer != RANGE_WHOLE)
        headers[n++] =
            (struct http_header){STR("Content-Range"), content_range_header(r->arena, answer == RANGE_PART ? &range : NULL, size)};
    http_begin(r->http, status, headers, n, range.count);
    if (r->http->method != HTTP_HEAD) send_file(d, reader, range.first, range.count);
    blob_close(reader);
    api_metrics_count(r, status, clock_mono_us(r->engine->clock) - r->began_us);
    buf_release(&r->out);
    http_end(r->http);
    return API_ANSWERED;
}

enum err api_download(struct api *r)
{
    struct reply reply;
    enum err e = find(r, &reply);
    if (e != ERR_OK) return e;
    return serve_file(r, reply.s[0], reply.s[1], r->param[2].p ? r->param[2] : reply.s[2]);
}

/* --- thumbnails --- */

/* The size that is kept and not that which is asked for, where there is one. */
static enum err read_size(struct api *r, struct shelf_key *k)
{
    int64_t width, height;
    struct str method = api_query(r, "method");
    if (str_null(api_query(r, "width")) || str_null(api_query(r, "height")))
        return fault_set(&r->fault, ERR_MISSING_PARAM, "The parameters 'width' and 'height' are needed.");
    enum err e = api_query_int(r, "width", 1, INT32_MAX, 0, &width);
    if (e == ERR_OK) e = api_query_int(r, "height", 1, INT32_MAX, 0, &height);
    if (e != ERR_OK) return e;
    if (method.p && !str_is(method, "crop") && !str_is(method, "scale"))
        return fault_set(&r->fault, ERR_INVALID_PARAM, "'method' is crop or scale.");
    k->width = width > THUMBNAIL_SIDE_MAX ? THUMBNAIL_SIDE_MAX : (unsigned)width;
    k->height = height > THUMBNAIL_SIDE_MAX ? THUMBNAIL_SIDE_MAX : (unsigned)height;
    k->crop = str_is(method, "crop");
    thumbnail_standard(&k->width, &k->height, k->crop);
    return ERR_OK;
}

static enum err read_image(struct api *r, struct str hash, struct str *image)
{
    return blob_get(api_config(r->server)->blobs, hash, THUMBNAIL_SOURCE_MAX, r->arena, image, &r->fault);
}

/* Makes it, and keeps what came out. That no worker was free says nothing of the image. */
static enum err make_thumbnail(struct api *r, const struct shelf_key *k, struct str *out, struct str *type)
{
    const struct api_config *c = api_config(r->server);
    struct str image;
    enum err e = read_image(r, k->image, &image);
    if (e != ERR_OK) return e;
    e = thumbnail_make(c->thumbnailer, image, k->width, k->height, k->crop, r->arena, out, type, &r->fault);
    struct shelf_item item = {.refusal = e};
    if (e == ERR_OK) {
        item.type = *type;
        item.original = out->p == image.p;
        item.bytes = item.original ? STR("") : *out;
    } else {
        item.type = STR("");
        item.bytes = str_c(r->fault.text);
    }
    if (e == ERR_OK || e == ERR_UNKNOWN || e == ERR_TOO_LARGE) shelf_put(c->shelf, k, &item);
    return e;
}

static enum err find_thumbnail(struct api *r, const struct shelf_key *k, struct str *out, struct str *type)
{
    struct shelf_item item;
    if (!shelf_get(api_config(r->server)->shelf, k, r->arena, &item)) return make_thumbnail(r, k, out, type);
    if (item.refusal != ERR_OK) return fault_set(&r->fault, item.refusal, "%.*s", STR_FMT(item.bytes));
    *type = item.type;
    *out = item.bytes;
    return item.original ? read_image(r, k->image, out) : ERR_OK;
}

enum err api_thumbnail(struct api *r)
{
    struct shelf_key k;
    struct reply reply;
    struct str out, type;
    enum err e = read_size(r, &k);
    if (e == ERR_OK) e = find(r, &reply);
    if (e != ERR_OK) return e;
    k.image = reply.s[0];
    e = find_thumbnail(r, &k, &out, &type);
    if (e != ERR_OK) return e;
    file_headers(r, type, STR("thumbnail"));
    struct http_header headers[16];
    size_t n = api_answer_headers(r, headers, 16);
    api_metrics_count(r, 200, clock_mono_us(r->engine->clock) - r->began_us);
    buf_release(&r->out);
    http_respond(r->http, 200, headers, n, out);
    return API_ANSWERED;
}
