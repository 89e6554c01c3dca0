/* Records as they come back from a slot's queue: what is taken must come out the same when it is written again, and its rows keep the limits
 * that the store declares. */
#include <stdlib.h>

#include "cluster/record.h"

static void same_cell(enum cell_type t, const struct cell *x, const struct cell *y)
{
    if (t == CELL_STR ? !str_eq(x->s, y->s) : x->i != y->i) abort();
}

static void same_change(const struct change *x, const struct change *y)
{
    if (x->del != y->del || x->row.table != y->row.table || store_row_check(&x->row, NULL) != ERR_OK) abort();
    const struct table_info *t = store_table(x->row.table);
    for (unsigned i = 0; i < (x->del ? t->keys : t->columns); i++)
        same_cell(t->column[i].type, &x->row.c[i], &y->row.c[i]);
}

static bool read_all(struct arena *a, struct str bytes, struct record_head *h, struct change **change, size_t *changes)
{
    struct str body;
    return record_decode_head(bytes, h, &body) && record_decode_rows(body, a, change, changes);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct arena a;
    struct buf b;
    struct record_head h, again;
    struct change *x, *y;
    size_t nx, ny;
    arena_init(&a);
    buf_init(&b, (size_t)1 << 26);
    if (read_all(&a, str_make((const char *)data, size), &h, &x, &nx)) {
        record_encode(&b, &h, x, nx);
        if (!buf_ok(&b) || !read_all(&a, buf_str(&b), &again, &y, &ny) || nx != ny) abort();
        if (h.kind != again.kind || h.slot != again.slot || h.opener != again.opener || h.epoch != again.epoch || h.began != again.began)
            abort();
        if (h.predecessor != again.predecessor || h.position != again.position || h.returned != again.returned) abort();
        for (size_t i = 0; i < nx; i++)
            same_change(&x[i], &y[i]);
    }
    buf_release(&b);
    arena_release(&a);
    return 0;
}
