/* What slow, greedy and hostile clients meet: limits on time, size and number. */
#include <sys/resource.h>

#include "unit/http/fixture.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

static struct http_config tight(void)
{
    struct http_config c = usual_config();
    c.limits.header_bytes = 1024;
    c.limits.header_ms = 200;
    c.limits.body_ms = 300;
    c.limits.idle_ms = 150;
    return c;
}

static int start(void **state)
{
    *state = fixture_start("127.0.0.1", tight());
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state, 0);
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_silent_client(void **state)
{
    int64_t begin = now_ms();
    int fd = client(*state);
    expect_closed(fd);
    assert_in_range(now_ms() - begin, 195, 2000);
}

static void test_slow_head(void **state)
{
    /* A byte every 20 ms: each comes in time, but the head as a whole does not. */
    int fd = client(*state);
    int64_t begin = now_ms();
    const char *text = "GET /hello HTTP/1.1\r\nHost: h\r\nX-Very-Long: abcdefghijklmnopqrstuvwxyz\r\n\r\n";
    for (size_t i = 0; i < strlen(text) && now_ms() - begin < 1000; i++) {
        if (!client_send(fd, str_make(text + i, 1))) break;
        usleep(20000);
        char c;
        if (recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 1) break;
    }
    expect(fd, 408, NULL);
    assert_in_range(now_ms() - begin, 195, 900);
    expect_closed(fd);
}

static void test_many_requests_then_slow_head(void **state)
{
    /* Each head has its own time, also when the one before it ended in the same read as it began. */
    int fd = client(*state);
    client_say(fd, "GET /hello HT");
    for (int i = 0; i < 8; i++) {
        usleep(60000);
        client_say(fd, "TP/1.1\r\nHost: h\r\n\r\nGET /hello HT");
        expect(fd, 200, "hello");
    }
    close(fd);
}

