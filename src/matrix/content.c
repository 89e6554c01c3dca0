#include "matrix/content.h"

/* The number of the word, or -1. `words` ends with NULL. */
static int word_find(const char *const *words, struct str s)
{
    for (int i = 0; words[i]; i++)
        if (str_is(s, words[i])) return i;
    return -1;
}

/* In the order of the enums. */
static const char *const memberships[] = {"leave", "invite", "join", "knock", "ban", NULL};
static const char *const join_rules[] = {"public", "invite", "knock", "restricted", "knock_restricted", "private", NULL};
static const char *const visibilities[] = {"shared", "world_readable", "invited", "joined", NULL};

enum membership membership_parse(struct str s)
{
    if (str_null(s)) return MEMBER_NONE;
    int i = word_find(memberships, s);
    return i < 0 ? MEMBER_UNKNOWN : (enum membership)(MEMBER_LEAVE + i);
}

enum membership content_membership(const struct json *content)
{
    return membership_parse(json_string_at(content, "membership"));
}

const char *membership_name(enum membership m)
{
    return m > MEMBER_NONE && m < MEMBER_UNKNOWN ? memberships[m - MEMBER_LEAVE] : memberships[0];
}

enum join_rule content_join_rule(const struct json *content)
{
    struct str s = json_string_at(content, "join_rule");
    if (str_null(s)) return JOIN_INVITE;
    int i = word_find(join_rules, s);
    return i < 0 ? JOIN_PRIVATE : (enum join_rule)i;
}

const char *join_rule_name(enum join_rule r)
{
    return join_rules[r];
}

enum history_visibility content_history_visibility(const struct json *content)
{
    int i = word_find(visibilities, json_string_at(content, "history_visibility"));
    return i < 0 ? HISTORY_SHARED : (enum history_visibility)i;
}

const char *history_visibility_name(enum history_visibility v)
{
    return visibilities[v];
}

void content_relation(const struct json *content, struct relation *out)
{
    *out = (struct relation){0};
    const struct json *r = json_get(content, "m.relates_to");
    if (!json_is(r, JSON_OBJECT)) return;
    out->reply_to = json_string(json_path(r, "m.in_reply_to", "event_id", NULL));
    out->is_falling_back = json_bool_at(r, "is_falling_back", false);
    struct str type = json_string_at(r, "rel_type"), parent = json_string_at(r, "event_id");
    if (str_null(type) || str_null(parent)) return;
    out->rel_type = type;
    out->event_id = parent;
    out->key = json_string_at(r, "key");
}

bool content_has_url(const struct json *content)
{
    return json_is(json_get(content, "url"), JSON_STRING);
}
