/* Backup and restore of a whole data folder: what comes back, and what is refused. */
#include "main/backup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "blob/files/files.h"
#include "crypto/crypto.h"
#include "main/commands.h"
#include "main/places.h"
#include "main/tree.h"
#include "store/rocksdb/rocksdb.h"

struct fixture {
    char root[64];
    struct settings here, there;
    struct arena arena;
    struct blob_hash blob;
};

static const char *path(struct fixture *x, const char *name)
{
    return arena_printf(&x->arena, "%s/%s", x->root, name).p;
}

static const char BUCKET[] = "media.url=https://key:secret@127.0.0.1/bucket"; /* which nobody asks */

/* `more`: a setting, or NULL. */
static void settings_with(struct fixture *x, struct settings *s, const char *folder, const char *more)
{
    const char *const set[] = {arena_printf(&x->arena, "store.path=%s/%s", x->root, folder).p, more};
    struct settings_source from = {.set = set, .sets = more ? 2 : 1};
    struct buf problems;
    buf_init(&problems, 4096);
    assert_int_equal(settings_load(s, &from, &problems), ERR_OK);
    buf_release(&problems);
}

static void settings_for(struct fixture *x, struct settings *s, const char *folder)
{
    settings_with(x, s, folder, NULL);
}

static struct store *store_open(struct fixture *x, const struct settings *s)
{
    struct store *store;
    struct fault f = {0};
    enum err e = tree_make(s->store.path, &f);
    if (!e) e = store_rocksdb_open(place_store(&x->arena, s), NULL, &store, &f);
    if (e) print_error("%s\n", f.text);
    assert_int_equal(e, ERR_OK);
    return store;
}

static struct str meta(struct fixture *x, const struct settings *s, const char *name)
{
    struct store *store = store_open(x, s);
    struct str out = {0};
    assert_int_equal(store->ops->meta_get(store, str_c(name), &x->arena, &out), ERR_OK);
    store->ops->close(store);
    return out;
}

static int setup(void **state)
{
    struct fixture *x = mem_zero(sizeof *x);
    arena_init(&x->arena);
    snprintf(x->root, sizeof x->root, "/tmp/rookery-backup-XXXXXX");
    if (!mkdtemp(x->root)) return -1;
    settings_for(x, &x->here, "here");
    settings_for(x, &x->there, "there");
    struct store *store = store_open(x, &x->here);
    assert_int_equal(store->ops->meta_set(store, STR("history"), STR("0000000000000000")), ERR_OK);
    assert_int_equal(store->ops->meta_set(store, STR("kept"), STR("as it was")), ERR_OK);
    store->ops->close(store);
    struct blobs *blobs;
    assert_int_equal(blobs_files_open(x->here.media.path, &blobs, NULL), ERR_OK);
    assert_int_equal(blob_put(blobs, STR("a picture"), &x->blob, NULL), ERR_OK);
    blobs_close(blobs);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    settings_release(&x->here);
    settings_release(&x->there);
    tree_remove(x->root);
    bool gone = tree_is_empty(x->root);
    arena_release(&x->arena);
    mem_free(x);
    return gone ? 0 : -1;
}

static enum err backup(struct fixture *x, const char *to, struct fault *f)
{
    struct store *store = store_open(x, &x->here);
    enum err e = backup_make(store, &x->here, to, f);
    store->ops->close(store);
    return e;
}

static void expect_restored(struct fixture *x)
{
    assert_true(str_is(meta(x, &x->there, "kept"), "as it was"));
    struct str history = meta(x, &x->there, "history");
    assert_int_equal(history.n, 16);
    assert_false(str_is(history, "0000000000000000"));
    struct blobs *blobs;
    struct str content;
    assert_int_equal(blobs_files_open(x->there.media.path, &blobs, NULL), ERR_OK);
    assert_int_equal(blob_get(blobs, blob_hash_str(&x->blob), 100, &x->arena, &content, NULL), ERR_OK);
    assert_true(str_is(content, "a picture"));
    blobs_close(blobs);
}

