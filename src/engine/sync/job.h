/* What gateway.c (following, waiting) and compose.c (asking, writing) share about a job. */
#ifndef ROOKERY_ENGINE_SYNC_JOB_H
#define ROOKERY_ENGINE_SYNC_JOB_H

#include "base/map.h"
#include "engine/sync/filters.h"
#include "engine/sync/gateway.h"

/* A room or user that clients of this loop follow. */
struct follow {
    struct list followers; /* struct follower */
    struct list unused;    /* in the gateway's list while nobody follows */
    int64_t position;      /* of the newest item that was delivered */
    int64_t unused_since_ms;
    struct presence_watch *watch; /* of a user who syncs here, or did so a moment ago */
    unsigned slot;
    unsigned n;
    char key[];
};

struct follower {
    struct list link; /* in follow->followers */
    struct follow *follow;
    struct sync_job *job;
};

static const uint64_t ALL_SLOTS = ~(uint64_t)0;

enum job_state { JOB_WORKING, JOB_WAITING, JOB_KEPT /* answered; what it knows is of use to the same client's next request */ };

struct sync_job {
    struct sync_gateway *gateway;
    enum job_state state;
    unsigned flags;
    bool initial;       /* the client has no token, or one from before a restore */
    uint64_t look_all;  /* a bit per slot: all there is to be asked for, whatever was delivered, as it has not been yet */
    bool look_user;     /* the user's slot is to be asked, whatever was delivered */
    int64_t hears_from; /* newer than that all of the rooms in the user's slot is delivered; 0: they are not followed yet */
    bool again;         /* something was delivered that the last look may not have seen */
    bool over, cancelled;
    bool waited;          /* this request has waited */
    uint64_t behind;      /* a bit per slot that could not be asked in the last look: there the job stands where it stood */
    struct bytes *unsure; /* packed: users who left a room and of whom it could not be asked whether they share another one; NULL: none */
    int64_t ask_again_ms; /* what could not be asked is left alone until then */
    const struct sync_callbacks *callbacks;
    void *ctx;
    struct sync_job **handle; /* the caller's pointer, until the job is answered */
    const struct shared_filter *filter;
    struct bytes *filter_id;    /* as the client names it; NULL: by its text, or not at all */
    struct packed_token *stand; /* where the client will stand when nothing comes; NULL: nowhere yet */
    struct bytes *user_texts;   /* packed: stored push rules, ignored users, as of the last look at the user; NULL: neither */
    struct bytes *key_counts;   /* both, since each answer has to tell them: JSON */
    struct follower user;
    struct follower *room;
    size_t rooms;
    struct timer timer;
    int64_t until_ms; /* when waiting, or being kept, ends */
    struct list link; /* in the gateway's list of jobs, or of kept ones (oldest first) */
    struct task wake;
    size_t device_n;
    char device_id[];
};

/* Is there something that could not be asked? */
static inline bool job_lacks(const struct sync_job *job)
{
    return job->behind || job->unsure;
}
/* Takes a copy, shared with other jobs. */
void job_keep_key_counts(struct sync_job *job, struct str members);
struct engine *sync_gateway_engine(const struct sync_gateway *g);
static inline struct engine *job_engine(const struct sync_job *job)
{
    return sync_gateway_engine(job->gateway);
}
static inline struct str job_device(const struct sync_job *job)
{
    return str_make(job->device_id, job->device_n);
}
static inline struct str follow_key(const struct follow *f)
{
    return str_make(f->key, f->n);
}
static inline struct str job_user(const struct sync_job *job)
{
    return follow_key(job->user.follow);
}
/* Follows a key for the job: from now on its deliveries count. */
void follow_add(struct sync_gateway *g, struct follower *f, struct sync_job *job, struct str key);
void follow_remove(struct sync_gateway *g, struct follower *f);
unsigned gateway_index(const struct sync_gateway *g);
/* Everything that concerns this gateway's keys in the slot has been delivered up to this position. */
int64_t gateway_heard(const struct sync_gateway *g, unsigned slot);
struct found {
    bool something;    /* worth an answer */
    size_t events;     /* in the timelines of rooms that the user is in */
    int64_t oldest_ms; /* when the first of the new ones was sent; 0: there are none */
};
/* One look: asks the owners for all that is new since where the job stands, writes the answer into `out` (always complete) and says what is in
 * it. Moves the job on; but for the first answer, which is whole, it stays behind where a slot cannot be asked at the moment: the answer is without
 * that, and `f` says why. What is told with the user's news or never (rooms that are new, or left) is told together with them.
 * Waits. */
must_use enum err compose(struct sync_job *job, struct buf *out, struct found *found, struct fault *f);

#endif
