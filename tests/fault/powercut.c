/* A disk that loses power. Preloaded into the server; keeps, beside the files, an image of what would survive.
 *
 * The image changes when something is synced, and then only by what is synced: fsync or fdatasync of a file brings its bytes into the image,
 * fsync of a directory brings its list of names (not what these files hold). So the server can be killed at any moment with SIGKILL; its
 * tree is then thrown away and made anew from the image (tests/api/powercut.py). A name whose directory was not synced is gone, a
 * removed one is back, a file that was not synced is empty. A sync that is cut short has done a part of its work, or nothing.
 *
 * What is compared is the file itself, not the calls that wrote it: no way of writing can be missed.
 *
 *   POWERCUT_ROOT    what is watched; taken as it is when the program starts
 *   POWERCUT_IMAGE   an empty directory: `root`, files/INODE (bytes), names/INODE (lines: f or d, inode, name)
 *   POWERCUT_FORGET  syncs of files whose path contains this do nothing: shows that a test can fail
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 18, PATH = 4096 };

static struct {
    char root[PATH], image[PATH];
    const char *forget;
    bool on;
    pthread_mutex_t lock;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* A test that cannot keep its books must not go on. */
static void must(bool ok, const char *what)
{
    if (ok) return;
    dprintf(STDERR_FILENO, "powercut: %s: %s\n", what, strerror(errno));
    _exit(98);
}

static void image_path(char out[PATH], const char *kind, ino_t inode)
{
    must(snprintf(out, PATH, "%s/%s/%lu", disk.image, kind, (unsigned long)inode) < PATH, "path");
}

/* The image's file of an inode. When it is new the inode is held, so that no later file gets its number. */
static int image_of(const char *path, ino_t inode)
{
    char name[PATH];
    image_path(name, "files", inode);
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) return open(name, O_RDWR | O_CLOEXEC);
    must(fd >= 0 && open(path, O_PATH | O_CLOEXEC) >= 0, "hold");
    return fd;
}

static void sync_bytes(const char *path, const struct stat *st)
{
    static char new[BLOCK], old[BLOCK];
    int from = open(path, O_RDONLY | O_CLOEXEC), to = image_of(path, st->st_ino);
    must(from >= 0 && to >= 0, "open");
    off_t at = 0;
    for (ssize_t n; (n = pread(from, new, BLOCK, at)) != 0; at += n) {
        must(n > 0, "read");
        if (pread(to, old, (size_t)n, at) != n || memcmp(new, old, (size_t)n) != 0) must(pwrite(to, new, (size_t)n, at) == n, "write");
    }
    must(ftruncate(to, at) == 0, "cut");
    close(from);
    close(to);
}

static void name_one(FILE *out, const char *dir, const char *name)
{
    char path[PATH];
    struct stat st;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return;
    must(snprintf(path, sizeof path, "%s/%s", dir, name) < PATH, "path");
    if (lstat(path, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) return; /* gone meanwhile, or a socket */
    if (S_ISREG(st.st_mode)) close(image_of(path, st.st_ino));
    fprintf(out, "%c %lu %s\n", S_ISDIR(st.st_mode) ? 'd' : 'f', (unsigned long)st.st_ino, name);
}

static void sync_names(const char *path, const struct stat *st)
{
    char to[PATH], half[PATH];
    image_path(to, "names", st->st_ino);
    image_path(half, "half", st->st_ino);
    DIR *d = opendir(path);
    FILE *out = fopen(half, "we");
    must(d && out, "names");
    for (struct dirent *e; (e = readdir(d));)
        name_one(out, path, e->d_name);
    closedir(d);
    must(fclose(out) == 0 && rename(half, to) == 0, "names");
}

static void sync_tree(const char *path)
{
    struct stat st;
    char below[PATH];
    must(stat(path, &st) == 0, path);
    if (S_ISREG(st.st_mode)) sync_bytes(path, &st);
    if (!S_ISDIR(st.st_mode)) return;
    sync_names(path, &st);
    DIR *d = opendir(path);
    must(d != NULL, path);
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            must(snprintf(below, sizeof below, "%s/%s", path, e->d_name) < PATH, "path");
            sync_tree(below);
        }
    closedir(d);
}

static void image_begin(void)
{
    static const char *const part[] = {"files", "names", "half"};
    char path[PATH + 16];
    struct stat st;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        snprintf(path, sizeof path, "%s/%s", disk.image, part[i]);
        must(mkdir(path, 0700) == 0, path);
    }
    sync_tree(disk.root);
    must(stat(disk.root, &st) == 0, disk.root);
    snprintf(path, sizeof path, "%s/root", disk.image);
    FILE *f = fopen(path, "we");
    must(f && fprintf(f, "%lu\n", (unsigned long)st.st_ino) > 0 && fclose(f) == 0, path);
}

/* Only the program that the test starts, not what that starts in turn. */
__attribute__((constructor)) static void begin(void)
{
    const char *root = getenv("POWERCUT_ROOT"), *image = getenv("POWERCUT_IMAGE");
    if (!root || !image) return;
    must(realpath(root, disk.root) && realpath(image, disk.image), "POWERCUT_ROOT, POWERCUT_IMAGE");
    const char *forget = getenv("POWERCUT_FORGET");
    if (forget) disk.forget = strdup(forget);
    unsetenv("POWERCUT_ROOT");
    unsetenv("LD_PRELOAD");
    image_begin();
    disk.on = true;
}

static void synced(int fd)
{
    char self[64], path[PATH];
    struct stat st;
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(self, path, sizeof path - 1);
    size_t root = strlen(disk.root);
    if (n < 0 || fstat(fd, &st) < 0) return;
    path[n] = 0;
    if (strncmp(path, disk.root, root) != 0 || (path[root] != '/' && path[root])) return;
    if (disk.forget && strstr(path, disk.forget)) return;
    pthread_mutex_lock(&disk.lock);
    if (S_ISREG(st.st_mode)) sync_bytes(self, &st);
    if (S_ISDIR(st.st_mode)) sync_names(self, &st);
    pthread_mutex_unlock(&disk.lock);
}

static int pass_on(const char *name, int fd)
{
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, name);
    int result = real(fd), why = errno;
    if (result == 0 && disk.on) synced(fd);
    errno = why;
    return result;
}

int fsync(int fd)
{
    return pass_on("fsync", fd);
}
int fdatasync(int fd)
{
    return pass_on("fdatasync", fd);
}
