/* All rows of a store into another one, of whatever back ends: a server moves from its embedded store to a database.
 *
 * It can be interrupted at any time, and goes on when it is called again, as long as the source has not changed meanwhile: the rows of a
 * slot are written in pages, in order, and the slot's position at the target counts the pages, in epoch 0, until the last batch sets position and epoch to
 * what they are at the source. Such a slot is whole. Settings come last, and the history id, by which clients know their server, last of them. */
#ifndef ROOKERY_STORE_COPY_H
#define ROOKERY_STORE_COPY_H

#include "store/store.h"

struct store_copy {
    struct store *from, *to;
    const struct str *meta; /* names of settings to copy besides "history", where they are set */
    size_t metas;
    /* Now and then: slots that are whole, and rows copied by this call. May be NULL. */
    void (*progress)(void *ctx, unsigned slots, uint64_t rows);
    void *ctx;
    /* answer */
    uint64_t rows;
};

/* Both are open and nobody else uses them. CONFLICT with a sentence: the target has something else. In a fiber; waits. */
must_use enum err store_copy(struct store_copy *c, struct fault *f);

/* Rows of a table and slot in the order of their keys, page by page. Waits. */
struct store_walk {
    struct store *store;
    unsigned slot;
    enum table table;
    struct arena arena; /* of the page */
    struct row *row;
    size_t count; /* 0: the end */
    /* inner */
    struct arena place_arena;
    struct row place; /* the last row of the page before */
    unsigned prefix;
    bool begun, over;
};
void store_walk_init(struct store_walk *w, struct store *s, unsigned slot, enum table table);
must_use enum err store_walk_next(struct store_walk *w, size_t limit);
void store_walk_release(struct store_walk *w);

#endif
