/* `rookery serve`: puts the parts together, and takes them apart again. The only place that names back ends. */
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "base/log.h"
#include "base/random.h"
#include "blob/files/files.h"
#include "blob/s3/s3.h"
#include "broker/amqp/amqp.h"
#include "broker/local/local.h"
#include "cache/local/local.h"
#include "cache/redis/redis.h"
#include "engine/hot.h"
#include "engine/media/shelf.h"
#include "engine/media/thumbnail.h"
#include "http/http.h"
#include "main/admin.h"
#include "main/backup.h"
#include "main/commands.h"
#include "main/control.h"
#include "main/listen.h"
#include "main/network.h"
#include "main/places.h"
#include "main/tree.h"
#include "main/web.h"
#include "matrix/version.h"
#include "store/postgres/postgres.h"
#include "store/rocksdb/rocksdb.h"

enum {
    LIMITER_KEYS = 65536,
    CACHE_BYTES = 16 * 1048576,
    WARM_ROOMS = 20000,
    WARM_USERS = 20000,
    LISTENERS_MAX = 16,
    READY_POLL_MS = 2,
    AWAY_S = 1,
    AWAY_TELL = 15, /* tries from one line in the log to the next */
    HAND_OVER_MS = 10000,
    SETTLE_ROUNDS = 500,
    TRIM_MS = 5000,
    TRIM_BYTES = 2 * 1048576
};

struct server {
    const struct settings *settings;
    struct arena arena;
    struct store *store;
    struct broker_exchange *exchange;
    struct broker *broker;
    struct cache *cache;
    struct limiter *limiter;
    struct blobs *blobs;
    struct thumbnailer *thumbnailer;
    struct shelf *shelf;
    struct engine *engine;
    struct api_server *api;
    struct site *site;
    struct fault no_web; /* why there is no web client; empty when there is one */
    struct loop *loop[CLUSTER_LOOPS_MAX];
    pthread_t thread[CLUSTER_LOOPS_MAX];
    size_t loops;
    struct http_server *http[LISTENERS_MAX];
    size_t listeners, closing;
    struct control *control;
    uv_signal_t terminate, interrupt, hangup;
    struct timer ready, trim;
    size_t free_kept; /* what the allocator had free after the last trimming */
    bool stopping;
    int64_t stopping_ms; /* since */
};

/* --- making the parts --- */

/* Its name must survive a power cut, too. Where it was there before, that is tried only: the folder above may be of any kind. */
static enum err make_folder(const char *path, struct fault *f)
{
    char parent[PATH_MAX];
    bool made = mkdir(path, 0700) == 0;
    if (!made && access(path, R_OK | W_OK | X_OK) != 0)
        return fault_set(f, ERR_STORAGE, "[store] path: the folder %s cannot be made or used: %m", path);
    int n = snprintf(parent, sizeof parent, "%s/..", path);
    enum err e = n > 0 && n < PATH_MAX ? tree_sync(parent, made ? f : NULL) : ERR_OK;
    return made ? e : ERR_OK;
}

/* One that all servers have makes limits hold for all of them together. */
static enum err open_cache(struct server *s, struct fault *f)
{
    const struct settings *set = s->settings;
    s->limiter = limiter_new(LIMITER_KEYS);
    if (str_empty(set->cache.url)) {
        s->cache = cache_local_open(CACHE_BYTES, &clock_system);
        return ERR_OK;
    }
    const struct cache_redis_config c = {.url = set->cache.url,
                                         .ca_file = *set->cache.ca_file ? set->cache.ca_file : NULL,
                                         .prefix = set->cache.prefix,
                                         .patience_ms = set->cache.patience};
    enum err e = cache_redis_open(&c, &s->cache, f);
    if (e == ERR_OK) limiter_share(s->limiter, s->cache);
    return e;
}

