#include "api/metrics.h"

#include <unistd.h>

#include "api/routes.h"
#include "base/stat.h"
#include "engine/hot.h"
#include "engine/media/shelf.h"
#include "engine/media/thumbnail.h"
#include "engine/sync/gateway.h"

enum { CLASSES = 6 };

struct endpoint {
    struct histogram time;
    atomic_uint_fast64_t by_class[CLASSES]; /* 1xx to 5xx */
};

struct api_metrics {
    const struct api_route *route;
    size_t routes;
    struct endpoint other; /* paths that nobody serves */
    struct endpoint endpoint[];
};

struct api_metrics *api_metrics_new(const struct api_route *route, size_t count)
{
    struct api_metrics *m = mem_zero(sizeof *m + count * sizeof m->endpoint[0]);
    m->route = route;
    m->routes = count;
    return m;
}

void api_metrics_free(struct api_metrics *m)
{
    mem_free(m);
}

static uint64_t get(const atomic_uint_fast64_t *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

void api_metrics_count(const struct api *r, int status, int64_t us)
{
    struct api_metrics *m = api_metrics_of(r->server);
    struct endpoint *e = r->route ? &m->endpoint[r->route - m->route] : &m->other;
    histogram_add(&e->time, us);
    atomic_fetch_add_explicit(&e->by_class[status / 100 < CLASSES ? status / 100 : 5], 1, memory_order_relaxed);
}

/* `labels`: with a comma at the end, or empty. */
static void put_ranges(struct buf *b, const char *name, const char *labels, const struct histogram *h)
{
    uint64_t so_far = 0;
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        so_far += get(&h->range[i]);
        buf_printf(b, "%s_bucket{%sle=\"%g\"} %llu\n", name, labels, (double)histogram_bound_us[i] / 1e6, (unsigned long long)so_far);
    }
    so_far += get(&h->range[HISTOGRAM_BOUNDS]);
    int n = labels[0] ? (int)strlen(labels) - 1 : 0;
    const char *open = n ? "{" : "", *close = n ? "}" : "";
    buf_printf(b, "%s_bucket{%sle=\"+Inf\"} %llu\n", name, labels, (unsigned long long)so_far);
    buf_printf(b, "%s_sum%s%.*s%s %.6f\n", name, open, n, labels, close, (double)get(&h->us) / 1e6);
    buf_printf(b, "%s_count%s%.*s%s %llu\n", name, open, n, labels, close, (unsigned long long)so_far);
}

static bool was_asked(const struct endpoint *e)
{
    for (int i = 1; i < CLASSES; i++)
        if (get(&e->by_class[i])) return true;
    return false;
}

static void put_endpoint(struct buf *b, const char *method, const char *path, const struct endpoint *e)
{
    char labels[300];
    if (!was_asked(e)) return;
    snprintf(labels, sizeof labels, "method=\"%s\",endpoint=\"%s\",", method, path);
    put_ranges(b, "rookery_http_request_duration_seconds", labels, &e->time);
}

static void put_classes(struct buf *b, const char *method, const char *path, const struct endpoint *e)
{
    for (int i = 1; i < CLASSES; i++)
        if (get(&e->by_class[i]))
            buf_printf(b, "rookery_http_requests_total{method=\"%s\",endpoint=\"%s\",status=\"%dxx\"} %llu\n", method, path, i,
                       (unsigned long long)get(&e->by_class[i]));
}

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void number(struct buf *b, const char *name, const char *type, const char *help, uint64_t v)
{
    head(b, name, type, help);
    buf_printf(b, "%s %llu\n", name, (unsigned long long)v);
}

static void times(struct buf *b, const char *name, const char *help, const struct histogram *h)
{
    head(b, name, "histogram", help);
    put_ranges(b, name, "", h);
}

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0, skip;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f) return 0;
    if (fscanf(f, "%llu %llu", &skip, &pages) != 2) pages = 0;
    fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void join_delivery(const struct engine *e, struct histogram *into)
{
    for (size_t i = 0; i < CLUSTER_LOOPS_MAX && e->gateway[i]; i++)
        histogram_join(into, sync_gateway_delivery(e->gateway[i]));
}

