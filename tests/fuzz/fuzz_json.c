/* JSON: what parses is written and parsed again as the same; the canonical form is its own canonical form; sorting and
 * escaping lose nothing. */
#include <stdlib.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(bool ok)
{
    if (!ok) abort();
}

static struct json *parse(struct arena *a, struct str text)
{
    struct json *v;
    struct fault f;
    enum err e = json_parse(a, text, &v, &f);
    must((e == ERR_OK) == (v != NULL));
    must(e == ERR_OK || (f.code == e && str_is_utf8(str_c(f.text))));
    return v;
}

/* Everything that the tree says of itself is true. */
static void check_tree(const struct json *v)
{
    uint32_t n = 0;
    json_each(child, v)
    {
        n++;
        must(child->next || v->last == child);
        must(str_is_utf8(child->key) && (child->key.p != NULL) == (v->type == JSON_OBJECT));
        must(child->raw.p > v->raw.p && child->raw.p + child->raw.n < v->raw.p + v->raw.n);
        check_tree(child);
    }
    must(n == v->count && (n == 0 || v->type == JSON_ARRAY || v->type == JSON_OBJECT));
    must(v->type != JSON_STRING || str_is_utf8(v->string));
}

static void check_member_lookup(const struct json *v)
{
    if (v->type != JSON_OBJECT || v->count > 100) return;
    json_each(m, v) must(json_get_str(v, m->key) == m);
}

static void check_written(struct arena *a, const struct json *v)
{
    struct json *again = parse(a, json_text(a, v));
    must(again && json_equal(v, again) && json_equal(again, json_copy(a, v)));
    again = parse(a, v->raw);
    must(again && json_equal(v, again));
}

static void check_canonical(struct arena *a, const struct json *v)
{
    struct buf first, second;
    buf_init(&first, SIZE_MAX);
    buf_init(&second, SIZE_MAX);
    if (json_write_canonical(&first, v, NULL) == ERR_OK) {
        struct json *again = parse(a, buf_str(&first));
        must(again && json_equal(v, again));
        must(json_write_canonical(&second, again, NULL) == ERR_OK && str_eq(buf_str(&first), buf_str(&second)));
        /* Sorted already, so that as it came is the same. */
        must(str_eq(json_text(a, again), buf_str(&first)));
    } else {
        must(first.n == 0);
    }
    buf_release(&first);
    buf_release(&second);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct arena a = {0};
    struct json *v = parse(&a, str_make((const char *)data, size));
    if (v) {
        check_tree(v);
        check_member_lookup(v);
        check_written(&a, v);
        check_canonical(&a, v);
    }
    arena_release(&a);
    return 0;
}
