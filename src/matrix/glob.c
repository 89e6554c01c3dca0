#include "matrix/glob.h"

#include <utf8proc.h>

#define ANY '\xFF'
#define ONE '\xFE'

struct glob glob_literal(struct str text)
{
    return (struct glob){.text = text, .literal = true};
}

struct glob glob_compile(struct arena *a, struct str pattern)
{
    char *p = arena_alloc(a, pattern.n), *to = p;
    bool literal = true;
    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i];
        if (c == '*' && to > p && to[-1] == ANY) continue;
        if (c == '*' || c == '?') literal = false;
        *to++ = (char)(c == '*' ? ANY : c == '?' ? ONE : c);
    }
    return (struct glob){.text = str_make(p, (size_t)(to - p)), .literal = literal};
}

/* --- characters --- */

/* The character at `p`, lower case, and where the next one begins. Broken UTF-8 goes byte by byte. */
static inline const char *take(const char *p, const char *end, int32_t *c)
{
    unsigned char b = (unsigned char)*p;
    if (b < 0x80) {
        *c = b >= 'A' && b <= 'Z' ? b + 32 : b;
        return p + 1;
    }
    utf8proc_int32_t point;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p, end - p, &point);
    if (n <= 0) {
        *c = -(int32_t)b;
        return p + 1;
    }
    *c = utf8proc_tolower(point);
    return p + n;
}

static const char *skip(const char *p, const char *end)
{
    p++;
    while (p < end && ((unsigned char)*p & 0xC0) == 0x80)
        p++;
    return p;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* Between the bytes before and at `p`. */
static bool is_boundary(struct str text, const char *p)
{
    return p == text.p || p == text.p + text.n || !is_word(p[-1]) || !is_word(*p);
}

/* --- matching --- */

struct match {
    struct str text;
    const char *p, *p_end; /* the pattern from here on */
    const char *t, *t_end;
    const char *star, *mark; /* behind the last `*`, and where in the text it stopped taking */
    bool words;
    long *budget;
};

static bool accepts(const struct match *m)
{
    return m->words ? is_boundary(m->text, m->t) : m->t == m->t_end;
}

/* One step of pattern and text; false: they differ here. */
static bool step(struct match *m)
{
    if (m->p == m->p_end) return false;
    if (*m->p == ANY) {
        m->star = ++m->p;
        m->mark = m->t;
        return true;
    }
    if (m->t == m->t_end) return false;
    if (*m->p == ONE) {
        m->p++;
        m->t = skip(m->t, m->t_end);
        return true;
    }
    int32_t want, got;
    const char *p = take(m->p, m->p_end, &want), *t = take(m->t, m->t_end, &got);
    if (want != got) return false;
    m->p = p;
    m->t = t;
    return true;
}

/* The last `*` takes one character more. Going back further would never help: what comes before it matched as early as it could. */
static bool retry(struct match *m)
{
    if (!m->star || m->mark == m->t_end) return false;
    m->mark = skip(m->mark, m->t_end);
    m->p = m->star;
    m->t = m->mark;
    return true;
}

static bool match_from(const struct glob *g, struct str text, const char *from, bool words, long *budget)
{
    struct match m = {.text = text,
                      .p = g->text.p,
                      .p_end = g->text.p + g->text.n,
                      .t = from,
                      .t_end = text.p + text.n,
                      .words = words,
                      .budget = budget};
    while (--*budget >= 0) {
        if (m.p == m.p_end && accepts(&m)) return true;
        if (!step(&m) && !retry(&m)) return false;
    }
    return false;
}

/* Without wildcards there is nothing to try twice. */
static bool literal_equal(struct str a, struct str b)
{
    const char *p = a.p, *p_end = a.p + a.n, *t = b.p, *t_end = b.p + b.n;
    while (p < p_end && t < t_end) {
        int32_t x, y;
        p = take(p, p_end, &x);
        t = take(t, t_end, &y);
        if (x != y) return false;
    }
    return p == p_end && t == t_end;
}

bool glob_matches(const struct glob *g, struct str text, long *budget)
{
    if (g->literal) return literal_equal(g->text, text);
    if (!text.p) text.p = "";
    return match_from(g, text, text.p, false, budget);
}

bool glob_matches_words(const struct glob *g, struct str text, long *budget)
{
    if (!text.p) text.p = "";
    const char *end = text.p + text.n;
    for (const char *from = text.p;; from = skip(from, end)) {
        if (is_boundary(text, from) && match_from(g, text, from, true, budget)) return true;
        if (from == end || --*budget < 0) return false;
    }
}
