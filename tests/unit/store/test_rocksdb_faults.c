/* The embedded store on a disk that fails, fills up, or loses power. The system calls that write are replaced here, for this process. */
#include "contract/store_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/log.h"
#include "store/rocksdb/rocksdb.h"

/* --- the disk --- */

enum call_kind { CALL_WRITE, CALL_SYNC, CALL_CUT };
struct disk {
    atomic_bool fail_log_write, fail_log_sync, fail_log_cut, fail_tables;
    atomic_long fail_list; /* so many syncs of RocksDB's list of tables from now on one fails; 0: none */
    atomic_long countdown; /* the call that fails, once; 0: none */
    atomic_long room;      /* bytes that can still be written; < 0: no limit */
    const char *_Atomic copy_to;
};
static struct disk disk = {.room = -1};

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static void path_of(int fd, char path[512])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, 511);
    path[n > 0 ? n : 0] = 0;
}

/* Sets errno when the call is to fail. */
static bool fails(int fd, enum call_kind kind, size_t bytes)
{
    char path[512];
    path_of(fd, path);
    if (!strstr(path, "/rookery-store-")) return false;
    bool log = strstr(path, "/log-") != NULL, table = strstr(path, ".sst") || strstr(path, "/settle") || strstr(path, "MANIFEST");
    errno = EIO;
    long left = atomic_load(&disk.countdown);
    if (left > 0 && (log || table) && atomic_fetch_sub(&disk.countdown, 1) == 1) return true;
    if (log && kind == CALL_WRITE && disk.fail_log_write) return true;
    if (log && kind == CALL_SYNC && disk.fail_log_sync) return true;
    if (log && kind == CALL_CUT && disk.fail_log_cut) return true;
    if (table && disk.fail_tables) return true;
    if (kind == CALL_SYNC && strstr(path, "MANIFEST") && atomic_load(&disk.fail_list) > 0 && atomic_fetch_sub(&disk.fail_list, 1) == 1)
        return true;
    errno = ENOSPC;
    if (bytes == 0 || atomic_load(&disk.room) < 0) return false;
    if (atomic_fetch_sub(&disk.room, (long)bytes) >= (long)bytes) return false;
    atomic_store(&disk.room, 0);
    return true;
}

/* What was written to logs since their last sync, to be lost at a power cut. Only the thread that commits writes and syncs logs. */
enum { SECTOR = 512, LOST_MAX = 4096 };
static struct lost {
    char name[16];
    off_t at;
    size_t n;
    char before[SECTOR];
} lost[LOST_MAX];
static size_t lost_count;

static void remember(int fd, off_t at, size_t n)
{
    char path[512];
    path_of(fd, path);
    const char *name = strrchr(path, '/');
    if (!name || strncmp(name, "/log-", 5) != 0) return;
    for (off_t p = at - at % SECTOR; p < at + (off_t)n && lost_count < LOST_MAX; p += SECTOR) {
        struct lost *l = &lost[lost_count++];
        snprintf(l->name, sizeof l->name, "%s", name + 1);
        l->at = p;
        ssize_t had = pread(fd, l->before, SECTOR, p);
        l->n = had > 0 ? (size_t)had : 0;
    }
}

/* The newest first, so that a sector written twice can go back all the way. Each is lost or not. */
static void lose_some(const char *dir)
{
    static unsigned coin = 1;
    char path[600];
    for (size_t i = lost_count; i-- > 0;) {
        coin = coin * 1103515245 + 12345;
        if (coin >> 20 & 1) continue;
        snprintf(path, sizeof path, "%s/%s", dir, lost[i].name);
        int fd = open(path, O_WRONLY);
        static const char zero[SECTOR];
        ssize_t (*write_at)(int, const void *, size_t, off_t);
        *(void **)&write_at = real("pwrite");
        (void)!write_at(fd, zero, SECTOR, lost[i].at);
        (void)!write_at(fd, lost[i].before, lost[i].n, lost[i].at);
        close(fd);
    }
}

/* What RocksDB holds: the names of its files, and how far it has got in its list of them. */
static uint64_t files_of(const char *dir)
{
    uint64_t sum = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st = {0};
        if (strncmp(e->d_name, "MANIFEST", 8) == 0) fstatat(dirfd(d), e->d_name, &st, 0);
        sum += str_hash(str_c(e->d_name)) * (uint64_t)(st.st_size + 1);
    }
    closedir(d);
    return sum;
}

/* As a kill at one instant would leave it: again, when something moved meanwhile. */
static void copy_tree(const char *from, const char *to)
{
    char command[2048];
    snprintf(command, sizeof command, "rm -rf '%s'; cp -r '%s' '%s' 2>/dev/null", to, from, to);
    uint64_t before, after;
    do {
        before = files_of(from);
        (void)!system(command);
        after = files_of(from);
    } while (before != after);
}