/* The host's name, and what no other process has: another life is another node. */
static struct str node_name(struct arena *a)
{
    enum { OF_HOST = 40, OF_CHANCE = 12 };
    char host[256] = "";
    size_t n = 0;
    (void)!gethostname(host, sizeof host - 1);
    for (size_t i = 0; host[i] && n < OF_HOST; i++)
        if (broker_name_ok(str_make(&host[i], 1))) host[n++] = host[i];
    return arena_printf(a, "%.*s-%.*s", (int)n, host, STR_FMT(random_id(a, OF_CHANCE)));
}

static enum err open_broker(struct server *s, struct fault *f)
{
    const struct settings *set = s->settings;
    if (set->broker.url.count == 0) {
        s->exchange = broker_exchange_new();
        return broker_local_attach(s->exchange, STR("self"), &s->broker, f);
    }
    struct broker_amqp_config c = broker_amqp_defaults;
    c.url = set->broker.url.item;
    c.urls = set->broker.url.count;
    c.ca_file = *set->broker.ca_file ? set->broker.ca_file : NULL;
    c.prefix = set->broker.prefix;
    c.prefetch = (unsigned)set->broker.prefetch;
    return broker_amqp_attach(&c, node_name(&s->arena), &s->broker, f);
}

/* A server may start before its database, as it may before its broker, and when it has died while that is away it must come back by itself. */
static enum err open_postgres(const struct store_postgres_config *c, struct store **out, struct fault *f)
{
    for (unsigned tries = 0;; tries++) {
        enum err e = store_postgres_open(c, out, f);
        if (e != ERR_UNAVAILABLE) return e;
        if (tries % AWAY_TELL == 0) log_event(LOG_WARN, "store", "waiting for the database", "why=\"%s\"", f->text);
        *f = (struct fault){0};
        sleep(AWAY_S);
    }
}

static enum err open_store(struct server *s, struct fault *f)
{
    const struct settings *set = s->settings;
    struct store_postgres_config pc = {.url = set->store.url.item,
                                       .urls = set->store.url.count,
                                       .use = set->broker.url.count ? STORE_POSTGRES_SHARED : STORE_POSTGRES_ALONE,
                                       .readers = (unsigned)set->store.readers};
    struct store_rocksdb_config rc = {.cache_bytes = (size_t)set->store.cache_size};
    if (pc.urls) return open_postgres(&pc, &s->store, f);
    return store_rocksdb_open(arena_printf(&s->arena, "%s/db", set->store.path).p, &rc, &s->store, f);
}

static enum err open_blobs(struct server *s, struct fault *f)
{
    const struct settings *set = s->settings;
    struct blobs_s3_config c = {.url = set->media.url,
                                .region = set->media.region.p,
                                .ca_file = *set->media.ca_file ? set->media.ca_file : NULL,
                                .spool = set->store.path};
    return set->media.url.n ? blobs_s3_open(&c, &s->blobs, f) : blobs_files_open(set->media.path, &s->blobs, f);
}

static enum err open_parts(struct server *s, struct fault *f)
{
    const struct settings *set = s->settings;
    enum err e = make_folder(set->store.path, f);
    if (e == ERR_OK) e = crypto_init(f);
    if (e == ERR_OK) e = open_store(s, f);
    if (e == ERR_OK) e = open_blobs(s, f);
    if (e == ERR_OK) e = open_broker(s, f);
    if (e == ERR_OK) e = open_cache(s, f);
    if (e != ERR_OK) return e;
    struct thumbnail_config tc = thumbnail_defaults;
    tc.workers = (unsigned)set->media.workers;
    tc.max_pixels = (uint64_t)set->media.max_pixels;
    s->thumbnailer = thumbnailer_new(&tc);
    s->shelf = shelf_new(place_thumbnails(&s->arena, set), (uint64_t)set->media.thumbnails_size);
    return ERR_OK;
}

static size_t loop_count(const struct settings *set)
{
    long n = set->server.loops ? (long)set->server.loops : sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > CLUSTER_LOOPS_MAX ? CLUSTER_LOOPS_MAX : (size_t)n;
}

