/* Dot-separated property paths (appendices): `content.m\.relates_to.rel_type`. */
#ifndef ROOKERY_MATRIX_PATH_H
#define ROOKERY_MATRIX_PATH_H

#include "json/json.h"

enum { PATH_PARTS_MAX = 16 };

struct path {
    size_t n;
    struct str parts[PATH_PARTS_MAX];
};

/* Parts without escapes point into the text, the others into the arena. False when there are too many parts. */
must_use bool path_parse(struct arena *a, struct str text, struct path *out);

#endif
