/* Thumbnails on disk: what was kept is found again, also by the next process; the folder stays within its bound, oldest first; what is damaged, half
 * written or gone is as good as never made; refusals are forgotten after an hour. */
#include "contract/in_fiber.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/media/shelf.h"

enum { ROOM = 64 * 256 * 1024 }; /* 256 KiB for each of 64 parts */

static char folder[64], root[48];
static struct shelf *shelf;
static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/rookery-shelf-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(folder, sizeof folder, "%s/thumbnails", root);
    log_setup(LOG_ERROR, false);
    arena_init(&arena);
    shelf = shelf_new(folder, ROOM);
    return 0;
}

static void remove_below(const char *path)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", path);
    assert_int_equal(system(command), 0);
}

static int tear_down(void **state)
{
    (void)state;
    shelf_free(shelf);
    arena_release(&arena);
    remove_below(root);
    return 0;
}

/* An image of number n; all of them in the same part. */
static struct shelf_key key(unsigned n)
{
    return (struct shelf_key){.image = arena_printf(&arena, "00%062x", n), .width = 96, .height = 96, .crop = true};
}

static struct str noise(size_t n, unsigned seed)
{
    char *p = arena_alloc(&arena, n + 1);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)((seed += 0x9E3779B9u) >> 24);
    return str_make(p, n);
}

static void put(struct shelf_key k, struct str bytes)
{
    struct shelf_item item = {.type = STR("image/png"), .bytes = bytes};
    shelf_put(shelf, &k, &item);
}

static bool has(struct shelf_key k, struct str bytes)
{
    struct shelf_item item;
    if (!shelf_get(shelf, &k, &arena, &item)) return false;
    assert_int_equal(item.refusal, ERR_OK);
    assert_false(item.original);
    assert_true(str_is(item.type, "image/png") && str_eq(item.bytes, bytes));
    return true;
}

/* Calls `each` for all files; returns how many there are, and their bytes. */
static unsigned files(void (*each)(const char *path), uint64_t *bytes)
{
    unsigned n = 0;
    DIR *d = opendir(folder);
    if (bytes) *bytes = 0;
    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d));) {
        char part[400];
        if (e->d_name[0] == '.') continue;
        snprintf(part, sizeof part, "%s/%s", folder, e->d_name);
        DIR *p = opendir(part);
        assert_non_null(p);
        for (struct dirent *f; (f = readdir(p));) {
            char path[700];
            struct stat st;
            snprintf(path, sizeof path, "%s/%s", part, f->d_name);
            if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) continue;
            n++;
            if (bytes) *bytes += (uint64_t)st.st_blocks * 512;
            if (each) each(path);
        }
        closedir(p);
    }
    closedir(d);
    return n;
}

/* --- tests; each body runs in a fiber --- */

static void body_kept(void)
{
    struct shelf_key k = key(1), other = k;
    struct str picture = noise(5000, 1);
    assert_false(has(k, picture));
    put(k, picture);
    assert_true(has(k, picture));
    other.crop = false;
    assert_false(has(other, picture));
    other = k;
    other.width = 32;
    assert_false(has(other, picture));
    put(other, noise(10, 2));
    assert_true(has(other, noise(10, 2)) && has(k, picture));
    shelf_free(shelf); /* the next process */
    shelf = shelf_new(folder, ROOM);
    assert_true(has(k, picture));
    put(k, noise(20, 3)); /* whatever is put last counts */
    assert_true(has(k, noise(20, 3)));
    assert_int_equal(files(NULL, NULL), 2);
    struct shelf_stats s;
    shelf_stats(shelf, &s);
    assert_int_equal(s.found, 2);
}

static void body_original(void)
{
    struct shelf_key k = key(1);
    struct shelf_item item = {.original = true, .type = STR("image/gif"), .bytes = STR("")}, got;
    shelf_put(shelf, &k, &item);
    assert_true(shelf_get(shelf, &k, &arena, &got));
    assert_true(got.original && got.refusal == ERR_OK && str_is(got.type, "image/gif") && got.bytes.n == 0);
}

static void make_old(const char *path)
{
    struct timespec hours_ago[2] = {{.tv_sec = time(NULL) - 7200}, {.tv_sec = time(NULL) - 7200}};
    assert_int_equal(utimensat(AT_FDCWD, path, hours_ago, 0), 0);
}

