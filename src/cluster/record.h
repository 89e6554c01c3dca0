/* Records as bytes, and the one rule that says which of those in a slot's queue count.
 *
 * A record names its predecessor, so that a loss is seen; the epoch in which it was made and the position where that began; and up to where
 * its maker had got records back when it made it, which tells a loss from what never was. The rows carry all the rest: what is
 * delivered, letters and answers can be derived from them. */
#ifndef ROOKERY_CLUSTER_RECORD_H
#define ROOKERY_CLUSTER_RECORD_H

#include "base/buf.h"
#include "store/store.h"

enum {
    RECORD_FORMAT = 1,          /* the newest that this program reads */
    RECORD_CHANGES_MAX = 65536, /* what a reader makes room for is bounded, whatever the bytes say */
};

enum record_kind {
    RECORD_ROWS,
    RECORD_MARK, /* opens an epoch; it has a position and no rows */
    RECORD_BEAT, /* has no position of its own: it comes back to show that its maker still holds the slot */
    RECORD_KINDS
};

struct record_head {
    unsigned format;
    enum record_kind kind;
    unsigned slot;
    uint64_t opener; /* a random number for each opening: whose it is */
    int64_t epoch, began;
    int64_t predecessor, position;
    int64_t returned; /* its maker had all up to here back */
};

void record_encode(struct buf *b, const struct record_head *h, const struct change *change, size_t changes);

/* In two steps, since the head says whether the rows are wanted. False on bytes that this program did not write, or that a newer one wrote;
 * the strings of the changes point into `body`. Rows keep the declared limits. */
must_use bool record_decode_head(struct str bytes, struct record_head *out, struct str *body);
must_use bool record_decode_rows(struct str body, struct arena *a, struct change **change, size_t *changes);

/* A row's cells from column `from` up to `to`, which is not among them; the strings that are read point into `in`. */
void record_put_cells(struct buf *b, const struct table_info *t, const struct cell *c, unsigned from, unsigned to);
must_use bool record_get_cells(struct str *in, const struct table_info *t, struct cell *c, unsigned from, unsigned to);

/* Where a reader of a slot's queue stands: first where the store does, then after each record that it took. */
struct stand {
    int64_t epoch, position;
};

enum verdict {
    VERDICT_TAKE,  /* the next one */
    VERDICT_KNOWN, /* taken before, or in the store */
    VERDICT_VOID,  /* of a former owner, or one that never counted */
    VERDICT_GAP    /* something that counted is missing before it */
};

/* All readers of a queue see the same records in the same order, and so come to the same verdicts. */
enum verdict record_judge(const struct stand *s, const struct record_head *h);

#endif
