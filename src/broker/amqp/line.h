/* A line: one connection to the broker, which it finds, opens, keeps alive and finds again, and the channels on it. On the back end's loop only.
 *
 * What is written is gathered and leaves at the end of the tick. */
#ifndef ROOKERY_BROKER_AMQP_LINE_H
#define ROOKERY_BROKER_AMQP_LINE_H

#include "broker/amqp/amqp.h"
#include "broker/amqp/mailbox.h"
#include "broker/amqp/url.h"
#include "broker/amqp/wire.h"
#include "loop/client.h"

enum { LINE_CHANNELS = 512, LINE_INPUT = 512 * 1024, LINE_FRAME_MAX = 128 * 1024 };

struct channel;

/* A message that comes in on a channel, for the moment of the call. `post` has its body; who takes it sets it to NULL. */
struct content {
    bool under_way, returned;
    bool again;      /* delivered before */
    uint64_t tag;    /* of a delivery */
    int64_t count;   /* how often it was delivered before, where the broker says so */
    uint64_t number; /* what its publisher wrote as its correlation; 0: nothing */
    char key[256];   /* the routing key of what was returned */
    size_t got;
    struct post *post;
};

struct channel_ops {
    void (*method)(struct channel *c, unsigned method, struct wire_in *args);
    void (*content)(struct channel *c, struct content *t);
    /* It is closed: by the broker (its code and text), after channel_close (0), or with the line (0). It may be opened again. */
    void (*closed)(struct channel *c, unsigned code, struct str text);
};

struct channel {
    const struct channel_ops *ops;
    struct line *line; /* NULL: closed */
    unsigned number;
    bool closing;
    struct content content;
};

enum line_state {
    LINE_RESTING,  /* waits to try again */
    LINE_GREETING, /* from looking up the host to open-ok */
    LINE_OPEN,
    LINE_LEAVING, /* we said close */
    LINE_DEAD     /* for good */
};

struct line_ops {
    void (*opened)(struct line *l);
    /* After its channels. */
    void (*ended)(struct line *l);
};

/* What both lines of a node have in common. */
struct line_config {
    struct broker_amqp_config amqp;
    struct url *url;
    SSL_CTX *tls; /* NULL: no URL wants it */
    struct str name;
};

struct line {
    const struct line_config *config;
    const struct line_ops *ops;
    struct client client;
    struct loop *loop;
    const char *what; /* for the log and the broker's list of connections */
    enum line_state state;
    bool blocked; /* the broker is short of memory or disk: it takes nothing */
    unsigned url, failures;
    struct timer retry, tick;
    size_t frame_max;
    int64_t began_ms, heard_ms;
    unsigned broker_major;
    unsigned channels, last_channel;
    struct channel *channel[LINE_CHANNELS + 1];
    struct fault why; /* it is not open; a refusal has the code FORBIDDEN */
};

void line_init(struct line *l, const struct line_config *c, struct loop *loop, const char *what, const struct line_ops *ops);
void line_release(struct line *l); /* when the loop is gone */
void line_start(struct line *l);
/* Says goodbye; it is dead when the broker has answered, and `ended` is called. */
void line_leave(struct line *l);
/* Dead at once. */
void line_cut(struct line *l);
/* It is given up, and tried again. */
void line_fail(struct line *l, enum err e, const char *fmt, ...) printf_like(3, 4);
static inline bool line_is_up(const struct line *l)
{
    return l->state != LINE_RESTING && l->state != LINE_DEAD;
}

/* Where to write; line_flush_soon after it. */
static inline struct buf *line_out(struct line *l)
{
    return &l->client.out;
}
static inline size_t line_waiting(const struct line *l)
{
    return l->client.out.n - l->client.sent;
}
static inline void line_flush_soon(struct line *l)
{
    client_flush_soon(&l->client);
}

/* False: the line is not open, or all its numbers are taken. Anything may be sent on it at once. */
must_use bool channel_open(struct line *l, struct channel *c, const struct channel_ops *ops);
void channel_close(struct channel *c);

/* channels.c, for line.c */
void channels_frame(struct line *l, const struct frame *f);
void channels_end(struct line *l);

/* greeting.c, for line.c: the methods of the connection itself. */
void greeting_begin(struct line *l);
void greeting_method(struct line *l, unsigned method, struct wire_in *args);
void greeting_close(struct line *l);

#endif