static void cut_power_here(char *log_path)
{
    const char *to = atomic_exchange(&disk.copy_to, NULL);
    if (!to) return;
    *strrchr(log_path, '/') = 0;
    copy_tree(log_path, to);
    lose_some(to);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    ssize_t (*f)(int, const void *, size_t, off_t);
    *(void **)&f = real("pwrite");
    if (fails(fd, CALL_WRITE, n)) {
        (void)!f(fd, p, n / 2, at); /* a part of it all the same */
        return -1;
    }
    remember(fd, at, n);
    return f(fd, p, n, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
    ssize_t (*f)(int, const void *, size_t);
    *(void **)&f = real("write");
    return fails(fd, CALL_WRITE, n) ? -1 : f(fd, p, n);
}

int fdatasync(int fd)
{
    int (*f)(int);
    *(void **)&f = real("fdatasync");
    if (fails(fd, CALL_SYNC, 0)) return -1;
    char path[512];
    path_of(fd, path);
    if (strstr(path, "/log-")) {
        cut_power_here(path);
        lost_count = 0;
    }
    return f(fd);
}

int fsync(int fd)
{
    int (*f)(int);
    *(void **)&f = real("fsync");
    return fails(fd, CALL_CUT, 0) ? -1 : f(fd);
}

int ftruncate(int fd, off_t n)
{
    int (*f)(int, off_t);
    *(void **)&f = real("ftruncate");
    return fails(fd, CALL_CUT, 0) ? -1 : f(fd, n);
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
    int (*f)(int, int, off_t, off_t);
    *(void **)&f = real("fallocate");
    if (atomic_load(&disk.room) >= 0 && n > atomic_load(&disk.room)) {
        errno = ENOSPC;
        return -1;
    }
    return f(fd, mode, at, n);
}

static void heal(void)
{
    disk.fail_log_write = disk.fail_log_sync = disk.fail_log_cut = disk.fail_tables = false;
    disk.fail_list = 0;
    disk.room = -1;
    disk.countdown = 0;
}

/* --- the store on it --- */

static const struct store_rocksdb_config small = {.cache_bytes = 1 << 20, .write_buffer_bytes = 65536};

static int setup(void **state)
{
    struct fixture *x = mem_zero(sizeof *x);
    fixture_init(x);
    struct fault f = {0};
    if (store_rocksdb_open(x->data, &small, &x->store, &f)) fail_msg("%s", f.text);
    fixture_loops(x);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    heal();
    fixture_release(*state);
    mem_free(*state);
    return 0;
}

static const char json[700] = {'{', '}'};

static enum err add(struct fixture *x, int64_t at)
{
    struct change c = put_timeline(STR("!room"), at, at, str_make(json, sizeof json));
    return apply(x, 1, at, at + 1, &c, 1);
}

/* Until the disk is found to be well again. */
static void add_in_the_end(struct fixture *x, int64_t at)
{
    enum err e = ERR_STORAGE;
    for (int i = 0; i < 300 && (e == ERR_STORAGE || e == ERR_FULL); i++) {
        e = add(x, at);
        if (e) usleep(10000);
    }
    assert_int_equal(e, ERR_OK);
}

static size_t count(struct fixture *x)
{
    struct store_read r = {.slot = 1, .table = T_timeline, .prefix = 1, .key = {cell_str(STR("!room"))}};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    for (size_t i = 0; i < r.count; i++)
        assert_int_equal(r.row[i].c[C_timeline_ord].i, i);
    assert_int_equal(r.as_of, r.count);
    size_t n = r.count;
    arena_reset(&x->arena);
    return n;
}

/* The rows that a start after a kill would find. */
static size_t count_after_kill(struct fixture *x, const char *copy)
{
    char path[512];
    snprintf(path, sizeof path, "%s/copy", x->dir);
    if (!copy) copy_tree(x->data, copy = path);
    struct store *used = x->store;
    struct fault f = {0};
    if (store_rocksdb_open(copy, &small, &x->store, &f)) fail_msg("%s", f.text);
    size_t n = count(x);
    x->store->ops->close(x->store);
    x->store = used;
    remove_tree(copy);
    return n;
}

static void reopen(struct fixture *x)
{
    x->store->ops->close(x->store);
    assert_int_equal(store_rocksdb_open(x->data, &small, &x->store, NULL), ERR_OK);
}

/* --- failing calls --- */

static void a_failed_sync_leaves_nothing(void **state)
{
    struct fixture *x = *state;
    for (int64_t i = 0; i < 5; i++)
        assert_int_equal(add(x, i), ERR_OK);
    disk.fail_log_sync = true; /* the record is written, and might be found at the next start */
    assert_int_equal(add(x, 5), ERR_STORAGE);
    assert_int_equal(count(x), 5);
    assert_int_equal(count_after_kill(x, NULL), 5);
    heal();
    add_in_the_end(x, 5);
    assert_int_equal(count(x), 6);
    assert_int_equal(count_after_kill(x, NULL), 6);
    reopen(x);
    assert_int_equal(count(x), 6);
}

static void what_was_refused_may_come_otherwise(void **state)
{
    struct fixture *x = *state;
    disk.fail_log_sync = true;
    struct change wrong = put_profile(STR("@u"), STR("f"), STR("wrong")), right = put_profile(STR("@u"), STR("f"), STR("right"));
    assert_int_equal(apply(x, 2, 0, 4, &wrong, 1), ERR_STORAGE);
    heal();
    assert_int_equal(apply(x, 2, 4, 5, &right, 1), ERR_CONFLICT); /* it builds on what is not there */
    assert_int_equal(apply(x, 2, 0, 1, &right, 1), ERR_OK);
    reopen(x);
    struct store_read r = {.slot = 2, .table = T_profile};
    assert_int_equal(read_rows(x, &r), ERR_OK);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.as_of, 1);
    assert_true(str_is(r.row->c[C_profile_json].s, "right"));
}

