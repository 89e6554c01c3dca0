/* Sync tokens and places in a timeline: what is written is read again, and what no server wrote is refused. Packed tokens say what the token says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/room/event.h"
#include "engine/sync/token.h"

#define HISTORY STR("0123456789abcdef")

static const int64_t edges[] = {0, 1, 127, 128, 16383, 16384, ((int64_t)1 << 42) + 1, ((int64_t)1 << 43) - 1};
enum { EDGES = sizeof edges / sizeof *edges };

static struct sync_token make(uint64_t some, unsigned shift)
{
    struct sync_token t = {0};
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        if (some >> i & 1) sync_token_set(&t, i, edges[(i + shift) % EDGES]);
    return t;
}

static const uint64_t sets[] = {0, 1, (uint64_t)1 << 63, 0x8000000000000001u, 0x5555555555555555u, UINT64_MAX};
enum { SETS = sizeof sets / sizeof *sets };

static void assert_same(const struct sync_token *x, const struct sync_token *y)
{
    assert_true(x->some == y->some);
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        assert_int_equal(sync_token_at(x, i), sync_token_at(y, i));
}

static void tokens_come_back_as_they_were(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    for (unsigned i = 0; i < SETS; i++)
        for (unsigned shift = 0; shift < EDGES; shift++) {
            struct sync_token t = make(sets[i], shift), out;
            struct str text = sync_token_write(&a, &t, HISTORY);
            bool stale = true;
            assert_int_equal(sync_token_read(text, HISTORY, &out, &stale, NULL), ERR_OK);
            assert_false(stale);
            assert_same(&t, &out);
            for (size_t n = 0; n < text.n; n++) /* goes into URLs as it is */
                assert_true(strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", text.p[n]) != NULL);
            assert_int_equal(sync_token_read(text, STR("0123456789abcdee"), &out, &stale, NULL), ERR_OK);
            assert_true(stale);
        }
    arena_release(&a);
}

static void assert_refused(struct str text)
{
    struct sync_token out;
    struct fault f = {0};
    bool stale;
    assert_int_equal(sync_token_read(text, HISTORY, &out, &stale, &f), ERR_INVALID_PARAM);
    assert_true(f.text[0] != 0);
    assert_false(stale);
}

static struct str token_of_bytes(struct arena *a, const char *bytes, size_t n)
{
    return arena_printf(a, "s1_%.*s_%.*s", STR_FMT(HISTORY), STR_FMT(base64_encode(a, str_make(bytes, n), true)));
}

static void what_no_server_wrote_is_refused(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct sync_token t = make(0x8000000000000001u, 3), out;
    struct str good = sync_token_write(&a, &t, HISTORY);
    bool stale;
    for (size_t n = 0; n < good.n; n++)
        assert_refused(str_make(memcpy(arena_alloc(&a, n + 1), good.p, n), n));
    assert_refused(arena_join(&a, good, STR("AAAA"), STR("")));
    static const char *const bad[] = {"",
                                      "s",
                                      "s1_",
                                      "s1_0123456789abcdef",
                                      "s1_0123456789abcdef_",
                                      "s1_0123456789abcdef_!!!!",
                                      "s2_0123456789abcdef_QAAAAAAAAAAA",
                                      "t5",
                                      "s1-0123456789abcdef_QAAAAAAAAAAA",
                                      "s1_0123456789abcdefXQAAAAAAAAAAA"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(str_c(bad[i]));
    assert_int_equal(sync_token_read(token_of_bytes(&a, "\x40\1\0\0\0\0\0\0\0\5", 10), HISTORY, &out, &stale, NULL), ERR_OK);
    assert_int_equal(sync_token_at(&out, 0), 5);
    assert_refused(token_of_bytes(&a, "\x3f\1\0\0\0\0\0\0\0\5", 10));                           /* another number of slots */
    assert_refused(token_of_bytes(&a, "\x40\1\0\0\0\0\0\0\0\5\5", 11));                         /* a position too many */
    assert_refused(token_of_bytes(&a, "\x40\3\0\0\0\0\0\0\0\5", 10));                           /* too few */
    assert_refused(token_of_bytes(&a, "\x40\1\0\0\0\0\0\0\0\x80\x80\x80\x80\x80\x80\x02", 16)); /* 2^43: no place in a room has it */
    assert_refused(token_of_bytes(&a, "\x40\1\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 20));
    char *big = arena_zero(&a, 2000);
    memset(big, 'A', 2000);
    memcpy(big, "s1_0123456789abcdef_", 20);
    assert_refused(str_make(big, 2000));
    arena_release(&a);
}

static void packed_tokens_are_the_same_tokens(void **state)
{
    (void)state;
    struct packed_token *kept = NULL;
    for (unsigned i = 0; i < SETS; i++)
        for (unsigned shift = 0; shift < EDGES; shift++) {
            struct sync_token t = make(sets[i], shift), out, other = t;
            sync_token_pack(&kept, &t);
            out = sync_token_unpack(kept);
            assert_same(&t, &out);
            assert_true(packed_token_is(kept, &t));
            sync_token_set(&other, 63, 12345);
            assert_false(packed_token_is(kept, &other));
        }
    struct sync_token last = make(UINT64_MAX, 0);
    sync_token_pack(&kept, &last);
    assert_true(packed_token_is(kept, &last));
    last.position[17]++;
    assert_false(packed_token_is(kept, &last));
    mem_free(kept);
}

/* --- packed: any tokens --- */

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
    for (unsigned i = 0; i < CLUSTER_SLOTS; i++)
        assert_true(sync_token_at(&back, i) == sync_token_at(t, i));
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

static void packed_tokens_at_the_edges(void **state)
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

/* --- places --- */

static void places_in_a_timeline(void **state)
{
    (void)state;
    struct arena a;
    int64_t ord;
    struct fault f = {0};
    arena_init(&a);
    static const int64_t ords[] = {0, 1, 5 << ORD_SHIFT, INT64_MAX};
    for (size_t i = 0; i < sizeof ords / sizeof *ords; i++) {
        assert_int_equal(place_token_read(place_token_write(&a, ords[i]), HISTORY, 3, &ord, &f), ERR_OK);
        assert_int_equal(ord, ords[i]);
    }
    static const char *const bad[] = {"", "t", "t-1", "tx", "t5x", "t99999999999999999999", "5", "s1_x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(place_token_read(str_c(bad[i]), HISTORY, 3, &ord, &f), ERR_INVALID_PARAM);
    /* A sync token is the place up to which its client has the room: all of that position. */
    struct sync_token t = make(UINT64_MAX, 0);
    sync_token_set(&t, 3, 77);
    struct str text = sync_token_write(&a, &t, HISTORY);
    assert_int_equal(place_token_read(text, HISTORY, 3, &ord, &f), ERR_OK);
    assert_int_equal(ord, ord_last_of_position(77));
    assert_true(ord >= ord_of_position(77) && ord < ord_of_position(78));
    assert_int_equal(place_token_read(text, STR("fedcba9876543210"), 3, &ord, &f), ERR_INVALID_PARAM);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_come_back_as_they_were),
        cmocka_unit_test(what_no_server_wrote_is_refused),
        cmocka_unit_test(packed_tokens_are_the_same_tokens),
        cmocka_unit_test(packed_is_the_same),
        cmocka_unit_test(packed_tokens_at_the_edges),
        cmocka_unit_test(others_are_not_it),
        cmocka_unit_test(places_in_a_timeline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
