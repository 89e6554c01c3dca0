/* Which route a method and path mean: a tree of path segments, built once from routes.def. */
#ifndef ROOKERY_API_ROUTER_H
#define ROOKERY_API_ROUTER_H

#include "api/api.h"

struct router;
struct router *router_new(const struct api_route *route, size_t count);
void router_free(struct router *r);

struct router_match {
    const struct api_route *route; /* NULL: none */
    bool path_known;               /* but not with this method */
    unsigned methods;              /* those that the path takes instead: a bit each */
    struct str param[API_PARAMS_MAX];
};
/* Parameters are decoded into the arena. INVALID_PARAM on a bad escape. */
must_use enum err router_find(const struct router *r, struct arena *a, enum http_method method, struct str path, struct router_match *out);
/* Is it at or below the first segment of one of the routes? */
bool router_owns(const struct router *r, struct str path);

#endif