static void body_refusals(void)
{
    struct shelf_key bad = key(1), good = key(2);
    struct shelf_item item = {.refusal = ERR_TOO_LARGE, .type = STR(""), .bytes = STR("Far too large.")}, got;
    shelf_put(shelf, &bad, &item);
    put(good, noise(10, 1));
    assert_true(shelf_get(shelf, &bad, &arena, &got));
    assert_true(got.refusal == ERR_TOO_LARGE && str_is(got.bytes, "Far too large."));
    files(make_old, NULL);
    assert_false(shelf_get(shelf, &bad, &arena, &got));
    assert_true(has(good, noise(10, 1)));
    assert_int_equal(files(NULL, NULL), 1);
}

static void body_bounded(void)
{
    struct str picture = noise(30000, 1);
    uint64_t bytes;
    for (unsigned n = 0; n < 100; n++) {
        put(key(n), picture);
        assert_true(has(key(n), picture));
        files(NULL, &bytes);
        assert_true(bytes <= ROOM / 64);
    }
    assert_true(files(NULL, NULL) >= 6);
    put(key(200), noise(70000, 1)); /* more than a quarter of the part */
    assert_false(has(key(200), noise(70000, 1)));
    assert_true(has(key(99), picture));
    shelf_free(shelf); /* less room from now on */
    shelf = shelf_new(folder, ROOM / 2);
    put(key(300), picture);
    files(NULL, &bytes);
    assert_true(bytes <= ROOM / 128 && has(key(300), picture));
    shelf_free(shelf);
    shelf = shelf_new(folder, 0);
    put(key(400), noise(1, 1));
    assert_false(has(key(400), noise(1, 1)));
}

static void body_what_is_used_stays(void)
{
    struct str picture = noise(30000, 1);
    for (unsigned n = 0; n < 6; n++)
        put(key(n), picture);
    files(make_old, NULL);
    assert_true(has(key(3), picture)); /* asked for, so not old any more */
    for (unsigned n = 10; n < 14; n++)
        put(key(n), picture);
    assert_true(has(key(3), picture));
    assert_false(has(key(0), picture) && has(key(1), picture) && has(key(2), picture));
}

static void cut(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size / 2), 0);
}

static void turn_a_bit(const char *path)
{
    char c;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0 && pread(fd, &c, 1, 1000) == 1);
    c ^= 4;
    assert_int_equal(pwrite(fd, &c, 1, 1000), 1);
    close(fd);
}

static void empty(const char *path)
{
    assert_int_equal(truncate(path, 0), 0);
}

static void body_damaged(void)
{
    void (*const damage[])(const char *path) = {cut, turn_a_bit, empty};
    struct str picture = noise(5000, 1);
    for (size_t i = 0; i < 3; i++) {
        put(key(1), picture);
        assert_int_equal(files(damage[i], NULL), 1);
        assert_false(has(key(1), picture));
        assert_int_equal(files(NULL, NULL), 0);
    }
    put(key(1), picture);
    assert_true(has(key(1), picture));
}

static void body_deleted(void)
{
    put(key(1), noise(10, 1));
    remove_below(folder);
    assert_false(has(key(1), noise(10, 1)));
    put(key(1), noise(10, 1));
    assert_true(has(key(1), noise(10, 1)));
    remove_below(root); /* nowhere to write: nothing happens */
    put(key(2), noise(10, 1));
    assert_false(has(key(2), noise(10, 1)));
    assert_int_equal(mkdir(root, 0700), 0);
}

static void body_no_hash(void)
{
    struct shelf_key k = key(1);
    static const char *const bad[] = {"", "../../etc/passwd", "00", "zz"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        k.image = str_c(bad[i]);
        put(k, noise(10, 1));
        assert_false(has(k, noise(10, 1)));
    }
    k.image = arena_printf(&arena, "%064d", 0);
    ((char *)(uintptr_t)k.image.p)[10] = '/';
    put(k, noise(10, 1));
    assert_false(has(k, noise(10, 1)));
    assert_int_equal(files(NULL, NULL), 0);
}

#define TEST(name)                                                                                                                         \
    static void name(void **state)                                                                                                         \
    {                                                                                                                                      \
        (void)state;                                                                                                                       \
        in_fiber(body_##name);                                                                                                             \
    }
TEST(kept)
TEST(original)
TEST(refusals)
TEST(bounded)
TEST(what_is_used_stays)
TEST(damaged)
TEST(deleted)
TEST(no_hash)

int main(void)
{
    const struct CMUnitTest tests[] = {
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        ROW(kept), ROW(original), ROW(refusals), ROW(bounded), ROW(what_is_used_stays), ROW(damaged), ROW(deleted), ROW(no_hash),
#undef ROW
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
