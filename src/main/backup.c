#include "main/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/commands.h"
#include "main/control.h"
#include "main/places.h"
#include "main/tree.h"
#include "store/rocksdb/rocksdb.h"

enum { MANIFEST_MAX = 4096 };
static const char manifest_begin[] = "rookery-backup 1\n", manifest_bucket[] = "\nmedia=bucket\n";

static const char *inside(struct arena *a, const char *folder, const char *name)
{
    return arena_printf(a, "%s/%s", folder, name).p;
}

static enum err manifest_write(const char *path, struct str text, struct fault *f)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
    enum err e = ok ? ERR_OK : fault_set(f, ERR_STORAGE, "%.150s cannot be written: %s.", path, strerror(errno));
    if (fd >= 0) close(fd);
    return e;
}

/* Empty when there is none that is understood. */
static struct str manifest_read(struct arena *a, const char *path)
{
    char *text = arena_alloc(a, MANIFEST_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, MANIFEST_MAX);
    if (fd >= 0) close(fd);
    struct str out = str_make(text, n > 0 ? (size_t)n : 0);
    return str_starts(out, str_c(manifest_begin)) ? out : STR("");
}

/* --- making one --- */

static enum err make(struct arena *a, struct store *store, const struct settings *s, const char *to, struct fault *f)
{
    enum err e = tree_make(to, f);
    /* Media after the store: a file is there before the row that names it, so none that this store names can be missing. */
    if (!e) e = store->ops->backup(store, inside(a, to, "db"), f);
    if (!e && !s->media.url.n) e = tree_copy(s->media.path, inside(a, to, "media"), f);
    if (!e) e = tree_sync(to, f);
    struct str text = arena_printf(a, "%sversion=%s\nserver_name=%s\nmade_ms=%lld%s", manifest_begin, ROOKERY_VERSION, s->server.name.p,
                                   (long long)clock_wall_ms(&clock_system), s->media.url.n ? manifest_bucket : "\n");
    if (!e) e = manifest_write(inside(a, to, "manifest"), text, f);
    return e ? e : tree_sync(to, f);
}

/* The embedded store's data are what this program can copy. */
static enum err check_embedded(const struct settings *s, struct fault *f)
{
    if (!s->store.url.count) return ERR_OK;
    return fault_set(f, ERR_UNRECOGNIZED,
                     "[store] url: the data are in PostgreSQL. Copy and restore them there: with pg_dump, or with base backups and the log "
                     "(pg_basebackup).");
}

enum err backup_make(struct store *store, const struct settings *s, const char *to, struct fault *f)
{
    enum err e = check_embedded(s, f);
    if (e) return e;
    if (to[0] != '/') return fault_set(f, ERR_INVALID_PARAM, "The folder of a backup must be given with its whole path.");
    if (!tree_is_empty(to)) return fault_set(f, ERR_CONFLICT, "%.150s is not empty; give a folder that is not there yet.", to);
    struct arena a;
    arena_init(&a);
    e = make(&a, store, s, to, f);
    arena_release(&a);
    return e;
}

/* --- using one --- */

/* The store is made under another name and renamed when it is whole, so that an interrupted restore is simply done again. */
static enum err restore_store(struct arena *a, const char *from, const char *to, struct fault *f)
{
    const char *half = arena_printf(a, "%s.restore", to).p;
    tree_remove(half);
    enum err e = store_rocksdb_restore(from, half, f);
    if (e) return e;
    if (access(to, F_OK) == 0 && rmdir(to) < 0) return fault_set(f, ERR_STORAGE, "%.150s cannot be replaced: %s.", to, strerror(errno));
    return rename(half, to) < 0 ? fault_set(f, ERR_STORAGE, "%.150s cannot be made: %s.", to, strerror(errno)) : ERR_OK;
}