static void test_stalled_body(void **state)
{
    struct fixture *f = *state;
    int fd = client(f);
    client_say(fd, "POST /sum HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    int64_t begin = now_ms();
    expect(fd, 408, NULL);
    assert_in_range(now_ms() - begin, 250, 2000);
    assert_true(soon(&f->gone, 1));
    expect_closed(fd);
    /* Slow, but moving; longer in all than one pause may be. */
    fd = client(f);
    client_say(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
    for (int i = 0; i < 10; i++) {
        usleep(60000);
        client_say(fd, "x");
    }
    expect(fd, 200, "xxxxxxxxxx");
    close(fd);
    /* A rest that nobody wants has no more time. */
    fd = client(f);
    client_say(fd, "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    expect(fd, 200, "hello");
    expect_closed(fd);
}

static void test_idle(void **state)
{
    struct fixture *f = *state;
    int fd = client(f);
    for (int i = 0; i < 5; i++) {
        client_say(fd, GET("/hello"));
        expect(fd, 200, "hello");
        usleep(80000);
    }
    int64_t begin = now_ms();
    expect_closed(fd);
    assert_in_range(now_ms() - begin, 30, 1000);
    /* Waiting is not idling. */
    int waiting = client(f);
    client_say(waiting, GET("/wait"));
    assert_true(soon(&f->waiting, 1));
    usleep(600000);
    assert_int_equal(atomic_load(&f->gone), 0);
    close(waiting);
    assert_true(soon(&f->gone, 1));
}

static void test_sizes(void **state)
{
    struct fixture *f = *state;
    char text[6000];
    int n = snprintf(text, sizeof text, "GET /hello HTTP/1.1\r\nHost: h\r\nX: ");
    memset(text + n, 'x', 2000);
    memcpy(text + n + 2000, "\r\n\r\n", 5);
    struct answer a;
    int fd = client(f);
    client_say(fd, text);
    assert_true(client_read(fd, &a, true));
    assert_int_equal(a.status, 431);
    assert_non_null(strstr(a.body, "M_TOO_LARGE"));
    answer_free(&a);
    expect_closed(fd);
    n = snprintf(text, sizeof text, "GET /");
    memset(text + n, 'x', 2000);
    text[n + 2000] = 0;
    ask(f, text, 414, NULL);
    ask(f, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n\r\n", 413, "too large");
    /* Chunked: known only when it is too late. */
    fd = client(f);
    client_say(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    static char block[10006];
    memset(block, 'a', sizeof block);
    memcpy(block, "2710\r\n", 6);
    for (int i = 0; i < 11; i++)
        if (!client_send(fd, str_make(block, sizeof block)) || !client_send(fd, STR("\r\n"))) break;
    expect(fd, 413, "too large");
    expect_closed(fd);
}

static void test_read_ahead_is_bounded(void **state)
{
    struct fixture *f = *state;
    int fd = client(f);
    client_say(fd, GET("/wait"));
    assert_true(soon(&f->waiting, 1));
    static char block[65536];
    size_t sent = 0;
    for (int i = 0; i < 200 && sent < 64u << 20; i++) {
        ssize_t n = send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else
            usleep(2000);
    }
    assert_true(sent < 32u << 20); /* the kernel's buffers, and no more */
    struct http_stats s;
    http_server_stats(f->server, &s);
    assert_true(s.bytes_in < 200000);
    close(fd);
}

static void test_client_that_does_not_read(void **state)
{
    struct fixture *f = *state;
    int fd = client(f);
    int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    client_say(fd, GET("/source?n=100000000"));
    assert_true(soon(&f->gone, 1));
    close(fd);
    /* Its next request is not even looked at before it has taken the answer. */
    fd = client(f);
    int before = atomic_load(&f->handled);
    client_say(fd, GET("/big?n=20000000") GET("/big?n=20000000"));
    usleep(100000);
    assert_int_equal(atomic_load(&f->handled), before + 1);
    struct http_stats s;
    for (int i = 0; i < 100; i++) {
        http_server_stats(f->server, &s);
        if (s.connections_open == 0) break;
        usleep(100000);
    }
    assert_int_equal(s.connections_open, 0);
    close(fd);
}

static void test_client_that_reads_slowly(void **state)
{
    struct fixture *f = *state;
    int fd = client(f), small = 65536;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    client_say(fd, GET("/big?n=6000000"));
    static char block[100000];
    size_t got = 0;
    for (int i = 0; got < 6000000; i++) {
        ssize_t n = recv(fd, block, sizeof block, 0);
        assert_true(n > 0);
        got += (size_t)n;
        if (i < 15) usleep(50000); /* 0.75 s in all, when a pause may be 0.3 */
    }
    close(fd);
}

static void test_connections(void **state)
{
    fixture_stop(*state, 0);
    struct http_config c = usual_config();
    c.limits.connections = 3;
    struct fixture *f = fixture_start("127.0.0.1", c);
    *state = f;
    int fd[3];
    for (int i = 0; i < 3; i++) {
        fd[i] = client(f);
        client_say(fd[i], GET("/hello"));
        expect(fd[i], 200, "hello");
    }
    expect_closed(client(f));
    struct http_stats s;
    http_server_stats(f->server, &s);
    assert_int_equal(s.connections_refused, 1);
    assert_int_equal(s.connections_open, 3);
    close(fd[0]);
    for (int i = 0; i < 1000 && s.connections_open > 2; i++, usleep(1000))
        http_server_stats(f->server, &s);
    ask(f, GET("/hello"), 200, "hello");
    close(fd[1]);
    close(fd[2]);
}

static void test_out_of_descriptors(void **state)
{
    struct fixture *f = *state;
    struct rlimit usual, tight_one;
    ask(f, GET("/hello"), 200, "hello");
    int fd = client(f);
    client_say(fd, GET("/hello"));
    expect(fd, 200, "hello");
    close(fd);
    usleep(20000);
    int probe = dup(0);
    close(probe);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    tight_one = usual;
    tight_one.rlim_cur = (rlim_t)probe + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight_one), 0);
    fd = client(f); /* takes the last one */
    client_say(fd, GET("/hello"));
    usleep(250000);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    expect(fd, 200, "hello");
    close(fd);
}

/* --- addresses --- */

static void expect_from(int fd, const char *header, const char *from)
{
    char text[500];
    snprintf(text, sizeof text, "GET /show HTTP/1.1\r\nHost: h\r\n%s\r\n", header);
    client_say(fd, text);
    struct answer a;
    assert_true(client_read(fd, &a, true));
    snprintf(text, sizeof text, " from %s id ", from);
    if (!strstr(a.body, text)) fail_msg("\"%s\" does not have \"%s\"", a.body, text);
    answer_free(&a);
}

static void check_forwarded(int fd, const char *peer)
{
    expect_from(fd, "", peer);
    expect_from(fd, "X-Forwarded-For: 1.2.3.4\r\n", "1.2.3.4");
    expect_from(fd, "X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.1.1.1\r\n", "1.2.3.4");
    expect_from(fd, "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 2001:db8::1 ,10.1.1.1\r\n", "2001:db8::1");
    expect_from(fd, "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 10.1.1.1\r\n", "6.6.6.6");
    expect_from(fd, "X-Forwarded-For: 10.1.1.1, 10.2.2.2\r\n", "10.1.1.1");
    expect_from(fd, "X-Forwarded-For: 6.6.6.6, nonsense, 10.2.2.2\r\n", "10.2.2.2");
    expect_from(fd, "X-Forwarded-For: nonsense\r\n", peer);
    expect_from(fd, "X-Forwarded-For: 1.2.3.4:5678\r\n", "1.2.3.4");
    expect_from(fd, "Forwarded: for=6.6.6.6, proto=https;For=\"[2001:db8::2]:443\";by=x\r\n", "2001:db8::2");
    expect_from(fd, "Forwarded: for=_hidden\r\n", peer);
    expect_from(fd, "Forwarded: for=9.9.9.9\r\nX-Forwarded-For: 1.2.3.4\r\n", "1.2.3.4");
}

static void restart(void **state, const char *address, const struct str *trusted, size_t n)
{
    fixture_stop(*state, 0);
    struct http_config c = usual_config();
    c.trusted_proxy = trusted;
    c.trusted_proxies = n;
    *state = fixture_start(address, c);
}

static void test_trusted_proxies(void **state)
{
    struct str trusted[] = {STR("127.0.0.0/8"), STR("10.0.0.0/8"), STR("2001:db8:ffff::/48")};
    restart(state, "127.0.0.1", trusted, 3);
    int fd = client(*state);
    check_forwarded(fd, "127.0.0.1");
    expect_from(fd, "X-Forwarded-For: 2001:db8::7, 2001:db8:ffff:1::9\r\n", "2001:db8::7");
    close(fd);
}

static int unix_client(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, path, strlen(path) + 1);
    int fd = client_timeout(socket(AF_UNIX, SOCK_STREAM, 0));
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void test_unix_socket(void **state)
{
    char dir[] = "/tmp/rookery-http-XXXXXX", address[100];
    assert_non_null(mkdtemp(dir));
    snprintf(address, sizeof address, "unix:%s/socket", dir);
    struct str trusted[] = {STR("unix"), STR("10.0.0.0/8")};
    restart(state, address, trusted, 2);
    int fd = unix_client(address + 5);
    check_forwarded(fd, "unix");
    close(fd);
    restart(state, "127.0.0.1", NULL, 0); /* closing removes the file */
    assert_int_equal(access(address + 5, F_OK), -1);
    /* A file left behind by a crash is no obstacle. */
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, address + 5, strlen(address + 5) + 1);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&a, sizeof a), 0);
    close(dead);
    restart(state, address, NULL, 0);
    fd = unix_client(address + 5);
    expect_from(fd, "X-Forwarded-For: 1.2.3.4\r\n", "unix");
    close(fd);
    restart(state, "127.0.0.1", NULL, 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_ipv6(void **state)
{
    fixture_stop(*state, 0);
    *state = NULL;
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool has = probe >= 0 && bind(probe, (struct sockaddr *)&a, sizeof a) == 0;
    close(probe);
    struct fixture *f = fixture_start(has ? "::" : "127.0.0.1", usual_config());
    *state = f;
    if (!has) skip();
    a.sin6_port = htons(f->port);
    int fd = client_timeout(socket(AF_INET6, SOCK_STREAM, 0));
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    expect_from(fd, "", "::1");
    close(fd);
    fd = client(f); /* "::" takes IPv4 as well */
    expect_from(fd, "", "127.0.0.1");
    close(fd);
}

static void refuse_listen(struct fixture *f, const char *address, uint16_t port, struct http_config c, const char *want)
{
    struct http_server *s = NULL;
    struct fault fault = {0};
    assert_true(http_listen(f->loop, 1, address, port, &c, &s, &fault) != ERR_OK);
    if (!strstr(fault.text, want)) fail_msg("\"%s\" does not have \"%s\"", fault.text, want);
}

static void test_refused_listens(void **state)
{
    struct fixture *f = *state;
    struct http_config c = usual_config();
    char want[100];
    snprintf(want, sizeof want, "127.0.0.1 port %u: Address already in use", f->port);
    refuse_listen(f, "127.0.0.1", f->port, c, want);
    refuse_listen(f, "no such name", 1, c, "Cannot listen on no such name port 1: ");
    refuse_listen(f, "203.0.113.1", 1, c, "Cannot listen on 203.0.113.1 port 1: ");
    refuse_listen(f, "unix:/no/such/folder/socket", 0, c, "unix:/no/such/folder/socket: No such file");
    static const char *const bad[] = {"x", "1.2.3.4/33", "::/129", "1.2.3.4/-1", "1.2.3.4/", "1.2.3", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct str s = str_c(bad[i]);
        c.trusted_proxy = &s;
        c.trusted_proxies = 1;
        refuse_listen(f, "127.0.0.1", 0, c, "trusted proxy \"");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_silent_client),
        TEST(test_slow_head),
        TEST(test_many_requests_then_slow_head),
        TEST(test_stalled_body),
        TEST(test_idle),
        TEST(test_sizes),
        TEST(test_read_ahead_is_bounded),
        TEST(test_client_that_does_not_read),
        TEST(test_client_that_reads_slowly),
        TEST(test_connections),
        TEST(test_out_of_descriptors),
        TEST(test_trusted_proxies),
        TEST(test_unix_socket),
        TEST(test_ipv6),
        TEST(test_refused_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
