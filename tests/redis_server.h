/* A real redis-server, started by the test on a free port of the loopback address; it ends with the test, whatever happens to it. */
#ifndef ROOKERY_TESTS_REDIS_SERVER_H
#define ROOKERY_TESTS_REDIS_SERVER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REDIS_ARGS_MAX = 16 };
struct redis_server {
    pid_t pid;
    unsigned port;
    char url[200];
    const char *arg[REDIS_ARGS_MAX]; /* besides the usual; NULL-terminated. What begins with "--port" is ours */
    bool tls;
};

static inline int redis_connect(unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

static inline unsigned redis_free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || getsockname(fd, (struct sockaddr *)&at, &n) != 0) abort();
    close(fd);
    return ntohs(at.sin_port);
}

static inline void redis_exec(const struct redis_server *s)
{
    char port[8];
    const char *arg[REDIS_ARGS_MAX + 20] = {"redis-server", "--bind", "127.0.0.1", "--save",           "", "--appendonly", "no",
                                            "--dir",        "/tmp",   "--port",    s->tls ? "0" : port};
    size_t n = 11;
    snprintf(port, sizeof port, "%u", s->port);
    if (s->tls) {
        arg[n++] = "--tls-port";
        arg[n++] = port;
    }
    for (size_t i = 0; s->arg[i]; i++)
        arg[n++] = s->arg[i];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, STDIN_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    execvp(arg[0], (char *const *)(uintptr_t)arg);
    fprintf(stderr, "redis-server cannot be run: %m\n");
    _exit(127);
}

/* On the port that it has. False: somebody else has that port. */
static inline bool redis_run(struct redis_server *s)
{
    s->pid = fork();
    if (s->pid < 0) abort();
    if (s->pid == 0) redis_exec(s);
    for (;;) {
        int fd = redis_connect(s->port), status;
        if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
            if (WIFEXITED(status) && WEXITSTATUS(status) == 127) abort();
            if (fd >= 0) close(fd);
            return false;
        }
        if (fd >= 0) {
            close(fd);
            return true;
        }
        usleep(2000);
    }
}

/* `s->arg` and `s->tls` are set. */
static inline void redis_start(struct redis_server *s)
{
    do
        s->port = redis_free_port();
    while (!redis_run(s));
    snprintf(s->url, sizeof s->url, "redis%s://127.0.0.1:%u", s->tls ? "s" : "", s->port);
}

static inline void redis_kill(struct redis_server *s)
{
    if (s->pid <= 0) return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

/* One command of words without blanks inside; the first line of the answer. */
static inline void redis_say(const struct redis_server *s, const char *command, char *answer, size_t size)
{
    int fd = redis_connect(s->port);
    size_t n = 0;
    if (fd < 0 || dprintf(fd, "%s\r\n", command) < 0) abort();
    while (n + 1 < size && read(fd, answer + n, 1) == 1 && answer[n] != '\n')
        n++;
    answer[n] = 0;
    close(fd);
}

static inline void redis_do(const struct redis_server *s, const char *command)
{
    char answer[200];
    redis_say(s, command, answer, sizeof answer);
    if (answer[0] == '-') {
        fprintf(stderr, "redis-server: %s: %s\n", command, answer);
        abort();
    }
}

#endif
