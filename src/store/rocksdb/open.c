#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/rocksdb/priv.h"

_Static_assert((int)T__COUNT < 0xF0 && (int)STORE_SLOTS < 0xFF, "the bytes FF FE and FF FF at the start of a key are not rows");

/* --- failures --- */

enum err rocks_fault(struct fault *f, const char *path, char *why)
{
    enum err e = ERR_STORAGE;
    if (strstr(why, "While lock file") || strstr(why, "lock hold by current process"))
        fault_set(f, e, "Another server uses the store in %s. Stop it first, or give this one another directory.", path);
    else if (strstr(why, "No space left on device"))
        fault_set(f, e, "The disk that holds %s is full.", path);
    else if (strncmp(why, "Corruption", 10) == 0)
        fault_set(f, e, "The store in %s is damaged: %s", path, why);
    else
        fault_set(f, e, "The store in %s cannot be used: %s", path, why);
    rocksdb_free(why);
    return e;
}

/* --- what is not a row --- */

static struct key meta_key(struct str name)
{
    struct key k = {.n = 2, .b = {0xFF, 0xFE}};
    if (name.n > 255) abort();
    memcpy(k.b + 2, name.p, name.n);
    k.n += name.n;
    return k;
}

struct key rocks_slot_key(unsigned slot)
{
    return (struct key){.n = 3, .b = {0xFF, 0xFF, (unsigned char)slot}};
}

void rocks_slot_value(char out[SLOT_VALUE], struct store_slot s)
{
    uint64_t big[2] = {__builtin_bswap64((uint64_t)s.position), __builtin_bswap64((uint64_t)s.epoch)};
    memcpy(out, big, sizeof big);
}

/* The bytes of a key, which the caller frees with rocksdb_free; NULL: absent, or `*err` is set. */
static char *get(rocksdb_t *db, struct key k, size_t *n, char **err)
{
    rocksdb_readoptions_t *ro = rocksdb_readoptions_create();
    char *value = rocksdb_get(db, ro, (const char *)k.b, k.n, n, err);
    rocksdb_readoptions_destroy(ro);
    return value;
}

static enum err slots_load(rocksdb_t *db, struct rocks *s)
{
    for (unsigned i = 0; i < STORE_SLOTS; i++) {
        char *err = NULL;
        size_t n = 0;
        uint64_t big[2] = {0};
        char *value = get(db, rocks_slot_key(i), &n, &err);
        if (err) return rocks_fault(NULL, s->path, err);
        if (value && n == sizeof big) memcpy(big, value, sizeof big);
        bool sound = !value || n == sizeof big;
        rocksdb_free(value);
        if (!sound) return ERR_STORAGE;
        s->place[i].at = (struct store_slot){(int64_t)__builtin_bswap64(big[0]), (int64_t)__builtin_bswap64(big[1])};
    }
    return ERR_OK;
}

static enum err rocks_meta_get(struct store *store, struct str name, struct arena *a, struct str *out)
{
    struct rocks *s = rocks_of(store);
    rocksdb_t *db = door_enter(&s->door, true);
    if (!db) return ERR_STORAGE;
    char *err = NULL;
    size_t n = 0;
    char *value = get(db, meta_key(name), &n, &err);
    door_leave(&s->door);
    if (err) return rocks_fault(NULL, s->path, err);
    if (!value) return ERR_NOT_FOUND;
    *out = arena_str(a, str_make(value, n));
    rocksdb_free(value);
    return ERR_OK;
}

static void meta_put(rocksdb_writebatch_t *wb, struct str name, struct str value)
{
    struct key k = meta_key(name);
    rocksdb_writebatch_put(wb, (const char *)k.b, k.n, value.p, value.n);
}

/* Into a table at once, so that RocksDB's own log is never needed (db_open_last_whole). */
static char *meta_write(rocksdb_t *db, const struct rocks *s, rocksdb_writebatch_t *wb)
{
    char *err = NULL;
    rocksdb_write(db, s->options.write, wb, &err);
    if (err) return err;
    rocksdb_flushoptions_t *o = rocksdb_flushoptions_create();
    rocksdb_flush(db, o, &err);
    rocksdb_flushoptions_destroy(o);
    return err;
}

