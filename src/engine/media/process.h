/* The server's end of one media worker: start it, give it a job, kill it. Blocking; for the thumbnailer's threads. */
#ifndef ROOKERY_ENGINE_MEDIA_PROCESS_H
#define ROOKERY_ENGINE_MEDIA_PROCESS_H

#include <sys/types.h>

#include "base/err.h"
#include "engine/media/wire.h"

struct media_process {
    pid_t pid; /* 0: not running */
    int fd;
};

/* Starts `program media-worker`. False: it could not be started; the reason is logged. */
must_use bool media_process_start(struct media_process *p, const char *program);
/* Kills it, waits for its end; harmless when it is not running. */
void media_process_stop(struct media_process *p);

enum exchange { EXCHANGE_OK, EXCHANGE_DIED, EXCHANGE_LATE };
/* Sends the job and the image, receives the reply and (mem_alloc, may be NULL) the thumbnail. Anything but OK leaves the process in a state in
 * which only media_process_stop is of use. */
must_use enum exchange media_process_exchange(struct media_process *p, const struct media_job *job, struct str image, int64_t deadline_ms,
                                              struct media_reply *reply, char **thumbnail);

#endif
