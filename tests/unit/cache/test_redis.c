/* What the Redis back end promises beyond the contract: a cache that is away, slow, emptied, full, somebody else's, or secured. */
#include "cache/redis/redis.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cache/limiter.h"
#include "contract/in_fiber.h"
#include "redis_server.h"
#include "unit/http/tls_fixture.h"

enum { PATIENCE_MS = 300, SECURE_PATIENCE_MS = 20000 };

static struct redis_server server;
static struct cache *cache;
static struct arena arena;

static struct cache *open_cache(const char *url, const char *ca_file, int64_t patience_ms)
{
    struct cache *c = NULL;
    struct fault f = {0};
    const struct cache_redis_config config = {.url = str_c(url), .prefix = STR("test"), .ca_file = ca_file, .patience_ms = patience_ms};
    if (cache_redis_open(&config, &c, &f) != ERR_OK) fail_msg("%s", f.text);
    return c;
}

/* Runs `fn` in a fiber with a cache opened for it. */
static void with_cache(const char *url, const char *ca_file, int64_t patience_ms, void (*fn)(void))
{
    arena_init(&arena);
    cache = open_cache(url, ca_file, patience_ms);
    in_fiber(fn);
    cache_close(cache);
    arena_release(&arena);
}

static void with_server(void (*fn)(void))
{
    redis_do(&server, "FLUSHALL");
    with_cache(server.url, NULL, PATIENCE_MS, fn);
}

static bool has(const char *key, const char *value)
{
    struct cache_value v;
    return cache_get(cache, str_c(key), &arena, &v) && str_is(v.value, value);
}

static uint64_t unanswered(void)
{
    struct cache_stats s;
    cache_stats(cache, &s);
    return s.unanswered;
}

static int64_t now_ms(void)
{
    return clock_mono_us(&clock_system) / 1000;
}

/* It is found again without being asked: only then this may ask. */
static void wait_until_it_works(void)
{
    do {
        fiber_sleep_ms(5);
        cache_set(cache, STR("probe"), STR("x"), 1, 60000);
    } while (!has("probe", "x"));
}

/* Many calls, none of which waits. */
static void costs_nothing(void)
{
    int64_t began = now_ms(), n;
    uint64_t before = unanswered();
    for (int i = 0; i < 1000; i++)
        assert_false(cache_incr(cache, STR("c"), 1, 60000, &n));
    assert_true(now_ms() - began < 1000 * PATIENCE_MS / 10);
    assert_int_equal(unanswered() - before, 1000);
}

/* --- away --- */

static void kill_and_start_again(void)
{
    cache_set(cache, STR("k"), STR("v"), 1, 60000);
    assert_true(has("k", "v"));
    redis_kill(&server);
    assert_false(has("k", "v"));
    costs_nothing();
    while (!redis_run(&server))
        fiber_sleep_ms(10);
    wait_until_it_works();
    assert_false(has("k", "v")); /* it came back empty */
}
static void killed(void **state)
{
    (void)state;
    with_server(kill_and_start_again);
}

static void never_there_fn(void)
{
    assert_false(has("k", "v"));
    costs_nothing();
}
static void never_there(void **state)
{
    char url[100];
    (void)state;
    snprintf(url, sizeof url, "redis://127.0.0.1:%u", redis_free_port());
    with_cache(url, NULL, PATIENCE_MS, never_there_fn);
    with_cache("redis://no-such-host.invalid", NULL, PATIENCE_MS, never_there_fn);
}

static void stall_and_go_on(void)
{
    cache_set(cache, STR("k"), STR("v"), 1, 60000);
    kill(server.pid, SIGSTOP);
    int64_t began = now_ms();
    assert_false(has("k", "v"));
    assert_true(now_ms() - began >= PATIENCE_MS / 2);
    costs_nothing();
    fiber_sleep_ms(3 * PATIENCE_MS); /* it has been tried again, the kernel still accepts, and nobody answers */
    costs_nothing();
    kill(server.pid, SIGCONT);
    wait_until_it_works();
    assert_true(has("k", "v"));
}
static void stalls(void **state)
{
    (void)state;
    with_server(stall_and_go_on);
}