static enum err rocks_meta_set(struct store *store, struct str name, struct str value)
{
    struct rocks *s = rocks_of(store);
    rocksdb_t *db = door_enter(&s->door, true);
    if (!db) return ERR_STORAGE;
    rocksdb_writebatch_t *wb = rocksdb_writebatch_create();
    meta_put(wb, name, value);
    char *err = meta_write(db, s, wb);
    rocksdb_writebatch_destroy(wb);
    door_leave(&s->door);
    return err ? rocks_fault(NULL, s->path, err) : ERR_OK;
}

/* One process has the store open, and settings are made at its start, one after another. */
static enum err rocks_meta_add(struct store *store, struct str name, struct str value, struct arena *a, struct str *out)
{
    enum err e = rocks_meta_get(store, name, a, out);
    if (e != ERR_NOT_FOUND) return e;
    *out = arena_str(a, value);
    return rocks_meta_set(store, name, value);
}

/* --- opening --- */

/* RocksDB is not opened where it could not write its own files: it would abort (options.c). */
enum { ROOM_TO_OPEN = 4 << 20 };

/* When RocksDB could not sync its list of files, it has deleted the table that it was taking in, but the list may name it. As that
 * table is the `settle` file, which is still there, and its rows are still in our log, the state before it is the whole truth. */
static rocksdb_t *db_open_last_whole(const char *path, const struct options *o, char **err)
{
    rocksdb_free(*err);
    *err = NULL;
    rocksdb_options_t *lenient = rocksdb_options_create();
    rocksdb_get_options_from_string(o->db, "best_efforts_recovery=true", lenient, err);
    rocksdb_t *db = *err ? NULL : rocksdb_open(lenient, path, err);
    rocksdb_options_destroy(lenient);
    return db;
}

enum err rocks_db_open(const char *path, const struct options *o, rocksdb_t **out, struct fault *f)
{
    char *err = NULL;
    if (!disk_has_room(path, ROOM_TO_OPEN))
        return fault_set(f, ERR_STORAGE, "The disk that holds %s is full, or does not take writes.", path);
    *out = rocksdb_open(o->db, path, &err);
    if (err && strncmp(err, "Corruption", 10) == 0 && file_exists(path, settle_file)) *out = db_open_last_whole(path, o, &err);
    return err ? rocks_fault(f, path, err) : ERR_OK;
}

static bool is_blank(rocksdb_t *db)
{
    rocksdb_readoptions_t *ro = rocksdb_readoptions_create();
    rocksdb_readoptions_set_total_order_seek(ro, 1);
    rocksdb_iterator_t *it = rocksdb_create_iterator(db, ro);
    rocksdb_iter_seek_to_first(it);
    bool blank = !rocksdb_iter_valid(it);
    rocksdb_iter_destroy(it);
    rocksdb_readoptions_destroy(ro);
    return blank;
}

static enum err write_format(rocksdb_t *db, const struct rocks *s, struct fault *f)
{
    if (!is_blank(db)) return fault_set(f, ERR_STORAGE, "The database in %s was not made by this program.", s->path);
    char format[24], slots[24];
    snprintf(format, sizeof format, "%d", STORE_FORMAT);
    snprintf(slots, sizeof slots, "%d", STORE_SLOTS);
    rocksdb_writebatch_t *wb = rocksdb_writebatch_create();
    meta_put(wb, STR("format"), str_c(format));
    meta_put(wb, STR("slots"), str_c(slots));
    char *err = meta_write(db, s, wb);
    rocksdb_writebatch_destroy(wb);
    return err ? rocks_fault(f, s->path, err) : ERR_OK;
}

/* A number among the settings; -1: absent or none. */
static enum err get_number(rocksdb_t *db, const char *path, struct str name, int64_t *out, struct fault *f)
{
    char *err = NULL;
    size_t n = 0;
    *out = -1;
    char *value = get(db, meta_key(name), &n, &err);
    if (err) return rocks_fault(f, path, err);
    if (!value || !str_to_int64(str_make(value, n), out)) *out = -1;
    rocksdb_free(value);
    return ERR_OK;
}

