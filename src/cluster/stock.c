#include "cluster/stock.h"

#include "base/list.h"
#include "base/map.h"
#include "cluster/overlay.h"
#include "cluster/record.h"

enum { ROWS_ASKED = 500 /* of a range of which less is wanted */, PART_MAX = 8 /* a range takes an eighth of the stock at most */ };

/* A row without the cells that its range is named by. */
struct piece {
    uint32_t n;
    char bytes[];
};

struct range {
    struct list link; /* in the stock's list */
    enum table table;
    bool too_large;
    uint32_t count, cap;
    struct piece **row; /* in the order of their keys */
    size_t bytes;       /* of it all */
    size_t name_n;
    char name[];
};

struct stock {
    const unsigned char *cells;
    size_t bytes, max;
    struct map ranges;
    struct list used; /* longest ago first */
    struct buf name, row;
};

struct stock *stock_new(const unsigned char *cells, size_t bytes)
{
    struct stock *s = mem_zero(sizeof *s);
    s->cells = cells;
    s->max = bytes;
    list_init(&s->used);
    buf_init(&s->name, 2 * STORE_KEY_MAX);
    buf_init(&s->row, 2 * (STORE_KEY_MAX + STORE_VALUE_MAX));
    return s;
}

/* What a range has more, or less, the stock has. */
static void more(struct stock *s, struct range *g, size_t bytes)
{
    g->bytes += bytes;
    s->bytes += bytes;
}
static void less(struct stock *s, struct range *g, size_t bytes)
{
    g->bytes -= bytes;
    s->bytes -= bytes;
}

static size_t piece_bytes(const struct piece *p)
{
    return sizeof *p + p->n;
}

static void drop_rows(struct stock *s, struct range *g)
{
    for (uint32_t i = 0; i < g->count; i++) {
        less(s, g, piece_bytes(g->row[i]));
        mem_free(g->row[i]);
    }
    less(s, g, g->cap * sizeof *g->row);
    mem_free(g->row);
    g->row = NULL;
    g->count = g->cap = 0;
}

static void drop(struct stock *s, struct range *g)
{
    drop_rows(s, g);
    s->bytes -= g->bytes;
    map_del(&s->ranges, str_make(g->name, g->name_n));
    list_remove(&g->link);
    mem_free(g);
}

void stock_free(struct stock *s)
{
    if (!s) return;
    while (!list_is_empty(&s->used))
        drop(s, list_item(s->used.next, struct range, link));
    map_release(&s->ranges);
    buf_release(&s->name);
    buf_release(&s->row);
    mem_free(s);
}

size_t stock_bytes(const struct stock *s)
{
    return s->bytes;
}

/* --- ranges --- */

/* Of the range in which a row with these first cells is; until the next call. */
static struct str name_of(struct stock *s, enum table table, const struct cell *c)
{
    buf_clear(&s->name);
    buf_byte(&s->name, (char)table);
    record_put_cells(&s->name, store_table(table), c, 0, s->cells[table]);
    return buf_str(&s->name);
}

static struct range *range_new(struct stock *s, enum table table, struct str name)
{
    struct range *g = mem_zero(sizeof *g + name.n);
    g->table = table;
    more(s, g, sizeof *g + name.n + sizeof(struct map_entry));
    g->name_n = name.n;
    memcpy(g->name, name.p, name.n);
    map_put(&s->ranges, str_make(g->name, g->name_n), g);
    list_push(&s->used, &g->link);
    return g;
}

static void now_too_large(struct stock *s, struct range *g)
{
    drop_rows(s, g);
    g->too_large = true;
}

/* `but` stays: it is of use now. */
static void make_room(struct stock *s, const struct range *but)
{
    list_each_safe(it, &s->used)
    {
        struct range *g = list_item(it, struct range, link);
        if (s->bytes <= s->max) return;
        if (g != but) drop(s, g);
    }
}

/* --- rows --- */

/* All cells but those that the range is named by. The strings are the piece's. */
static void unpack(const struct stock *s, enum table table, struct str bytes, struct cell *c)
{
    const struct table_info *info = store_table(table);
    if (!record_get_cells(&bytes, info, c, s->cells[table], info->columns)) abort(); /* it has written them itself */
}

static struct piece *piece_new(struct stock *s, const struct row *row)
{
    const struct table_info *info = store_table(row->table);
    buf_clear(&s->row);
    record_put_cells(&s->row, info, row->c, s->cells[row->table], info->columns);
    if (!buf_ok(&s->row)) abort(); /* rows keep the declared limits */
    struct piece *p = mem_alloc(sizeof *p + s->row.n);
    p->n = (uint32_t)s->row.n;
    if (p->n) memcpy(p->bytes, s->row.p, p->n);
    return p;
}

