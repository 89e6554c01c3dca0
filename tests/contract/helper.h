/* What tests/support/ starts for a test: a real server of its own, for as long as the test runs. */
#ifndef ROOKERY_TESTS_CONTRACT_HELPER_H
#define ROOKERY_TESTS_CONTRACT_HELPER_H

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The helper `name`, seen from the program, which is in build/<BUILD>/tests/<kind>[/<module>]. */
static inline void helper_path(const char *name, char path[PATH_MAX])
{
    char self[PATH_MAX] = {0};
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) abort();
    char *build = strstr(self, "/build/");
    if (!build) abort();
    snprintf(path, PATH_MAX, "%.*s/tests/support/%s", (int)(build - self), self, name);
}

/* At the start of main(): returns once the server is there, which `variable` of the environment tells. */
static inline void helper_need(const char *name, const char *variable, int argc, char **argv)
{
    if (getenv(variable)) return;
    char **again = calloc((size_t)argc + 3, sizeof *again), self[PATH_MAX] = {0}, path[PATH_MAX];
    if (!again || readlink("/proc/self/exe", self, sizeof self - 1) < 0) abort();
    helper_path(name, path);
    again[0] = path;
    again[1] = (char *)(uintptr_t) "run";
    again[2] = self;
    for (int i = 1; i < argc; i++)
        again[i + 2] = argv[i];
    execv(again[0], again);
    perror(again[0]);
    exit(1);
}

#endif
