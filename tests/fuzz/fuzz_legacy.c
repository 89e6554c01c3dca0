/* What another node tells of a room: what is taken is in order, and can be told and taken again. */
#include <stdlib.h>

#include "base/log.h"
#include "engine/room/legacy.h"

static void check(const struct legacy *l, struct str room_id)
{
    if (l->count == 0 || l->count > ROOM_TAIL) abort();
    for (size_t i = 0; i < l->count; i++) {
        if (!str_eq(l->tail[i]->item.key, room_id)) abort();
        if (i && l->tail[i - 1]->ord >= l->tail[i]->ord) abort();
    }
    struct buf b;
    struct txns again;
    buf_init(&b, 1 << 24);
    txns_tell(&l->txns, &b);
    struct str in = buf_str(&b);
    if (!buf_ok(&b) || !txns_inherit(&again, &in) || in.n) abort();
    if (again.since_ms != l->txns.since_ms || again.young.count != l->txns.young.count || again.old.count != l->txns.old.count) abort();
    txns_release(&again);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct legacy l;
    struct str room_id = STR("!room:example.org");
    log_setup((enum log_level)(LOG_ERROR + 1), false);
    if (!legacy_read(&l, room_id, str_make((const char *)data, size))) return 0;
    check(&l, room_id);
    legacy_release(&l);
    return 0;
}
