/* Blobs on disk beyond the contract: what a killed writer leaves, full disks, the order of syncs, the layout. */
#include "blob/files/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/crypto.h"

/* --- the calls that make durable, seen and made to fail --- */
static char calls[64]; /* f: fsync of a file, d: of a directory, r: rename */
static int fail_at;    /* the n-th of them fails; 0: none */

static int meet(char what)
{
    size_t n = strlen(calls);
    if (n + 1 < sizeof calls) calls[n] = what;
    if (fail_at && (int)n + 1 == fail_at) {
        errno = EIO;
        return -1;
    }
    return 0;
}

int fsync(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0) return -1;
    return meet(S_ISDIR(st.st_mode) ? 'd' : 'f') ? -1 : (int)syscall(SYS_fsync, fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return meet('r') ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

/* --- helpers --- */
static char root[64];

static struct blobs *open_root(void)
{
    struct blobs *s = NULL;
    assert_int_equal(blobs_files_open(root, &s, NULL), ERR_OK);
    memset(calls, 0, sizeof calls);
    return s;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/rookery-files-XXXXXX");
    fail_at = 0;
    return mkdtemp(root) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

/* Calls `each` for every file below dir; returns how many there are. */
static unsigned files_below(const char *dir, void (*each)(const char *path, const char *name))
{
    unsigned n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        char path[400];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (str_is(str_c(e->d_name), ".") || str_is(str_c(e->d_name), "..") || stat(path, &st) != 0) continue;
        if (S_ISDIR(st.st_mode)) {
            n += files_below(path, each);
            continue;
        }
        n++;
        if (each) each(path, e->d_name);
    }
    closedir(d);
    return n;
}

static unsigned open_fds(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void write_some(struct blobs *s, struct blob_writer **w, size_t n)
{
    char *p = mem_zero(n);
    assert_int_equal(blob_begin(s, w, NULL), ERR_OK);
    assert_int_equal(blob_write(*w, str_make(p, n), NULL), ERR_OK);
    mem_free(p);
}

/* --- tests --- */
static void layout_and_permissions(void **state)
{
    (void)state;
    struct blobs *s = open_root();
    struct blob_hash h;
    struct stat st;
    char path[200];
    assert_int_equal(blob_put(s, STR("abc"), &h, NULL), ERR_OK);
    snprintf(path, sizeof path, "%s/ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", root);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3);
    assert_int_equal(st.st_mode & 077, 0);
    assert_int_equal(blob_put(s, STR("abc"), &h, NULL), ERR_OK);
    assert_int_equal(files_below(root, NULL), 1);
    blobs_close(s);
}

static void durable_before_acknowledged(void **state)
{
    (void)state;
    struct blobs *s = open_root();
    struct blob_hash h;
    assert_int_equal(blob_put(s, STR("abc"), &h, NULL), ERR_OK);
    assert_string_equal(calls, "frd");
    memset(calls, 0, sizeof calls);
    assert_int_equal(blob_put(s, STR("abc"), &h, NULL), ERR_OK); /* there already, but perhaps not synced yet */
    assert_string_equal(calls, "frd");
    blobs_close(s);
}

static void each_call_fails_once(void **state)
{
    (void)state;
    struct blobs *s = open_root();
    unsigned fds = open_fds();
    for (int i = 1; i <= 3; i++) {
        struct fault f = {0};
        struct blob_hash h;
        memset(calls, 0, sizeof calls);
        fail_at = i;
        assert_int_equal(blob_put(s, STR("abc"), &h, &f), ERR_STORAGE);
        assert_int_equal(f.code, ERR_STORAGE);
        assert_true(strlen(f.text) > 10);
        /* With the last sync failed the file has its name, but nobody was told so. */
        assert_int_equal(files_below(root, NULL), i == 3);
        assert_int_equal(open_fds(), fds);
    }
    fail_at = 0;
    struct blob_hash h;
    assert_int_equal(blob_put(s, STR("abc"), &h, NULL), ERR_OK);
    blobs_close(s);
}

static void a_dead_writer_leaves_nothing(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct blob_writer *w;
        write_some(open_root(), &w, 600000);
        _exit(0);
    }
    assert_true(waitpid(child, NULL, 0) == child);
    assert_int_equal(files_below(root, NULL), 1);
    blobs_close(open_root());
    assert_int_equal(files_below(root, NULL), 0);
}

static void a_living_writer_is_left_alone(void **state)
{
    (void)state;
    struct blobs *s = open_root();
    struct blob_writer *w;
    struct blob_hash h;
    write_some(s, &w, 600000);
    blobs_close(open_root()); /* another process starts */
    assert_int_equal(blob_commit(w, &h, NULL, NULL), ERR_OK);
    assert_int_equal(blob_exists(s, blob_hash_str(&h), NULL), ERR_OK);
    assert_int_equal(files_below(root, NULL), 1);
    blobs_close(s);
}

