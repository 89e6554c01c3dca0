#include <assert.h>
#include <openssl/evp.h>
#include <threads.h>

#include "crypto/crypto.h"
#include "crypto/crypto_priv.h"

/* Process-wide on purpose: OpenSSL's description of SHA-256, fetched once, since each fetch costs as much as hashing a
 * short event. Set in crypto_init, constant afterwards. */
static EVP_MD *digest;
static tss_t context_key; /* frees a thread's context when the thread ends */
static _Thread_local EVP_MD_CTX *context;

static void free_context(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

enum err hash_init(struct fault *f)
{
    if (digest) return ERR_OK;
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!md || tss_create(&context_key, free_context) != thrd_success) {
        EVP_MD_free(md);
        return fault_set(f, ERR_INTERNAL, "OpenSSL gives no SHA-256.");
    }
    digest = md;
    return ERR_OK;
}

/* OpenSSL fails here only when memory runs out, which ends the process everywhere (base/mem.h). */
static void must(int ok)
{
    if (ok != 1) abort();
}

static EVP_MD_CTX *new_context(void)
{
    assert(digest);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(ctx != NULL);
    must(EVP_DigestInit_ex2(ctx, digest, NULL));
    return ctx;
}

static EVP_MD_CTX *thread_context(void)
{
    if (!context) {
        context = new_context();
        must(tss_set(context_key, context) == thrd_success);
    }
    return context;
}

void sha256(struct str data, unsigned char out[SHA256_BYTES])
{
    EVP_MD_CTX *ctx = thread_context();
    must(EVP_DigestInit_ex2(ctx, NULL, NULL)); /* the same again: named once more it would be allocated anew */
    must(EVP_DigestUpdate(ctx, data.p, data.n));
    must(EVP_DigestFinal_ex(ctx, out, NULL));
}

struct str sha256_hex(struct arena *a, struct str data)
{
    unsigned char hash[SHA256_BYTES];
    sha256(data, hash);
    return hex_encode(a, str_make((const char *)hash, sizeof hash));
}

/* The stream is the context under another name: there is nothing else to keep. */
struct sha256_stream *sha256_begin(void)
{
    return (struct sha256_stream *)new_context();
}

void sha256_update(struct sha256_stream *s, struct str data)
{
    must(EVP_DigestUpdate((EVP_MD_CTX *)s, data.p, data.n));
}

void sha256_end(struct sha256_stream *s, unsigned char out[SHA256_BYTES])
{
    EVP_MD_CTX *ctx = (EVP_MD_CTX *)s;
    must(EVP_DigestFinal_ex(ctx, out, NULL));
    EVP_MD_CTX_free(ctx);
}
