/* Push rules as the evaluator sees them: only those that can match, with everything parsed. */
#ifndef ROOKERY_MATRIX_PUSH_COMPILE_H
#define ROOKERY_MATRIX_PUSH_COMPILE_H

#include "matrix/glob.h"
#include "matrix/pushrules.h"

enum push_condition_kind {
    PUSH_MATCH,       /* the whole value, by glob */
    PUSH_MATCH_WORDS, /* words of the value, by glob */
    PUSH_IS,
    PUSH_CONTAINS,
    PUSH_IS_ME, /* the value is the user's id */
    PUSH_CONTAINS_ME,
    PUSH_NAME, /* the body has the user's display name */
    PUSH_COUNT,
    PUSH_PERMISSION
};
enum push_order { PUSH_EQUAL, PUSH_LESS, PUSH_LESS_EQUAL, PUSH_MORE, PUSH_MORE_EQUAL };

/* A property of the event. Those with a slot are looked up once per event. */
enum { PUSH_SLOTS = 32, PUSH_NO_SLOT = PUSH_SLOTS };
struct push_property {
    size_t n;
    struct str *parts;
    unsigned slot;
};

struct push_condition {
    enum push_condition_kind kind;
    const struct push_property *property;
    struct glob glob;
    struct json *value;
    enum push_order order;
    int64_t count;
    struct str key; /* of the notification level */
};
struct push_rule {
    struct str id, sound;
    bool notify, highlight;
    size_t n;
    struct push_condition *conditions;
};
struct push_rules {
    struct arena arena; /* of all this, the struct apart */
    struct str user_id;
    size_t n;
    struct push_rule *rules;
    unsigned slots;
    const struct push_property *slot[PUSH_SLOTS];
};

#endif
