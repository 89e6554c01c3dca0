#include <assert.h>

#include "json/json.h"

enum { NESTING = sizeof((struct json_out *)0)->some / sizeof(bool) };

void json_out_init(struct json_out *o, struct buf *b)
{
    *o = (struct json_out){.b = b};
}

/* Before each value: the comma, unless it is the first here or a key has put it. */
static void comma(struct json_out *o)
{
    if (o->after_key)
        o->after_key = false;
    else if (o->some[o->depth])
        buf_byte(o->b, ',');
    o->some[o->depth] = true;
}

static void open_container(struct json_out *o, bool object)
{
    comma(o);
    assert(o->depth + 1 < NESTING);
    o->depth++;
    o->some[o->depth] = false;
    o->object[o->depth] = object;
    buf_byte(o->b, object ? '{' : '[');
}

void json_object(struct json_out *o)
{
    open_container(o, true);
}
void json_array(struct json_out *o)
{
    open_container(o, false);
}

void json_end(struct json_out *o)
{
    assert(o->depth > 0 && !o->after_key);
    buf_byte(o->b, o->object[o->depth] ? '}' : ']');
    o->depth--;
}

void json_key_str(struct json_out *o, struct str key)
{
    assert(o->object[o->depth] && !o->after_key);
    comma(o);
    json_write_string(o->b, key);
    buf_byte(o->b, ':');
    o->after_key = true;
}

void json_key(struct json_out *o, const char *key)
{
    json_key_str(o, str_c(key));
}

void json_put_str(struct json_out *o, struct str s)
{
    comma(o);
    json_write_string(o->b, s);
}

void json_put_int(struct json_out *o, int64_t i)
{
    comma(o);
    buf_int(o->b, i);
}

void json_put_bool(struct json_out *o, bool v)
{
    comma(o);
    buf_add(o->b, v ? STR("true") : STR("false"));
}

void json_put_raw(struct json_out *o, struct str json)
{
    comma(o);
    buf_add(o->b, json);
}

void json_put(struct json_out *o, const struct json *v)
{
    comma(o);
    json_write(o->b, v);
}

void json_str_member(struct json_out *o, const char *key, struct str value)
{
    json_key(o, key);
    json_put_str(o, value);
}

void json_int_member(struct json_out *o, const char *key, int64_t value)
{
    json_key(o, key);
    json_put_int(o, value);
}

void json_bool_member(struct json_out *o, const char *key, bool value)
{
    json_key(o, key);
    json_put_bool(o, value);
}

void json_raw_member(struct json_out *o, const char *key, struct str json)
{
    json_key(o, key);
    json_put_raw(o, json);
}
