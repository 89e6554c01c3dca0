#include "matrix/push_priv.h"

/* --- lists --- */

struct json *push_rule_list(const struct json *full, struct str kind)
{
    struct json *list = json_get_str(json_get(full, "global"), kind);
    return push_kind_find(kind) < PUSH_KINDS && json_is(list, JSON_ARRAY) ? list : NULL;
}

static struct json *find_in(const struct json *list, struct str rule_id)
{
    json_each(r, list) if (str_eq(json_string_at(r, "rule_id"), rule_id) && !str_null(json_string_at(r, "rule_id"))) return r;
    return NULL;
}

struct json *push_rule_find(const struct json *full, struct str kind, struct str rule_id)
{
    return find_in(push_rule_list(full, kind), rule_id);
}

/* Rebuilt as a whole, since a JSON array only grows at its end. */
void push_list_insert(struct json *list, size_t at, struct json *rule)
{
    struct json *m = list->child;
    bool placed = false;
    list->child = list->last = NULL;
    list->count = 0;
    for (size_t i = 0; m || !placed; i++) {
        if (!placed && (i == at || !m)) {
            json_push(list, rule);
            placed = true;
        }
        if (!m) break;
        struct json *next = m->next;
        json_push(list, m);
        m = next;
    }
}

size_t push_list_take(struct json *list, const struct json *rule)
{
    struct json *m = list->child;
    size_t place = list->count;
    list->child = list->last = NULL;
    list->count = 0;
    for (size_t i = 0; m; i++) {
        struct json *next = m->next;
        if (m == rule)
            place = i;
        else
            json_push(list, m);
        m = next;
    }
    return place;
}

static size_t place_of(const struct json *list, const struct json *rule)
{
    size_t i = 0;
    json_each(m, list)
    {
        if (m == rule) return i;
        i++;
    }
    return i;
}

/* --- actions --- */

static bool is_historical(const struct json *action)
{
    return str_is(json_string(action), "dont_notify") || str_is(json_string(action), "coalesce");
}

static bool is_action(const struct json *action)
{
    return str_is(json_string(action), "notify") || !str_null(json_string_at(action, "set_tweak"));
}

struct json *push_actions_read(struct arena *a, const struct json *actions, const char **why)
{
    *why = "`actions` must be an array.";
    if (!json_is(actions, JSON_ARRAY)) return NULL;
    *why = "There are too many actions.";
    if (actions->count > PUSH_ACTIONS_MAX) return NULL;
    *why = "An action must be \"notify\" or an object with `set_tweak`.";
    struct json *out = json_new(a, JSON_ARRAY);
    json_each(m, actions)
    {
        if (is_historical(m)) continue;
        if (!is_action(m)) return NULL;
        json_push(out, json_copy(a, m));
    }
    return out;
}

/* --- one rule --- */

static enum err check_id(struct str kind, struct str rule_id, struct fault *f)
{
    if (push_kind_find(kind) == PUSH_KINDS) return fault_set(f, ERR_INVALID_PARAM, "There is no such kind of push rule.");
    if (rule_id.n == 0 || rule_id.n > 255 || !str_is_utf8(rule_id))
        return fault_set(f, ERR_INVALID_PARAM, "A rule id has 1 to 255 bytes of UTF-8.");
    if (push_is_default_id(rule_id)) return fault_set(f, ERR_INVALID_PARAM, "Rule ids that begin with a dot are the server's own.");
    if (str_find(rule_id, '/') >= 0 || str_find(rule_id, '\\') >= 0)
        return fault_set(f, ERR_INVALID_PARAM, "A rule id has no slashes and no backslashes.");
    return ERR_OK;
}

static enum err read_conditions(struct arena *a, const struct json *body, struct json **out, struct fault *f)
{
    const struct json *list = json_get(body, "conditions");
    *out = json_new(a, JSON_ARRAY);
    if (!list) return ERR_OK;
    if (!json_is(list, JSON_ARRAY)) return fault_set(f, ERR_BAD_JSON, "`conditions` must be an array.");
    if (list->count > PUSH_CONDITIONS_MAX) return fault_set(f, ERR_TOO_LARGE, "There are too many conditions.");
    json_each(c, list)
    {
        if (str_null(json_string_at(c, "kind"))) return fault_set(f, ERR_BAD_JSON, "Every condition needs a `kind`.");
        json_push(*out, json_copy(a, c));
    }
    return ERR_OK;
}

/* What only some kinds of rule have. */
static enum err read_match(struct arena *a, struct str kind, const struct json *body, struct json *rule, struct fault *f)
{
    enum push_kind k = push_kind_find(kind);
    if (k == PUSH_CONTENT) {
        const struct json *pattern = json_get(body, "pattern");
        if (!pattern) return fault_set(f, ERR_MISSING_PARAM, "A rule of this kind needs a `pattern`.");
        if (!json_is(pattern, JSON_STRING)) return fault_set(f, ERR_BAD_JSON, "`pattern` must be a string.");
        json_add(rule, STR("pattern"), json_copy(a, pattern));
    }
    if (k != PUSH_OVERRIDE && k != PUSH_UNDERRIDE) return ERR_OK;
    struct json *conditions;
    enum err e = read_conditions(a, body, &conditions, f);
    if (e == ERR_OK) json_add(rule, STR("conditions"), conditions);
    return e;
}

