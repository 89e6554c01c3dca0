/* What happens when the disk refuses a write.
 *
 * The old handle goes on answering reads. Nothing more is written to it: its log ends at the last write that succeeded (wal.c).
 * Twice a second the disk is tried with a file of its own; when it takes that, the database is closed and opened afresh, which
 * replays the log into a synced table, and the slots stand where their rows say. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/rocksdb/priv.h"

enum { LOOK_US = 500000 };

static void now_broken(struct rocks *s, char *why)
{
    bool sure = wal_cut(s->path, s->sequence);
    log_event(LOG_ERROR, "store", "write_failed", "path=%s tail_cut=%d why=\"%s\"", s->path, sure, why);
    rocksdb_free(why);
    s->broken = true;
    s->retry_us = clock_mono_us(&clock_system) + LOOK_US;
}

enum err rocks_write(struct rocks *s, rocksdb_writebatch_t *wb)
{
    /* Whoever holds `commit` is the only one who could exchange the handle, so it needs no door. */
    rocksdb_t *db = s->door.db;
    char *err = NULL;
    rocksdb_write(db, s->options.write, wb, &err);
    if (err) {
        now_broken(s, err);
        return ERR_STORAGE;
    }
    s->sequence = rocksdb_get_latest_sequence_number(db);
    return ERR_OK;
}

/* Room for a table of all that the log holds, and a sync that works. */
static bool try_file(int fd, size_t room)
{
    static const char block[4096];
    if (fallocate(fd, 0, 0, (off_t)room) < 0 && errno != EOPNOTSUPP) return false;
    return pwrite(fd, block, sizeof block, 0) == (ssize_t)sizeof block && fdatasync(fd) == 0;
}

static bool disk_works(const struct rocks *s)
{
    struct arena a;
    arena_init(&a);
    char *name = arena_cstr(&a, arena_printf(&a, "%s/probe", s->path));
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && try_file(fd, 2 * s->options.write_buffer);
    if (fd >= 0) close(fd);
    unlink(name);
    arena_release(&a);
    return ok;
}

static void adopt_slots(struct rocks *s, const struct store_slot slot[STORE_SLOTS])
{
    for (unsigned i = 0; i < STORE_SLOTS; i++) {
        if (slot[i].position != s->slot[i].position)
            log_event(LOG_WARN, "store", "slot_moved", "slot=%u was=%lld is=%lld", i, (long long)s->slot[i].position,
                      (long long)slot[i].position);
        s->slot[i] = slot[i];
        atomic_store_explicit(&s->position[i], slot[i].position, memory_order_release);
    }
}

static void shut_and_close(struct rocks *s)
{
    rocksdb_t *old = door_shut(&s->door);
    if (old) rocksdb_close(old);
}

/* Reads go on with what can be opened without writing anything. */
static void fall_back(struct rocks *s)
{
    char *err = NULL;
    rocksdb_t *db = rocksdb_open_for_read_only(s->options.db, s->path, 0, &err);
    log_event(LOG_ERROR, "store", "reopen_failed", "path=%s readable=%d", s->path, db != NULL);
    rocksdb_free(err);
    s->read_only = db != NULL;
    door_open(&s->door, db);
}

static bool reopen(struct rocks *s)
{
    struct store_slot slot[STORE_SLOTS];
    rocksdb_t *db;
    if (!s->read_only) shut_and_close(s); /* two that write would lock each other out; a read-only view may stay */
    enum err e = rocks_db_open(s->path, &s->options, &db, NULL);
    if (!e && (e = rocks_slots_load(db, slot))) rocksdb_close(db);
    if (e) {
        if (!s->read_only) fall_back(s);
        return false;
    }
    if (s->read_only) shut_and_close(s);
    adopt_slots(s, slot);
    s->sequence = rocksdb_get_latest_sequence_number(db);
    s->read_only = false;
    s->broken = false;
    door_open(&s->door, db);
    log_event(LOG_INFO, "store", "writes_again", "path=%s", s->path);
    return true;
}

bool rocks_repair(struct rocks *s)
{
    if (clock_mono_us(&clock_system) < s->retry_us) return false;
    bool whole = disk_works(s) && reopen(s);
    s->retry_us = clock_mono_us(&clock_system) + LOOK_US;
    return whole;
}
