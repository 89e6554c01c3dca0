/* A slow disk. Preloaded into a database: while the file SLOWDISK_FILE exists, fsync and fdatasync take as many milliseconds longer as it says. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { NUMBER = 16 };

static void rest(void)
{
    const char *path = getenv("SLOWDISK_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    char text[NUMBER] = "";
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    long ms = n > 0 ? strtol(text, NULL, 10) : 0;
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (ms > 0 && nanosleep(&left, &left) != 0)
        continue;
}

static int sync_slowly(const char *name, int fd)
{
    union {
        void *symbol;
        int (*call)(int);
    } real = {.symbol = dlsym(RTLD_NEXT, name)};
    rest();
    return real.call(fd);
}

int fsync(int fd)
{
    return sync_slowly("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_slowly("fdatasync", fd);
}
