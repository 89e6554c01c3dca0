#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/rocksdb/priv.h"

const char restore_mark[] = "RESTORE-NOT-FINISHED";

static int dir_open(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool file_exists(const char *dir, const char *name)
{
    int fd = dir_open(dir);
    if (fd < 0) return false;
    bool there = faccessat(fd, name, F_OK, 0) == 0;
    close(fd);
    return there;
}

static bool try_file(int fd, size_t room)
{
    static const char block[4096];
    if (fallocate(fd, 0, 0, (off_t)room) < 0 && errno != EOPNOTSUPP) return false;
    return pwrite(fd, block, sizeof block, 0) == (ssize_t)sizeof block && fdatasync(fd) == 0;
}

bool disk_has_room(const char *dir, size_t bytes)
{
    int at = dir_open(dir), fd = openat(at, "probe", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && try_file(fd, bytes);
    if (fd >= 0) {
        close(fd);
        unlinkat(at, "probe", 0);
    }
    if (at >= 0) close(at);
    return ok;
}

bool disk_has(int dir, size_t bytes)
{
    struct statvfs st;
    if (fstatvfs(dir, &st) != 0) return true;
    return (uint64_t)st.f_bavail * st.f_frsize >= bytes && (!st.f_files || st.f_favail);
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

enum err dir_is_free(const char *path, bool *there, struct fault *f)
{
    DIR *d = opendir(path);
    *there = d != NULL;
    if (!d && errno == ENOENT) return ERR_OK;
    if (!d) return fault_set(f, ERR_STORAGE, "The directory %s cannot be read: %s.", path, strerror(errno));
    bool empty = true;
    for (struct dirent *e; (e = readdir(d));)
        empty = empty && is_dots(e->d_name);
    closedir(d);
    return empty ? ERR_OK : fault_set(f, ERR_STORAGE, "The directory %s is not empty.", path);
}

static bool sync_one(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

static bool sync_files(const char *path, int dir)
{
    DIR *d = opendir(path);
    if (!d) return false;
    bool ok = true;
    for (struct dirent *e; (e = readdir(d));)
        if (!is_dots(e->d_name)) ok = sync_one(dir, e->d_name) && ok;
    closedir(d);
    return ok;
}

enum err dir_sync(const char *path, bool files, struct fault *f)
{
    int fd = dir_open(path);
    bool ok = fd >= 0 && (!files || sync_files(path, fd)) && fsync(fd) == 0 && sync_one(fd, "..");
    int why = errno;
    if (fd >= 0) close(fd);
    return ok ? ERR_OK : fault_set(f, ERR_STORAGE, "The directory %s cannot be written to the disk: %s.", path, strerror(why));
}

static bool copy_bytes(int from, int to)
{
    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, 1 << 24, 0);
        if (n == 0) return true;
        if (n < 0) break;
    }
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return false;
    char block[65536];
    for (ssize_t n; (n = read(from, block, sizeof block)) != 0;)
        if (n < 0 || write(to, block, (size_t)n) != n) return false;
    return true;
}

enum err file_copy(const char *from_dir, const char *to_dir, const char *name, struct fault *f)
{
    int from_at = dir_open(from_dir), to_at = dir_open(to_dir);
    int from = openat(from_at, name, O_RDONLY | O_CLOEXEC), to = openat(to_at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = from >= 0 && to >= 0 && copy_bytes(from, to) && fsync(to) == 0;
    int why = errno;
    int all[] = {from_at, to_at, from, to};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] >= 0) close(all[i]);
    return ok ? ERR_OK : fault_set(f, ERR_STORAGE, "%s cannot be copied from %s to %s: %s.", name, from_dir, to_dir, strerror(why));
}
