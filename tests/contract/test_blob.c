/* What blob.h promises, checked on every back end, from inside a fiber. A back end adds a row to `backends`. */
#include "blob/blob.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "blob/files/files.h"
#include "blob/s3/s3.h"
#include "contract/helper.h"
#include "contract/in_fiber.h"
#include "crypto/crypto.h"

struct backend {
    const char *name;
    struct blobs *(*open)(void); /* the same place each time */
    void (*forget)(void);        /* removes the place */
};

static char directory[] = "/tmp/rookery-blob-XXXXXX";

static struct blobs *files_open(void)
{
    static bool named; /* not to be seen in the name: what mkdtemp() puts there may hold an X too */
    struct blobs *s;
    struct fault f = {0};
    if (!named && !mkdtemp(directory)) return NULL;
    named = true;
    return blobs_files_open(directory, &s, &f) ? NULL : s;
}

static void files_forget(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    assert_int_equal(system(command), 0);
}

static struct blobs *s3_open(void)
{
    struct blobs *s;
    struct fault f = {0};
    struct blobs_s3_config c = {.url = str_c(getenv("TEST_OBJECTS")), .region = "us-east-1", .spool = "/tmp"};
    enum err e = blobs_s3_open(&c, &s, &f);
    if (e) print_message("%s\n", f.text);
    return e ? NULL : s;
}

/* The storage ends with the program; what a test left is there under other names. */
static void s3_forget(void) {}

static const struct backend backends[] = {{"files", files_open, files_forget}, {"s3", s3_open, s3_forget}};

static const struct backend *backend;
static struct blobs *blobs;
static struct arena arena;

/* Bytes that depend on a seed, the same each time. */
static struct str noise(size_t n, unsigned seed)
{
    char *p = arena_alloc(&arena, n + 1);
    uint64_t x = seed + 1;
    for (size_t i = 0; i < n; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        p[i] = (char)(x >> 56);
    }
    return str_make(p, n);
}

static struct str put(struct str content)
{
    struct blob_hash h;
    assert_int_equal(blob_put(blobs, content, &h, NULL), ERR_OK);
    return arena_str(&arena, blob_hash_str(&h));
}

static void holds(struct str hash, struct str content)
{
    struct str got;
    assert_int_equal(blob_exists(blobs, hash, NULL), ERR_OK);
    assert_int_equal(blob_get(blobs, hash, content.n, &arena, &got, NULL), ERR_OK);
    assert_true(str_eq(got, content));
}

static void put_get(void)
{
    static const size_t sizes[] = {0, 1, 1000, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 3000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct str content = noise(sizes[i], (unsigned)i), hash = put(content);
        assert_true(str_eq(hash, sha256_hex(&arena, content)));
        holds(hash, content);
    }
}

static void nothing_there(void)
{
    struct blob_reader *r;
    uint64_t size;
    static const char *const names[] = {"",
                                        "x",
                                        "..",
                                        "../../../../etc/passwd",
                                        "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
                                        "00/../../../../../../../../../../../../../../../../../etc/passwd",
                                        "0000000000000000000000000000000000000000000000000000000000000000",
                                        "00000000000000000000000000000000000000000000000000000000000000000"};
    put(STR("")); /* whose hash is the upper-case name above */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(blob_exists(blobs, str_c(names[i]), NULL), ERR_NOT_FOUND);
        assert_int_equal(blob_open(blobs, str_c(names[i]), &r, &size, NULL), ERR_NOT_FOUND);
        assert_int_equal(blob_delete(blobs, str_c(names[i]), NULL), ERR_OK);
    }
    assert_int_equal(blob_exists(blobs, str_make(NULL, 0), NULL), ERR_NOT_FOUND);
}

