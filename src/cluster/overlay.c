/* A skip list: a few hundred rows as a rule, and many more while a database is away. */
#include "cluster/overlay.h"

enum { LEVELS = 10, USUAL_LEVELS = 3, SPARES_MAX = 16 };

struct node {
    struct change change;
    int64_t position;
    unsigned levels;
    struct node *next[];
};

struct overlay {
    size_t count;
    uint64_t coin;
    struct node *next[LEVELS];
    struct node *spare; /* nodes of the usual size for reuse, linked through next[0] */
    size_t spares;
};

struct overlay *overlay_new(void)
{
    struct overlay *o = mem_zero(sizeof *o);
    o->coin = 0x9E3779B97F4A7C15u;
    return o;
}

static void free_all(struct node *n)
{
    while (n) {
        struct node *next = n->next[0];
        mem_free(n);
        n = next;
    }
}

void overlay_free(struct overlay *o)
{
    if (!o) return;
    free_all(o->next[0]);
    free_all(o->spare);
    mem_free(o);
}

bool overlay_is_empty(const struct overlay *o)
{
    return o->count == 0;
}

static int cell_cmp(enum cell_type t, const struct cell *x, const struct cell *y)
{
    if (t == CELL_STR) return str_cmp(x->s, y->s);
    return x->i < y->i ? -1 : x->i > y->i;
}

static int cells_cmp(enum table t, const struct cell *x, const struct cell *y, unsigned n)
{
    const struct table_info *info = store_table(t);
    for (unsigned i = 0; i < n; i++) {
        int c = cell_cmp(info->column[i].type, &x[i], &y[i]);
        if (c) return c;
    }
    return 0;
}

int overlay_key_cmp(enum table t, const struct row *x, const struct row *y)
{
    return cells_cmp(t, x->c, y->c, store_table(t)->keys);
}

static int row_cmp(const struct row *x, const struct row *y)
{
    if (x->table != y->table) return x->table < y->table ? -1 : 1;
    return overlay_key_cmp(x->table, x, y);
}

/* The links that lead to the first node not below `row`. */
static struct node *seek(struct overlay *o, const struct row *row, struct node **links[LEVELS])
{
    struct node **at = o->next, *beyond = NULL; /* a node that stands on several levels is compared once */
    for (unsigned level = LEVELS; level-- > 0;) {
        while (at[level] != beyond && row_cmp(&at[level]->change.row, row) < 0)
            at = at[level]->next;
        links[level] = &at[level];
        beyond = at[level];
    }
    return *links[0];
}

static unsigned toss(struct overlay *o)
{
    o->coin ^= o->coin << 13;
    o->coin ^= o->coin >> 7;
    o->coin ^= o->coin << 17;
    unsigned levels = 1;
    for (uint64_t c = o->coin; (c & 3) == 0 && levels < LEVELS; c >>= 2)
        levels++;
    return levels;
}

static struct node *node_new(struct overlay *o, unsigned levels)
{
    struct node *n = o->spare;
    if (levels <= USUAL_LEVELS && n) {
        o->spare = n->next[0];
        o->spares--;
    } else {
        n = mem_alloc(sizeof *n + (levels > USUAL_LEVELS ? levels : USUAL_LEVELS) * sizeof(struct node *));
    }
    n->levels = levels;
    return n;
}

static void node_free(struct overlay *o, struct node *n)
{
    if (n->levels > USUAL_LEVELS || o->spares == SPARES_MAX) {
        mem_free(n);
        return;
    }
    n->next[0] = o->spare;
    o->spare = n;
    o->spares++;
}

void overlay_put(struct overlay *o, const struct change *c, int64_t position)
{
    struct node **links[LEVELS];
    struct node *n = seek(o, &c->row, links);
    if (n && row_cmp(&n->change.row, &c->row) == 0) {
        n->change = *c;
        n->position = position;
        return;
    }
    n = node_new(o, toss(o));
    n->change = *c;
    n->position = position;
    for (unsigned i = 0; i < n->levels; i++) {
        n->next[i] = *links[i];
        *links[i] = n;
    }
    o->count++;
}

void overlay_drop(struct overlay *o, const struct change *c, int64_t position)
{
    struct node **links[LEVELS];
    struct node *n = seek(o, &c->row, links);
    if (!n || n->position > position || row_cmp(&n->change.row, &c->row) != 0) return;
    for (unsigned i = 0; i < n->levels; i++)
        if (*links[i] == n) *links[i] = n->next[i];
    node_free(o, n);
    o->count--;
}

bool overlay_is_asked(const struct store_read *r, const struct row *row)
{
    const struct table_info *info = store_table(r->table);
    if (cells_cmp(r->table, row->c, r->key, r->prefix) != 0) return false;
    if (r->prefix >= info->keys) return true;
    enum cell_type t = info->column[r->prefix].type;
    if (r->has_from && cell_cmp(t, &row->c[r->prefix], &r->from) < 0) return false;
    return !r->has_to || cell_cmp(t, &row->c[r->prefix], &r->to) < 0;
}

/* The first node whose key is not below the read's prefix and `from`. */
static struct node *seek_range(const struct overlay *o, const struct store_read *r)
{
    struct row low = {.table = r->table};
    unsigned n = r->prefix;
    for (unsigned i = 0; i < n; i++)
        low.c[i] = r->key[i];
    if (r->has_from && n < store_table(r->table)->keys) low.c[n++] = r->from;
    struct node *const *at = o->next;
    for (unsigned level = LEVELS; level-- > 0;) {
        while (at[level]) {
            const struct row *row = &at[level]->change.row;
            int c = row->table != low.table ? (row->table < low.table ? -1 : 1) : cells_cmp(low.table, row->c, low.c, n);
            if (c >= 0) break;
            at = at[level]->next;
        }
    }
    return at[0];
}

size_t overlay_collect(const struct overlay *o, const struct store_read *r, struct arena *a, const struct change ***out)
{
    size_t count = 0, cap = 0;
    const struct change **list = NULL;
    if (o->count == 0) return 0;
    for (const struct node *n = seek_range(o, r); n; n = n->next[0]) {
        const struct row *row = &n->change.row;
        if (row->table != r->table || !overlay_is_asked(r, row)) break;
        if (count == cap) {
            cap = cap ? cap * 2 : 8;
            const struct change **more = arena_array(a, cap, sizeof(*list));
            for (size_t i = 0; i < count; i++)
                more[i] = list[i];
            list = more;
        }
        list[count++] = &n->change;
    }
    if (r->reverse)
        for (size_t i = 0; i < count / 2; i++) {
            const struct change *c = list[i];
            list[i] = list[count - 1 - i];
            list[count - 1 - i] = c;
        }
    *out = list;
    return count;
}
