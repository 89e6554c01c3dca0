/* The broker that is RabbitMQ (3.10 and newer), also as Amazon MQ offers it: AMQP 0-9-1, with or without TLS.
 *
 * Everything here happens on a thread of its own with a loop of its own; the node's loops hand over with loop_post, and get back what has come in
 * mailboxes. It keeps two connections: one takes (what is delivered, and acknowledging it), one gives (what is published), since a broker that
 * is short of memory stops reading from those who publish, and acknowledgements are what helps it. What a tick gathers leaves in one write.
 *
 * A slot is a quorum queue with a single active consumer. A node has one queue for itself, exclusive and transient, which also gets what is announced
 * to all. The protocol is our own (wire.h): Debian's librabbitmq blocks where the broker does not read, and makes three system calls of a publish. */
#ifndef ROOKERY_BROKER_AMQP_AMQP_H
#define ROOKERY_BROKER_AMQP_AMQP_H

#include "broker/broker.h"

struct broker_amqp_config {
    const struct str *url; /* amqp:// or amqps://, see url.h: tried in turn, from anywhere in the list on */
    size_t urls;
    const char *ca_file;  /* PEM: whose signature makes a broker believed; NULL: who the system believes */
    struct str prefix;    /* of all names at the broker, so that several clusters can share one: as a node's name, at most 32 bytes */
    unsigned prefetch;    /* of a slot: BROKER_AMQP_PREFETCH_MIN to _MAX; with less its order is lost when two holders die */
    unsigned heartbeat_s; /* after two to three of them without a word RabbitMQ takes a node's consumers and queue away */
    int64_t silence_ms;   /* a broker that says nothing for so long is dead; more than heartbeat_s */
    int64_t beat_ms;      /* how often a node says that it lives; after three times and a half as long without it is dead */
    int64_t ping_ms;      /* how often a node that waits for a slot looks whether it has it */
    int64_t confirm_ms;   /* a publish that nobody has confirmed for so long has an unknown fate */
    int64_t patience_ms;  /* for the broker to be reached: by attach, which goes on without, and by each attempt */
    size_t output_bytes;  /* that the broker has not taken yet; what is beyond is refused, or lost */
};
/* All but the URLs. */
extern const struct broker_amqp_config broker_amqp_defaults;

enum {
    BROKER_AMQP_PREFIX_MAX = 32,
    /* Above what a slot's queue may hold, with room for what others publish to it; and what AMQP can say. */
    BROKER_AMQP_PREFETCH_MIN = BROKER_BACKLOG_RECORDS / 10 * 11,
    BROKER_AMQP_PREFETCH_MAX = 65535
};

/* Is this an address that can be tried? The sentence says what is wrong, without the password. */
must_use enum err broker_amqp_check_url(struct str url, struct fault *f);

/* Of the config nothing is needed afterwards. A broker that cannot be reached is none of the failures: it is looked for from then on.
 * CONFLICT: a node of that name is there. INVALID_PARAM: the name, a URL or the CA file. FORBIDDEN: the broker refuses who we are. */
must_use enum err broker_amqp_attach(const struct broker_amqp_config *c, struct str name, struct broker **out, struct fault *f);

/* For tests: from now on as if the process were dead. Its sockets close without a word, and it does not come back. */
void broker_amqp_cut(struct broker *b);
/* For tests: its connections break, and it looks for the broker again. From any thread. */
void broker_amqp_break(struct broker *b);
/* For tests: only the one that gives. */
void broker_amqp_break_giving(struct broker *b);

#endif
