/* HTTP/2 over TLS, with a client made on nghttp2: the same handlers as over HTTP/1.1, and what only HTTP/2 can do to a server. */
#include <nghttp2/nghttp2.h>

#include "unit/http/tls_fixture.h"

enum { STREAMS = 1000 };

struct stream {
    int status;
    size_t body_bytes;
    char body[200]; /* its beginning */
    bool closed;
    uint32_t code;
    size_t upload; /* bytes to send still */
};

struct h2_client {
    struct tls_client tls;
    nghttp2_session *session;
    struct stream stream[STREAMS]; /* by id / 2 */
    int closed, headers;
    bool over;
    uint32_t goaway;
};

static struct tls_files files;

static struct stream *at(struct h2_client *c, int32_t id)
{
    assert_in_range(id / 2, 0, STREAMS - 1);
    return &c->stream[id / 2];
}

/* --- the client --- */

static ssize_t on_send(nghttp2_session *s, const uint8_t *data, size_t n, int flags, void *user)
{
    (void)s;
    (void)flags;
    struct h2_client *c = user;
    int r = SSL_write(c->tls.ssl, data, (int)n);
    return r > 0 ? r : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name, size_t name_n, const uint8_t *v, size_t n,
                     uint8_t flags, void *user)
{
    (void)s;
    (void)flags;
    struct h2_client *c = user;
    if (str_is(str_make((const char *)name, name_n), ":status") && n == 3)
        at(c, f->hd.stream_id)->status = (v[0] - '0') * 100 + (v[1] - '0') * 10 + v[2] - '0';
    return 0;
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *f, void *user)
{
    (void)s;
    struct h2_client *c = user;
    if (f->hd.type == NGHTTP2_GOAWAY) c->goaway = f->goaway.error_code;
    if (f->hd.type == NGHTTP2_HEADERS) c->headers++;
    return 0;
}

static int on_chunk(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *data, size_t n, void *user)
{
    (void)s;
    (void)flags;
    struct stream *st = at(user, id);
    for (size_t i = 0; i < n && st->body_bytes + i < sizeof st->body - 1; i++)
        st->body[st->body_bytes + i] = (char)data[i];
    st->body_bytes += n;
    return 0;
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t code, void *user)
{
    (void)s;
    struct h2_client *c = user;
    at(c, id)->closed = true;
    at(c, id)->code = code;
    c->closed++;
    return 0;
}

static void h2_connect_with(struct h2_client *c, const struct fixture *f, const nghttp2_settings_entry *settings, size_t n, bool gives_room)
{
    *c = (struct h2_client){.goaway = UINT32_MAX};
    assert_true(tls_connect(&c->tls, f, "\x02h2", TLS1_3_VERSION));
    nghttp2_session_callbacks *calls;
    nghttp2_option *option;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_option_new(&option);
    nghttp2_option_set_peer_max_concurrent_streams(option, STREAMS);
    nghttp2_option_set_no_auto_window_update(option, !gives_room);
    nghttp2_session_callbacks_set_send_callback(calls, on_send);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    assert_int_equal(nghttp2_session_client_new2(&c->session, calls, c, option), 0);
    nghttp2_session_callbacks_del(calls);
    nghttp2_option_del(option);
    assert_int_equal(nghttp2_submit_settings(c->session, 0, settings, n), 0);
}

static void h2_connect(struct h2_client *c, const struct fixture *f, const nghttp2_settings_entry *settings, size_t n)
{
    h2_connect_with(c, f, settings, n, true);
}

static void h2_disconnect(struct h2_client *c)
{
    nghttp2_session_del(c->session);
    tls_disconnect(&c->tls);
}

static ssize_t read_upload(nghttp2_session *s, int32_t id, uint8_t *out, size_t n, uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)s;
    (void)source;
    struct stream *st = at(user, id);
    if (n > st->upload) n = st->upload;
    memset(out, 'a', n);
    st->upload -= n;
    if (st->upload == 0) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value), 0};
}

static int32_t h2_ask(struct h2_client *c, const char *method, const char *path, size_t upload)
{
    nghttp2_nv nv[] = {field(":method", method), field(":scheme", "https"), field(":authority", "h.example"), field(":path", path)};
    nghttp2_data_provider p = {.read_callback = read_upload};
    int32_t id = nghttp2_submit_request(c->session, NULL, nv, 4, upload ? &p : NULL, NULL);
    assert_true(id > 0);
    at(c, id)->upload = upload;
    return id;
}

/* Speaks and listens until `closed` streams have ended; false when the connection ends before. */
static bool h2_until(struct h2_client *c, int closed)
{
    char data[20000];
    while (c->closed < closed && !c->over) {
        if (nghttp2_session_send(c->session) != 0) break;
        int n = SSL_read(c->tls.ssl, data, sizeof data);
        c->over = n <= 0 || nghttp2_session_mem_recv(c->session, (uint8_t *)data, (size_t)n) < 0;
    }
    ERR_clear_error();
    return c->closed >= closed;
}