static enum err make_rule(struct arena *a, struct str kind, struct str rule_id, const struct json *body, struct json **out, struct fault *f)
{
    const char *why;
    struct json *rule = json_new(a, JSON_OBJECT);
    if (!json_is(body, JSON_OBJECT)) return fault_set(f, ERR_BAD_JSON, "A push rule must be a JSON object.");
    if (!json_get(body, "actions")) return fault_set(f, ERR_MISSING_PARAM, "A push rule needs `actions`.");
    struct json *actions = push_actions_read(a, json_get(body, "actions"), &why);
    if (!actions) return fault_set(f, ERR_BAD_JSON, "%s", why);
    json_add(rule, STR("actions"), actions);
    json_add(rule, STR("default"), json_new_bool(a, false));
    json_add(rule, STR("enabled"), json_new_bool(a, true));
    json_add(rule, STR("rule_id"), json_new_string(a, arena_str(a, rule_id)));
    *out = rule;
    return read_match(a, kind, body, rule, f);
}

/* --- where it goes --- */

static enum err find_neighbour(const struct json *list, struct str rule_id, struct str self, struct json **out, struct fault *f)
{
    if (push_is_default_id(rule_id)) return fault_set(f, ERR_INVALID_PARAM, "A rule cannot be placed beside one of the server's own.");
    if (str_eq(rule_id, self)) return fault_set(f, ERR_INVALID_PARAM, "A rule cannot be placed beside itself.");
    *out = find_in(list, rule_id);
    return *out ? ERR_OK : fault_set(f, ERR_NOT_FOUND, "There is no rule with the id of `before` or `after`.");
}

/* In front of all the user's rules: only the master switch stays above them. */
static size_t top_place(const struct json *list)
{
    return push_is_master(json_string_at(list->child, "rule_id")) ? 1 : 0;
}

enum err push_rule_put(struct arena *a, struct json *full, struct str kind, struct str rule_id, const struct json *body, struct str before,
                       struct str after, struct fault *f)
{
    struct json *rule = NULL, *list = push_rule_list(full, kind), *neighbour = NULL;
    enum err e = check_id(kind, rule_id, f);
    if (e == ERR_OK) e = make_rule(a, kind, rule_id, body, &rule, f);
    if (e) return e;
    if (!list) return fault_set(f, ERR_INTERNAL, "The ruleset has no list of that kind.");
    struct str beside = str_null(before) ? after : before;
    if (!str_null(beside)) e = find_neighbour(list, beside, rule_id, &neighbour, f);
    if (e) return e;
    struct json *old = find_in(list, rule_id);
    if (!old && list->count >= PUSH_RULES_MAX) return fault_set(f, ERR_TOO_LARGE, "You have too many push rules of this kind.");
    if (old) json_set(rule, STR("enabled"), json_new_bool(a, json_bool_at(old, "enabled", true)));
    size_t place = old ? push_list_take(list, old) : top_place(list);
    if (neighbour) place = place_of(list, neighbour) + (str_null(before) ? 1 : 0);
    push_list_insert(list, place, rule);
    return ERR_OK;
}

/* --- changes --- */

static enum err find_to_change(const struct json *full, struct str kind, struct str rule_id, struct json **out, struct fault *f)
{
    *out = push_rule_find(full, kind, rule_id);
    return *out ? ERR_OK : fault_set(f, ERR_NOT_FOUND, "There is no such push rule.");
}

enum err push_rule_delete(struct json *full, struct str kind, struct str rule_id, struct fault *f)
{
    struct json *rule;
    enum err e = find_to_change(full, kind, rule_id, &rule, f);
    if (e) return e;
    if (push_is_default_id(rule_id))
        return fault_set(f, ERR_INVALID_PARAM, "The server's own rules cannot be deleted. Disable the rule instead.");
    push_list_take(push_rule_list(full, kind), rule);
    return ERR_OK;
}

enum err push_rule_set_enabled(struct arena *a, struct json *full, struct str kind, struct str rule_id, bool enabled, struct fault *f)
{
    struct json *rule;
    enum err e = find_to_change(full, kind, rule_id, &rule, f);
    if (e == ERR_OK) json_set(rule, STR("enabled"), json_new_bool(a, enabled));
    return e;
}

enum err push_rule_set_actions(struct arena *a, struct json *full, struct str kind, struct str rule_id, const struct json *actions,
                               struct fault *f)
{
    struct json *rule;
    const char *why;
    enum err e = find_to_change(full, kind, rule_id, &rule, f);
    if (e) return e;
    struct json *clean = push_actions_read(a, actions, &why);
    if (!clean) return fault_set(f, ERR_BAD_JSON, "%s", why);
    json_set(rule, STR("actions"), clean);
    return ERR_OK;
}
