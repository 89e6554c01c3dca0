/* Reading a room from its rows: in two or three round trips to the store, however large it is, since somebody waits for it with a message. */
#include "base/log.h"
#include "engine/prune.h"
#include "engine/room/legacy.h"
#include "matrix/version.h"

enum { TXNS_LOADED = 12000, EVENTS_AT_ONCE = 64 };

/* What is asked for first; the tail is the last, for who has it from the former owner. */
enum { READ_ROOM, READ_STATE, READ_RECEIPTS, READ_DEVICES, READ_TAIL, READS };

static void ask_for_rows(struct store_read r[READS], struct arena *a, struct str room_id)
{
    static const enum table table[READS] = {[READ_ROOM] = T_room,
                                            [READ_STATE] = T_state_log,
                                            [READ_TAIL] = T_timeline,
                                            [READ_RECEIPTS] = T_receipt,
                                            [READ_DEVICES] = T_room_device_change};
    for (unsigned i = 0; i < READS; i++)
        r[i] = (struct store_read){.table = table[i], .prefix = 1, .key[0].s = room_id, .limit = SIZE_MAX, .arena = a};
    r[READ_ROOM].limit = 1;
    r[READ_TAIL].limit = ROOM_TAIL;
    r[READ_TAIL].reverse = true;
}

/* Events by their places in the room. */
static enum err load_events(struct turn *t, struct arena *scratch, struct str room_id, const int64_t *ord, size_t n, struct event **out,
                            size_t *outs)
{
    struct store_read *r = arena_array(scratch, n, sizeof *r);
    for (size_t i = 0; i < n; i++)
        r[i] = (struct store_read){.table = T_timeline, .prefix = 2, .key = {{.s = room_id}, {.i = ord[i]}}, .limit = 1, .arena = scratch};
    enum err e = turn_ranges(t, r, n);
    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        out[*outs] = r[i].count ? event_from_row(scratch, &r[i].row[0]) : NULL;
        if (out[*outs])
            ++*outs;
        else
            e = ERR_INTERNAL;
    }
    return e;
}