static void pieces(void)
{
    struct str content = noise(2000000, 7);
    for (size_t step = 1; step < 3000000; step = step * 9 + 1) {
        struct blob_writer *w;
        struct blob_hash h;
        uint64_t size;
        size_t used = step < 100 ? 20000 : content.n; /* tiny pieces of little, or the test takes for ever */
        assert_int_equal(blob_begin(blobs, &w, NULL), ERR_OK);
        for (size_t at = 0; at < used; at += step)
            assert_int_equal(blob_write(w, str_first(str_from(str_first(content, used), at), step), NULL), ERR_OK);
        assert_int_equal(blob_write(w, STR(""), NULL), ERR_OK);
        assert_int_equal(blob_commit(w, &h, &size, NULL), ERR_OK);
        assert_int_equal(size, used);
        holds(blob_hash_str(&h), str_first(content, used));
    }
}

static void ranges(void)
{
    /* What a back end reads at a time is a power of two, or several of them: offsets are around those. */
    enum { KIB = 1024, SIZE = 2500000 };
    struct str content = noise(SIZE, 3), hash = put(content);
    struct blob_reader *r;
    uint64_t size;
    size_t got;
    char p[1000];
    assert_int_equal(blob_open(blobs, hash, &r, &size, NULL), ERR_OK);
    assert_int_equal(size, SIZE);
    static const size_t at[] = {0,
                                1,
                                SIZE - 1000,
                                128 * KIB - 1,
                                256 * KIB,
                                256 * KIB - 1,
                                256 * KIB - 999,
                                256 * KIB - 1000,
                                512 * KIB - 500,
                                0,
                                1024 * KIB - 1,
                                1024 * KIB,
                                2048 * KIB - 1,
                                2304 * KIB - 1,
                                2304 * KIB,
                                SIZE / 2,
                                SIZE - 999,
                                SIZE - 1,
                                SIZE,
                                SIZE + 1,
                                SIZE_MAX - 10,
                                SIZE_MAX};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        size_t want = at[i] >= size ? 0 : size - at[i] < sizeof p ? size - at[i] : sizeof p;
        assert_int_equal(blob_read(r, at[i], p, sizeof p, &got, NULL), ERR_OK);
        assert_int_equal(got, want);
        assert_memory_equal(p, content.p + (want ? at[i] : 0), want);
    }
    assert_int_equal(blob_read(r, 0, NULL, 0, &got, NULL), ERR_OK);
    assert_int_equal(got, 0);
    blob_close(r);
}

static void the_same_twice(void)
{
    struct str content = noise(300000, 4), hash = put(content);
    assert_true(str_eq(put(content), hash));
    holds(hash, content);
    assert_int_equal(blob_delete(blobs, hash, NULL), ERR_OK); /* and once deleted it is gone: there were not two */
    assert_int_equal(blob_exists(blobs, hash, NULL), ERR_NOT_FOUND);
    assert_int_equal(blob_delete(blobs, hash, NULL), ERR_OK);
    assert_true(str_eq(put(content), hash));
    holds(hash, content);
}

