#include <errno.h>
#include <sys/stat.h>

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

struct key rocks_meta_key(struct str name)
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

enum err rocks_slots_load(rocksdb_t *db, struct store_slot slot[STORE_SLOTS])
{
    for (unsigned i = 0; i < STORE_SLOTS; i++) {
        char *err = NULL;
        size_t n = 0;
        uint64_t big[2] = {0};
        char *value = get(db, rocks_slot_key(i), &n, &err);
        if (err) return rocks_fault(NULL, "", err);
        if (value && n == sizeof big) memcpy(big, value, sizeof big);
        bool sound = !value || n == sizeof big;
        rocksdb_free(value);
        if (!sound) return ERR_STORAGE;
        slot[i] = (struct store_slot){(int64_t)__builtin_bswap64(big[0]), (int64_t)__builtin_bswap64(big[1])};
    }
    return ERR_OK;
}

enum err rocks_meta_get(struct store *store, struct str name, struct arena *a, struct str *out)
{
    struct rocks *s = rocks_of(store);
    rocksdb_t *db = door_enter(&s->door, true);
    if (!db) return ERR_STORAGE;
    char *err = NULL;
    size_t n = 0;
    char *value = get(db, rocks_meta_key(name), &n, &err);
    door_leave(&s->door);
    if (err) return rocks_fault(NULL, s->path, err);
    if (!value) return ERR_NOT_FOUND;
    *out = arena_str(a, str_make(value, n));
    rocksdb_free(value);
    return ERR_OK;
}

static void meta_put(rocksdb_writebatch_t *wb, struct str name, struct str value)
{
    struct key k = rocks_meta_key(name);
    rocksdb_writebatch_put(wb, (const char *)k.b, k.n, value.p, value.n);
}

enum err rocks_meta_set(struct store *store, struct str name, struct str value)
{
    struct rocks *s = rocks_of(store);
    rocksdb_writebatch_t *wb = rocksdb_writebatch_create();
    meta_put(wb, name, value);
    pthread_mutex_lock(&s->commit);
    enum err e = s->broken && !rocks_repair(s) ? ERR_STORAGE : rocks_write(s, wb);
    pthread_mutex_unlock(&s->commit);
    rocksdb_writebatch_destroy(wb);
    return e;
}

/* --- opening --- */

enum err rocks_db_open(const char *path, const struct options *o, rocksdb_t **out, struct fault *f)
{
    char *err = NULL;
    *out = rocksdb_open(o->db, path, &err);
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
    char *err = NULL;
    char format[24], slots[24];
    snprintf(format, sizeof format, "%d", STORE_FORMAT);
    snprintf(slots, sizeof slots, "%d", STORE_SLOTS);
    rocksdb_writebatch_t *wb = rocksdb_writebatch_create();
    meta_put(wb, STR("format"), str_c(format));
    meta_put(wb, STR("slots"), str_c(slots));
    rocksdb_write(db, s->options.write, wb, &err);
    rocksdb_writebatch_destroy(wb);
    return err ? rocks_fault(f, s->path, err) : ERR_OK;
}

/* A number among the settings; -1: absent or none. */
static enum err get_number(rocksdb_t *db, const char *path, struct str name, int64_t *out, struct fault *f)
{
    char *err = NULL;
    size_t n = 0;
    char *value = get(db, rocks_meta_key(name), &n, &err);
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

static enum err open_checked(struct rocks *s, struct fault *f)
{
    if (mkdir(s->path, 0700) < 0 && errno != EEXIST)
        return fault_set(f, ERR_STORAGE, "The directory %s cannot be made: %s.", s->path, strerror(errno));
    rocksdb_t *db;
    enum err e = rocks_db_open(s->path, &s->options, &db, f);
    if (e) return e;
    e = check_format(db, s, f);
    if (!e && (e = rocks_slots_load(db, s->slot))) fault_set(f, e, "The store in %s has slot rows that cannot be read.", s->path);
    if (e) {
        rocksdb_close(db);
        return e;
    }
    for (unsigned i = 0; i < STORE_SLOTS; i++)
        atomic_init(&s->position[i], s->slot[i].position);
    s->sequence = rocksdb_get_latest_sequence_number(db);
    door_open(&s->door, db);
    return ERR_OK;
}

/* --- the other functions of the back end --- */

static enum err rocks_slot(struct store *store, unsigned slot, struct store_slot *out)
{
    struct rocks *s = rocks_of(store);
    if (slot >= STORE_SLOTS) abort();
    pthread_mutex_lock(&s->commit);
    *out = s->slot[slot];
    pthread_mutex_unlock(&s->commit);
    return ERR_OK;
}

static void rocks_stats(struct store *store, struct store_stats *out)
{
    struct counters *c = &rocks_of(store)->count;
    *out = (struct store_stats){.batches = atomic_load(&c->batches),
                                .commits = atomic_load(&c->commits),
                                .changes = atomic_load(&c->changes),
                                .reads = atomic_load(&c->reads),
                                .cold_reads = atomic_load(&c->cold_reads),
                                .commit_us = atomic_load(&c->commit_us),
                                .bytes_written = atomic_load(&c->bytes_written),
                                .queue = atomic_load(&c->queue)};
}

static void release(struct rocks *s)
{
    buf_release(&s->value);
    rocksdb_writebatch_destroy(s->wb);
    options_release(&s->options);
    door_release(&s->door);
    queue_unref(s->queue);
    pthread_mutex_destroy(&s->commit);
    mem_free(s->path);
    mem_free(s);
}

/* With the rows in tables there is no log to replay at the next start. */
static void flush(const struct rocks *s, rocksdb_t *db)
{
    rocksdb_flushoptions_t *o = rocksdb_flushoptions_create();
    char *err = NULL;
    rocksdb_flush(db, o, &err);
    rocksdb_flushoptions_destroy(o);
    if (err) log_event(LOG_WARN, "store", "flush_failed", "path=%s", s->path);
    rocksdb_free(err);
}

static void rocks_close(struct store *store)
{
    struct rocks *s = rocks_of(store);
    writer_stop(s);
    door_wait_cold(&s->door);
    rocksdb_t *db = door_shut(&s->door);
    if (db) {
        if (!s->broken) flush(s, db);
        rocksdb_close(db);
    }
    release(s);
}

static const struct store_ops ops = {
    .name = "rocksdb",
    .apply = rocks_apply,
    .read = rocks_read,
    .slot = rocks_slot,
    .meta_get = rocks_meta_get,
    .meta_set = rocks_meta_set,
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
    options_init(&s->options, config);
    door_init(&s->door);
    pthread_mutex_init(&s->commit, NULL);
    s->queue = queue_new();
    list_init(&s->pending);
    s->wb = rocksdb_writebatch_create();
    buf_init(&s->value, VALUE_BYTES_MAX);
    return s;
}

enum err rocks_open(const char *path, const struct store_rocksdb_config *config, struct store **out, struct fault *f)
{
    struct rocks *s = rocks_new(path, config);
    enum err e = open_checked(s, f);
    if (!e && !writer_start(s)) {
        rocksdb_close(door_shut(&s->door));
        e = fault_set(f, ERR_STORAGE, "The store's thread could not be started.");
    }
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
