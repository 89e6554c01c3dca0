#include "main/settings_print.h"

#include <ctype.h>

/* --- text in lines --- */

struct fill {
    struct buf *out;
    const char *prefix; /* of each line */
    size_t width, column;
    bool man; /* each sentence begins a line, and no line begins with a macro */
};

static void fill_break(struct fill *f)
{
    if (f->column) buf_byte(f->out, '\n');
    f->column = 0;
}

static void fill_word(struct fill *f, struct str word)
{
    if (f->column && f->column + 1 + word.n > f->width) fill_break(f);
    if (f->column)
        buf_byte(f->out, ' ');
    else
        buf_add(f->out, str_c(f->prefix));
    if (f->man && !f->column && (word.p[0] == '.' || word.p[0] == '\'')) buf_add(f->out, STR("\\&"));
    buf_add(f->out, word);
    f->column += word.n + 1;
}

static void fill_text(struct fill *f, const char *text)
{
    struct str rest = str_c(text);
    while (rest.n) {
        ptrdiff_t blank = str_find(rest, ' ');
        struct str word = blank < 0 ? rest : str_first(rest, (size_t)blank);
        rest = str_from(rest, blank < 0 ? rest.n : (size_t)blank + 1);
        fill_word(f, word);
        bool ends = word.n > 1 && (word.p[word.n - 1] == '.' || word.p[word.n - 1] == '!');
        if (f->man && ends && rest.n && isupper((unsigned char)rest.p[0])) fill_break(f);
    }
}

/* What of the row's limits an administrator wants to know. */
static void fill_limits(struct fill *f, const struct setting_row *row)
{
    char text[100];
    if (row->type != SETTING_INT) return;
    snprintf(text, sizeof text, "(%lld to %lld)", (long long)row->min, (long long)row->max);
    fill_text(f, text);
}

/* --- the configuration file --- */

static void conf_setting(struct buf *out, const struct setting_row *row, const struct setting_origin *origin)
{
    struct fill f = {.out = out, .prefix = "# ", .width = 100};
    fill_text(&f, row->help);
    fill_limits(&f, row);
    fill_break(&f);
    bool given = origin && origin->where;
    const char *value = given ? origin->text : row->otherwise;
    buf_printf(out, "%s%s =%s%s\n\n", given ? "" : "#", row->name, *value ? " " : "", value);
}

void settings_print_conf(struct buf *out, const struct settings *s)
{
    struct fill f = {.out = out, .prefix = "# ", .width = 100};
    fill_text(&f, "Rookery's configuration: every setting with its default. Remove the # before a setting to change it. "
                  "Each can also be given by an environment variable, as ROOKERY_SERVER_NAME for name under [server], "
                  "or on the command line: --set server.name=example.org.");
    fill_break(&f);
    buf_add(out, STR("# Check it with: rookery check-config --config FILE\n\n"));
    for (size_t i = 0; i < setting_section_count; i++) {
        fill_text(&f, setting_sections[i].help);
        fill_break(&f);
        buf_printf(out, "[%s]\n\n", setting_sections[i].name);
        for (size_t j = 0; j < setting_row_count; j++)
            if (strcmp(setting_rows[j].section, setting_sections[i].name) == 0)
                conf_setting(out, &setting_rows[j], s ? &s->origin[j] : NULL);
    }
    out->n -= out->n > 0; /* no empty line at the end */
}

/* --- the manual page --- */

static const char *const type_names[] = {
    [SETTING_TEXT] = "text",         [SETTING_PATH] = "path",  [SETTING_LIST] = "list",         [SETTING_URLS] = "URLs",
    [SETTING_BOOL] = "true | false", [SETTING_INT] = "number", [SETTING_DURATION] = "duration", [SETTING_SIZE] = "size",
    [SETTING_RATE] = "rate",         [SETTING_CHOICE] = NULL};

static void man_type(struct buf *out, const struct setting_row *row)
{
    struct str words = str_c(row->words);
    if (row->type != SETTING_CHOICE) {
        buf_add(out, str_c(type_names[row->type]));
        return;
    }
    for (size_t i = 0; i < words.n; i++)
        buf_add(out, words.p[i] == ' ' ? STR(" | ") : str_make(words.p + i, 1));
}

