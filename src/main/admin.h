/* What `rookery admin` asks the running server over its control socket. */
#ifndef ROOKERY_MAIN_ADMIN_H
#define ROOKERY_MAIN_ADMIN_H

#include "api/api.h"
#include "base/buf.h"

/* One JSON object, on one line. Blocks: not on a loop's thread. */
void admin_status(struct engine *e, const struct api_server *api, struct buf *out);

#endif
