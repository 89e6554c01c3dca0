/* Glob patterns of push rules: `*` any characters, `?` one, letters of either case (Unicode's simple lower case). */
#ifndef ROOKERY_MATRIX_GLOB_H
#define ROOKERY_MATRIX_GLOB_H

#include "base/arena.h"

/* A pattern with its wildcards marked, in the arena. */
struct glob {
    struct str text; /* the bytes 0xFF and 0xFE, which UTF-8 does not have, stand for `*` and `?` */
    bool literal;    /* neither is in it */
};
struct glob glob_compile(struct arena *a, struct str pattern);
/* The text itself as a pattern: nothing in it is a wildcard. Points to it. */
struct glob glob_literal(struct str text);

/* Matching counts its steps down from *budget, and gives up (no match) below 0: a pattern and a text that were made for
 * each other may otherwise cost the product of their lengths. */
bool glob_matches(const struct glob *g, struct str text, long *budget);
/* Any part of the text that begins and ends at a word boundary: its end, or beside a character that is not [A-Za-z0-9_]. */
bool glob_matches_words(const struct glob *g, struct str text, long *budget);

#endif
