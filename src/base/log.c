#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Process-wide on purpose: where a process logs to is a property of the process. Written once, before threads. */
static enum log_level threshold = LOG_INFO;
static bool as_json;

void log_setup(enum log_level level, bool json)
{
    threshold = level;
    as_json = json;
}

bool log_wants(enum log_level level)
{
    return level >= threshold;
}

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* Appends `s` inside a JSON string; control bytes become spaces. */
static size_t json_text(char *out, size_t cap, const char *s)
{
    size_t n = 0;
    for (; *s && n + 2 < cap; s++) {
        if (*s == '"' || *s == '\\') out[n++] = '\\';
        out[n++] = (unsigned char)*s < 0x20 ? ' ' : *s;
    }
    out[n] = 0;
    return n;
}

/* A line is a line, and text: whatever a peer managed to bring in here cannot forge a second one, or break the format. */
static void clean(char *text)
{
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20) *p = ' ';
    struct str rest = str_c(text);
    for (size_t good; (good = str_utf8_prefix(rest)) < rest.n; rest = str_from(rest, good + 1))
        text[(size_t)(rest.p - text) + good] = '?';
}

void log_event(enum log_level level, const char *module, const char *what, const char *fields, ...)
{
    if (!log_wants(level)) return;
    char text[1500], line[4096], when[40];
    va_list args;
    va_start(args, fields);
    vsnprintf(text, sizeof text, fields, args);
    va_end(args);
    clean(text);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm tm;
    gmtime_r(&now.tv_sec, &tm);
    size_t w = strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(when + w, sizeof when - w, ".%03dZ", (int)(now.tv_nsec / 1000000));
    int n;
    if (as_json) {
        char escaped[3000];
        json_text(escaped, sizeof escaped, text);
        n = snprintf(line, sizeof line, "{\"ts\":\"%s\",\"level\":\"%s\",\"module\":\"%s\",\"event\":\"%s\",\"fields\":\"%s\"}\n", when,
                     level_names[level], module, what, escaped);
    } else {
        n = snprintf(line, sizeof line, "ts=%s level=%s module=%s event=\"%s\"%s%s\n", when, level_names[level], module, what,
                     *text ? " " : "", text);
    }
    if (n < 0) return;
    size_t len = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    ssize_t ignored = write(STDERR_FILENO, line, len); /* one write: lines of threads do not mix */
    (void)ignored;
}
