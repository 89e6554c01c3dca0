/* Rows as bytes, for back ends that keep ordered bytes.
 *
 * A key is the slot, the table and the key cells, in an encoding whose byte order (memcmp, shorter first) is the order that
 * tables.def promises: an integer is 8 bytes, most significant first, sign flipped; a string's bytes, with 00 written
 * as 00 FF, end in 00 00, so that a string sorts before those that it begins, and no cell's bytes begin another's.
 *
 * Values are the value cells one after another: varint lengths and bytes, zigzag varints. Cells missing at the end are
 * empty or 0, and bytes beyond the declared cells are passed over: columns are only ever added at the end.
 *
 * Decoding checks everything: bytes from a disk may be anything. */
#ifndef ROOKERY_STORE_KEY_H
#define ROOKERY_STORE_KEY_H

#include "base/buf.h"
#include "store/store.h"

enum {
    KEY_BYTES_MAX = 2 + 2 * STORE_KEY_MAX + 2 * STORE_KEY_CELLS_MAX + 1, /* every byte escaped, every cell ended */
    KEY_CELL_FIRST = 2                                                   /* the first cell's bytes begin here */
};

struct key {
    size_t n;
    unsigned char b[KEY_BYTES_MAX];
};
static inline struct str key_str(const struct key *k)
{
    return str_make((const char *)k->b, k->n);
}

/* The key of the first `count` key cells; what keeps the limits of store_row_check fits. False: it does not fit. */
must_use bool key_encode(struct key *k, unsigned slot, enum table t, const struct cell *cells, unsigned count);
/* Adds key cell number `at` to a key that holds those before it. */
must_use bool key_add(struct key *k, enum table t, unsigned at, const struct cell *c);
/* Makes the least bytes that are greater than all that begin with this one. */
void key_after(struct key *k);
/* The length of slot, table and first cell: what rows of one room or one user share. 0: not such a key. */
size_t key_prefix(struct str key);

/* The key cells of `key` into row->c; strings lie in `bytes`, which takes at most key.n bytes. False: not a key of that table. */
must_use bool key_decode(struct str key, unsigned slot, enum table t, char *bytes, struct row *out);

/* Adds the value cells of the row to `out`, whose maximum must be at least VALUE_BYTES_MAX. */
void value_encode(struct buf *out, const struct row *r);
enum { VALUE_BYTES_MAX = STORE_VALUE_MAX + 10 * STORE_CELLS_MAX };
/* The value cells of the row's table into row->c; strings lie in `value`. */
must_use bool value_decode(struct str value, struct row *out);

#endif
