/* What the kernel knows about the measured server: processor time and memory of one process. */
#ifndef ROOKERY_LOAD_PROC_H
#define ROOKERY_LOAD_PROC_H

#include <stdint.h>

struct proc_memory {
    int64_t rss, anonymous; /* bytes; -1 where unknown */
};

/* Microseconds of all threads (user and system) since the process began; 0 without a process (pid 0). */
double proc_cpu_us(int pid);
struct proc_memory proc_memory(int pid);
int64_t now_us(void);
/* Until the process has used hardly any time for two seconds; a minute at most. */
void proc_wait_until_quiet(int pid);

#endif
