#include "matrix/auth_priv.h"

/* One change of one level; NULL: it is not there. */
struct step {
    const char *table; /* NULL: one of the single levels */
    struct str name;
    const int64_t *before, *after;
    bool strict; /* equals may not be touched either (users) */
};

static enum err refuse(const struct auth *c, const struct step *s, const char *why)
{
    struct str name = str_first(s->name, 100);
    return fault_set(c->f, ERR_FORBIDDEN, "You may not change `%s%s%.*s`: %s.", s->table ? s->table : "", s->table ? "." : "",
                     STR_FMT(name), why);
}

static enum err check_step(const struct auth *c, int64_t mine, const struct step *s)
{
    if (s->before && s->after && *s->before == *s->after) return ERR_OK;
    if (s->before && (*s->before > mine || (s->strict && *s->before == mine)))
        return refuse(c, s, s->strict ? "its level is not below yours" : "its level is above yours");
    if (s->after && *s->after > mine) return refuse(c, s, "the new level is above yours");
    return ERR_OK;
}

static enum err check_single(const struct auth *c, int64_t mine, const struct power_levels *new)
{
    const struct power_levels *old = c->room->power;
    for (int i = 0; i < POWER_NAMES; i++) {
        struct step s = {.name = str_c(power_names[i]),
                         .before = old->given >> i & 1 ? &old->level[i] : NULL,
                         .after = new->given >> i & 1 ? &new->level[i] : NULL};
        enum err e = check_step(c, mine, &s);
        if (e) return e;
    }
    return ERR_OK;
}

/* Both tables are sorted: one walk meets each name once. */
static enum err check_table(const struct auth *c, int64_t mine, const char *table, const struct power_table *old,
                            const struct power_table *new)
{
    bool users = old == &c->room->power->users;
    size_t i = 0, k = 0;
    while (i < old->n || k < new->n) {
        int order = i == old->n ? 1 : k == new->n ? -1 : str_cmp(old->e[i].name, new->e[k].name);
        struct step s = {.table = table};
        if (order <= 0) {
            s.name = old->e[i].name;
            s.before = &old->e[i++].level;
        }
        if (order >= 0) {
            s.name = new->e[k].name;
            s.after = &new->e[k++].level;
        }
        s.strict = users && !str_eq(s.name, c->e->sender);
        enum err e = check_step(c, mine, &s);
        if (e) return e;
    }
    return ERR_OK;
}

static enum err check_no_creators(const struct auth *c)
{
    json_each(m, json_get(c->e->content, "users")) if (power_is_creator(c->room->power, m->key)) return fault_set(
        c->f, ERR_BAD_JSON, "A creator of the room has all power for ever and must not stand in `users`.");
    return ERR_OK;
}

enum err auth_check_power_levels(const struct auth *c)
{
    enum err e = power_levels_check(c->version, c->e->content, c->f);
    if (e == ERR_OK) e = check_no_creators(c);
    if (e || !c->room->power->present) return e;
    const struct power_levels *old = c->room->power;
    const struct power_levels *new = power_levels_parse(c->scratch, c->version, c->e->content, STR(""), NULL);
    int64_t mine = power_of_user(old, c->e->sender);
    e = check_single(c, mine, new);
    if (e == ERR_OK) e = check_table(c, mine, "events", &old->events, &new->events);
    if (e == ERR_OK) e = check_table(c, mine, "notifications", &old->notifications, &new->notifications);
    if (e == ERR_OK) e = check_table(c, mine, "users", &old->users, &new->users);
    return e;
}
