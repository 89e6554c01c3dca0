/* The bytes of AMQP 0-9-1: frames, methods and tables, as far as this back end speaks them. No state, no I/O.
 *
 * Reading never trusts: past the end, or at something unknown, a reader turns `bad` and gives zeros. Writing appends to a buffer; a frame that
 * was begun is ended before anything else is written there. */
#ifndef ROOKERY_BROKER_AMQP_WIRE_H
#define ROOKERY_BROKER_AMQP_WIRE_H

#include "base/buf.h"

enum frame_type { FRAME_METHOD = 1, FRAME_HEADER = 2, FRAME_BODY = 3, FRAME_HEARTBEAT = 8 };

enum {
    FRAME_OVERHEAD = 8,
    FRAME_LEAST = 4096, /* what each side must take */
    CLASS_BASIC = 60,

    CONNECTION_START = 10 << 16 | 10,
    CONNECTION_START_OK = 10 << 16 | 11,
    CONNECTION_TUNE = 10 << 16 | 30,
    CONNECTION_TUNE_OK = 10 << 16 | 31,
    CONNECTION_OPEN = 10 << 16 | 40,
    CONNECTION_OPEN_OK = 10 << 16 | 41,
    CONNECTION_CLOSE = 10 << 16 | 50,
    CONNECTION_CLOSE_OK = 10 << 16 | 51,
    CONNECTION_BLOCKED = 10 << 16 | 60,
    CONNECTION_UNBLOCKED = 10 << 16 | 61,
    CHANNEL_OPEN = 20 << 16 | 10,
    CHANNEL_OPEN_OK = 20 << 16 | 11,
    CHANNEL_CLOSE = 20 << 16 | 40,
    CHANNEL_CLOSE_OK = 20 << 16 | 41,
    EXCHANGE_DECLARE = 40 << 16 | 10,
    QUEUE_DECLARE = 50 << 16 | 10,
    QUEUE_BIND = 50 << 16 | 20,
    BASIC_QOS = 60 << 16 | 10,
    BASIC_CONSUME = 60 << 16 | 20,
    BASIC_CONSUME_OK = 60 << 16 | 21,
    BASIC_CANCEL = 60 << 16 | 30,
    BASIC_PUBLISH = 60 << 16 | 40,
    BASIC_RETURN = 60 << 16 | 50,
    BASIC_DELIVER = 60 << 16 | 60,
    BASIC_ACK = 60 << 16 | 80,
    BASIC_NACK = 60 << 16 | 120,
    CONFIRM_SELECT = 85 << 16 | 10,
};

/* --- reading --- */

struct wire_in {
    struct str rest;
    bool bad;
};
uint8_t wire_u8(struct wire_in *in);
uint16_t wire_u16(struct wire_in *in);
uint32_t wire_u32(struct wire_in *in);
uint64_t wire_u64(struct wire_in *in);
struct str wire_short(struct wire_in *in); /* up to 255 bytes */
struct str wire_long(struct wire_in *in);  /* and tables, as bytes */

struct frame {
    unsigned type, channel;
    struct str payload;
};
enum wire_got { WIRE_FRAME, WIRE_MORE, WIRE_BAD };
/* The next frame off the front of `in`; its payload lies in there. BAD: no frame, or one of more than `max` bytes. */
enum wire_got wire_frame(struct str *in, size_t max, struct frame *out);

/* The number or text under that key; false when there is none, or the table is bad. */
bool wire_table_number(struct str table, struct str key, int64_t *out);
bool wire_table_text(struct str table, struct str key, struct str *out);

/* What a content header says, as far as we want to know. */
struct wire_header {
    uint64_t size;
    struct str headers; /* a table; empty: none */
    struct str correlation;
};
bool wire_header(struct str payload, struct wire_header *out);

/* --- writing --- */

void wire_put_u8(struct buf *b, unsigned v);
void wire_put_u16(struct buf *b, unsigned v);
void wire_put_u32(struct buf *b, uint32_t v);
void wire_put_u64(struct buf *b, uint64_t v);
void wire_put_short(struct buf *b, struct str s); /* cut at 255 bytes */
void wire_put_long(struct buf *b, struct str s);

/* Returns where it began, for wire_end. */
size_t wire_begin(struct buf *b, enum frame_type type, unsigned channel);
size_t wire_begin_method(struct buf *b, unsigned channel, unsigned method);
void wire_end(struct buf *b, size_t begun);
/* A method without arguments, or one whose arguments are all empty: so many zero bytes. */
void wire_put_method(struct buf *b, unsigned channel, unsigned method, size_t zeros);

size_t wire_begin_table(struct buf *b);
void wire_end_table(struct buf *b, size_t begun);
void wire_put_text_field(struct buf *b, const char *key, struct str value);
void wire_put_bool_field(struct buf *b, const char *key, bool value);
void wire_put_number_field(struct buf *b, const char *key, int64_t value);

/* A publish: method, header and body, in frames of at most `frame_max` bytes. */
struct wire_message {
    struct str exchange, key, body;
    struct str correlation; /* empty: none */
    bool durable;
};
void wire_put_publish(struct buf *b, unsigned channel, size_t frame_max, const struct wire_message *m);
/* At most so many bytes it takes, but for the body. */
enum { WIRE_PUBLISH_ROOM = 1024 };

#endif
