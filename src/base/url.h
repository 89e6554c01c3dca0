/* Addresses of services: SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/PATH]. Bytes other than letters and digits may be written as %XX, and must be
 * where they would end a part. */
#ifndef ROOKERY_BASE_URL_H
#define ROOKERY_BASE_URL_H

#include "base/err.h"

/* All NUL-terminated, none with a NUL inside; what was not given is empty. */
struct url {
    char scheme[16], user[128], password[512], host[256], path[256];
    uint16_t port; /* 0: not given */
};

/* INVALID_PARAM: the sentence says which part is wrong, and has no password in it. */
must_use enum err url_parse(struct str text, struct url *out, struct fault *f);

#endif
