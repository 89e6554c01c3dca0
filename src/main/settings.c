#include "main/settings.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>

#include "main/nearest.h"

enum { LINE_MAX_BYTES = 8192 };

struct loading {
    struct settings *s;
    struct buf *problems;
    const char *file;
    FILE *stream;
    unsigned line;
};

/* --- what was meant? --- */

/* "section<joint>name" of a row. */
static struct str full_name(const struct setting_row *row, char joint, char out[NEAREST_MAX])
{
    int n = snprintf(out, NEAREST_MAX, "%s%c%s", row->section, joint, row->name);
    return str_make(out, (size_t)n);
}

/* The row whose full name is nearest, or NULL when none is near. */
static const struct setting_row *nearest(struct str wanted, char joint)
{
    const struct setting_row *best = NULL;
    size_t limit = nearest_limit(wanted);
    for (size_t i = 0; i < setting_row_count; i++) {
        char full[NEAREST_MAX];
        size_t d = nearest_distance(wanted, full_name(&setting_rows[i], joint, full));
        if (d > limit) continue;
        best = &setting_rows[i];
        limit = d ? d - 1 : 0;
    }
    return best;
}

static const struct setting_row *meant(struct str section, struct str name)
{
    char full[2 * NEAREST_MAX + 2];
    int n = snprintf(full, sizeof full, "%.*s.%.*s", STR_FMT(section), STR_FMT(name));
    const struct setting_row *near = n > 0 && (size_t)n < sizeof full ? nearest(str_make(full, (size_t)n), '.') : NULL;
    for (size_t i = 0; !near && i < setting_row_count; i++)
        if (str_is(name, setting_rows[i].name)) near = &setting_rows[i];
    return near;
}

/* --- one setting --- */

static bool section_exists(struct str name)
{
    for (size_t i = 0; i < setting_section_count; i++)
        if (str_is(name, setting_sections[i].name)) return true;
    return false;
}

static void problem(struct loading *l, const char *where, const char *what)
{
    buf_printf(l->problems, "%s: %s\n", where, what);
}

/* `origin`: see struct setting_origin; `where`: the beginning of the message if the value is refused. */
static void take(struct loading *l, const char *origin, const char *where, const struct setting_row *row, struct str value)
{
    struct fault f;
    if (setting_parse(l->s, row, value, &f) != ERR_OK) problem(l, where, f.text);
    if (origin)
        l->s->origin[row - setting_rows] =
            (struct setting_origin){arena_cstr(&l->s->arena, str_c(origin)), arena_cstr(&l->s->arena, value)};
}

static void unknown(struct loading *l, const char *where, struct str section, struct str name)
{
    const struct setting_row *near = meant(section, name);
    char text[240];
    const char *what = "unknown setting";
    if (!section_exists(section)) what = section.n ? "unknown section" : "a setting belongs under a [section]";
    if (near)
        snprintf(text, sizeof text, "%s; did you mean %s under [%s]?", what, near->name, near->section);
    else
        snprintf(text, sizeof text, "%s; `rookery print-config` lists all that there are", what);
    problem(l, where, text);
}

/* --- the file --- */

static char *read_line(char *out, int size, void *arg)
{
    struct loading *l = arg;
    if (!fgets(out, size, l->stream)) return NULL;
    l->line++;
    size_t n = strlen(out);
    if (n && out[n - 1] != '\n' && !feof(l->stream)) {
        buf_printf(l->problems, "%s:%u: the line is longer than %d bytes, or has a NUL byte\n", l->file, l->line, size - 2);
        for (int c = 0; c != '\n' && c != EOF;)
            c = fgetc(l->stream);
        out[0] = '#';
        return out;
    }
    /* Indentation means nothing, whatever the library thinks of it. */
    size_t blanks = strspn(out, " \t");
    memmove(out, out + blanks, n - blanks + 1);
    return out;
}

static int take_line(void *arg, const char *section, const char *name, const char *value)
{
    struct loading *l = arg;
    char origin[320], where[500];
    snprintf(origin, sizeof origin, "%.300s:%u", l->file, l->line);
    snprintf(where, sizeof where, "%s: [%s] %s", origin, section, name);
    const struct setting_row *row = setting_find(str_c(section), str_c(name));
    if (!row) {
        unknown(l, where, str_c(section), str_c(name));
        return 1;
    }
    const char *before = l->s->origin[row - setting_rows].where;
    if (before) {
        char text[360];
        snprintf(text, sizeof text, "is given twice; first at %s", before);
        problem(l, where, text);
        return 1;
    }
    take(l, origin, where, row, str_c(value));
    return 1;
}