/* From the pages; NULL: they do not have it. They have nothing that is not so; that it is what the log says is looked at all the same. */
static struct event *event_of_pages(struct arena *a, const struct page_bag *bag, const struct row *log)
{
    const struct row *row = page_bag_find(bag, log->c[C_state_log_ord].i);
    struct event *e = row ? event_from_row(a, row) : NULL;
    if (!e) return NULL;
    if (event_is_state(e) && str_eq(e->type, log->c[C_state_log_type].s) && str_eq(e->state_key, log->c[C_state_log_state_key].s)) return e;
    event_unref(e);
    return NULL;
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

/* The events of the state: those that the pages have, then the others from the store, of which the oldest stands at `oldest`. */
static enum err load_state_events(struct turn *t, struct arena *a, const struct page_bag *bag, const struct store_read *log,
                                  struct event **list, size_t *n, int64_t *oldest)
{
    int64_t *ord = arena_array(a, log->count + 1, sizeof *ord);
    size_t ords = 0;
    struct arena scratch;
    enum err e = ERR_OK;
    arena_init(&scratch);
    for (size_t i = 0; i < log->count; i++) {
        if (i + 1 < log->count && same_state(&log->row[i], &log->row[i + 1])) continue;
        struct event *kept = event_of_pages(&scratch, bag, &log->row[i]);
        if (kept)
            list[(*n)++] = kept;
        else
            ord[ords++] = log->row[i].c[C_state_log_ord].i;
        arena_reset(&scratch);
    }
    for (size_t i = 0, from = *n; i < ords && e == ERR_OK; i += EVENTS_AT_ONCE, from = *n) {
        size_t left = ords - i;
        e = load_events(t, &scratch, log->key[0].s, ord + i, left < EVENTS_AT_ONCE ? left : EVENTS_AT_ONCE, list, n);
        for (; from < *n; from++)
            if (list[from]->item.position < *oldest) *oldest = list[from]->item.position;
        arena_reset(&scratch);
    }
    arena_release(&scratch);
    return e;
}

/* The newest row of each pair counts; they are applied in the order in which they came, so that `recent` is right. */
static enum err load_state(struct turn *t, struct arena *a, struct room *room, const struct store_read *log)
{
    struct event **list = arena_array(a, log->count + 1, sizeof(*list));
    struct page_bag bag;
    int64_t oldest = INT64_MAX; /* of those that the pages have not */
    size_t n = 0;
    pages_read(t, a, room, &bag);
    enum err e = turn_resumed(t);
    if (e == ERR_OK) e = load_state_events(t, a, &bag, log, list, &n, &oldest);
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

static void note_last(struct room *room)
{
    const struct event *last = room->tail[room->tail_count - 1];
    room->last_event_position = last->item.position;
    memcpy(room->last_event_id_bytes, last->event_id.p, last->event_id.n < 256 ? last->event_id.n : 255);
    room->last_event_id = str_make(room->last_event_id_bytes, last->event_id.n < 256 ? last->event_id.n : 255);
}

static void forget_tail(struct room *room)
{
    while (room->tail_count)
        event_unref(room->tail[--room->tail_count]);
}

/* In place of load_tail; what it takes over is not released with the legacy. */
static void take_legacy(struct room *room, struct legacy *l)
{
    forget_tail(room);
    memcpy(room->tail, l->tail, l->count * sizeof(*l->tail));
    room->tail_count = l->count;
    room->first_ord = l->first_ord;
    room->relation_ord = l->relation_ord;
    room->depth = l->depth;
    room->txns = l->txns;
    note_last(room);
    l->count = 0;
    txns_init(&l->txns, 0);
}

/* `newest`: the rows of the tail, newest first. */
static enum err load_tail(struct turn *t, struct arena *a, struct room *room, const struct store_read *newest)
{
    forget_tail(room);
    for (size_t i = newest->count; i-- > 0;) {
        struct event *ev = event_from_row(a, &newest->row[i]);
        if (!ev) continue;
        room->tail[room->tail_count++] = ev;
    }
    room->first_ord = newest->more || newest->count == 0 ? -1 : newest->row[newest->count - 1].c[C_timeline_ord].i;
    enum err e = load_txns(t, a, room, newest);
    if (e != ERR_OK || newest->count == 0) return e;
    note_last(room);
    room->relation_ord = room->tail[room->tail_count - 1]->ord; /* not known better: rows tell of those up to here */
    /* The depth is for other servers; it only has to grow. */
    struct json *fed;
    if (json_parse(a, newest->row[0].c[C_timeline_fed].s, &fed, NULL) == ERR_OK) room->depth = json_int_at(fed, "depth", 0);
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

static void take_receipts(struct room *room, struct store_read *r)
{
    if (r->count) qsort(r->row, r->count, sizeof *r->row, by_receipt_position);
    for (size_t i = 0; i < r->count; i++) {
        const struct cell *c = r->row[i].c;
        room_apply_receipt(room, c[C_receipt_user_id].s, c[C_receipt_receipt_type].s, c[C_receipt_thread_id].s, c[C_receipt_event_id].s,
                           c[C_receipt_ord].i, c[C_receipt_ts].i, c[C_receipt_position].i);
    }
}

static void take_device_marks(struct room *room, struct store_read *r)
{
    if (r->count) qsort(r->row, r->count, sizeof *r->row, by_mark_position);
    for (size_t i = 0; i < r->count; i++)
        room_apply_device_mark(room, r->row[i].c[C_room_device_change_user_id].s, r->row[i].c[C_room_device_change_position].i);
}

/* `l`: what the former owner has told; NULL: nothing. */
static enum err read_room(struct turn *t, struct arena *a, struct str room_id, struct legacy *l, struct room **out)
{
    struct store_read r[READS];
    ask_for_rows(r, a, room_id);
    enum err e = turn_ranges(t, r, l ? READ_TAIL : READS);
    if (e != ERR_OK) return e;
    if (r[READ_ROOM].count == 0) return fault_set(turn_fault(t), ERR_NOT_FOUND, "There is no such room here.");
    struct row row = r[READ_ROOM].row[0];
    const struct room_version *v = room_version_find(row.c[C_room_version].s);
    if (!v) return fault_set(turn_fault(t), ERR_UNSUPPORTED_ROOM_VERSION, "The room has a version that this server does not support.");
    struct room *room = room_new(t, v, room_id, row.c[C_room_creator].s, row.c[C_room_room_type].s);
    room->created_ms = row.c[C_room_created_ms].i;
    room->is_public = row.c[C_room_public].i != 0;
    room->rewritten = row.c[C_room_position].i;
    e = load_state(t, a, room, &r[READ_STATE]);
    if (e == ERR_OK && l)
        take_legacy(room, l);
    else if (e == ERR_OK)
        e = load_tail(t, a, room, &r[READ_TAIL]);
    if (e != ERR_OK) {
        room_free_state(room);
        return e;
    }
    take_receipts(room, &r[READ_RECEIPTS]);
    take_device_marks(room, &r[READ_DEVICES]);
    if (l) legacy_take_unread(l, room);
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
        struct legacy legacy;
        struct str told;
        bool inherits = turn_inherits(t, e, &a, &told) && legacy_read(&legacy, e->key, told);
        err = read_room(t, &a, e->key, inherits ? &legacy : NULL, &room);
        if (inherits) legacy_release(&legacy);
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
