#include "matrix/push_compile.h"

/* Steps that all patterns of one evaluation may take together: some milliseconds. */
static const long step_budget = 500000;

struct evaluation {
    const struct push_event *e;
    const struct push_context *c;
    struct str me, sender;
    long budget;
    uint32_t known; /* slots looked up so far */
    const struct json *value[PUSH_SLOTS];
    struct json room_id; /* the client form has none */
};
_Static_assert((int)PUSH_SLOTS <= 32, "`known` has a bit per slot");

static const struct json *look(struct evaluation *x, const struct push_property *p)
{
    const struct json *v = x->e->event;
    for (size_t i = 0; i < p->n && v; i++)
        v = json_get_str(v, p->parts[i]);
    if (!v && p->n == 1 && str_is(p->parts[0], "room_id") && !str_empty(x->e->room_id)) v = &x->room_id;
    return v;
}

static const struct json *value_of(struct evaluation *x, const struct push_property *p)
{
    if (p->slot == PUSH_NO_SLOT) return look(x, p);
    uint32_t bit = (uint32_t)1 << p->slot;
    if (!(x->known & bit)) {
        x->known |= bit;
        x->value[p->slot] = look(x, p);
    }
    return x->value[p->slot];
}

/* --- conditions --- */

static bool same_value(const struct json *want, const struct json *got)
{
    return got && want->type == got->type && json_equal(want, got);
}

/* Long lists are paid for like long texts. */
static bool may_search(struct evaluation *x, const struct json *list)
{
    if (!json_is(list, JSON_ARRAY)) return false;
    x->budget -= (long)list->count;
    return x->budget >= 0;
}

static bool contains(struct evaluation *x, const struct json *list, const struct json *want)
{
    if (!may_search(x, list)) return false;
    json_each(v, list) if (same_value(want, v)) return true;
    return false;
}

static bool contains_string(struct evaluation *x, const struct json *list, struct str want)
{
    if (!may_search(x, list)) return false;
    json_each(v, list) if (json_is(v, JSON_STRING) && str_eq(v->string, want)) return true;
    return false;
}

static bool matches_text(struct evaluation *x, const struct push_condition *c)
{
    const struct json *v = value_of(x, c->property);
    if (!json_is(v, JSON_STRING)) return false;
    return c->kind == PUSH_MATCH ? glob_matches(&c->glob, v->string, &x->budget) : glob_matches_words(&c->glob, v->string, &x->budget);
}

static bool has_name(struct evaluation *x, const struct push_condition *c)
{
    const struct json *body = value_of(x, c->property);
    if (!json_is(body, JSON_STRING) || str_empty(x->c->display_name)) return false;
    struct glob name = glob_literal(x->c->display_name);
    return glob_matches_words(&name, body->string, &x->budget);
}

static bool count_is(int64_t members, const struct push_condition *c)
{
    switch (c->order) {
    case PUSH_LESS:
        return members < c->count;
    case PUSH_LESS_EQUAL:
        return members <= c->count;
    case PUSH_MORE:
        return members > c->count;
    case PUSH_MORE_EQUAL:
        return members >= c->count;
    default:
        return members == c->count;
    }
}

static bool may_notify(const struct evaluation *x, struct str key)
{
    const struct power_levels *p = x->c->power;
    return p && power_of_user(p, x->sender) >= power_for_notification(p, key);
}

static bool holds(struct evaluation *x, const struct push_condition *c)
{
    switch (c->kind) {
    case PUSH_MATCH:
    case PUSH_MATCH_WORDS:
        return matches_text(x, c);
    case PUSH_IS:
        return same_value(c->value, value_of(x, c->property));
    case PUSH_CONTAINS:
        return contains(x, value_of(x, c->property), c->value);
    case PUSH_IS_ME:
        return str_eq(json_string(value_of(x, c->property)), x->me);
    case PUSH_CONTAINS_ME:
        return contains_string(x, value_of(x, c->property), x->me);
    case PUSH_NAME:
        return has_name(x, c);
    case PUSH_COUNT:
        return count_is((int64_t)x->c->member_count, c);
    case PUSH_PERMISSION:
        return may_notify(x, c->key);
    }
    return false;
}

static bool rule_matches(struct evaluation *x, const struct push_rule *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (!holds(x, &r->conditions[i])) return false;
    return true;
}

struct push_result push_evaluate(const struct push_rules *r, const struct push_event *e, const struct push_context *c)
{
    struct evaluation x;
    x.e = e;
    x.c = c;
    x.me = str_null(c->user_id) ? r->user_id : c->user_id;
    x.sender = json_string_at(e->event, "sender");
    x.budget = step_budget;
    x.known = 0;
    x.room_id = (struct json){.type = JSON_STRING, .string = e->room_id};
    if (str_eq(x.sender, x.me)) return (struct push_result){0};
    for (size_t i = 0; i < r->n; i++) {
        const struct push_rule *rule = &r->rules[i];
        if (rule_matches(&x, rule)) return (struct push_result){rule->notify, rule->highlight, rule->sound, rule->id};
    }
    return (struct push_result){0};
}
