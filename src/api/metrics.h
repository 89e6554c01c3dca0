/* Counts and latencies per endpoint, and /metrics. */
#ifndef ROOKERY_API_METRICS_H
#define ROOKERY_API_METRICS_H

#include "api/api.h"

struct api_metrics;
struct api_metrics *api_metrics_new(const struct api_route *route, size_t count);
void api_metrics_free(struct api_metrics *m);
/* One answered request. Safe from every loop. */
void api_metrics_count(const struct api *r, int status, int64_t us);
struct api_metrics *api_metrics_of(const struct api_server *s);
/* CORS and the request's own headers, for handlers that answer by themselves. Returns how many. */
size_t api_answer_headers(const struct api *r, struct http_header *out, size_t max);

#endif
