/* A store that fails on command, around any other: for tests. It owns the store inside, and closes it.
 *
 * A failed batch is answered in its place among those of its slot, and nothing of it is written; so those that build on it
 * meet ERR_CONFLICT, as with a real disk. */
#ifndef ROOKERY_STORE_FAULTY_H
#define ROOKERY_STORE_FAULTY_H

#include "store/store.h"

struct store *store_faulty_new(struct store *inside);
/* The nth apply from now on fails with ERR_STORAGE (1: the next); 0: none. From any thread. */
void store_faulty_fail_nth(struct store *s, uint64_t nth);
/* Every apply fails while it is on. */
void store_faulty_fail_all(struct store *s, bool on);
/* Reads begin in the next tick, as cold ones do. */
void store_faulty_delay_reads(struct store *s, bool on);

#endif
