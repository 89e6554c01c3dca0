/* The settings (settings.def): a struct with a field per row, read from a file, the environment and the command line.
 *
 * Later sources win: defaults, the file, ROOKERY_<SECTION>_<NAME> in the environment, --set. Whatever is unknown, badly written,
 * given twice or at odds with another setting is refused; all faults are told at once, one line each. A struct settings never
 * changes after settings_load and may be read from every thread. */
#ifndef ROOKERY_MAIN_SETTINGS_H
#define ROOKERY_MAIN_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct setting_list {
    struct str *item; /* each NUL-terminated */
    size_t count;
};

/* The C types of the fields. Strings are NUL-terminated, so that `.p` serves as a C string. */
typedef struct str setting_TEXT;
typedef const char *setting_PATH;
typedef struct setting_list setting_LIST;
typedef struct setting_list setting_URLS;
typedef bool setting_BOOL;
typedef int64_t setting_INT;
typedef int64_t setting_DURATION; /* milliseconds */
typedef int64_t setting_SIZE;     /* bytes */
typedef double setting_RATE;      /* events per second; 0: no limit */

/* In the order of the words in settings.def. log.level is an enum log_level. */
enum registration_mode { REGISTRATION_OPEN, REGISTRATION_TOKEN, REGISTRATION_CLOSED };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

/* Where a value comes from, for messages and for print-config. */
struct setting_origin {
    const char *where; /* "rookery.conf:12", "environment", "--set"; NULL: the default */
    const char *text;  /* as it was written there */
};

/* Access: s->server.name, s->limits.header_bytes, ... */
struct settings {
#define SECTION(name, help) struct {
#define SECTION_END(name)                                                                                                                  \
    }                                                                                                                                      \
    name;
#define SETTING(section, name, TYPE, otherwise, min, max, help) setting_##TYPE name;
#define CHOICE(section, name, otherwise, words, help) int name;
#include "main/settings.def"
#undef SECTION
#undef SECTION_END
#undef SETTING
#undef CHOICE
    struct setting_origin *origin; /* one per row of the table */
    struct arena arena;            /* holds the values */
};

enum setting_type {
    SETTING_TEXT,
    SETTING_PATH,
    SETTING_LIST,
    SETTING_URLS,
    SETTING_BOOL,
    SETTING_INT,
    SETTING_DURATION,
    SETTING_SIZE,
    SETTING_RATE,
    SETTING_CHOICE
};

/* The table itself, for whoever prints it. */
struct setting_row {
    const char *section, *name;
    enum setting_type type;
    const char *otherwise; /* the default, as written */
    const char *words;     /* SETTING_CHOICE: the words, separated by blanks */
    int64_t min, max;
    const char *help;
    size_t offset; /* in struct settings */
};
struct setting_section {
    const char *name, *help;
};
extern const struct setting_row setting_rows[];
extern const size_t setting_row_count;
/* NULL when there is none. */
const struct setting_row *setting_find(struct str section, struct str name);
extern const struct setting_section setting_sections[];
extern const size_t setting_section_count;

struct settings_source {
    const char *file;         /* NULL: none */
    char *const *environment; /* like environ; NULL: none. Of its variables those count that begin with ROOKERY_ */
    const char *const *set;   /* "section.name=value" */
    size_t sets;
};
/* OK, or INVALID_PARAM and a line for each fault in `problems`. Release `s` in either case. */
must_use enum err settings_load(struct settings *s, const struct settings_source *from, struct buf *problems);
void settings_release(struct settings *s);

/* Reads one value into the field of the row; the sentence of the fault says what would be allowed. For settings.c and tests. */
must_use enum err setting_parse(struct settings *s, const struct setting_row *row, struct str text, struct fault *f);
/* What no single value can tell: settings that need or exclude each other. Adds a line per fault; true when there was none. */
must_use bool settings_check(const struct settings *s, struct buf *problems);

#endif
