#include "store/key.h"

#include "base/varint.h"

static void put_int(struct key *k, int64_t v)
{
    uint64_t big = __builtin_bswap64((uint64_t)v ^ (uint64_t)1 << 63);
    memcpy(k->b + k->n, &big, sizeof big);
    k->n += sizeof big;
}

static int64_t get_int(const char *p)
{
    uint64_t big;
    memcpy(&big, p, sizeof big);
    return (int64_t)(__builtin_bswap64(big) ^ (uint64_t)1 << 63);
}

static bool put_str(struct key *k, struct str s)
{
    if (s.n > KEY_BYTES_MAX - k->n || 2 > KEY_BYTES_MAX - k->n - s.n) return false;
    while (s.n) {
        const char *nul = memchr(s.p, 0, s.n);
        size_t plain = nul ? (size_t)(nul - s.p) + 1 : s.n;
        memcpy(k->b + k->n, s.p, plain);
        k->n += plain;
        s = str_from(s, plain);
        if (nul) k->b[k->n++] = 0xFF;
        if (s.n + 3 > KEY_BYTES_MAX - k->n) return false;
    }
    k->b[k->n++] = 0;
    k->b[k->n++] = 0;
    return true;
}

bool key_add(struct key *k, enum table t, unsigned at, const struct cell *c)
{
    const struct table_info *info = store_table(t);
    if (at >= info->keys) abort();
    if (info->column[at].type == CELL_STR) return put_str(k, c->s);
    if (KEY_BYTES_MAX - k->n < sizeof c->i) return false;
    put_int(k, c->i);
    return true;
}

bool key_encode(struct key *k, unsigned slot, enum table t, const struct cell *cells, unsigned count)
{
    k->b[0] = (unsigned char)slot;
    k->b[1] = (unsigned char)t;
    k->n = KEY_CELL_FIRST;
    for (unsigned i = 0; i < count; i++)
        if (!key_add(k, t, i, &cells[i])) return false;
    return true;
}

void key_after(struct key *k)
{
    while (k->n && k->b[k->n - 1] == 0xFF)
        k->n--;
    if (k->n)
        k->b[k->n - 1]++;
    else
        memset(k->b, 0xFF, k->n = sizeof k->b);
}

/* The bytes of the encoded string at the start of `s` without its end; -1: it has no end. */
static ptrdiff_t str_extent(struct str s)
{
    for (size_t at = 0; at < s.n;) {
        const char *nul = memchr(s.p + at, 0, s.n - at);
        if (!nul || (size_t)(nul - s.p) + 1 >= s.n) return -1;
        if (nul[1] == 0) return nul - s.p;
        if ((unsigned char)nul[1] != 0xFF) return -1;
        at = (size_t)(nul - s.p) + 2;
    }
    return -1;
}

/* One cell off the start of `rest`. */
static bool take_str(struct str *rest, char **bytes, struct str *out)
{
    ptrdiff_t n = str_extent(*rest);
    if (n < 0) return false;
    char *to = *bytes;
    for (size_t at = 0; at < (size_t)n;) {
        const char *from = rest->p + at, *nul = memchr(from, 0, (size_t)n - at);
        size_t plain = nul ? (size_t)(nul - from) + 1 : (size_t)n - at;
        memcpy(to, from, plain);
        to += plain;
        at += plain + (nul != NULL);
    }
    *out = str_make(*bytes, (size_t)(to - *bytes));
    *bytes = to;
    *rest = str_from(*rest, (size_t)n + 2);
    return true;
}

static bool take_int(struct str *rest, int64_t *out)
{
    if (rest->n < sizeof *out) return false;
    *out = get_int(rest->p);
    *rest = str_from(*rest, sizeof *out);
    return true;
}

bool key_decode(struct str key, unsigned slot, enum table t, char *bytes, struct row *out)
{
    const struct table_info *info = store_table(t);
    if (key.n < KEY_CELL_FIRST || key.n > KEY_BYTES_MAX) return false;
    if ((unsigned char)key.p[0] != slot || (unsigned char)key.p[1] != (unsigned)t) return false;
    struct str rest = str_from(key, KEY_CELL_FIRST);
    for (unsigned i = 0; i < info->keys; i++) {
        out->c[i] = (struct cell){0};
        bool ok = info->column[i].type == CELL_STR ? take_str(&rest, &bytes, &out->c[i].s) : take_int(&rest, &out->c[i].i);
        if (!ok) return false;
    }
    out->table = t;
    return rest.n == 0;
}

size_t key_prefix(struct str key)
{
    if (key.n < KEY_CELL_FIRST || (unsigned char)key.p[1] >= T__COUNT) return 0;
    struct str rest = str_from(key, KEY_CELL_FIRST);
    if (store_table((enum table)(unsigned char)key.p[1])->column[0].type == CELL_INT)
        return rest.n < sizeof(int64_t) ? 0 : KEY_CELL_FIRST + sizeof(int64_t);
    ptrdiff_t n = str_extent(rest);
    return n < 0 ? 0 : KEY_CELL_FIRST + (size_t)n + 2;
}

void value_encode(struct buf *out, const struct row *r)
{
    const struct table_info *info = store_table(r->table);
    for (unsigned i = info->keys; i < info->columns; i++) {
        const struct cell *c = &r->c[i];
        bool string = info->column[i].type == CELL_STR;
        char *p = buf_room(out, VARINT_MAX + (string ? c->s.n : 0));
        if (!p) return;
        char *end = varint_put(p, string ? c->s.n : varint_fold(c->i));
        if (string && c->s.n) {
            memcpy(end, c->s.p, c->s.n);
            end += c->s.n;
        }
        buf_added(out, (size_t)(end - p));
    }
}

bool value_decode(struct str value, struct row *out)
{
    const struct table_info *info = store_table(out->table);
    for (unsigned i = info->keys; i < info->columns; i++) {
        uint64_t v = 0;
        out->c[i] = (struct cell){.s = STR("")};
        if (value.n == 0) continue;
        if (!varint_take(&value, &v)) return false;
        if (info->column[i].type == CELL_INT) {
            out->c[i].i = varint_unfold(v);
            continue;
        }
        if (v > value.n) return false;
        out->c[i].s = str_first(value, (size_t)v);
        value = str_from(value, (size_t)v);
    }
    return true;
}
