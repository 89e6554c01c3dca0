/* From the front to the tables: a frozen front becomes one sorted table file, with the rows of its slots' positions in it, and RocksDB takes
 * it in at once, or not at all. Then its log is free. A crash before that replays the log and does it again: the rows are the same. */
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/rocksdb/priv.h"

enum { RETRY_MS = 500, IDLE_MS = 5000, IDLE_BYTES = 2 << 20, TABLES_WAITING_MAX = 40, ROOM_TO_REOPEN = 8 << 20 };

const char settle_file[] = "settle";

/* --- one front --- */

static void write_rows(rocksdb_sstfilewriter_t *w, const struct rows *rows, char **err)
{
    struct walk at;
    for (const struct front_row *r = rows_from(rows, STR(""), &at); r && !*err; r = rows_next(&at)) {
        if (r->deleted)
            rocksdb_sstfilewriter_delete(w, r->key, r->kn, err);
        else
            rocksdb_sstfilewriter_put(w, r->key, r->kn, front_value(r).p, r->vn, err);
    }
}

static void write_slots(rocksdb_sstfilewriter_t *w, const struct front *f, char **err)
{
    for (uint64_t left = f->dirty; left && !*err; left &= left - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(left);
        struct key key = rocks_slot_key(slot);
        char value[SLOT_VALUE];
        rocks_slot_value(value, f->slot[slot]);
        rocksdb_sstfilewriter_put(w, (const char *)key.b, key.n, value, sizeof value, err);
    }
}

static char *write_table(const struct rocks *s, const struct front *f, const char *file)
{
    char *err = NULL;
    rocksdb_envoptions_t *env = rocksdb_envoptions_create();
    rocksdb_sstfilewriter_t *w = rocksdb_sstfilewriter_create(env, s->options.db);
    rocksdb_sstfilewriter_open(w, file, &err);
    for (unsigned i = 0; i < STORE_SLOTS && !err; i++)
        write_rows(w, &f->rows[i], &err);
    if (!err) write_slots(w, f, &err);
    if (!err) rocksdb_sstfilewriter_finish(w, &err); /* syncs */
    rocksdb_sstfilewriter_destroy(w);
    rocksdb_envoptions_destroy(env);
    return err;
}

/* RocksDB drops a table that it has written from the system's cache, though what is newest is read most. */
static void keep_in_cache(const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
    close(fd);
}

static char *take_in(rocksdb_t *db, const char *file)
{
    char *err = NULL;
    rocksdb_ingestexternalfileoptions_t *o = rocksdb_ingestexternalfileoptions_create();
    rocksdb_ingestexternalfileoptions_set_move_files(o, 1);
    rocksdb_ingest_external_file(db, &file, 1, o, &err);
    rocksdb_ingestexternalfileoptions_destroy(o);
    return err;
}

/* After a failure in RocksDB's own files it takes nothing more until it is opened afresh. As long as that cannot be, the old handle
 * goes on answering reads. */
static enum err reopen(struct rocks *s, struct fault *f)
{
    if (!disk_has_room(s->path, ROOM_TO_REOPEN))
        return fault_set(f, ERR_STORAGE, "The disk that holds %s is full, or does not take writes.", s->path);
    rocksdb_t *db = door_shut(&s->door);
    if (db) rocksdb_close(db);
    enum err e = rocks_db_open(s->path, &s->options, &db, f);
    s->settle.reopen = e != ERR_OK;
    if (e) {
        char *err = NULL;
        db = rocksdb_open_for_read_only(s->options.db, s->path, 0, &err);
        rocksdb_free(err);
    }
    door_open(&s->door, db);
    return e;
}

static enum err hand_over(struct rocks *s, const char *file, struct fault *f)
{
    rocksdb_t *db = door_enter(&s->door, true);
    char *err = take_in(db, file);
    door_leave(&s->door);
    if (!err) return ERR_OK;
    s->settle.reopen = true; /* `file` stays until that has worked: it may be needed to tell what is damaged and what is not */
    return rocks_fault(f, s->path, err);
}

static enum err settle_as(struct rocks *s, const struct front *front, const char *file, struct fault *f)
{
    enum err e = s->settle.reopen ? reopen(s, f) : ERR_OK;
    if (e) return e;
    unlink(file); /* not written over: RocksDB may have a link to it */
    char *err = write_table(s, front, file);
    if (err) return rocks_fault(f, s->path, err);
    keep_in_cache(file);
    atomic_store(&s->settle.begun, front->generation);
    return hand_over(s, file, f);
}

enum err rocks_settle(struct rocks *s, struct front *front, struct fault *f)
{
    if (!front->dirty) return ERR_OK;
    struct arena a;
    arena_init(&a);
    const char *file = arena_cstr(&a, arena_printf(&a, "%s/%s", s->path, settle_file));
    enum err e = settle_as(s, front, file, f);
    if (!e) unlink(file);
    arena_release(&a);
    return e;
}

/* --- freezing --- */

size_t rocks_log_bytes(const struct rocks *s)
{
    return s->options.front_bytes + s->options.front_bytes / 4;
}

bool rocks_freeze(struct rocks *s)
{
    struct settle *t = &s->settle;
    pthread_mutex_lock(&t->lock);
    bool busy = t->frozen != NULL;
    pthread_mutex_unlock(&t->lock);
    struct log next;
    if (busy || !log_begin(&next, s->dir, (s->log.file + 1) % LOG_FILES, s->log.number + 1, &s->log, rocks_log_bytes(s))) return false;
    log_end(&s->log);
    s->log = next;
    struct front *frozen = s->active;
    s->active = front_new(frozen->generation + 1, &s->spare);
    for (unsigned i = 0; i < STORE_SLOTS; i++) {
        struct place *p = &s->place[i];
        pthread_mutex_lock(&p->lock);
        p->frozen = frozen;
        p->active = s->active;
        pthread_mutex_unlock(&p->lock);
    }
    pthread_mutex_lock(&t->lock);
    t->frozen = frozen;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    return true;
}

