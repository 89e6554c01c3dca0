#include "store/rocksdb/record.h"

#include <endian.h>

#include "store/key.h"

enum { BATCH_HEAD = 32, ROW_HEAD = 8 };
static const uint32_t DELETED = (uint32_t)1 << 31;

static void put32(char *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof v);
}

static uint32_t get32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return le32toh(v);
}

static void put64(char *p, int64_t n)
{
    uint64_t v = htole64((uint64_t)n);
    memcpy(p, &v, sizeof v);
}

static int64_t get64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return (int64_t)le64toh(v);
}

static void row_add(struct buf *out, unsigned slot, const struct change *c)
{
    struct key key;
    if (!key_encode(&key, slot, c->row.table, c->row.c, store_table(c->row.table)->keys)) abort(); /* change_check let it pass */
    size_t head = out->n;
    if (!buf_room(out, ROW_HEAD)) return;
    buf_added(out, ROW_HEAD);
    buf_add(out, key_str(&key));
    size_t value = out->n;
    if (!c->del) value_encode(out, &c->row);
    if (!buf_ok(out)) return;
    put32(out->p + head, (uint32_t)key.n | (c->del ? DELETED : 0));
    put32(out->p + head + 4, (uint32_t)(out->n - value));
}

void record_write(struct buf *out, const struct store_batch *b)
{
    char *p = b->count <= UINT32_MAX ? buf_room(out, BATCH_HEAD) : NULL;
    if (!p) {
        out->full = true;
        return;
    }
    put32(p, b->slot);
    put32(p + 4, (uint32_t)b->count);
    put64(p + 8, b->epoch);
    put64(p + 16, b->predecessor);
    put64(p + 24, b->position);
    buf_added(out, BATCH_HEAD);
    for (size_t i = 0; i < b->count; i++)
        row_add(out, b->slot, &b->change[i]);
}

bool record_batch(struct str *rest, struct record_batch *out)
{
    if (rest->n < BATCH_HEAD) return false;
    *out = (struct record_batch){.slot = get32(rest->p),
                                 .rows = get32(rest->p + 4),
                                 .epoch = get64(rest->p + 8),
                                 .predecessor = get64(rest->p + 16),
                                 .position = get64(rest->p + 24)};
    *rest = str_from(*rest, BATCH_HEAD);
    return out->slot < STORE_SLOTS;
}

bool record_row(struct str *rest, struct front_row *out)
{
    if (rest->n < ROW_HEAD) return false;
    uint32_t kn = get32(rest->p), vn = get32(rest->p + 4);
    *out = (struct front_row){.deleted = kn & DELETED, .kn = kn & ~DELETED, .vn = vn};
    *rest = str_from(*rest, ROW_HEAD);
    if (out->kn > KEY_BYTES_MAX || out->kn > rest->n || vn > rest->n - out->kn) return false;
    out->key = rest->p;
    *rest = str_from(*rest, (size_t)out->kn + vn);
    return true;
}