void api_latency(const struct api_server *server, struct api_latency *out)
{
    const struct api_config *c = api_config(server);
    const struct api_metrics *m = api_metrics_of(server);
    struct store_stats s;
    for (size_t i = 0; i < m->routes; i++)
        if (m->route[i].handler == api_send) histogram_join(&out->send, &m->endpoint[i].time);
    join_delivery(c->engine, &out->delivery);
    c->store->ops->stats(c->store, &s);
    if (s.commit_time) histogram_join(&out->commit, s.commit_time);
}

/* What the loops count, each for itself. */
static void put_gateways(struct buf *b, const struct engine *e)
{
    uint64_t waiting = 0, answered = 0, accepted = 0, delivered = 0;
    struct histogram delivery = {0};
    for (size_t i = 0; i < CLUSTER_LOOPS_MAX && e->gateway[i]; i++) {
        waiting += sync_gateway_waiting(e->gateway[i]);
        answered += sync_gateway_answered(e->gateway[i]);
        accepted += stat_get(&e->events[i]);
        delivered += sync_gateway_events(e->gateway[i]);
    }
    join_delivery(e, &delivery);
    number(b, "rookery_sync_waiters", "gauge", "Clients that wait in /sync.", waiting);
    number(b, "rookery_sync_answers_total", "counter", "Answered /sync requests.", answered);
    number(b, "rookery_events_accepted_total", "counter", "Events that rooms have accepted: messages and state.", accepted);
    number(b, "rookery_events_delivered_total", "counter", "Events in the timelines of /sync answers.", delivered);
    times(b, "rookery_delivery_seconds",
          "Of /sync answers to clients that waited: from the sending of the first event in it to the answer.", &delivery);
}

static void put_cluster(struct buf *b, struct cluster *c)
{
    struct cluster_stats s;
    cluster_stats(c, &s);
    number(b, "rookery_commands_total", "counter", "Commands that owners have run.", s.commands);
    number(b, "rookery_records_total", "counter", "Records that owners have written.", s.records);
    number(b, "rookery_rows_total", "counter", "Rows in those records.", s.changes);
    number(b, "rookery_letters_total", "counter", "Letters between slots.", s.letters);
    number(b, "rookery_items_total", "counter", "Items that became durable: events, receipts, changes of users.", s.items);
    number(b, "rookery_deliveries_total", "counter", "Deliveries to gateways.", s.deliveries);
    number(b, "rookery_records_in_flight", "gauge", "Records that are being written.", s.in_flight);
    number(b, "rookery_records_failed_total", "counter",
           "Slots undone because the store refused a record, or what stands in their queue cannot be.", s.failed_records);
    number(b, "rookery_slots_open", "gauge", "Slots that are served here.", s.slots_open);
    number(b, "rookery_slots_reachable", "gauge", "Slots that are served here, or whose owner is known.", s.slots_reachable);
    number(b, "rookery_slots_opened_total", "counter", "Openings of slots.", s.reopened);
    number(b, "rookery_slots_handed_over_total", "counter", "Slots given to the node that should have them.", s.handed_over);
    number(b, "rookery_rooms_inherited_total", "counter", "Rooms of which the slot's former owner told what would else be read.",
           s.inherited);
    number(b, "rookery_nodes", "gauge", "Nodes that live, as this one sees it.", s.others + 1);
    number(b, "rookery_backlog_records", "gauge", "Records that are durable in the queue and not yet in the store.", s.backlog);
    number(b, "rookery_reads_at_hand_total", "counter", "Reads of rows that their owner had at hand, so that the store was not asked.",
           s.reads_at_hand);
    number(b, "rookery_commands_away_total", "counter", "Commands sent to other nodes.", s.away);
    number(b, "rookery_commands_inbound_total", "counter", "Commands that came from other nodes.", s.inbound);
    number(b, "rookery_posted_total", "counter", "Messages to other nodes.", s.posted);
    number(b, "rookery_envelopes_total", "counter", "What those travelled in, several together; each is one publish.", s.envelopes);
    number(b, "rookery_relayed_total", "counter", "Messages to other nodes that bring items.", s.relayed);
    number(b, "rookery_warm_entities", "gauge", "Rooms and users in memory.", s.warm);
}

