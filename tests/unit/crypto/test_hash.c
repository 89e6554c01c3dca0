/* SHA-256 against the examples of FIPS 180-4, whole and in pieces, on several threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "crypto/crypto.h"

static struct arena arena;

static int begin(void **state)
{
    (void)state;
    return crypto_init(NULL);
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void test_known(void **state)
{
    (void)state;
    static const struct {
        const char *data, *want;
    } row[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_string_equal(sha256_hex(&arena, str_c(row[i].data)).p, row[i].want);
    assert_string_equal(sha256_hex(&arena, (struct str){0}).p, row[0].want);
}

static struct str digest_of(const unsigned char hash[SHA256_BYTES])
{
    return hex_encode(&arena, str_make((const char *)hash, SHA256_BYTES));
}

static void test_million(void **state)
{
    (void)state;
    char a[1000];
    memset(a, 'a', sizeof a);
    struct sha256_stream *s = sha256_begin();
    for (int i = 0; i < 1000; i++)
        sha256_update(s, str_make(a, sizeof a));
    unsigned char hash[SHA256_BYTES];
    sha256_end(s, hash);
    assert_string_equal(digest_of(hash).p, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Two streams and a whole hash at the same time do not touch each other. */
static void test_interleaved(void **state)
{
    (void)state;
    unsigned char x[SHA256_BYTES], y[SHA256_BYTES], z[SHA256_BYTES], want_x[SHA256_BYTES], want_y[SHA256_BYTES];
    sha256(STR("first one"), want_x);
    sha256(STR("second two"), want_y);
    struct sha256_stream *a = sha256_begin(), *b = sha256_begin();
    sha256_update(a, STR("first "));
    sha256_update(b, STR("second "));
    sha256_update(b, (struct str){0});
    sha256(STR("another"), z);
    sha256_update(a, STR("one"));
    sha256_end(a, x);
    sha256_update(b, STR("two"));
    sha256_end(b, y);
    assert_memory_equal(x, want_x, sizeof x);
    assert_memory_equal(y, want_y, sizeof y);
}

/* Hashes its own number many times; returns how many were wrong. */
static void *hash_often(void *number)
{
    struct arena a = {0};
    struct str text = arena_printf(&a, "thread %p", number);
    unsigned char first[SHA256_BYTES], again[SHA256_BYTES];
    uintptr_t wrong = 0;
    sha256(text, first);
    for (int i = 0; i < 2000; i++) {
        sha256(text, again);
        wrong += memcmp(first, again, sizeof first) != 0;
    }
    arena_release(&a);
    return (void *)wrong;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t t[8];
    for (uintptr_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&t[i], NULL, hash_often, (void *)i), 0);
    for (int i = 0; i < 8; i++) {
        void *wrong;
        assert_int_equal(pthread_join(t[i], &wrong), 0);
        assert_null(wrong);
    }
}

static void test_init_again(void **state)
{
    (void)state;
    assert_int_equal(crypto_init(NULL), ERR_OK);
    assert_int_equal(sha256_hex(&arena, STR("abc")).p[0], 'b');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),   cmocka_unit_test(test_million),    cmocka_unit_test(test_interleaved),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_init_again),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
