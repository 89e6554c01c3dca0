/* Rows that count for a while only, and go in the background: transaction ids, and media ids that were reserved and never filled.
 *
 * The tables are gone through slot by slot, a page at a time with a pause after each, about once an hour. So nothing has to be written besides
 * such a row, and what is in the way of a message pays nothing. In a cluster several processes may do it at once: it does no harm. */
#ifndef ROOKERY_ENGINE_PRUNE_H
#define ROOKERY_ENGINE_PRUNE_H

#include "engine/engine.h"

enum { PRUNE_TXN_KEEP_MS = 2 * 24 * 3600 * 1000, PRUNE_MEDIA_KEEP_MS = 24 * 3600 * 1000, PRUNE_PAGE = 500 };

struct pruner;
/* Begins some time after the loop has begun to run. */
struct pruner *pruner_new(struct engine *e, struct loop *l);
/* After the loops have ended. NULL is allowed. */
void pruner_free(struct pruner *p);

/* A place between two pages. {0} is the beginning. */
struct prune_place {
    unsigned slot, table; /* table: of those that are pruned */
    struct str first, second;
    bool end; /* all slots are done */
};
/* Prunes one page and moves on; the strings of the next place are in `a`. Waits. */
must_use enum err prune_page(struct engine *e, struct arena *a, struct prune_place *at, int64_t *deleted);

#endif