static void empty_it(void)
{
    cache_set(cache, STR("k"), STR("v"), 7, 60000);
    assert_true(has("k", "v"));
    redis_do(&server, "FLUSHALL");
    redis_do(&server, "SCRIPT FLUSH");
    assert_false(has("k", "v"));
    cache_set(cache, STR("k"), STR("older"), 6, 60000);
    assert_true(has("k", "older"));
    assert_int_equal(unanswered(), 0);
}
static void emptied(void **state)
{
    (void)state;
    with_server(empty_it);
}

/* --- somebody else's --- */

static void fill_it(void)
{
    cache_set(cache, STR("k"), STR("old"), 1, 60000);
    redis_do(&server, "CONFIG SET maxmemory-policy noeviction");
    redis_do(&server, "CONFIG SET maxmemory 1");
    cache_set(cache, STR("k"), STR("new"), 2, 60000);
    bool there = has("k", "old") || has("k", "new");
    redis_do(&server, "CONFIG SET maxmemory 0");
    assert_false(there);
    cache_set(cache, STR("k"), STR("new"), 2, 60000);
    assert_true(has("k", "new"));
    assert_int_equal(unanswered(), 0);
}
static void full(void **state)
{
    (void)state;
    with_server(fill_it);
}

static void meet_strangers(void)
{
    redis_do(&server, "RPUSH test:vlist a b");
    redis_do(&server, "SET test:vshort a");
    redis_do(&server, "SET test:vodd 99999999999999999999=value");
    redis_do(&server, "SET test:vletters 0922337203685477580x=value");
    redis_do(&server, "SET test:cnumber 9223372036854775807");
    int64_t n;
    static const char *const keys[] = {"list", "short", "odd", "letters"};
    for (size_t i = 0; i < 4; i++)
        assert_false(has(keys[i], "value"));
    cache_set(cache, STR("list"), STR("value"), 1, 60000); /* what stands in the way goes */
    cache_set(cache, STR("list"), STR("value"), 1, 60000);
    assert_true(has("list", "value"));
    assert_false(cache_incr(cache, STR("number"), 1, 1000, &n));
    assert_int_equal(unanswered(), 0);
}
static void strangers_values(void **state)
{
    (void)state;
    with_server(meet_strangers);
}

static void becomes_replica(void)
{
    cache_set(cache, STR("k"), STR("v"), 1, 60000);
    redis_do(&server, "REPLICAOF 127.0.0.1 1");
    cache_set(cache, STR("k"), STR("w"), 2, 60000); /* READONLY: this is no cache for us any more */
    assert_int_equal(unanswered(), 1);
    redis_do(&server, "REPLICAOF NO ONE");
    wait_until_it_works();
}
static void replica(void **state)
{
    (void)state;
    with_server(becomes_replica);
}

/* A listener that answers whatever it is told with the same. */
struct parrot {
    int fd;
    const char *answer;
    pthread_t thread;
};
static void *parrot_run(void *arg)
{
    struct parrot *p = arg;
    char bytes[1000];
    int fd;
    while ((fd = accept(p->fd, NULL, NULL)) >= 0) {
        if (read(fd, bytes, sizeof bytes) > 0 && *p->answer && write(fd, p->answer, strlen(p->answer)) > 0)
            while (read(fd, bytes, sizeof bytes) > 0)
                ;
        close(fd);
    }
    return NULL;
}
static void no_redis(void **state)
{
    static const char *const answers[] = {"",
                                          "HTTP/1.1 400 Bad Request\r\n\r\n",
                                          "*1\r\n+OK\r\n",
                                          "+OK\r\n+OK\r\n+OK\r\n",
                                          "$99999999999\r\n",
                                          "+OK\r\n$3\r\nabcde",
                                          "-LOADING the dataset\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof at;
        struct parrot p = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .answer = answers[i]};
        assert_int_equal(bind(p.fd, (struct sockaddr *)&at, sizeof at) | listen(p.fd, 10), 0);
        assert_int_equal(getsockname(p.fd, (struct sockaddr *)&at, &n), 0);
        assert_int_equal(pthread_create(&p.thread, NULL, parrot_run, &p), 0);
        char url[60];
        snprintf(url, sizeof url, "redis://127.0.0.1:%u", ntohs(at.sin_port));
        with_cache(url, NULL, PATIENCE_MS, never_there_fn);
        shutdown(p.fd, SHUT_RDWR);
        pthread_join(p.thread, NULL);
        close(p.fd);
    }
}