static void put_broker(struct buf *b, const struct cluster *c)
{
    struct broker_stats s;
    if (!cluster_broker_stats(c, &s)) return;
    number(b, "rookery_broker_connected", "gauge", "1: the broker answers.", s.connected);
    number(b, "rookery_broker_refused_total", "counter", "Records that the broker has not taken.", s.refused);
    number(b, "rookery_broker_messages_lost_total", "counter", "Messages to other nodes that did not leave this one, or found nobody.",
           s.lost);
}

static void put_store(struct buf *b, struct store *store)
{
    struct store_stats s;
    store->ops->stats(store, &s);
    number(b, "rookery_store_batches_total", "counter", "Batches applied.", s.batches);
    number(b, "rookery_store_commits_total", "counter", "Synced commits; several batches share one.", s.commits);
    number(b, "rookery_store_queue", "gauge", "Batches waiting for a commit.", s.queue);
    number(b, "rookery_store_reads_total", "counter", "Reads.", s.reads);
    number(b, "rookery_store_cold_reads_total", "counter", "Reads that had to go to the disk.", s.cold_reads);
    if (s.commit_time) times(b, "rookery_store_commit_seconds", "What one commit takes, with its sync.", s.commit_time);
    if (s.read_time) times(b, "rookery_store_cold_read_seconds", "What a read takes that has to go to the disk.", s.read_time);
    number(b, "rookery_store_written_bytes_total", "counter", "Bytes written in batches.", s.bytes_written);
}

static void put_cache(struct buf *b, struct cache *cache)
{
    struct cache_stats s;
    cache_stats(cache, &s);
    number(b, "rookery_cache_hits_total", "counter", "Reads of the cache that found something.", s.hits);
    number(b, "rookery_cache_misses_total", "counter", "Reads of the cache that found nothing.", s.misses);
    number(b, "rookery_cache_sets_total", "counter", "Values and deletions that the cache took.", s.sets);
    number(b, "rookery_cache_refused_total", "counter", "Those that it had something newer for, or that were too large.", s.refused);
    number(b, "rookery_cache_evicted_total", "counter", "Entries that had to make room; of a cache in the process.", s.evicted);
    number(b, "rookery_cache_unanswered_total", "counter", "Calls that the cache was away for.", s.unanswered);
    number(b, "rookery_cache_bytes", "gauge", "Memory of the cache; of one in the process.", s.bytes);
}

/* What the cache saved reads of, and where it did not. */
static void put_hot(struct buf *b, const struct engine *e)
{
    static const char *const name[HOT_VERDICTS] = {[HOT_USED] = "used", [HOT_OLD] = "old", [HOT_NONE] = "none", [HOT_BROKEN] = "broken"};
    head(b, "rookery_hot_total", "counter",
         "Entries of rooms, users and presence that were looked for in the cache: used instead of a read of the store; older than what has "
         "changed; not there; "
         "not ours.");
    for (unsigned i = 0; i < HOT_VERDICTS; i++)
        buf_printf(b, "rookery_hot_total{result=\"%s\"} %llu\n", name[i], (unsigned long long)hot_counted(e, (enum hot_verdict)i));
}

static void put_thumbnails(struct buf *b, const struct api_config *c)
{
    struct thumbnail_stats t;
    struct shelf_stats s;
    thumbnailer_stats(c->thumbnailer, &t);
    shelf_stats(c->shelf, &s);
    number(b, "rookery_thumbnails_made_total", "counter", "Thumbnails made (images that are their own among them).", t.made);
    number(b, "rookery_thumbnails_refused_total", "counter", "Images that have no thumbnail: of no known kind, damaged, too large.",
           t.refused);
    number(b, "rookery_thumbnails_failed_total", "counter", "Images that crashed their decoder or took too long.", t.failed);
    number(b, "rookery_thumbnails_kept_total", "counter", "Requests answered with what was made before.", s.found);
}

