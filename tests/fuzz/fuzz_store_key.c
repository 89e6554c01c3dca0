/* Rows as bytes: whatever stands on the disk, decoding stays within it; and what decodes is what its cells encode to. */
#include "store/key.h"
#include "store/rocksdb/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok) abort();
}

static void fuzz_key(enum table t, struct str bytes)
{
    struct row row = {0}, again = {0};
    char *strings = mem_alloc(bytes.n), *more = mem_alloc(KEY_BYTES_MAX);
    if (bytes.n && key_decode(bytes, (unsigned char)bytes.p[0], t, strings, &row)) {
        struct key k;
        check(key_encode(&k, (unsigned char)bytes.p[0], t, row.c, store_table(t)->keys));
        check(str_eq(key_str(&k), bytes));
        check(key_prefix(bytes) > KEY_CELL_FIRST && key_prefix(bytes) <= bytes.n);
        check(key_decode(key_str(&k), (unsigned char)bytes.p[0], t, more, &again));
    }
    check(key_prefix(bytes) <= bytes.n);
    mem_free(strings);
    mem_free(more);
}

static void fuzz_value(enum table t, struct str bytes)
{
    struct row row = {.table = t}, again = {.table = t};
    if (!value_decode(bytes, &row)) return;
    struct buf b;
    buf_init(&b, VALUE_BYTES_MAX);
    value_encode(&b, &row);
    if (buf_ok(&b)) {
        check(value_decode(buf_str(&b), &again));
        for (unsigned i = store_table(t)->keys; i < store_table(t)->columns; i++)
            check(store_table(t)->column[i].type == CELL_INT ? row.c[i].i == again.c[i].i : str_eq(row.c[i].s, again.c[i].s));
    }
    buf_release(&b);
}

/* A record of the log that has passed its checksum and is none all the same. */
static void fuzz_record(struct str rest)
{
    struct record_batch b;
    struct front_row row;
    size_t bytes = 0;
    while (record_batch(&rest, &b))
        for (uint32_t i = 0; i < b.rows; i++) {
            if (!record_row(&rest, &row)) return;
            struct str parts[] = {front_key(&row), front_value(&row)};
            for (int part = 0; part < 2; part++)
                for (size_t k = 0; k < parts[part].n; k++)
                    bytes += (unsigned char)parts[part].p[k];
        }
    check(bytes != SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    /* A copy of just that length, so that a read beyond it is seen. */
    struct str all = str_make((const char *)data + 1, size - 1);
    enum table t = (enum table)(data[0] % T__COUNT);
    char *copy = mem_alloc(all.n);
    if (all.n) memcpy(copy, all.p, all.n);
    struct str bytes = str_make(copy, all.n);
    if (bytes.n > 1) copy[1] = (char)t;
    fuzz_key(t, bytes);
    fuzz_value(t, bytes);
    fuzz_record(bytes);
    mem_free(copy);
    return 0;
}
