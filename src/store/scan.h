/* What the back ends that keep ordered bytes share: a read as a range of keys, and its rows as they are found. */
#ifndef ROOKERY_STORE_SCAN_H
#define ROOKERY_STORE_SCAN_H

#include "store/key.h"

struct scan {
    bool point;      /* all key cells are given: `from` is the key */
    struct key from; /* first key that counts */
    struct key to;   /* first key after those that count */
};
/* ERR_TOO_LARGE when a bound is longer than any key may be. */
must_use enum err scan_of(const struct store_read *r, struct scan *out);

/* May a back end write it? A deletion's value cells may hold anything. */
must_use enum err change_check(const struct change *c);

/* Rows found so far, in `arena`, which need not be the reader's. */
struct found {
    struct arena *arena;
    struct row *row;
    size_t count, cap;
    bool more;
};
enum found_next { FOUND_GO_ON, FOUND_ENOUGH, FOUND_BROKEN };
/* Copies a row; FOUND_ENOUGH when the limit is passed (sets `more`), FOUND_BROKEN when the bytes are no row of the table. */
enum found_next found_add(struct found *f, const struct store_read *r, struct str key, struct str value);

/* Copies rows into another arena, bytes included. */
struct row *rows_copy(struct arena *a, const struct row *row, size_t count);

#endif
