#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "store/rocksdb/priv.h"

/* RocksDB flushes, links or copies the table files, and renames the finished directory: a commit is in it whole or not at all. */
static enum err checkpoint(rocksdb_t *db, const char *to, struct fault *f)
{
    char *err = NULL;
    rocksdb_checkpoint_t *c = rocksdb_checkpoint_object_create(db, &err);
    if (!err) {
        rocksdb_checkpoint_create(c, to, 0, &err);
        rocksdb_checkpoint_object_destroy(c);
    }
    return err ? rocks_fault(f, to, err) : ERR_OK;
}

enum err rocks_backup(struct store *store, const char *to, struct fault *f)
{
    struct rocks *s = rocks_of(store);
    bool there;
    enum err e = dir_is_free(to, &there, f);
    if (e) return e;
    if (there && rmdir(to) < 0) return fault_set(f, ERR_STORAGE, "The directory %s cannot be replaced: %s.", to, strerror(errno));
    if (!rocks_settle_all(s)) return fault_set(f, ERR_STORAGE, "The disk does not take writes at the moment, so nothing can be backed up.");
    rocksdb_t *db = door_enter(&s->door, true);
    if (!db) return fault_set(f, ERR_STORAGE, "The store cannot be read at the moment.");
    e = checkpoint(db, to, f);
    door_leave(&s->door);
    return e ? e : dir_sync(to, true, f);
}

/* --- restore --- */

static enum err mark_begin(const char *to, struct fault *f)
{
    int dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(dir, restore_mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool ok = fd >= 0;
    if (fd >= 0) close(fd);
    if (dir >= 0) close(dir);
    return ok ? dir_sync(to, true, f) : fault_set(f, ERR_STORAGE, "Nothing can be written in %s: %s.", to, strerror(errno));
}

static enum err mark_end(const char *to, struct fault *f)
{
    int dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = dir >= 0 && unlinkat(dir, restore_mark, 0) == 0;
    if (dir >= 0) close(dir);
    return ok ? dir_sync(to, false, f) : fault_set(f, ERR_STORAGE, "The mark %s in %s cannot be removed.", restore_mark, to);
}

static enum err copy_all(const char *from, const char *to, struct fault *f)
{
    DIR *d = opendir(from);
    if (!d) return fault_set(f, ERR_STORAGE, "The backup in %s cannot be read: %s.", from, strerror(errno));
    enum err e = ERR_OK;
    for (struct dirent *n; !e && (n = readdir(d));)
        if (n->d_name[0] != '.' && strcmp(n->d_name, "LOCK") != 0) e = file_copy(from, to, n->d_name, f);
    closedir(d);
    return e ? e : dir_sync(to, true, f);
}

static enum err new_history(const char *to, struct fault *f)
{
    struct store *s;
    enum err e = rocks_open(to, NULL, &s, f);
    if (e) return e;
    char id[17];
    snprintf(id, sizeof id, "%016llx", (unsigned long long)random_u64());
    e = s->ops->meta_set(s, STR("history"), str_c(id));
    s->ops->close(s);
    return e ? fault_set(f, e, "The new history cannot be written in %s.", to) : ERR_OK;
}

enum err store_rocksdb_restore(const char *from, const char *to, struct fault *f)
{
    bool there;
    if (!file_exists(from, "CURRENT")) return fault_set(f, ERR_STORAGE, "There is no backup in %s.", from);
    if (file_exists(from, restore_mark)) return fault_set(f, ERR_STORAGE, "What is in %s is itself a restore that did not finish.", from);
    enum err e = dir_is_free(to, &there, f);
    if (e) return e;
    if (!there && mkdir(to, 0700) < 0) return fault_set(f, ERR_STORAGE, "The directory %s cannot be made: %s.", to, strerror(errno));
    if ((e = mark_begin(to, f)) || (e = copy_all(from, to, f)) || (e = new_history(to, f))) return e;
    return mark_end(to, f);
}
