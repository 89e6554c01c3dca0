/* What `rookery admin` asks the running server over its control socket. */
#ifndef ROOKERY_MAIN_ADMIN_H
#define ROOKERY_MAIN_ADMIN_H

#include "base/buf.h"
#include "engine/engine.h"

/* One JSON object, on one line. Blocks: not on a loop's thread. */
void admin_status(struct engine *e, struct buf *out);

#endif