static void man_setting(struct buf *out, const struct setting_row *row)
{
    struct fill f = {.out = out, .prefix = "", .width = 78, .man = true};
    buf_printf(out, ".It Ic %s Ns \\ = Ar ", row->name);
    man_type(out, row);
    buf_byte(out, '\n');
    fill_text(&f, row->help);
    fill_limits(&f, row);
    fill_break(&f);
    if (*row->otherwise)
        buf_printf(out, "Default:\n.Li %s .\n", row->otherwise);
    else
        buf_add(out, STR("Default: empty.\n"));
}

static const char man_head[] = ".\\\" Made from src/main/settings.def by `rookery print-config --man`. Do not edit.\n"
                               ".Dd November 24, 2026\n"
                               ".Dt ROOKERY.CONF 5\n"
                               ".Os\n"
                               ".Sh NAME\n"
                               ".Nm rookery.conf\n"
                               ".Nd configuration of the chat server rookery\n"
                               ".Sh DESCRIPTION\n"
                               "The file is given to\n"
                               ".Xr rookery 1\n"
                               "with\n"
                               ".Fl -config .\n"
                               "It is made of sections, each begun by its name in brackets, and lines of the\n"
                               "form\n"
                               ".Ic name Ns \\ = Ar value .\n"
                               "A line that begins with # or ; is a comment, and so is the rest of a line\n"
                               "after a blank and a semicolon.\n"
                               "A setting that is not given has its default.\n"
                               "What is unknown, badly written or given twice is refused, with line and\n"
                               "reason.\n"
                               ".Pp\n"
                               "Each setting can also be given by the environment variable\n"
                               ".Ev ROOKERY_ Ns Ar SECTION Ns _ Ns Ar NAME ,\n"
                               "which counts more than the file, and by\n"
                               ".Fl -set Ar section.name Ns = Ns Ar value ,\n"
                               "which counts more than both.\n"
                               ".Pp\n"
                               "A\n"
                               ".Ar list\n"
                               "is separated by blanks or commas,\n"
                               ".Ar URLs\n"
                               "by blanks.\n"
                               "A\n"
                               ".Ar duration\n"
                               "is a number with ms, s, m, h or d; a\n"
                               ".Ar size\n"
                               "is a number of bytes, or one with KiB, MiB or GiB; a\n"
                               ".Ar rate\n"
                               "is a number with /s, /m, /h or /d, or 0 for no limit.\n";

static const char man_foot[] = ".Sh EXAMPLES\n"
                               "A server for those who were given the token, behind a proxy on the same\n"
                               "machine:\n"
                               ".Bd -literal -offset indent\n"
                               "[server]\n"
                               "name = example.org\n"
                               "public_url = https://chat.example.org\n"
                               "trusted_proxies = 127.0.0.1\n"
                               "\n"
                               "[store]\n"
                               "path = /var/lib/rookery\n"
                               "\n"
                               "[registration]\n"
                               "mode = token\n"
                               "tokens = a-secret-to-hand-out\n"
                               ".Ed\n"
                               ".Sh SEE ALSO\n"
                               ".Xr rookery 1\n";

void settings_print_man(struct buf *out)
{
    buf_add(out, str_c(man_head));
    buf_add(out, STR(".Sh SETTINGS\n"));
    for (size_t i = 0; i < setting_section_count; i++) {
        struct fill f = {.out = out, .prefix = "", .width = 78, .man = true};
        buf_printf(out, ".Ss %s\n", setting_sections[i].name);
        fill_text(&f, setting_sections[i].help);
        fill_break(&f);
        buf_add(out, STR(".Bl -tag -width Ds\n"));
        for (size_t j = 0; j < setting_row_count; j++)
            if (strcmp(setting_rows[j].section, setting_sections[i].name) == 0) man_setting(out, &setting_rows[j]);
        buf_add(out, STR(".El\n"));
    }
    buf_add(out, str_c(man_foot));
}
