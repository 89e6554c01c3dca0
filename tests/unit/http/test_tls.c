/* TLS: versions, ALPN, long bodies, clean ends, reload, and what wrong files are told. */
#include "unit/http/tls_fixture.h"

static struct tls_files files;

static int start(void **state)
{
    files = tls_files_new();
    struct http_config c = usual_config();
    c.limits.header_ms = 300;
    *state = tls_fixture(&files, c);
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state, 0);
    tls_files_remove(&files);
    return 0;
}

static void say_tls(struct tls_client *c, const char *text)
{
    assert_int_equal(SSL_write(c->ssl, text, (int)strlen(text)), strlen(text));
}

/* Reads an answer of `body` bytes; returns its head in `head`. */
static size_t read_tls(struct tls_client *c, char *head, size_t size, char *body, size_t most)
{
    size_t n = 0, got = 0;
    while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
        assert_true(n < size - 1);
        assert_int_equal(SSL_read(c->ssl, head + n, 1), 1);
        head[++n] = 0;
    }
    const char *length = strstr(head, "content-length: ");
    size_t want = length ? strtoul(length + 16, NULL, 10) : 0;
    assert_true(want <= most);
    while (got < want) {
        int r = SSL_read(c->ssl, body + got, (int)(want - got));
        assert_true(r > 0);
        got += (size_t)r;
    }
    return got;
}

static void expect_tls(struct tls_client *c, const char *want)
{
    char head[2000], body[2000];
    size_t n = read_tls(c, head, sizeof head, body, sizeof body);
    assert_int_equal(n, strlen(want));
    assert_memory_equal(body, want, n);
}

