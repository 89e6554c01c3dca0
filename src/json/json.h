/* JSON: parse into a tree in an arena, look into it, write it again (as it came, or canonical).
 *
 * The parser is strict: RFC 8259, well-formed UTF-8, no lone surrogates, bounded depth; duplicate keys are refused. Numbers
 * that are not integers in the canonical range (±(2^53-1)) are kept as JSON_REAL with their source text, so that they can be
 * refused where canonical JSON is needed and passed through where it is not.
 * Strings are decoded; a string without escapes points into the input, which therefore must outlive the tree. */
#ifndef ROOKERY_JSON_JSON_H
#define ROOKERY_JSON_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_INT, JSON_REAL, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

enum { JSON_DEPTH_MAX = 100 };

/* One value. Children of an array or object form a list through `next`, in source order. */
struct json {
    enum json_type type;
    uint32_t count;    /* children */
    struct str key;    /* decoded; in an object only */
    struct str string; /* JSON_STRING: decoded. JSON_REAL: source text */
    int64_t integer;   /* JSON_INT */
    struct json *child, *last, *next;
    struct str raw; /* the source text of the value, where it was parsed; empty where it was made, copied or changed. (What
                           contains a changed value keeps its own: look at `raw` before changing a tree, not afterwards.) */
};

/* ERR_NOT_JSON with a sentence that says what is wrong and at which byte. Never recurses deeper than JSON_DEPTH_MAX. */
must_use enum err json_parse(struct arena *a, struct str text, struct json **out, struct fault *f);

/* --- looking: all accept NULL and the wrong type, and then answer NULL / null slice / the default --- */
struct json *json_get(const struct json *object, const char *key);
struct json *json_get_str(const struct json *object, struct str key);
/* Path of keys: json_path(v, "content", "m.relates_to", "rel_type", NULL). */
struct json *json_path(const struct json *v, ...) __attribute__((sentinel));
struct str json_string(const struct json *v); /* null slice when it is no string */
struct str json_string_at(const struct json *object, const char *key);
bool json_int(const struct json *v, int64_t *out);
int64_t json_int_at(const struct json *object, const char *key, int64_t otherwise);
bool json_bool_at(const struct json *object, const char *key, bool otherwise);
static inline bool json_is(const struct json *v, enum json_type t)
{
    return v && v->type == t;
}
#define json_each(it, container) for (struct json *it = (container) ? (container)->child : NULL; it; it = it->next)

/* --- making: in an arena --- */
struct json *json_new(struct arena *a, enum json_type type);
struct json *json_new_string(struct arena *a, struct str s); /* points to s, no copy */
struct json *json_new_int(struct arena *a, int64_t i);
struct json *json_new_bool(struct arena *a, bool b);
/* Sets (replaces) a member; `key` is not copied. Returns `value`. A value belongs to one container. */
struct json *json_set(struct json *object, struct str key, struct json *value);
/* The same for a key that is not there yet: costs nothing for many members. */
struct json *json_add(struct json *object, struct str key, struct json *value);
bool json_remove(struct json *object, struct str key);
struct json *json_push(struct json *array, struct json *value);
/* Deep copy; strings are shared with the source. NULL gives NULL. */
struct json *json_copy(struct arena *a, const struct json *v);
/* Members in any order; a JSON_REAL equals only what is written the same way. */
bool json_equal(const struct json *a, const struct json *b);

/* --- writing --- */
/* A string with its quotes, escaped. */
void json_write_string(struct buf *b, struct str s);
void json_write(struct buf *b, const struct json *v);
/* Canonical JSON (appendices, "Canonical JSON"): sorted keys, shortest form. BAD_JSON when a number is outside of it; then
 * nothing was written. */
must_use enum err json_write_canonical(struct buf *b, const struct json *v, struct fault *f);
/* In the arena. */
struct str json_text(struct arena *a, const struct json *v);

/* Writing without a tree: `{`, members, `}`. Puts the commas. Nesting up to 32.
 *     struct json_out o; json_out_init(&o, &buf);
 *     json_object(&o); json_key(&o, "event_id"); json_put_str(&o, id); json_end(&o); */
struct json_out {
    struct buf *b;
    unsigned depth;
    bool some[33], object[33], after_key; /* [0]: outside of all */
};
void json_out_init(struct json_out *o, struct buf *b);
void json_object(struct json_out *o);
void json_array(struct json_out *o);
void json_end(struct json_out *o);
void json_key(struct json_out *o, const char *key);
void json_key_str(struct json_out *o, struct str key);
void json_put_str(struct json_out *o, struct str s);
void json_put_int(struct json_out *o, int64_t i);
void json_put_bool(struct json_out *o, bool v);
void json_put_raw(struct json_out *o, struct str json);
void json_put(struct json_out *o, const struct json *v);
/* Member with a string / int value, in one call. */
void json_str_member(struct json_out *o, const char *key, struct str value);
void json_int_member(struct json_out *o, const char *key, int64_t value);
void json_bool_member(struct json_out *o, const char *key, bool value);
void json_raw_member(struct json_out *o, const char *key, struct str json);

#endif
