#include "matrix/push_compile.h"

#include "matrix/path.h"
#include "matrix/push_priv.h"

struct compiler {
    struct push_rules *r;
    struct arena *a;
    struct str me;
};

/* --- properties --- */

static bool same_parts(const struct push_property *p, const struct path *path)
{
    if (p->n != path->n) return false;
    for (size_t i = 0; i < p->n; i++)
        if (!str_eq(p->parts[i], path->parts[i])) return false;
    return true;
}

static struct push_property *new_property(struct compiler *c, const struct path *path)
{
    struct push_property *p = arena_zero(c->a, sizeof *p);
    p->n = path->n;
    p->parts = arena_array(c->a, path->n, sizeof *p->parts);
    for (size_t i = 0; i < path->n; i++)
        p->parts[i] = arena_str(c->a, path->parts[i]);
    p->slot = PUSH_NO_SLOT;
    if (c->r->slots == PUSH_SLOTS) return p;
    p->slot = c->r->slots++;
    c->r->slot[p->slot] = p;
    return p;
}

static const struct push_property *property(struct compiler *c, struct str key)
{
    struct path path;
    if (str_null(key) || !path_parse(c->a, key, &path)) return NULL;
    for (unsigned i = 0; i < c->r->slots; i++)
        if (same_parts(c->r->slot[i], &path)) return c->r->slot[i];
    return new_property(c, &path);
}

/* --- conditions; false: it can never match --- */

static bool compile_match(struct compiler *c, const struct json *v, struct push_condition *out)
{
    struct str key = json_string_at(v, "key"), pattern = json_string_at(v, "pattern");
    if (str_null(pattern)) return false;
    out->kind = str_is(key, "content.body") ? PUSH_MATCH_WORDS : str_eq(pattern, c->me) ? PUSH_IS_ME : PUSH_MATCH;
    out->property = property(c, key);
    out->glob = glob_compile(c->a, pattern);
    return out->property != NULL;
}

static bool compile_value(struct compiler *c, const struct json *v, struct push_condition *out)
{
    const struct json *value = json_get(v, "value");
    if (!value || value->type == JSON_ARRAY || value->type == JSON_OBJECT || value->type == JSON_REAL) return false;
    out->property = property(c, json_string_at(v, "key"));
    if (json_is(value, JSON_STRING) && str_eq(value->string, c->me)) {
        out->kind = out->kind == PUSH_IS ? PUSH_IS_ME : PUSH_CONTAINS_ME;
        return out->property != NULL;
    }
    out->value = json_copy(c->a, value);
    out->value->string = arena_str(c->a, value->string);
    out->value->key = STR("");
    return out->property != NULL;
}

static bool compile_count(const struct json *v, struct push_condition *out)
{
    static const struct {
        const char *prefix;
        enum push_order order;
    } orders[] = {
        {"==", PUSH_EQUAL}, {"<=", PUSH_LESS_EQUAL}, {">=", PUSH_MORE_EQUAL}, {"<", PUSH_LESS}, {">", PUSH_MORE}, {"", PUSH_EQUAL},
    };
    struct str is = json_string_at(v, "is");
    size_t i = 0;
    while (!str_starts(is, str_c(orders[i].prefix)))
        i++;
    out->order = orders[i].order;
    struct str number = str_from(is, strlen(orders[i].prefix));
    return number.n && number.p[0] != '-' && str_to_int64(number, &out->count);
}

static bool compile_condition(struct compiler *c, const struct json *v, struct push_condition *out)
{
    struct str kind = json_string_at(v, "kind");
    *out = (struct push_condition){0};
    if (str_is(kind, "event_match")) return compile_match(c, v, out);
    if (str_is(kind, "event_property_is") || str_is(kind, "event_property_contains")) {
        out->kind = str_is(kind, "event_property_is") ? PUSH_IS : PUSH_CONTAINS;
        return compile_value(c, v, out);
    }
    if (str_is(kind, "room_member_count")) {
        out->kind = PUSH_COUNT;
        return compile_count(v, out);
    }
    if (str_is(kind, "contains_display_name")) {
        out->kind = PUSH_NAME;
        out->property = property(c, STR("content.body"));
        return true;
    }
    if (!str_is(kind, "sender_notification_permission")) return false;
    out->kind = PUSH_PERMISSION;
    out->key = arena_str(c->a, json_string_at(v, "key"));
    return !str_null(json_string_at(v, "key"));
}

