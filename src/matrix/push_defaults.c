#include "matrix/push_priv.h"

const char *const push_kinds[PUSH_KINDS] = {"override", "content", "room", "sender", "underride"};

/* The rules of the specification (module "Push Notifications", "Predefined Rules"), most important first. Since version 1.17 none of
 * them looks for names in the body. */
static const struct default_rule {
    enum push_kind kind;
    const char *id;
    struct {
        bool notify, highlight;
        const char *sound;
    } actions;
    struct condition {
        const char *kind, *key, *value; /* value "@me": the user's id; NULL: true where there is a value */
    } conditions[3];
} rules[] = {
    {PUSH_OVERRIDE, ".m.rule.master", {0}, {{0}}},
    {PUSH_OVERRIDE, ".m.rule.suppress_notices", {0}, {{"event_match", "content.msgtype", "m.notice"}}},
    {PUSH_OVERRIDE,
     ".m.rule.invite_for_me",
     {.notify = true, .sound = "default"},
     {{"event_match", "type", "m.room.member"}, {"event_match", "content.membership", "invite"}, {"event_match", "state_key", "@me"}}},
    {PUSH_OVERRIDE, ".m.rule.member_event", {0}, {{"event_match", "type", "m.room.member"}}},
    {PUSH_OVERRIDE,
     ".m.rule.is_user_mention",
     {.notify = true, .sound = "default", .highlight = true},
     {{"event_property_contains", "content.m\\.mentions.user_ids", "@me"}}},
    {PUSH_OVERRIDE,
     ".m.rule.is_room_mention",
     {.notify = true, .highlight = true},
     {{"event_property_is", "content.m\\.mentions.room", NULL}, {"sender_notification_permission", "room", NULL}}},
    {PUSH_OVERRIDE,
     ".m.rule.tombstone",
     {.notify = true, .highlight = true},
     {{"event_match", "type", "m.room.tombstone"}, {"event_match", "state_key", ""}}},
    {PUSH_OVERRIDE, ".m.rule.reaction", {0}, {{"event_match", "type", "m.reaction"}}},
    {PUSH_OVERRIDE, ".m.rule.room.server_acl", {0}, {{"event_match", "type", "m.room.server_acl"}, {"event_match", "state_key", ""}}},
    {PUSH_OVERRIDE, ".m.rule.suppress_edits", {0}, {{"event_property_is", "content.m\\.relates_to.rel_type", "m.replace"}}},
    {PUSH_UNDERRIDE, ".m.rule.call", {.notify = true, .sound = "ring"}, {{"event_match", "type", "m.call.invite"}}},
    {PUSH_UNDERRIDE,
     ".m.rule.encrypted_room_one_to_one",
     {.notify = true, .sound = "default"},
     {{"room_member_count", NULL, "2"}, {"event_match", "type", "m.room.encrypted"}}},
    {PUSH_UNDERRIDE,
     ".m.rule.room_one_to_one",
     {.notify = true, .sound = "default"},
     {{"room_member_count", NULL, "2"}, {"event_match", "type", "m.room.message"}}},
    {PUSH_UNDERRIDE, ".m.rule.message", {.notify = true}, {{"event_match", "type", "m.room.message"}}},
    {PUSH_UNDERRIDE, ".m.rule.encrypted", {.notify = true}, {{"event_match", "type", "m.room.encrypted"}}},
};

static void set_text(struct arena *a, struct json *object, const char *key, const char *value)
{
    json_add(object, str_c(key), json_new_string(a, str_c(value)));
}

/* --- conditions --- */

/* Under which name a kind of condition has its value. */
static const char *value_key(const char *kind)
{
    struct str k = str_c(kind);
    if (str_is(k, "event_match")) return "pattern";
    if (str_is(k, "room_member_count")) return "is";
    return str_is(k, "sender_notification_permission") ? NULL : "value";
}

static struct json *make_condition(struct arena *a, const struct condition *c, struct str me)
{
    struct json *out = json_new(a, JSON_OBJECT);
    const char *key = value_key(c->kind);
    set_text(a, out, "kind", c->kind);
    if (c->key) set_text(a, out, "key", c->key);
    if (!key) return out;
    struct str value = str_c(c->value);
    if (str_is(value, "@me")) value = me;
    json_add(out, str_c(key), c->value ? json_new_string(a, value) : json_new_bool(a, true));
    return out;
}

static struct json *make_conditions(struct arena *a, const struct default_rule *r, struct str me)
{
    struct json *out = json_new(a, JSON_ARRAY);
    for (size_t i = 0; i < sizeof r->conditions / sizeof *r->conditions && r->conditions[i].kind; i++)
        json_push(out, make_condition(a, &r->conditions[i], me));
    return out;
}

/* --- actions --- */

static void add_tweak(struct arena *a, struct json *actions, const char *tweak, const char *value)
{
    struct json *t = json_push(actions, json_new(a, JSON_OBJECT));
    set_text(a, t, "set_tweak", tweak);
    if (value) set_text(a, t, "value", value);
}

static struct json *make_actions(struct arena *a, const struct default_rule *r)
{
    struct json *out = json_new(a, JSON_ARRAY);
    if (r->actions.notify) json_push(out, json_new_string(a, STR("notify")));
    if (r->actions.sound) add_tweak(a, out, "sound", r->actions.sound);
    if (r->actions.highlight) add_tweak(a, out, "highlight", NULL);
    return out;
}

/* --- the tree --- */

static struct json *make_rule(struct arena *a, const struct default_rule *r, struct str me)
{
    struct json *out = json_new(a, JSON_OBJECT);
    json_add(out, STR("actions"), make_actions(a, r));
    json_add(out, STR("conditions"), make_conditions(a, r, me));
    json_add(out, STR("default"), json_new_bool(a, true));
    json_add(out, STR("enabled"), json_new_bool(a, !push_is_master(str_c(r->id))));
    set_text(a, out, "rule_id", r->id);
    return out;
}

struct json *push_defaults(struct arena *a, struct str user_id)
{
    struct json *full = json_new(a, JSON_OBJECT), *global = json_add(full, STR("global"), json_new(a, JSON_OBJECT)), *lists[PUSH_KINDS];
    struct str me = arena_str(a, user_id);
    for (int k = 0; k < PUSH_KINDS; k++)
        lists[k] = json_add(global, str_c(push_kinds[k]), json_new(a, JSON_ARRAY));
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        json_push(lists[rules[i].kind], make_rule(a, &rules[i], me));
    return full;
}

enum push_kind push_kind_find(struct str name)
{
    int k = 0;
    while (k < PUSH_KINDS && !str_is(name, push_kinds[k]))
        k++;
    return (enum push_kind)k;
}