static enum err check_format(rocksdb_t *db, const struct rocks *s, struct fault *f)
{
    int64_t format, slots;
    enum err e = get_number(db, s->path, STR("format"), &format, f);
    if (!e) e = get_number(db, s->path, STR("slots"), &slots, f);
    if (e) return e;
    if (format == -1 && slots == -1) return write_format(db, s, f);
    if (format > STORE_FORMAT)
        return fault_set(f, ERR_STORAGE, "The store in %s has format %d, written by a newer version; this one reads up to format %d.",
                         s->path, (int)format, STORE_FORMAT);
    if (format < 1) return fault_set(f, ERR_STORAGE, "The store in %s has no readable format number.", s->path);
    if (slots != STORE_SLOTS)
        return fault_set(f, ERR_STORAGE, "The store in %s has %d slots; this version works with %d.", s->path, (int)slots, STORE_SLOTS);
    return ERR_OK;
}

static enum err open_dir(struct rocks *s, struct fault *f)
{
    bool made = mkdir(s->path, 0700) == 0;
    if (!made && errno != EEXIST) return fault_set(f, ERR_STORAGE, "The directory %s cannot be made: %s.", s->path, strerror(errno));
    s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir < 0) return fault_set(f, ERR_STORAGE, "The directory %s cannot be read: %s.", s->path, strerror(errno));
    /* Its name, too; where it was there before, an earlier start may have ended before this. */
    enum err e = dir_sync(s->path, false, made ? f : NULL);
    return made ? e : ERR_OK;
}

static enum err open_tables(struct rocks *s, struct fault *f)
{
    rocksdb_t *db;
    enum err e = rocks_db_open(s->path, &s->options, &db, f);
    if (e) return e;
    door_open(&s->door, db);
    e = check_format(db, s, f);
    if (!e && (e = slots_load(db, s))) fault_set(f, e, "The store in %s has slot rows that cannot be read.", s->path);
    return e;
}

static enum err replay_record(void *ctx, struct str content)
{
    struct rocks *s = ctx;
    if (rocks_index(s, s->active, content, true)) return ERR_OK;
    return ERR_STORAGE;
}

/* What was committed after the last table file. It goes into one now: start is the same whatever happened before. */
static enum err open_log(struct rocks *s, struct fault *f)
{
    struct log_replay r = {.record = replay_record, .ctx = s};
    struct fault why = {0};
    enum err e = log_replay(s->dir, &r, &why);
    if (e && !why.code) fault_set(&why, e, "The log of the store in %s does not go on where its tables end.", s->path);
    if (!e) e = rocks_settle(s, s->active, &why);
    if (e) return fault_set(f, e, "%s", why.text);
    unlinkat(s->dir, settle_file, 0); /* from now on a damaged list is damage */
    uint64_t generation = s->active->generation + 1;
    front_free(s->active);
    spare_clear(&s->spare);
    s->active = front_new(generation, &s->spare);
    for (unsigned i = 0; i < STORE_SLOTS; i++)
        s->place[i].active = s->active;
    if (!log_begin(&s->log, s->dir, 0, r.newest + 1, NULL, rocks_log_bytes(s)))
        return fault_set(f, ERR_STORAGE, "The log in %s cannot be written: %s.", s->path, strerror(errno));
    return ERR_OK;
}

/* --- the other functions of the back end --- */

static void rocks_look(struct store *store, struct store_look *l)
{
    struct rocks *s = rocks_of(store);
    if (l->slot >= STORE_SLOTS) abort();
    pthread_mutex_lock(&s->place[l->slot].lock);
    l->at = s->place[l->slot].at;
    pthread_mutex_unlock(&s->place[l->slot].lock);
    l->err = ERR_OK;
    l->done(l);
}

