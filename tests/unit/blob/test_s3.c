/* Blobs in a bucket whose storage does what it should not: a server that answers as a script says, a row for each answer. */
#include "blob/s3/s3.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "blob/s3/transfer.h"
#include "crypto/crypto.h"

enum { WINDOW = 256 * 1024, SCRIPT_MAX = 4, REQUEST_MAX = 1 << 20, ENDLESS_BYTES = 64 << 20, MANY = 100, AT_A_TIME = 64 };

/* --- a file system that knows no files without a name --- */

static bool no_tmpfile;

int openat(int dir, const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, int) : 0;
    va_end(more);
    if (no_tmpfile && flags & __O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

/* --- the storage --- */

enum how {
    PLAIN,
    CHUNKED,
    ENDLESS, /* until the client closes, or gives up its last chance */
    HALF     /* of the request's body is read, then the connection closed */
};

struct answer {
    const char *status; /* NULL: the one before, again and again */
    const char *range;  /* Content-Range, where there is one */
    size_t from, n;     /* the body: of `content` */
    const char *said;   /* or this */
    enum how how;
};

struct storage {
    const struct answer *script;
    int fd;
    unsigned port, asked, left; /* requests for an object; clients that closed while they were answered */
    bool crowd, more;           /* a crowd comes after the first client; there were more of them than may come at a time */
    pthread_t thread;
    struct buf request;
};

static char content[3 * WINDOW];

static void send_all(int fd, struct str s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n <= 0) return;
        s = str_from(s, (size_t)n);
    }
}

static void send_endless(struct storage *s, int fd)
{
    static const char nothing[65536];
    for (size_t sent = 0; sent < ENDLESS_BYTES; sent += sizeof nothing)
        if (write(fd, nothing, sizeof nothing) < 0) {
            s->left++;
            return;
        }
}

static void give(struct storage *s, int fd, const struct answer *a)
{
    char head[400];
    struct str body = a->said ? str_c(a->said) : str_make(content + a->from, a->n);
    int n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nConnection: close\r\n", a->status);
    if (a->range) n += snprintf(head + n, sizeof head - (size_t)n, "Content-Range: %s\r\n", a->range);
    if (a->how == PLAIN) n += snprintf(head + n, sizeof head - (size_t)n, "Content-Length: %zu\r\n\r\n", body.n);
    if (a->how == CHUNKED) n += snprintf(head + n, sizeof head - (size_t)n, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", body.n);
    if (a->how == ENDLESS) n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
    send_all(fd, str_make(head, (size_t)n));
    send_all(fd, body);
    if (a->how == CHUNKED) send_all(fd, STR("\r\n0\r\n\r\n"));
    if (a->how == ENDLESS) send_endless(s, fd);
}

/* The whole request, or half of its body. False: the client has closed. */
static bool take(struct storage *s, int fd, bool half)
{
    size_t want = SIZE_MAX;
    buf_clear(&s->request);
    while (s->request.n < want) {
        char *p = buf_room(&s->request, 4096);
        ssize_t n = p ? read(fd, p, 4096) : -1;
        if (n <= 0) return false;
        buf_added(&s->request, (size_t)n);
        const char *end = memmem(s->request.p, s->request.n, "\r\n\r\n", 4),
                   *length = memmem(s->request.p, s->request.n, "Content-Length: ", 16);
        if (!end) continue;
        want = (size_t)(end - s->request.p) + 4 + (length && length < end ? strtoul(length + 16, NULL, 10) : 0) / (half ? 2 : 1);
    }
    return true;
}

static bool is_of_bucket(const struct storage *s)
{
    return str_starts(buf_str(&s->request), STR("HEAD /bucket HTTP"));
}

static void serve(struct storage *s, int fd)
{
    static const struct answer here = {.status = "200 OK"};
    if (!take(s, fd, s->script->how == HALF)) return;
    if (is_of_bucket(s)) {
        give(s, fd, &here);
        return;
    }
    const struct answer *a = s->script;
    s->asked++;
    if (a[1].status) s->script++;
    if (a->how != HALF) give(s, fd, a);
}

static bool serve_next(struct storage *s)
{
    int fd = accept(s->fd, NULL, NULL);
    if (fd < 0) return false;
    serve(s, fd);
    close(fd);
    return true;
}

/* Answers nobody before all are in who may come, and looks who else is at the door. */
static void serve_crowd(struct storage *s)
{
    int fd[AT_A_TIME];
    for (int i = 0; i < AT_A_TIME; i++)
        fd[i] = accept(s->fd, NULL, NULL);
    s->more = poll(&(struct pollfd){.fd = s->fd, .events = POLLIN}, 1, 200) != 0; /* time for those who should not come */
    for (int i = 0; i < AT_A_TIME; i++) {
        serve(s, fd[i]);
        close(fd[i]);
    }
}

static void *storage_main(void *arg)
{
    struct storage *s = arg;
    if (serve_next(s) && s->crowd) serve_crowd(s);
    while (serve_next(s))
        ;
    return NULL;
}

static void storage_start(struct storage *s, const struct answer *script)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    s->script = script;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    buf_init(&s->request, REQUEST_MAX);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, 2 * MANY), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &n), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, storage_main, s), 0);
}

