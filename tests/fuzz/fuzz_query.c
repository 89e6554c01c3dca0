/* Query strings and percent-encoding: any bytes; a parameter is found whatever stands around it, and what decodes is the same when every byte of
 * it is escaped. */
#include <stdlib.h>

#include "http/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) abort();
}

struct values {
    size_t count;
    struct str first, last;
};

static void take(void *arg, struct str value)
{
    struct values *v = arg;
    if (v->count++ == 0) v->first = value;
    v->last = value;
}

static void check_decode(struct arena *a, struct str in, bool plus)
{
    struct str out, again;
    if (!http_decode(a, in, plus, &out)) return;
    must(out.n <= in.n);
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    for (size_t i = 0; i < out.n; i++)
        buf_printf(&b, "%%%02x", (unsigned char)out.p[i]);
    must(http_decode(a, buf_str(&b), plus, &again) && str_eq(out, again));
    buf_release(&b);
}

static void check_query(struct arena *a, struct str query)
{
    struct values v = {0};
    http_query_each(a, query, STR("name"), take, &v);
    struct str first = http_query(a, query, STR("name"));
    must(v.count ? str_eq(first, v.first) : str_null(first));
    size_t before = v.count;
    v = (struct values){0};
    http_query_each(a, arena_join(a, query, STR("&n%61me=v+%77"), STR("")), STR("name"), take, &v);
    must(v.count == before + 1 && str_is(v.last, "v w"));
    must(str_is(http_query(a, arena_join(a, STR("name=1&"), query, STR("")), STR("name")), "1"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    arena_init(&a);
    struct str in = arena_str(&a, str_make((const char *)data, size));
    check_decode(&a, in, false);
    check_decode(&a, in, true);
    check_query(&a, in);
    arena_release(&a);
    return 0;
}
