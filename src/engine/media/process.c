#include "engine/media/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/media/image.h"

extern char **environ;

/* The environment may hold the server's secrets; the worker gets what the loader and the sanitizers read. */
static size_t worker_environment(char **out, size_t cap)
{
    static const char *const wanted[] = {"LD_LIBRARY_PATH=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS=", "LSAN_OPTIONS="};
    size_t n = 0;
    for (char **e = environ; *e; e++)
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0] && n + 1 < cap; i++)
            if (str_starts(str_c(*e), str_c(wanted[i]))) out[n++] = *e;
    out[n] = NULL;
    return n;
}

static int spawn(pid_t *pid, const char *program, int fd)
{
    char name[] = "rookery", command[] = "media-worker", *argv[] = {name, command, NULL}, *env[8];
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    worker_environment(env, sizeof env / sizeof env[0]);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&files);
    /* A group of its own: a ^C at the server's terminal is the server's. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
    int code = posix_spawn(pid, program, &files, &attributes, argv, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return code;
}

bool media_process_start(struct media_process *p, const char *program)
{
    int pair[2], code = 0;
    char text[100];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        code = errno;
    } else {
        code = spawn(&p->pid, program, pair[1]);
        close(pair[1]);
        p->fd = pair[0];
        if (code == 0) {
            fcntl(p->fd, F_SETFL, O_NONBLOCK);
            return true;
        }
        close(pair[0]);
    }
    p->pid = 0;
    log_event(LOG_ERROR, "media", "no worker", "program=%s error=\"%s\"", program, strerror_r(code, text, sizeof text));
    return false;
}

void media_process_stop(struct media_process *p)
{
    if (p->pid == 0) return;
    kill(p->pid, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    close(p->fd);
    *p = (struct media_process){0};
}

/* --- talking --- */

struct talk {
    int fd;
    int64_t until_ms; /* of the monotonic clock */
    bool late;
};

static int64_t now_ms(void)
{
    return clock_mono_us(&clock_system) / 1000;
}

/* After a call that gave -1: should it be tried again? */
static bool ready(struct talk *t, short events)
{
    if (errno == EINTR) return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
    int64_t left = t->until_ms - now_ms();
    struct pollfd p = {.fd = t->fd, .events = events};
    t->late = left <= 0 || poll(&p, 1, (int)(left < 3600000 ? left : 3600000)) == 0;
    return !t->late;
}

static bool send_all(struct talk *t, const void *from, size_t n)
{
    const char *p = from;
    while (n) {
        ssize_t put = send(t->fd, p, n, MSG_NOSIGNAL);
        if (put < 0 && !ready(t, POLLOUT)) return false;
        if (put < 0) continue;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

static bool receive_all(struct talk *t, void *to, size_t n)
{
    char *p = to;
    while (n) {
        ssize_t got = recv(t->fd, p, n, 0);
        if (got == 0 || (got < 0 && !ready(t, POLLIN))) return false;
        if (got < 0) continue;
        p += got;
        n -= (size_t)got;
    }
    return true;
}

/* The worker may have been taken over: what it says is checked like anybody's word. */
static bool reply_ok(const struct media_reply *r)
{
    bool follows = r->status == MEDIA_OK;
    if (r->magic != MEDIA_MAGIC || r->status >= MEDIA__COUNT || follows != (r->length > 0) || r->length > MEDIA_REPLY_MAX) return false;
    return r->status > MEDIA_ORIGINAL || (r->kind > IMAGE_NONE && r->kind <= IMAGE_WEBP);
}

static bool converse(struct talk *t, const struct media_job *job, struct str image, struct media_reply *reply, char **thumbnail)
{
    if (!send_all(t, job, sizeof *job) || !send_all(t, image.p, image.n)) return false;
    if (!receive_all(t, reply, sizeof *reply) || !reply_ok(reply)) return false;
    if (reply->length == 0) return true;
    char *bytes = mem_alloc(reply->length);
    struct image_info info;
    if (!receive_all(t, bytes, reply->length) || !image_probe(str_make(bytes, reply->length), &info) || info.kind != reply->kind) {
        mem_free(bytes);
        return false;
    }
    *thumbnail = bytes;
    return true;
}

enum exchange media_process_exchange(struct media_process *p, const struct media_job *job, struct str image, int64_t deadline_ms,
                                     struct media_reply *reply, char **thumbnail)
{
    struct talk t = {.fd = p->fd, .until_ms = now_ms() + deadline_ms};
    *thumbnail = NULL;
    if (converse(&t, job, image, reply, thumbnail)) return EXCHANGE_OK;
    return t.late ? EXCHANGE_LATE : EXCHANGE_DIED;
}