static void h2_send(struct h2_client *c)
{
    assert_int_equal(nghttp2_session_send(c->session), 0);
}

/* --- the tests --- */

static struct http_config config(void)
{
    struct http_config c = usual_config();
    c.limits.header_ms = 400;
    c.limits.body_ms = 400;
    c.limits.idle_ms = 500;
    return c;
}

static int start(void **state)
{
    files = tls_files_new();
    *state = tls_fixture(&files, config());
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state, 0);
    tls_files_remove(&files);
    return 0;
}

static struct h2_client c;

static void test_many_at_once(void **state)
{
    h2_connect(&c, *state, NULL, 0);
    int32_t later[20], echo[20], show = h2_ask(&c, "DELETE", "/show?q", 0);
    for (int i = 0; i < 20; i++) {
        later[i] = h2_ask(&c, "GET", "/later", 0);
        echo[i] = h2_ask(&c, "POST", i % 2 ? "/echo" : "/read-later", (size_t)i * 2000 + 1);
    }
    assert_true(h2_until(&c, 41));
    for (int i = 0; i < 20; i++) {
        assert_int_equal(at(&c, later[i])->status, 200);
        assert_string_equal(at(&c, later[i])->body, "later");
        assert_int_equal(at(&c, echo[i])->status, 200);
        assert_int_equal(at(&c, echo[i])->body_bytes, i * 2000 + 1);
        assert_int_equal(at(&c, echo[i])->code, NGHTTP2_NO_ERROR);
    }
    assert_non_null(strstr(at(&c, show)->body, "DELETE /show ? q from 127.0.0.1 id "));
    assert_non_null(strstr(at(&c, show)->body, "host h.example"));
    h2_disconnect(&c);
}

static void test_kinds_of_answers(void **state)
{
    h2_connect(&c, *state, NULL, 0);
    int32_t head = h2_ask(&c, "HEAD", "/hello", 0), head_stream = h2_ask(&c, "HEAD", "/source?n=50000", 0);
    int32_t nothing = h2_ask(&c, "GET", "/nothing", 0), empty = h2_ask(&c, "GET", "/source?n=0", 0),
            inject = h2_ask(&c, "GET", "/inject", 0);
    int32_t fragment = h2_ask(&c, "GET", "/a#b", 0), star = h2_ask(&c, "OPTIONS", "*", 0);
    assert_true(h2_until(&c, 7));
    assert_int_equal(at(&c, head)->status, 200);
    assert_int_equal(at(&c, head)->body_bytes, 0);
    assert_int_equal(at(&c, head_stream)->status, 200);
    assert_int_equal(at(&c, nothing)->status, 204);
    assert_int_equal(at(&c, empty)->status, 200);
    assert_int_equal(at(&c, inject)->status, 200);
    assert_true(at(&c, fragment)->status == 400 || at(&c, fragment)->code == NGHTTP2_PROTOCOL_ERROR);
    assert_int_equal(at(&c, star)->status, 200);
    h2_disconnect(&c);
}

static void test_long_bodies(void **state)
{
    h2_connect(&c, *state, NULL, 0);
    int32_t big = h2_ask(&c, "GET", "/big?n=3000000", 0), source = h2_ask(&c, "GET", "/source?n=3000000", 0);
    int32_t sum = h2_ask(&c, "POST", "/sum", 2000000), slowly = h2_ask(&c, "POST", "/sum-slowly", 500000);
    assert_true(h2_until(&c, 4));
    assert_int_equal(at(&c, big)->body_bytes, 3000000);
    assert_int_equal(at(&c, source)->body_bytes, 3000000);
    assert_string_equal(at(&c, sum)->body, "2000000 194000000");
    assert_string_equal(at(&c, slowly)->body, "500000 48500000");
    h2_disconnect(&c);
}

static void test_paused_body_is_bounded(void **state)
{
    struct fixture *f = *state;
    h2_connect(&c, f, NULL, 0);
    h2_ask(&c, "POST", "/wait", 10000000); /* nobody reads it */
    int32_t hello = h2_ask(&c, "GET", "/hello", 0);
    assert_true(h2_until(&c, 1));
    assert_int_equal(at(&c, hello)->status, 200);
    struct http_stats s;
    http_server_stats(f->server, &s);
    assert_true(s.bytes_in < 500000);
    h2_disconnect(&c);
    assert_true(soon(&f->gone, 1));
}

