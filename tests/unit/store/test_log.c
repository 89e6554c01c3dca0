#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/rocksdb/log.h"

enum { FIRST = 4096 }; /* where records begin */

struct seen {
    size_t count;
    unsigned value[64];
};

static enum err note(void *ctx, struct str content)
{
    struct seen *s = ctx;
    assert_true(content.n >= 1 && s->count < 64);
    for (size_t i = 1; i < content.n; i++)
        assert_int_equal(content.p[i], content.p[0]);
    s->value[s->count++] = (unsigned char)content.p[0];
    return ERR_OK;
}

static enum err replay(int dir, struct seen *s, uint64_t *newest)
{
    struct log_replay r = {.record = note, .ctx = s};
    *s = (struct seen){0};
    enum err e = log_replay(dir, &r, NULL);
    if (newest) *newest = r.newest;
    return e;
}

static void append(struct log *l, unsigned char value, size_t n)
{
    struct buf b;
    buf_init(&b, LOG_RECORD_MAX);
    memset(buf_room(&b, LOG_HEAD + n), value, LOG_HEAD + n);
    buf_added(&b, LOG_HEAD + n);
    assert_true(log_append(l, &b));
    buf_release(&b);
}

static int setup(void **state)
{
    int *dir = mem_alloc(sizeof *dir);
    char path[] = "/tmp/rookery-log-XXXXXX";
    assert_non_null(mkdtemp(path));
    *dir = open(path, O_RDONLY | O_DIRECTORY);
    *state = dir;
    return 0;
}

static int teardown(void **state)
{
    int *dir = *state;
    char path[64] = "", link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", *dir);
    (void)!readlink(link, path, sizeof path - 1);
    unlinkat(*dir, "log-0", 0);
    unlinkat(*dir, "log-1", 0);
    close(*dir);
    rmdir(path);
    mem_free(dir);
    return 0;
}

static void what_was_appended_is_replayed(void **state)
{
    int dir = *(int *)*state;
    struct seen s;
    uint64_t newest = 9;
    assert_int_equal(replay(dir, &s, &newest), ERR_OK);
    assert_int_equal(s.count, 0);
    assert_int_equal(newest, 0);
    struct log a, b;
    assert_true(log_begin(&a, dir, 0, 5, NULL, 65536));
    append(&a, 1, 1);
    append(&a, 2, 10000);
    assert_true(log_begin(&b, dir, 1, 6, &a, 0));
    append(&b, 3, 70000);
    assert_int_equal(replay(dir, &s, &newest), ERR_OK);
    assert_int_equal(s.count, 3);
    assert_int_equal(newest, 6);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(s.value[i], i + 1);
    log_end(&a);
    log_end(&b);
}

static void what_an_earlier_use_left_is_no_record(void **state)
{
    int dir = *(int *)*state;
    struct seen s;
    struct log l;
    for (unsigned use = 0; use < 3; use++) {
        assert_true(log_begin(&l, dir, 0, use ? 2 : 1, NULL, 65536)); /* even under the same number */
        for (unsigned i = 0; i < 5 - use; i++)
            append(&l, (unsigned char)(10 * use + i), 100);
        log_end(&l);
        assert_int_equal(replay(dir, &s, NULL), ERR_OK);
        assert_int_equal(s.count, 5 - use);
        assert_int_equal(s.value[0], 10 * use);
    }
    assert_true(log_begin(&l, dir, 0, 3, NULL, 65536));
    assert_int_equal(replay(dir, &s, NULL), ERR_OK);
    assert_int_equal(s.count, 0);
    log_end(&l);
}

static void make_five(int dir, uint64_t end[6])
{
    struct log l;
    assert_true(log_begin(&l, dir, 0, 1, NULL, 0));
    for (unsigned i = 0; i < 5; i++) {
        end[i] = l.end;
        append(&l, (unsigned char)i, 20 + i * 7);
    }
    end[5] = l.end;
    log_end(&l);
}

static size_t whole_before(const uint64_t end[6], uint64_t at)
{
    size_t n = 0;
    while (n < 5 && end[n + 1] <= at)
        n++;
    return n;
}