/* --- who we are, and who they are --- */

/* What `fn` writes to standard error. */
static char *said_during(void (*fn)(void))
{
    static char text[8000];
    char path[] = "/tmp/rookery-said-XXXXXX";
    int file = mkstemp(path), before = dup(STDERR_FILENO);
    assert_true(file >= 0 && dup2(file, STDERR_FILENO) >= 0);
    unlink(path);
    fn();
    dup2(before, STDERR_FILENO);
    close(before);
    ssize_t n = pread(file, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    close(file);
    return text;
}

static void set_and_get(void)
{
    cache_set(cache, STR("k"), STR("v"), 1, 60000);
    assert_true(has("k", "v"));
}

static char url[300];
static const char *ca_file;
static void refused_fn(void)
{
    with_cache(url, ca_file, SECURE_PATIENCE_MS, never_there_fn);
}
static void is_refused(const char *sentence)
{
    const char *said = said_during(refused_fn);
    if (!strstr(said, sentence)) fail_msg("%s", said);
    assert_null(strstr(said, "secret"));
}

static void passwords(void **state)
{
    (void)state;
    struct redis_server s = {.arg = {"--requirepass", "secret@1"}};
    redis_start(&s);
    ca_file = NULL;
    snprintf(url, sizeof url, "redis://:secret%%401@127.0.0.1:%u/3", s.port);
    with_cache(url, NULL, SECURE_PATIENCE_MS, set_and_get);
    snprintf(url, sizeof url, "redis://:secret2@127.0.0.1:%u", s.port);
    is_refused("[cache] url: the user or the password is not right");
    snprintf(url, sizeof url, "redis://secretive:secret%%401@127.0.0.1:%u", s.port);
    is_refused("[cache] url: the user or the password is not right");
    snprintf(url, sizeof url, "redis://127.0.0.1:%u", s.port);
    is_refused("[cache] url: the user or the password is not right");
    snprintf(url, sizeof url, "redis://:secret%%401@127.0.0.1:%u/60000", s.port);
    is_refused("[cache] url: there is no database of that number");
    redis_kill(&s);
}

static void every_call(void)
{
    int64_t n;
    set_and_get();
    cache_del(cache, STR("k"), 1);
    assert_false(has("k", "v"));
    assert_true(cache_incr(cache, STR("k"), 1, 60000, &n) && cache_owe(cache, STR("k"), 1, 60000, &n));
    assert_int_equal(unanswered(), 0);
}

/* The rights that docs/operate.md names are enough. */
static void least_rights(void **state)
{
    (void)state;
    redis_do(&server, "ACL SETUSER chat on >secret ~test:* +eval +get +set +del +getrange +incrby +pttl +select");
    snprintf(url, sizeof url, "redis://chat:secret@127.0.0.1:%u/1", server.port);
    with_cache(url, NULL, SECURE_PATIENCE_MS, every_call);
}

static void tls(void **state)
{
    (void)state;
    struct tls_files files = tls_files_new(), others = tls_files_new();
    tls_files_write(&files, "localhost");
    struct redis_server s = {.tls = true,
                             .arg = {"--tls-cert-file", files.certificate, "--tls-key-file", files.key, "--tls-ca-cert-file",
                                     files.certificate, "--tls-auth-clients", "no"}};
    redis_start(&s);
    snprintf(url, sizeof url, "rediss://localhost:%u", s.port);
    with_cache(url, files.certificate, SECURE_PATIENCE_MS, set_and_get);
    ca_file = others.certificate;
    is_refused("its certificate is not believed");
    ca_file = files.certificate;
    snprintf(url, sizeof url, "rediss://127.0.0.1:%u", s.port); /* another name than the certificate's */
    is_refused("its certificate is not believed");
    redis_kill(&s);
    tls_files_remove(&files);
    tls_files_remove(&others);
}

static void large_over_tls_fn(void)
{
    char *big = mem_alloc(CACHE_VALUE_MAX);
    memset(big, 'x', CACHE_VALUE_MAX);
    for (int i = 0; i < 5; i++) {
        struct cache_value v;
        cache_set(cache, STR("big"), str_make(big, CACHE_VALUE_MAX), i, 60000);
        assert_true(cache_get(cache, STR("big"), &arena, &v));
        assert_int_equal(v.value.n, CACHE_VALUE_MAX);
        assert_int_equal(v.position, i);
    }
    mem_free(big);
}
static void large_over_tls(void **state)
{
    (void)state;
    struct tls_files files = tls_files_new();
    tls_files_write(&files, "localhost");
    struct redis_server s = {.tls = true,
                             .arg = {"--tls-cert-file", files.certificate, "--tls-key-file", files.key, "--tls-ca-cert-file",
                                     files.certificate, "--tls-auth-clients", "no"}};
    redis_start(&s);
    snprintf(url, sizeof url, "rediss://localhost:%u", s.port);
    with_cache(url, files.certificate, SECURE_PATIENCE_MS, large_over_tls_fn);
    redis_kill(&s);
    tls_files_remove(&files);
}

static void urls(void **state)
{
    (void)state;
    static const char *const good[] = {"redis://h",       "redis://h:1/0",          "rediss://u:p@h", "redis://:p@[::1]:6380/15",
                                       "redis://h/65535", "redis://:%2F%40@h:65535"};
    static const char *const bad[] = {"",
                                      "h",
                                      "http://h",
                                      "redis:/h",
                                      "redis://",
                                      "redis://h:0",
                                      "redis://h:x",
                                      "redis://h/a",
                                      "redis://h/-1",
                                      "redis://u@h",
                                      "redis://h/65536",
                                      "redis://h?db=1",
                                      "redis://secret:b/c@h",
                                      "redis://:secret%zz@h"};
    struct fault f;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(cache_redis_check_url(str_c(good[i]), &f), ERR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cache_redis_check_url(str_c(bad[i]), &f), ERR_INVALID_PARAM);
        assert_true(f.text[0] && !strstr(f.text, "secret"));
    }
}

