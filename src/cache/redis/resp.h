/* RESP, the protocol of Redis, as far as this back end speaks it: commands of strings, and answers that are one value. No state, no I/O. */
#ifndef ROOKERY_CACHE_REDIS_RESP_H
#define ROOKERY_CACHE_REDIS_RESP_H

#include "base/buf.h"

enum resp_kind { RESP_NONE, RESP_STATUS, RESP_ERROR, RESP_NUMBER, RESP_BYTES };
struct resp {
    enum resp_kind kind; /* NONE: the answer that there is nothing */
    struct str text;     /* STATUS, ERROR, BYTES; in the bytes that were read */
    int64_t number;      /* NUMBER */
};

enum resp_got { RESP_ANSWER, RESP_MORE, RESP_BAD };
enum { RESP_LINE_MAX = 4096 };
/* The next answer off the front of `in`. BAD: it is none, or one of more than `max` bytes; arrays are none. */
must_use enum resp_got resp_read(struct str *in, size_t max, struct resp *out);

/* How many bytes resp_command adds, at most. */
size_t resp_size(const struct str *arg, size_t args);
void resp_command(struct buf *b, const struct str *arg, size_t args);

#endif
