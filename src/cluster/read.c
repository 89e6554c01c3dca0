/* What the store has, with what this owner has written and the store does not show yet laid over it. */
#include "cluster/cluster_priv.h"
#include "store/wait.h"

/* Merges what the store has with what the overlay has; both are in the read's order. */
static void merge(struct store_read *r, const struct change **over, size_t overs, size_t limit)
{
    struct row *out = arena_array(r->arena, r->count + overs + 1, sizeof *out);
    size_t n = 0, i = 0, j = 0;
    while (i < r->count || j < overs) {
        int c = i == r->count ? 1 : j == overs ? -1 : overlay_key_cmp(r->table, &r->row[i], &over[j]->row);
        if (r->reverse && i < r->count && j < overs) c = -c;
        if (c < 0) {
            out[n++] = r->row[i++];
            continue;
        }
        if (c == 0) i++;
        if (!over[j]->del) out[n++] = over[j]->row;
        j++;
    }
    r->more = r->more || n > limit;
    r->row = out;
    r->count = n > limit ? limit : n;
}

/* Rows of the overlay belong to records that may return while the caller still works: its own copy. */
static void own_bytes(struct arena *a, struct row *row)
{
    const struct table_info *info = store_table(row->table);
    for (unsigned i = 0; i < info->columns; i++)
        if (info->column[i].type == CELL_STR) row->c[i].s = arena_str(a, row->c[i].s.p ? row->c[i].s : STR(""));
}

/* Copies of the rows, since the records that they belong to may go while the caller still works. */
static void lay_over(struct store_read *r, const struct change **over, size_t overs, size_t limit)
{
    for (size_t i = 0; i < overs; i++) {
        struct change *copy = arena_alloc(r->arena, sizeof *copy);
        *copy = *over[i];
        if (!copy->del) own_bytes(r->arena, &copy->row);
        over[i] = copy;
    }
    if (overs || r->count > limit) merge(r, over, overs, limit);
}

/* Of what this owner may have written to the store. */
static int64_t newest_here(const struct slot *s)
{
    return s->cluster->config.journal == JOURNAL_QUEUE ? s->durable : s->position;
}

/* What the store has: from the stock, or by asking, where what is brought in may be more than is asked for. */
static enum err read_store(struct slot *s, struct store_read *r, bool at_hand)
{
    struct store *store = s->cluster->config.store;
    struct store_read whole;
    unsigned generation = s->generation;
    r->as_of = s->persisted;
    if (at_hand && stock_read(s->stock, r)) {
        stat_add(&s->home->stats.reads_at_hand, 1);
        return ERR_OK;
    }
    if (!at_hand || !stock_whole(s->stock, r, &whole)) return store_read_wait(store, r);
    enum err e = store_read_wait(store, &whole);
    r->as_of = whole.as_of;
    if (e != ERR_OK || s->generation != generation || whole.as_of < s->persisted) return e;
    stock_take(s->stock, &whole);
    return stock_read(s->stock, r) ? ERR_OK : store_read_wait(store, r);
}

void slot_know(struct slot *s, const struct store_read *r)
{
    struct store_read whole;
    if (!s->stock || !stock_whole(s->stock, r, &whole) || whole.prefix != r->prefix) return;
    whole.row = r->row;
    whole.count = r->count;
    stock_take(s->stock, &whole);
}

static size_t rows_over(const struct slot *s, const struct store_read *r, const struct change ***over)
{
    *over = NULL;
    return overlay_collect(s->overlay, r, r->arena, over);
}

static size_t limit_with(size_t limit, size_t room)
{
    return limit > SIZE_MAX - room ? SIZE_MAX : limit + room;
}

/* The store is asked for so many more rows than are wanted as the overlay has now. */
static size_t make_room(const struct slot *s, struct store_read *r)
{
    const struct change **over;
    size_t room = rows_over(s, r, &over);
    r->limit = limit_with(r->limit, room);
    return room;
}

/* Is what the store has answered what was asked for, with room for so many rows of the overlay? Then they are laid over it. */
static bool fits(const struct slot *s, struct store_read *r, size_t limit, size_t room, bool *overlaid)
{
    const struct change **over;
    r->limit = limit;
    /* Rows that have left the overlay since the store was read would be missed. */
    if (r->as_of < s->persisted) return false;
    size_t overs = rows_over(s, r, &over);
    /* More rows came into the overlay while the store was read: it may have been asked for too few. */
    if (overs > room && r->more) return false;
    *overlaid |= overs > 0;
    lay_over(r, over, overs, limit);
    return true;
}

/* And of what the store may show meanwhile: a slot that is served for reading writes its mark beside the reads. */
static int64_t newest_shown(const struct slot *s)
{
    int64_t newest = newest_here(s);
    return s->mark > newest ? s->mark : newest;
}

static enum err check(struct slot *s, const struct store_read *r, unsigned generation, enum err e)
{
    if (s->generation != generation) return ERR_UNAVAILABLE;
    if (e != ERR_OK) return e;
    if (slot_is_served(s) && r->as_of > newest_shown(s)) { /* somebody else has written: this owner's memory is of an older time */
        slot_fail(s, ERR_CONFLICT);
        return ERR_UNAVAILABLE;
    }
    return ERR_OK;
}

/* One row by its key, which is in memory: the store need not be asked, and may be away. */
static bool is_in_overlay(const struct slot *s, struct store_read *r, size_t room)
{
    if (room != 1 || r->prefix != store_table(r->table)->keys || !slot_is_served(s)) return false;
    r->count = 0;
    r->more = false;
    r->as_of = newest_here(s);
    return true;
}

enum err slot_read(struct slot *s, struct store_read *r, bool at_hand, bool *overlaid)
{
    unsigned generation = s->generation;
    size_t limit = r->limit;
    r->slot = s->index;
    for (;;) {
        size_t room = make_room(s, r);
        enum err e = is_in_overlay(s, r, room) ? ERR_OK : read_store(s, r, at_hand && s->stock);
        e = check(s, r, generation, e);
        if (e != ERR_OK || fits(s, r, limit, room, overlaid)) return e;
    }
}

/* --- several at once --- */

enum { TAKEN }; /* in place of a limit, which is never 0 */

static void ask(struct slot *s, struct slot_reads *q, size_t i)
{
    q->room[i] = make_room(s, &q->read[i]);
    store_reads_begin(s->cluster->config.store, &q->read[i], 1);
}

void slot_reads_begin(struct slot *s, struct slot_reads *q, struct store_read *r, size_t n)
{
    *q = (struct slot_reads){.read = r, .count = n, .generation = s->generation};
    q->limit = arena_array(r->arena, 2 * n, sizeof *q->limit);
    q->room = q->limit + n;
    for (size_t i = 0; i < n; i++) {
        q->limit[i] = r[i].limit;
        r[i].slot = s->index;
        ask(s, q, i);
    }
}

/* What is not as it should be is asked once more, all of it at once: an opening waits for it. */
enum err slot_reads_end(struct slot *s, struct slot_reads *q, bool *overlaid)
{
    enum err e = ERR_OK;
    for (bool again = true; again;) {
        store_reads_wait(q->read, q->count);
        again = false;
        for (size_t i = 0; e == ERR_OK && i < q->count; i++) {
            if (q->limit[i] == TAKEN) continue;
            e = check(s, &q->read[i], q->generation, q->read[i].err);
            if (e != ERR_OK) break;
            bool taken = fits(s, &q->read[i], q->limit[i], q->room[i], overlaid);
            if (taken)
                q->limit[i] = TAKEN;
            else
                ask(s, q, i);
            again |= !taken;
        }
    }
    return e;
}
