/* The gateway's half of sync: which clients of this loop wait, and for what. One per loop. */
#ifndef ROOKERY_ENGINE_SYNC_GATEWAY_H
#define ROOKERY_ENGINE_SYNC_GATEWAY_H

#include "engine/engine.h"

struct sync_gateway *sync_gateway_new(struct engine *e, struct loop *l);
void sync_gateway_free(struct sync_gateway *g);
/* Items for this loop: wakes the clients that they concern. */
void sync_gateway_delivered(struct sync_gateway *g, const struct delivery *d);

#endif
