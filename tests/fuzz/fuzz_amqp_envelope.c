/* What other nodes write to a node's queue: what is taken comes out the same when it is written again. */
#include <stdlib.h>

#include "broker/amqp/envelope.h"

static void same(struct str x, struct str y)
{
    if (!str_eq(x, y)) abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct str bytes = str_make((const char *)data, size), message[BROKER_BATCH_MAX], one;
    struct envelope e, again;
    struct buf b;
    buf_init(&b, (size_t)1 << 26);
    if (envelope_read(bytes, &e)) {
        bool whole = e.kind != ENVELOPE_MESSAGES || envelope_messages(&e, message);
        envelope_put(&b, &e);
        for (size_t i = 0; whole && i < e.count; i++)
            envelope_put_text(&b, message[i]);
        if (!envelope_read(buf_str(&b), &again) || again.kind != e.kind || again.session != e.session || again.count != e.count) abort();
        same(e.from, again.from);
        same(e.text, again.text);
        if (whole) same(bytes, buf_str(&b));
    }
    while (envelope_next(&bytes, &one))
        continue;
    buf_release(&b);
    return 0;
}
