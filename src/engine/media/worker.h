/* The media worker: the process in which images of strangers are decoded. `rookery media-worker` is media_worker_main.
 *
 * It begins with the program's own start, without the server's memory, files and environment; gives up root; loads libgd; and forks for
 * each job. The child locks itself up (no files, no sockets, no other programs; bounded memory and time; seccomp kills it for any
 * other call), does the one job and ends. So an image that takes over its decoder has nothing but its own bytes: not the
 * next user's image either. */
#ifndef ROOKERY_ENGINE_MEDIA_WORKER_H
#define ROOKERY_ENGINE_MEDIA_WORKER_H

#include "base/mem.h"

/* Serves jobs on standard input until it ends; the exit status of the process. */
int media_worker_main(void);

/* --- for media_worker_main and its tests --- */
/* Gives up root and every capability, for good. False: it cannot; *why says at what. */
must_use bool confine_user(const char **why);
/* From here on the process may compute, read descriptor 0, write 1 and 2, and end. */
must_use bool confine_process(uint64_t memory_bytes, uint64_t cpu_seconds, const char **why);

#endif