static void test_too_large(void **state)
{
    struct fixture *f = *state;
    h2_connect(&c, f, NULL, 0);
    static char long_value[5000];
    memset(long_value, 'v', sizeof long_value - 1);
    nghttp2_nv nv[] = {field(":method", "GET"), field(":scheme", "https"), field(":authority", "h"), field(":path", "/hello"),
                       field("x", long_value)};
    int32_t head = nghttp2_submit_request(c.session, NULL, nv, 5, NULL, NULL);
    assert_true(h2_until(&c, 1));
    assert_int_equal(at(&c, head)->status, 431);
    assert_non_null(strstr(at(&c, head)->body, "M_TOO_LARGE"));
    int32_t body = h2_ask(&c, "POST", "/echo", 1000000);
    assert_true(h2_until(&c, 2)); /* this client does not stop by itself and is told after a while */
    assert_int_equal(at(&c, body)->status, 413);
    assert_string_equal(at(&c, body)->body, "too large");
    assert_int_equal(at(&c, body)->code, NGHTTP2_NO_ERROR);
    h2_disconnect(&c);
}

static void test_leaving(void **state)
{
    struct fixture *f = *state;
    h2_connect(&c, f, NULL, 0);
    int32_t first = h2_ask(&c, "GET", "/wait", 0);
    h2_ask(&c, "GET", "/wait", 0);
    h2_ask(&c, "GET", "/later", 0);
    assert_true(h2_until(&c, 1));
    assert_int_equal(atomic_load(&f->waiting), 2);
    nghttp2_submit_rst_stream(c.session, 0, first, NGHTTP2_CANCEL);
    h2_send(&c);
    assert_true(soon(&f->gone, 1));
    h2_ask(&c, "GET", "/later", 0); /* its handler does not want to know */
    h2_ask(&c, "POST", "/read-later", 100000);
    h2_send(&c);
    assert_true(soon(&f->handled, 5));
    h2_disconnect(&c);
    assert_true(soon(&f->gone, 2));
    usleep(60000);
}

static void test_wake(void **state)
{
    struct fixture *f = *state;
    h2_connect(&c, f, NULL, 0);
    int32_t wait = h2_ask(&c, "GET", "/wait", 0);
    h2_send(&c);
    assert_true(soon(&f->waiting, 1));
    usleep(700000); /* longer than a connection may idle: this one does not */
    h2_ask(&c, "GET", "/wake", 0);
    assert_true(h2_until(&c, 2));
    assert_string_equal(at(&c, wait)->body, "woken");
    h2_disconnect(&c);
}

static void test_too_many_streams(void **state)
{
    struct fixture *f = *state;
    h2_connect(&c, f, NULL, 0);
    for (int i = 0; i < 150; i++)
        h2_ask(&c, "GET", "/wait", 0);
    assert_true(h2_until(&c, 50));
    int refused = 0;
    for (int i = 0; i < STREAMS; i++)
        refused += c.stream[i].code == NGHTTP2_REFUSED_STREAM;
    assert_int_equal(refused, 50);
    assert_int_equal(atomic_load(&f->waiting), 100);
    h2_disconnect(&c);
    assert_true(soon(&f->gone, 100));
}

static void test_rapid_reset(void **state)
{
    struct fixture *f = *state;
    h2_connect(&c, f, NULL, 0);
    for (int i = 0; i < 400; i++) {
        int32_t id = h2_ask(&c, "GET", "/wait", 0);
        if (nghttp2_session_send(c.session) != 0) break;
        nghttp2_submit_rst_stream(c.session, 0, id, NGHTTP2_CANCEL);
        if (nghttp2_session_send(c.session) != 0) break;
    }
    h2_until(&c, STREAMS);
    assert_true(c.over);
    assert_true(c.goaway == NGHTTP2_ENHANCE_YOUR_CALM || c.goaway == UINT32_MAX /* cut off before it was read */);
    assert_in_range(atomic_load(&f->handled), 100, 260);
    assert_int_equal(atomic_load(&f->gone), atomic_load(&f->waiting));
    h2_disconnect(&c);
}

static void test_closed_window(void **state)
{
    struct fixture *f = *state;
    nghttp2_settings_entry none = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    h2_connect(&c, f, &none, 1);
    int32_t big = h2_ask(&c, "GET", "/big?n=500000", 0), source = h2_ask(&c, "GET", "/source?n=500000", 0),
            wait = h2_ask(&c, "GET", "/wait", 0);
    assert_true(h2_until(&c, 2));
    assert_int_equal(at(&c, big)->code, NGHTTP2_CANCEL);
    assert_int_equal(at(&c, source)->code, NGHTTP2_CANCEL);
    assert_true(soon(&f->gone, 1));
    assert_false(at(&c, wait)->closed);
    /* Responses that nobody takes are not piled up for ever. */
    for (int i = 0; i < 20; i++)
        big = h2_ask(&c, "GET", "/big?n=1000000", 0);
    assert_true(h2_until(&c, 2 + 18));
    assert_int_equal(at(&c, big)->code, NGHTTP2_ENHANCE_YOUR_CALM);
    h2_disconnect(&c);
}