static void storage_stop(struct storage *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

/* --- what is asked of it --- */

static struct arena arena;

static enum err open_with(const struct storage *s, const char *spool, struct blobs **out, struct fault *f)
{
    struct blobs_s3_config c = {
        .url = arena_printf(&arena, "http://key:secret@127.0.0.1:%u/bucket", s->port), .region = "r", .spool = spool};
    return blobs_s3_open(&c, out, f);
}

static struct blobs *opened(const struct storage *s)
{
    struct blobs *blobs = NULL;
    assert_int_equal(open_with(s, "/tmp", &blobs, NULL), ERR_OK);
    return blobs;
}

enum what { GET, PUT, DELETE, LOOK };

struct row {
    const char *name;
    enum what what;
    size_t object; /* so many bytes of `content` */
    struct answer script[SCRIPT_MAX];
    enum err err;
    unsigned asked;
};

#define PART(a, b, total) .status = "206 Partial Content", .range = "bytes " #a "-" #b "/" #total, .from = a, .n = b - a + 1
#define REFUSED(code, word) .status = code, .said = "<?xml version='1.0'?><Error><Code>" word "</Code></Error>"

static const struct row rows[] = {
    {"a small object", GET, 1000, {{PART(0, 999, 1000)}}, ERR_OK, 1},
    {"two windows", GET, 300000, {{PART(0, 262143, 300000)}, {PART(262144, 299999, 300000)}}, ERR_OK, 2},
    {"less than was asked for, twice", GET, 1000, {{PART(0, 499, 1000)}, {PART(500, 999, 1000)}}, ERR_OK, 2},
    {"503, then it", GET, 1000, {{REFUSED("503 Slow Down", "SlowDown")}, {PART(0, 999, 1000)}}, ERR_OK, 2},
    {"503 for ever", GET, 1000, {{REFUSED("503 Slow Down", "SlowDown")}}, ERR_STORAGE, 3},
    {"another range", GET, 1000, {{PART(10, 1009, 2000)}}, ERR_STORAGE, 3},
    {"another range, then the right one", GET, 1000, {{PART(10, 1009, 2000)}, {PART(0, 999, 1000)}}, ERR_OK, 2},
    {"another range in the middle", GET, 300000, {{PART(0, 262143, 300000)}, {PART(262143, 299999, 300000)}}, ERR_STORAGE, 4},
    {"no range", GET, 1000, {{.status = "206 Partial Content", .n = 1000}}, ERR_STORAGE, 3},
    {"a range that is none", GET, 1000, {{.status = "206 Partial Content", .range = "items 0-999/1000", .n = 1000}}, ERR_STORAGE, 3},
    {"a size that is not known", GET, 1000, {{.status = "206 Partial Content", .range = "bytes 0-999/*", .n = 1000}}, ERR_STORAGE, 3},
    {"fewer bytes than it says", GET, 1000, {{.status = "206 Partial Content", .range = "bytes 0-999/1000", .n = 500}}, ERR_STORAGE, 3},
    {"more than it says", GET, 1000, {{.status = "206 Partial Content", .range = "bytes 0-499/1000", .n = 1000}}, ERR_STORAGE, 3},
    {"another size in the middle", GET, 300000, {{PART(0, 262143, 300000)}, {PART(262144, 299999, 300001)}}, ERR_STORAGE, 2},
    {"all of it", GET, 1000, {{.status = "200 OK", .n = 1000}}, ERR_OK, 1},
    {"all of it, in chunks", GET, 1000, {{.status = "200 OK", .n = 1000, .how = CHUNKED}}, ERR_OK, 1},
    {"all of more than a window", GET, 300000, {{.status = "200 OK", .n = 300000}}, ERR_STORAGE, 3},
    {"all of it in the middle", GET, 300000, {{PART(0, 262143, 300000)}, {.status = "200 OK", .n = 300000}}, ERR_STORAGE, 4},
    {"no bytes", GET, 1000, {{.status = "200 OK"}}, ERR_STORAGE, 1},
    {"no content", GET, 1000, {{.status = "204 No Content"}}, ERR_STORAGE, 3},
    {"nothing beyond", GET, 1000, {{REFUSED("416 Range Not Satisfiable", "InvalidRange")}}, ERR_STORAGE, 1},
    {"nothing beyond nothing", GET, 0, {{REFUSED("416 Range Not Satisfiable", "InvalidRange")}}, ERR_OK, 1},
    {"nothing", GET, 0, {{.status = "200 OK"}}, ERR_OK, 1},
    {"not there", GET, 1000, {{REFUSED("404 Not Found", "NoSuchKey")}}, ERR_NOT_FOUND, 1},
    {"no bucket", GET, 1000, {{REFUSED("404 Not Found", "NoSuchBucket")}}, ERR_STORAGE, 1},
    {"refused", GET, 1000, {{REFUSED("403 Forbidden", "AccessDenied")}}, ERR_STORAGE, 1},
    {"deleted while it is read", GET, 300000, {{PART(0, 262143, 300000)}, {REFUSED("404 Not Found", "NoSuchKey")}}, ERR_STORAGE, 2},
    {"endless", GET, 1000, {{.status = "200 OK", .how = ENDLESS}}, ERR_STORAGE, 3},
    {"an endless part", GET, 1000, {{.status = "206 Partial Content", .range = "bytes 0-999/1000", .how = ENDLESS}}, ERR_STORAGE, 3},
    {"an endless refusal", GET, 1000, {{.status = "403 Forbidden", .how = ENDLESS}}, ERR_STORAGE, 3},
    {"it is taken", PUT, 600000, {{.status = "200 OK"}}, ERR_OK, 1},
    {"503, then it is taken", PUT, 600000, {{REFUSED("503 Slow Down", "SlowDown")}, {.status = "200 OK"}}, ERR_OK, 2},
    {"half of it, then it is taken", PUT, 600000, {{.status = "", .how = HALF}, {.status = "200 OK"}}, ERR_OK, 2},
    {"no bucket for it", PUT, 1000, {{REFUSED("404 Not Found", "NoSuchBucket")}}, ERR_STORAGE, 1},
    {"it may not be written", PUT, 1000, {{REFUSED("403 Forbidden", "AccessDenied")}}, ERR_STORAGE, 1},
    {"it is taken with endless words", PUT, 1000, {{.status = "200 OK", .how = ENDLESS}}, ERR_STORAGE, 3},
    {"it goes", DELETE, 1000, {{.status = "204 No Content"}}, ERR_OK, 1},
    {"it was not there", DELETE, 1000, {{REFUSED("404 Not Found", "NoSuchKey")}}, ERR_OK, 1},
    {"it may not go", DELETE, 1000, {{REFUSED("403 Forbidden", "AccessDenied")}}, ERR_STORAGE, 1},
    {"it is there", LOOK, 1000, {{.status = "200 OK"}}, ERR_OK, 1},
    {"it is not there", LOOK, 1000, {{.status = "404 Not Found"}}, ERR_NOT_FOUND, 1},
};

static enum err get(struct blobs *blobs, struct str object, struct fault *f)
{
    struct str got;
    enum err e = blob_get(blobs, sha256_hex(&arena, object), sizeof content, &arena, &got, f);
    if (!e) assert_true(str_eq(got, object));
    return e;
}

static enum err put(struct blobs *blobs, const struct storage *s, struct str object, struct fault *f)
{
    struct blob_hash h;
    enum err e = blob_put(blobs, object, &h, f);
    if (!e) assert_true(str_ends(buf_str(&s->request), object));
    return e;
}

static enum err asked(struct blobs *blobs, const struct storage *s, const struct row *row, struct fault *f)
{
    struct str object = str_make(content, row->object);
    switch (row->what) {
    case GET:
        return get(blobs, object, f);
    case PUT:
        return put(blobs, s, object, f);
    case DELETE:
        return blob_delete(blobs, sha256_hex(&arena, object), f);
    case LOOK:
        return blob_exists(blobs, sha256_hex(&arena, object), f);
    }
    abort();
}

static void a_row(void **state)
{
    const struct row *row = *state;
    struct storage s = {0};
    struct fault f = {0};
    storage_start(&s, row->script);
    struct blobs *blobs = opened(&s);
    enum err e = asked(blobs, &s, row, &f);
    blobs_close(blobs);
    storage_stop(&s);
    assert_int_equal(e, row->err);
    if (e == ERR_STORAGE) assert_true(f.text[0]);
    assert_int_equal(s.asked, row->asked);
    assert_int_equal(s.left, row->script[0].how == ENDLESS ? row->asked : 0);
    buf_release(&s.request);
}

/* --- more than a row --- */

static void *look(void *arg)
{
    struct blobs *blobs = arg;
    return (void *)(uintptr_t)blob_exists(blobs, str_c(SHA256_OF_NOTHING), NULL);
}

/* More than may be asked at a time: the others wait, and each has its turn. */
static void many_at_once(void **state)
{
    (void)state;
    static const struct answer script[] = {{.status = "200 OK"}, {0}};
    struct storage s = {.crowd = true};
    pthread_t threads[MANY];
    storage_start(&s, script);
    struct blobs *blobs = opened(&s);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look, blobs), 0);
    for (int i = 0; i < MANY; i++) {
        void *e;
        assert_int_equal(pthread_join(threads[i], &e), 0);
        assert_int_equal((uintptr_t)e, ERR_OK);
    }
    blobs_close(blobs);
    storage_stop(&s);
    assert_int_equal(s.asked, MANY);
    assert_false(s.more);
    buf_release(&s.request);
}

