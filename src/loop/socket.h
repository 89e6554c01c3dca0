/* A connected socket, plain or with TLS: both look alike from outside. Nothing here waits. */
#ifndef ROOKERY_LOOP_SOCKET_H
#define ROOKERY_LOOP_SOCKET_H

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/err.h"

/* What all connections with TLS share: whom to believe. `ca_file` (PEM) NULL: whom the system believes. */
must_use enum err socket_tls_new(const char *ca_file, SSL_CTX **out, struct fault *f);

struct socket {
    int fd;   /* -1: none */
    SSL *ssl; /* NULL: plain */
};

/* Begins to connect. It is connected when it can be written to and socket_error says 0. Returns 0 or an errno. */
must_use int socket_connect(struct socket *s, const struct sockaddr *at, socklen_t n);
int socket_error(const struct socket *s);
/* From now on it speaks TLS, with that host and nobody else. */
void socket_secure(struct socket *s, SSL_CTX *tls, const char *host);
/* Closes it, without a word. */
void socket_close(struct socket *s);

/* Bytes read or written; 0: none at the moment; negative: it is over, and why is in socket_fault. */
ssize_t socket_read(struct socket *s, void *out, size_t n);
ssize_t socket_write(struct socket *s, const void *p, size_t n);
/* After a negative result, before another call of OpenSSL: a phrase for the log. */
void socket_fault(const struct socket *s, char *out, size_t n);
/* Is it the server's certificate that we do not believe? */
bool socket_is_distrusted(const struct socket *s);

#endif
