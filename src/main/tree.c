#include "main/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err failed(struct fault *f, const char *what, const char *path)
{
    return fault_set(f, ERR_STORAGE, "%.150s %s: %s.", path, what, strerror(errno));
}

static bool join(char out[PATH_MAX], const char *folder, const char *name)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", folder, name);
    return n > 0 && n < PATH_MAX;
}

enum err tree_sync(const char *path, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    enum err e = ok ? ERR_OK : failed(f, "cannot be synced", path);
    if (fd >= 0) close(fd);
    return e;
}

/* --- copying --- */

static bool pour(int from, int to)
{
    for (;;) {
        char piece[65536];
        ssize_t n = read(from, piece, sizeof piece);
        if (n <= 0) return n == 0;
        for (ssize_t done = 0, w; done < n; done += w)
            if ((w = write(to, piece + done, (size_t)(n - done))) < 0) return false;
    }
}

/* Under a hidden name first, so that a copy which did not finish is never taken for the file. */
static enum err copy_bytes(const char *from, const char *to, struct fault *f)
{
    char half[PATH_MAX];
    const char *slash = strrchr(to, '/');
    int n = snprintf(half, sizeof half, "%.*s/.tmp-copy", (int)(slash - to), to);
    if (n < 0 || n >= PATH_MAX) return fault_set(f, ERR_STORAGE, "%.150s is too long a path.", to);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) return failed(f, "cannot be read", from);
    int out = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = out >= 0 && pour(in, out) && fsync(out) == 0 && rename(half, to) == 0;
    enum err e = ok ? ERR_OK : failed(f, "cannot be written", to);
    close(in);
    if (out >= 0) close(out);
    if (!ok) unlink(half);
    return e;
}

static enum err copy_file(const char *from, const char *to, struct fault *f)
{
    if (link(from, to) == 0 || errno == EEXIST) return ERR_OK;
    if (errno == ENOENT) return ERR_OK; /* deleted meanwhile: nothing names it any more */
    return copy_bytes(from, to, f);
}

static enum err copy_folder(const char *from, const char *to, unsigned depth, struct fault *f);

static enum err copy_entry(const char *from_folder, const char *to_folder, const char *name, unsigned depth, struct fault *f)
{
    char from[PATH_MAX], to[PATH_MAX];
    struct stat st;
    if (!join(from, from_folder, name) || !join(to, to_folder, name))
        return fault_set(f, ERR_STORAGE, "%.150s has too long paths.", from_folder);
    if (lstat(from, &st) < 0) return errno == ENOENT ? ERR_OK : failed(f, "cannot be read", from);
    if (S_ISDIR(st.st_mode)) return copy_folder(from, to, depth + 1, f);
    return S_ISREG(st.st_mode) ? copy_file(from, to, f) : ERR_OK;
}

static enum err copy_folder(const char *from, const char *to, unsigned depth, struct fault *f)
{
    if (depth > TREE_DEPTH_MAX) return fault_set(f, ERR_STORAGE, "%.150s is too deep.", from);
    DIR *d = opendir(from);
    if (!d) return failed(f, "cannot be read", from);
    enum err e = tree_make(to, f);
    for (struct dirent *n; !e && (n = readdir(d));)
        if (n->d_name[0] != '.') e = copy_entry(from, to, n->d_name, depth, f);
    closedir(d);
    return e ? e : tree_sync(to, f);
}

enum err tree_copy(const char *from, const char *to, struct fault *f)
{
    if (access(from, F_OK) < 0 && errno == ENOENT) return tree_make(to, f);
    return copy_folder(from, to, 1, f);
}

/* --- measuring --- */

int64_t tree_bytes(const char *path)
{
    struct stat st;
    int64_t sum = 0;
    if (lstat(path, &st) < 0) return 0;
    if (!S_ISDIR(st.st_mode)) return st.st_size;
    DIR *d = opendir(path);
    for (struct dirent *n; d && (n = readdir(d));) {
        char inner[PATH_MAX];
        if (strcmp(n->d_name, ".") != 0 && strcmp(n->d_name, "..") != 0 && join(inner, path, n->d_name)) sum += tree_bytes(inner);
    }
    if (d) closedir(d);
    return sum;
}

/* --- making and removing --- */

enum err tree_make(const char *path, struct fault *f)
{
    char part[PATH_MAX];
    int n = snprintf(part, sizeof part, "%s", path);
    if (n <= 0 || n >= PATH_MAX) return fault_set(f, ERR_STORAGE, "%.150s is no path.", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(part, 0700) < 0 && errno != EEXIST) return failed(f, "cannot be made", part);
        *slash = '/';
    }
    return mkdir(part, 0700) < 0 && errno != EEXIST ? failed(f, "cannot be made", part) : ERR_OK;
}

bool tree_is_empty(const char *path)
{
    DIR *d = opendir(path);
    if (!d) return errno == ENOENT;
    bool empty = true;
    for (struct dirent *n; empty && (n = readdir(d));)
        empty = strcmp(n->d_name, ".") == 0 || strcmp(n->d_name, "..") == 0;
    closedir(d);
    return empty;
}

void tree_remove(const char *path)
{
    if (unlink(path) == 0 || rmdir(path) == 0) return;
    DIR *d = opendir(path);
    if (!d) return;
    for (struct dirent *n; (n = readdir(d));) {
        char inner[PATH_MAX];
        if (strcmp(n->d_name, ".") != 0 && strcmp(n->d_name, "..") != 0 && join(inner, path, n->d_name)) tree_remove(inner);
    }
    closedir(d);
    rmdir(path);
}