/* --- the thread --- */

struct quiet {
    uint64_t commits, ticks; /* ticks in which no commit came */
};

/* The tables hold it now: nobody needs to look here any more. */
static void forget(struct rocks *s, struct front *f)
{
    for (unsigned i = 0; i < STORE_SLOTS; i++) {
        struct place *p = &s->place[i];
        pthread_mutex_lock(&p->lock);
        p->frozen = NULL;
        pthread_mutex_unlock(&p->lock);
    }
    pthread_mutex_lock(&s->settle.lock);
    s->settle.settled = f->generation;
    s->settle.frozen = NULL;
    s->settle.failing = false;
    pthread_cond_broadcast(&s->settle.changed);
    pthread_mutex_unlock(&s->settle.lock);
    front_free(f);
}

static void wait_ms(struct settle *t, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&t->changed, &t->lock, &until);
}

static void failed(struct rocks *s, const struct fault *why)
{
    struct settle *t = &s->settle;
    log_event(LOG_ERROR, "store", "settle_failed", "path=%s why=\"%s\"", s->path, why->text);
    pthread_mutex_lock(&t->lock);
    t->failing = true;
    pthread_cond_broadcast(&t->changed);
    if (!t->closing) wait_ms(t, RETRY_MS);
    pthread_mutex_unlock(&t->lock);
}

static int64_t waiting_tables(struct rocks *s)
{
    rocksdb_t *db = door_enter(&s->door, true);
    if (!db) return 0;
    char *n = rocksdb_property_value(db, "rocksdb.num-files-at-level0");
    door_leave(&s->door);
    int64_t count = 0;
    if (n && !str_to_int64(str_c(n), &count)) count = 0;
    rocksdb_free(n);
    return count;
}

static bool is_closing(struct settle *t)
{
    pthread_mutex_lock(&t->lock);
    bool closing = t->closing;
    pthread_mutex_unlock(&t->lock);
    return closing;
}

/* Too many tables that RocksDB has not merged yet would make reads slow, so the next front waits a while. */
static void wait_for_merges(struct rocks *s)
{
    for (int i = 0; i < 250 && !is_closing(&s->settle) && waiting_tables(s) > TABLES_WAITING_MAX; i++)
        usleep(20000);
}

/* When nothing has been committed for a while, the memory of a front that has grown is given back, and what merges have left with
 * the allocator: soon, and once more when what was started then is over. */
static void when_idle(struct rocks *s, struct quiet *q)
{
    if (pthread_mutex_trylock(&s->commit) != 0) return; /* a commit is under way; and who has the lock may wait for this thread */
    uint64_t now = atomic_load(&s->count.commits);
    q->ticks = now == q->commits ? q->ticks + 1 : 0;
    q->commits = now;
    if (q->ticks && s->active->bytes > IDLE_BYTES) (void)!rocks_freeze(s);
    pthread_mutex_unlock(&s->commit);
    if (q->ticks) spare_clear(&s->spare);
    if (q->ticks == 1 || q->ticks == 5) malloc_trim(0);
}

/* Waits for a frozen front. NULL: nothing came; `*closing` says whether to end. */
static struct front *next_front(struct settle *t, bool *closing)
{
    pthread_mutex_lock(&t->lock);
    if (!t->frozen && !t->closing) wait_ms(t, IDLE_MS);
    struct front *f = t->frozen;
    *closing = t->closing;
    pthread_mutex_unlock(&t->lock);
    return f;
}

static void *settler_main(void *arg)
{
    struct rocks *s = arg;
    pthread_setname_np(pthread_self(), "settler");
    struct quiet quiet = {0};
    for (bool closing = false;;) {
        struct front *f = next_front(&s->settle, &closing);
        struct fault why = {0};
        if (closing && (!f || s->settle.failing)) return NULL;
        if (!f)
            when_idle(s, &quiet);
        else if (rocks_settle(s, f, &why))
            failed(s, &why);
        else {
            forget(s, f);
            wait_for_merges(s);
        }
    }
}

bool settler_start(struct rocks *s)
{
    return pthread_create(&s->settle.thread, NULL, settler_main, s) == 0;
}

void settler_stop(struct rocks *s)
{
    pthread_mutex_lock(&s->settle.lock);
    s->settle.closing = true;
    pthread_cond_broadcast(&s->settle.changed);
    pthread_mutex_unlock(&s->settle.lock);
    pthread_join(s->settle.thread, NULL);
}

static bool wait_settled(struct settle *t, uint64_t generation)
{
    pthread_mutex_lock(&t->lock);
    while (t->frozen && t->settled < generation && !t->failing)
        pthread_cond_wait(&t->changed, &t->lock);
    bool ok = !t->failing;
    pthread_mutex_unlock(&t->lock);
    return ok;
}

bool rocks_settle_all(struct rocks *s)
{
    pthread_mutex_lock(&s->commit);
    uint64_t want = s->active->generation;
    bool nothing = !s->active->dirty;
    pthread_mutex_unlock(&s->commit);
    if (!wait_settled(&s->settle, want)) return false; /* the one before it */
    pthread_mutex_lock(&s->commit);
    bool frozen = s->active->generation > want || nothing || rocks_freeze(s);
    pthread_mutex_unlock(&s->commit);
    return frozen && wait_settled(&s->settle, want);
}
