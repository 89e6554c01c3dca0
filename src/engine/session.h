/* Sessions: which user and device an access token belongs to.
 *
 * A token names its user, so that the owner of that user can be asked; the store has only its hash. Each loop remembers what it was told and
 * is told by ITEM_SESSION_END when it is no longer so: it follows the user as long as it remembers a session. */
#ifndef ROOKERY_ENGINE_SESSION_H
#define ROOKERY_ENGINE_SESSION_H

#include "engine/engine.h"

struct session {
    struct str user_id, device_id, token_hash; /* in the caller's arena */
    bool guest;
    int64_t expires_ms; /* 0: never */
};

/* A new token for the user (in the arena), and its hash: 64 hex digits. */
struct str session_token_make(struct arena *a, const struct engine *e, struct str user_id, struct str *hash);
/* The user that a token names, whether or not it is good; false when it has no token's form. */
must_use bool session_token_user(struct arena *a, const struct engine *e, struct str token, struct str *user_id);

/* UNKNOWN_TOKEN when it is not good. Waits when this loop does not know the token yet. */
must_use enum err session_find(struct engine *e, struct str token, struct arena *a, struct session *out, struct fault *f);

/* Is it time to write down that the session was in use? Seldom true, and then not again for a while. */
must_use bool session_seen_due(struct engine *e, struct str token_hash);

struct session_cache *session_cache_new(struct engine *e, struct loop *l);
void session_cache_free(struct session_cache *c);
/* The delivery of ITEM_SESSION_END: `hash` empty: all of the user's. */
void session_cache_end(struct session_cache *c, struct str user_id, struct str hash);

#endif
