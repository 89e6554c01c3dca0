/* Passwords, user names and tokens, as registration, login and authentication stages need them. */
#ifndef ROOKERY_API_CREDENTIALS_H
#define ROOKERY_API_CREDENTIALS_H

#include "api/api.h"

/* WEAK_PASSWORD unless it is long enough. */
must_use enum err credentials_strong(struct api *r, struct str password);
/* Its hash, in the arena. On a worker thread; waits. */
must_use enum err credentials_hash(struct api *r, struct str password, struct str *hash);
/* Is it the user's password? *hash is what was compared with. FORBIDDEN takes as long whether the user exists or not; USER_DEACTIVATED;
 * LIMIT_EXCEEDED after too many attempts for one user. On a worker thread; waits. */
must_use enum err credentials_check(struct api *r, struct str user_id, struct str password, struct str *hash);

/* A user of this server from what people type: `@name:server`, or `name` alone. The text itself where it is an id already. */
struct str credentials_user_id(struct api *r, struct str typed);
/* INVALID_USERNAME unless a new account may have that name; *user_id is in the arena. */
must_use enum err credentials_new_user_id(struct api *r, struct str localpart, struct str *user_id);
/* Is it one of the tokens that allow a registration? */
bool credentials_registration_token(struct api *r, struct str token);

/* A new session for a user: what its first answer holds, and what the engine keeps of it. */
struct new_session {
    struct str user_id, device_id, display_name;
    struct str access, access_hash;
    struct str refresh, refresh_hash; /* null: the client cannot refresh */
    int64_t expires_ms;               /* 0: never */
};
/* Reads device_id, initial_device_display_name and refresh_token of the body. INVALID_PARAM, BAD_JSON. */
must_use enum err credentials_session(struct api *r, struct str user_id, struct new_session *s);
/* New tokens for a session that exists: access and refresh. */
void credentials_tokens(struct api *r, struct new_session *s, bool refresh);
/* Into the fields of user_create and user_login: s[1] to s[5], num[1]. */
void credentials_fill(struct api *r, const struct new_session *s, struct command *c);
/* Members of the answer: user_id, access_token, device_id, … */
void credentials_write(struct api *r, const struct new_session *s);
void credentials_write_tokens(struct api *r, const struct new_session *s);

#endif
