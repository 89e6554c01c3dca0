/* The HTTP/1.1 parser: what is taken, what is refused, and that the place of a cut never matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/http1_parse.h"

struct parsed {
    struct http_header header[HTTP1_HEADERS_MAX];
    struct http1_head head;
    struct http1_bad bad;
    size_t head_bytes;
    char body[4096];
    size_t body_bytes;
    enum http1_step step;
};

/* The whole request from a buffer that grows by the given steps; each prefix is a heap block of exactly its size, so that
 * ASan sees any look beyond it. */
static char *prefix(struct str s, size_t n)
{
    char *p = mem_alloc(n);
    if (n) memcpy(p, s.p, n);
    return p;
}

static bool head_in_steps(struct parsed *p, struct str in, size_t cut, size_t max)
{
    size_t scanned = 0;
    for (size_t n = cut ? cut : in.n;; n = in.n) {
        char *copy = prefix(in, n);
        p->step = http1_find_head(str_make(copy, n), &scanned, max, &p->bad);
        mem_free(copy);
        if (p->step != HTTP1_MORE || n == in.n) break;
    }
    if (p->step != HTTP1_DONE) return false;
    p->head_bytes = scanned;
    if (!http1_parse_head(str_first(in, scanned), p->header, &p->head, &p->bad)) p->step = HTTP1_BAD;
    return p->step == HTTP1_DONE;
}

static void feed(struct parsed *p, struct http1_body *b, struct str *in)
{
    struct str data;
    while ((p->step = http1_body_next(b, in, &data, &p->bad)) == HTTP1_DATA) {
        assert_true(data.n > 0 && p->body_bytes + data.n <= sizeof p->body);
        memcpy(p->body + p->body_bytes, data.p, data.n);
        p->body_bytes += data.n;
    }
}

/* Everything, cut in two at `cut`; returns how many bytes were used. */
static size_t parse_cut(struct parsed *p, struct str in, size_t cut)
{
    *p = (struct parsed){0};
    if (!head_in_steps(p, in, cut, 4096)) return 0;
    struct http1_body b;
    http1_body_init(&b, &p->head);
    struct str rest = str_from(in, p->head_bytes);
    size_t first = cut > p->head_bytes ? cut - p->head_bytes : 0;
    char *copy = prefix(rest, first);
    struct str part = str_make(copy, first);
    feed(p, &b, &part);
    size_t unused = part.n;
    mem_free(copy);
    if (p->step == HTTP1_BAD) return 0;
    rest = str_from(rest, first - unused);
    feed(p, &b, &rest);
    return in.n - rest.n;
}

static struct parsed parse(const char *text)
{
    struct parsed p;
    parse_cut(&p, str_c(text), 0);
    return p;
}

static void expect_bad(const char *text, int status)
{
    struct str in = str_c(text);
    for (size_t cut = 0; cut < in.n; cut++) {
        struct parsed p;
        parse_cut(&p, in, cut);
        if (p.step != HTTP1_BAD || p.bad.status != status) print_error("%s\n", text);
        assert_int_equal(p.step, HTTP1_BAD);
        assert_int_equal(p.bad.status, status);
        assert_non_null(p.bad.sentence);
    }
}

#define assert_str(s, lit)                                                                                                                 \
    do {                                                                                                                                   \
        assert_int_equal((s).n, strlen(lit));                                                                                              \
        assert_memory_equal((s).p, lit, (s).n);                                                                                            \
    } while (0)

static void test_plain_get(void **state)
{
    (void)state;
    struct parsed p = parse("GET /a/b%20c?x=1&y HTTP/1.1\r\nHost: h:80\r\nX-Empty:\r\nX-Pad: \t a b \t\r\n\r\n");
    assert_int_equal(p.step, HTTP1_DONE);
    assert_int_equal(p.head.method, HTTP_GET);
    assert_str(p.head.path, "/a/b%20c");
    assert_str(p.head.query, "x=1&y");
    assert_int_equal(p.head.header_count, 3);
    assert_str(p.header[0].name, "Host");
    assert_str(p.header[1].value, "");
    assert_str(p.header[2].value, "a b");
    assert_true(p.head.keep_alive);
    assert_false(p.head.chunked);
    assert_int_equal(p.head.length, 0);
}

