/* What the files about push rules share. */
#ifndef ROOKERY_MATRIX_PUSH_PRIV_H
#define ROOKERY_MATRIX_PUSH_PRIV_H

#include "matrix/pushrules.h"

/* In the order in which they are tried. */
enum push_kind { PUSH_OVERRIDE, PUSH_CONTENT, PUSH_ROOM, PUSH_SENDER, PUSH_UNDERRIDE, PUSH_KINDS };
extern const char *const push_kinds[PUSH_KINDS];
/* PUSH_KINDS when it is none. */
enum push_kind push_kind_find(struct str name);

/* The full tree of somebody who changed nothing. */
struct json *push_defaults(struct arena *a, struct str user_id);
static inline bool push_is_default_id(struct str rule_id)
{
    return rule_id.n && rule_id.p[0] == '.';
}

/* The switch for all notifications, off unless the user wants none: it alone stands above the user's own rules. */
static inline bool push_is_master(struct str rule_id)
{
    return str_is(rule_id, ".m.rule.master");
}

/* An array of actions that may stand in a rule, cleaned of historical ones; NULL when one is wrong, and then `why` says so. */
struct json *push_actions_read(struct arena *a, const struct json *actions, const char **why);

/* Puts `rule` in front of the list's member number `at` (at its end when there are not as many). */
void push_list_insert(struct json *list, size_t at, struct json *rule);
/* Takes the rule out; its place, or the list's length when it was not there. */
size_t push_list_take(struct json *list, const struct json *rule);

#endif
