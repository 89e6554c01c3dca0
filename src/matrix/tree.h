/* One helper on JSON trees that the rules need and JSON itself does not. */
#ifndef ROOKERY_MATRIX_TREE_H
#define ROOKERY_MATRIX_TREE_H

#include "json/json.h"

/* The node alone, out of its list, for another container; what is below is shared, so neither tree may be changed there. */
static inline struct json *json_shallow(struct arena *a, const struct json *v)
{
    struct json *copy = json_new(a, v->type);
    *copy = *v;
    copy->next = NULL;
    return copy;
}

#endif
