/* The transaction ids of a room: what is called new must never have been noted within a day, against a plain list as the model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/room/txns.h"

enum { DAY = 24 * 3600 * 1000, MANY = 40000 };
static const int64_t START = (int64_t)20000 * DAY;

static struct str id_of(char room[32], int n)
{
    return str_make(room, (size_t)snprintf(room, 32, "DEVICE\x1f%d\x1fm.room.message", n));
}

static void note(struct txns *t, int n, int64_t at)
{
    char room[32];
    txns_note(t, id_of(room, n), at);
}

static bool is_new(const struct txns *t, int n, int64_t at)
{
    char room[32];
    return txns_is_new(t, id_of(room, n), at);
}

static void a_new_room_knows_all(void **state)
{
    (void)state;
    struct txns t;
    txns_init(&t, 0);
    assert_true(is_new(&t, 1, START));
    note(&t, 1, START);
    note(&t, 1, START);
    assert_false(is_new(&t, 1, START));
    assert_true(is_new(&t, 2, START));
    txns_release(&t);
}

static void a_loaded_room_knows_all_after_a_day(void **state)
{
    (void)state;
    struct txns t;
    txns_init(&t, START);
    assert_false(is_new(&t, 1, START));
    note(&t, 1, START);
    assert_false(is_new(&t, 2, START + DAY - 1));
    assert_true(is_new(&t, 2, START + DAY));
    assert_false(is_new(&t, 1, START + DAY));
    txns_release(&t);
}

/* More than is kept within a day: what may have been forgotten is not called new. */
static void memory_has_a_bound(void **state)
{
    (void)state;
    struct txns t;
    txns_init(&t, 0);
    for (int i = 0; i < MANY; i++) {
        note(&t, i, START + i);
        assert_true(t.young.cap + t.old.cap <= 32768);
    }
    for (int i = 0; i < MANY; i++)
        assert_false(is_new(&t, i, START + MANY));
    assert_false(is_new(&t, -1, START + MANY)); /* not noted, but that is not known any more */
    assert_true(is_new(&t, -1, START + DAY + MANY));
    txns_release(&t);
}

static int at[MANY];

/* Times that crawl and leap; ids that come again. */
static void against_a_list(void **state)
{
    (void)state;
    struct txns t;
    txns_init(&t, 0);
    uint64_t coin = 1;
    int64_t now = START;
    size_t called_new = 0;
    for (int i = 0; i < MANY; i++) {
        coin = coin * 6364136223846793005u + 1442695040888963407u;
        now += (coin >> 40) % 1000 ? (int64_t)(coin >> 33) % 9000 : DAY / 3;
        int n = (int)((coin >> 20) % MANY), minute = (int)((now - START) / 60000);
        if (is_new(&t, n, now)) {
            assert_true(at[n] == 0 || minute - at[n] >= DAY / 60000 - 1);
            called_new++;
        }
        note(&t, n, now);
        at[n] = minute ? minute : 1;
    }
    assert_true(called_new > MANY / 2);
    txns_release(&t);
}

static void the_next_owner_knows_the_same(void **state)
{
    (void)state;
    enum { NOTED = 30000 }; /* both sets have some */
    struct txns t, heir;
    struct buf b;
    txns_init(&t, START);
    for (int i = 0; i < NOTED; i++)
        note(&t, i, START + i);
    buf_init(&b, 1 << 20);
    txns_tell(&t, &b);
    buf_add(&b, STR("rest"));
    struct str in = buf_str(&b);
    assert_true(buf_ok(&b) && txns_inherit(&heir, &in));
    assert_true(str_is(in, "rest"));
    assert_int_equal(heir.since_ms, t.since_ms);
    assert_int_equal(heir.young.count, t.young.count);
    assert_int_equal(heir.old.count, t.old.count);
    for (int i = 0; i < NOTED; i++)
        assert_false(is_new(&heir, i, START + NOTED));
    for (int i = -1000; i < 0; i++)
        assert_int_equal(is_new(&heir, i, START + DAY + NOTED), is_new(&t, i, START + DAY + NOTED));
    for (int i = 0; i < NOTED; i += 100) /* also when the sets change places */
        note(&t, -i, START + NOTED), note(&heir, -i, START + NOTED);
    assert_int_equal(heir.since_ms, t.since_ms);
    txns_release(&heir);
    for (size_t cut = 0; cut < 2000; cut++) {
        in = str_first(buf_str(&b), cut);
        if (txns_inherit(&heir, &in)) fail_msg("taken from its first %zu bytes", cut);
    }
    txns_release(&t);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_room_knows_all), cmocka_unit_test(a_loaded_room_knows_all_after_a_day), cmocka_unit_test(memory_has_a_bound),
        cmocka_unit_test(against_a_list),       cmocka_unit_test(the_next_owner_knows_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
