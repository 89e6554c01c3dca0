/* Signatures (with the key and the signed objects of the specification's appendix), secrets and passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>

#include "crypto/crypto.h"

static struct arena arena;
static const struct password_cost cheap = {.memory_kib = 64, .passes = 1};

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

/* Appendix "Cryptographic Test Vectors": the seed, the canonical text, the signature. */
static void test_specification_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *signature;
    } row[] = {
        {"{}", "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"},
        {"{\"one\":1,\"two\":\"Two\"}", "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"},
    };
    unsigned char pub[ED25519_PUBLIC_BYTES], secret[ED25519_SECRET_BYTES], signature[ED25519_SIGNATURE_BYTES];
    struct str seed;
    assert_true(base64_decode(&arena, STR("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1"), false, &seed));
    assert_int_equal(seed.n, 32);
    crypto_sign_seed_keypair(pub, secret, (const unsigned char *)seed.p);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        ed25519_sign(secret, str_c(row[i].text), signature);
        assert_string_equal(base64_encode(&arena, str_make((const char *)signature, sizeof signature), false).p, row[i].signature);
        assert_true(ed25519_verify(pub, str_c(row[i].text), signature));
    }
}

static void test_every_changed_bit_is_seen(void **state)
{
    (void)state;
    unsigned char pub[ED25519_PUBLIC_BYTES], secret[ED25519_SECRET_BYTES], signature[ED25519_SIGNATURE_BYTES];
    ed25519_keypair(pub, secret);
    ed25519_sign(secret, STR("text"), signature);
    assert_true(ed25519_verify(pub, STR("text"), signature));
    assert_false(ed25519_verify(pub, STR("texT"), signature));
    assert_false(ed25519_verify(pub, (struct str){0}, signature));
    for (size_t bit = 0; bit < sizeof signature * 8; bit++) {
        signature[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_false(ed25519_verify(pub, STR("text"), signature));
        signature[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    unsigned char other[ED25519_PUBLIC_BYTES];
    ed25519_keypair(other, secret);
    assert_memory_not_equal(other, pub, sizeof pub);
    assert_false(ed25519_verify(other, STR("text"), signature));
    ed25519_sign(secret, (struct str){0}, signature);
    assert_true(ed25519_verify(other, STR(""), signature));
}

static void test_secret_eq(void **state)
{
    (void)state;
    assert_true(secret_eq(STR("abc"), STR("abc")));
    assert_false(secret_eq(STR("abc"), STR("abd")));
    assert_false(secret_eq(STR("abc"), STR("abcd")));
    assert_true(secret_eq((struct str){0}, STR("")));
}

static void test_password(void **state)
{
    (void)state;
    struct str hash, again;
    assert_int_equal(password_hash(&arena, STR("correct horse"), cheap, &hash), ERR_OK);
    assert_int_equal(password_hash(&arena, STR("correct horse"), cheap, &again), ERR_OK);
    assert_false(str_eq(hash, again));
    assert_true(str_starts(hash, STR("$argon2id$v=19$m=64,t=1,p=1$")));
    assert_true(password_verify(hash, STR("correct horse")));
    assert_false(password_verify(hash, STR("correct horsf")));
    assert_false(password_verify(hash, STR("correct horse\0")));
    assert_false(password_verify(hash, (struct str){0}));
}

/* A NUL is a byte like others, and an empty password a password. */
static void test_password_bytes(void **state)
{
    (void)state;
    struct str hash;
    assert_int_equal(password_hash(&arena, STR("a\0b"), cheap, &hash), ERR_OK);
    assert_true(password_verify(hash, STR("a\0b")));
    assert_false(password_verify(hash, STR("a\0c")));
    assert_false(password_verify(hash, STR("a")));
    assert_int_equal(password_hash(&arena, (struct str){0}, cheap, &hash), ERR_OK);
    assert_true(password_verify(hash, STR("")));
    assert_false(password_verify(hash, STR("a")));
}

static void test_password_bad(void **state)
{
    (void)state;
    struct str hash;
    assert_int_equal(password_hash(&arena, STR("x"), (struct password_cost){1, 1}, &hash), ERR_UNAVAILABLE);
    assert_int_equal(password_hash(&arena, STR("x"), (struct password_cost){64, 0}, &hash), ERR_UNAVAILABLE);
    char longer[400];
    memset(longer, 'x', sizeof longer);
    assert_false(password_verify((struct str){0}, STR("x")));
    assert_false(password_verify(STR("$argon2id$"), STR("x")));
    assert_false(password_verify(STR("x"), STR("x")));
    assert_false(password_verify(str_make(longer, sizeof longer), STR("x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specification_vectors),
        cmocka_unit_test(test_every_changed_bit_is_seen),
        cmocka_unit_test(test_secret_eq),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_password_bytes),
        cmocka_unit_test(test_password_bad),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