static void nothing_is_accepted_behind_a_tail_that_cannot_be_cut(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(add(x, 0), ERR_OK);
    disk.fail_log_sync = disk.fail_log_cut = true;
    assert_int_equal(add(x, 1), ERR_STORAGE);
    disk.fail_log_sync = false;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(add(x, 1), ERR_STORAGE);
        assert_int_equal(count(x), 1);
        usleep(600000);
    }
    heal();
    add_in_the_end(x, 1);
    assert_int_equal(count_after_kill(x, NULL), 2);
}

static void a_full_disk_and_then_room(void **state)
{
    struct fixture *x = *state;
    int64_t at = 0;
    for (; at < 50; at++)
        assert_int_equal(add(x, at), ERR_OK);
    disk.room = 20000;
    enum err e = ERR_OK;
    while (!(e = add(x, at)))
        at++;
    assert_int_equal(e, ERR_FULL);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(add(x, at), ERR_FULL);
        assert_int_equal(count(x), at);
    }
    struct store *other = NULL;
    struct fault f = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/other", x->dir);
    assert_int_equal(store_rocksdb_open(path, &small, &other, &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, "is full"));
    heal();
    assert_int_equal(count_after_kill(x, NULL), at);
    for (int64_t to = at + 500; at < to; at++)
        add_in_the_end(x, at);
    assert_int_equal(count(x), at);
    reopen(x);
    assert_int_equal(count(x), at);
}

/* Tables cannot be written: two fronts full of rows are taken, no more; then all goes on as if nothing had been. */
static void tables_that_cannot_be_written(void **state)
{
    struct fixture *x = *state;
    disk.fail_tables = true;
    int64_t at = 0;
    while (!add(x, at))
        at++;
    assert_in_range(at, 100, 400);
    assert_int_equal(count(x), at);
    assert_int_equal(x->store->ops->meta_set(x->store, STR("a"), STR("b")), ERR_STORAGE);
    heal();
    for (int64_t to = at + 500; at < to; at++)
        add_in_the_end(x, at);
    assert_int_equal(count(x), at);
    assert_int_equal(count_after_kill(x, NULL), at);
}

/* RocksDB deletes the table that it could not enter in its list for sure, though the list may have it after all. */
static void a_list_of_tables_that_names_one_that_is_gone(void **state)
{
    struct fixture *x = *state;
    int64_t at = 0;
    for (; at < 10; at++)
        assert_int_equal(add(x, at), ERR_OK);
    disk.fail_list = 2; /* the first is about a number, the second about the table */
    for (; at < 120; at++)
        assert_int_equal(add(x, at), ERR_OK);
    usleep(200000);
    assert_int_equal(disk.fail_list, 0);
    assert_int_equal(count_after_kill(x, NULL), at); /* before the next attempt, half a second after the first */
    for (; at < 500; at++)
        add_in_the_end(x, at);
    assert_int_equal(count(x), at);
    reopen(x);
    assert_int_equal(count(x), at);
}

static void closing_with_tables_that_cannot_be_written(void **state)
{
    struct fixture *x = *state;
    int64_t at = 0;
    for (; at < 150; at++)
        assert_int_equal(add(x, at), ERR_OK);
    disk.fail_tables = true;
    for (; at < 200; at++)
        assert_int_equal(add(x, at), ERR_OK);
    struct fault f = {0};
    char to[512];
    snprintf(to, sizeof to, "%s/backup", x->dir);
    assert_int_equal(x->store->ops->backup(x->store, to, &f), ERR_STORAGE);
    x->store->ops->close(x->store);
    assert_int_equal(store_rocksdb_open(x->data, &small, &x->store, &f), ERR_STORAGE);
    assert_true(f.text[0]);
    heal();
    assert_int_equal(store_rocksdb_open(x->data, &small, &x->store, NULL), ERR_OK);
    assert_int_equal(count(x), at);
}

