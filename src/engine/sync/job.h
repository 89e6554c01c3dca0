/* What gateway.c (following, waiting) and compose.c (asking, writing) share about a job. */
#ifndef ROOKERY_ENGINE_SYNC_JOB_H
#define ROOKERY_ENGINE_SYNC_JOB_H

#include "base/map.h"
#include "engine/sync/gateway.h"

/* A room or user that clients of this loop follow. */
struct follow {
    struct list followers; /* struct follower */
    struct list unused;    /* in the gateway's list while nobody follows */
    int64_t position;      /* of the newest item that was delivered */
    int64_t unused_since_ms;
    unsigned slot;
    size_t n;
    char key[];
};

struct follower {
    struct list link; /* in follow->followers */
    struct follow *follow;
    struct sync_job *job;
};

struct job_room {
    struct follower follower;
    bool keep; /* still joined, while the list is made anew */
};

struct sync_job {
    struct sync_gateway *gateway;
    struct engine *engine;
    struct sync_callbacks callbacks;
    void *ctx;
    struct sync_job **handle; /* the caller's pointer, until the job is gone */
    struct str user_id, device_id, filter;
    struct str token;          /* where the client will stand when nothing comes */
    struct str rules, ignored; /* as of the last look at the user */
    unsigned flags;
    bool first, initial, cancelled, working, again, over, stale;
    struct follower user;
    struct job_room **room;
    size_t rooms;
    struct timer timer;
    int64_t deadline_ms;
    struct list link; /* all jobs of the gateway */
    struct task wake;
};

/* Follows a key for the job: from now on its deliveries count. */
void follow_add(struct sync_gateway *g, struct follower *f, struct sync_job *job, struct str key);
void follow_remove(struct sync_gateway *g, struct follower *f);
unsigned gateway_index(const struct sync_gateway *g);
/* Replaces an owned string. */
void job_keep(struct str *field, struct str value);

/* One look: asks the owners for all that is new since the job's token, writes the answer into `out` (always complete) and says whether there
 * is anything in it. Moves the job's token on. Waits. */
must_use enum err compose(struct sync_job *job, struct buf *out, bool *something, struct fault *f);

#endif
