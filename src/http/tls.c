/* TLS between socket and protocol. OpenSSL never sees the socket: a BIO of our own gives it the bytes of the read that is being
 * handled, and gathers what it writes in a buffer of the loop, so that a connection keeps no buffers while it is idle. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "http/internal.h"

struct tls_setup {
    uv_mutex_t lock; /* `context` is replaced by whichever thread reloads */
    SSL_CTX *context;
    BIO_METHOD *bio;
    char *certificate, *key;
};

struct tls {
    SSL *ssl;
    struct str in; /* of the current read, not taken by OpenSSL yet */
    bool finished;
};

enum { RECORD_BYTES = 16384, CIPHER_FLUSH = 65536 };

/* --- the BIO --- */

static int bio_read(BIO *b, char *out, int size)
{
    struct tls *t = ((struct conn *)BIO_get_data(b))->tls;
    BIO_clear_retry_flags(b);
    if (t->in.n == 0) {
        BIO_set_retry_read(b);
        return -1;
    }
    struct str part = str_first(t->in, size > 0 ? (size_t)size : 0);
    if (part.n) memcpy(out, part.p, part.n);
    t->in = str_from(t->in, part.n);
    return (int)part.n;
}

static int bio_write(BIO *b, const char *data, int size)
{
    struct conn *c = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    buf_add(&c->w->cipher, str_make(data, size > 0 ? (size_t)size : 0));
    return size;
}

static long bio_ctrl(BIO *b, int command, long number, void *p)
{
    (void)b;
    (void)number;
    (void)p;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *new_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "rookery");
    if (!m || !BIO_meth_set_read(m, bio_read) || !BIO_meth_set_write(m, bio_write) || !BIO_meth_set_ctrl(m, bio_ctrl)) abort();
    return m;
}

/* --- certificates --- */

/* The first error is the one that says what is wrong; the later ones only where that was noticed. */
static const char *reason(void)
{
    const char *s = ERR_reason_error_string(ERR_peek_error());
    return s ? s : "it is not valid";
}

static enum err file_fault(struct fault *f, const char *what, const char *file)
{
    return fault_set(f, ERR_INVALID_PARAM, "Cannot use the TLS %s in %s: %s.", what, file, reason());
}

static enum err check_readable(const char *what, const char *file, struct fault *f)
{
    FILE *h = fopen(file, "re");
    if (!h) return fault_set(f, ERR_INVALID_PARAM, "Cannot read the TLS %s in %s: %s.", what, file, strerror(errno));
    fclose(h);
    return ERR_OK;
}

