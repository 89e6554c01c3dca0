/* What nodes write to each other's queues: an envelope of bytes.
 *
 *     format (1), kind, the sender's name with its length before it, then by kind
 *     MESSAGES       port, count, each message with its length before it
 *     ANNOUNCEMENT   session, the announcement: "I live, and this is what I say of myself". Sent again and again
 *     ASK            nothing: all others announce at once
 *     LEAVE          nothing: the sender goes
 *     PROBE          nothing: sent to find out whether the queue is there
 *     GONE           session, name: that node's queue is not there; void if it has begun another session since
 *
 * Numbers and lengths as in base/varint.h. A node begins a session whenever its queue is made anew. */
#ifndef ROOKERY_BROKER_AMQP_ENVELOPE_H
#define ROOKERY_BROKER_AMQP_ENVELOPE_H

#include "base/buf.h"
#include "broker/broker.h"

enum envelope_kind { ENVELOPE_MESSAGES = 1, ENVELOPE_ANNOUNCEMENT, ENVELOPE_ASK, ENVELOPE_LEAVE, ENVELOPE_PROBE, ENVELOPE_GONE };

struct envelope {
    enum envelope_kind kind;
    struct str from;
    unsigned port;    /* MESSAGES */
    size_t count;     /* MESSAGES */
    struct str rest;  /* MESSAGES: of them the envelope */
    uint64_t session; /* ANNOUNCEMENT, GONE */
    struct str text;  /* ANNOUNCEMENT, GONE */
};

/* At most so many bytes besides the messages themselves. */
enum { ENVELOPE_ROOM = 32 + BROKER_NAME_MAX + 10 * BROKER_BATCH_MAX };

/* All but the messages; each of these goes behind it with envelope_put_text. */
void envelope_put(struct buf *b, const struct envelope *e);
/* A text with its length before it, and reading it off the front of `in`. */
void envelope_put_text(struct buf *b, struct str s);
must_use bool envelope_next(struct str *in, struct str *out);
/* The slices lie in `bytes`. False: it is none; then nothing of `e` counts. */
must_use bool envelope_read(struct str bytes, struct envelope *e);
/* Of an envelope of messages: puts its `count` slices to `out`, which has room for BROKER_BATCH_MAX. False: they are not there. */
must_use bool envelope_messages(const struct envelope *e, struct str *out);

#endif
