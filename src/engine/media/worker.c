#include "engine/media/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/media/render.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool quiet = false; /* a sanitizer's report is worth more than a clean log */
#else
static const bool quiet = true;
#endif

static bool read_all(void *to, size_t n)
{
    char *p = to;
    while (n) {
        ssize_t got = read(STDIN_FILENO, p, n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        p += got;
        n -= (size_t)got;
    }
    return true;
}

static bool write_all(const void *from, size_t n)
{
    const char *p = from;
    while (n) {
        ssize_t put = write(STDOUT_FILENO, p, n);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

/* What a decoder, or whoever took it over, writes to standard error must not stand in the server's log. Returns where to complain
 * until the process has locked itself up. */
static int be_quiet(void)
{
    int log = dup(STDERR_FILENO), nowhere = quiet ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
    if (nowhere >= 0) {
        dup2(nowhere, STDERR_FILENO);
        close(nowhere);
    }
    return log;
}

/* The child's whole life after the fork; false: it met what should not be. */
static bool serve_one(const struct gd *gd)
{
    struct media_job job;
    const char *why;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* whoever kills the worker kills its job */
    if (!read_all(&job, sizeof job) || job.magic != MEDIA_MAGIC) return false;
    char *image = mem_alloc(job.length);
    if (!read_all(image, job.length)) return false;
    int log = be_quiet();
    if (!confine_process(job.memory_bytes, job.cpu_seconds, &why)) {
        dprintf(log, "rookery media-worker: cannot lock itself up: %s: %m\n", why);
        return false;
    }
    struct rendered r = render(gd, &job, str_make(image, job.length));
    struct media_reply reply = {.magic = MEDIA_MAGIC, .status = r.status, .kind = r.kind, .length = r.status == MEDIA_OK ? r.n : 0};
    return write_all(&reply, sizeof reply) && write_all(r.bytes, reply.length);
}

/* Is there another job? Waits until there is one, or there never will be. */
static bool more(void)
{
    char byte;
    ssize_t n;
    do
        n = recv(STDIN_FILENO, &byte, 1, MSG_PEEK);
    while (n < 0 && errno == EINTR);
    if (n < 0) fprintf(stderr, "rookery media-worker: this is started by rookery serve, not by hand.\n");
    return n == 1;
}

/* Ends the process without anything that runs at an exit (a sanitizer's leak check makes calls that the sandbox kills for). */
static void leave(int status)
{
    for (;;)
        syscall(SYS_exit_group, status);
}

static bool run_child(const struct gd *gd)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) leave(serve_one(gd) ? 0 : 1);
    if (child < 0) return false;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Whatever the server had open is none of the worker's business. */
static void close_others(void)
{
    if (close_range(3, ~0U, 0) == 0) return;
    long most = sysconf(_SC_OPEN_MAX);
    for (int fd = 3; fd < most; fd++)
        close(fd);
}

int media_worker_main(void)
{
    const char *why;
    close_others();
    const struct gd *gd = gd_load(&why);
    if (!gd) {
        fprintf(stderr, "rookery media-worker: cannot load libgd: %s\n", why);
        return 1;
    }
    if (!confine_user(&why)) {
        fprintf(stderr, "rookery media-worker: cannot give up its rights: %s: %m\n", why);
        return 1;
    }
    /* A job that dies may leave half of its image unread: only a new worker can be sure where the next job begins. */
    while (more())
        if (!run_child(gd)) return 1;
    return 0;
}
