/* Copying and removing folders, within a file system and between two. */
#include "main/tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64], other[64]; /* `other` is on another file system, where there is one */

static const char *in(const char *folder, const char *name)
{
    static char out[4][300];
    static unsigned at;
    snprintf(out[at % 4], sizeof out[0], "%s/%s", folder, name);
    return out[at++ % 4];
}

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void holds(const char *path, const char *text)
{
    char got[100] = {0};
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, sizeof got - 1), strlen(text));
    close(fd);
    assert_string_equal(got, text);
}

static int setup(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/rookery-tree-XXXXXX");
    snprintf(other, sizeof other, "/dev/shm/rookery-tree-XXXXXX");
    if (!mkdtemp(root) || !mkdtemp(other)) return -1;
    struct fault f;
    if (tree_make(in(root, "from/ab"), &f) != ERR_OK || tree_make(in(root, "from/cd"), &f) != ERR_OK) return -1;
    put(in(root, "from/ab/one"), "first");
    put(in(root, "from/cd/two"), "second");
    put(in(root, "from/.tmp-half"), "not whole");
    return symlink("/etc/passwd", in(root, "from/link"));
}

static int teardown(void **state)
{
    (void)state;
    tree_remove(root);
    tree_remove(other);
    return access(root, F_OK) == 0 || access(other, F_OK) == 0 ? -1 : 0;
}

static void copied(const char *to)
{
    struct fault f = {0};
    assert_int_equal(tree_copy(in(root, "from"), to, &f), ERR_OK);
    holds(in(to, "ab/one"), "first");
    holds(in(to, "cd/two"), "second");
    assert_int_not_equal(access(in(to, ".tmp-half"), F_OK), 0);
    assert_int_not_equal(access(in(to, "link"), F_OK), 0);
    assert_int_not_equal(access(in(to, "ab/.tmp-copy"), F_OK), 0);
}

static void links_within_a_file_system(void **state)
{
    (void)state;
    struct stat a, b;
    copied(in(root, "to"));
    assert_int_equal(stat(in(root, "from/ab/one"), &a), 0);
    assert_int_equal(stat(in(root, "to/ab/one"), &b), 0);
    assert_int_equal(a.st_ino, b.st_ino);
    copied(in(root, "to")); /* again: what is there stays */
}

static void copies_between_file_systems(void **state)
{
    (void)state;
    struct stat a, b;
    if (stat(root, &a) != 0 || stat(other, &b) != 0 || a.st_dev == b.st_dev) skip();
    copied(in(other, "to"));
    put(in(root, "from/ab/one"), "changed");
    struct fault f = {0};
    assert_int_equal(tree_copy(in(root, "from"), in(other, "to"), &f), ERR_OK);
    holds(in(other, "to/ab/one"), "first");
}

static void failures_have_a_sentence(void **state)
{
    (void)state;
    struct fault f = {0};
    put(in(root, "file"), "");
    assert_int_equal(tree_copy(in(root, "from"), in(root, "file/to"), &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, "file/to cannot be made: Not a directory"));
    assert_int_equal(tree_copy(in(root, "file"), in(root, "to"), &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, "cannot be read: Not a directory"));
    assert_int_equal(tree_sync(in(root, "nowhere"), &f), ERR_STORAGE);
    char deep[120] = "from";
    for (size_t i = 0; i < TREE_DEPTH_MAX + 1; i++)
        memcpy(deep + 4 + 2 * i, "/d", 3);
    assert_int_equal(tree_make(in(root, deep), &f), ERR_OK);
    assert_int_equal(tree_copy(in(root, "from"), in(root, "to"), &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, "is too deep"));
}

static void absent_and_empty(void **state)
{
    (void)state;
    struct fault f;
    assert_true(tree_is_empty(in(root, "nowhere")));
    assert_int_equal(tree_copy(in(root, "nowhere"), in(root, "to"), &f), ERR_OK);
    assert_true(tree_is_empty(in(root, "to")));
    assert_false(tree_is_empty(in(root, "from")));
    assert_false(tree_is_empty(in(root, "from/ab/one")));
    assert_int_equal(tree_bytes(in(root, "nowhere")), 0);
    assert_int_equal(tree_bytes(in(root, "from/ab/one")), strlen("first"));
    assert_true(tree_bytes(in(root, "from")) >= (int64_t)strlen("first"));
    tree_remove(in(root, "nowhere"));
    tree_remove(in(root, "from"));
    assert_true(tree_is_empty(in(root, "from")));
    assert_int_equal(access("/etc/passwd", F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(links_within_a_file_system, setup, teardown),
        cmocka_unit_test_setup_teardown(copies_between_file_systems, setup, teardown),
        cmocka_unit_test_setup_teardown(failures_have_a_sentence, setup, teardown),
        cmocka_unit_test_setup_teardown(absent_and_empty, setup, teardown),
    };
    return cmocka_run_group_tests_name("main/tree", tests, NULL, NULL);
}
