/* Rows out of the cache: bytes that may be anything, and what is taken must come out the same when it is written again. The first byte is the table. */
#include <stdlib.h>

#include "engine/hot.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    enum { SLOT = 7 };
    if (size == 0) return 0;
    enum table table = (enum table)(data[0] % T__COUNT);
    struct arena a;
    struct row *row, *again;
    size_t count, n;
    arena_init(&a);
    if (hot_rows_unpack(str_make((const char *)data + 1, size - 1), SLOT, table, &a, &row, &count)) {
        struct buf b, twice;
        buf_init(&b, HOT_VALUE_MAX);
        buf_init(&twice, HOT_VALUE_MAX);
        bool fits = hot_rows_pack(&b, SLOT, row, count);
        if (fits && !hot_rows_unpack(buf_str(&b), SLOT, table, &a, &again, &n)) abort();
        if (fits && (n != count || !hot_rows_pack(&twice, SLOT, again, n) || !str_eq(buf_str(&b), buf_str(&twice)))) abort();
        buf_release(&b);
        buf_release(&twice);
    }
    arena_release(&a);
    return 0;
}
