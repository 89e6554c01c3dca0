/* The hash table against a plain array as the model, through many random puts and deletes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/map.h"

static void test_basics(void **state)
{
    (void)state;
    struct map m;
    map_init(&m);
    int x, y;
    assert_null(map_get(&m, STR("a")));
    assert_null(map_del(&m, STR("a")));
    assert_null(map_put(&m, STR("a"), &x));
    assert_ptr_equal(map_get(&m, STR("a")), &x);
    assert_ptr_equal(map_put(&m, STR("a"), &y), &x);
    assert_int_equal(map_count(&m), 1);
    assert_ptr_equal(map_del(&m, STR("a")), &y);
    assert_null(map_get(&m, STR("a")));
    assert_int_equal(map_count(&m), 0);
    map_release(&m);
    assert_null(map_get(&m, STR("a")));
}

static void test_keys_are_bytes(void **state)
{
    (void)state;
    struct map m = {0};
    int x, y, z;
    map_put(&m, (struct str){0}, &x);
    map_put(&m, STR("a\0b"), &y);
    map_put(&m, STR("a"), &z);
    assert_ptr_equal(map_get(&m, STR("")), &x);
    assert_ptr_equal(map_get(&m, (struct str){0}), &x);
    assert_ptr_equal(map_get(&m, STR("a\0b")), &y);
    assert_ptr_equal(map_get(&m, STR("a")), &z);
    assert_ptr_equal(map_del(&m, (struct str){0}), &x);
    assert_null(map_get(&m, STR("")));
    map_release(&m);
}

/* The key pointer is replaced with the value: the old key's memory may go. */
static void test_put_replaces_the_key(void **state)
{
    (void)state;
    struct map m = {0};
    int x, y;
    char *first = mem_alloc(3), *second = mem_alloc(3);
    memcpy(first, "key", 3);
    memcpy(second, "key", 3);
    map_put(&m, str_make(first, 3), &x);
    map_put(&m, str_make(second, 3), &y);
    mem_free(first);
    assert_ptr_equal(map_get(&m, STR("key")), &y);
    map_del(&m, STR("key"));
    mem_free(second);
    for (int i = 0; i < 100; i++) {
        map_put(&m, STR("other"), &x);
        map_del(&m, STR("other"));
    }
    assert_int_equal(map_count(&m), 0);
    map_release(&m);
}

enum { KEYS = 500 };

static void check(const struct map *m, int *const *model, struct str *keys, size_t want)
{
    size_t at = 0, seen = 0;
    assert_int_equal(map_count(m), want);
    for (int i = 0; i < KEYS; i++)
        assert_ptr_equal(map_get(m, keys[i]), model[i]);
    while (map_next(m, &at))
        seen++;
    assert_int_equal(seen, want);
}

static void test_against_a_model(void **state)
{
    (void)state;
    struct arena a = {0};
    struct map m = {0};
    struct str keys[KEYS];
    int values[KEYS][2], *model[KEYS] = {0};
    size_t count = 0;
    for (int i = 0; i < KEYS; i++)
        keys[i] = arena_printf(&a, "key %d", i);
    uint64_t seed = 12345;
    for (int step = 0; step < 100000; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t i = seed >> 33 & 0xFFFF, limit = step / 10000 % 2 ? KEYS : 40; /* grows and shrinks */
        i %= limit;
        if (seed >> 60 < 8) {
            int *value = &values[i][seed >> 59 & 1];
            assert_ptr_equal(map_put(&m, keys[i], value), model[i]);
            count += !model[i];
            model[i] = value;
        } else {
            assert_ptr_equal(map_del(&m, keys[i]), model[i]);
            count -= model[i] != NULL;
            model[i] = NULL;
        }
        if (step % 997 == 0) check(&m, model, keys, count);
    }
    check(&m, model, keys, count);
    map_release(&m);
    arena_release(&a);
}

/* A table that is put into and deleted from for ever does not grow. */
static void test_does_not_grow_with_age(void **state)
{
    (void)state;
    struct arena a = {0};
    struct map m = {0};
    int x;
    for (int i = 0; i < 100000; i++) {
        struct str key = arena_printf(&a, "%d", i);
        map_put(&m, key, &x);
        map_del(&m, key);
    }
    assert_true(m.cap <= 64);
    map_release(&m);
    arena_release(&a);
}

static void test_delete_while_iterating(void **state)
{
    (void)state;
    struct arena a = {0};
    struct map m = {0};
    struct str *keys = arena_array(&a, 1000, sizeof *keys), *key;
    for (int i = 0; i < 1000; i++) {
        keys[i] = arena_printf(&a, "%d", i);
        map_put(&m, keys[i], &keys[i]);
    }
    size_t at = 0, seen = 0;
    while ((key = map_next(&m, &at)) != NULL) {
        seen++;
        assert_ptr_equal(map_del(&m, *key), key);
    }
    assert_int_equal(seen, 1000);
    assert_int_equal(map_count(&m), 0);
    map_release(&m);
    arena_release(&a);
}

/* A table that grows while most of what was put is deleted: what is left is found, the deleted keys' memory is not looked at, and the table is
 * no larger than what is in it needs. */
static void test_growth_with_deletions(void **state)
{
    (void)state;
    enum { ROUNDS = 3000, OF = 8 };
    struct arena a = {0};
    struct map m = {0};
    struct str kept[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        for (int j = 0; j < OF; j++) {
            char text[32];
            int n = snprintf(text, sizeof text, "gone %d %d", i, j);
            char *key = mem_alloc((size_t)n);
            memcpy(key, text, (size_t)n);
            assert_null(map_put(&m, str_make(key, (size_t)n), key));
            assert_ptr_equal(map_del(&m, str_make(key, (size_t)n)), key);
            mem_free(key);
        }
        kept[i] = arena_printf(&a, "kept %d", i);
        assert_null(map_put(&m, kept[i], &kept[i]));
        assert_int_equal(map_count(&m), i + 1);
        assert_true(m.used <= m.cap / 4 * 3);
    }
    for (int i = 0; i < ROUNDS; i++)
        assert_ptr_equal(map_get(&m, kept[i]), &kept[i]);
    assert_true(m.cap <= 4 * 4096);
    /* And once more with all of them gone but one. */
    for (int i = 1; i < ROUNDS; i++)
        map_del(&m, kept[i]);
    for (int i = 1; i < ROUNDS; i++) {
        struct str other = arena_printf(&a, "other %d", i % 3);
        map_put(&m, other, &kept[0]);
        map_del(&m, other);
    }
    assert_int_equal(map_count(&m), 1);
    assert_ptr_equal(map_get(&m, kept[0]), &kept[0]);
    map_release(&m);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_basics),
        cmocka_unit_test(test_keys_are_bytes),
        cmocka_unit_test(test_put_replaces_the_key),
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_does_not_grow_with_age),
        cmocka_unit_test(test_delete_while_iterating),
        cmocka_unit_test(test_growth_with_deletions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
