/* The prototypes of all handlers. */
#ifndef ROOKERY_API_ROUTES_H
#define ROOKERY_API_ROUTES_H

#include "api/api.h"

#define ROUTE(method, path, handler, access, body, body_max, limit) enum err handler(struct api *r);
#include "api/routes.def"
#undef ROUTE

#endif
