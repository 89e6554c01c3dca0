/* The gateway's half of sync, one per loop: what this loop's clients follow, and which of them wait.
 *
 * A sync job is one client's place in sync. It asks the owners what is new (compose.c); when nothing is, it waits here, costing its memory
 * only, until an item of something that it follows arrives, or its time is over. After its answer it is kept for a while: the same client's
 * next request, with the token that it was just given, goes on with it and asks nobody anything, unless it does not want to wait. */
#ifndef ROOKERY_ENGINE_SYNC_GATEWAY_H
#define ROOKERY_ENGINE_SYNC_GATEWAY_H

#include "base/histogram.h"
#include "engine/engine.h"
#include "engine/sync/token.h"
#include "engine/user/presence.h"

struct sync_gateway *sync_gateway_new(struct engine *e, struct loop *l);
void sync_gateway_free(struct sync_gateway *g);
/* From any thread, once; soon: whoever waits is answered, and nobody waits any more. */
void sync_gateway_stop(struct sync_gateway *g);
/* On its loop: no news come here (or again they do). Whoever waits is answered soon, and who comes all the same waits a second at most: so they ask elsewhere. */
void sync_gateway_alone(struct sync_gateway *g, bool is);
/* Items for this loop: wakes the clients that they concern. */
void sync_gateway_delivered(struct sync_gateway *g, const struct delivery *d);
/* Does this loop follow the key, or did so a moment ago? */
bool sync_gateway_follows(const struct sync_gateway *g, struct str key);
/* Jobs that wait now, on this loop. */
size_t sync_gateway_waiting(const struct sync_gateway *g);
uint64_t sync_gateway_answered(const struct sync_gateway *g);
/* Events in the timelines of those answers. */
uint64_t sync_gateway_events(const struct sync_gateway *g);
/* Of each answer with events to a client that waited: from the sending of the first of them to the answer. */
const struct histogram *sync_gateway_delivery(const struct sync_gateway *g);

struct sync_params {
    struct str user_id, device_id;
    struct str filter; /* JSON, the id of one that the user has stored, or empty */
    struct str since;  /* null: an initial sync */
    unsigned flags;    /* sync_flags */
    int64_t timeout_ms;
    enum presence_state presence; /* OFFLINE: the request does not make the user appear online */
};

struct sync_job;
struct sync_callbacks {
    /* It is going to wait: memory of the request may go. */
    void (*waiting)(void *ctx);
    /* Once, unless cancelled. `body` lives for the call. INVALID_PARAM: the token, or the filter's id; other errors of the filter's JSON. */
    void (*answer)(void *ctx, enum err e, const struct fault *f, struct str body);
};
/* In a fiber of the loop. The answer may come before it returns; *out is then NULL. `out` is written before anything else happens; the
 * callbacks live for ever. Waits. */
void sync_begin(struct sync_gateway *g, const struct sync_params *p, const struct sync_callbacks *callbacks, void *ctx,
                struct sync_job **out);
/* Nobody wants the answer any more. */
void sync_cancel(struct sync_job *job);

#endif