/* Uploaded files are where this server will look for them, or can be brought there. */
static enum err check_media(struct arena *a, const struct settings *s, const char *from, struct str manifest, struct fault *f)
{
    bool in_bucket = memmem(manifest.p, manifest.n, manifest_bucket, sizeof manifest_bucket - 1);
    if (s->media.url.n && !tree_is_empty(inside(a, from, "media")))
        return fault_set(f, ERR_CONFLICT,
                         "The backup has uploaded files. Copy %.150s/media into the bucket, then restore without that folder.", from);
    if (!s->media.url.n && in_bucket)
        return fault_set(f, ERR_CONFLICT,
                         "The backup's uploaded files are in a bucket. Set [media] url to that bucket, or to a copy of it.");
    return ERR_OK;
}

static enum err restore(struct arena *a, const struct settings *s, const char *from, struct fault *f)
{
    const char *db = place_store(a, s);
    enum err e = check_embedded(s, f);
    if (e) return e;
    struct str manifest = manifest_read(a, inside(a, from, "manifest"));
    if (str_empty(manifest))
        return fault_set(f, ERR_INVALID_PARAM, "%.150s is not a whole backup: its manifest is missing or not understood.", from);
    e = check_media(a, s, from, manifest, f);
    if (e) return e;
    if (!tree_is_empty(db))
        return fault_set(f, ERR_CONFLICT, "There is a store in %.100s already. Stop its server, move it away, and try again.", db);
    e = tree_make(s->store.path, f);
    if (!e && !s->media.url.n) e = tree_copy(inside(a, from, "media"), s->media.path, f);
    if (!e) e = restore_store(a, inside(a, from, "db"), db, f);
    return e ? e : tree_sync(s->store.path, f);
}

enum err backup_restore(const struct settings *s, const char *from, struct fault *f)
{
    struct arena a;
    arena_init(&a);
    enum err e = restore(&a, s, from, f);
    arena_release(&a);
    return e;
}

/* --- the commands --- */

static int finish(const struct invocation *in, const char *command, enum err e, const struct fault *f)
{
    if (e) fprintf(stderr, "%s %s: %s\n", in->program, command, f->text[0] ? f->text : err_sentence(e));
    return e ? 1 : 0;
}

/* No server runs: this process opens the store itself. */
static enum err backup_alone(struct arena *a, const struct settings *s, const char *to, struct fault *f)
{
    const char *db = place_store(a, s);
    if (tree_is_empty(db)) return fault_set(f, ERR_NOT_FOUND, "There is no store in %.150s.", db);
    struct store *store;
    enum err e = store_rocksdb_open(db, NULL, &store, f);
    if (e) return e;
    e = backup_make(store, s, to, f);
    store->ops->close(store);
    return e;
}

/* Whole path of a folder that need not be there. */
static enum err absolute(struct arena *a, const char *path, const char **out, struct fault *f)
{
    char here[PATH_MAX];
    *out = path;
    if (path[0] == '/') return ERR_OK;
    if (!getcwd(here, sizeof here)) return fault_set(f, ERR_STORAGE, "The current folder has no path: %s.", strerror(errno));
    *out = inside(a, here, path);
    return ERR_OK;
}

static enum err backup(struct arena *a, const struct settings *s, const char *given, struct fault *f)
{
    const char *to;
    enum err e = check_embedded(s, f);
    if (!e) e = absolute(a, given, &to, f);
    if (e) return e;
    struct buf answer;
    buf_init(&answer, CONTROL_ANSWER_MAX + 512);
    e = control_ask(s->store.path, arena_printf(a, "backup %s", to).p, &answer, f);
    buf_release(&answer);
    return e == ERR_NOT_FOUND ? backup_alone(a, s, to, f) : e;
}

int cmd_backup(const struct invocation *in)
{
    struct arena a;
    struct fault f = {0};
    arena_init(&a);
    enum err e = backup(&a, in->settings, in->to, &f);
    arena_release(&a);
    if (!e) printf("The backup is in %s.\n", in->to);
    return finish(in, "backup", e, &f);
}

int cmd_restore(const struct invocation *in)
{
    struct fault f = {0};
    enum err e = backup_restore(in->settings, in->from, &f);
    if (!e) printf("%s is restored. A new history begins: clients sync afresh.\n", in->settings->store.path);
    return finish(in, "restore", e, &f);
}
