#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

struct error_row {
    const char *name, *errcode, *sentence;
    int http;
};

static const struct error_row rows[ERR__COUNT] = {
#define ERROR(name, http, errcode, sentence) [ERR_##name] = {#name, errcode, sentence, http},
#include "base/errors.def"
#undef ERROR
};

static const struct error_row *row(enum err e)
{
    return &rows[(unsigned)e < ERR__COUNT ? e : ERR_INTERNAL];
}

const char *err_name(enum err e)
{
    return row(e)->name;
}
const char *err_errcode(enum err e)
{
    return row(e)->errcode;
}
const char *err_sentence(enum err e)
{
    return row(e)->sentence;
}
int err_http_status(enum err e)
{
    return row(e)->http;
}

bool err_may_pass(enum err e)
{
    return e == ERR_STORAGE || e == ERR_FULL || e == ERR_UNAVAILABLE || e == ERR_TIMEOUT;
}

#undef fault_set
enum err fault_set(struct fault *f, enum err code, const char *fmt, ...)
{
    if (!f) return code;
    f->code = code;
    f->retry_ms = 0;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
    /* Also what a peer wrote may be part of it: the sentence ends before the first byte that is not UTF-8. */
    f->text[n < 0 ? 0 : str_utf8_prefix(str_c(f->text))] = 0;
    return code;
}
