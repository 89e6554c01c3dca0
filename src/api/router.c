#include "api/router.h"

#include "base/map.h"

struct node {
    struct map literal; /* of nodes, by segment */
    struct node *parameter;
    const struct api_route *route[HTTP_OTHER + 1];
    bool any;
};

struct router {
    struct node root;
    struct arena arena;
};

/* The next segment of a path, and the rest after its slash. */
static struct str cut_segment(struct str *path)
{
    ptrdiff_t slash = str_find(*path, '/');
    struct str s = slash < 0 ? *path : str_first(*path, (size_t)slash);
    *path = slash < 0 ? (struct str){0} : str_from(*path, (size_t)slash + 1);
    return s;
}

static struct node *descend(struct router *r, struct node *n, struct str segment)
{
    if (segment.n && segment.p[0] == '{') {
        if (!n->parameter) n->parameter = arena_zero(&r->arena, sizeof *n->parameter);
        return n->parameter;
    }
    struct node *c = map_get(&n->literal, segment);
    if (c) return c;
    c = arena_zero(&r->arena, sizeof *c);
    map_put(&n->literal, segment, c);
    return c;
}

static void add(struct router *r, const struct api_route *route)
{
    struct str path = str_from(str_c(route->path), 1);
    struct node *n = &r->root;
    while (path.p)
        n = descend(r, n, cut_segment(&path));
    n->route[route->method] = route;
    n->any = true;
}

struct router *router_new(const struct api_route *route, size_t count)
{
    struct router *r = mem_zero(sizeof *r);
    arena_init(&r->arena);
    for (size_t i = 0; i < count; i++)
        add(r, &route[i]);
    return r;
}

static void release_maps(struct node *n)
{
    struct node *c;
    for (size_t at = 0; (c = map_next(&n->literal, &at));)
        release_maps(c);
    map_release(&n->literal);
    if (n->parameter) release_maps(n->parameter);
}

void router_free(struct router *r)
{
    release_maps(&r->root);
    arena_release(&r->arena);
    mem_free(r);
}

/* Old clients say r0 (and, for media, v1) where the path has been v3 since. */
static struct str modern(struct str path, struct str segment, unsigned depth)
{
    if (depth != 2) return segment;
    bool old_media = str_starts(path, STR("/_matrix/media/v1/")) && !str_is(path, "/_matrix/media/v1/create");
    return old_media || str_is(segment, "r0") ? STR("v3") : segment;
}

bool router_owns(const struct router *r, struct str path)
{
    struct str rest = str_from(path, 1);
    return map_get(&r->root.literal, cut_segment(&rest)) != NULL;
}

enum err router_find(const struct router *r, struct arena *a, enum http_method method, struct str path, struct router_match *out)
{
    *out = (struct router_match){0};
    if (path.n == 0 || path.p[0] != '/') return ERR_OK;
    struct str rest = str_from(path, 1);
    const struct node *n = &r->root;
    unsigned depth = 0, params = 0;
    while (rest.p && n) {
        struct str segment = modern(path, cut_segment(&rest), depth++);
        const struct node *c = map_get(&n->literal, segment);
        if (!c && n->parameter && params < API_PARAMS_MAX) {
            c = n->parameter;
            if (!http_decode(a, segment, false, &out->param[params++])) return ERR_INVALID_PARAM;
        }
        n = c;
    }
    if (!n || !n->any) return ERR_OK;
    out->path_known = true;
    out->route = n->route[method];
    if (!out->route && method == HTTP_HEAD) out->route = n->route[HTTP_GET];
    for (unsigned m = 0; m <= HTTP_OTHER && !out->route; m++)
        if (n->route[m]) out->methods |= 1u << m;
    return ERR_OK;
}
