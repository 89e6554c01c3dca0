#include "engine/item.h"

#include "cluster/wire.h"
#include "engine/room/event.h"

enum { TEXTS = 4 };

static void encode_event(const struct event *e, struct buf *b)
{
    const struct str text[TEXTS] = {e->client, e->redacted_by, e->device_txn, e->extra};
    wire_put_int(b, e->ord);
    for (int i = 0; i < TEXTS; i++)
        wire_put_str(b, text[i]);
}

/* As from its row: that is what it was made of. */
static struct item *decode_event(struct str key, int64_t position, struct str in)
{
    struct row row = {.table = T_timeline};
    struct str *text[TEXTS] = {&row.c[C_timeline_json].s, &row.c[C_timeline_redacted_by].s, &row.c[C_timeline_device_txn].s,
                               &row.c[C_timeline_extra].s};
    row.c[C_timeline_room_id].s = key;
    row.c[C_timeline_position].i = position;
    if (!wire_get_int(&in, &row.c[C_timeline_ord].i)) return NULL;
    for (int i = 0; i < TEXTS; i++)
        if (!wire_get_str(&in, text[i])) return NULL;
    if (!str_empty(in)) return NULL;
    struct arena scratch;
    arena_init(&scratch);
    struct event *e = event_from_row(&scratch, &row);
    arena_release(&scratch);
    return e ? &e->item : NULL;
}

void engine_item_encode(const struct item *i, struct buf *b)
{
    if (i->kind == ITEM_EVENT)
        encode_event((const struct event *)(const void *)i, b);
    else
        wire_put_str(b, ((const struct note_item *)(const void *)i)->text);
}

struct item *engine_item_decode(void *engine, unsigned kind, struct str key, int64_t position, struct str bytes)
{
    struct str text;
    (void)engine;
    if (kind == ITEM_EVENT) return decode_event(key, position, bytes);
    if (kind > ITEM_SESSION_END || !wire_get_str(&bytes, &text) || !str_empty(bytes)) return NULL;
    return engine_note_new((enum item_kind)kind, key, position, text);
}
