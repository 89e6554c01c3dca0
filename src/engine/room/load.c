/* Reading a room from its rows. */
#include "base/log.h"
#include "engine/prune.h"
#include "engine/room/room.h"
#include "matrix/version.h"

enum { TXNS_LOADED = 12000 };

/* The rows of one table of this room. */
static enum err read_all(struct turn *t, struct arena *a, struct str room_id, enum table table, struct store_read *r)
{
    *r = (struct store_read){.table = table, .prefix = 1, .key[0].s = room_id, .limit = SIZE_MAX, .arena = a};
    return turn_range(t, r);
}

static enum err load_event(struct turn *t, struct arena *a, struct str room_id, int64_t ord, struct event **out)
{
    struct store_read r = {.table = T_timeline, .prefix = 2, .key = {{.s = room_id}, {.i = ord}}, .limit = 1, .arena = a};
    enum err e = turn_range(t, &r);
    if (e != ERR_OK) return e;
    *out = r.count ? event_from_row(a, &r.row[0]) : NULL;
    return *out ? ERR_OK : ERR_INTERNAL;
}

/* From the pages, or the store. The pages have nothing that is not so; that it is what the log says is looked at all the same. */
static enum err load_state_event(struct turn *t, struct arena *a, const struct page_bag *bag, const struct row *log, struct event **out,
                                 bool *kept)
{
    const struct row *row = page_bag_find(bag, log->c[C_state_log_ord].i);
    struct event *e = row ? event_from_row(a, row) : NULL;
    *kept = e && event_is_state(e) && str_eq(e->type, log->c[C_state_log_type].s) && str_eq(e->state_key, log->c[C_state_log_state_key].s);
    *out = e;
    if (*kept) return ERR_OK;
    event_unref(e);
    return load_event(t, a, log->c[C_state_log_room_id].s, log->c[C_state_log_ord].i, out);
}

static bool same_state(const struct row *x, const struct row *y)
{
    return str_eq(x->c[C_state_log_type].s, y->c[C_state_log_type].s) &&
           str_eq(x->c[C_state_log_state_key].s, y->c[C_state_log_state_key].s);
}

static int by_position(const void *x, const void *y)
{
    int64_t a = (*(struct event *const *)x)->item.position, b = (*(struct event *const *)y)->item.position;
    return a < b ? -1 : a > b;
}

/* The newest row of each pair counts; they are applied in the order in which they came, so that `recent` is right. */
static enum err load_state(struct turn *t, struct arena *a, struct room *room)
{
    struct store_read r;
    struct page_bag bag;
    int64_t oldest = INT64_MAX; /* of those that the pages have not */
    pages_read(t, a, room, &bag);
    enum err e = read_all(t, a, room->room_id, T_state_log, &r);
    if (e != ERR_OK) return e;
    struct event **list = arena_array(a, r.count + 1, sizeof(*list));
    size_t n = 0;
    struct arena scratch;
    arena_init(&scratch);
    for (size_t i = 0; i < r.count && e == ERR_OK; i++) {
        if (i + 1 < r.count && same_state(&r.row[i], &r.row[i + 1])) continue;
        bool kept;
        e = load_state_event(t, &scratch, &bag, &r.row[i], &list[n], &kept);
        if (e == ERR_OK && !kept && list[n]->item.position < oldest) oldest = list[n]->item.position;
        if (e == ERR_OK) n++;
        arena_reset(&scratch);
    }
    arena_release(&scratch);
    qsort(list, n, sizeof(*list), by_position);
    for (size_t i = 0; i < n; i++) {
        if (e == ERR_OK) room_apply_event(room, list[i]);
        event_unref(list[i]);
    }
    if (e == ERR_OK) pages_know(t, room, &bag, oldest);
    return e;
}

/* All that count, where they are not too many: then a message needs nothing of the store, which may be away. */
static enum err load_all_txns(struct turn *t, struct arena *a, struct room *room, bool *all)
{
    struct store_read r = {.table = T_txn, .prefix = 1, .key[0].s = room->room_id, .limit = TXNS_LOADED, .arena = a};
    enum err e = turn_range(t, &r);
    *all = e == ERR_OK && !r.more;
    if (!*all) return e;
    txns_init(&room->txns, turn_now_ms(t) - PRUNE_TXN_KEEP_MS);
    for (size_t i = 0; i < r.count; i++)
        txns_note(&room->txns, r.row[i].c[C_txn_device_txn].s, turn_now_ms(t));
    return ERR_OK;
}

/* `newest`: the rows of the tail. All ids that came after the oldest of them are among them. */
static enum err load_txns(struct turn *t, struct arena *a, struct room *room, const struct store_read *newest)
{
    bool all = false;
    enum err read = newest->more ? load_all_txns(t, a, room, &all) : ERR_OK;
    if (all || read != ERR_OK) return read;
    size_t oldest = newest->count;
    while (oldest > 0 && str_empty(newest->row[oldest - 1].c[C_timeline_device_txn].s))
        oldest--;
    struct row row;
    int64_t since = turn_now_ms(t);
    if (!newest->more) {
        since = 0;
    } else if (oldest) {
        struct str id = newest->row[oldest - 1].c[C_timeline_device_txn].s;
        enum err e = turn_get(t, T_txn, (struct cell[]){{.s = room->room_id}, {.s = id}}, &row);
        if (e != ERR_OK && e != ERR_NOT_FOUND) return e;
        since = e == ERR_OK ? row.c[C_txn_made_ms].i + 1 : since - PRUNE_TXN_KEEP_MS;
    }
    txns_init(&room->txns, since);
    while (oldest-- > 0) {
        struct str id = newest->row[oldest].c[C_timeline_device_txn].s;
        if (!str_empty(id)) txns_note(&room->txns, id, turn_now_ms(t));
    }
    return ERR_OK;
}

