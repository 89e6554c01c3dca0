/* Content-Range as a storage answers it: what is taken lies within the object, and is what was written. */
#include <stdio.h>
#include <stdlib.h>

#include "blob/s3/part.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(bool ok)
{
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct part p, again;
    char text[100];
    if (!part_parse(str_make((const char *)data, size), &p)) return 0;
    must(p.first <= p.last && p.last < p.total && p.total <= INT64_MAX);
    snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)p.first, (unsigned long long)p.last,
             (unsigned long long)p.total);
    must(part_parse(str_c(text), &again) && again.first == p.first && again.last == p.last && again.total == p.total);
    return 0;
}
