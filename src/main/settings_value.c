/* One value: from what an administrator writes to the field of the struct. */
#include "main/settings.h"

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit durations[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const struct unit sizes[] = {{"", 1},     {"B", 1},       {"KiB", 1024},     {"MiB", 1048576}, {"GiB", 1073741824},
                                    {"K", 1024}, {"M", 1048576}, {"G", 1073741824}, {NULL, 0}};
static const struct unit rates[] = {{"/s", 1}, {"/m", 60}, {"/h", 3600}, {"/d", 86400}, {NULL, 0}};

static const struct unit *unit_find(const struct unit *list, struct str name)
{
    for (; list->name; list++)
        if (str_is(name, list->name)) return list;
    return NULL;
}

/* Splits "10 MiB" into the number and what follows it, without blanks between. */
static bool number_split(struct str text, int64_t *number, struct str *rest)
{
    size_t digits = 0;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    *rest = str_from(text, digits);
    while (rest->n && rest->p[0] == ' ')
        *rest = str_from(*rest, 1);
    return str_to_int64(str_first(text, digits), number);
}

static bool is_one_line(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f) return false;
    return str_is_utf8(text);
}

/* What may stand between items. In a URL a comma may mean something. */
static const char *separators(const struct setting_row *row)
{
    return row->type == SETTING_URLS ? " \t" : " \t,";
}

/* The next item of a list, cut off from *rest; empty at the end. */
static struct str item_next(struct str *rest, const char *between)
{
    size_t from = 0, to;
    while (from < rest->n && strchr(between, rest->p[from]))
        from++;
    for (to = from; to < rest->n && !strchr(between, rest->p[to]); to++)
        continue;
    struct str item = str_make(rest->p + from, to - from);
    *rest = str_from(*rest, to);
    return item;
}

static enum err parse_text(struct settings *s, const struct setting_row *row, struct str text, void *field, struct fault *f)
{
    if (!is_one_line(text)) return fault_set(f, ERR_INVALID_PARAM, "has bytes that are no text");
    if (text.n < (size_t)row->min) return fault_set(f, ERR_INVALID_PARAM, "may not be empty");
    if (text.n > (size_t)row->max) return fault_set(f, ERR_INVALID_PARAM, "is longer than %lld bytes", (long long)row->max);
    struct str copy = arena_str(&s->arena, text.p ? text : STR(""));
    if (row->type == SETTING_PATH)
        *(setting_PATH *)field = copy.p;
    else
        *(setting_TEXT *)field = copy;
    return ERR_OK;
}

static enum err parse_list(struct settings *s, const struct setting_row *row, struct str text, void *field, struct fault *f)
{
    if (!is_one_line(text)) return fault_set(f, ERR_INVALID_PARAM, "has bytes that are no text");
    struct setting_list list = {0};
    for (struct str rest = text; item_next(&rest, separators(row)).n;)
        list.count++;
    if (list.count < (size_t)row->min) return fault_set(f, ERR_INVALID_PARAM, "needs at least %lld", (long long)row->min);
    if (list.count > (size_t)row->max)
        return fault_set(f, ERR_INVALID_PARAM, "has %zu items; at most %lld are possible", list.count, (long long)row->max);
    list.item = arena_array(&s->arena, list.count, sizeof *list.item);
    for (size_t i = 0; i < list.count; i++)
        list.item[i] = arena_str(&s->arena, item_next(&text, separators(row)));
    *(setting_LIST *)field = list;
    return ERR_OK;
}

static enum err parse_bool(struct str text, void *field, struct fault *f)
{
    bool yes = str_is(text, "true");
    if (!yes && !str_is(text, "false")) return fault_set(f, ERR_INVALID_PARAM, "\"%.*s\" is neither true nor false", STR_FMT(text));
    *(setting_BOOL *)field = yes;
    return ERR_OK;
}

/* Numbers with their units; what is outside of the row's limits is refused with them. */
static enum err parse_number(const struct setting_row *row, struct str text, const struct unit *units, const char *example, int64_t *out,
                             struct fault *f)
{
    int64_t number;
    struct str rest;
    const struct unit *unit = NULL;
    if (number_split(text, &number, &rest)) {
        unit = unit_find(units, rest);
        if (!unit && number == 0 && rest.n == 0) unit = &units[0]; /* nothing needs no unit */
    }
    if (!unit) return fault_set(f, ERR_INVALID_PARAM, "\"%.*s\" is not understood; write it like %s", STR_FMT(text), example);
    if (__builtin_mul_overflow(number, unit->factor, out) || *out > row->max)
        return fault_set(f, ERR_INVALID_PARAM, "%.*s is too much; at most %lld%s", STR_FMT(text), (long long)row->max,
                         row->type == SETTING_DURATION ? "ms" : "");
    if (*out < row->min)
        return fault_set(f, ERR_INVALID_PARAM, "%.*s is too little; at least %lld%s", STR_FMT(text), (long long)row->min,
                         row->type == SETTING_DURATION ? "ms" : "");
    return ERR_OK;
}

static enum err parse_rate(const struct setting_row *row, struct str text, double *out, struct fault *f)
{
    int64_t number;
    struct str rest;
    const struct unit *unit = NULL;
    if (number_split(text, &number, &rest)) unit = rest.n == 0 && number == 0 ? &rates[0] : unit_find(rates, rest);
    if (!unit)
        return fault_set(f, ERR_INVALID_PARAM, "\"%.*s\" is not understood; write it like 10/s, 30/m, 5/h, 100/d, or 0", STR_FMT(text));
    if (number / unit->factor > row->max)
        return fault_set(f, ERR_INVALID_PARAM, "%.*s is too much; at most %lld/s", STR_FMT(text), (long long)row->max);
    *out = (double)number / (double)unit->factor;
    return ERR_OK;
}

static enum err parse_choice(const struct setting_row *row, struct str text, void *field, struct fault *f)
{
    struct str rest = str_c(row->words), word;
    for (int i = 0; (word = item_next(&rest, separators(row))).n; i++)
        if (str_eq(word, text)) {
            *(int *)field = i;
            return ERR_OK;
        }
    return fault_set(f, ERR_INVALID_PARAM, "\"%.*s\" is not among: %s", STR_FMT(text), row->words);
}

enum err setting_parse(struct settings *s, const struct setting_row *row, struct str text, struct fault *f)
{
    static const struct unit plain[] = {{"", 1}, {NULL, 0}};
    void *field = (char *)s + row->offset;
    switch (row->type) {
    case SETTING_TEXT:
    case SETTING_PATH:
        return parse_text(s, row, text, field, f);
    case SETTING_LIST:
    case SETTING_URLS:
        return parse_list(s, row, text, field, f);
    case SETTING_BOOL:
        return parse_bool(text, field, f);
    case SETTING_INT:
        return parse_number(row, text, plain, "42", field, f);
    case SETTING_DURATION:
        return parse_number(row, text, durations, "500ms, 10s, 5m, 1h or 7d", field, f);
    case SETTING_SIZE:
        return parse_number(row, text, sizes, "4096, 64KiB, 50MiB or 2GiB", field, f);
    case SETTING_RATE:
        return parse_rate(row, text, field, f);
    case SETTING_CHOICE:
        return parse_choice(row, text, field, f);
    }
    return fault_set(f, ERR_INTERNAL, "has a type that is unknown");
}