static void load_file(struct loading *l)
{
    l->stream = fopen(l->file, "re");
    if (!l->stream) {
        problem(l, l->file, strerror(errno));
        return;
    }
    ini_max_line = LINE_MAX_BYTES;
    int bad = ini_parse_stream(read_line, l, take_line, l);
    if (bad > 0) buf_printf(l->problems, "%s:%d: neither a [section], nor name = value, nor a comment (; or #)\n", l->file, bad);
    if (ferror(l->stream)) problem(l, l->file, "cannot be read to its end");
    fclose(l->stream);
}

/* --- environment and command line --- */

static void lower(struct str s, char *out)
{
    for (size_t i = 0; i < s.n; i++)
        out[i] = (char)tolower((unsigned char)s.p[i]);
}

static void take_variable(struct loading *l, struct str name, struct str value)
{
    char where[200], wanted[NEAREST_MAX], full[NEAREST_MAX], text[200];
    snprintf(where, sizeof where, "environment: %.*s", (int)(name.n < 100 ? name.n : 100), name.p);
    struct str rest = str_from(name, sizeof "ROOKERY_" - 1);
    size_t n = rest.n < sizeof wanted ? rest.n : 0;
    lower(str_first(rest, n), wanted);
    for (size_t i = 0; i < setting_row_count; i++)
        if (str_eq(str_make(wanted, n), full_name(&setting_rows[i], '_', full))) {
            take(l, "environment", where, &setting_rows[i], value);
            return;
        }
    const struct setting_row *near = nearest(str_make(wanted, n), '_');
    if (!near) {
        problem(l, where, "unknown variable; ROOKERY_<SECTION>_<NAME> is a setting's");
        return;
    }
    full_name(near, '_', full);
    for (char *p = full; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    snprintf(text, sizeof text, "unknown variable; did you mean ROOKERY_%s?", full);
    problem(l, where, text);
}

static void load_environment(struct loading *l, char *const *environment)
{
    for (; environment && *environment; environment++) {
        struct str pair = str_c(*environment);
        ptrdiff_t equals = str_find(pair, '=');
        if (equals < 0 || !str_starts(pair, STR("ROOKERY_")) || str_starts(pair, STR("ROOKERY_CONFIG="))) continue;
        take_variable(l, str_first(pair, (size_t)equals), str_from(pair, (size_t)equals + 1));
    }
}

static void load_argument(struct loading *l, struct str pair)
{
    ptrdiff_t equals = str_find(pair, '=');
    struct str full = equals < 0 ? pair : str_first(pair, (size_t)equals);
    ptrdiff_t dot = str_find(full, '.');
    char where[200];
    snprintf(where, sizeof where, "--set %.*s", (int)(full.n < 100 ? full.n : 100), full.p);
    if (equals < 0 || dot < 0) {
        problem(l, where, "write it like --set section.name=value");
        return;
    }
    struct str section = str_first(full, (size_t)dot), name = str_from(full, (size_t)dot + 1);
    const struct setting_row *row = setting_find(section, name);
    if (row)
        take(l, "--set", where, row, str_from(pair, (size_t)equals + 1));
    else
        unknown(l, where, section, name);
}

/* --- all of it --- */

static void load_defaults(struct loading *l)
{
    for (size_t i = 0; i < setting_row_count; i++)
        take(l, NULL, setting_rows[i].name, &setting_rows[i], str_c(setting_rows[i].otherwise));
}

enum err settings_load(struct settings *s, const struct settings_source *from, struct buf *problems)
{
    *s = (struct settings){0};
    arena_init(&s->arena);
    struct loading l = {.s = s, .problems = problems, .file = from->file};
    s->origin = arena_array(&s->arena, setting_row_count, sizeof *s->origin);
    load_defaults(&l);
    if (from->file) load_file(&l);
    load_environment(&l, from->environment);
    for (size_t i = 0; i < from->sets; i++)
        load_argument(&l, str_c(from->set[i]));
    if (problems->n || problems->full) return ERR_INVALID_PARAM;
    if (s->media.path[0] == 0) s->media.path = arena_printf(&s->arena, "%s/media", s->store.path).p;
    return settings_check(s, problems) ? ERR_OK : ERR_INVALID_PARAM;
}

void settings_release(struct settings *s)
{
    arena_release(&s->arena);
    *s = (struct settings){0};
}
