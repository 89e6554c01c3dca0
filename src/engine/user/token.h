/* Tokens of sessions, as rows. */
#ifndef ROOKERY_ENGINE_USER_TOKEN_H
#define ROOKERY_ENGINE_USER_TOKEN_H

#include "engine/user/user.h"

enum token_kind { TOKEN_ACCESS, TOKEN_REFRESH };

/* The new session of user_create and user_login (see there for the command's fields). `known`: the device's row, or NULL for a new
 * one. Writes. */
void session_put(struct turn *t, const struct row *known);
/* All devices of the turn's user and what belongs to them, but `keep` (null: none is kept). Waits. */
must_use enum err doom_sessions(struct turn *t, struct doomed *d, struct str keep, bool *had_keys);

#endif