static void test_versions(void **state)
{
    struct tls_client c;
    assert_false(tls_connect(&c, *state, NULL, TLS1_1_VERSION));
    tls_disconnect(&c);
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (int i = 0; i < 2; i++) {
        assert_true(tls_connect(&c, *state, NULL, versions[i]));
        assert_int_equal(SSL_version(c.ssl), versions[i]);
        for (int k = 0; k < 5; k++) {
            say_tls(&c, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /later HTTP/1.1\r\nHost: h\r\n\r\n");
            expect_tls(&c, "hello");
            expect_tls(&c, "later");
        }
        tls_disconnect(&c);
    }
}

static void test_alpn(void **state)
{
    struct tls_client c;
    static const struct {
        const char *offer, *want;
    } rows[] = {{"\x02h2\x08http/1.1", "h2"}, {"\x08http/1.1\x02h2", "h2"}, {"\x08http/1.1", "http/1.1"}};
    for (int i = 0; i < 3; i++) {
        assert_true(tls_connect(&c, *state, rows[i].offer, TLS1_3_VERSION));
        const unsigned char *name;
        unsigned n;
        SSL_get0_alpn_selected(c.ssl, &name, &n);
        assert_int_equal(n, strlen(rows[i].want));
        assert_memory_equal(name, rows[i].want, n);
        tls_disconnect(&c);
    }
    assert_false(tls_connect(&c, *state, "\x04smtp", TLS1_3_VERSION));
    tls_disconnect(&c);
}

static void test_long_bodies(void **state)
{
    struct tls_client c;
    assert_true(tls_connect(&c, *state, NULL, TLS1_3_VERSION));
    char head[2000];
    char *body = mem_alloc(4000000);
    static const char *const paths[] = {"/big?n=4000000", "/source?n=4000000"};
    for (int i = 0; i < 2; i++) {
        snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", paths[i]);
        say_tls(&c, head);
        usleep(50000); /* until the socket is full */
        assert_int_equal(read_tls(&c, head, sizeof head, body, 4000000), 4000000);
        for (size_t k = 0; k < 4000000; k++)
            if (body[k] != (i ? 'x' : 'b')) fail();
    }
    say_tls(&c, "POST /sum-slowly HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n");
    memset(body, 'a', 500000);
    assert_int_equal(SSL_write(c.ssl, body, 500000), 500000);
    snprintf(head, sizeof head, "500000 %d", 500000 * 'a');
    expect_tls(&c, head);
    mem_free(body);
    tls_disconnect(&c);
}

static void test_ends(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    assert_true(tls_connect(&c, f, NULL, TLS1_3_VERSION));
    say_tls(&c, "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    expect_tls(&c, "hello");
    char byte;
    assert_int_equal(SSL_read(c.ssl, &byte, 1), 0);
    assert_int_equal(SSL_get_shutdown(c.ssl), SSL_RECEIVED_SHUTDOWN); /* not cut off: close_notify */
    tls_disconnect(&c);
    /* A client that says goodbye while it waits; and one that is just gone. */
    for (int i = 0; i < 2; i++) {
        assert_true(tls_connect(&c, f, NULL, TLS1_3_VERSION));
        say_tls(&c, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_true(soon(&f->waiting, i + 1));
        if (i == 0) SSL_shutdown(c.ssl);
        if (i == 0) assert_true(soon(&f->gone, 1));
        tls_disconnect(&c);
        assert_true(soon(&f->gone, i + 1));
    }
    /* Garbage instead of a handshake, in the middle of a connection, and silence. */
    int fd = client(f);
    client_say(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    char alert[7];
    assert_true(recv(fd, alert, sizeof alert, 0) >= 0);
    expect_closed(fd);
    assert_true(tls_connect(&c, f, NULL, TLS1_3_VERSION));
    client_say(c.fd, "garbage that is no record");
    assert_true(SSL_read(c.ssl, &byte, 1) <= 0);
    ERR_clear_error();
    tls_disconnect(&c);
    expect_closed(client(f));
}

static void test_reload(void **state)
{
    struct fixture *f = *state;
    struct tls_client old, fresh;
    char name[100];
    assert_true(tls_connect(&old, f, NULL, TLS1_3_VERSION));
    tls_files_write(&files, "second.example");
    http_reload(f->server);
    assert_true(tls_connect(&fresh, f, NULL, TLS1_3_VERSION));
    tls_peer_name(&fresh, name, sizeof name);
    assert_string_equal(name, "second.example");
    tls_disconnect(&fresh);
    say_tls(&old, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_tls(&old, "hello");
    tls_disconnect(&old);
    /* A broken file changes nothing. */
    FILE *h = fopen(files.certificate, "w");
    fputs("nonsense", h);
    fclose(h);
    http_reload(f->server);
    assert_true(tls_connect(&fresh, f, NULL, TLS1_3_VERSION));
    tls_peer_name(&fresh, name, sizeof name);
    assert_string_equal(name, "second.example");
    tls_disconnect(&fresh);
}

static void refuse_files(struct fixture *f, const char *certificate, const char *key, const char *want)
{
    struct http_config c = usual_config();
    struct http_server *s = NULL;
    struct fault fault = {0};
    c.tls_certificate = certificate;
    c.tls_key = key;
    assert_int_equal(http_listen(f->loop, 1, "127.0.0.1", 0, &c, &s, &fault), ERR_INVALID_PARAM);
    if (!strstr(fault.text, want)) fail_msg("\"%s\" does not have \"%s\"", fault.text, want);
}

static void test_wrong_files(void **state)
{
    struct fixture *f = *state;
    struct tls_files other = tls_files_new();
    char want[300];
    refuse_files(f, "/no/such/cert", files.key, "Cannot read the TLS certificate in /no/such/cert: No such file");
    refuse_files(f, files.certificate, "/no/such/key", "Cannot read the TLS key in /no/such/key: No such file");
    refuse_files(f, files.certificate, NULL, "without a key");
    snprintf(want, sizeof want, "The TLS key in %s does not belong to the certificate in %s.", other.key, files.certificate);
    refuse_files(f, files.certificate, other.key, want);
    snprintf(want, sizeof want, "Cannot use the TLS certificate in %s: ", files.key);
    refuse_files(f, files.key, files.key, want);
    snprintf(want, sizeof want, "Cannot use the TLS key in %s: ", files.certificate);
    refuse_files(f, files.certificate, files.certificate, want);
    tls_files_remove(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_versions), TEST(test_alpn), TEST(test_long_bodies), TEST(test_ends), TEST(test_reload), TEST(test_wrong_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
