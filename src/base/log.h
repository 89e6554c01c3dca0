/* Structured log: one line per event on stderr, logfmt or JSON.
 *
 *     log_event(LOG_INFO, "store", "opened", "path=%s ms=%d", path, ms);
 *
 * `module` and `what` are constants; the fields are `name=value` pairs in logfmt. Never a token, a password or a message
 * body. The format and level are set once at start, before threads exist; writing is safe from every thread. */
#ifndef ROOKERY_BASE_LOG_H
#define ROOKERY_BASE_LOG_H

#include "base/mem.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_setup(enum log_level level, bool json);
bool log_wants(enum log_level level);
void log_event(enum log_level level, const char *module, const char *what, const char *fields, ...) printf_like(4, 5);

#endif