static void cut_off_anywhere_leaves_the_whole_records(void **state)
{
    int dir = *(int *)*state;
    uint64_t end[6];
    struct seen s;
    make_five(dir, end);
    int fd = openat(dir, "log-0", O_RDWR);
    for (uint64_t at = end[5]; at >= FIRST; at--) {
        assert_int_equal(ftruncate(fd, (off_t)at), 0);
        assert_int_equal(replay(dir, &s, NULL), ERR_OK);
        assert_int_equal(s.count, whole_before(end, at));
        for (unsigned i = 0; i < s.count; i++)
            assert_int_equal(s.value[i], i);
    }
    assert_int_equal(ftruncate(fd, 30), 0); /* no header */
    uint64_t newest;
    assert_int_equal(replay(dir, &s, &newest), ERR_OK);
    assert_int_equal(newest, 0);
    close(fd);
}

static void a_changed_byte_ends_the_log_before_its_record(void **state)
{
    int dir = *(int *)*state;
    uint64_t end[6];
    struct seen s;
    make_five(dir, end);
    int fd = openat(dir, "log-0", O_RDWR);
    for (uint64_t at = FIRST; at < end[5]; at++) {
        unsigned char c;
        assert_int_equal(pread(fd, &c, 1, (off_t)at), 1);
        c ^= 0x40;
        assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
        assert_int_equal(replay(dir, &s, NULL), ERR_OK);
        assert_int_equal(s.count, whole_before(end, at));
        c ^= 0x40;
        assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
    }
    assert_int_equal(replay(dir, &s, NULL), ERR_OK);
    assert_int_equal(s.count, 5);
    close(fd);
}

/* The next log says where the one before it ended: what is missing there is damage, and what is there beyond is void. */
static void the_next_log_knows_the_end_of_the_one_before(void **state)
{
    int dir = *(int *)*state;
    struct seen s;
    struct log a, b;
    assert_true(log_begin(&a, dir, 0, 1, NULL, 0));
    append(&a, 1, 50);
    append(&a, 2, 50);
    assert_true(log_begin(&b, dir, 1, 2, &a, 0));
    append(&b, 3, 50);
    append(&a, 9, 50); /* as a failed write that could not be cut off */
    assert_int_equal(replay(dir, &s, NULL), ERR_OK);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.value[2], 3);
    int fd = openat(dir, "log-0", O_RDWR);
    assert_int_equal(ftruncate(fd, FIRST + 80), 0);
    close(fd);
    struct log_replay r = {.record = note, .ctx = &s};
    struct fault f = {0};
    s.count = 0;
    assert_int_equal(log_replay(dir, &r, &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, "damaged"));
    log_end(&a);
    log_end(&b);
}

static void a_cut_log_goes_on(void **state)
{
    int dir = *(int *)*state;
    struct seen s;
    struct log l;
    assert_true(log_begin(&l, dir, 0, 1, NULL, 65536));
    append(&l, 1, 50);
    struct log failed = l; /* a record that is on the disk though its sync was reported as failed */
    append(&failed, 9, 500);
    l.torn = true;
    struct buf b;
    buf_init(&b, 1000);
    buf_room(&b, 100);
    buf_added(&b, 100);
    assert_false(log_append(&l, &b)); /* not before it is cut */
    buf_release(&b);
    assert_true(log_cut(&l));
    assert_int_equal(replay(dir, &s, NULL), ERR_OK);
    assert_int_equal(s.count, 1);
    append(&l, 2, 50);
    assert_int_equal(replay(dir, &s, NULL), ERR_OK);
    assert_int_equal(s.count, 2);
    log_end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_appended_is_replayed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_an_earlier_use_left_is_no_record, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_off_anywhere_leaves_the_whole_records, setup, teardown),
        cmocka_unit_test_setup_teardown(a_changed_byte_ends_the_log_before_its_record, setup, teardown),
        cmocka_unit_test_setup_teardown(the_next_log_knows_the_end_of_the_one_before, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cut_log_goes_on, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
