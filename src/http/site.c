#include "http/site.h"

#include "http/negotiate.h"
#include "http/site_files.h"

enum { PIECE = 131072 }; /* of a long file that is with a connection at a time */

struct site {
    uv_mutex_t lock; /* of `files`: held just long enough to take or change a reference */
    struct site_files *files;
    struct str instead;
};

struct site *site_new(struct str instead)
{
    struct site *s = mem_zero(sizeof *s);
    if (uv_mutex_init(&s->lock) != 0) abort();
    s->instead = instead;
    return s;
}

void site_free(struct site *s)
{
    if (!s) return;
    site_files_unref(s->files);
    uv_mutex_destroy(&s->lock);
    mem_free(s);
}

enum err site_read(struct site *s, const char *folder, struct site_size *size, struct fault *f)
{
    struct site_files *files;
    enum err e = site_files_read(folder, &files, f);
    if (e != ERR_OK) return e;
    if (!site_files_find(files, STR("index.html"))) {
        site_files_unref(files);
        return fault_set(f, ERR_NOT_FOUND, "it has no index.html");
    }
    *size = (struct site_size){files->count, files->bytes};
    uv_mutex_lock(&s->lock);
    struct site_files *before = s->files;
    s->files = files;
    uv_mutex_unlock(&s->lock);
    site_files_unref(before);
    return ERR_OK;
}

/* A reference of the caller's, or NULL. */
static struct site_files *files_now(struct site *s)
{
    uv_mutex_lock(&s->lock);
    struct site_files *files = s->files ? site_files_ref(s->files) : NULL;
    uv_mutex_unlock(&s->lock);
    return files;
}

/* --- headers --- */

/* A page that runs only what comes from here: no inline script or style, no frame around it, nothing fetched from others but a
 * homeserver's API (connect-src https:), since users may have their account elsewhere. */
static const struct http_header common[] = {
    {STR("content-security-policy"),
     STR("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
         "font-src 'self'; connect-src 'self' https:; worker-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
         "form-action 'self'")},
    {STR("x-content-type-options"), STR("nosniff")},
    {STR("x-frame-options"), STR("DENY")},
    {STR("referrer-policy"), STR("no-referrer")},
    {STR("cross-origin-opener-policy"), STR("same-origin")},
    {STR("cross-origin-resource-policy"), STR("same-origin")},
    {STR("permissions-policy"),
     STR("accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), "
         "payment=(), usb=()")},
};
enum { COMMON = sizeof common / sizeof common[0] };

struct headers {
    struct http_header h[COMMON + 6];
    size_t n;
};

static void header(struct headers *h, struct str name, struct str value)
{
    h->h[h->n++] = (struct http_header){name, value};
}

static struct headers common_headers(void)
{
    struct headers h = {.n = COMMON};
    memcpy(h.h, common, sizeof common);
    return h;
}

/* --- answers that are no file --- */

static void answer_text(struct http_request *r, int status, struct str text)
{
    struct headers h = common_headers();
    header(&h, STR("content-type"), STR("text/plain; charset=utf-8"));
    header(&h, STR("cache-control"), STR("no-store"));
    http_respond(r, status, h.h, h.n, text);
}

static bool is_read(const struct http_request *r)
{
    return r->method == HTTP_GET || r->method == HTTP_HEAD;
}

/* Something is there, but not for this method. */
static void answer_methods(struct http_request *r)
{
    struct headers h = common_headers();
    bool asked = r->method == HTTP_OPTIONS;
    header(&h, STR("allow"), STR("GET, HEAD, OPTIONS"));
    header(&h, STR("content-type"), STR("text/plain; charset=utf-8"));
    http_respond(r, asked ? 204 : 405, h.h, h.n, asked ? STR("") : STR("That page can only be read.\n"));
}

/* --- files --- */

struct sending {
    struct site_files *files;
    struct str rest;
};

/* A client that has gone takes everything at once. */
static void send_more(struct http_request *r)
{
    struct sending *s = r->user;
    struct str piece = str_first(s->rest, PIECE);
    s->rest = str_from(s->rest, piece.n);
    if (piece.n) {
        http_send(r, piece, send_more);
    } else {
        site_files_unref(s->files);
        http_end(r);
    }
}

static void send_long(struct http_request *r, struct site_files *files, const struct headers *h, struct str bytes)
{
    struct sending *s = arena_alloc(r->arena, sizeof *s);
    *s = (struct sending){site_files_ref(files), bytes};
    r->user = s;
    http_begin(r, 200, h->h, h->n, bytes.n);
    send_more(r);
}

static const struct str coding_name[SITE_CODINGS] = {[SITE_GZIP] = STR("gzip"), [SITE_BROTLI] = STR("br")};

/* The form that the client likes best; of those it likes equally the later one, which is smaller. */
static enum site_coding choose(const struct site_file *file, struct str accept)
{
    unsigned best = 1;
    enum site_coding chosen = SITE_PLAIN;
    for (unsigned c = SITE_PLAIN + 1; c < SITE_CODINGS; c++) {
        unsigned likes = file->form[c].bytes.p ? negotiate_coding(accept, coding_name[c]) : 0;
        if (likes < best) continue;
        best = likes;
        chosen = (enum site_coding)c;
    }
    return chosen;
}

static void answer_file(struct http_request *r, struct site_files *files, const struct site_file *file)
{
    enum site_coding coding = choose(file, http_header_get(r, STR("accept-encoding")));
    const struct site_form *form = &file->form[coding];
    struct headers h = common_headers();
    bool hashed = str_starts(file->path, STR("assets/"));
    header(&h, STR("cache-control"), hashed ? STR("public, max-age=31536000, immutable") : STR("no-cache"));
    header(&h, STR("etag"), form->tag);
    header(&h, STR("vary"), STR("accept-encoding"));
    if (negotiate_has_tag(http_header_get(r, STR("if-none-match")), form->tag)) {
        http_respond(r, 304, h.h, h.n, STR(""));
        return;
    }
    header(&h, STR("content-type"), file->type);
    if (coding != SITE_PLAIN) header(&h, STR("content-encoding"), coding_name[coding]);
    if (form->bytes.n > PIECE && r->method != HTTP_HEAD)
        send_long(r, files, &h, form->bytes);
    else
        http_respond(r, 200, h.h, h.n, form->bytes);
}

static const struct site_file *find(const struct site_files *files, struct http_request *r)
{
    struct str path;
    if (str_is(r->path, "/")) return site_files_find(files, STR("index.html"));
    return http_decode(r->arena, r->path, false, &path) ? site_files_find(files, str_from(path, 1)) : NULL;
}

static void answer_from(struct site_files *files, struct http_request *r)
{
    const struct site_file *file = find(files, r);
    if (!file)
        answer_text(r, 404, STR("There is no such page here.\n"));
    else if (!is_read(r))
        answer_methods(r);
    else
        answer_file(r, files, file);
}

bool site_handle(struct site *s, struct http_request *r)
{
    struct site_files *files = files_now(s);
    if (files)
        answer_from(files, r);
    else if (!str_is(r->path, "/"))
        return false;
    else if (is_read(r))
        answer_text(r, 200, s->instead);
    else
        answer_methods(r);
    site_files_unref(files);
    return true;
}
