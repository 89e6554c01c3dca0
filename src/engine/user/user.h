/* Users at their owner. */
#ifndef ROOKERY_ENGINE_USER_USER_H
#define ROOKERY_ENGINE_USER_USER_H

#include "engine/engine.h"

/* entity_kind's free_state. */
void user_free_state(void *state);

/* In every turn that changes what /sync tells the user: takes a position, tells the user's waiting clients, returns the position for the rows. */
int64_t user_changed(struct turn *t);

#endif
