#include "broker/amqp/url.h"

#include <stdio.h>

enum { PORT = 5672, TLS_PORT = 5671 };

static void otherwise(char *text, size_t size, const char *value)
{
    if (!*text) snprintf(text, size, "%s", value);
}

enum err amqp_url_parse(struct str text, struct url *out, struct fault *f)
{
    enum err e = url_parse(text, out, f);
    if (e != ERR_OK) return e;
    if (!amqp_url_tls(out) && !str_is(str_c(out->scheme), "amqp"))
        return fault_set(f, ERR_INVALID_PARAM, "it does not begin with amqp:// or amqps://");
    if (!*out->user && *out->password) return fault_set(f, ERR_INVALID_PARAM, "it has a password without a user");
    if (!*out->user) otherwise(out->password, sizeof out->password, "guest");
    otherwise(out->user, sizeof out->user, "guest");
    otherwise(out->path, sizeof out->path, "/");
    if (!out->port) out->port = amqp_url_tls(out) ? TLS_PORT : PORT;
    return ERR_OK;
}
