#include "http/site_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "crypto/crypto.h"

enum { TAG_DIGITS = 32 };

static const struct {
    const char *extension, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".txt", "text/plain; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".wasm", "application/wasm"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".webp", "image/webp"},
    {".gif", "image/gif"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".mp3", "audio/mpeg"},
    {".ogg", "audio/ogg"},
};

static const char *const suffix[SITE_CODINGS] = {"", ".gz", ".br"};

static struct str type_of(struct str path)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (str_ends(path, str_c(types[i].extension))) return str_c(types[i].type);
    return STR("application/octet-stream");
}

/* One folder that is being read. */
struct folder {
    struct site_files *files;
    int fd;
    struct str prefix; /* of the paths of what is in it: "" or "assets/" */
    unsigned depth;
    struct fault *f;
};

static enum err failed(const struct folder *d, struct str name, const char *why)
{
    return fault_set(d->f, ERR_STORAGE, "%.*s%.*s in it %s", STR_FMT(str_first(d->prefix, 80)), STR_FMT(str_first(name, 80)), why);
}

static enum err fill(const struct folder *d, int fd, struct str name, char *to, size_t n)
{
    char beyond;
    for (size_t at = 0; at < n;) {
        ssize_t got = read(fd, to + at, n - at);
        if (got < 0) return failed(d, name, strerror(errno));
        if (got == 0) return failed(d, name, "changed while it was read");
        at += (size_t)got;
    }
    return read(fd, &beyond, 1) == 0 ? ERR_OK : failed(d, name, "changed while it was read");
}

static struct str tag_of(struct arena *a, struct str bytes)
{
    return arena_join(a, STR("\""), str_first(sha256_hex(a, bytes), TAG_DIGITS), STR("\""));
}

static enum err read_open(const struct folder *d, int fd, struct str name, size_t size, struct site_form *out)
{
    struct site_files *s = d->files;
    if (size > SITE_BYTES_MAX - s->bytes) return fault_set(d->f, ERR_STORAGE, "it has more than %d MiB", SITE_BYTES_MAX / 1048576);
    char *p = arena_alloc(&s->arena, size);
    enum err e = fill(d, fd, name, p, size);
    s->bytes += size;
    out->bytes = str_make(p, size);
    out->tag = tag_of(&s->arena, out->bytes);
    return e;
}

/* Opens what is in the folder under that name, never something behind a link, and without waiting for whoever writes to a pipe. */
static int open_in(const struct folder *d, const char *name, int flags)
{
    return openat(d->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags);
}

/* One form of a file; it stays null when there is none. */
static enum err read_form(const struct folder *d, const char *name, struct site_form *out)
{
    struct stat st;
    int fd = open_in(d, name, 0);
    if (fd < 0) return errno == ENOENT || errno == ELOOP ? ERR_OK : failed(d, str_c(name), strerror(errno));
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    enum err e = regular ? read_open(d, fd, str_c(name), (size_t)st.st_size, out) : ERR_OK;
    close(fd);
    return e;
}

static bool is_form_of_another(const struct folder *d, struct str name)
{
    for (unsigned c = SITE_PLAIN + 1; c < SITE_CODINGS; c++) {
        if (!str_ends(name, str_c(suffix[c]))) continue;
        char plain[NAME_MAX + 1] = {0};
        memcpy(plain, name.p, name.n - strlen(suffix[c]));
        return faccessat(d->fd, plain, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    }
    return false;
}

static enum err read_file(const struct folder *d, struct str name)
{
    struct site_files *s = d->files;
    if (is_form_of_another(d, name)) return ERR_OK;
    if (++s->count > SITE_FILES_MAX) return fault_set(d->f, ERR_STORAGE, "it has more than %d files", SITE_FILES_MAX);
    struct site_file *file = arena_zero(&s->arena, sizeof *file);
    file->path = arena_join(&s->arena, d->prefix, name, STR(""));
    file->type = type_of(name);
    for (unsigned c = 0; c < SITE_CODINGS; c++) {
        char form[NAME_MAX + 8];
        snprintf(form, sizeof form, "%.*s%s", STR_FMT(name), suffix[c]);
        enum err e = read_form(d, form, &file->form[c]);
        if (e != ERR_OK) return e;
    }
    if (file->form[SITE_PLAIN].bytes.p) map_put(&s->by_path, file->path, file);
    return ERR_OK;
}

static enum err read_folder(const struct folder *d);

static enum err read_inner(const struct folder *d, struct str name)
{
    struct folder inner = *d;
    if (++inner.depth > SITE_DEPTH_MAX) return failed(d, name, "is nested too deeply");
    inner.prefix = arena_join(&d->files->arena, d->prefix, name, STR("/"));
    inner.fd = open_in(d, name.p, O_DIRECTORY);
    return inner.fd < 0 ? failed(d, name, strerror(errno)) : read_folder(&inner);
}

static enum err read_entry(const struct folder *d, struct str name)
{
    struct stat st;
    if (name.p[0] == '.') return ERR_OK;
    if (fstatat(d->fd, name.p, &st, AT_SYMLINK_NOFOLLOW) != 0) return failed(d, name, strerror(errno));
    if (S_ISREG(st.st_mode)) return read_file(d, name);
    if (S_ISDIR(st.st_mode)) return read_inner(d, name);
    log_event(LOG_WARN, "http", "not served", "path=\"%.*s%.*s\" reason=\"neither a file nor a folder\"", STR_FMT(d->prefix),
              STR_FMT(name));
    return ERR_OK;
}

/* Closes d->fd. */
static enum err read_folder(const struct folder *d)
{
    enum err e = ERR_OK;
    DIR *dir = fdopendir(d->fd);
    if (!dir) {
        close(d->fd);
        return failed(d, STR("."), strerror(errno));
    }
    for (struct dirent *entry; e == ERR_OK && (entry = readdir(dir));)
        e = read_entry(d, str_c(entry->d_name));
    closedir(dir);
    return e;
}

enum err site_files_read(const char *folder, struct site_files **out, struct fault *f)
{
    struct folder top = {.fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .prefix = STR(""), .f = f};
    if (top.fd < 0) return fault_set(f, ERR_STORAGE, "%s", strerror(errno));
    struct site_files *s = top.files = mem_zero(sizeof *s);
    atomic_init(&s->refs, 1);
    arena_init(&s->arena);
    map_init(&s->by_path);
    enum err e = read_folder(&top);
    if (e != ERR_OK) {
        site_files_unref(s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

struct site_files *site_files_ref(struct site_files *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void site_files_unref(struct site_files *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) return;
    map_release(&s->by_path);
    arena_release(&s->arena);
    mem_free(s);
}

const struct site_file *site_files_find(const struct site_files *s, struct str path)
{
    return map_get(&s->by_path, path);
}
