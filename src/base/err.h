/* Errors: one enum from one list (errors.def), and one sentence for the reader.
 *
 * A function that can fail returns `enum err` (0 is success) and must be checked. Where the reader of the failure needs to
 * know more than the name, it also takes a `struct fault *` (may be NULL) and writes the sentence there:
 *
 *     return fault_set(f, ERR_FORBIDDEN, "You need power level %d to do that.", level);
 *
 * Sentences never contain tokens, passwords or message bodies. */
#ifndef ROOKERY_BASE_ERR_H
#define ROOKERY_BASE_ERR_H

#include "base/mem.h"

enum err {
#define ERROR(name, http, errcode, sentence) ERR_##name,
#include "base/errors.def"
#undef ERROR
    ERR__COUNT
};

struct fault {
    enum err code;
    int64_t retry_ms; /* when to try again; 0 where that does not help */
    char text[240];   /* NUL-terminated UTF-8; empty: the default sentence */
};

/* Returns `code`, so that it can be the operand of `return`. A too long sentence is cut at a character. */
enum err fault_set(struct fault *f, enum err code, const char *fmt, ...) printf_like(3, 4);
#ifdef __clang_analyzer__
/* The analyser does not look into err.c, and would go on as if the call could return OK. */
#define fault_set(f, code, ...) (fault_set((f), (code), __VA_ARGS__), (code))
#endif
const char *err_name(enum err e);
const char *err_errcode(enum err e);
const char *err_sentence(enum err e);
int err_http_status(enum err e);
/* May the same succeed later by itself, since nothing is wrong with what was asked? */
bool err_may_pass(enum err e);

#endif