static void two_writers_of_the_same(void)
{
    struct str content = noise(600000, 5);
    struct blob_writer *w[2];
    struct blob_hash h[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(blob_begin(blobs, &w[i], NULL), ERR_OK);
    for (size_t at = 0; at < content.n; at += 100000)
        for (int i = 0; i < 2; i++)
            assert_int_equal(blob_write(w[i], str_first(str_from(content, at), 100000), NULL), ERR_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(blob_commit(w[i], &h[i], NULL, NULL), ERR_OK);
        holds(blob_hash_str(&h[i]), content);
    }
    assert_string_equal(h[0].hex, h[1].hex);
}

static void not_there_before_commit(void)
{
    struct str content = noise(700000, 6), hash = sha256_hex(&arena, content);
    struct blob_writer *w;
    assert_int_equal(blob_begin(blobs, &w, NULL), ERR_OK);
    assert_int_equal(blob_write(w, content, NULL), ERR_OK);
    assert_int_equal(blob_exists(blobs, hash, NULL), ERR_NOT_FOUND);
    blob_abort(w);
    assert_int_equal(blob_exists(blobs, hash, NULL), ERR_NOT_FOUND);
    assert_int_equal(blob_begin(blobs, &w, NULL), ERR_OK);
    blob_abort(w); /* nothing written at all */
    blob_abort(NULL);
}

static void readers_survive_a_deletion(void)
{
    struct str content = noise(100000, 8), hash = put(content);
    struct blob_reader *r;
    uint64_t size;
    size_t got;
    char *p = arena_alloc(&arena, content.n);
    assert_int_equal(blob_open(blobs, hash, &r, &size, NULL), ERR_OK);
    assert_int_equal(blob_delete(blobs, hash, NULL), ERR_OK);
    assert_int_equal(blob_read(r, 0, p, content.n, &got, NULL), ERR_OK);
    assert_true(str_eq(str_make(p, got), content));
    blob_close(r);
}

static void too_large_to_get(void)
{
    struct str hash = put(noise(1000, 9)), got;
    struct fault f = {0};
    assert_int_equal(blob_get(blobs, hash, 999, &arena, &got, &f), ERR_TOO_LARGE);
    assert_int_equal(f.code, ERR_TOO_LARGE);
    assert_int_equal(blob_get(blobs, hash, 1000, &arena, &got, &f), ERR_OK);
}

static void there_after_opening_again(void)
{
    struct str content = noise(5000, 10), hash = put(content);
    blobs_close(blobs);
    blobs = backend->open();
    holds(hash, content);
}

/* Several fibers of one loop write and read at once. */
static unsigned running;
static struct fiber *waiting;

static void put_and_check(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    struct arena a;
    arena_init(&a);
    for (unsigned i = 0; i < 10; i++) {
        struct str content = arena_printf(&a, "blob %u of fiber %u", i, seed % 3), got; /* the same in several */
        struct blob_hash h;
        assert_int_equal(blob_put(blobs, content, &h, NULL), ERR_OK);
        assert_int_equal(blob_get(blobs, blob_hash_str(&h), 100, &a, &got, NULL), ERR_OK);
        assert_true(str_eq(got, content));
    }
    arena_release(&a);
    if (--running == 0) fiber_wake(waiting);
}

static void many_fibers(void)
{
    waiting = fiber_current();
    running = 20;
    for (uintptr_t i = 0; i < 20; i++)
        fiber_spawn(put_and_check, (void *)i);
    while (running)
        fiber_park();
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    blobs = backend->open();
    return blobs == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    blobs_close(blobs);
    arena_release(&arena);
    backend->forget();
    return 0;
}

static void in_backend(void **state)
{
    in_fiber((void (*)(void))(uintptr_t)*state);
}

#define ON_BACKEND(f)                                                                                                                      \
    {                                                                                                                                      \
#f, in_backend, set_up, tear_down, (void *)(uintptr_t)f                                                                            \
    }

int main(int argc, char **argv)
{
    helper_need("objects.py", "TEST_OBJECTS", argc, argv);
    static const struct CMUnitTest tests[] = {
        ON_BACKEND(put_get),
        ON_BACKEND(nothing_there),
        ON_BACKEND(pieces),
        ON_BACKEND(ranges),
        ON_BACKEND(the_same_twice),
        ON_BACKEND(two_writers_of_the_same),
        ON_BACKEND(not_there_before_commit),
        ON_BACKEND(readers_survive_a_deletion),
        ON_BACKEND(too_large_to_get),
        ON_BACKEND(there_after_opening_again),
        ON_BACKEND(many_fibers),
    };
    struct fault f = {0};
    if (crypto_init(&f)) return 1;
    int failed = 0;
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
        backend = &backends[i];
        failed += cmocka_run_group_tests_name(backend->name, tests, NULL, NULL);
    }
    return failed;
}