/* --- several nodes, several loops --- */

static struct cache *other;
static void prefixes_fn(void)
{
    struct cache_value v;
    cache_set(cache, STR("k"), STR("mine"), 1, 60000);
    assert_false(cache_get(other, STR("k"), &arena, &v));
    cache_set(other, STR("k"), STR("others"), 2, 60000);
    assert_true(has("k", "mine"));
}
static void prefixes(void **state)
{
    (void)state;
    const struct cache_redis_config config = {.url = str_c(server.url), .prefix = STR("other"), .patience_ms = PATIENCE_MS};
    assert_int_equal(cache_redis_open(&config, &other, NULL), ERR_OK);
    with_server(prefixes_fn);
    cache_close(other);
}

enum { WORKERS = 3, FIBERS = 20, ROUNDS = 100 };
struct worker {
    struct task task;
    struct loop *loop;
    pthread_t thread;
    struct cache *cache;
    unsigned busy;
    bool wrong;
};

static void work(void *arg)
{
    struct worker *w = arg;
    struct arena a;
    int64_t last = 0, n;
    arena_init(&a);
    for (int i = 0; i < ROUNDS; i++) {
        struct cache_value v;
        char text[32];
        if (!cache_incr(w->cache, STR("position"), 1, 60000, &n)) w->wrong = true;
        snprintf(text, sizeof text, "%lld", (long long)n);
        cache_set(w->cache, STR("shared"), str_c(text), n, 60000);
        /* Never older than before, never older than what we have put there, and never torn. */
        if (!cache_get(w->cache, STR("shared"), &a, &v)) w->wrong = true;
        snprintf(text, sizeof text, "%lld", (long long)v.position);
        if (v.position < last || v.position < n || !str_is(v.value, text)) w->wrong = true;
        last = v.position;
        arena_reset(&a);
    }
    arena_release(&a);
    if (--w->busy == 0) loop_stop(w->loop);
}

