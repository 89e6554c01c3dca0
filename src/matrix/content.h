/* Facts that stand in the content of events, read leniently: what has the wrong type counts as absent. */
#ifndef ROOKERY_MATRIX_CONTENT_H
#define ROOKERY_MATRIX_CONTENT_H

#include "json/json.h"

enum membership { MEMBER_NONE, MEMBER_LEAVE, MEMBER_INVITE, MEMBER_JOIN, MEMBER_KNOCK, MEMBER_BAN, MEMBER_UNKNOWN };
enum membership membership_parse(struct str s); /* null slice: MEMBER_NONE; any other word: MEMBER_UNKNOWN */
enum membership content_membership(const struct json *content);
const char *membership_name(enum membership m); /* "leave" for MEMBER_NONE */

enum join_rule { JOIN_PUBLIC, JOIN_INVITE, JOIN_KNOCK, JOIN_RESTRICTED, JOIN_KNOCK_RESTRICTED, JOIN_PRIVATE };
/* NULL content or no join_rule: JOIN_INVITE; an unknown word: JOIN_PRIVATE (nobody may join). */
enum join_rule content_join_rule(const struct json *content);
const char *join_rule_name(enum join_rule r);

enum history_visibility { HISTORY_SHARED, HISTORY_WORLD_READABLE, HISTORY_INVITED, HISTORY_JOINED };
/* NULL content or an unknown word: HISTORY_SHARED. */
enum history_visibility content_history_visibility(const struct json *content);
const char *history_visibility_name(enum history_visibility v);

/* m.relates_to. Null slices where absent; rel_type and event_id are both there or both null. */
struct relation {
    struct str rel_type, event_id;
    struct str key;      /* of annotations */
    struct str reply_to; /* m.in_reply_to.event_id */
    bool is_falling_back;
};
void content_relation(const struct json *content, struct relation *out);

/* A `url` that is a string, for the filters' contains_url. */
bool content_has_url(const struct json *content);

#endif