static unsigned files_in(const char *folder)
{
    unsigned n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        if (e->d_name[0] != '.' || strlen(e->d_name) > 2) n++;
    closedir(d);
    return n;
}

static void unfinished_uploads_have_no_name(void **state)
{
    (void)state;
    static const struct answer script[] = {{.status = "200 OK"}, {0}};
    struct str object = str_make(content, 600000);
    char folder[] = "/tmp/rookery-s3-XXXXXX";
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 2; i++) {
        struct storage s = {0};
        struct blobs *blobs = NULL;
        struct blob_writer *w;
        struct blob_hash h;
        no_tmpfile = i == 1;
        storage_start(&s, script);
        assert_int_equal(open_with(&s, folder, &blobs, NULL), ERR_OK);
        assert_int_equal(blob_begin(blobs, &w, NULL), ERR_OK);
        assert_int_equal(blob_write(w, object, NULL), ERR_OK);
        assert_int_equal(files_in(folder), 0);
        assert_int_equal(blob_commit(w, &h, NULL, NULL), ERR_OK);
        blobs_close(blobs);
        storage_stop(&s);
        assert_true(str_ends(buf_str(&s.request), object));
        buf_release(&s.request);
    }
    no_tmpfile = false;
    assert_int_equal(rmdir(folder), 0);
}

