/* amqp[s]://[USER[:PASSWORD]@]HOST[:PORT][/VHOST], as base/url.h reads it; what is not given is RabbitMQ's default. */
#ifndef ROOKERY_BROKER_AMQP_URL_H
#define ROOKERY_BROKER_AMQP_URL_H

#include "base/url.h"

/* INVALID_PARAM, with a sentence that has no password in it. The path of the result is the virtual host. */
must_use enum err amqp_url_parse(struct str text, struct url *out, struct fault *f);
static inline bool amqp_url_tls(const struct url *u)
{
    return str_is(str_c(u->scheme), "amqps");
}

#endif