static void test_methods(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum http_method method;
    } rows[] = {{"HEAD", HTTP_HEAD},       {"POST", HTTP_POST},   {"PUT", HTTP_PUT},        {"DELETE", HTTP_DELETE},
                {"OPTIONS", HTTP_OPTIONS}, {"PATCH", HTTP_PATCH}, {"PROPFIND", HTTP_OTHER}, {"get", HTTP_OTHER}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[100];
        snprintf(text, sizeof text, "%s / HTTP/1.1\r\nhost:h\r\n\r\n", rows[i].line);
        assert_int_equal(parse(text).head.method, rows[i].method);
    }
    assert_string_equal(http_method_name(HTTP_DELETE), "DELETE");
}

static void test_targets(void **state)
{
    (void)state;
    assert_str(parse("GET http://h:8008/x?y HTTP/1.1\r\nHost: h\r\n\r\n").head.path, "/x");
    assert_str(parse("GET HTTPS://h HTTP/1.1\r\nHost: h\r\n\r\n").head.path, "/");
    assert_str(parse("GET http://h?q HTTP/1.1\r\nHost: h\r\n\r\n").head.query, "q");
    assert_str(parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").head.path, "/");
    struct parsed p = parse("GET /? HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_non_null(p.head.query.p);
    assert_int_equal(p.head.query.n, 0);
    assert_null(parse("GET / HTTP/1.1\r\nHost: h\r\n\r\n").head.query.p);
}

static void test_connection(void **state)
{
    (void)state;
    assert_false(parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n").head.keep_alive);
    assert_false(parse("GET / HTTP/1.0\r\n\r\n").head.keep_alive);
    assert_true(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").head.keep_alive);
    assert_true(parse("GET / HTTP/1.7\r\nHost: h\r\n\r\n").head.keep_alive);
    assert_true(parse("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 0\r\n\r\n").head.expects_continue);
    assert_false(parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").head.expects_continue);
}

static void test_refused_lines(void **state)
{
    (void)state;
    expect_bad("GET / HTTP/1.1\nHost: h\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost: h\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost: h\r\n\n", 400);
    expect_bad("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("\x16\x03\x01 tls", 400);
    expect_bad("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET /  HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400);
    expect_bad("GET / x HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET /\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET\r\n\r\n", 400);
    expect_bad("G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET / http/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET / HTTP/11\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505);
    expect_bad("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    expect_bad("GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET /#f HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET http://a@b/x HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET ftp://b/x HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_bad("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400);
}

static void test_refused_headers(void **state)
{
    (void)state;
    expect_bad("GET / HTTP/1.1\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost: h\r\n folded: x\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost: h\r\nX\x80: x\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost: h\r\nX: 12345678901234567\x7f\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost: h\r\nX: 1234567\x01 9012345\r\n\r\n", 400);
    expect_bad("GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", 417);
    struct parsed p;
    parse_cut(&p, STR("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"), 0);
    assert_int_equal(p.step, HTTP1_BAD);
    parse_cut(&p, STR("GET / HTTP/1.1\r\nHost: h\r\nX: tab\tinside and \xc3\xa4 0123\r\n\r\n"), 0);
    assert_int_equal(p.step, HTTP1_DONE);
}

static void test_smuggling(void **state)
{
    (void)state;
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc", 400);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", 400);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\nabc", 400);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc", 400);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551617\r\n\r\na", 400);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", 501);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    expect_bad("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400);
    expect_bad("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\x0b"
               "chunked\r\n\r\n0\r\n\r\n",
               400);
}

#define CHUNKED "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"

static void test_bad_chunks(void **state)
{
    (void)state;
    static const char *const bodies[] = {"\r\n",
                                         "x\r\n",
                                         "-1\r\n",
                                         " 1\r\na\r\n",
                                         "1 \r\na\r\n",
                                         "0x1\r\na\r\n",
                                         "1\na\r\n",
                                         "1\r\na\n",
                                         "1\r\nab",
                                         "1\rxa\r\n",
                                         ";x\r\n",
                                         "1;\x01\r\na\r\n",
                                         "1;a\nb\r\na\r\n",
                                         "0\r\nbad trailer: x\r\n\r\n",
                                         "0\r\nx\r\n\r\n",
                                         "0\r\n\n",
                                         "0\r\nx: y\n\r\n",
                                         "1234567890abcdef\r\n",
                                         "0000000000000000\r\n\r\n"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, CHUNKED "%s", bodies[i]);
        expect_bad(text, 400);
    }
}

/* Where a request is cut never matters, and what follows it is left alone. */
static void check_cuts(const char *text, const char *body)
{
    char both[2000];
    snprintf(both, sizeof both, "%sGET /next HTTP/1.1\r\n", text);
    struct str in = str_c(both);
    for (size_t cut = 0; cut <= in.n; cut++) {
        struct parsed p;
        size_t used = parse_cut(&p, in, cut);
        assert_int_equal(p.step, HTTP1_DONE);
        assert_int_equal(used, strlen(text));
        assert_int_equal(p.body_bytes, strlen(body));
        assert_memory_equal(p.body, body, p.body_bytes);
        assert_str(p.header[0].value, "example.org");
    }
}

static void test_every_cut(void **state)
{
    (void)state;
    check_cuts("GET /x HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n", "");
    check_cuts("\r\nGET /x HTTP/1.1\r\nHost: example.org\r\n\r\n", "");
    check_cuts("PUT /x HTTP/1.1\r\nHost: example.org\r\nContent-Length: 11\r\n\r\nhello world", "hello world");
    check_cuts("PUT /x HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n"
               "5\r\nhello\r\n006;ext=\"v\"\r\n world\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: x\r\nY:\r\n\r\n",
               "hello worldabcdefghijklmnopqrstuvwxyz");
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    struct str in = STR("GET /x?q HTTP/1.1\r\nHost: example.org\r\n\r\n");
    size_t scanned = 0;
    struct http1_bad bad;
    for (size_t n = 1; n < in.n; n++)
        assert_int_equal(http1_find_head(str_first(in, n), &scanned, 100, &bad), HTTP1_MORE);
    assert_int_equal(http1_find_head(in, &scanned, 100, &bad), HTTP1_DONE);
    assert_int_equal(scanned, in.n);
}

static void test_limits(void **state)
{
    (void)state;
    struct parsed p = {0};
    struct str in = STR("GET /0123456789 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(head_in_steps(&p, in, 0, in.n));
    assert_false(head_in_steps(&p, in, 0, in.n - 1));
    assert_int_equal(p.bad.status, 431);
    assert_false(head_in_steps(&p, str_first(in, 20), 0, 20));
    assert_int_equal(p.bad.status, 414);
    assert_false(head_in_steps(&p, str_first(in, 19), 0, 20));
    assert_int_equal(p.step, HTTP1_MORE);
    char text[3000] = "GET / HTTP/1.1\r\nHost: h\r\n";
    size_t n = strlen(text);
    for (int i = 1; i < HTTP1_HEADERS_MAX; i++, n += 6)
        memcpy(text + n, "a: b\r\n", 6);
    memcpy(text + n, "\r\n", 3);
    assert_int_equal(parse(text).head.header_count, HTTP1_HEADERS_MAX);
    memcpy(text + n, "a: b\r\n\r\n", 9);
    expect_bad(text, 431);
}

static void test_overhead(void **state)
{
    (void)state;
    struct http1_body b;
    http1_body_init(&b, &(struct http1_head){.chunked = true});
    struct http1_bad bad;
    struct str data, in = STR("1;");
    assert_int_equal(http1_body_next(&b, &in, &data, &bad), HTTP1_MORE);
    enum http1_step s = HTTP1_MORE;
    size_t taken = 0;
    for (; s == HTTP1_MORE && taken < 100000; taken++) {
        in = STR("x");
        s = http1_body_next(&b, &in, &data, &bad);
    }
    assert_int_equal(s, HTTP1_BAD);
    assert_in_range(taken, 16000, 17000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_get),    cmocka_unit_test(test_methods),       cmocka_unit_test(test_targets),
        cmocka_unit_test(test_connection),   cmocka_unit_test(test_refused_lines), cmocka_unit_test(test_refused_headers),
        cmocka_unit_test(test_smuggling),    cmocka_unit_test(test_bad_chunks),    cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_byte_by_byte), cmocka_unit_test(test_limits),        cmocka_unit_test(test_overhead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
