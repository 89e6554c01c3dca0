/* Push rules: account data of the type m.push_rules, of which only what differs from the predefined rules is stored. */
#include "engine/user/user.h"

#include "matrix/pushrules.h"

static enum err read_full(struct turn *t, struct json **full)
{
    struct arena *a = turn_arena(t);
    struct str text;
    struct json *stored = NULL;
    enum err e = user_account_data_read(t, STR(""), STR("m.push_rules"), &text);
    if (e != ERR_OK && e != ERR_NOT_FOUND) return e;
    if (e == ERR_OK && json_parse(a, text, &stored, NULL) != ERR_OK) stored = NULL;
    *full = push_rules_full(a, turn_command(t)->key, stored);
    return ERR_OK;
}

/* user_push_rules. Reply: s[0] the whole ruleset. */
enum err user_push_rules(struct turn *t)
{
    struct json *full;
    enum err e = read_full(t, &full);
    if (e == ERR_OK) turn_reply(t)->s[0] = json_text(turn_arena(t), full);
    return e;
}

static enum err change(struct turn *t, struct json *full)
{
    const struct command *c = turn_command(t);
    struct arena *a = turn_arena(t);
    struct fault *f = turn_fault(t);
    struct json *body = NULL;
    if (c->s[3].p) {
        enum err e = json_parse(a, c->s[3], &body, f);
        if (e != ERR_OK) return e;
    }
    if (str_is(c->s[0], "put")) return push_rule_put(a, full, c->s[1], c->s[2], body, c->s[4], c->s[5], f);
    if (str_is(c->s[0], "enabled")) return push_rule_set_enabled(a, full, c->s[1], c->s[2], c->num[0] != 0, f);
    if (str_is(c->s[0], "actions")) return push_rule_set_actions(a, full, c->s[1], c->s[2], body, f);
    return push_rule_delete(full, c->s[1], c->s[2], f);
}

/* user_push_change: s[0] put, delete, enabled or actions; s[1] kind, s[2] rule id; s[3] JSON: the rule, or the array of actions; num[0] 1:
 * enabled; s[4], s[5] the ids of the rules before and after which a new one is put, or null. */
enum err user_push_change(struct turn *t)
{
    struct json *full;
    enum err e = read_full(t, &full);
    if (e == ERR_OK) e = change(t, full);
    if (e != ERR_OK) return e;
    struct json *stored = push_rules_stored(turn_arena(t), turn_command(t)->key, full);
    user_account_data_write(t, STR(""), STR("m.push_rules"), json_text(turn_arena(t), stored), user_changed(t));
    return turn_ready(t);
}