/* OpenSSL would ask on the terminal. */
static int no_password(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static enum err load_files(SSL_CTX *x, const char *certificate, const char *key, struct fault *f)
{
    enum err e = check_readable("certificate", certificate, f);
    if (!e) e = check_readable("key", key, f);
    if (e) return e;
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(x, no_password);
    if (SSL_CTX_use_certificate_chain_file(x, certificate) != 1) return file_fault(f, "certificate", certificate);
    if (SSL_CTX_use_PrivateKey_file(x, key, SSL_FILETYPE_PEM) == 1) return ERR_OK;
    if (ERR_GET_REASON(ERR_peek_last_error()) != X509_R_KEY_VALUES_MISMATCH) return file_fault(f, "key", key);
    return fault_set(f, ERR_INVALID_PARAM, "The TLS key in %s does not belong to the certificate in %s.", key, certificate);
}

static int choose_protocol(SSL *s, const unsigned char **out, unsigned char *n, const unsigned char *in, unsigned in_n, void *arg)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    unsigned char *chosen = NULL;
    (void)s;
    (void)arg;
    int r = SSL_select_next_proto(&chosen, n, ours, sizeof ours - 1, in, in_n);
    *out = chosen;
    return r == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static enum err new_context(const char *certificate, const char *key, SSL_CTX **out, struct fault *f)
{
    SSL_CTX *x = SSL_CTX_new(TLS_server_method());
    if (!x || !SSL_CTX_set_min_proto_version(x, TLS1_2_VERSION) || !SSL_CTX_set_cipher_list(x, "ECDHE+AESGCM:ECDHE+CHACHA20")) abort();
    SSL_CTX_set_options(x, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(x, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Sessions are kept by the clients, in tickets; one is enough. */
    SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(x, 1);
    SSL_CTX_set_alpn_select_cb(x, choose_protocol, NULL);
    enum err e = load_files(x, certificate, key, f);
    if (e)
        SSL_CTX_free(x);
    else
        *out = x;
    ERR_clear_error();
    return e;
}

static char *copy_text(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(mem_alloc(n), s, n);
}

enum err tls_setup_new(const char *certificate, const char *key, struct tls_setup **out, struct fault *f)
{
    SSL_CTX *x;
    if (!key) return fault_set(f, ERR_INVALID_PARAM, "The TLS certificate %s is configured without a key.", certificate);
    enum err e = new_context(certificate, key, &x, f);
    if (e) return e;
    struct tls_setup *t = mem_zero(sizeof *t);
    t->context = x;
    t->bio = new_bio_method();
    t->certificate = copy_text(certificate);
    t->key = copy_text(key);
    if (uv_mutex_init(&t->lock) != 0) abort();
    *out = t;
    return ERR_OK;
}

void tls_setup_free(struct tls_setup *t)
{
    if (!t) return;
    SSL_CTX_free(t->context);
    BIO_meth_free(t->bio);
    uv_mutex_destroy(&t->lock);
    mem_free(t->certificate);
    mem_free(t->key);
    mem_free(t);
}

void tls_setup_reload(struct tls_setup *t)
{
    SSL_CTX *fresh, *old;
    struct fault f;
    if (new_context(t->certificate, t->key, &fresh, &f)) {
        log_event(LOG_ERROR, "http", "certificate not reloaded", "error=\"%s\"", f.text);
        return;
    }
    uv_mutex_lock(&t->lock);
    old = t->context;
    t->context = fresh;
    uv_mutex_unlock(&t->lock);
    /* Connections made with it hold it as long as they live. */
    SSL_CTX_free(old);
    log_event(LOG_INFO, "http", "certificate reloaded", "file=%s", t->certificate);
}

/* --- the transport --- */

/* What OpenSSL has written goes out before anybody else on this loop can write into the same buffer. */
static void flush(struct conn *c)
{
    struct buf *b = &c->w->cipher;
    if (b->n == 0) return;
    struct str all = buf_str(b);
    conn_write(c, &all, 1);
    buf_clear(b);
}

static void fail(struct conn *c)
{
    log_event(LOG_DEBUG, "http", "tls failed", "reason=\"%s\"", reason());
    ERR_clear_error();
    flush(c); /* the alert */
    conn_break(c);
}

static void choose(struct conn *c)
{
    const unsigned char *name;
    unsigned n;
    SSL_get0_alpn_selected(c->tls->ssl, &name, &n);
    if (!str_is(str_make((const char *)name, n), "h2")) return;
    c->protocol = &protocol_http2;
    c->protocol->start(c);
}

static bool handshake(struct conn *c)
{
    SSL *ssl = c->tls->ssl;
    if (SSL_is_init_finished(ssl)) return true;
    ERR_clear_error();
    int r = SSL_accept(ssl);
    flush(c);
    if (r == 1) {
        choose(c);
        return true;
    }
    if (SSL_get_error(ssl, r) != SSL_ERROR_WANT_READ) fail(c);
    return false;
}

/* False at the end of what has arrived. */
static bool read_record(struct conn *c)
{
    struct buf *plain = &c->w->plain;
    buf_clear(plain);
    char *room = buf_room(plain, RECORD_BYTES);
    ERR_clear_error();
    int n = SSL_read(c->tls->ssl, room, RECORD_BYTES);
    int why = n > 0 ? SSL_ERROR_NONE : SSL_get_error(c->tls->ssl, n);
    flush(c);
    if (n > 0) {
        conn_received(c, str_make(room, (size_t)n));
    } else if (why == SSL_ERROR_ZERO_RETURN) {
        conn_read(c, false);
        c->eof = true;
        c->protocol->eof(c);
    } else if (why != SSL_ERROR_WANT_READ) {
        fail(c);
    }
    return n > 0 && !c->broken && !c->closing;
}

static void tls_input(struct conn *c, struct str data)
{
    c->tls->in = data;
    if (!handshake(c)) return;
    while (read_record(c))
        continue;
    if (c->tls) c->tls->in = (struct str){0};
}

static void write_record(struct conn *c, struct buf *record)
{
    size_t at = 0;
    ERR_clear_error();
    while (at < record->n) {
        int n = SSL_write(c->tls->ssl, record->p + at, (int)(record->n - at));
        if (n <= 0) {
            fail(c);
            break;
        }
        at += (size_t)n;
    }
    buf_clear(record);
    if (c->w->cipher.n >= CIPHER_FLUSH) flush(c);
}

static void tls_output(struct conn *c, const struct str *piece, size_t pieces)
{
    struct buf *record = &c->w->record;
    for (size_t i = 0; i < pieces; i++) {
        for (struct str rest = piece[i]; rest.n && !c->broken;) {
            struct str part = str_first(rest, RECORD_BYTES - record->n);
            buf_add(record, part);
            rest = str_from(rest, part.n);
            if (record->n == RECORD_BYTES) write_record(c, record);
        }
    }
    if (!c->broken) write_record(c, record);
    buf_clear(record);
    flush(c);
}

static void tls_finish(struct conn *c)
{
    if (c->tls->finished || !SSL_is_init_finished(c->tls->ssl)) return;
    c->tls->finished = true;
    ERR_clear_error();
    SSL_shutdown(c->tls->ssl);
    flush(c);
}

static void tls_release(struct conn *c)
{
    SSL_free(c->tls->ssl);
    mem_free(c->tls);
    c->tls = NULL;
}

static const struct transport transport_tls = {tls_input, tls_output, tls_finish, tls_release};

static SSL *new_ssl(struct tls_setup *t)
{
    uv_mutex_lock(&t->lock);
    SSL *ssl = SSL_new(t->context);
    uv_mutex_unlock(&t->lock);
    if (!ssl) abort();
    return ssl;
}

void tls_start(struct conn *c, struct tls_setup *t)
{
    struct worker *w = c->w;
    if (!w->plain.max) {
        buf_init(&w->plain, RECORD_BYTES);
        buf_init(&w->record, RECORD_BYTES);
        buf_init(&w->cipher, 1 << 20);
    }
    c->tls = mem_zero(sizeof *c->tls);
    c->tls->ssl = new_ssl(t);
    BIO *b = BIO_new(t->bio);
    if (!b) abort();
    BIO_set_data(b, c);
    BIO_set_init(b, 1);
    SSL_set_bio(c->tls->ssl, b, b);
    SSL_set_accept_state(c->tls->ssl);
    c->transport = &transport_tls;
}