static enum err load_tail(struct turn *t, struct arena *a, struct room *room)
{
    for (size_t i = 0; i < room->tail_count; i++)
        event_unref(room->tail[i]);
    room->tail_count = 0;
    struct store_read r = {.table = T_timeline, .prefix = 1, .key[0].s = room->room_id, .reverse = true, .limit = ROOM_TAIL, .arena = a};
    enum err e = turn_range(t, &r);
    if (e != ERR_OK) return e;
    for (size_t i = r.count; i-- > 0;) {
        struct event *ev = event_from_row(a, &r.row[i]);
        if (!ev) continue;
        room->tail[room->tail_count++] = ev;
    }
    room->first_ord = r.more || r.count == 0 ? -1 : r.row[r.count - 1].c[C_timeline_ord].i;
    e = load_txns(t, a, room, &r);
    if (e != ERR_OK || r.count == 0) return e;
    struct event *last = room->tail[room->tail_count - 1];
    room->last_event_position = last->item.position;
    room->relation_ord = last->ord; /* not known better: rows tell of those up to here */
    memcpy(room->last_event_id_bytes, last->event_id.p, last->event_id.n < 256 ? last->event_id.n : 255);
    room->last_event_id = str_make(room->last_event_id_bytes, last->event_id.n < 256 ? last->event_id.n : 255);
    /* The depth is for other servers; it only has to grow. */
    struct json *fed;
    if (json_parse(a, r.row[0].c[C_timeline_fed].s, &fed, NULL) == ERR_OK) room->depth = json_int_at(fed, "depth", 0);
    return ERR_OK;
}

static int by_receipt_position(const void *x, const void *y)
{
    int64_t a = ((const struct row *)x)->c[C_receipt_position].i, b = ((const struct row *)y)->c[C_receipt_position].i;
    return a < b ? -1 : a > b;
}

static int by_mark_position(const void *x, const void *y)
{
    int64_t a = ((const struct row *)x)->c[C_room_device_change_position].i,
            b = ((const struct row *)y)->c[C_room_device_change_position].i;
    return a < b ? -1 : a > b;
}

static enum err load_marks(struct turn *t, struct arena *a, struct room *room)
{
    struct store_read r;
    enum err e = read_all(t, a, room->room_id, T_receipt, &r);
    if (e != ERR_OK) return e;
    if (r.count) qsort(r.row, r.count, sizeof *r.row, by_receipt_position);
    for (size_t i = 0; i < r.count; i++) {
        const struct cell *c = r.row[i].c;
        room_apply_receipt(room, c[C_receipt_user_id].s, c[C_receipt_receipt_type].s, c[C_receipt_thread_id].s, c[C_receipt_event_id].s,
                           c[C_receipt_ord].i, c[C_receipt_ts].i, c[C_receipt_position].i);
    }
    e = read_all(t, a, room->room_id, T_room_device_change, &r);
    if (e != ERR_OK) return e;
    if (r.count) qsort(r.row, r.count, sizeof *r.row, by_mark_position);
    for (size_t i = 0; i < r.count; i++)
        room_apply_device_mark(room, r.row[i].c[C_room_device_change_user_id].s, r.row[i].c[C_room_device_change_position].i);
    return ERR_OK;
}

static enum err read_room(struct turn *t, struct arena *a, struct str room_id, struct room **out)
{
    struct row row;
    struct store_read r = {.table = T_room, .prefix = 1, .key[0].s = room_id, .limit = 1, .arena = a};
    enum err e = turn_range(t, &r);
    if (e != ERR_OK) return e;
    if (r.count == 0) return fault_set(turn_fault(t), ERR_NOT_FOUND, "There is no such room here.");
    row = r.row[0];
    const struct room_version *v = room_version_find(row.c[C_room_version].s);
    if (!v) return fault_set(turn_fault(t), ERR_UNSUPPORTED_ROOM_VERSION, "The room has a version that this server does not support.");
    struct room *room = room_new(t, v, room_id, row.c[C_room_creator].s, row.c[C_room_room_type].s);
    room->created_ms = row.c[C_room_created_ms].i;
    room->is_public = row.c[C_room_public].i != 0;
    room->rewritten = row.c[C_room_position].i;
    e = load_state(t, a, room);
    if (e == ERR_OK) e = load_tail(t, a, room);
    if (e == ERR_OK) e = load_marks(t, a, room);
    if (e != ERR_OK) {
        room_free_state(room);
        return e;
    }
    pages_keep(t, room);
    *out = room;
    return ERR_OK;
}

enum err room_load(struct turn *t, struct entity *e, bool locked, struct room **out)
{
    if (e->state) {
        *out = e->state;
        return ERR_OK;
    }
    if (!locked) fiber_lock(&e->lock);
    enum err err = ERR_OK;
    if (e->detached) err = ERR_UNAVAILABLE;
    if (err == ERR_OK && !e->state) {
        struct arena a;
        arena_init(&a);
        struct room *room = NULL;
        err = read_room(t, &a, e->key, &room);
        arena_release(&a);
        if (err == ERR_OK) e->state = room;
    }
    *out = e->state;
    if (!locked) fiber_unlock(&e->lock);
    return err;
}

enum err room_of_turn(struct turn *t, bool locked, struct room **out)
{
    return room_load(t, turn_entity(t), locked, out);
}
