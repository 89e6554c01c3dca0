/* Accept-Encoding and If-None-Match: any bytes; one more element that says what is there already must not change the outcome. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "http/negotiate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    arena_init(&a);
    struct str header = str_make(arena_str(&a, str_make((const char *)data, size)).p, size);
    unsigned br = negotiate_coding(header, STR("br"));
    if (br > 1000) abort();
    bool tag = negotiate_has_tag(header, STR("\"tag\""));
    if (negotiate_coding(arena_join(&a, header, STR(",gzip;q=0.3"), STR("")), STR("br")) != br) abort();
    if (negotiate_has_tag(arena_join(&a, STR("\"other\","), header, STR("")), STR("\"tag\"")) != tag) abort();
    if (!negotiate_has_tag(arena_join(&a, header, STR(",\"tag\""), STR("")), STR("\"tag\""))) abort();
    arena_release(&a);
    return 0;
}
