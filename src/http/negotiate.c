#include "http/negotiate.h"

static struct str trim(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_from(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* What stands before the next separator, cut off from *rest. */
static struct str cut(struct str *rest, char separator)
{
    ptrdiff_t at = str_find(*rest, separator);
    struct str piece = at < 0 ? *rest : str_first(*rest, (size_t)at);
    *rest = at < 0 ? (struct str){0} : str_from(*rest, (size_t)at + 1);
    return trim(piece);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "0", "0.5", "1.000" in thousandths; 0 for what is no weight. */
static unsigned thousandths(struct str s)
{
    if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.')) return 0;
    unsigned value = 0, place = 1000;
    for (size_t i = 0; i < s.n; i++) {
        if (i == 1) continue;
        if (!is_digit(s.p[i])) return 0;
        value += (unsigned)(s.p[i] - '0') * place;
        place /= 10;
    }
    return value <= 1000 ? value : 0;
}

static unsigned weight(struct str parameters)
{
    while (parameters.n) {
        struct str p = cut(&parameters, ';');
        if (str_eq_nocase(str_first(p, 2), STR("q="))) return thousandths(str_from(p, 2));
    }
    return 1000;
}

unsigned negotiate_coding(struct str accept, struct str coding)
{
    unsigned others = 0;
    while (accept.n) {
        struct str parameters = cut(&accept, ',');
        struct str name = cut(&parameters, ';');
        if (str_eq_nocase(name, coding)) return weight(parameters);
        if (str_is(name, "*")) others = weight(parameters);
    }
    return others;
}

bool negotiate_has_tag(struct str if_none_match, struct str tag)
{
    while (if_none_match.n) {
        struct str t = cut(&if_none_match, ',');
        if (str_starts(t, STR("W/"))) t = str_from(t, 2);
        if (str_is(t, "*") || str_eq(t, tag)) return true;
    }
    return false;
}
