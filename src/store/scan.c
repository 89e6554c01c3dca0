#include "store/scan.h"

enum err scan_of(const struct store_read *r, struct scan *out)
{
    unsigned keys = store_table(r->table)->keys;
    bool bounded = r->has_from || r->has_to;
    if (r->slot >= STORE_SLOTS || r->limit == 0 || r->prefix > keys || (bounded && r->prefix == keys)) abort();
    out->point = r->prefix == keys;
    if (!key_encode(&out->from, r->slot, r->table, r->key, r->prefix)) return ERR_TOO_LARGE;
    if (out->point) return ERR_OK;
    out->to.n = out->from.n;
    memcpy(out->to.b, out->from.b, out->from.n);
    if (r->has_from && !key_add(&out->from, r->table, r->prefix, &r->from)) return ERR_TOO_LARGE;
    if (r->has_to) return key_add(&out->to, r->table, r->prefix, &r->to) ? ERR_OK : ERR_TOO_LARGE;
    key_after(&out->to);
    return ERR_OK;
}

enum err change_check(const struct change *c)
{
    if (!c->del) return store_row_check(&c->row, NULL);
    struct row key = {.table = c->row.table};
    memcpy(key.c, c->row.c, store_table(c->row.table)->keys * sizeof *key.c);
    return store_row_check(&key, NULL);
}

static void grow(struct found *f, size_t limit)
{
    size_t cap = f->cap ? f->cap * 2 : 4;
    if (cap > limit) cap = limit;
    struct row *row = arena_array(f->arena, cap, sizeof *row);
    if (f->count) memcpy(row, f->row, f->count * sizeof *row);
    f->row = row;
    f->cap = cap;
}

enum found_next found_add(struct found *f, const struct store_read *r, struct str key, struct str value)
{
    if (f->count == r->limit) {
        f->more = true;
        return FOUND_ENOUGH;
    }
    if (f->count == f->cap) grow(f, r->limit);
    struct row *row = &f->row[f->count];
    char *bytes = arena_alloc(f->arena, key.n + value.n + 1);
    if (value.n) memcpy(bytes, value.p, value.n);
    if (!key_decode(key, r->slot, r->table, bytes + value.n, row)) return FOUND_BROKEN;
    if (!value_decode(str_make(bytes, value.n), row)) return FOUND_BROKEN;
    f->count++;
    return FOUND_GO_ON;
}

struct row *rows_copy(struct arena *a, const struct row *row, size_t count)
{
    if (count == 0) return NULL;
    struct row *out = arena_array(a, count, sizeof *out);
    memcpy(out, row, count * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        const struct table_info *t = store_table(row[i].table);
        for (unsigned c = 0; c < t->columns; c++)
            if (t->column[c].type == CELL_STR) out[i].c[c].s = arena_str(a, row[i].c[c].s);
    }
    return out;
}
