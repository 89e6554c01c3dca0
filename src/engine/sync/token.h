/* Sync tokens: history, slot count, and the positions of the slots that concern the client. The whole truth about where a client
 * stands, so any gateway can go on from it, for ever.
 *
 * Text: "s" version "_" history "_" URL-safe base64 of: slot count, a bit per slot that has a position, the positions as varints.
 * Places in one room's timeline (prev_batch, /messages) are "t" and the order key in decimal. */
#ifndef ROOKERY_ENGINE_SYNC_TOKEN_H
#define ROOKERY_ENGINE_SYNC_TOKEN_H

#include "cluster/cluster.h"

struct sync_token {
    uint64_t some; /* a bit per slot */
    int64_t position[CLUSTER_SLOTS];
};

/* The same in as little memory as it takes, for a client that waits. */
struct packed_token {
    uint64_t some;
    int64_t position[]; /* of those slots, in order */
};
/* Replaces *kept (NULL: none yet), which mem_free frees. */
void sync_token_pack(struct packed_token **kept, const struct sync_token *t);
struct sync_token sync_token_unpack(const struct packed_token *p);
bool packed_token_is(const struct packed_token *p, const struct sync_token *t);

/* In the arena. */
struct str sync_token_write(struct arena *a, const struct sync_token *t, struct str history);
/* INVALID_PARAM with a sentence when it is no token of this server. A token of another history (before a restore) gives *stale: the client
 * has to begin afresh. */
must_use enum err sync_token_read(struct str text, struct str history, struct sync_token *out, bool *stale, struct fault *f);
static inline int64_t sync_token_at(const struct sync_token *t, unsigned slot)
{
    return t->some >> slot & 1 ? t->position[slot] : 0;
}
static inline void sync_token_set(struct sync_token *t, unsigned slot, int64_t position)
{
    t->some |= (uint64_t)1 << slot;
    t->position[slot] = position;
}

/* A place in the timeline of a room: everything with an order key <= ord lies before it. Sync tokens are taken as well (`room_slot` says
 * which of their positions counts). */
struct str place_token_write(struct arena *a, int64_t ord);
must_use enum err place_token_read(struct str text, struct str history, unsigned room_slot, int64_t *ord, struct fault *f);

#endif
