/* A folder as a web site: what is read of it, and what is answered from it. */
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "crypto/crypto.h"
#include "http/site.h"
#include "http/site_files.h"
#include "unit/http/fixture.h"

enum { LONG = 3000000 };

static char root[64];

static const char *in(const char *name)
{
    static char out[4][200];
    static unsigned at;
    char *p = out[at++ % 4];
    snprintf(p, sizeof out[0], "%s/%s", root, name);
    return p;
}

static void put_bytes(const char *name, const char *bytes, size_t n)
{
    FILE *f = fopen(in(name), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void put(const char *name, const char *text)
{
    put_bytes(name, text, strlen(text));
}

static int make_folder(void **state)
{
    (void)state;
    struct fault f;
    snprintf(root, sizeof root, "/tmp/rookery-site-XXXXXX");
    if (!mkdtemp(root) || mkdir(in("assets"), 0700) || crypto_init(&f) != ERR_OK) return -1;
    put("index.html", "<!doctype html>");
    put("index.html.gz", "as gzip");
    put("index.html.br", "as brotli");
    put("assets/a-1.js", "run()");
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- reading --- */

static struct site_files *read_all(void)
{
    struct site_files *s = NULL;
    struct fault f = {0};
    if (site_files_read(root, &s, &f) != ERR_OK) fail_msg("%s", f.text);
    return s;
}

static void refused(const char *reason)
{
    struct site_files *s;
    struct fault f = {0};
    assert_int_equal(site_files_read(root, &s, &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, reason));
}

static void test_forms(void **state)
{
    (void)state;
    put("alone.gz", "nothing of this name without .gz");
    struct site_files *s = read_all();
    const struct site_file *index = site_files_find(s, STR("index.html")), *script = site_files_find(s, STR("assets/a-1.js"));
    assert_true(str_is(index->form[SITE_PLAIN].bytes, "<!doctype html>"));
    assert_true(str_is(index->form[SITE_GZIP].bytes, "as gzip"));
    assert_true(str_is(index->form[SITE_BROTLI].bytes, "as brotli"));
    assert_false(str_eq(index->form[SITE_PLAIN].tag, index->form[SITE_BROTLI].tag));
    assert_true(str_is(script->type, "text/javascript; charset=utf-8"));
    assert_true(str_null(script->form[SITE_GZIP].bytes));
    assert_null(site_files_find(s, STR("index.html.gz")));
    assert_non_null(site_files_find(s, STR("alone.gz")));
    assert_int_equal(s->count, 3);
    site_files_unref(s);
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    assert_int_equal(symlink("/etc/passwd", in("passwd.txt")), 0);
    assert_int_equal(symlink("/etc", in("etc")), 0);
    assert_int_equal(symlink("/etc/passwd", in("assets/a-1.js.br")), 0);
    assert_int_equal(symlink("index.html", in("other.html")), 0);
    assert_int_equal(mkfifo(in("pipe.js"), 0600), 0);
    assert_int_equal(mkfifo(in("assets/a-1.js.gz"), 0600), 0);
    put(".secret", "not for others");
    struct site_files *s = read_all();
    assert_int_equal(s->count, 2);
    assert_int_equal(map_count(&s->by_path), 2);
    const struct site_file *script = site_files_find(s, STR("assets/a-1.js"));
    assert_true(str_null(script->form[SITE_GZIP].bytes) && str_null(script->form[SITE_BROTLI].bytes));
    site_files_unref(s);
}

static void test_too_much(void **state)
{
    (void)state;
    put("huge.bin", "");
    assert_int_equal(truncate(in("huge.bin"), (off_t)SITE_BYTES_MAX + 1), 0);
    refused("more than 256 MiB");
    unlink(in("huge.bin"));
    char deep[200];
    size_t n = (size_t)snprintf(deep, sizeof deep, "%s", root);
    for (int i = 0; i <= SITE_DEPTH_MAX; i++) {
        n += (size_t)snprintf(deep + n, sizeof deep - n, "/d");
        assert_int_equal(mkdir(deep, 0700), 0);
    }
    refused("nested too deeply");
}

static void test_bad_folders(void **state)
{
    (void)state;
    struct site *site = site_new(STR("none"));
    struct site_size size;
    struct fault f = {0};
    assert_int_equal(site_read(site, in("nowhere"), &size, &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, "No such file"));
    assert_int_equal(site_read(site, in("index.html"), &size, &f), ERR_STORAGE);
    assert_int_equal(site_read(site, in("assets"), &size, &f), ERR_NOT_FOUND);
    assert_non_null(strstr(f.text, "no index.html"));
    site_free(site);
}

/* --- answering --- */

struct serving {
    struct site *site;
    struct fixture *f;
};

static void answer(void *ctx, struct http_request *r)
{
    if (!site_handle(ctx, r)) say(r, 404, STR("not the site's"));
}

static void read_site(struct site *site)
{
    struct site_size size;
    struct fault f = {0};
    if (site_read(site, root, &size, &f) != ERR_OK) fail_msg("%s", f.text);
}

static int serve(void **state)
{
    if (make_folder(state)) return -1;
    struct serving *s = mem_zero(sizeof *s);
    s->site = site_new(STR("no client"));
    struct http_config c = usual_config();
    c.handler = answer;
    c.ctx = s->site;
    s->f = fixture_start("127.0.0.1", c);
    *state = s;
    return 0;
}

static int stop(void **state)
{
    struct serving *s = *state;
    fixture_stop(s->f, 5000);
    site_free(s->site);
    mem_free(s);
    return remove_folder(state);
}

/* The head of the answer, for strcasestr; its body is compared. */
static const char *ask_for(struct serving *s, const char *method, const char *path, const char *headers, int status, const char *body)
{
    static struct answer a;
    char request[1000];
    int fd = client(s->f);
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: h\r\n%s\r\n", method, path, headers);
    client_say(fd, request);
    assert_true(client_read(fd, &a, strcmp(method, "HEAD") != 0));
    assert_int_equal(a.status, status);
    if (body) assert_string_equal(a.body, body);
    answer_free(&a);
    close(fd);
    return a.head;
}

static void has(const char *head, const char *line)
{
    if (!strcasestr(head, line)) fail_msg("no \"%s\" in: %s", line, head);
}

static void test_without_files(void **state)
{
    struct serving *s = *state;
    has(ask_for(s, "GET", "/", "", 200, "no client"), "\r\ncontent-security-policy: default-src 'none'; ");
    ask_for(s, "GET", "/index.html", "", 404, "not the site's");
    has(ask_for(s, "POST", "/", "Content-Length: 0\r\n", 405, NULL), "\r\nallow: GET, HEAD, OPTIONS\r\n");
}

static void test_forms_are_chosen(void **state)
{
    struct serving *s = *state;
    read_site(s->site);
    const char *head = ask_for(s, "GET", "/", "Accept-Encoding: gzip, br\r\n", 200, "as brotli");
    has(head, "\r\ncontent-encoding: br\r\n");
    has(head, "\r\nvary: accept-encoding\r\n");
    has(head, "\r\ncontent-type: text/html; charset=utf-8\r\n");
    has(head, "\r\ncache-control: no-cache\r\n");
    has(ask_for(s, "GET", "/", "Accept-Encoding: gzip, br;q=0.5\r\n", 200, "as gzip"), "\r\ncontent-encoding: gzip\r\n");
    assert_null(strcasestr(ask_for(s, "GET", "/index.html", "", 200, "<!doctype html>"), "content-encoding"));
    head = ask_for(s, "GET", "/assets/a-1.js", "Accept-Encoding: br\r\n", 200, "run()");
    assert_null(strcasestr(head, "content-encoding"));
    has(head, "\r\ncache-control: public, max-age=31536000, immutable\r\n");
}

static void test_conditional(void **state)
{
    struct serving *s = *state;
    char line[200];
    read_site(s->site);
    const char *tag = strstr(ask_for(s, "GET", "/", "Accept-Encoding: br\r\n", 200, NULL), "etag: ") + 6;
    snprintf(line, sizeof line, "Accept-Encoding: br\r\nIf-None-Match: \"x\", W/%.34s\r\n", tag);
    const char *head = ask_for(s, "GET", "/", line, 304, "");
    has(head, "\r\netag: \"");
    assert_null(strcasestr(head, "\r\ncontent-length"));
    assert_null(strcasestr(head, "\r\ncontent-type"));
    ask_for(s, "GET", "/", line + strlen("Accept-Encoding: br\r\n"), 200, "<!doctype html>"); /* the tag is another form's */
    ask_for(s, "HEAD", "/", line, 304, NULL);
}

static void test_methods(void **state)
{
    struct serving *s = *state;
    read_site(s->site);
    has(ask_for(s, "HEAD", "/assets/a-1.js", "", 200, NULL), "\r\ncontent-length: 5\r\n");
    has(ask_for(s, "PUT", "/index.html", "Content-Length: 2\r\n\r\nxx", 405, NULL), "\r\nallow: GET, HEAD, OPTIONS\r\n");
    has(ask_for(s, "OPTIONS", "/", "", 204, NULL), "\r\nallow: GET, HEAD, OPTIONS\r\n");
    ask_for(s, "DELETE", "/nothing", "", 404, NULL);
}

static void test_paths(void **state)
{
    struct serving *s = *state;
    put("secret.txt", "seen");
    assert_int_equal(mkdir(in("site"), 0700), 0);
    assert_int_equal(rename(in("index.html"), in("site/index.html")), 0);
    assert_int_equal(rename(in("assets"), in("site/assets")), 0);
    struct site_size size;
    struct fault f;
    assert_int_equal(site_read(s->site, in("site"), &size, &f), ERR_OK);
    static const char *const missing[] = {"/../secret.txt",
                                          "/%2e%2e/secret.txt",
                                          "/assets/../../secret.txt",
                                          "/..%2fsecret.txt",
                                          "/index.html%00.txt",
                                          "//index.html",
                                          "/assets",
                                          "/assets/",
                                          "/./index.html",
                                          "/assets/../index.html",
                                          "/%",
                                          "/%zz",
                                          "/index.html/",
                                          "/%2findex.html",
                                          "/\\..\\secret.txt",
                                          "/index.htm",
                                          "/etc/passwd",
                                          "/%2fetc%2fpasswd",
                                          "/INDEX.HTML",
                                          "/assets//a-1.js"};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        ask_for(s, "GET", missing[i], "", 404, "There is no such page here.\n");
    ask_for(s, "GET", "/%69ndex.html?x=1", "", 200, "<!doctype html>");
    ask_for(s, "GET", "/assets%2Fa-1.js", "", 200, "run()");
}

static char *put_long(char fill)
{
    char *p = mem_alloc(LONG);
    for (size_t i = 0; i < LONG; i++)
        p[i] = (char)(fill + (char)(i / 1000 % 20));
    put_bytes("assets/long.wasm", p, LONG);
    return p;
}

#define GET_LONG "GET /assets/long.wasm HTTP/1.1\r\nHost: h\r\n\r\n"

/* While one client takes nothing of a long file, others are answered; the file that it began is the one that it gets. */
static void test_long_file(void **state)
{
    struct serving *s = *state;
    struct answer a;
    char *first = put_long('A');
    read_site(s->site);
    int slow = client(s->f), gone = client(s->f);
    client_say(slow, GET_LONG);
    client_say(gone, GET_LONG);
    assert_true(read_head(slow, &(struct answer){0}));
    char *second = put_long('a');
    read_site(s->site);
    close(gone);
    int quick = client(s->f);
    for (int i = 0; i < 2; i++) {
        client_say(quick, GET_LONG);
        assert_true(client_read(quick, &a, true));
        assert_int_equal(a.body_bytes, LONG);
        assert_memory_equal(a.body, second, LONG);
        answer_free(&a);
    }
    close(quick);
    for (size_t at = 0; at < LONG;) {
        char piece[50000];
        ssize_t n = recv(slow, piece, sizeof piece, 0);
        assert_true(n > 0 && at + (size_t)n <= LONG);
        assert_memory_equal(piece, first + at, (size_t)n);
        at += (size_t)n;
    }
    client_say(slow, "GET /assets/a-1.js HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(slow, 200, "run()");
    close(slow);
    mem_free(first);
    mem_free(second);
}

/* Old files stay when the new ones cannot be read. */
static void test_reading_fails(void **state)
{
    struct serving *s = *state;
    struct site_size size;
    struct fault f;
    read_site(s->site);
    unlink(in("index.html"));
    assert_int_equal(site_read(s->site, root, &size, &f), ERR_NOT_FOUND);
    ask_for(s, "GET", "/", "", 200, "<!doctype html>");
}

int main(void)
{
#define READING(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
#define ANSWERING(test) cmocka_unit_test_setup_teardown(test, serve, stop)
    const struct CMUnitTest tests[] = {
        READING(test_forms),           READING(test_what_is_no_file),    READING(test_too_much),        READING(test_bad_folders),
        ANSWERING(test_without_files), ANSWERING(test_forms_are_chosen), ANSWERING(test_conditional),   ANSWERING(test_methods),
        ANSWERING(test_paths),         ANSWERING(test_long_file),        ANSWERING(test_reading_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
