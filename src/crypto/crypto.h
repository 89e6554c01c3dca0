/* Thin wrappers over OpenSSL (SHA-256) and libsodium (ed25519, Argon2id, comparison). Safe from every thread after
 * crypto_init, which is called once at start. */
#ifndef ROOKERY_CRYPTO_CRYPTO_H
#define ROOKERY_CRYPTO_CRYPTO_H

#include "base/arena.h"
#include "base/err.h"

must_use enum err crypto_init(struct fault *f);

enum { SHA256_BYTES = 32, ED25519_SECRET_BYTES = 64, ED25519_PUBLIC_BYTES = 32, ED25519_SIGNATURE_BYTES = 64 };

void sha256(struct str data, unsigned char out[SHA256_BYTES]);
/* 64 lower-case hex digits in the arena. */
struct str sha256_hex(struct arena *a, struct str data);
/* For long input. */
struct sha256_stream;
struct sha256_stream *sha256_begin(void);
void sha256_update(struct sha256_stream *s, struct str data);
void sha256_end(struct sha256_stream *s, unsigned char out[SHA256_BYTES]); /* frees it */

/* Unpadded base64: the standard alphabet, or the URL-safe one. Decoding accepts either padding, one alphabet, and whatever is
 * left in the last bits: older clients write something there. */
struct str base64_encode(struct arena *a, struct str data, bool url_safe);
must_use bool base64_decode(struct arena *a, struct str text, bool url_safe, struct str *out);
struct str hex_encode(struct arena *a, struct str data);

void ed25519_keypair(unsigned char pub[ED25519_PUBLIC_BYTES], unsigned char secret[ED25519_SECRET_BYTES]);
void ed25519_sign(const unsigned char secret[ED25519_SECRET_BYTES], struct str data, unsigned char out[ED25519_SIGNATURE_BYTES]);
bool ed25519_verify(const unsigned char pub[ED25519_PUBLIC_BYTES], struct str data, const unsigned char signature[ED25519_SIGNATURE_BYTES]);

/* A seal that only who has the key can make: BLAKE2b of the parts, one after another, in 16 bytes. The key has SHA256_BYTES. */
enum { SEAL_BYTES = 16 };
void seal(const unsigned char key[SHA256_BYTES], const struct str *part, size_t parts, unsigned char out[SEAL_BYTES]);

/* Constant time for equal lengths. */
bool secret_eq(struct str a, struct str b);

/* Argon2id, as a string that carries its parameters. Slow by intent: on a worker thread (fiber_work) only. */
struct password_cost {
    unsigned memory_kib, passes;
};
/* UNAVAILABLE when there is not the memory for it, or the cost is below what Argon2id takes (8 KiB, 1 pass). */
must_use enum err password_hash(struct arena *a, struct str password, struct password_cost cost, struct str *out);
bool password_verify(struct str hash, struct str password);

#endif
