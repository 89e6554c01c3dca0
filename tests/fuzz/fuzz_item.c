/* Items as another node sends them: what is taken must come out the same when it is written again. The first byte is the kind. */
#include <stdlib.h>

#include "base/log.h"
#include "engine/item.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size == 0) return 0;
    log_setup((enum log_level)(LOG_ERROR + 1), false);
    struct str key = STR("!room:example.org"), bytes = str_make((const char *)data + 1, size - 1);
    struct item *i = engine_item_decode(NULL, data[0], key, 7, bytes);
    if (!i) return 0;
    struct buf b, twice;
    buf_init(&b, 1 << 24);
    buf_init(&twice, 1 << 24);
    engine_item_encode(i, &b);
    struct item *again = engine_item_decode(NULL, i->kind, i->key, i->position, buf_str(&b));
    if (!again || again->kind != i->kind || again->position != 7 || !str_eq(again->key, key)) abort();
    engine_item_encode(again, &twice);
    if (!buf_ok(&b) || !str_eq(buf_str(&b), buf_str(&twice))) abort();
    item_unref(again);
    item_unref(i);
    buf_release(&b);
    buf_release(&twice);
    return 0;
}