static void no_descriptors_leak(void **state)
{
    (void)state;
    unsigned before = open_fds();
    struct blobs *s = open_root();
    for (int i = 0; i < 20; i++) {
        struct blob_writer *w;
        struct blob_hash h;
        struct blob_reader *r;
        uint64_t size;
        write_some(s, &w, 600000);
        blob_abort(w);
        write_some(s, &w, 10);
        assert_int_equal(blob_commit(w, &h, NULL, NULL), ERR_OK);
        assert_int_equal(blob_open(s, blob_hash_str(&h), &r, &size, NULL), ERR_OK);
        blob_close(r);
    }
    blobs_close(s);
    assert_int_equal(open_fds(), before);
}

static void directory_that_cannot_be(void **state)
{
    (void)state;
    struct blobs *s;
    struct fault f = {0};
    char path[100];
    assert_int_equal(blobs_files_open("/proc/nothing/media", &s, &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, "/proc/nothing/media"));
    snprintf(path, sizeof path, "%s/file", root);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(blobs_files_open(path, &s, &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, path));
}

/* Runs in a child: the disk takes less than a megabyte. Exit status 0: as promised. */
static int on_a_small_disk(void)
{
    struct blobs *s;
    struct blob_writer *w;
    struct blob_hash small, h;
    struct fault f = {0};
    struct arena a;
    struct str got;
    static char piece[300000];
    arena_init(&a);
    if (blobs_files_open(root, &s, NULL) || blob_put(s, STR("small"), &small, NULL) || blob_begin(s, &w, NULL)) return 1;
    enum err e = ERR_OK;
    for (int i = 0; i < 10 && !e; i++)
        e = blob_write(w, str_make(piece, sizeof piece), &f);
    if (e != ERR_FULL || !strstr(f.text, "full")) return 2;
    /* It stays failed, and a commit says so. */
    f = (struct fault){0};
    if (blob_write(w, STR("x"), &f) != ERR_FULL || !strstr(f.text, "full")) return 3;
    f = (struct fault){0};
    if (blob_commit(w, &h, NULL, &f) != ERR_FULL || !strstr(f.text, "full")) return 4;
    /* Reads go on, the room is free again. */
    if (blob_get(s, blob_hash_str(&small), 100, &a, &got, NULL) || !str_is(got, "small")) return 5;
    if (blob_put(s, str_make(piece, sizeof piece), &h, NULL)) return 6;
    arena_release(&a);
    blobs_close(s);
    return 0;
}

static int wait_for(pid_t child)
{
    int status = 0;
    assert_true(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void file_size_limit(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 20, 1 << 20});
        _exit(on_a_small_disk());
    }
    assert_int_equal(wait_for(child), 0);
    assert_int_equal(files_below(root, NULL), 2);
}

static void full_disk(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        /* Root, or where namespaces of users are allowed. */
        if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) _exit(77);
        if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("tmpfs", root, "tmpfs", 0, "size=900k") != 0) _exit(77);
        _exit(on_a_small_disk());
    }
    int status = wait_for(child);
    if (status == 77) skip();
    assert_int_equal(status, 0);
}

/* Puts one blob after another and says each acknowledged hash, until it is killed. */
static void put_for_ever(int out)
{
    struct blobs *s = open_root();
    char content[60000];
    for (uint64_t i = 0;; i++) {
        struct blob_hash h;
        memset(content, (int)i, sizeof content);
        memcpy(content, &i, sizeof i);
        if (blob_put(s, str_make(content, sizeof content - i % 100), &h, NULL)) _exit(1);
        if (write(out, h.hex, BLOB_HASH_LEN) != BLOB_HASH_LEN) _exit(1);
    }
}

static void name_is_hash(const char *path, const char *name)
{
    char content[70000];
    struct arena a;
    arena_init(&a);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(content, 1, sizeof content, f);
    fclose(f);
    assert_true(str_is(sha256_hex(&a, str_make(content, n)), name));
    arena_release(&a);
}

static void killed_at_any_moment(void **state)
{
    (void)state;
    unsigned acknowledged = 0;
    for (int round = 0; round < 5; round++) {
        int p[2];
        char hash[BLOB_HASH_LEN];
        assert_int_equal(pipe(p), 0);
        pid_t child = fork();
        if (child == 0) put_for_ever(p[1]);
        close(p[1]);
        /* The first answer shows that it is under way. */
        assert_int_equal(read(p[0], hash, sizeof hash), sizeof hash);
        usleep(20000 + 7000 * (unsigned)round);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        struct blobs *s = open_root();
        do {
            assert_int_equal(blob_exists(s, str_make(hash, sizeof hash), NULL), ERR_OK);
            acknowledged++;
        } while (read(p[0], hash, sizeof hash) == sizeof hash);
        close(p[0]);
        blobs_close(s);
        files_below(root, name_is_hash); /* a left temporary file would be one whose name is no hash */
    }
    assert_true(acknowledged >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(layout_and_permissions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(durable_before_acknowledged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_call_fails_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dead_writer_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_living_writer_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_descriptors_leak, set_up, tear_down),
        cmocka_unit_test_setup_teardown(directory_that_cannot_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(file_size_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(killed_at_any_moment, set_up, tear_down),
    };
    struct fault f = {0};
    if (crypto_init(&f)) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
