/* The Range header, of a file whose size the first eight bytes say: a part lies within the file and is not empty. */
#include <stdlib.h>

#include "engine/media/content.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(bool ok)
{
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    uint64_t total = 0;
    struct content_range r;
    struct arena a;
    if (size < sizeof total) return 0;
    memcpy(&total, data, sizeof total);
    arena_init(&a);
    struct str header = arena_str(&a, str_make((const char *)data + sizeof total, size - sizeof total));
    enum range_answer answer = content_range_parse(header, total, &r);
    if (answer == RANGE_WHOLE) must(r.first == 0 && r.count == total);
    if (answer == RANGE_PART) must(r.count > 0 && r.first < total && r.count <= total - r.first);
    if (answer != RANGE_WHOLE) must(content_range_header(&a, answer == RANGE_PART ? &r : NULL, total).n > 0);
    arena_release(&a);
    return 0;
}
