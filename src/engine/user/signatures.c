/* Signatures on keys: checking them, keeping those that were made later, adding them to what is shown.
 *
 * A user's devices and master key are signed by that user's own keys, a master key also by others, which only they see. */
#include "engine/user/keys.h"

enum { SIGNED_MAX = 262144 };

struct json *signed_part(struct arena *a, const struct json *object)
{
    struct json *copy = json_copy(a, object);
    if (!json_is(copy, JSON_OBJECT)) return copy;
    json_remove(copy, STR("signatures"));
    json_remove(copy, STR("unsigned"));
    return copy;
}

bool signed_same(struct arena *a, const struct json *x, const struct json *y)
{
    return x && y && json_equal(signed_part(a, x), signed_part(a, y));
}

bool signed_by(struct arena *a, const struct json *object, struct str public_key, struct str signature)
{
    struct str pub, sig;
    if (str_null(public_key) || str_null(signature)) return false;
    if (!base64_decode(a, public_key, false, &pub) || pub.n != ED25519_PUBLIC_BYTES) return false;
    if (!base64_decode(a, signature, false, &sig) || sig.n != ED25519_SIGNATURE_BYTES) return false;
    struct buf b;
    buf_init(&b, SIGNED_MAX);
    bool good = json_write_canonical(&b, signed_part(a, object), NULL) == ERR_OK && buf_ok(&b) &&
                ed25519_verify((const unsigned char *)pub.p, buf_str(&b), (const unsigned char *)sig.p);
    buf_release(&b);
    return good;
}

struct str signature_of(const struct json *object, struct str signer, struct str key_id)
{
    return json_string(json_get_str(json_get_str(json_get(object, "signatures"), signer), key_id));
}

static struct json *member_object(struct arena *a, struct json *object, struct str name)
{
    struct json *v = json_get_str(object, name);
    return json_is(v, JSON_OBJECT) ? v : json_set(object, name, json_new(a, JSON_OBJECT));
}

void signature_set(struct arena *a, struct json *object, struct str signer, struct str key_id, struct str signature)
{
    struct json *all = member_object(a, object, STR("signatures"));
    json_set(member_object(a, all, signer), key_id, json_new_string(a, signature));
}

enum err signatures_add(struct turn *t, struct json *key, struct str target, struct str signer)
{
    struct store_read r = {.table = T_key_signature, .prefix = 3, .limit = 1000};
    r.key[0].s = turn_command(t)->key;
    r.key[1].s = target;
    r.key[2].s = signer;
    enum err e = turn_range(t, &r);
    for (size_t i = 0; i < r.count && e == ERR_OK; i++)
        signature_set(turn_arena(t), key, signer, r.row[i].c[C_key_signature_key_id].s, r.row[i].c[C_key_signature_signature].s);
    return e;
}

/* --- uploading --- */

/* A target of the upload: the stored key, and the one key that may have signed it. */
struct target {
    struct json *stored;
    struct str name, signer_key_id, signer_public; /* null: there is none */
};

static enum err find_target(struct turn *t, struct str name, struct str signer, struct str user_signing, const struct json *master,
                            const struct json *self_signing, struct target *out)
{
    struct str user_id = turn_command(t)->key;
    struct arena *a = turn_arena(t);
    bool own = str_eq(signer, user_id), is_master = master && str_eq(cross_signing_public(master), name);
    *out = (struct target){.name = name};
    if (is_master) {
        out->stored = json_copy(a, master);
        if (!own) out->signer_public = user_signing;
    } else if (own) {
        enum err e = device_key_read(t, name, &out->stored);
        if (e != ERR_OK) return e;
        out->signer_public = cross_signing_public(self_signing);
    }
    if (out->signer_public.p) out->signer_key_id = arena_join(a, STR("ed25519:"), out->signer_public, STR(""));
    return ERR_OK;
}

/* A user's own master key is signed by any of the user's devices: which one, the key id says. */
static enum err device_of_key_id(struct turn *t, struct str key_id, struct str *public_key)
{
    struct json *device;
    *public_key = (struct str){0};
    if (!str_starts(key_id, STR("ed25519:"))) return ERR_OK;
    enum err e = device_key_read(t, str_from(key_id, 8), &device);
    if (e == ERR_OK) *public_key = json_string(json_get_str(json_get(device, "keys"), key_id));
    return e;
}

static void put_signature(struct turn *t, struct str target, struct str signer, struct str key_id, struct str signature)
{
    struct row row = {.table = T_key_signature};
    row.c[C_key_signature_user_id].s = turn_command(t)->key;
    row.c[C_key_signature_target].s = target;
    row.c[C_key_signature_signer].s = signer;
    row.c[C_key_signature_key_id].s = key_id;
    row.c[C_key_signature_signature].s = signature;
    turn_put(t, &row);
}

