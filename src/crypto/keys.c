#include <sodium.h>

#include "crypto/crypto.h"
#include "crypto/crypto_priv.h"

_Static_assert((int)ED25519_SECRET_BYTES == crypto_sign_SECRETKEYBYTES && (int)ED25519_PUBLIC_BYTES == crypto_sign_PUBLICKEYBYTES &&
                   (int)ED25519_SIGNATURE_BYTES == crypto_sign_BYTES,
               "sizes of libsodium");

enum err crypto_init(struct fault *f)
{
    if (sodium_init() < 0) return fault_set(f, ERR_INTERNAL, "libsodium cannot be initialised.");
    return hash_init(f);
}

static const unsigned char *bytes_of(struct str s)
{
    return (const unsigned char *)s.p;
}

void ed25519_keypair(unsigned char pub[ED25519_PUBLIC_BYTES], unsigned char secret[ED25519_SECRET_BYTES])
{
    crypto_sign_keypair(pub, secret);
}

void ed25519_sign(const unsigned char secret[ED25519_SECRET_BYTES], struct str data, unsigned char out[ED25519_SIGNATURE_BYTES])
{
    crypto_sign_detached(out, NULL, bytes_of(data), data.n, secret);
}

bool ed25519_verify(const unsigned char pub[ED25519_PUBLIC_BYTES], struct str data, const unsigned char signature[ED25519_SIGNATURE_BYTES])
{
    return crypto_sign_verify_detached(signature, bytes_of(data), data.n, pub) == 0;
}

void seal(const unsigned char key[SHA256_BYTES], const struct str *part, size_t parts, unsigned char out[SEAL_BYTES])
{
    crypto_generichash_state h;
    crypto_generichash_init(&h, key, SHA256_BYTES, SEAL_BYTES);
    for (size_t i = 0; i < parts; i++)
        crypto_generichash_update(&h, bytes_of(part[i]), part[i].n);
    crypto_generichash_final(&h, out, SEAL_BYTES);
}

bool secret_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || sodium_memcmp(a.p, b.p, a.n) == 0);
}

enum err password_hash(struct arena *a, struct str password, struct password_cost cost, struct str *out)
{
    char text[crypto_pwhash_argon2id_STRBYTES];
    size_t memory = (size_t)cost.memory_kib * 1024;
    const char *p = password.n ? password.p : "";
    if (crypto_pwhash_argon2id_str(text, p, password.n, cost.passes, memory) != 0) return ERR_UNAVAILABLE;
    *out = arena_str(a, str_c(text));
    return ERR_OK;
}

bool password_verify(struct str hash, struct str password)
{
    char text[crypto_pwhash_argon2id_STRBYTES];
    if (hash.n == 0 || hash.n >= sizeof text) return false;
    memcpy(text, hash.p, hash.n);
    text[hash.n] = 0;
    return crypto_pwhash_argon2id_str_verify(text, password.n ? password.p : "", password.n) == 0;
}