/* Said at the start, not with the first upload. */
static void a_folder_that_takes_no_file(void **state)
{
    (void)state;
    static const struct answer script[] = {{.status = "200 OK"}, {0}};
    static const char *const folders[] = {"/proc/self", "/tmp/rookery-no-such-folder"};
    struct storage s = {0};
    storage_start(&s, script);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        struct blobs *blobs;
        struct fault f = {0};
        assert_int_equal(open_with(&s, folders[i], &blobs, &f), ERR_STORAGE);
        assert_non_null(strstr(f.text, "[store] path: "));
        assert_non_null(strstr(f.text, folders[i]));
    }
    storage_stop(&s);
    buf_release(&s.request);
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    enum { ROWS = sizeof rows / sizeof rows[0] };
    static const struct CMUnitTest others[] = {
        cmocka_unit_test_setup_teardown(many_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unfinished_uploads_have_no_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_takes_no_file, set_up, tear_down),
    };
    struct CMUnitTest tests[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){rows[i].name, a_row, set_up, tear_down, (void *)(uintptr_t)&rows[i]};
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (char)(i * 2654435761u >> 13);
    signal(SIGPIPE, SIG_IGN);
    if (crypto_init(NULL) != ERR_OK) return 1;
    int failed = cmocka_run_group_tests_name("blob/s3: answers", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("blob/s3", others, NULL, NULL);
}
