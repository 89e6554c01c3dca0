#include "matrix/push_priv.h"

/* --- from what is stored to what clients see --- */

/* A default rule keeps its meaning; the user may have switched it or changed what it does. */
static void apply_override(struct arena *a, struct json *list, const struct json *stored, struct str rule_id)
{
    const char *why;
    json_each(rule, list)
    {
        if (!str_eq(json_string_at(rule, "rule_id"), rule_id)) continue;
        json_set(rule, STR("enabled"), json_new_bool(a, json_bool_at(stored, "enabled", json_bool_at(rule, "enabled", true))));
        struct json *actions = push_actions_read(a, json_get(stored, "actions"), &why);
        if (actions) json_set(rule, STR("actions"), actions);
        return;
    }
}

/* The form that all of a user's rules have, whoever wrote them. False: it is none. */
static bool take_rule(struct arena *a, const struct json *stored, struct json **out)
{
    const char *why;
    struct json *actions = push_actions_read(a, json_get(stored, "actions"), &why);
    if (!actions) return false;
    struct json *rule = json_copy(a, stored);
    json_set(rule, STR("actions"), actions);
    json_set(rule, STR("default"), json_new_bool(a, false));
    json_set(rule, STR("enabled"), json_new_bool(a, json_bool_at(stored, "enabled", true)));
    *out = rule;
    return true;
}

/* The user's rules go in front of the defaults, behind the master switch. */
static void merge_list(struct arena *a, struct json *list, const struct json *stored)
{
    struct json *defaults = list->child, *rule;
    list->child = list->last = NULL;
    list->count = 0;
    if (defaults && push_is_master(json_string_at(defaults, "rule_id"))) {
        struct json *master = defaults;
        defaults = defaults->next;
        json_push(list, master);
    }
    json_each(s, stored)
    {
        struct str id = json_string_at(s, "rule_id");
        if (list->count >= PUSH_RULES_MAX) break;
        if (id.n && !push_is_default_id(id) && take_rule(a, s, &rule)) json_push(list, rule);
    }
    for (struct json *m = defaults, *next; m; m = next) {
        next = m->next;
        json_push(list, m);
    }
    json_each(s, stored) if (push_is_default_id(json_string_at(s, "rule_id"))) apply_override(a, list, s, json_string_at(s, "rule_id"));
}

struct json *push_rules_full(struct arena *a, struct str user_id, const struct json *stored)
{
    struct json *full = push_defaults(a, user_id);
    for (int k = 0; k < PUSH_KINDS; k++) {
        struct str kind = str_c(push_kinds[k]);
        const struct json *list = push_rule_list(stored, kind);
        if (list) merge_list(a, push_rule_list(full, kind), list);
    }
    return full;
}

/* --- and back --- */

/* What differs of a default rule; NULL: nothing. */
static struct json *difference(struct arena *a, const struct json *rule, const struct json *original)
{
    struct json *out = json_new(a, JSON_OBJECT);
    bool enabled = json_bool_at(rule, "enabled", true);
    const struct json *actions = json_get(rule, "actions");
    if (actions && !json_equal(actions, json_get(original, "actions"))) json_add(out, STR("actions"), json_copy(a, actions));
    if (enabled != json_bool_at(original, "enabled", true)) json_add(out, STR("enabled"), json_new_bool(a, enabled));
    if (out->count == 0) return NULL;
    json_add(out, STR("rule_id"), json_copy(a, json_get(rule, "rule_id")));
    return out;
}

static void store_list(struct arena *a, struct json *out, const struct json *full, const struct json *defaults, struct str kind)
{
    struct json *list = json_new(a, JSON_ARRAY);
    json_each(rule, push_rule_list(full, kind))
    {
        const struct json *original = push_rule_find(defaults, kind, json_string_at(rule, "rule_id"));
        struct json *kept = original ? difference(a, rule, original) : json_copy(a, rule);
        if (kept) json_push(list, kept);
    }
    if (list->count) json_add(out, kind, list);
}

struct json *push_rules_stored(struct arena *a, struct str user_id, const struct json *full)
{
    struct json *out = json_new(a, JSON_OBJECT), *global = json_add(out, STR("global"), json_new(a, JSON_OBJECT));
    const struct json *defaults = push_defaults(a, user_id);
    for (int k = 0; k < PUSH_KINDS; k++)
        store_list(a, global, full, defaults, str_c(push_kinds[k]));
    return out;
}
