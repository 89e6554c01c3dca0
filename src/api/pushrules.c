/* Push rules. */
#include "matrix/pushrules.h"

#include "api/routes.h"

static enum err read_rules(struct api *r, struct json **rules)
{
    struct command c = {.type = CMD_user_push_rules, .key = r->user_id};
    struct reply reply;
    enum err e = api_call(r, &c, &reply);
    return e == ERR_OK ? json_parse(r->arena, reply.s[0], rules, &r->fault) : e;
}

enum err api_push_rules(struct api *r)
{
    struct json *rules;
    enum err e = read_rules(r, &rules);
    if (e == ERR_OK) json_put(&r->json, rules);
    return e;
}

enum err api_push_rules_global(struct api *r)
{
    struct json *rules;
    enum err e = read_rules(r, &rules);
    if (e == ERR_OK) json_put(&r->json, json_get(rules, "global"));
    return e;
}

static enum err find(struct api *r, const struct json **rule)
{
    struct json *rules;
    enum err e = read_rules(r, &rules);
    if (e != ERR_OK) return e;
    *rule = push_rule_find(rules, r->param[0], r->param[1]);
    return *rule ? ERR_OK : fault_set(&r->fault, ERR_NOT_FOUND, "There is no such push rule.");
}

enum err api_push_rule_get(struct api *r)
{
    const struct json *rule;
    enum err e = find(r, &rule);
    if (e == ERR_OK) json_put(&r->json, rule);
    return e;
}

static enum err get_member(struct api *r, const char *name)
{
    const struct json *rule;
    enum err e = find(r, &rule);
    if (e != ERR_OK) return e;
    json_object(&r->json);
    json_key(&r->json, name);
    json_put(&r->json, json_get(rule, name));
    json_end(&r->json);
    return ERR_OK;
}

enum err api_push_enabled_get(struct api *r)
{
    return get_member(r, "enabled");
}
enum err api_push_actions_get(struct api *r)
{
    return get_member(r, "actions");
}

static struct command change_of(struct api *r, const char *what)
{
    return (struct command){.type = CMD_user_push_change, .key = r->user_id, .s = {str_c(what), r->param[0], r->param[1]}};
}

enum err api_push_rule_put(struct api *r)
{
    struct command c = change_of(r, "put");
    struct reply reply;
    struct json *conditions;
    struct str pattern;
    /* Members that a rule of this kind does not have are checked as well. */
    enum err e = api_body_array_opt(r, "conditions", &conditions);
    if (e == ERR_OK) e = api_body_str_opt(r, "pattern", &pattern);
    if (e != ERR_OK) return e;
    c.s[3] = json_text(r->arena, r->body);
    c.s[4] = api_query(r, "before");
    c.s[5] = api_query(r, "after");
    return api_call(r, &c, &reply);
}

enum err api_push_rule_delete(struct api *r)
{
    struct command c = change_of(r, "delete");
    struct reply reply;
    return api_call(r, &c, &reply);
}

enum err api_push_enabled_put(struct api *r)
{
    struct command c = change_of(r, "enabled");
    struct reply reply;
    bool enabled;
    if (!json_get(r->body, "enabled")) return fault_set(&r->fault, ERR_MISSING_PARAM, "The member 'enabled' is missing.");
    enum err e = api_body_bool_opt(r, "enabled", true, &enabled);
    c.num[0] = enabled;
    return e == ERR_OK ? api_call(r, &c, &reply) : e;
}

enum err api_push_actions_put(struct api *r)
{
    struct command c = change_of(r, "actions");
    struct reply reply;
    struct json *actions;
    enum err e = api_body_array_opt(r, "actions", &actions);
    if (e != ERR_OK) return e;
    if (!actions) return fault_set(&r->fault, ERR_MISSING_PARAM, "The member 'actions' is missing.");
    c.s[3] = json_text(r->arena, actions);
    return api_call(r, &c, &reply);
}