static enum err make_engine(struct server *s, struct fault *f)
{
    const struct settings *set = s->settings;
    struct engine_config ec = {
        .server_name = set->server.name,
        .password_cost = {.memory_kib = (unsigned)set->password.memory_kib, .passes = (unsigned)set->password.passes},
        .access_token_lifetime_ms = set->session.access_token_lifetime,
        .presence = set->presence.enabled,
        .warm_rooms = WARM_ROOMS,
        .warm_users = WARM_USERS,
        .journal = set->broker.url.count ? JOURNAL_QUEUE : JOURNAL_STORE,
        .record_bytes = (size_t)set->broker.record_bytes,
        .tick_ms = set->broker.tick,
        .gather_ms = set->broker.gather,
        .spacing_ms = set->broker.spacing,
        .keep_hot = *set->cache.url.p,
    };
    s->loops = loop_count(set);
    for (size_t i = 0; i < s->loops; i++)
        s->loop[i] = loop_new((unsigned)i);
    for (size_t i = 0; *set->cache.url.p && i < s->loops; i++)
        cache_redis_begin(s->cache, s->loop[i]);
    return engine_new(&ec, s->loop, s->loops, s->store, s->broker, s->cache, s->limiter, &clock_system, &s->engine, f);
}

static bool may_read_metrics(void *ctx, struct str client_ip)
{
    const struct settings *set = ctx;
    if (!set->metrics.enabled) return false;
    if (str_empty(client_ip) || str_is(client_ip, "unix")) return true;
    for (size_t i = 0; i < set->metrics.allow.count; i++)
        if (network_has(set->metrics.allow.item[i], client_ip)) return true;
    return false;
}

static void make_api(struct server *s)
{
    const struct settings *set = s->settings;
    struct api_config c = {
        .engine = s->engine,
        .public_url = set->server.public_url,
        .admin_contact = set->server.admin_contact.item,
        .admin_contacts = set->server.admin_contact.count,
        .registration = set->registration.mode == REGISTRATION_OPEN    ? REGISTER_OPEN
                        : set->registration.mode == REGISTRATION_TOKEN ? REGISTER_TOKEN
                                                                       : REGISTER_CLOSED,
        .guests = set->registration.guests,
        .room_version = room_version_find(set->rooms.default_version),
        .registration_token = set->registration.tokens.item,
        .registration_tokens = set->registration.tokens.count,
        .password_min = (unsigned)set->password.min_length,
        .upload_max = (size_t)set->media.max_upload_size,
        .blobs = s->blobs,
        .thumbnailer = s->thumbnailer,
        .shelf = s->shelf,
        .store = s->store,
        .may_read_metrics = may_read_metrics,
        .ctx = (void *)(uintptr_t)set,
    };
    const struct {
        enum api_limit limit;
        double per_second;
        int64_t burst;
    } rates[] = {
        {LIMIT_READ, set->limits.requests, set->limits.requests_burst},
        {LIMIT_WRITE, set->limits.requests, set->limits.requests_burst},
        {LIMIT_MESSAGE, set->limits.messages, set->limits.messages_burst},
        {LIMIT_JOIN, set->limits.joins, set->limits.joins_burst},
        {LIMIT_LOGIN, set->limits.logins, set->limits.logins_burst},
        {LIMIT_USER_LOGIN, set->limits.user_logins, set->limits.user_logins_burst},
        {LIMIT_REGISTER, set->limits.registrations, set->limits.registrations_burst},
        {LIMIT_UPLOAD, set->limits.uploads, set->limits.uploads_burst},
    };
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        c.limit[rates[i].limit] = (struct rate){rates[i].per_second, (unsigned)rates[i].burst};
    s->api = api_new(&c);
}

static void make_site(struct server *s)
{
    s->site = site_new(web_instead);
    if (web_read(s->site, s->settings, &s->no_web) == ERR_OK) s->no_web.text[0] = 0;
}

