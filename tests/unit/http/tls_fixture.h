/* Certificates made on the spot, and a blocking TLS client. */
#ifndef ROOKERY_TESTS_HTTP_TLS_FIXTURE_H
#define ROOKERY_TESTS_HTTP_TLS_FIXTURE_H

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "unit/http/fixture.h"

struct tls_files {
    char dir[40], certificate[80], key[80];
};

/* A new self-signed certificate under the same file names. */
static inline void tls_files_write(const struct tls_files *t, const char *name)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, pkey);
    assert_true(X509_sign(x, pkey, EVP_sha256()) > 0);
    FILE *f = fopen(t->certificate, "w");
    assert_int_equal(PEM_write_X509(f, x), 1);
    fclose(f);
    f = fopen(t->key, "w");
    assert_int_equal(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(pkey);
}

static inline struct tls_files tls_files_new(void)
{
    struct tls_files t = {.dir = "/tmp/rookery-tls-XXXXXX"};
    assert_non_null(mkdtemp(t.dir));
    snprintf(t.certificate, sizeof t.certificate, "%s/cert.pem", t.dir);
    snprintf(t.key, sizeof t.key, "%s/key.pem", t.dir);
    tls_files_write(&t, "first.example");
    return t;
}

static inline void tls_files_remove(const struct tls_files *t)
{
    unlink(t->certificate);
    unlink(t->key);
    rmdir(t->dir);
}

struct tls_client {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
};

/* `alpn` in wire form, or NULL. False when the handshake fails. */
static inline bool tls_connect(struct tls_client *c, const struct fixture *f, const char *alpn, int version)
{
    *c = (struct tls_client){.fd = client(f), .context = SSL_CTX_new(TLS_client_method())};
    SSL_CTX_set_verify(c->context, SSL_VERIFY_NONE, NULL);
    if (version == TLS1_1_VERSION) SSL_CTX_set_cipher_list(c->context, "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(c->context, version < TLS1_2_VERSION ? version : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(c->context, version);
    c->ssl = SSL_new(c->context);
    if (alpn) SSL_set_alpn_protos(c->ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    SSL_set_fd(c->ssl, c->fd);
    bool ok = SSL_connect(c->ssl) == 1;
    ERR_clear_error();
    return ok;
}

static inline void tls_disconnect(struct tls_client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    close(c->fd);
}

static inline void tls_peer_name(struct tls_client *c, char *out, int size)
{
    X509 *x = SSL_get1_peer_certificate(c->ssl);
    assert_non_null(x);
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, out, size);
    X509_free(x);
}

static inline struct fixture *tls_fixture(const struct tls_files *t, struct http_config c)
{
    c.tls_certificate = t->certificate;
    c.tls_key = t->key;
    return fixture_start("127.0.0.1", c);
}

#endif
