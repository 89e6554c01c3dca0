#include "matrix/event_priv.h"

static bool is_any(struct str s, const char *const *words)
{
    for (; *words; words++)
        if (str_is(s, *words)) return true;
    return false;
}

/* --- content --- */

static bool keeps_of_member(const struct room_version *v, struct str key)
{
    return str_is(key, "membership") || (v->keeps_authorised_via && str_is(key, "join_authorised_via_users_server"));
}

static bool keeps_of_create(const struct room_version *v, struct str key)
{
    return v->keeps_v11 || str_is(key, "creator");
}

static bool keeps_of_join_rules(const struct room_version *v, struct str key)
{
    return str_is(key, "join_rule") || (v->keeps_join_allow && str_is(key, "allow"));
}

static bool keeps_of_power_levels(const struct room_version *v, struct str key)
{
    static const char *const kept[] = {"ban",           "events", "events_default", "kick", "redact",
                                       "state_default", "users",  "users_default",  NULL};
    return is_any(key, kept) || (v->keeps_v11 && str_is(key, "invite"));
}

static bool keeps_of_visibility(const struct room_version *v, struct str key)
{
    (void)v;
    return str_is(key, "history_visibility");
}

static bool keeps_of_redaction(const struct room_version *v, struct str key)
{
    return v->keeps_v11 && str_is(key, "redacts");
}
static bool keeps_of_aliases(const struct room_version *v, struct str key)
{
    return v->keeps_aliases && str_is(key, "aliases");
}

static const struct kept {
    const char *type;
    bool (*keeps)(const struct room_version *v, struct str key);
} kept_content[] = {
    {"m.room.member", keeps_of_member},
    {"m.room.create", keeps_of_create},
    {"m.room.join_rules", keeps_of_join_rules},
    {"m.room.power_levels", keeps_of_power_levels},
    {"m.room.history_visibility", keeps_of_visibility},
    {"m.room.redaction", keeps_of_redaction},
    {"m.room.aliases", keeps_of_aliases},
};

static const struct kept *find_kept(struct str type)
{
    if (!str_starts(type, STR("m.room."))) return NULL;
    for (size_t i = 0; i < sizeof kept_content / sizeof *kept_content; i++)
        if (str_is(type, kept_content[i].type)) return &kept_content[i];
    return NULL;
}

/* Of a third-party invite that was accepted, what the authorization rules look at. */
static void keep_signed(struct arena *a, struct json *out, const struct json *content)
{
    const struct json *invite = json_get(content, "third_party_invite"), *proof = json_get(invite, "signed");
    if (!json_is(invite, JSON_OBJECT)) return;
    struct json *kept = json_set(out, STR("third_party_invite"), json_new(a, JSON_OBJECT));
    if (proof) json_set(kept, STR("signed"), json_shallow(a, proof));
}

struct json *redacted_content(struct arena *a, const struct room_version *v, struct str type, const struct json *content)
{
    struct json *out = json_new(a, JSON_OBJECT);
    const struct kept *k = find_kept(type);
    if (!k || !json_is(content, JSON_OBJECT)) return out;
    json_each(m, content) if (k->keeps(v, m->key)) json_add(out, m->key, json_shallow(a, m));
    if (v->keeps_v11 && k->keeps == keeps_of_member) keep_signed(a, out, content);
    return out;
}

/* --- events --- */

static bool keeps_top(const struct room_version *v, struct str key)
{
    static const char *const kept[] = {"event_id",   "type",  "room_id",     "sender",      "state_key",        "hashes",
                                       "signatures", "depth", "prev_events", "auth_events", "origin_server_ts", NULL};
    static const char *const before_11[] = {"prev_state", "origin", "membership", NULL};
    return is_any(key, kept) || (!v->keeps_v11 && is_any(key, before_11));
}

struct json *event_redact(struct arena *a, const struct room_version *v, const struct json *event)
{
    struct json *out = json_new(a, JSON_OBJECT);
    struct str type = json_string_at(event, "type");
    if (!json_is(event, JSON_OBJECT)) return out;
    json_each(m, event)
    {
        if (str_is(m->key, "content"))
            json_add(out, m->key, redacted_content(a, v, type, m));
        else if (keeps_top(v, m->key))
            json_add(out, m->key, json_shallow(a, m));
    }
    return out;
}

enum err event_redact_client(struct arena *a, const struct room_version *v, struct str client, struct str *out, struct fault *f)
{
    struct json *event;
    enum err e = json_parse(a, client, &event, f);
    if (e == ERR_OK) *out = json_text(a, event_redact(a, v, event));
    return e;
}
