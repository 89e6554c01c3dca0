/* The stock: what an owner has at hand of the store, so that it reads it without asking, and also while the store is away.
 *
 * It holds ranges: all rows of a table that begin with the same key cells, as many cells as the engine says (cluster_config.at_hand), so that a range is
 * what one user has in the table. It is filled by reading. Only the slot's owner writes, so a range stays true when each change is put into it
 * as soon as the store has that; what is newer is in the overlay, which is laid over what is read here. It may be filled with rows that are newer than
 * what the owner knows to be in the store: the overlay has all of those. A range that is too large is not held, but remembered, so that
 * it is not brought in again each time. At most so many bytes; what was not read for the longest time goes first. One thread. */
#ifndef ROOKERY_CLUSTER_STOCK_H
#define ROOKERY_CLUSTER_STOCK_H

#include "store/store.h"

struct stock;
/* `cells`: for each table how many key cells name a range; 0: its rows are not held. It lives as long as the stock. */
struct stock *stock_new(const unsigned char *cells, size_t bytes);
void stock_free(struct stock *s);
/* Answers as the store would, as of what it is known to have; false: the range is not at hand. */
must_use bool stock_read(struct stock *s, struct store_read *r);
/* The read of the whole range of which `r` asks for a part; false: nothing is to be brought in for this one. */
must_use bool stock_whole(struct stock *s, const struct store_read *r, struct store_read *whole);
/* Takes in what that read has found. */
void stock_take(struct stock *s, const struct store_read *whole);
/* The store has the change now. */
void stock_apply(struct stock *s, const struct change *c);
/* What it holds, as it counts it. */
size_t stock_bytes(const struct stock *s);

#endif