static void there_and_back(void **state)
{
    struct fixture *x = *state;
    struct fault f = {0};
    assert_int_equal(backup(x, path(x, "deep/down/copy"), &f), ERR_OK);
    /* What happens to the original later does not change the copy. */
    struct store *store = store_open(x, &x->here);
    assert_int_equal(store->ops->meta_set(store, STR("kept"), STR("changed")), ERR_OK);
    store->ops->close(store);
    tree_remove(x->here.media.path);
    assert_int_equal(backup_restore(&x->there, path(x, "deep/down/copy"), &f), ERR_OK);
    expect_restored(x);
    struct stat st;
    assert_int_equal(stat(path(x, "deep/down/copy"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    /* The backup serves again. */
    tree_remove(x->there.store.path);
    assert_int_equal(backup_restore(&x->there, path(x, "deep/down/copy"), &f), ERR_OK);
    expect_restored(x);
}

static void interrupted_restore_is_done_again(void **state)
{
    struct fixture *x = *state;
    struct fault f = {0};
    assert_int_equal(backup(x, path(x, "copy"), &f), ERR_OK);
    /* What a restore leaves that was killed: some media, half a store under its other name. */
    assert_int_equal(tree_copy(path(x, "copy/media"), x->there.media.path, &f), ERR_OK);
    assert_int_equal(tree_copy(path(x, "copy/media"), path(x, "there/db.restore"), &f), ERR_OK);
    assert_int_equal(backup_restore(&x->there, path(x, "copy"), &f), ERR_OK);
    assert_true(tree_is_empty(path(x, "there/db.restore")));
    expect_restored(x);
}

static void refusals(void **state)
{
    struct fixture *x = *state;
    struct fault f = {0};
    assert_int_equal(backup(x, "relative", &f), ERR_INVALID_PARAM);
    assert_int_equal(backup(x, x->root, &f), ERR_CONFLICT);
    assert_non_null(strstr(f.text, "is not empty"));
    assert_int_equal(backup_restore(&x->there, path(x, "nothing"), &f), ERR_INVALID_PARAM);
    assert_non_null(strstr(f.text, "is not a whole backup"));
    assert_int_equal(backup(x, path(x, "copy"), &f), ERR_OK);
    assert_int_equal(backup_restore(&x->here, path(x, "copy"), &f), ERR_CONFLICT);
    assert_non_null(strstr(f.text, "There is a store in"));
    assert_int_equal(unlink(path(x, "copy/manifest")), 0);
    assert_int_equal(backup_restore(&x->there, path(x, "copy"), &f), ERR_INVALID_PARAM);
    assert_true(tree_is_empty(path(x, "there")));
}

/* A folder's files into a server with a bucket: only by hand. */
static void from_a_folder_to_a_bucket(void **state)
{
    struct fixture *x = *state;
    struct fault f = {0};
    struct settings bucket;
    settings_with(x, &bucket, "there", BUCKET);
    assert_int_equal(backup(x, path(x, "copy"), &f), ERR_OK);
    assert_int_equal(backup_restore(&bucket, path(x, "copy"), &f), ERR_CONFLICT);
    assert_non_null(strstr(f.text, "copy/media into the bucket"));
    assert_true(tree_is_empty(path(x, "there")));
    tree_remove(path(x, "copy/media"));
    assert_int_equal(backup_restore(&bucket, path(x, "copy"), &f), ERR_OK);
    assert_true(str_is(meta(x, &bucket, "kept"), "as it was"));
    settings_release(&bucket);
}

static void from_a_bucket_to_a_folder(void **state)
{
    struct fixture *x = *state;
    struct fault f = {0};
    struct settings bucket;
    settings_with(x, &bucket, "there", BUCKET);
    struct store *store = store_open(x, &x->here);
    assert_int_equal(backup_make(store, &bucket, path(x, "copy"), &f), ERR_OK);
    store->ops->close(store);
    assert_true(tree_is_empty(path(x, "copy/media")));
    assert_int_equal(backup_restore(&x->there, path(x, "copy"), &f), ERR_CONFLICT);
    assert_non_null(strstr(f.text, "[media] url"));
    assert_true(tree_is_empty(path(x, "there")));
    assert_int_equal(backup_restore(&bucket, path(x, "copy"), &f), ERR_OK);
    assert_true(str_is(meta(x, &bucket, "kept"), "as it was"));
    settings_release(&bucket);
}

static void commands_without_a_server(void **state)
{
    struct fixture *x = *state;
    const char *copy = path(x, "copy");
    struct invocation out = {.program = "rookery", .settings = &x->here, .to = copy};
    struct invocation in = {.program = "rookery", .settings = &x->there, .from = copy};
    struct invocation nothing = {.program = "rookery", .settings = &x->there, .to = path(x, "other")};
    assert_int_equal(cmd_backup(&nothing), 1); /* no store there yet */
    assert_true(tree_is_empty(path(x, "there")));
    assert_int_equal(cmd_backup(&out), 0);
    assert_int_equal(cmd_restore(&in), 0);
    expect_restored(x);
    assert_int_equal(cmd_backup(&out), 1);
    assert_int_equal(cmd_restore(&in), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(interrupted_restore_is_done_again, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(from_a_folder_to_a_bucket, setup, teardown),
        cmocka_unit_test_setup_teardown(from_a_bucket_to_a_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(commands_without_a_server, setup, teardown),
    };
    if (crypto_init(NULL) != ERR_OK) return 1;
    return cmocka_run_group_tests_name("main/backup", tests, NULL, NULL);
}
