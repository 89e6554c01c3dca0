/* Changes as statements: for each table one that puts and one that deletes, with an array per column. */
#include <arpa/inet.h>

#include "store/key.h"
#include "store/postgres/priv.h"
#include "store/postgres/text.h"

enum { COLUMN_BYTES_MAX = 512 << 20, COLUMN_BYTES_KEPT = 1 << 20, TYPE_INT2 = 21, TYPE_INT8 = 20, TYPE_TEXT = 25 };

/* What is to be made of a key. */
struct wish {
    const struct change *change;
    unsigned slot;
    struct list link;
};

/* Those of one statement, in the order in which they came. */
struct heap {
    struct list wishes;
    size_t count;
};

struct rows {
    struct arena arena;
    struct map by_key; /* as bytes */
    struct list wishes;
    struct buf column[SQL_PARAMS_MAX];
};

struct rows *rows_new(void)
{
    struct rows *r = mem_zero(sizeof *r);
    arena_init(&r->arena);
    map_init(&r->by_key);
    list_init(&r->wishes);
    for (unsigned i = 0; i < SQL_PARAMS_MAX; i++)
        buf_init(&r->column[i], COLUMN_BYTES_MAX);
    return r;
}

void rows_free(struct rows *r)
{
    arena_release(&r->arena);
    map_release(&r->by_key);
    for (unsigned i = 0; i < SQL_PARAMS_MAX; i++)
        buf_release(&r->column[i]);
    mem_free(r);
}

/* A statement may not touch a row twice: of several changes of one key the last counts. */
static void add(struct rows *r, unsigned slot, const struct change *c)
{
    struct key k;
    if (!key_encode(&k, slot, c->row.table, c->row.c, store_table(c->row.table)->keys)) abort(); /* change_check() let it pass */
    struct wish *w = map_get(&r->by_key, key_str(&k));
    if (!w) {
        w = arena_zero(&r->arena, sizeof *w);
        w->slot = slot;
        list_push(&r->wishes, &w->link);
        map_put(&r->by_key, arena_str(&r->arena, key_str(&k)), w);
    }
    w->change = c;
}

void rows_add(struct rows *r, const struct store_batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        add(r, b->slot, &b->change[i]);
}

/* --- arrays in PostgreSQL's binary form --- */

static void put32(struct buf *b, uint32_t v)
{
    uint32_t big = htonl(v);
    buf_add(b, str_make((const char *)&big, sizeof big));
}

static void put_int(struct buf *b, unsigned bytes, int64_t v)
{
    uint64_t big = __builtin_bswap64((uint64_t)v);
    put32(b, bytes);
    buf_add(b, str_make((const char *)&big + sizeof big - bytes, bytes));
}

static void put_text(struct buf *b, struct str s, bool key)
{
    size_t at = b->n;
    put32(b, 0);
    text_put(b, s, key);
    if (!buf_ok(b)) return;
    uint32_t big = htonl((uint32_t)(b->n - at - sizeof big));
    memcpy(b->p + at, &big, sizeof big);
}

/* One dimension, no NULLs, numbered from 1. */
static void array_begin(struct buf *b, unsigned type, size_t count)
{
    buf_clear(b);
    if (b->cap > COLUMN_BYTES_KEPT) buf_release(b); /* once in a while one is huge */
    put32(b, 1);
    put32(b, 0);
    put32(b, type);
    put32(b, (uint32_t)count);
    put32(b, 1);
}

static void fill(struct buf *b, const struct column *c, unsigned at, const struct heap *h)
{
    array_begin(b, c->type == CELL_STR ? TYPE_TEXT : TYPE_INT8, h->count);
    list_each(it, &h->wishes)
    {
        const struct cell *cell = &list_item(it, struct wish, link)->change->row.c[at];
        if (c->type == CELL_STR)
            put_text(b, cell->s, c->key);
        else
            put_int(b, sizeof cell->i, cell->i);
    }
}

static void fill_slots(struct buf *b, const struct heap *h)
{
    array_begin(b, TYPE_INT2, h->count);
    list_each(it, &h->wishes) put_int(b, sizeof(int16_t), list_item(it, struct wish, link)->slot);
}

static void send_rows(struct rows *r, struct link *l, const struct table_info *t, unsigned statement, unsigned columns,
                      const struct heap *h)
{
    struct params p = {.n = (int)columns + 1};
    if (!h->count) return;
    fill_slots(&r->column[0], h);
    for (unsigned i = 0; i < columns; i++)
        fill(&r->column[i + 1], &t->column[i], i, h);
    for (unsigned i = 0; i <= columns; i++) {
        if (!buf_ok(&r->column[i])) abort(); /* batches have a maximum */
        p.value[i] = r->column[i].p;
        p.length[i] = (int)r->column[i].n;
    }
    pg_link_send(l, statement, &p);
}

void rows_send(struct rows *r, struct link *l)
{
    struct heap heap[T__COUNT][2];
    for (unsigned i = 0; i < T__COUNT * 2; i++) {
        heap[i / 2][i % 2].count = 0;
        list_init(&heap[i / 2][i % 2].wishes);
    }
    for (struct list *n; (n = list_pop(&r->wishes));) {
        const struct change *c = list_item(n, struct wish, link)->change;
        struct heap *h = &heap[c->row.table][c->del];
        list_push(&h->wishes, n);
        h->count++;
    }
    for (unsigned i = 0; i < T__COUNT; i++) {
        const struct table_info *t = store_table(i);
        send_rows(r, l, t, SQL_PUT + i, t->columns, &heap[i][false]);
        send_rows(r, l, t, SQL_DEL + i, t->keys, &heap[i][true]);
    }
    map_release(&r->by_key);
    arena_reset(&r->arena);
}
