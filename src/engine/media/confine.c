#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/media/worker.h"

enum { NOBODY = 65534 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* The sanitizers' shadow memory is larger than any limit. */
static const bool memory_can_be_limited = false;
#else
static const bool memory_can_be_limited = true;
#endif

/* A server that is not root may still have been given capabilities. */
static bool drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* not there in old kernels, which have no such set */
    return syscall(SYS_capset, &header, none) == 0;
}

bool confine_user(const char **why)
{
    if (geteuid() == 0) {
        *why = "setgroups";
        if (setgroups(0, NULL) != 0) return false;
        *why = "setresgid";
        if (setresgid(NOBODY, NOBODY, NOBODY) != 0) return false;
        *why = "setresuid";
        if (setresuid(NOBODY, NOBODY, NOBODY) != 0) return false;
    }
    *why = "capset";
    if (!drop_capabilities()) return false;
    *why = "no_new_privs";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
    /* Others of the same user may not look into it. */
    *why = "dumpable";
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

static bool limit(__rlimit_resource_t what, uint64_t most)
{
    return setrlimit(what, &(struct rlimit){most, most}) == 0;
}

/* Address space in use now. */
static uint64_t address_space(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f) return 0;
    if (fscanf(f, "%lu", &pages) != 1) pages = 0;
    fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool limit_all(uint64_t memory_bytes, uint64_t cpu_seconds)
{
    if (memory_can_be_limited) {
        uint64_t now = address_space();
        if (now == 0 || !limit(RLIMIT_AS, now + memory_bytes)) return false;
    }
    /* NPROC does not bind root, and is not missed: seccomp allows no new process. */
    return limit(RLIMIT_CPU, cpu_seconds) && limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NPROC, 0) &&
           limit(RLIMIT_NOFILE, 0);
}

/* Calls that only concern the process's own memory, or end it. */
static const int harmless[] = {
    SCMP_SYS(munmap),          SCMP_SYS(mremap), SCMP_SYS(brk),    SCMP_SYS(madvise),      SCMP_SYS(futex),       SCMP_SYS(exit),
    SCMP_SYS(exit_group),      SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(rt_sigreturn), SCMP_SYS(sched_yield), SCMP_SYS(clock_gettime),
    SCMP_SYS(restart_syscall),
};

static bool allow_all(scmp_filter_ctx c)
{
    const struct scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        if (seccomp_rule_add(c, SCMP_ACT_ALLOW, harmless[i], 0) != 0) return false;
    return seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_executable) == 0 &&
           seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_executable) == 0 &&
           seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(read), 1, SCMP_A0(SCMP_CMP_EQ, STDIN_FILENO)) == 0 &&
           seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, STDOUT_FILENO)) == 0 &&
           seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO)) == 0;
}

static bool filter_calls(void)
{
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!c) return false;
    bool ok = allow_all(c) && seccomp_load(c) == 0;
    seccomp_release(c);
    return ok;
}

bool confine_process(uint64_t memory_bytes, uint64_t cpu_seconds, const char **why)
{
    *why = "limits";
    if (!limit_all(memory_bytes, cpu_seconds)) return false;
    *why = "seccomp";
    return filter_calls();
}
