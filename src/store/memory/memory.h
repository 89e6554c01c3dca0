/* The store in memory: the plain reference back end, for tests. Nothing survives close; backup is refused.
 * Safe from every thread: one lock around all. */
#ifndef ROOKERY_STORE_MEMORY_MEMORY_H
#define ROOKERY_STORE_MEMORY_MEMORY_H

#include "store/store.h"

struct store *store_memory_new(void);

#endif
