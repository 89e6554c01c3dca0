#include "loop/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

enum err socket_tls_new(const char *ca_file, SSL_CTX **out, struct fault *f)
{
    SSL_CTX *x = SSL_CTX_new(TLS_client_method());
    if (!x || !SSL_CTX_set_min_proto_version(x, TLS1_2_VERSION)) abort();
    SSL_CTX_set_mode(x, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(x, 1);
    SSL_CTX_set_verify(x, SSL_VERIFY_PEER, NULL);
    ERR_clear_error();
    if (!(ca_file ? SSL_CTX_load_verify_file(x, ca_file) : SSL_CTX_set_default_verify_paths(x))) {
        const char *why = ERR_reason_error_string(ERR_peek_error());
        SSL_CTX_free(x);
        return fault_set(f, ERR_INVALID_PARAM, "no certificates can be read from %s: %s", ca_file ? ca_file : "the system",
                         why ? why : "it is not valid");
    }
    *out = x;
    return ERR_OK;
}

int socket_connect(struct socket *s, const struct sockaddr *at, socklen_t n)
{
    *s = (struct socket){.fd = socket(at->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (s->fd < 0) return errno;
    int one = 1;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(s->fd, at, n) == 0 || errno == EINPROGRESS) return 0;
    int e = errno;
    socket_close(s);
    return e;
}

int socket_error(const struct socket *s)
{
    int e = 0;
    socklen_t n = sizeof e;
    return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &n) == 0 ? e : errno;
}

static bool is_address(const char *host)
{
    unsigned char room[16];
    return inet_pton(AF_INET, host, room) == 1 || inet_pton(AF_INET6, host, room) == 1;
}

void socket_secure(struct socket *s, SSL_CTX *tls, const char *host)
{
    s->ssl = SSL_new(tls);
    if (!s->ssl || !SSL_set_fd(s->ssl, s->fd)) abort();
    bool ok = is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s->ssl), host)
                               : SSL_set1_host(s->ssl, host) && SSL_set_tlsext_host_name(s->ssl, host);
    if (!ok) abort();
    SSL_set_connect_state(s->ssl);
}

void socket_close(struct socket *s)
{
    SSL_free(s->ssl);
    if (s->fd >= 0) close(s->fd);
    *s = (struct socket){.fd = -1};
}

static ssize_t plain_result(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : n;
}

static ssize_t tls_result(struct socket *s, int n)
{
    if (n > 0) return n;
    int why = SSL_get_error(s->ssl, n);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static int part(size_t n)
{
    return n < 1 << 30 ? (int)n : 1 << 30;
}

ssize_t socket_read(struct socket *s, void *out, size_t n)
{
    if (s->ssl) {
        ERR_clear_error();
        errno = 0;
        return tls_result(s, SSL_read(s->ssl, out, part(n)));
    }
    ssize_t got = recv(s->fd, out, n, 0);
    if (got == 0) {
        errno = ECONNRESET;
        return -1;
    }
    return plain_result(got);
}

ssize_t socket_write(struct socket *s, const void *p, size_t n)
{
    if (!s->ssl) return plain_result(send(s->fd, p, n, MSG_NOSIGNAL));
    ERR_clear_error();
    errno = 0;
    return tls_result(s, SSL_write(s->ssl, p, part(n)));
}

bool socket_is_distrusted(const struct socket *s)
{
    return s->ssl && SSL_get_verify_result(s->ssl) != X509_V_OK;
}

void socket_fault(const struct socket *s, char *out, size_t n)
{
    const char *tls = s->ssl ? ERR_reason_error_string(ERR_peek_error()) : NULL;
    if (socket_is_distrusted(s))
        snprintf(out, n, "its certificate is not believed: %s", X509_verify_cert_error_string(SSL_get_verify_result(s->ssl)));
    else if (tls)
        snprintf(out, n, "TLS: %s", tls);
    else
        snprintf(out, n, "%s", errno ? strerror(errno) : "it was closed");
}
