/* Text without case and accents' forms, for searching. */
#ifndef ROOKERY_MATRIX_FOLD_H
#define ROOKERY_MATRIX_FOLD_H

#include "base/arena.h"

/* Case-folded and normalised (NFKC), in the arena; text that is no UTF-8 stays as it is. */
struct str fold(struct arena *a, struct str s);
/* Does `s`, folded, contain the folded term? An absent `s` contains nothing. */
bool fold_contains(struct arena *a, struct str s, struct str term);

#endif
