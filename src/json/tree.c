#include <stdarg.h>

#include "json/json_priv.h"

/* --- looking --- */

struct json *json_get_str(const struct json *object, struct str key)
{
    if (!json_is(object, JSON_OBJECT)) return NULL;
    json_each(m, object) if (str_eq(m->key, key)) return m;
    return NULL;
}

struct json *json_get(const struct json *object, const char *key)
{
    return json_get_str(object, str_c(key));
}

struct json *json_path(const struct json *v, ...)
{
    va_list keys;
    va_start(keys, v);
    struct json *at = NULL;
    for (const char *key; (key = va_arg(keys, const char *)) != NULL;) {
        at = json_get(v, key);
        v = at;
    }
    va_end(keys);
    return at;
}

struct str json_string(const struct json *v)
{
    return json_is(v, JSON_STRING) ? v->string : (struct str){0};
}

struct str json_string_at(const struct json *object, const char *key)
{
    return json_string(json_get(object, key));
}

bool json_int(const struct json *v, int64_t *out)
{
    if (!json_is(v, JSON_INT)) return false;
    *out = v->integer;
    return true;
}

int64_t json_int_at(const struct json *object, const char *key, int64_t otherwise)
{
    json_int(json_get(object, key), &otherwise);
    return otherwise;
}

bool json_bool_at(const struct json *object, const char *key, bool otherwise)
{
    const struct json *v = json_get(object, key);
    if (json_is(v, JSON_TRUE)) return true;
    if (json_is(v, JSON_FALSE)) return false;
    return otherwise;
}

/* --- making --- */

struct json *json_new(struct arena *a, enum json_type type)
{
    struct json *v = arena_alloc(a, sizeof *v);
    *v = (struct json){.type = type};
    return v;
}

struct json *json_new_string(struct arena *a, struct str s)
{
    struct json *v = json_new(a, JSON_STRING);
    v->string = s.p ? s : STR("");
    return v;
}

struct json *json_new_int(struct arena *a, int64_t i)
{
    struct json *v = json_new(a, JSON_INT);
    v->integer = i;
    return v;
}

struct json *json_new_bool(struct arena *a, bool b)
{
    return json_new(a, b ? JSON_TRUE : JSON_FALSE);
}

struct json *json_push(struct json *container, struct json *value)
{
    value->next = NULL;
    if (container->last)
        container->last->next = value;
    else
        container->child = value;
    container->last = value;
    container->count++;
    container->raw = (struct str){0};
    return value;
}

struct json *json_add(struct json *object, struct str key, struct json *value)
{
    value->key = key;
    return json_push(object, value);
}

/* The link that points to the member, so that it can be replaced or cut out; `*before` is the member in front of it. */
static struct json **find_link(struct json *object, struct str key, struct json **before)
{
    *before = NULL;
    struct json **link = &object->child;
    while (*link && !str_eq((*link)->key, key)) {
        *before = *link;
        link = &(*link)->next;
    }
    return link;
}

struct json *json_set(struct json *object, struct str key, struct json *value)
{
    struct json *before, **link = find_link(object, key, &before), *old = *link;
    if (!old) return json_add(object, key, value);
    if (old == value) return value;
    value->key = key;
    value->next = old->next;
    *link = value;
    if (object->last == old) object->last = value;
    object->raw = (struct str){0};
    return value;
}

bool json_remove(struct json *object, struct str key)
{
    if (!json_is(object, JSON_OBJECT)) return false;
    struct json *before, **link = find_link(object, key, &before), *old = *link;
    if (!old) return false;
    *link = old->next;
    if (object->last == old) object->last = before;
    object->count--;
    object->raw = (struct str){0};
    return true;
}

struct json *json_copy(struct arena *a, const struct json *v)
{
    if (!v) return NULL;
    struct json *copy = arena_alloc(a, sizeof *copy);
    *copy = *v;
    copy->child = copy->last = copy->next = NULL;
    copy->count = 0;
    json_each(child, v) json_push(copy, json_copy(a, child));
    copy->raw = (struct str){0};
    return copy;
}

/* --- comparing --- */

static bool arrays_equal(const struct json *a, const struct json *b)
{
    const struct json *y = b->child;
    for (const struct json *x = a->child; x; x = x->next, y = y->next)
        if (!json_equal(x, y)) return false;
    return true;
}

static bool objects_equal(const struct json *a, const struct json *b)
{
    struct json_sorted room_a[JSON_FEW], room_b[JSON_FEW], *x = json_sort(a, room_a), *y = json_sort(b, room_b);
    bool equal = true;
    for (size_t i = 0; i < a->count && equal; i++)
        equal = str_eq(x[i].member->key, y[i].member->key) && json_equal(x[i].member, y[i].member);
    json_sorted_free(x, room_a);
    json_sorted_free(y, room_b);
    return equal;
}

bool json_equal(const struct json *a, const struct json *b)
{
    if (a == b) return true;
    if (!a || !b || a->type != b->type || a->count != b->count) return false;
    switch (a->type) {
    case JSON_INT:
        return a->integer == b->integer;
    case JSON_REAL:
    case JSON_STRING:
        return str_eq(a->string, b->string);
    case JSON_ARRAY:
        return arrays_equal(a, b);
    case JSON_OBJECT:
        return objects_equal(a, b);
    default:
        return true;
    }
}