/* Each call fails once, in each of many runs: a row that was acknowledged is there, one that was refused is not, then and at a start. */
static void any_call_may_fail(void **state)
{
    struct fixture *x = *state;
    int64_t at = 0;
    unsigned refused = 0;
    for (long n = 1; n < 160; n++) {
        atomic_store(&disk.countdown, n % 40 + 1);
        for (int i = 0; i < 12; i++) {
            enum err e = add(x, at);
            at += e == ERR_OK;
            refused += e == ERR_STORAGE;
            if (e) assert_int_equal(e, ERR_STORAGE);
            if (e || i == 11) assert_int_equal(count(x), at);
            if (e && n % 4 == 0) assert_int_equal(count_after_kill(x, NULL), at);
        }
        heal();
        if (n % 20 == 0) {
            reopen(x);
            assert_int_equal(count(x), at);
        }
    }
    assert_true(refused > 20 && at > 1000);
}

/* --- power --- */

/* At the moment of a sync, all that was not synced is lost in part: what was acknowledged before is there, and nothing half. */
static void power_cuts(void **state)
{
    struct fixture *x = *state;
    char copy[512];
    snprintf(copy, sizeof copy, "%s/cut", x->dir);
    int64_t at = 0;
    for (int round = 0; round < 60; round++) {
        for (int64_t to = at + round % 9; at < to; at++)
            assert_int_equal(add(x, at), ERR_OK);
        atomic_store(&disk.copy_to, copy);
        assert_int_equal(add(x, at++), ERR_OK);
        assert_null(disk.copy_to);
        size_t n = count_after_kill(x, copy);
        assert_true(n == (size_t)at || n == (size_t)at - 1);
    }
}

/* --- a real file system that is really full --- */

static void fill_up(const char *dir, char path[512])
{
    snprintf(path, 512, "%s/ballast", dir);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    static const char block[4096];
    ssize_t (*f)(int, const void *, size_t);
    *(void **)&f = real("write");
    for (size_t n = sizeof block; n; n /= 2)
        while (f(fd, block, n) > 0)
            ;
    close(fd);
}

static void write_until_full_and_on(struct fixture *x, const char *mount)
{
    char ballast[512];
    int64_t at = 0;
    for (; at < 100; at++)
        assert_int_equal(add(x, at), ERR_OK);
    fill_up(mount, ballast);
    while (!add(x, at))
        assert_in_range(++at, 100, 2000);
    assert_int_equal(count(x), at);
    assert_int_equal(add(x, at), ERR_FULL);
    unlink(ballast);
    for (int64_t to = at + 300; at < to; at++)
        add_in_the_end(x, at);
    assert_int_equal(count(x), at);
}

static void a_small_file_system(void **state)
{
    (void)state;
    struct fixture x;
    fixture_init(&x);
    char mount_point[300];
    snprintf(mount_point, sizeof mount_point, "%s/small", x.dir);
    mkdir(mount_point, 0700);
    if (mount("none", mount_point, "tmpfs", 0, "size=24m") < 0) { /* only the administrator may */
        remove_tree(x.dir);
        skip();
    }
    snprintf(x.data, sizeof x.data, "%s/small/data", x.dir);
    assert_int_equal(store_rocksdb_open(x.data, &small, &x.store, NULL), ERR_OK);
    fixture_loops(&x);
    write_until_full_and_on(&x, mount_point);
    x.store->ops->close(x.store);
    assert_int_equal(store_rocksdb_open(x.data, &small, &x.store, NULL), ERR_OK);
    assert_true(count(&x) >= 400);
    x.store->ops->close(x.store);
    x.store = NULL;
    umount(mount_point);
    fixture_release(&x);
}

int main(void)
{
    log_setup(LOG_ERROR + 1, false);
    const struct CMUnitTest tests[] = {
#define ROW(test) {#test, test, setup, teardown, NULL}
        ROW(a_failed_sync_leaves_nothing),
        ROW(what_was_refused_may_come_otherwise),
        ROW(nothing_is_accepted_behind_a_tail_that_cannot_be_cut),
        ROW(a_full_disk_and_then_room),
        ROW(tables_that_cannot_be_written),
        ROW(a_list_of_tables_that_names_one_that_is_gone),
        ROW(closing_with_tables_that_cannot_be_written),
        ROW(any_call_may_fail),
        ROW(power_cuts),
#undef ROW
        cmocka_unit_test(a_small_file_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