/* Where the row is, or would be. */
static uint32_t place_of(const struct stock *s, const struct range *g, const struct row *row, bool *found)
{
    uint32_t low = 0, high = g->count;
    struct row at = *row; /* the cells that the range is named by are the same */
    *found = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        unpack(s, g->table, str_make(g->row[middle]->bytes, g->row[middle]->n), at.c);
        int c = overlay_key_cmp(g->table, &at, row);
        if (c == 0) *found = true;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take_out(struct stock *s, struct range *g, uint32_t at)
{
    less(s, g, piece_bytes(g->row[at]));
    mem_free(g->row[at]);
    g->count--;
    memmove(&g->row[at], &g->row[at + 1], (g->count - at) * sizeof *g->row);
}

static void grow(struct stock *s, struct range *g)
{
    uint32_t cap = g->cap ? 2 * g->cap : 4;
    g->row = mem_resize(g->row, cap, sizeof *g->row);
    more(s, g, (cap - g->cap) * sizeof *g->row);
    g->cap = cap;
}

static void put_in(struct stock *s, struct range *g, uint32_t at, const struct row *row)
{
    if (g->count == g->cap) grow(s, g);
    memmove(&g->row[at + 1], &g->row[at], (g->count - at) * sizeof *g->row);
    g->row[at] = piece_new(s, row);
    g->count++;
    more(s, g, piece_bytes(g->row[at]));
    if (g->bytes > s->max / PART_MAX) now_too_large(s, g);
}

void stock_apply(struct stock *s, const struct change *c)
{
    if (!s->cells[c->row.table]) return;
    struct range *g = map_get(&s->ranges, name_of(s, c->row.table, c->row.c));
    if (!g) return;
    if (g->too_large) {
        if (c->del) drop(s, g); /* perhaps it is no longer */
        return;
    }
    bool found;
    uint32_t at = place_of(s, g, &c->row, &found);
    if (found) take_out(s, g, at);
    if (!c->del) put_in(s, g, at, &c->row);
    make_room(s, g);
}

/* --- reading --- */

/* Of a range that is named by the first cells of the read's key. */
static bool is_of_a_range(const struct stock *s, const struct store_read *r)
{
    return s->cells[r->table] && r->prefix >= s->cells[r->table];
}

/* The rows that the read asks for, in its order, up to one more than its limit; returns how many. */
static size_t pick(const struct stock *s, const struct range *g, const struct store_read *r, struct row *out)
{
    struct row row = {.table = g->table};
    size_t n = 0;
    for (unsigned i = 0; i < s->cells[g->table]; i++)
        row.c[i] = (struct cell){.s = arena_str(r->arena, r->key[i].s), .i = r->key[i].i};
    for (uint32_t i = 0; i < g->count && n <= r->limit; i++) {
        const struct piece *p = g->row[r->reverse ? g->count - 1 - i : i];
        unpack(s, g->table, str_make(p->bytes, p->n), row.c);
        if (!overlay_is_asked(r, &row)) continue;
        unpack(s, g->table, arena_str(r->arena, str_make(p->bytes, p->n)), row.c);
        out[n++] = row;
    }
    return n;
}

bool stock_read(struct stock *s, struct store_read *r)
{
    struct range *g = is_of_a_range(s, r) ? map_get(&s->ranges, name_of(s, r->table, r->key)) : NULL;
    if (!g) return false;
    list_remove(&g->link);
    list_push(&s->used, &g->link);
    if (g->too_large) return false;
    r->row = arena_array(r->arena, (r->limit < g->count ? r->limit : g->count) + 1, sizeof *r->row);
    r->count = pick(s, g, r, r->row);
    r->more = r->count > r->limit;
    if (r->more) r->count = r->limit;
    r->err = ERR_OK;
    return true;
}

bool stock_whole(struct stock *s, const struct store_read *r, struct store_read *whole)
{
    if (!is_of_a_range(s, r) || map_get(&s->ranges, name_of(s, r->table, r->key))) return false;
    *whole = (struct store_read){.slot = r->slot, .table = r->table, .prefix = s->cells[r->table], .arena = r->arena};
    memcpy(whole->key, r->key, whole->prefix * sizeof *whole->key);
    whole->limit = r->limit > ROWS_ASKED ? r->limit : ROWS_ASKED;
    return true;
}

void stock_take(struct stock *s, const struct store_read *whole)
{
    struct str name = name_of(s, whole->table, whole->key);
    struct range *g = map_get(&s->ranges, name);
    if (g) drop(s, g); /* another reader was faster */
    g = range_new(s, whole->table, name);
    for (size_t i = 0; i < whole->count && !g->too_large; i++)
        put_in(s, g, g->count, &whole->row[i]);
    if (whole->more) now_too_large(s, g);
    make_room(s, g);
}
