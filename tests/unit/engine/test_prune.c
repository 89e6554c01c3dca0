/* Rows that count for a while: they go when their time is over, and not before; page by page, wherever the pages end. */
#include "scene.h"

#include "base/pack.h"
#include "engine/prune.h"

static size_t pages;

/* All slots, from the beginning. How many rows went. */
static int64_t prune(struct scene *x)
{
    int64_t all = 0, some;
    pages = 0;
    for (struct prune_place at = {0}; !at.end; pages++) {
        assert_int_equal(prune_page(x->engine, &x->arena, &at, &some), ERR_OK);
        all += some;
    }
    return all;
}

/* --- transaction ids --- */

static void message(struct scene *x, const char *from, const char *txn, const char *text)
{
    struct command c = {.type = CMD_user_to_device_send, .key = str_c(from), .s = {str_c(txn), STR("m.x")}};
    c.s[2] = arena_printf(&x->arena, "{\"@receiver:localhost\":{\"D\":{\"text\":\"%s\"}}}", text);
    call(x, c);
}

/* How many messages the receiver has. */
static size_t received(struct scene *x)
{
    struct command c = {.type = CMD_user_sync, .key = STR("@receiver:localhost"), .s[0] = STR("D"), .num[4] = 100};
    struct json *list;
    assert_int_equal(json_parse(&x->arena, call(x, c).s[3], &list, NULL), ERR_OK);
    return list->count;
}

static void make_receiver(struct scene *x)
{
    struct command c = {.type = CMD_user_create, .key = STR("@receiver:localhost"), .s = {STR("hash"), STR("D"), {0}, STR("token")}};
    call(x, c);
}

static void txns_script(struct scene *x)
{
    make_receiver(x);
    message(x, "@a:localhost", "1", "one");
    assert_int_equal(prune(x), 0);
    now_ms += 30 * HOUR_MS;
    message(x, "@a:localhost", "1", "one");
    assert_int_equal(received(x), 1); /* still the same one */
    message(x, "@a:localhost", "2", "two");
    assert_int_equal(prune(x), 0);
    now_ms += 19 * HOUR_MS;
    assert_int_equal(prune(x), 1);
    message(x, "@a:localhost", "2", "two");
    assert_int_equal(received(x), 2);
    message(x, "@a:localhost", "1", "one");
    assert_int_equal(received(x), 3); /* after two days it is another one */
    now_ms += 49 * HOUR_MS;
    assert_int_equal(prune(x), 2);
    assert_int_equal(prune(x), 0);
}

static void txns_of_two_days(void **state)
{
    (void)state;
    play(txns_script);
}

/* Users with more ids than a page, and many users with one each: old and young ones mixed. */
static void pages_script(struct scene *x)
{
    enum { MANY = 2 * PRUNE_PAGE + 10, USERS = 3000 };
    make_receiver(x);
    for (int i = 0; i < MANY; i++)
        message(x, i % 2 ? "@a:localhost" : "@b:localhost", arena_printf(&x->arena, "%d", i).p, "x");
    for (int i = 0; i < USERS / 2; i++)
        message(x, arena_printf(&x->arena, "@u%d:localhost", i).p, "t", "x");
    now_ms += 49 * HOUR_MS;
    for (int i = 0; i < USERS / 2; i++)
        message(x, arena_printf(&x->arena, "@v%d:localhost", i).p, "t", "x");
    for (int i = 0; i < MANY; i++)
        message(x, "@a:localhost", arena_printf(&x->arena, "y%d", i).p, "x");
    assert_int_equal(prune(x), MANY + USERS / 2);
    assert_true(pages > 2 * CLUSTER_SLOTS);
    assert_int_equal(prune(x), 0);
    now_ms += 49 * HOUR_MS;
    assert_int_equal(prune(x), MANY + USERS / 2);
}

static void page_by_page(void **state)
{
    (void)state;
    play(pages_script);
}

/* --- media --- */

static void media_script(struct scene *x)
{
    struct command reserve = {.type = CMD_media_put, .s = {STR("@a:localhost"), STR(""), STR(""), STR("")}, .num[1] = now_ms + HOUR_MS};
    struct command whole = reserve;
    whole.s[1] = STR("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    whole.num[1] = 0;
    for (int i = 0; i < 1200; i++) {
        struct command *c = i % 2 ? &reserve : &whole;
        c->key = arena_printf(&x->arena, "media%d", i);
        call(x, *c);
    }
    now_ms += 20 * HOUR_MS;
    assert_int_equal(prune(x), 0);
    now_ms += 10 * HOUR_MS;
    assert_int_equal(prune(x), 600);
    for (int i = 0; i < 1200; i++) {
        struct command get = {.type = CMD_media_get, .key = arena_printf(&x->arena, "media%d", i)};
        assert_int_equal(call(x, get).err, i % 2 ? ERR_NOT_FOUND : ERR_OK);
    }
}

static void media_that_never_came(void **state)
{
    (void)state;
    play(media_script);
}

/* --- changes of devices --- */

static size_t changes_of(struct scene *x, struct str user)
{
    struct store_read r = {.slot = cluster_slot_of(user), .table = T_device_change, .prefix = 1, .key[0].s = user, .limit = 1000};
    read_rows(x, &r);
    return r.count;
}

/* One or more devices, a letter each. */
static void log_out(struct scene *x, const char *devices)
{
    struct command c = {.type = CMD_user_devices_delete, .key = STR("@receiver:localhost")};
    struct buf packed;
    buf_init(&packed, 100);
    for (const char *p = devices; *p; p++)
        pack_str(&packed, str_make(p, 1));
    c.s[0] = buf_str(&packed);
    call(x, c);
    buf_release(&packed);
}

static void changes_script(struct scene *x)
{
    struct str user = STR("@receiver:localhost");
    struct command in = {.type = CMD_user_login, .key = user, .s = {STR("hash"), STR("E"), {0}, STR("token2")}};
    struct command note = {.type = CMD_user_device_note, .key = user, .s[0] = STR("@other:localhost")};
    make_receiver(x);
    call(x, in);
    call(x, note);
    assert_int_equal(changes_of(x, user), 1);
    log_out(x, "EE");
    assert_int_equal(changes_of(x, user), 1);
    log_out(x, "D");
    assert_int_equal(changes_of(x, user), 0);
}

static void changes_that_nobody_asks_for(void **state)
{
    (void)state;
    play(changes_script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(txns_of_two_days), cmocka_unit_test(page_by_page),
                                       cmocka_unit_test(media_that_never_came), cmocka_unit_test(changes_that_nobody_asks_for)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