static void handle(void *ctx, struct http_request *r)
{
    struct server *s = ctx;
    if (api_owns(s->api, r->path) || !site_handle(s->site, r)) api_handle(s->api, r);
}

static enum err listen_all(struct server *s, struct fault *f)
{
    const struct settings *set = s->settings;
    struct http_config hc = {
        .limits = {.header_bytes = (size_t)set->limits.header_bytes,
                   .connections = (size_t)set->limits.connections,
                   .header_ms = set->limits.header_timeout,
                   .body_ms = set->limits.body_timeout,
                   .idle_ms = set->limits.idle_timeout,
                   .pipelined = 16,
                   .output_bytes = 64 * 1048576},
        .trusted_proxy = set->server.trusted_proxies.item,
        .trusted_proxies = set->server.trusted_proxies.count,
        .tls_certificate = *set->tls.certificate ? set->tls.certificate : NULL,
        .tls_key = *set->tls.key ? set->tls.key : NULL,
        .handler = handle,
        .ctx = s,
    };
    for (size_t i = 0; i < set->server.listen.count && i < LISTENERS_MAX; i++) {
        struct listen_address at;
        enum err e = listen_parse(&s->arena, set->server.listen.item[i], &at, f);
        if (e == ERR_OK) e = http_listen(s->loop, s->loops, at.host, at.port, &hc, &s->http[s->listeners], f);
        if (e != ERR_OK) return e;
        api_add_listener(s->api, s->http[s->listeners++]);
    }
    return ERR_OK;
}

/* --- the control socket --- */

static enum err control_backup(void *ctx, const char *argument, struct buf *answer, struct fault *f)
{
    struct server *s = ctx;
    (void)answer;
    return backup_make(s->store, s->settings, argument, f);
}

static enum err control_status(void *ctx, const char *argument, struct buf *answer, struct fault *f)
{
    struct server *s = ctx;
    (void)argument;
    (void)f;
    admin_status(s->engine, s->api, answer);
    return ERR_OK;
}

/* Until the others have all slots. Stopping it is then nobody's loss. */
static enum err control_drain(void *ctx, const char *argument, struct buf *answer, struct fault *f)
{
    struct server *s = ctx;
    struct cluster_stats st;
    (void)argument;
    cluster_stats(s->engine->cluster, &st);
    if (!st.others) return fault_set(f, ERR_CONFLICT, "This is the only server: there is nobody to give its slots to.");
    engine_leave(s->engine);
    for (int waited = 0; st.slots_open && waited < HAND_OVER_MS; waited += 10) {
        usleep(10000);
        cluster_stats(s->engine->cluster, &st);
    }
    if (st.slots_open) return fault_set(f, ERR_TIMEOUT, "%llu slots are still here.", (unsigned long long)st.slots_open);
    buf_add(answer, STR("The other servers have its slots, and /health/ready says no. It can be stopped; it takes part again when it is "
                        "started anew."));
    return ERR_OK;
}

static const struct control_command control_table[] = {{"backup", control_backup}, {"status", control_status}, {"drain", control_drain}};

/* --- running --- */

static void say_where(const struct server *s)
{
    const struct settings *set = s->settings;
    const char *scheme = *set->tls.certificate ? "https" : "http";
    for (size_t i = 0; i < s->listeners; i++) {
        struct str at = set->server.listen.item[i];
        if (str_starts(at, STR("unix:"))) {
            printf("Rookery listens on %.*s\n", STR_FMT(at));
            continue;
        }
        ptrdiff_t colon = (ptrdiff_t)at.n;
        while (colon > 0 && at.p[colon - 1] != ':')
            colon--;
        printf("Rookery is ready: %s://%.*s%u\n", scheme, (int)colon, at.p, http_port(s->http[i]));
    }
    printf("Users are @name:%.*s. %s\n", STR_FMT(set->server.name),
           set->registration.mode == REGISTRATION_OPEN
               ? "Anyone who reaches this address may register: choose it as the homeserver in any Matrix client."
           : set->registration.mode == REGISTRATION_TOKEN ? "Registering needs a token (setting registration.tokens)."
                                                          : "Registration is closed.");
    if (s->no_web.text[0])
        printf("No web client is served. %s\n", s->no_web.text);
    else
        printf("The web client is served there, too: open the address in a browser.\n");
    fflush(stdout);
}

