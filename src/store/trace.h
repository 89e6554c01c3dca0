/* Counts what passes through to another store, and logs it at debug level: looks, tables and numbers, never the content of
 * rows. It owns the store inside, and closes it. */
#ifndef ROOKERY_STORE_TRACE_H
#define ROOKERY_STORE_TRACE_H

#include "store/store.h"

struct store_trace {
    uint64_t applies, applies_failed, changes;
    uint64_t reads, reads_failed, rows;
    uint64_t looks, metas, backups;
};

struct store *store_trace_new(struct store *inside);
void store_trace_counts(struct store *s, struct store_trace *out);

#endif
