/* The content of a log record: the batches of one commit, each with its rows as bytes. */
#ifndef ROOKERY_STORE_ROCKSDB_RECORD_H
#define ROOKERY_STORE_ROCKSDB_RECORD_H

#include "base/buf.h"
#include "store/rocksdb/front.h"

/* Adds a batch whose changes have been checked (change_check). */
void record_write(struct buf *out, const struct store_batch *b);

struct record_batch {
    unsigned slot;
    int64_t epoch, predecessor, position;
    uint32_t rows; /* that many record_row calls follow */
};
/* Take what stands at the start of `rest`; rows point into it. False: it is none (or, for a batch, the end). */
must_use bool record_batch(struct str *rest, struct record_batch *out);
must_use bool record_row(struct str *rest, struct front_row *out);

#endif