static void check_ready(struct timer *t)
{
    struct server *s = list_item(t, struct server, ready);
    if (cluster_not_ready(s->engine->cluster, loop_now_ms(s->loop[0]))) {
        timer_set(s->loop[0], &s->ready, READY_POLL_MS, check_ready);
        return;
    }
    say_where(s);
    log_event(LOG_INFO, "main", "ready", "loops=%zu", s->loops);
}

/* What a rush of requests needed goes back to the system: the allocator alone would keep it for ever. */
static void give_back(void *arg)
{
    (void)arg;
    malloc_trim(TRIM_BYTES / 16);
}

static void trim_fiber(void *arg)
{
    struct server *s = arg;
    fiber_work(give_back, s);
    s->free_kept = mallinfo2().fordblks;
}

static void trim(struct timer *t)
{
    struct server *s = list_item(t, struct server, trim);
    size_t free_bytes = mallinfo2().fordblks;
    if (free_bytes < s->free_kept) s->free_kept = free_bytes;
    if (free_bytes > s->free_kept + TRIM_BYTES) fiber_spawn(trim_fiber, s);
    timer_set(s->loop[0], &s->trim, TRIM_MS, trim);
}

static void stop_loops(void *arg)
{
    struct server *s = arg;
    for (size_t i = 0; i < s->loops; i++)
        loop_stop(s->loop[i]);
}

static void listener_closed(void *arg)
{
    struct server *s = arg;
    if (--s->closing == 0) control_stop(s->control, stop_loops, s);
}

static void stop_listening(struct server *s)
{
    s->closing = s->listeners;
    for (size_t i = 0; i < s->listeners; i++)
        http_close(s->http[i], s->settings->server.shutdown_grace, listener_closed, s);
    engine_stop_waiting(s->engine);
}

/* Until the others have its slots, none is half open, and the load balancer has had its time. */
static void drain(struct timer *t)
{
    struct server *s = list_item(t, struct server, ready);
    struct cluster_stats st;
    int64_t passed = loop_now_ms(s->loop[0]) - s->stopping_ms;
    cluster_stats(s->engine->cluster, &st);
    bool busy = st.slots_opening || (st.others && st.slots_open);
    if (passed < s->settings->server.drain || (busy && passed < HAND_OVER_MS))
        timer_set(s->loop[0], &s->ready, READY_POLL_MS, drain);
    else
        stop_listening(s);
}

static void stop(uv_signal_t *h, int number)
{
    struct server *s = h->data;
    (void)number;
    if (s->stopping) return;
    s->stopping = true;
    log_event(LOG_INFO, "main", "stopping", "%s", "");
    uv_close((uv_handle_t *)&s->terminate, NULL);
    uv_close((uv_handle_t *)&s->interrupt, NULL);
    uv_close((uv_handle_t *)&s->hangup, NULL);
    timer_clear(s->loop[0], &s->ready);
    timer_clear(s->loop[0], &s->trim);
    s->stopping_ms = loop_now_ms(s->loop[0]);
    engine_leave(s->engine);
    drain(&s->ready);
}

static void read_site(void *arg)
{
    struct server *s = arg;
    struct fault f = {0};
    if (web_read(s->site, s->settings, &f) != ERR_OK) log_event(LOG_WARN, "main", "web client not read again", "reason=\"%s\"", f.text);
}

static void read_site_fiber(void *arg)
{
    fiber_work(read_site, arg);
}

