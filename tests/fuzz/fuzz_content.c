/* What strangers write about media: the first byte chooses between content type, file name and range. What comes out must be fit for a
 * header, whatever went in. */
#include "engine/media/content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok) abort();
}

static void fit_for_a_header(struct str s, size_t max)
{
    check(s.n > 0 && s.n <= max);
    for (size_t i = 0; i < s.n; i++)
        check((s.p[i] >= ' ' && s.p[i] <= '~') || s.p[i] == '\t');
}

static void type_and_name(struct arena *a, struct str in)
{
    struct str type = content_type_clean(a, in), again = content_type_clean(a, type);
    fit_for_a_header(type, CONTENT_TYPE_MAX);
    check(str_eq(type, again));
    fit_for_a_header(content_disposition(a, type, in), 64 + 4 * CONTENT_NAME_MAX);
    fit_for_a_header(content_disposition(a, in, in), 64 + 4 * CONTENT_NAME_MAX);
}

static void range(struct arena *a, struct str in)
{
    static const uint64_t sizes[] = {0, 1, 2, 1000, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct content_range r;
        enum range_answer answer = content_range_parse(in, sizes[i], &r);
        if (answer == RANGE_PART) check(r.count > 0 && r.first < sizes[i] && r.count <= sizes[i] - r.first);
        if (answer == RANGE_WHOLE) check(r.first == 0 && r.count == sizes[i]);
        if (answer == RANGE_PART) fit_for_a_header(content_range_header(a, &r, sizes[i]), 100);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    arena_init(&a);
    struct str in = size ? str_make((const char *)data + 1, size - 1) : (struct str){0};
    if (size && data[0] % 2)
        range(&a, in);
    else
        type_and_name(&a, in);
    arena_release(&a);
    return 0;
}
