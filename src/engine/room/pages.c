#include "engine/room/pages.h"

#include "engine/hot.h"
#include "engine/room/room.h"

enum { PAGE_BYTES = 256 * 1024, PAGES_MAX = 400, ADDED_MAX = 16, PART = 8, SPARE = 32, ALL_AGAIN_MS = 5 * 60000 };

static void page_name(const struct room *room, unsigned number, struct hot_name *out)
{
    hot_name_make(out, room->engine, HOT_ROOM_PAGE, number, &room->room_id, 1);
}

/* --- reading --- */

static void put_in(struct page_bag *b, struct arena *a, const struct row *row, size_t count)
{
    if (b->cap - b->count < count) {
        b->cap = 2 * b->cap + count;
        const struct row **more = arena_array(a, b->cap, sizeof *more);
        if (b->count) memcpy(more, b->row, b->count * sizeof *more);
        b->row = more;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t position = row[i].c[C_timeline_position].i;
        if (position > b->newest) b->newest = position;
        b->row[b->count++] = &row[i];
    }
}

static int by_ord(const void *x, const void *y)
{
    int64_t a = (*(const struct row *const *)x)->c[C_timeline_ord].i, b = (*(const struct row *const *)y)->c[C_timeline_ord].i;
    return a < b ? -1 : a > b;
}

/* False: there is none, it is from before a redaction, or it is the empty one that stands behind the last. */
static bool read_page(struct turn *t, struct arena *a, const struct room *room, struct page_bag *b)
{
    struct hot_name name;
    struct cache_value got;
    struct row *row;
    size_t count;
    page_name(room, b->pages, &name);
    if (!hot_get(room->engine, &name, a, &got) || str_empty(got.value)) return false;
    bool counts = got.position >= room->rewritten && hot_rows_unpack(got.value, turn_slot(t), T_timeline, a, &row, &count);
    hot_count(room->engine, counts ? HOT_USED : HOT_OLD);
    if (counts) put_in(b, a, row, count);
    return counts;
}

void pages_read(struct turn *t, struct arena *a, const struct room *room, struct page_bag *out)
{
    *out = (struct page_bag){0};
    while (out->pages < PAGES_MAX && read_page(t, a, room, out))
        out->pages++;
    if (out->count) qsort(out->row, out->count, sizeof(*out->row), by_ord);
}

const struct row *page_bag_find(const struct page_bag *b, int64_t ord)
{
    struct row key = {.c[C_timeline_ord].i = ord};
    const struct row *at = &key, **found = NULL;
    if (b->count) found = bsearch(&at, b->row, b->count, sizeof(*b->row), by_ord);
    return found ? *found : NULL;
}

static void begin_anew(struct room *room)
{
    room->pages = (struct room_pages){.fresh = map_count(&room->state)};
}

void pages_know(struct turn *t, struct room *room, const struct page_bag *b, int64_t oldest)
{
    size_t state = map_count(&room->state), missing = 0;
    begin_anew(room);
    if (b->pages == 0 || oldest <= b->newest || b->count > 2 * state + SPARE) return;
    list_each(it, &room->recent_state) /* newest first */
    {
        if (list_item(it, struct state_entry, recent)->event->item.position <= b->newest) break;
        missing++;
    }
    /* How old they are is not known: they are written anew sooner than others. */
    room->pages = (struct room_pages){.count = b->pages, .upto = b->newest, .fresh = missing, .since_ms = turn_now_ms(t) - HOT_TTL_MS / 4};
}

/* --- writing --- */

void pages_forget(struct room *room)
{
    int64_t since_ms = room->pages.since_ms;
    begin_anew(room);
    room->pages.since_ms = since_ms;
}

struct writer {
    struct turn *turn;
    struct room *room;
    struct buf page;
    size_t count; /* events in it */
};

static void put_page(struct writer *w)
{
    struct hot_name name;
    page_name(w->room, w->room->pages.count, &name);
    hot_put(w->room->engine, &name, buf_str(&w->page), turn_durable(w->turn), HOT_TTL_MS);
}

static void end_page(struct writer *w)
{
    if (w->count == 0) return;
    put_page(w);
    w->room->pages.count++;
    buf_clear(&w->page);
    w->count = 0;
}

static void put_event(struct writer *w, const struct event *e)
{
    struct row row;
    event_to_row(e, &row);
    if (!hot_rows_pack(&w->page, turn_slot(w->turn), &row, 1)) return; /* it stays the store's */
    w->count++;
    if (w->page.n >= PAGE_BYTES) end_page(w);
}

/* What is not durable may be undone, and then something else has its place. */
static void write_pages(struct turn *t, struct room *room)
{
    struct room_pages *p = &room->pages;
    struct writer w = {.turn = t, .room = room};
    int64_t upto = p->upto, durable = turn_durable(t);
    size_t waiting = 0;
    buf_init(&w.page, HOT_VALUE_MAX);
    list_each(it, &room->recent_state)
    {
        const struct event *e = list_item(it, struct state_entry, recent)->event;
        if (e->item.position <= p->upto) break;
        if (e->item.position > durable) {
            waiting++;
            continue;
        }
        if (e->item.position > upto) upto = e->item.position;
        put_event(&w, e);
    }
    end_page(&w);
    if (upto > p->upto) put_page(&w); /* empty: those behind it are of another time */
    p->upto = upto;
    p->fresh = waiting;
    buf_release(&w.page);
}

void pages_keep(struct turn *t, struct room *room)
{
    struct room_pages *p = &room->pages;
    if (!hot_is_on(room->engine) || room->rewritten > turn_durable(t)) return;
    if (p->added == ADDED_MAX || (p->count && turn_now_ms(t) - p->since_ms > HOT_TTL_MS / 2)) begin_anew(room);
    if (p->fresh == 0 || p->fresh * PART < map_count(&room->state)) return;
    bool all = p->count == 0;
    if (all && turn_now_ms(t) - p->since_ms < ALL_AGAIN_MS) return;
    write_pages(t, room);
    p->added += !all;
    if (all && p->count) p->since_ms = turn_now_ms(t);
}
