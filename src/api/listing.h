/* The same question to all slots, for lists of everything. */
#ifndef ROOKERY_API_LISTING_H
#define ROOKERY_API_LISTING_H

#include "api/api.h"

/* Runs a copy of the command in each slot; `call` has CLUSTER_SLOTS of them, in the order of the slots. The caller gives them to listing_release,
 * whatever came out. Waits. */
must_use enum err listing_ask(struct api *r, const struct command *cmd, struct call *call);
void listing_release(struct call *call);

#endif
