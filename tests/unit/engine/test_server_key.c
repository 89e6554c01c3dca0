/* The server's key is made once, is the same ever after, and is never replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/log.h"
#include "engine/server_key.h"
#include "store/memory/memory.h"

static int setup(void **state)
{
    struct fault f;
    log_setup(LOG_ERROR, false);
    assert_int_equal(crypto_init(&f), ERR_OK);
    *state = store_memory_new();
    return 0;
}

static int teardown(void **state)
{
    struct store *s = *state;
    s->ops->close(s);
    return 0;
}

static void it_is_made_once(void **state)
{
    struct server_key first, again;
    struct fault f;
    unsigned char signature[ED25519_SIGNATURE_BYTES];
    assert_int_equal(server_key_open(*state, &first, &f), ERR_OK);
    assert_int_equal(strlen(first.id), SERVER_KEY_ID);
    assert_int_equal(server_key_open(*state, &again, &f), ERR_OK);
    assert_memory_equal(&first, &again, sizeof first);
    ed25519_sign(first.secret, STR("text"), signature);
    assert_true(ed25519_verify(again.pub, STR("text"), signature));
}

static void each_store_has_its_own(void **state)
{
    struct server_key mine, other;
    struct fault f;
    void *second;
    setup(&second);
    assert_int_equal(server_key_open(*state, &mine, &f), ERR_OK);
    assert_int_equal(server_key_open(second, &other, &f), ERR_OK);
    assert_string_not_equal(mine.id, other.id);
    assert_memory_not_equal(mine.pub, other.pub, sizeof mine.pub);
    teardown(&second);
}

/* Cut off anywhere, or with any byte changed that means something: refused, and still there as it was. */
static void a_damaged_one_is_refused(void **state)
{
    struct store *s = *state;
    struct server_key key;
    struct fault f;
    struct arena a;
    struct str text, now;
    arena_init(&a);
    assert_int_equal(server_key_open(s, &key, &f), ERR_OK);
    assert_int_equal(s->ops->meta_get(s, STR("server_key"), &a, &text), ERR_OK);
    for (size_t n = 0; n + 1 < text.n; n++) {
        assert_int_equal(s->ops->meta_set(s, STR("server_key"), str_make(text.p, n)), ERR_OK);
        assert_int_equal(server_key_open(s, &key, &f), ERR_INTERNAL);
        assert_int_equal(s->ops->meta_get(s, STR("server_key"), &a, &now), ERR_OK);
        assert_int_equal(now.n, n);
    }
    for (size_t i = SERVER_KEY_ID; i + 2 < text.n; i++) {
        struct str bad = arena_str(&a, text);
        ((char *)(uintptr_t)bad.p)[i] = text.p[i] == 'A' ? 'B' : 'A';
        assert_int_equal(s->ops->meta_set(s, STR("server_key"), bad), ERR_OK);
        assert_int_equal(server_key_open(s, &key, &f), ERR_INTERNAL);
    }
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_made_once, setup, teardown),
        cmocka_unit_test_setup_teardown(each_store_has_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_one_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
