/* Calls of the store whose answer a fiber waits for, on its own loop. */
#ifndef ROOKERY_STORE_WAIT_H
#define ROOKERY_STORE_WAIT_H

#include "store/store.h"

/* Fill it in but for `loop` and what says who is told. Returns r->err. */
must_use enum err store_read_wait(struct store *s, struct store_read *r);
/* Several at once, in two steps. Each has its own `err`. The first does not wait; the second must follow it, in the same fiber. */
void store_reads_begin(struct store *s, struct store_read *r, size_t n);
void store_reads_wait(struct store_read *r, size_t n);
must_use enum err store_look_wait(struct store *s, unsigned slot, struct store_slot *out);
/* The same for a batch; it is not changed. */
must_use enum err store_apply_wait(struct store *s, const struct store_batch *b);

#endif