/* The window has room for the response and not for a byte more. */
static void test_exact_window(void **state)
{
    struct fixture *f = *state;
    nghttp2_settings_entry exact = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 25000}, none = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    h2_connect_with(&c, f, &exact, 1, false);
    int32_t big = h2_ask(&c, "GET", "/big?n=25000", 0), source = h2_ask(&c, "GET", "/source?n=25000", 0);
    assert_true(h2_until(&c, 2));
    assert_int_equal(at(&c, big)->body_bytes, 25000);
    assert_int_equal(at(&c, big)->code, NGHTTP2_NO_ERROR);
    assert_int_equal(at(&c, source)->body_bytes, 25000);
    assert_int_equal(at(&c, source)->code, NGHTTP2_NO_ERROR);
    h2_disconnect(&c);
    h2_connect_with(&c, f, &none, 1, false);
    int32_t empty = h2_ask(&c, "GET", "/source?n=0", 0);
    assert_true(h2_until(&c, 1));
    assert_int_equal(at(&c, empty)->status, 200);
    assert_int_equal(at(&c, empty)->code, NGHTTP2_NO_ERROR);
    h2_disconnect(&c);
    assert_true(soon(&f->drained, 4 + 1)); /* the handlers were called for every piece */
    assert_int_equal(atomic_load(&f->gone), 0);
}

static void test_silence(void **state)
{
    h2_connect(&c, *state, NULL, 0);
    h2_ask(&c, "GET", "/hello", 0);
    assert_false(h2_until(&c, 2));
    assert_int_equal(c.goaway, NGHTTP2_NO_ERROR);
    h2_disconnect(&c);
    h2_connect(&c, *state, NULL, 0);
    assert_false(h2_until(&c, 1));
    h2_disconnect(&c);
    /* A body that never comes. */
    struct fixture *f = *state;
    h2_connect(&c, f, NULL, 0);
    nghttp2_nv nv[] = {field(":method", "POST"), field(":scheme", "https"), field(":authority", "h"), field(":path", "/sum")};
    int32_t id = nghttp2_submit_headers(c.session, 0, -1, NULL, nv, 4, NULL);
    assert_true(h2_until(&c, 1));
    assert_int_equal(at(&c, id)->code, NGHTTP2_CANCEL);
    assert_true(soon(&f->gone, 1));
    h2_disconnect(&c);
}

static void test_nonsense(void **state)
{
    h2_connect(&c, *state, NULL, 0);
    h2_ask(&c, "GET", "/hello", 0);
    assert_true(h2_until(&c, 1));
    static const char frame[] = "\x00\x00\x04\x03\x00\x00\x00\x00\x00xxxx"; /* RST_STREAM on stream 0 */
    assert_true(SSL_write(c.tls.ssl, frame, sizeof frame - 1) > 0);
    assert_false(h2_until(&c, 2));
    assert_int_equal(c.goaway, NGHTTP2_PROTOCOL_ERROR);
    h2_disconnect(&c);
    assert_true(tls_connect(&c.tls, *state, "\x02h2", TLS1_3_VERSION));
    assert_true(SSL_write(c.tls.ssl, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27) > 0);
    char data[1000];
    while (SSL_read(c.tls.ssl, data, sizeof data) > 0)
        continue;
    ERR_clear_error();
    tls_disconnect(&c.tls);
}

static void test_graceful_close(void **state)
{
    struct fixture *f = *state;
    h2_connect(&c, f, NULL, 0);
    int32_t later = h2_ask(&c, "GET", "/later", 0);
    h2_send(&c);
    assert_true(soon(&f->handled, 1));
    http_close(f->server, 2000, fixture_closed, f);
    f->server = NULL;
    assert_true(h2_until(&c, 1));
    assert_string_equal(at(&c, later)->body, "later");
    assert_false(h2_until(&c, 2));
    assert_int_equal(c.goaway, NGHTTP2_NO_ERROR);
    h2_disconnect(&c);
    for (int i = 0; i < 3000 && !atomic_load(&f->closed); i++)
        usleep(1000);
    assert_true(atomic_load(&f->closed));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_many_at_once), TEST(test_kinds_of_answers), TEST(test_long_bodies),  TEST(test_paused_body_is_bounded),
        TEST(test_too_large),    TEST(test_leaving),          TEST(test_wake),         TEST(test_too_many_streams),
        TEST(test_rapid_reset),  TEST(test_closed_window),    TEST(test_exact_window), TEST(test_silence),
        TEST(test_nonsense),     TEST(test_graceful_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
