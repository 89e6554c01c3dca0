/* For tests on RabbitMQ: a broker of their own, and nodes at it.
 *
 * A program that calls rabbitmq_or_begin_again first thing in main runs under tools/with-rabbitmq: by whoever called it, or by itself. */
#ifndef ROOKERY_TESTS_BROKER_AMQP_H
#define ROOKERY_TESTS_BROKER_AMQP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/amqp/amqp.h"

/* Must be called from the root of the sources, as all tests are. `option` is one of that program: "--tls", "--nodes=3", NULL. */
static inline void rabbitmq_or_begin_again(char **argv, const char *option)
{
    if (getenv("WITH_RABBITMQ_URLS")) return;
    const char *with[] = {"tools/with-rabbitmq", option ? option : argv[0], option ? argv[0] : NULL, NULL};
    execv(with[0], (char *const *)(uintptr_t)with);
    perror("tools/with-rabbitmq");
    exit(1);
}

/* A broker that is empty, as far as its nodes see: names of its own. */
struct rabbitmq {
    char prefix[BROKER_AMQP_PREFIX_MAX + 1], text[1024];
    struct str url[8];
    struct broker_amqp_config config;
};

static inline size_t rabbitmq_urls(struct rabbitmq *r, const char *variable)
{
    size_t n = 0;
    snprintf(r->text, sizeof r->text, "%s", getenv(variable));
    for (char *rest = r->text, *word; n < 8 && (word = strsep(&rest, " "));)
        r->url[n++] = str_c(word);
    return n;
}

static inline struct rabbitmq *rabbitmq_open(void)
{
    static unsigned opened;
    struct rabbitmq *r = mem_zero(sizeof *r);
    snprintf(r->prefix, sizeof r->prefix, "test-%d-%u", (int)getpid(), opened++);
    r->config = broker_amqp_defaults;
    r->config.prefix = str_c(r->prefix);
    r->config.urls = rabbitmq_urls(r, "WITH_RABBITMQ_URLS");
    r->config.url = r->url;
    return r;
}

/* Tells with-rabbitmq: "kill 1", "start 2", "ctl 1 list_queues", ... */
static inline void rabbitmq_do(const char *what)
{
    char command[512];
    snprintf(command, sizeof command, "tools/with-rabbitmq --in '%s' %s >/dev/null", getenv("WITH_RABBITMQ_FOLDER"), what);
    if (system(command) != 0) {
        fprintf(stderr, "failed: %s\n", command);
        abort();
    }
}

#endif