static void reload(uv_signal_t *h, int number)
{
    struct server *s = h->data;
    (void)number;
    for (size_t i = 0; i < s->listeners; i++)
        http_reload(s->http[i]);
    fiber_spawn(read_site_fiber, s);
}

static void watch_signals(struct server *s)
{
    uv_loop_t *uv = loop_uv(s->loop[0]);
    const struct {
        uv_signal_t *handle;
        int number;
        uv_signal_cb cb;
    } signals[] = {{&s->terminate, SIGTERM, stop}, {&s->interrupt, SIGINT, stop}, {&s->hangup, SIGHUP, reload}};
    for (size_t i = 0; i < 3; i++) {
        uv_signal_init(uv, signals[i].handle);
        signals[i].handle->data = s;
        uv_signal_start(signals[i].handle, signals[i].cb, signals[i].number);
    }
    signal(SIGPIPE, SIG_IGN);
}

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void run(struct server *s)
{
    watch_signals(s);
    timer_set(s->loop[0], &s->ready, 0, check_ready);
    timer_set(s->loop[0], &s->trim, TRIM_MS, trim);
    for (size_t i = 1; i < s->loops; i++)
        if (pthread_create(&s->thread[i], NULL, run_loop, s->loop[i]) != 0) abort();
    loop_run(s->loop[0]);
    for (size_t i = 1; i < s->loops; i++)
        pthread_join(s->thread[i], NULL);
}

/* Records that are under way return, and letters find their receivers, before the store closes. Nothing depends on it: a killed process is as good. */
static void settle(struct server *s)
{
    struct cluster_stats st = {.in_flight = 1};
    bool busy = true;
    for (unsigned round = 0; round < SETTLE_ROUNDS && (round < 3 || busy); round++) {
        for (size_t i = 0; i < s->loops; i++)
            loop_poll(s->loop[i]);
        cluster_stats(s->engine->cluster, &st);
        busy = st.in_flight || limiter_is_telling(s->limiter) || hot_is_telling(s->engine->hot);
        if (busy) usleep(1000);
    }
}

static void take_apart(struct server *s)
{
    if (s->engine) settle(s);
    if (s->broker) broker_close(s->broker);
    if (s->store) s->store->ops->close(s->store);
    if (s->api) api_free(s->api);
    if (s->engine) engine_free(s->engine);
    for (size_t i = 0; i < s->loops; i++)
        loop_free(s->loop[i]);
    site_free(s->site);
    if (s->thumbnailer) thumbnailer_free(s->thumbnailer);
    shelf_free(s->shelf);
    if (s->blobs) blobs_close(s->blobs);
    if (s->exchange) broker_exchange_free(s->exchange);
    if (s->cache) cache_close(s->cache);
    if (s->limiter) limiter_free(s->limiter);
    arena_release(&s->arena);
}

/* All that it may have: a connection is a file, and what a process begins with is few for a server. */
static void take_open_files(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0) return;
    r.rlim_cur = r.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &r);
}

int cmd_serve(const struct invocation *in)
{
    struct server s = {.settings = in->settings};
    struct fault f = {0};
    arena_init(&s.arena);
    log_setup((enum log_level)in->settings->log.level, in->settings->log.format == LOG_FORMAT_JSON);
    take_open_files();
    enum err e = open_parts(&s, &f);
    if (e == ERR_OK) e = make_engine(&s, &f);
    if (e == ERR_OK) {
        make_api(&s);
        make_site(&s);
        e = listen_all(&s, &f);
    }
    if (e == ERR_OK)
        e = control_start(s.loop[0], in->settings->store.path, control_table, sizeof control_table / sizeof control_table[0], &s,
                          &s.control, &f);
    if (e == ERR_OK)
        run(&s);
    else
        fprintf(stderr, "rookery: %s\n", f.text[0] ? f.text : err_sentence(e));
    take_apart(&s);
    return e == ERR_OK ? 0 : 1;
}
