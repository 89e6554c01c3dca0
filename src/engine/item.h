/* Items on their way to another node. What is added to a kind of item is added here, too. */
#ifndef ROOKERY_ENGINE_ITEM_H
#define ROOKERY_ENGINE_ITEM_H

#include "base/buf.h"
#include "cluster/item.h"

/* Everything but kind, key and position. */
void engine_item_encode(const struct item *i, struct buf *b);
/* With one reference; NULL on bytes that engine_item_encode did not write. */
struct item *engine_item_decode(void *engine, unsigned kind, struct str key, int64_t position, struct str bytes);

#endif
