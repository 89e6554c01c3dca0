/* The transaction ids that a room has taken of late: what is not among them is known to be new without a question to the store.
 *
 * Only their fingerprints are kept, and not more than so many: an id that may be known, or may have been forgotten here, is the
 * store's to tell. An id counts for a day: one that a client repeats later may be done again. */
#ifndef ROOKERY_ENGINE_ROOM_TXNS_H
#define ROOKERY_ENGINE_ROOM_TXNS_H

#include "base/buf.h"

/* A hash table; the index is the mark's low bits. */
struct txn_set {
    uint32_t *mark; /* 0: empty */
    size_t cap, count;
    int64_t began_ms;
};
struct txns {
    struct txn_set young, old; /* when the young set is full or a day old it takes the old one's place */
    int64_t since_ms;          /* every id of that time or later has been noted and not forgotten */
};

/* `since_ms`: all ids from then on are going to be noted. */
void txns_init(struct txns *t, int64_t since_ms);
void txns_release(struct txns *t);
void txns_note(struct txns *t, struct str id, int64_t now_ms);
/* As bytes for the next owner of the room, and from them: takes them off the front of `in`, which may be anything. */
void txns_tell(const struct txns *t, struct buf *b);
must_use bool txns_inherit(struct txns *t, struct str *in);
/* Certainly not taken within the last day. */
bool txns_is_new(const struct txns *t, struct str id, int64_t now_ms);

#endif