static void rocks_stats(struct store *store, struct store_stats *out)
{
    struct counters *c = &rocks_of(store)->count;
    *out = (struct store_stats){.batches = atomic_load(&c->batches),
                                .commits = atomic_load(&c->commits),
                                .changes = atomic_load(&c->changes),
                                .reads = atomic_load(&c->reads),
                                .cold_reads = atomic_load(&c->cold_reads),
                                .bytes_written = atomic_load(&c->bytes_written),
                                .queue = atomic_load(&c->queue),
                                .commit_time = &c->commit_time,
                                .read_time = &c->read_time};
}

static void release(struct rocks *s)
{
    rocksdb_t *db = door_shut(&s->door);
    if (db) rocksdb_close(db);
    front_free(s->active);
    front_free(s->settle.frozen);
    spare_release(&s->spare);
    log_end(&s->log);
    if (s->dir >= 0) close(s->dir);
    buf_release(&s->record);
    options_release(&s->options);
    door_release(&s->door);
    queue_unref(s->queue);
    pthread_mutex_destroy(&s->commit);
    pthread_mutex_destroy(&s->settle.lock);
    pthread_cond_destroy(&s->settle.changed);
    for (unsigned i = 0; i < STORE_SLOTS; i++)
        pthread_mutex_destroy(&s->place[i].lock);
    mem_free(s->path);
    mem_free(s);
}

/* With all rows in tables there is nothing to replay at the next start; but what is in the log is safe as well. */
static void rocks_close(struct store *store)
{
    struct rocks *s = rocks_of(store);
    writer_stop(s);
    if (!rocks_settle_all(s)) log_event(LOG_WARN, "store", "closed_unsettled", "path=%s", s->path);
    settler_stop(s);
    door_wait_cold(&s->door);
    release(s);
}

static const struct store_ops ops = {
    .name = "rocksdb",
    .apply = rocks_apply,
    .read = rocks_read,
    .look = rocks_look,
    .meta_get = rocks_meta_get,
    .meta_set = rocks_meta_set,
    .meta_add = rocks_meta_add,
    .backup = rocks_backup,
    .stats = rocks_stats,
    .close = rocks_close,
};

static struct rocks *rocks_new(const char *path, const struct store_rocksdb_config *config)
{
    struct rocks *s = mem_zero(sizeof *s);
    s->store.ops = &ops;
    size_t n = strlen(path) + 1;
    s->path = memcpy(mem_alloc(n), path, n);
    s->dir = s->log.fd = -1;
    options_init(&s->options, config);
    door_init(&s->door);
    s->queue = queue_new();
    list_init(&s->pending);
    buf_init(&s->record, LOG_RECORD_MAX);
    spare_init(&s->spare);
    s->active = front_new(1, &s->spare);
    pthread_mutex_init(&s->commit, NULL);
    pthread_mutex_init(&s->settle.lock, NULL);
    pthread_cond_init(&s->settle.changed, NULL);
    for (unsigned i = 0; i < STORE_SLOTS; i++) {
        pthread_mutex_init(&s->place[i].lock, NULL);
        s->place[i].active = s->active;
    }
    return s;
}

static enum err start_threads(struct rocks *s, struct fault *f)
{
    if (!settler_start(s)) return fault_set(f, ERR_STORAGE, "The store's threads could not be started.");
    if (writer_start(s)) return ERR_OK;
    settler_stop(s);
    return fault_set(f, ERR_STORAGE, "The store's threads could not be started.");
}

enum err rocks_open(const char *path, const struct store_rocksdb_config *config, struct store **out, struct fault *f)
{
    struct rocks *s = rocks_new(path, config);
    enum err e = open_dir(s, f);
    if (!e) e = open_tables(s, f);
    if (!e) e = open_log(s, f);
    if (!e) e = start_threads(s, f);
    if (e)
        release(s);
    else
        *out = &s->store;
    return e;
}

enum err store_rocksdb_open(const char *path, const struct store_rocksdb_config *config, struct store **out, struct fault *f)
{
    if (file_exists(path, restore_mark))
        return fault_set(f, ERR_STORAGE, "The store in %s is a restore that did not finish. Empty the directory and restore again.", path);
    return rocks_open(path, config, out, f);
}