static void work_start(struct task *t)
{
    struct worker *w = list_item(t, struct worker, task);
    w->busy = FIBERS;
    for (int i = 0; i < FIBERS; i++)
        fiber_spawn(work, w);
}

static void *work_run(void *arg)
{
    loop_run(((struct worker *)arg)->loop);
    return NULL;
}

static void loops(void **state)
{
    (void)state;
    struct worker w[WORKERS] = {0};
    redis_do(&server, "FLUSHALL");
    struct cache *c = open_cache(server.url, NULL, SECURE_PATIENCE_MS);
    for (unsigned i = 0; i < WORKERS; i++) {
        w[i] = (struct worker){.task.run = work_start, .loop = loop_new(i), .cache = c};
        cache_redis_begin(c, w[i].loop);
        loop_post(w[i].loop, &w[i].task);
        assert_int_equal(pthread_create(&w[i].thread, NULL, work_run, &w[i]), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(w[i].thread, NULL);
        loop_free(w[i].loop);
        assert_false(w[i].wrong);
    }
    struct cache_stats s;
    cache_stats(c, &s);
    assert_int_equal(s.unanswered, 0);
    assert_int_equal(s.hits, WORKERS * FIBERS * ROUNDS);
    cache_close(c);
}

/* Two nodes that let through what their limiters say, in turn; how many that are in all. */
static unsigned taken_by_two(struct limiter *const l[2], const char *key, int64_t at_us, unsigned tries)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < tries; i++) {
        taken += limiter_take(l[i % 2], 1, str_c(key), at_us, 0.01, 80, NULL);
        while (limiter_is_telling(l[i % 2]))
            fiber_sleep_ms(1);
    }
    return taken;
}

static void share_fn(void)
{
    struct limiter *l[2] = {limiter_new(1000), limiter_new(1000)};
    limiter_share(l[0], cache);
    limiter_share(l[1], cache);
    assert_in_range(taken_by_two(l, "shared", 1000, 400), 80, 80 + 2 * 10);
    /* A key that nobody has used is free; one that is used up on one node is so on the other when that has noticed. */
    for (unsigned i = 0; i < 80; i++)
        assert_true(limiter_take(l[0], 1, STR("one"), 1000, 0.01, 80, NULL));
    while (limiter_is_telling(l[0]))
        fiber_sleep_ms(1);
    unsigned more = 0;
    for (unsigned i = 0; i < 80; i++) {
        more += limiter_take(l[1], 1, STR("one"), 1000, 0.01, 80, NULL);
        while (limiter_is_telling(l[1]))
            fiber_sleep_ms(1);
    }
    assert_in_range(more, 1, 10);
    /* With the cache away each counts for itself. */
    redis_kill(&server);
    assert_int_equal(taken_by_two(l, "alone", 1000, 400), 160);
    limiter_free(l[0]);
    limiter_free(l[1]);
    while (!redis_run(&server))
        fiber_sleep_ms(10);
}
static void shared_limits(void **state)
{
    (void)state;
    with_server(share_fn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed),    cmocka_unit_test(never_there),      cmocka_unit_test(stalls),  cmocka_unit_test(emptied),
        cmocka_unit_test(full),      cmocka_unit_test(strangers_values), cmocka_unit_test(replica), cmocka_unit_test(no_redis),
        cmocka_unit_test(passwords), cmocka_unit_test(least_rights),     cmocka_unit_test(tls),     cmocka_unit_test(large_over_tls),
        cmocka_unit_test(urls),      cmocka_unit_test(prefixes),         cmocka_unit_test(loops),   cmocka_unit_test(shared_limits),
    };
    redis_start(&server);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    redis_kill(&server);
    return failed;
}