static void put_failure(struct arena *a, struct json *failures, struct str target, enum err e, const char *sentence)
{
    struct json *v = json_new(a, JSON_OBJECT);
    json_set(v, STR("errcode"), json_new_string(a, str_c(err_errcode(e))));
    json_set(v, STR("error"), json_new_string(a, str_c(sentence)));
    json_set(failures, target, v);
}

/* New signatures that are good, to be written when everything has been read. */
struct fresh {
    struct str target, key_id, signature;
    struct fresh *next;
};

/* All signatures of the signer on one target: each known already, or good. *why: what is wrong, or NULL. Waits. */
static enum err check_one(struct turn *t, const struct target *target, const struct json *given, struct str signer, struct fresh **list,
                          const char **why)
{
    struct arena *a = turn_arena(t);
    const struct json *made = json_get_str(json_get(given, "signatures"), signer);
    *why = NULL;
    if (!made || !made->count) *why = "There is no signature of yours on it.";
    json_each(s, made)
    {
        struct str signature = json_string(s), key = target->signer_public;
        if (*why) return ERR_OK;
        if (str_null(signature) || signature.n > 1024 || s->key.n > 255) {
            *why = "A signature has to be a string.";
            return ERR_OK;
        }
        struct str known = signature_of(target->stored, signer, s->key);
        if (known.p && str_eq(known, signature)) continue;
        bool good = target->signer_key_id.p && str_eq(s->key, target->signer_key_id);
        if (!good && !target->signer_public.p && str_eq(signer, turn_command(t)->key)) {
            enum err e = device_of_key_id(t, s->key, &key);
            if (e != ERR_OK) return e;
            good = key.p != NULL;
        }
        if (!good || !signed_by(a, target->stored, key, signature)) {
            *why = "A signature does not match.";
            return ERR_OK;
        }
        struct fresh *f = arena_zero(a, sizeof *f);
        *f = (struct fresh){target->name, s->key, signature, *list};
        *list = f;
    }
    return ERR_OK;
}

static enum err check_all(struct turn *t, const struct json *objects, struct fresh **list, struct json *failures)
{
    const struct command *c = turn_command(t);
    struct arena *a = turn_arena(t);
    struct json *master, *self_signing;
    enum err e = cross_signing_read(t, "master", &master);
    if (e == ERR_OK) e = cross_signing_read(t, "self_signing", &self_signing);
    if (e != ERR_OK) return e;
    json_each(o, objects)
    {
        struct target target;
        struct fresh *before = *list;
        const char *why = NULL;
        e = find_target(t, o->key, c->s[0], c->s[2], master, self_signing, &target);
        if (e != ERR_OK) return e;
        if (!target.stored) {
            put_failure(a, failures, o->key, ERR_NOT_FOUND, "There is no such key.");
            continue;
        }
        if (signed_same(a, target.stored, o)) {
            e = check_one(t, &target, o, c->s[0], list, &why);
            if (e != ERR_OK) return e;
        } else {
            why = "The key differs from the one that is known.";
        }
        if (!why) continue;
        *list = before;
        put_failure(a, failures, o->key, ERR_INVALID_SIGNATURE, why);
    }
    return ERR_OK;
}

/* user_signatures_put: s[0] who signs, s[1] JSON object: device id or public key -> signed key; s[2] the signer's public user-signing key, where
 * the keys are another user's. Reply: s[0] JSON object: those that were refused -> {errcode, error}. */
enum err user_signatures_put(struct turn *t)
{
    const struct command *c = turn_command(t);
    struct arena *a = turn_arena(t);
    struct json *objects, *failures = json_new(a, JSON_OBJECT);
    struct fresh *list = NULL;
    bool own = str_eq(c->s[0], c->key);
    enum err e = json_parse(a, c->s[1], &objects, turn_fault(t));
    if (e == ERR_OK) e = check_all(t, objects, &list, failures);
    if (e == ERR_OK && list && own) e = user_devices_changed(t);
    if (e != ERR_OK) return e;
    turn_reply(t)->s[0] = json_text(a, failures);
    if (!list) return ERR_OK;
    for (struct fresh *f = list; f; f = f->next)
        put_signature(t, f->target, c->s[0], f->key_id, f->signature);
    if (!own) { /* only the signer sees it, on all devices */
        struct command note = {.type = CMD_user_device_note, .key = c->s[0], .s[0] = c->key};
        turn_letter(t, &note, false);
    }
    return turn_ready(t);
}