static bool compile_conditions(struct compiler *c, const struct json *list, struct push_rule *rule)
{
    if (!list) return true;
    if (!json_is(list, JSON_ARRAY) || list->count > PUSH_CONDITIONS_MAX) return false;
    rule->conditions = arena_array(c->a, list->count, sizeof *rule->conditions);
    json_each(v, list) if (!compile_condition(c, v, &rule->conditions[rule->n++])) return false;
    return true;
}

/* Rules of the kinds content, room and sender have one condition, which follows from the kind. */
static bool compile_by_kind(struct compiler *c, enum push_kind kind, const struct json *v, struct push_rule *rule)
{
    if (kind == PUSH_OVERRIDE || kind == PUSH_UNDERRIDE) return compile_conditions(c, json_get(v, "conditions"), rule);
    struct str pattern = json_string_at(v, "pattern");
    if (kind == PUSH_CONTENT && str_null(pattern)) return false;
    struct push_condition *one = rule->conditions = arena_zero(c->a, sizeof *one);
    rule->n = 1;
    one->kind = kind == PUSH_CONTENT ? PUSH_MATCH_WORDS : PUSH_IS;
    one->property = property(c, kind == PUSH_CONTENT ? STR("content.body") : kind == PUSH_ROOM ? STR("room_id") : STR("sender"));
    one->glob = glob_compile(c->a, pattern);
    one->value = json_new_string(c->a, rule->id);
    return true;
}

/* --- rules --- */

static void compile_tweak(struct compiler *c, const struct json *action, struct push_rule *rule)
{
    struct str tweak = json_string_at(action, "set_tweak"), sound = json_string_at(action, "value");
    if (str_is(tweak, "highlight")) rule->highlight = json_bool_at(action, "value", true);
    if (str_is(tweak, "sound") && !str_null(sound)) rule->sound = arena_str(c->a, sound);
}

static void compile_actions(struct compiler *c, const struct json *actions, struct push_rule *rule)
{
    if (!json_is(actions, JSON_ARRAY)) return;
    json_each(action, actions)
    {
        if (str_is(json_string(action), "notify")) rule->notify = true;
        compile_tweak(c, action, rule);
    }
}

static bool compile_rule(struct compiler *c, enum push_kind kind, const struct json *v, struct push_rule *rule)
{
    struct str id = json_string_at(v, "rule_id");
    *rule = (struct push_rule){0};
    if (str_null(id) || !json_bool_at(v, "enabled", true)) return false;
    rule->id = arena_str(c->a, id);
    compile_actions(c, json_get(v, "actions"), rule);
    return compile_by_kind(c, kind, v, rule);
}

static size_t count_rules(const struct json *full)
{
    size_t n = 0;
    for (int k = 0; k < PUSH_KINDS; k++) {
        const struct json *list = push_rule_list(full, str_c(push_kinds[k]));
        n += list ? list->count : 0;
    }
    return n;
}

struct push_rules *push_compile(const struct json *full, struct str user_id)
{
    struct push_rules *r = mem_zero(sizeof *r);
    arena_init(&r->arena);
    r->user_id = arena_str(&r->arena, user_id);
    struct compiler c = {.r = r, .a = &r->arena, .me = r->user_id};
    r->rules = arena_array(c.a, count_rules(full), sizeof *r->rules);
    for (int k = 0; k < PUSH_KINDS; k++)
        json_each(v, push_rule_list(full, str_c(push_kinds[k]))) if (compile_rule(&c, (enum push_kind)k, v, &r->rules[r->n])) r->n++;
    return r;
}

void push_free(struct push_rules *r)
{
    if (!r) return;
    arena_release(&r->arena);
    mem_free(r);
}
