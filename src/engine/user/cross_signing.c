/* Cross-signing keys: a master key, and the two that it signs. */
#include "engine/user/keys.h"

static const char *const usages[] = {"master", "self_signing", "user_signing"};
enum { USAGES = sizeof usages / sizeof usages[0] };

enum err cross_signing_read(struct turn *t, const char *usage, struct json **out)
{
    struct row row;
    *out = NULL;
    enum err e = turn_get(t, T_cross_signing_key, (struct cell[]){{.s = turn_command(t)->key}, {.s = str_c(usage)}}, &row);
    if (e != ERR_OK) return e == ERR_NOT_FOUND ? ERR_OK : e;
    if (json_parse(turn_arena(t), row.c[C_cross_signing_key_json].s, out, NULL) == ERR_OK) return ERR_OK;
    return fault_set(turn_fault(t), ERR_INTERNAL, "A stored key is damaged.");
}

struct str cross_signing_public(const struct json *key)
{
    const struct json *keys = json_get(key, "keys");
    if (!json_is(keys, JSON_OBJECT) || keys->count != 1) return (struct str){0};
    struct str value = json_string(keys->child), name = keys->child->key;
    return str_starts(name, STR("ed25519:")) && value.p && str_eq(str_from(name, 8), value) ? value : (struct str){0};
}

/* What is there, and what the request brings. */
struct change_set {
    struct json *old[USAGES], *given[USAGES]; /* NULL: none */
    bool fresh[USAGES];                       /* given, and not what is there */
    struct doomed doomed;
};

static enum err read_all(struct turn *t, struct change_set *s)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < USAGES && e == ERR_OK; i++) {
        struct str text = turn_command(t)->s[i];
        e = cross_signing_read(t, usages[i], &s->old[i]);
        if (e == ERR_OK && text.p) e = json_parse(turn_arena(t), text, &s->given[i], turn_fault(t));
        if (e == ERR_OK && s->given[i]) s->fresh[i] = !s->old[i] || !signed_same(turn_arena(t), s->old[i], s->given[i]);
    }
    return e;
}

/* A key that has the name of a device could be taken for that device's. */
static enum err check_device_names(struct turn *t, const struct change_set *s)
{
    struct row row;
    for (size_t i = 0; i < USAGES; i++) {
        if (!s->fresh[i]) continue;
        enum err e = turn_get(t, T_device, (struct cell[]){{.s = turn_command(t)->key}, {.s = cross_signing_public(s->given[i])}}, &row);
        if (e == ERR_OK) return fault_set(turn_fault(t), ERR_FORBIDDEN, "One of the keys has the name of a device of yours.");
        if (e != ERR_NOT_FOUND) return e;
    }
    return ERR_OK;
}

/* The master key signs the others. */
static enum err check_signatures(struct turn *t, const struct change_set *s)
{
    struct str user_id = turn_command(t)->key;
    const struct json *master = s->given[0] ? s->given[0] : s->old[0];
    if (!master) return fault_set(turn_fault(t), ERR_MISSING_PARAM, "There is no master key yet: send one with the other keys.");
    struct str public_key = cross_signing_public(master);
    struct str key_id = arena_join(turn_arena(t), STR("ed25519:"), public_key, STR(""));
    for (size_t i = 1; i < USAGES; i++)
        if (s->given[i] && !signed_by(turn_arena(t), s->given[i], public_key, signature_of(s->given[i], user_id, key_id)))
            return fault_set(turn_fault(t), ERR_INVALID_SIGNATURE, "The master key has not signed the %s key.", usages[i]);
    return ERR_OK;
}

/* Signatures on keys that are no more; and under a new master key those that the old one signed are worth nothing. */
static enum err doom_old(struct turn *t, struct change_set *s)
{
    struct cell key[2] = {{.s = turn_command(t)->key}};
    enum err e = ERR_OK;
    for (size_t i = 0; i < USAGES && e == ERR_OK; i++) {
        if (!s->old[i] || !(s->fresh[i] || s->fresh[0])) continue;
        key[1].s = cross_signing_public(s->old[i]);
        e = doom_range(t, &s->doomed, T_key_signature, 2, key);
        key[1].s = str_c(usages[i]);
        if (e == ERR_OK) e = doom_range(t, &s->doomed, T_cross_signing_key, 2, key);
    }
    return e;
}

static void put_all(struct turn *t, const struct change_set *s)
{
    int64_t position = turn_position(t);
    for (size_t i = 0; i < USAGES; i++) {
        if (!s->given[i] || !(s->fresh[i] || s->fresh[0])) continue;
        struct row row = {.table = T_cross_signing_key};
        row.c[C_cross_signing_key_user_id].s = turn_command(t)->key;
        row.c[C_cross_signing_key_usage].s = str_c(usages[i]);
        row.c[C_cross_signing_key_json].s = json_text(turn_arena(t), s->given[i]);
        row.c[C_cross_signing_key_position].i = position;
        turn_put(t, &row);
    }
}

/* user_cross_signing_put: s[0] master, s[1] self-signing, s[2] user-signing key, JSON or null, checked for their form; num[0] 1: the user has
 * proved to be it. Reply: num[0] 1: nothing was done, because the keys replace others and that needs the proof.
 * FORBIDDEN, INVALID_SIGNATURE, MISSING_PARAM (no master key). */
enum err user_cross_signing_put(struct turn *t)
{
    struct change_set s = {0};
    enum err e = read_all(t, &s);
    if (e == ERR_OK) e = check_device_names(t, &s);
    if (e == ERR_OK) e = check_signatures(t, &s);
    if (e != ERR_OK || !(s.fresh[0] || s.fresh[1] || s.fresh[2])) return e;
    if (s.old[0] && !turn_command(t)->num[0]) {
        turn_reply(t)->num[0] = 1;
        return ERR_OK;
    }
    e = doom_old(t, &s);
    if (e == ERR_OK) e = user_devices_changed(t);
    if (e != ERR_OK) return e;
    doom(t, &s.doomed);
    put_all(t, &s);
    return turn_ready(t);
}
