#include "cluster/record.h"

#include "cluster/wire.h"

static bool counts(enum record_kind k)
{
    return k != RECORD_BEAT;
}

/* --- writing --- */

void record_put_cells(struct buf *b, const struct table_info *t, const struct cell *c, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        if (t->column[i].type == CELL_INT) {
            wire_put_int(b, c[i].i);
        } else {
            wire_put_uint(b, c[i].s.n);
            buf_add(b, c[i].s);
        }
    }
}

static void put_change(struct buf *b, const struct change *c)
{
    const struct table_info *t = store_table(c->row.table);
    unsigned cells = c->del ? t->keys : t->columns;
    wire_put_uint(b, (uint64_t)c->row.table);
    /* How many there are, since later programs know more columns. */
    wire_put_uint(b, (uint64_t)cells << 1 | c->del);
    record_put_cells(b, t, c->row.c, 0, cells);
}

void record_encode(struct buf *b, const struct record_head *h, const struct change *change, size_t changes)
{
    wire_put_uint(b, h->format);
    wire_put_uint(b, (uint64_t)h->kind);
    wire_put_uint(b, h->slot);
    wire_put_uint(b, h->opener);
    wire_put_int(b, h->epoch);
    wire_put_int(b, h->began);
    wire_put_int(b, h->predecessor);
    wire_put_int(b, h->position);
    wire_put_int(b, h->returned);
    wire_put_uint(b, changes);
    for (size_t i = 0; i < changes; i++)
        put_change(b, &change[i]);
}

/* --- reading --- */

static bool get_small(struct str *in, unsigned below, unsigned *out)
{
    uint64_t v;
    if (!wire_get_uint(in, &v) || v >= below) return false;
    *out = (unsigned)v;
    return true;
}

static bool is_sound(const struct record_head *h)
{
    bool forward = counts(h->kind) ? h->position > h->predecessor : h->position == h->predecessor;
    return h->format >= 1 && h->epoch >= 0 && h->began >= 0 && h->predecessor >= 0 && forward;
}

bool record_decode_head(struct str in, struct record_head *out, struct str *body)
{
    unsigned kind;
    *out = (struct record_head){0};
    if (!get_small(&in, RECORD_FORMAT + 1, &out->format) || !get_small(&in, RECORD_KINDS, &kind)) return false;
    if (!get_small(&in, STORE_SLOTS, &out->slot) || !wire_get_uint(&in, &out->opener)) return false;
    out->kind = (enum record_kind)kind;
    int64_t *const number[] = {&out->epoch, &out->began, &out->predecessor, &out->position, &out->returned};
    for (size_t i = 0; i < sizeof number / sizeof *number; i++)
        if (!wire_get_int(&in, number[i])) return false;
    *body = in;
    return is_sound(out);
}

bool record_get_cells(struct str *in, const struct table_info *t, struct cell *c, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        uint64_t length;
        if (t->column[i].type == CELL_INT) {
            if (!wire_get_int(in, &c[i].i)) return false;
            continue;
        }
        if (!wire_get_uint(in, &length) || length > in->n) return false;
        c[i].s = str_first(*in, (size_t)length);
        *in = str_from(*in, (size_t)length);
    }
    return true;
}

static bool get_change(struct str *in, struct change *c)
{
    unsigned table, cells;
    *c = (struct change){0};
    if (!get_small(in, T__COUNT, &table) || !get_small(in, 2 * STORE_CELLS_MAX + 2, &cells)) return false;
    c->row.table = (enum table)table;
    c->del = cells & 1;
    cells >>= 1;
    const struct table_info *t = store_table(c->row.table);
    if (cells < t->keys || cells > (c->del ? t->keys : t->columns)) return false;
    for (unsigned i = cells; i < t->columns; i++)
        if (t->column[i].type == CELL_STR) c->row.c[i].s = STR("");
    return record_get_cells(in, t, c->row.c, 0, cells) && store_row_check(&c->row, NULL) == ERR_OK;
}

bool record_decode_rows(struct str in, struct arena *a, struct change **change, size_t *changes)
{
    uint64_t n;
    if (!wire_get_uint(&in, &n) || n > RECORD_CHANGES_MAX || n > in.n) return false;
    struct change *c = arena_array(a, (size_t)n + 1, sizeof *c);
    for (size_t i = 0; i < n; i++)
        if (!get_change(&in, &c[i])) return false;
    *change = c;
    *changes = (size_t)n;
    return in.n == 0;
}

/* --- what counts --- */

/* A record that does not follow where the reader stands. Where its maker had got something back that the reader does not have, that counted, and is
 * lost; otherwise what is missing was refused, or never came, and then this one counted for nobody either. */
static enum verdict unconnected(const struct stand *s, const struct record_head *h)
{
    return h->predecessor > s->position && h->returned > s->position ? VERDICT_GAP : VERDICT_VOID;
}

enum verdict record_judge(const struct stand *s, const struct record_head *h)
{
    if (!counts(h->kind) || h->epoch < s->epoch) return VERDICT_VOID;
    if (h->epoch == s->epoch) {
        if (h->position <= s->position) return VERDICT_KNOWN;
        return h->predecessor == s->position && h->kind == RECORD_ROWS ? VERDICT_TAKE : unconnected(s, h);
    }
    /* An epoch begins with its mark. Its maker had read all that stood before: what it had seen and this reader has not is lost. */
    if (h->kind == RECORD_MARK) return h->predecessor == s->position ? VERDICT_TAKE : unconnected(s, h);
    return h->returned > s->position ? VERDICT_GAP : VERDICT_VOID;
}
