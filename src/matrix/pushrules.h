/* Push rules: the default rules, the operations on a user's rules, and an evaluator compiled from them.
 *
 * A ruleset is the tree {"global":{"override":[…],"content":[…],"room":[…],"sender":[…],"underride":[…]}} that clients see. Stored is
 * only what differs from the defaults (push_rules_stored), so that better defaults reach everybody. */
#ifndef ROOKERY_MATRIX_PUSHRULES_H
#define ROOKERY_MATRIX_PUSHRULES_H

#include "matrix/power.h"
#include "json/json.h"

enum {
    PUSH_RULES_MAX = 1000,    /* of one kind */
    PUSH_CONDITIONS_MAX = 64, /* of one rule */
    PUSH_ACTIONS_MAX = 16
};

/* --- rulesets --- */
/* The full tree: defaults for that user, changed as `stored` (NULL: nothing stored; a full tree is taken as well) says. */
struct json *push_rules_full(struct arena *a, struct str user_id, const struct json *stored);
/* What has to be stored of a full tree. */
struct json *push_rules_stored(struct arena *a, struct str user_id, const struct json *full);

/* --- operations on the full tree; `kind` and `rule_id` as they stand in the path --- */
/* NULL when there is none: the caller answers ERR_NOT_FOUND. */
struct json *push_rule_find(const struct json *full, struct str kind, struct str rule_id);
/* The list of a kind; NULL when there is no such kind. */
struct json *push_rule_list(const struct json *full, struct str kind);
/* Adds or replaces a user's rule from a request's body. `before`, `after`: rule ids, null slice when not given.
 * Puts copies into the tree's arena `a`. */
must_use enum err push_rule_put(struct arena *a, struct json *full, struct str kind, struct str rule_id, const struct json *body,
                                struct str before, struct str after, struct fault *f);
must_use enum err push_rule_delete(struct json *full, struct str kind, struct str rule_id, struct fault *f);
must_use enum err push_rule_set_enabled(struct arena *a, struct json *full, struct str kind, struct str rule_id, bool enabled,
                                        struct fault *f);
/* `actions`: the array of the body. */
must_use enum err push_rule_set_actions(struct arena *a, struct json *full, struct str kind, struct str rule_id, const struct json *actions,
                                        struct fault *f);

/* --- evaluation --- */
struct push_rules;
/* Never fails: a rule that cannot be understood never matches. Owns copies of all it needs; freed with push_free. Immutable: may be used
 * from every thread. What concerns the user (`user_id`, as it stands in conditions) is kept as "the one who is asked for", so the compiled
 * default rules of anybody serve for everybody who changed nothing. */
struct push_rules *push_compile(const struct json *full, struct str user_id);
/* NULL is allowed. */
void push_free(struct push_rules *r);

struct push_event {
    const struct json *event; /* client form */
    struct str room_id;       /* used when the tree has none */
};
struct push_context {
    struct str user_id;               /* whom to ask for; null slice: the user of push_compile */
    struct str display_name;          /* of the user in the room; empty: none */
    size_t member_count;              /* joined members */
    const struct power_levels *power; /* NULL: nobody may notify the room */
};
struct push_result {
    bool notify, highlight;
    struct str sound;   /* null slice: none; lives as long as the rules */
    struct str rule_id; /* which rule decided; null slice: none matched */
};
/* The user's own events never notify. Bounded: patterns that would cost more than some milliseconds do not match. */
struct push_result push_evaluate(const struct push_rules *r, const struct push_event *e, const struct push_context *c);

#endif
