/* Names at the broker, and declaring what they name. Declaring is idempotent: whoever comes first makes it. */
#include <stdio.h>

#include "broker/amqp/amqp_priv.h"

static struct str named(char room[NAME_ROOM], int n)
{
    return str_make(room, (size_t)n);
}

struct str slot_queue_name(const struct node *n, unsigned slot, char room[NAME_ROOM])
{
    return named(room, snprintf(room, NAME_ROOM, "%s.slot.%u", n->prefix, slot));
}

struct str node_queue_name(const struct node *n, struct str node, char room[NAME_ROOM])
{
    return named(room, snprintf(room, NAME_ROOM, "%s.node.%.*s", n->prefix, STR_FMT(str_first(node, BROKER_NAME_MAX))));
}

struct str exchange_name(const struct node *n, char room[NAME_ROOM])
{
    return named(room, snprintf(room, NAME_ROOM, "%s.nodes", n->prefix));
}

struct str node_of_queue(const struct node *n, struct str queue)
{
    char room[NAME_ROOM];
    struct str begin = node_queue_name(n, STR(""), room);
    return str_starts(queue, begin) ? str_from(queue, begin.n) : STR("");
}

enum { DURABLE = 2, EXCLUSIVE = 4, AUTO_DELETE = 8 };

static size_t begin_queue(struct channel *c, struct str name, unsigned flags)
{
    struct buf *b = line_out(c->line);
    size_t begun = wire_begin_method(b, c->number, QUEUE_DECLARE);
    wire_put_u16(b, 0);
    wire_put_short(b, name);
    wire_put_u8(b, flags);
    return begun;
}

/* Nothing that it has may ever be dropped. There is no length, no time to live, and where a policy sets a length what is too much is refused. From
 * version 4 on RabbitMQ gives up what was delivered twenty times, unless told not to; before, it knew no word for that. */
void slot_queue_declare(const struct node *n, struct channel *c, unsigned slot)
{
    char room[NAME_ROOM];
    struct buf *b = line_out(c->line);
    size_t begun = begin_queue(c, slot_queue_name(n, slot, room), DURABLE);
    size_t table = wire_begin_table(b);
    wire_put_text_field(b, "x-queue-type", STR("quorum"));
    wire_put_bool_field(b, "x-single-active-consumer", true);
    wire_put_text_field(b, "x-overflow", STR("reject-publish"));
    if (c->line->broker_major >= 4) wire_put_number_field(b, "x-delivery-limit", -1);
    wire_end_table(b, table);
    wire_end(b, begun);
}

static void bind_node_queue(const struct node *n, struct channel *c, struct str queue)
{
    char room[NAME_ROOM];
    struct buf *b = line_out(c->line);
    size_t begun = wire_begin_method(b, c->number, QUEUE_BIND);
    wire_put_u16(b, 0);
    wire_put_short(b, queue);
    wire_put_short(b, exchange_name(n, room));
    wire_put_short(b, STR(""));
    wire_put_u8(b, 0);
    wire_put_u32(b, 0);
    wire_end(b, begun);
}

/* It dies with the connection. A node that does not keep up loses the oldest. */
void node_queue_declare(const struct node *n, struct channel *c)
{
    char room[NAME_ROOM];
    struct buf *b = line_out(c->line);
    struct str name = node_queue_name(n, n->config.name, room);
    size_t begun = begin_queue(c, name, EXCLUSIVE | AUTO_DELETE);
    size_t table = wire_begin_table(b);
    wire_put_number_field(b, "x-max-length-bytes", BROKER_INBOX_BYTES);
    wire_put_text_field(b, "x-overflow", STR("drop-head"));
    wire_end_table(b, table);
    wire_end(b, begun);
    bind_node_queue(n, c, name);
}

void exchange_declare(const struct node *n, struct channel *c)
{
    char room[NAME_ROOM];
    struct buf *b = line_out(c->line);
    size_t begun = wire_begin_method(b, c->number, EXCHANGE_DECLARE);
    wire_put_u16(b, 0);
    wire_put_short(b, exchange_name(n, room));
    wire_put_short(b, STR("fanout"));
    wire_put_u8(b, DURABLE);
    wire_put_u32(b, 0);
    wire_end(b, begun);
}

void queue_consume(struct channel *c, struct str queue, unsigned prefetch, bool no_ack)
{
    struct buf *b = line_out(c->line);
    size_t begun = wire_begin_method(b, c->number, BASIC_QOS);
    wire_put_u32(b, 0);
    wire_put_u16(b, prefetch);
    wire_put_u8(b, 0);
    wire_end(b, begun);
    begun = wire_begin_method(b, c->number, BASIC_CONSUME);
    wire_put_u16(b, 0);
    wire_put_short(b, queue);
    wire_put_short(b, STR("r")); /* the consumer's name: the only one on its channel */
    wire_put_u8(b, no_ack ? 2 : 0);
    wire_put_u32(b, 0);
    wire_end(b, begun);
    line_flush_soon(c->line);
}
