/* The server over real sockets: keep-alive, pipelining, bodies both ways, waiting, ends of all kinds. */
#include "unit/http/fixture.h"

static int start(void **state)
{
    *state = fixture_start("127.0.0.1", usual_config());
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state, 0);
    return 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

static void test_keep_alive(void **state)
{
    struct fixture *f = *state;
    int fd = client(f);
    for (int i = 0; i < 50; i++) {
        client_say(fd, GET("/hello"));
        expect(fd, 200, "hello");
    }
    client_say(fd, "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    struct answer a;
    assert_true(client_read(fd, &a, true));
    assert_non_null(strstr(a.head, "\r\nconnection: close\r\n"));
    assert_non_null(strstr(a.head, "\r\ndate: "));
    assert_non_null(strstr(a.head, " GMT\r\n"));
    answer_free(&a);
    expect_closed(fd);
    struct http_stats s;
    http_server_stats(f->server, &s);
    assert_int_equal(s.requests, 51);
    assert_int_equal(s.connections_accepted, 1);
    assert_true(s.bytes_in > 51 * 30 && s.bytes_out > 51 * 60);
}

static void test_old_version(void **state)
{
    int fd = client(*state);
    client_say(fd, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    struct answer a;
    assert_true(client_read(fd, &a, true));
    assert_non_null(strstr(a.head, "\r\nconnection: keep-alive\r\n"));
    answer_free(&a);
    client_say(fd, "GET /hello HTTP/1.0\r\n\r\n");
    expect(fd, 200, "hello");
    expect_closed(fd);
}

static void test_request_fields(void **state)
{
    struct fixture *f = *state;
    int fd = client(f);
    client_say(fd, "DELETE /a%20b?c=d&e HTTP/1.1\r\nhost: example.org\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n");
    struct answer a;
    assert_true(client_read(fd, &a, true));
    assert_non_null(strstr(a.body, "DELETE /a%20b ? c=d&e from 127.0.0.1 id "));
    assert_non_null(strstr(a.body, " headers 2 host example.org"));
    answer_free(&a);
    close(fd);
}

static void test_pipelining(void **state)
{
    struct fixture *f = *state;
    int fd = client(f);
    char all[20000];
    size_t n = 0;
    /* More than limits.pipelined; some are answered at once, some later: the order must hold. */
    for (int i = 0; i < 40; i++)
        n += (size_t)snprintf(all + n, sizeof all - n, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n%02d",
                              i % 5 == 3 ? "/read-later" : "/echo", i);
    assert_true(client_send(fd, str_make(all, n)));
    for (int i = 0; i < 40; i++) {
        char want[20];
        snprintf(want, sizeof want, "%02d", i);
        expect(fd, 200, want);
    }
    close(fd);
}

static void test_cut_anywhere(void **state)
{
    struct fixture *f = *state;
    const char *text = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" GET("/hello");
    int fd = client(f);
    for (size_t cut = 1; cut < strlen(text); cut += 3) {
        assert_true(client_send(fd, str_make(text, cut)));
        usleep(300);
        assert_true(client_send(fd, str_from(str_c(text), cut)));
        expect(fd, 200, "abcde");
        expect(fd, 200, "hello");
    }
    close(fd);
}

static void test_half_close(void **state)
{
    int fd = client(*state);
    client_say(fd, GET("/later") GET("/hello") GET("/later"));
    shutdown(fd, SHUT_WR);
    expect(fd, 200, "later");
    expect(fd, 200, "hello");
    expect(fd, 200, "later");
    expect_closed(fd);
}

static void test_head_and_empty(void **state)
{
    int fd = client(*state);
    struct answer a;
    client_say(fd, "HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(client_read(fd, &a, false));
    assert_non_null(strstr(a.head, "content-length: 5\r\n"));
    answer_free(&a);
    client_say(fd, "HEAD /source?n=50000 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(client_read(fd, &a, false));
    assert_non_null(strstr(a.head, "content-length: 50000\r\n"));
    answer_free(&a);
    client_say(fd, GET("/nothing"));
    assert_true(client_read(fd, &a, true));
    assert_int_equal(a.status, 204);
    assert_null(strstr(a.head, "content-length"));
    answer_free(&a);
    client_say(fd, GET("/inject"));
    assert_true(client_read(fd, &a, true));
    assert_null(strstr(a.head, "evil"));
    answer_free(&a);
    client_say(fd, GET("/hello"));
    expect(fd, 200, "hello");
    close(fd);
}

/* A request with a body of `n` bytes 'a'. */
static void send_body(int fd, const char *path, size_t n)
{
    char head[200];
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", path, n);
    client_say(fd, head);
    char block[5000];
    memset(block, 'a', sizeof block);
    for (; n; n -= n < sizeof block ? n : sizeof block)
        if (!client_send(fd, str_make(block, n < sizeof block ? n : sizeof block))) return;
}

static void test_bodies(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {0, 1, 255, 256, 257, 65536, BODY_MAX};
    int fd = client(f);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        send_body(fd, i % 2 ? "/echo" : "/read-later", sizes[i]);
        struct answer a;
        assert_true(client_read(fd, &a, true));
        assert_int_equal(a.status, 200);
        assert_int_equal(a.body_bytes, sizes[i]);
        for (size_t k = 0; k < a.body_bytes; k++)
            assert_int_equal(a.body[k], 'a');
        answer_free(&a);
    }
    close(fd);
}

static void test_streamed_in(void **state)
{
    struct fixture *f = *state;
    int fd = client(f);
    char want[64];
    snprintf(want, sizeof want, "%d %d", 3000000, 3000000 * 'a');
    send_body(fd, "/sum", 3000000);
    expect(fd, 200, want);
    snprintf(want, sizeof want, "%d %d", 1000000, 1000000 * 'a');
    send_body(fd, "/sum-slowly", 1000000);
    expect(fd, 200, want);
    client_say(fd, "POST /sum-slowly HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n0\r\n\r\n" GET(
                       "/hello"));
    snprintf(want, sizeof want, "3 %d", 3 * 'a');
    expect(fd, 200, want);
    expect(fd, 200, "hello");
    close(fd);
}

static void test_streamed_out(void **state)
{
    struct fixture *f = *state;
    int fd = client(f);
    for (int round = 0; round < 2; round++) {
        client_say(fd, GET("/source?n=8000000"));
        usleep(round * 50000); /* lets the socket fill */
        struct answer a;
        assert_true(client_read(fd, &a, true));
        assert_int_equal(a.body_bytes, 8000000);
        answer_free(&a);
    }
    client_say(fd, GET("/big?n=6000001"));
    struct answer a;
    assert_true(client_read(fd, &a, true));
    assert_int_equal(a.body_bytes, 6000001);
    answer_free(&a);
    client_say(fd, GET("/source?n=0") GET("/hello"));
    expect(fd, 200, "");
    expect(fd, 200, "hello");
    close(fd);
}

static void test_continue(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = {"/echo", "/read-later"};
    for (int i = 0; i < 2; i++) {
        int fd = client(f);
        char text[200];
        snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", paths[i]);
        client_say(fd, text);
        expect(fd, 100, NULL);
        client_say(fd, "abc");
        expect(fd, 200, "abc");
        close(fd);
    }
    /* Refused before the body was sent: then nobody can tell where the next request would begin. */
    int fd = client(f);
    client_say(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\nExpect: 100-continue\r\n\r\n");
    expect(fd, 413, NULL);
    expect_closed(fd);
    fd = client(f);
    client_say(fd, "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    expect(fd, 200, "hello");
    expect_closed(fd);
}

static void test_unread_body(void **state)
{
    struct fixture *f = *state;
    int fd = client(f);
    send_body(fd, "/hello", 30000); /* short enough to be skipped */
    expect(fd, 200, "hello");
    client_say(fd, GET("/hello"));
    expect(fd, 200, "hello");
    send_body(fd, "/hello", 200000);
    struct answer a;
    assert_true(client_read(fd, &a, true));
    assert_non_null(strstr(a.head, "connection: close"));
    answer_free(&a);
    expect_closed(fd);
}

static void test_bad_requests(void **state)
{
    struct fixture *f = *state;
    int fd = client(f);
    client_say(fd, GET("/hello") "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n" GET("/hello"));
    expect(fd, 200, "hello");
    struct answer a;
    assert_true(client_read(fd, &a, true));
    assert_int_equal(a.status, 400);
    assert_non_null(strstr(a.head, "access-control-allow-origin: *\r\n"));
    assert_non_null(strstr(a.head, "content-type: application/json\r\n"));
    assert_non_null(strstr(a.body, "{\"errcode\":\"M_UNKNOWN\",\"error\":\"A header"));
    answer_free(&a);
    expect_closed(fd);
    ask(f, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX", 400, NULL);
    ask(f, "POST /sum HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX", 400, NULL);
    assert_true(soon(&f->gone, 1));
    ask(f, "\x16\x03\x01", 400, NULL);
    struct http_stats s;
    http_server_stats(f->server, &s);
    assert_int_equal(s.bad_requests, 4);
    ask(f, GET("/hello"), 200, "hello");
}

static void test_wait_and_wake(void **state)
{
    struct fixture *f = *state;
    enum { N = 20 };
    int fd[N];
    for (int i = 0; i < N; i++) {
        fd[i] = client(f);
        client_say(fd[i], GET("/hello") GET("/wait") GET("/hello"));
        expect(fd[i], 200, "hello");
    }
    assert_true(soon(&f->waiting, N));
    /* The waiters are on both loops; a wake reaches those of the loop it lands on. */
    for (int i = 0; i < LOOPS; i++) {
        int w = client(f);
        client_say(w, GET("/wake"));
        expect(w, 200, "done");
        close(w);
    }
    for (int i = 0; i < N; i++) {
        int flags = MSG_PEEK | MSG_DONTWAIT;
        char c;
        for (int k = 0; k < 500 && recv(fd[i], &c, 1, flags) != 1; k++) {
            if (k % 50 == 49) ask(f, GET("/wake"), 200, "done");
            usleep(1000);
        }
        expect(fd[i], 200, "woken");
        expect(fd[i], 200, "hello");
        close(fd[i]);
    }
    assert_int_equal(atomic_load(&f->gone), 0);
}

static void test_even_spread(void **state)
{
    struct fixture *f = *state;
    enum { N = 40 };
    int fd[N], here = 0;
    for (int i = 0; i < N; i++) {
        fd[i] = client(f);
        client_say(fd[i], GET("/wait"));
    }
    assert_true(soon(&f->waiting, N));
    uv_mutex_lock(&f->lock);
    for (int i = 0; i < f->waiters; i++)
        here += f->waiter[i]->loop == f->loop[0];
    uv_mutex_unlock(&f->lock);
    assert_in_range(here, N / 2 - 1, N / 2 + 1);
    for (int i = 0; i < N; i++)
        close(fd[i]);
    assert_true(soon(&f->gone, N));
}

static void test_clients_that_leave(void **state)
{
    struct fixture *f = *state;
    /* While waiting: by closing, by reset, by half-closing. */
    int fd[3];
    for (int i = 0; i < 3; i++) {
        fd[i] = client(f);
        client_say(fd[i], GET("/wait"));
    }
    assert_true(soon(&f->waiting, 3));
    close(fd[0]);
    setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(fd[1]);
    shutdown(fd[2], SHUT_WR);
    assert_true(soon(&f->gone, 3));
    expect_closed(fd[2]);
    /* Half-closed before it waits. */
    int early = client(f);
    client_say(early, GET("/later") GET("/wait"));
    shutdown(early, SHUT_WR);
    expect(early, 200, "later");
    assert_true(soon(&f->gone, 4));
    expect_closed(early);
    /* In the middle of its body, and of its answer. */
    int half = client(f);
    client_say(half, "POST /sum HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
    assert_true(soon(&f->pieces, 1));
    close(half);
    assert_true(soon(&f->gone, 5));
    int taker = client(f);
    client_say(taker, GET("/source?n=100000000"));
    usleep(20000);
    close(taker);
    assert_true(soon(&f->gone, 6));
    /* Those whose handlers do not want to know. */
    int before = atomic_load(&f->handled);
    for (int i = 0; i < 10; i++) {
        int quick = client(f);
        client_say(quick, i % 2 ? GET("/later") : "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
        assert_true(soon(&f->handled, before + i + 1));
        setsockopt(quick, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        close(quick);
    }
    /* One that is told, and goes on nevertheless. */
    int told = client(f);
    client_say(told, GET("/later-told"));
    assert_true(soon(&f->handled, before + 11));
    setsockopt(told, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(told);
    assert_true(soon(&f->gone, 7));
    ask(f, GET("/hello"), 200, "hello");
}

/* Many clients at once that do anything and leave anyhow. What is looked for are crashes and leaks. */
static void test_storm(void **state)
{
    struct fixture *f = *state;
    static const char *const said[] = {
        GET("/hello"),
        GET("/later"),
        GET("/later-told"),
        GET("/wait"),
        GET("/source?n=300000"),
        GET("/big?n=3000000"),
        GET("/wake"),
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde",
        "POST /sum-slowly HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n",
        "POST /read-later HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\nExpect: 100-continue\r\n\r\nabc",
        "HEAD /source?n=5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n",
        "nonsense\r\n\r\n"};
    enum { CLIENTS = 30, ROUNDS = 3000 };
    int fd[CLIENTS] = {0};
    uint32_t seed = 12345;
    static char sink[200000];
    for (int i = 0; i < ROUNDS; i++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t dice = seed >> 8;
        int *c = &fd[dice % CLIENTS];
        const char *text = said[dice / CLIENTS % (sizeof said / sizeof said[0])];
        size_t n = strlen(text) - (dice >> 16) % 3 * (strlen(text) / 3);
        if (*c == 0) *c = client(f);
        if (dice % 7 == 0) {
            if (dice % 2) setsockopt(*c, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
            close(*c);
            *c = 0;
        } else if (dice % 7 == 1) {
            shutdown(*c, SHUT_WR);
        } else if (dice % 7 == 2) {
            while (recv(*c, sink, sizeof sink, MSG_DONTWAIT) > 0)
                continue;
        } else {
            client_send(*c, str_make(text, n));
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        if (fd[i]) close(fd[i]);
    struct http_stats s;
    http_server_stats(f->server, &s);
    for (int i = 0; i < 6000 && s.connections_open; i++, usleep(1000))
        http_server_stats(f->server, &s);
    assert_int_equal(s.connections_open, 0);
    ask(f, GET("/hello"), 200, "hello");
}

static void test_graceful_close(void **state)
{
    struct fixture *f = *state;
    int idle = client(f), busy = client(f), waiting = client(f), partial = client(f);
    client_say(idle, GET("/hello"));
    expect(idle, 200, "hello");
    client_say(waiting, GET("/wait"));
    assert_true(soon(&f->waiting, 1));
    client_say(partial, "GET /hello HTTP/1.1\r\n");
    client_say(busy, GET("/later"));
    assert_true(soon(&f->handled, 3));
    http_close(f->server, 500, fixture_closed, f);
    f->server = NULL;
    expect_closed(idle);
    struct answer a;
    assert_true(client_read(busy, &a, true));
    assert_string_equal(a.body, "later");
    assert_non_null(strstr(a.head, "connection: close"));
    answer_free(&a);
    expect_closed(busy);
    client_say(partial, "Host: h\r\n\r\n");
    expect(partial, 200, "hello");
    expect_closed(partial);
    assert_false(atomic_load(&f->closed));
    expect_closed(waiting); /* when the grace is over */
    assert_true(soon(&f->gone, 1));
    for (int i = 0; i < 3000 && !atomic_load(&f->closed); i++)
        usleep(1000);
    assert_true(atomic_load(&f->closed));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_keep_alive),   TEST(test_old_version),    TEST(test_request_fields), TEST(test_pipelining),
        TEST(test_cut_anywhere), TEST(test_half_close),     TEST(test_head_and_empty), TEST(test_bodies),
        TEST(test_streamed_in),  TEST(test_streamed_out),   TEST(test_continue),       TEST(test_unread_body),
        TEST(test_bad_requests), TEST(test_wait_and_wake),  TEST(test_even_spread),    TEST(test_clients_that_leave),
        TEST(test_storm),        TEST(test_graceful_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
