/* User-interactive authentication: before some requests are done, their sender goes through the stages of a flow.
 *
 *     enum err e = uia_password(r);
 *     if (e != ERR_OK) return e;      // the 401 with the flows has been written
 *
 * What has been completed is kept in the cache under the session's name, bound to the user, the method and the path, and from the first
 * completed stage on to the body. Where the cache has lost it, the dialogue begins again. A session is good for one request. */
#ifndef ROOKERY_API_UIA_H
#define ROOKERY_API_UIA_H

#include "api/api.h"

enum { UIA_STAGES_MAX = 3 };

struct uia_flow {
    const char *stage[UIA_STAGES_MAX + 1]; /* in any order; NULL at the end */
};

/* OK when one of the flows is complete. Otherwise the answer is written: hand the error on. Stages: m.login.password (of the one who
 * asks), m.login.dummy, m.login.registration_token. Waits. */
must_use enum err uia_check(struct api *r, const struct uia_flow *flow, size_t flows);
/* The one who asks knows the account's password. Waits. */
must_use enum err uia_password(struct api *r);

#endif
