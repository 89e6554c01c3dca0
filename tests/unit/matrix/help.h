/* What the tests of matrix/ share. */
#ifndef ROOKERY_TESTS_MATRIX_HELP_H
#define ROOKERY_TESTS_MATRIX_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/json.h"

/* A failing row of a table says which one it was. */
static inline void check_str(const char *row, struct str got, struct str want)
{
    if (str_eq(got, want)) return;
    fail_msg("%s: got \"%.*s\", want \"%.*s\"", row, STR_FMT(got), STR_FMT(want));
}

static inline void check_true(const char *row, bool ok)
{
    if (!ok) fail_msg("%s: does not hold", row);
}

static inline struct json *parse(struct arena *a, const char *text)
{
    struct json *v;
    struct fault f;
    if (json_parse(a, str_c(text), &v, &f)) fail_msg("%s: %s", text, f.text);
    return v;
}

/* JSON with ' for ", which reads better in C. */
static inline struct json *quoted(struct arena *a, const char *text)
{
    if (!text) return NULL;
    char *copy = arena_cstr(a, str_c(text));
    for (char *p = copy; *p; p++)
        if (*p == '\'') *p = '"';
    return parse(a, copy);
}

static inline struct str str_or_null(const char *s)
{
    return s ? str_c(s) : (struct str){0};
}

#endif
