#include "proc.h"

#include <time.h>
#include <unistd.h>

int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

double proc_cpu_us(int pid)
{
    char path[64], text[1024];
    if (pid <= 0) return 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    unsigned long user, system;
    const char *after = strrchr(text, ')'); /* the name before it may hold anything */
    if (!after || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) return 0;
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

struct proc_memory proc_memory(int pid)
{
    struct proc_memory m = {-1, -1};
    char path[64], line[256];
    if (pid <= 0) return m;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    if (!f) return m;
    while (fgets(line, sizeof line, f)) {
        long kib;
        if (sscanf(line, "VmRSS: %ld", &kib) == 1) m.rss = kib * 1024;
        if (sscanf(line, "RssAnon: %ld", &kib) == 1) m.anonymous = kib * 1024;
    }
    fclose(f);
    return m;
}

void proc_wait_until_quiet(int pid)
{
    enum { WATCH_US = 2000000, QUIET_US = 20000, WATCHES = 30 };
    for (int i = 0; i < WATCHES; i++) {
        double before = proc_cpu_us(pid);
        usleep(WATCH_US);
        if (proc_cpu_us(pid) - before <= QUIET_US) return;
    }
}
