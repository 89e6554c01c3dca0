/* What a slot's records have written that the store does not show yet: rows by table and key, in order.
 *
 * The owner reads through it, so that it sees its own changes at once. Rows' bytes belong to the records. One thread. */
#ifndef ROOKERY_CLUSTER_OVERLAY_H
#define ROOKERY_CLUSTER_OVERLAY_H

#include "store/store.h"

struct overlay;
struct overlay *overlay_new(void);
void overlay_free(struct overlay *o);
/* The row (or its deletion) as of `position`; replaces an older one. */
void overlay_put(struct overlay *o, const struct change *c, int64_t position);
/* Takes the row out if nothing newer than `position` has replaced it. */
void overlay_drop(struct overlay *o, const struct change *c, int64_t position);
bool overlay_is_empty(const struct overlay *o);
/* Rows and deletions of the range that `r` asks for, in the order of `r`, into the arena. Returns how many. */
size_t overlay_collect(const struct overlay *o, const struct store_read *r, struct arena *a, const struct change ***out);
/* Is the row, one of the table that `r` reads, in the range that it asks for? */
bool overlay_is_asked(const struct store_read *r, const struct row *row);
/* Order of two rows' keys in one table. */
int overlay_key_cmp(enum table t, const struct row *x, const struct row *y);

#endif