/* Of all addresses together. */
static void put_http(struct buf *b, const struct api_config *c)
{
    struct http_stats s = {0};
    for (size_t i = 0; i < c->listeners; i++) {
        struct http_stats one;
        http_server_stats(c->listener[i], &one);
        s.connections_open += one.connections_open;
        s.connections_accepted += one.connections_accepted;
        s.connections_refused += one.connections_refused;
        s.bad_requests += one.bad_requests;
        s.bytes_in += one.bytes_in;
        s.bytes_out += one.bytes_out;
    }
    number(b, "rookery_connections", "gauge", "Open connections.", s.connections_open);
    number(b, "rookery_connections_accepted_total", "counter", "Connections accepted.", s.connections_accepted);
    number(b, "rookery_connections_refused_total", "counter", "Connections closed because there were too many.", s.connections_refused);
    number(b, "rookery_http_bad_requests_total", "counter", "Requests that were not HTTP.", s.bad_requests);
    number(b, "rookery_http_received_bytes_total", "counter", "Bytes received.", s.bytes_in);
    number(b, "rookery_http_sent_bytes_total", "counter", "Bytes sent.", s.bytes_out);
}

static void put_all(struct api *r, struct buf *b)
{
    const struct api_config *c = api_config(r->server);
    const struct api_metrics *m = api_metrics_of(r->server);
    head(b, "rookery_http_requests_total", "counter", "Requests by endpoint and class of status.");
    for (size_t i = 0; i < m->routes; i++)
        put_classes(b, http_method_name(m->route[i].method), m->route[i].path, &m->endpoint[i]);
    put_classes(b, "", "other", &m->other);
    head(b, "rookery_http_request_duration_seconds", "histogram", "From the headers to the answer. /sync counts its waiting.");
    for (size_t i = 0; i < m->routes; i++)
        put_endpoint(b, http_method_name(m->route[i].method), m->route[i].path, &m->endpoint[i]);
    put_gateways(b, c->engine);
    put_cluster(b, c->engine->cluster);
    put_broker(b, c->engine->cluster);
    if (c->store) put_store(b, c->store);
    put_cache(b, c->engine->cache);
    put_hot(b, c->engine);
    put_thumbnails(b, c);
    put_http(b, c);
    number(b, "rookery_resident_bytes", "gauge", "Resident memory of the process.", resident_bytes());
}

static enum err answer_text(struct api *r, int status, const char *type, struct str body)
{
    struct http_header h[12];
    size_t n = api_answer_headers(r, h, 10);
    h[n++] = (struct http_header){STR("Content-Type"), str_c(type)};
    struct buf out = r->out;
    http_respond(r->http, status, h, n, body);
    buf_release(&out);
    return API_ANSWERED;
}

enum err api_metrics_get(struct api *r)
{
    const struct api_config *c = api_config(r->server);
    if (!c->may_read_metrics || !c->may_read_metrics(c->ctx, r->http->client_ip))
        return fault_set(&r->fault, ERR_FORBIDDEN, "The metrics are not for this address (settings metrics.enabled and metrics.allow).");
    struct buf b;
    buf_init(&b, 64 * 1048576);
    put_all(r, &b);
    enum err e = answer_text(r, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&b));
    buf_release(&b);
    return e;
}

enum err api_health_live(struct api *r)
{
    return answer_text(r, 200, "text/plain; charset=utf-8", STR("alive\n"));
}

enum err api_health_ready(struct api *r)
{
    if (atomic_load(&r->engine->stopping)) return answer_text(r, 503, "text/plain; charset=utf-8", STR("stopping\n"));
    const char *why_not = cluster_not_ready(r->engine->cluster, loop_now_ms(loop_current()));
    struct str text = why_not ? arena_printf(r->arena, "not ready: %s\n", why_not) : STR("ready\n");
    return answer_text(r, why_not ? 503 : 200, "text/plain; charset=utf-8", text);
}
