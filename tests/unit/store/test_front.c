#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/memory/skiplist.h"
#include "store/rocksdb/front.h"

static uint64_t next_random(uint64_t *seed)
{
    return *seed = *seed * 6364136223846793005u + 1442695040888963407u, *seed >> 33;
}

static struct spare spare;

static int set_up(void **state)
{
    (void)state;
    spare_init(&spare);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    spare_release(&spare);
    return 0;
}

static struct front_row row_of(struct front *f, const char *key, const char *value)
{
    size_t n = strlen(key), vn = strlen(value);
    char *p = front_bytes(f, n + vn);
    memcpy(p, key, n);
    if (vn) memcpy(p + n, value, vn);
    return (struct front_row){.key = p, .kn = (uint32_t)n, .vn = (uint32_t)vn};
}

static void check_all(const struct rows *rows, struct skiplist *model)
{
    struct walk w;
    const struct front_row *r = rows_from(rows, STR(""), &w);
    for (const struct skip_item *i = model->first[0]; i; i = i->next[0], r = rows_next(&w))
        assert_true(r && str_eq(front_key(r), i->key));
    assert_null(r);
    r = rows_before(rows, STR("\xFF"), &w);
    for (const struct skip_item *i = model->last; i; i = i->prev, r = rows_prev(&w))
        assert_true(r && str_eq(front_key(r), i->key));
    assert_null(r);
}

static void check_around(const struct rows *rows, struct skiplist *model, const char *key)
{
    struct walk w;
    const struct front_row *r = rows_from(rows, str_c(key), &w);
    const struct skip_item *i = skip_at(model, str_c(key));
    assert_true(!r == !i);
    if (i) assert_true(str_eq(front_key(r), i->key));
    r = rows_before(rows, str_c(key), &w);
    i = skip_before(model, str_c(key));
    assert_true(!r == !i);
    if (i) assert_true(str_eq(front_key(r), i->key));
}

/* Orders of arrival: random, ascending, descending, ascending in several places at once; and keys with a long beginning in common
 * that are short, or are the beginnings of others. */
enum { WAYS = 6 };
static void number(char key[80], unsigned way, unsigned i, uint64_t *seed)
{
    unsigned random = (unsigned)(next_random(seed) % 5000), n[] = {random, i, 100000 - i, i % 7 * 10000 + i};
    if (way < 4)
        snprintf(key, 80, "%06u", n[way]);
    else if (way == 4)
        snprintf(key, 80, "table!a_room_of_a_long_name_%u:example.org%06u", i % 5, i % 2 ? i : random);
    else
        snprintf(key, 80, "%.*s%u", (int)(random % 40), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", random % 3);
}

static void agrees_with_a_skip_list(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (unsigned way = 0; way < WAYS; way++) {
        struct front *f = front_new(1, &spare);
        struct skiplist model;
        skip_init(&model);
        check_all(&f->rows[3], &model);
        for (unsigned i = 0; i < 4000; i++) {
            char key[80];
            number(key, way, i, &seed);
            struct front_row r = row_of(f, key, "");
            rows_put(&f->rows[3], &r);
            skip_put(&model, str_c(key), STR(""));
            number(key, way, (unsigned)(next_random(&seed) % 4000), &seed);
            check_around(&f->rows[3], &model, key);
        }
        check_all(&f->rows[3], &model);
        skip_release(&model);
        front_free(f);
    }
}

static void a_row_replaces_the_one_of_its_key(void **state)
{
    (void)state;
    struct front *f = front_new(1, &spare);
    struct front_row r = row_of(f, "key", "old");
    rows_put(&f->rows[0], &r);
    struct walk w;
    const struct front_row *got = rows_from(&f->rows[0], STR("kex"), &w);
    assert_true(got && str_is(front_value(got), "old"));
    r = row_of(f, "key", "");
    r.deleted = true;
    rows_put(&f->rows[0], &r);
    got = rows_from(&f->rows[0], STR("kex"), &w);
    assert_true(got && got->deleted && got->vn == 0);
    assert_null(rows_next(&w));
    front_free(f);
}

static void large_pieces_of_memory(void **state)
{
    (void)state;
    struct front *f = front_new(1, &spare);
    for (size_t n = 1; n < 5 << 20; n = n * 3 + 1)
        memset(front_bytes(f, n), 1, n);
    assert_true(f->bytes > 3 << 20);
    front_free(f);
    front_free(NULL);
}

static void memory_is_used_again(void **state)
{
    (void)state;
    spare_clear(&spare);
    struct front *f = front_new(1, &spare);
    char *first = front_bytes(f, 1000), *large = front_bytes(f, 3 << 20);
    assert_ptr_not_equal(first, large);
    front_free(f);
    f = front_new(2, &spare);
    assert_ptr_equal(front_bytes(f, 500), first);
    assert_null(spare.chunks);
    front_free(f);
    assert_non_null(spare.chunks);
    spare_clear(&spare);
    assert_null(spare.chunks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_skip_list),
        cmocka_unit_test(a_row_replaces_the_one_of_its_key),
        cmocka_unit_test(large_pieces_of_memory),
        cmocka_unit_test(memory_is_used_again),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
