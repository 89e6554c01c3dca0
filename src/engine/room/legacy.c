#include "engine/room/legacy.h"

#include "cluster/wire.h"
#include "engine/item.h"

/* The format's number also stands for how unread counts are made: a program that counts otherwise, or has other default rules, has another one. */
enum { FORMAT = 1, EVENT_MAX = 1048576 };
static const int64_t POSITION_MAX = INT64_MAX >> ORD_SHIFT;

/* --- from the former owner --- */

static void tell_event(const struct event *e, struct buf *b)
{
    struct buf one;
    buf_init(&one, EVENT_MAX);
    engine_item_encode(&e->item, &one);
    wire_put_int(b, e->item.position);
    wire_put_str(b, buf_str(&one));
    buf_release(&one);
}

static void tell_unread(const struct state_entry *member, struct buf *b)
{
    const struct unread_memo *m = member->unread;
    wire_put_str(b, state_entry_key(member));
    wire_put_int(b, m->as_of);
    wire_put_int(b, m->from);
    wire_put_int(b, m->main);
    wire_put_uint(b, m->rules);
    wire_put_int(b, m->notify);
    wire_put_int(b, m->highlight);
}

void room_tell(const void *state, struct buf *b)
{
    const struct room *r = state;
    if (!r->tail_count) return;
    wire_put_uint(b, FORMAT);
    wire_put_int(b, r->first_ord);
    wire_put_int(b, r->relation_ord);
    wire_put_int(b, r->depth);
    wire_put_uint(b, r->tail_count);
    for (size_t i = 0; i < r->tail_count; i++)
        tell_event(r->tail[i], b);
    txns_tell(&r->txns, b);
    list_each(it, &r->recent_state)
    {
        const struct state_entry *s = list_item(it, struct state_entry, recent);
        if (s->unread) tell_unread(s, b);
    }
}

/* --- at the next one --- */

static bool read_tail(struct legacy *l, struct str room_id, struct str *in)
{
    uint64_t count;
    int64_t position;
    struct str one;
    if (!wire_get_uint(in, &count) || !count || count > ROOM_TAIL) return false;
    while (l->count < count) {
        if (!wire_get_int(in, &position) || !wire_get_str(in, &one)) return false;
        struct item *i = engine_item_decode(NULL, ITEM_EVENT, room_id, position, one);
        if (!i) return false;
        struct event *e = list_item(i, struct event, item);
        l->tail[l->count++] = e;
        if (l->count > 1 && l->tail[l->count - 2]->ord >= e->ord) return false;
    }
    return true;
}

void legacy_release(struct legacy *l)
{
    while (l->count)
        event_unref(l->tail[--l->count]);
    txns_release(&l->txns);
}

bool legacy_read(struct legacy *l, struct str room_id, struct str bytes)
{
    uint64_t format;
    *l = (struct legacy){0};
    txns_init(&l->txns, 0);
    bool ok = wire_get_uint(&bytes, &format) && format == FORMAT && wire_get_int(&bytes, &l->first_ord) &&
              wire_get_int(&bytes, &l->relation_ord) && wire_get_int(&bytes, &l->depth) && read_tail(l, room_id, &bytes) &&
              txns_inherit(&l->txns, &bytes);
    l->unread = bytes;
    if (!ok) legacy_release(l);
    return ok;
}

void legacy_take_unread(const struct legacy *l, struct room *room)
{
    struct str in = l->unread, user_id;
    int64_t notify, highlight;
    struct unread_memo m;
    while (!str_empty(in)) {
        if (!wire_get_str(&in, &user_id) || !wire_get_int(&in, &m.as_of) || !wire_get_int(&in, &m.from) || !wire_get_int(&in, &m.main) ||
            !wire_get_uint(&in, &m.rules) || !wire_get_int(&in, &notify) || !wire_get_int(&in, &highlight))
            return;
        if (notify < 0 || notify > INT32_MAX || highlight < 0 || highlight > INT32_MAX || m.as_of < 0 || m.as_of > POSITION_MAX) return;
        m.notify = (int32_t)notify;
        m.highlight = (int32_t)highlight;
        room_keep_unread(room, user_id, &m);
    }
}
