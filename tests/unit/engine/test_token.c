/* Packed tokens say what the token says, whichever slots it names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/sync/token.h"

static uint64_t next(uint64_t *seed)
{
    return *seed = *seed * 6364136223846793005u + 1442695040888963407u;
}

static struct sync_token random_token(uint64_t *seed)
{
    struct sync_token t = {0};
    uint64_t some = next(seed) ^ next(seed) >> 32;
    if (next(seed) >> 62 == 0) some = next(seed) >> 63 ? UINT64_MAX : 0;
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        if (some >> i & 1) sync_token_set(&t, i, (int64_t)(next(seed) >> 21));
    return t;
}

static void check(const struct packed_token *p, const struct sync_token *t)
{
    struct sync_token back = sync_token_unpack(p);
    assert_true(back.some == t->some);
    assert_true(packed_token_is(p, t));
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++) {
        assert_true(sync_token_at(&back, i) == sync_token_at(t, i));
        assert_true(packed_token_at(p, i) == sync_token_at(t, i));
    }
}

/* One packed token is packed into again and again: other slots, as many or more or fewer. */
static void packed_is_the_same(void **state)
{
    (void)state;
    struct packed_token *p = NULL;
    uint64_t seed = 1;
    for (int round = 0; round < 2000; round++) {
        struct sync_token t = random_token(&seed);
        sync_token_pack(&p, &t);
        check(p, &t);
    }
    mem_free(p);
}

static void edges(void **state)
{
    (void)state;
    struct packed_token *p = NULL;
    struct sync_token t = {0};
    sync_token_pack(&p, &t);
    check(p, &t);
    sync_token_set(&t, CLUSTER_SLOTS - 1, INT64_MAX);
    sync_token_pack(&p, &t);
    check(p, &t);
    /* As many slots, but others. */
    t = (struct sync_token){0};
    sync_token_set(&t, 0, 7);
    assert_false(packed_token_is(p, &t));
    sync_token_pack(&p, &t);
    check(p, &t);
    mem_free(p);
}

static void others_are_not_it(void **state)
{
    (void)state;
    struct packed_token *p = NULL;
    uint64_t seed = 2;
    for (int round = 0; round < 500; round++) {
        struct sync_token t = random_token(&seed), other = t;
        sync_token_pack(&p, &t);
        unsigned slot = (unsigned)(next(&seed) >> 58);
        /* A slot that is named with 0 differs from one that is not named. */
        sync_token_set(&other, slot, t.some >> slot & 1 ? t.position[slot] + 1 : 0);
        assert_false(packed_token_is(p, &other));
        assert_true(packed_token_is(p, &t));
    }
    mem_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_is_the_same),
        cmocka_unit_test(edges),
        cmocka_unit_test(others_are_not_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
