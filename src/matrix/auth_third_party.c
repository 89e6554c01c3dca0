#include "crypto/crypto.h"
#include "matrix/auth_priv.h"

/* Both lists come from outside, and each look costs as much as thirty messages. */
enum { VERIFY_MAX = 32 };

struct proof {
    struct str text; /* canonical, without signatures */
    const struct json *signatures;
    unsigned tries;
};

static bool decode(struct arena *a, const struct json *v, size_t n, const unsigned char **out)
{
    struct str text = json_string(v), raw;
    if (str_null(text) || text.n > 100) return false;
    if (!base64_decode(a, text, false, &raw) && !base64_decode(a, text, true, &raw)) return false;
    *out = (const unsigned char *)raw.p;
    return raw.n == n;
}

static bool verifies(struct arena *a, struct proof *p, const unsigned char *key, const struct json *signature)
{
    const unsigned char *raw;
    if (!str_starts(signature->key, STR("ed25519:")) || !decode(a, signature, ED25519_SIGNATURE_BYTES, &raw)) return false;
    return p->tries++ < VERIFY_MAX && ed25519_verify(key, p->text, raw);
}

static bool signed_by(struct arena *a, struct proof *p, const struct json *public_key)
{
    const unsigned char *key;
    if (!decode(a, public_key, ED25519_PUBLIC_BYTES, &key)) return false;
    json_each(server, p->signatures)
    {
        if (!json_is(server, JSON_OBJECT)) continue;
        json_each(signature, server) if (verifies(a, p, key, signature)) return true;
    }
    return false;
}

static bool signed_by_any(struct arena *a, struct proof *p, const struct json *invite)
{
    if (signed_by(a, p, json_get(invite, "public_key"))) return true;
    const struct json *keys = json_get(invite, "public_keys");
    if (!json_is(keys, JSON_ARRAY)) return false;
    json_each(k, keys) if (signed_by(a, p, json_get(k, "public_key"))) return true;
    return false;
}

/* What was signed: the canonical form without signatures and unsigned. */
static bool signed_text(struct arena *a, const struct json *object, struct str *out)
{
    struct json *copy = json_copy(a, object);
    json_remove(copy, STR("signatures"));
    json_remove(copy, STR("unsigned"));
    struct buf b;
    buf_init(&b, EVENT_SIZE_MAX);
    bool ok = json_write_canonical(&b, copy, NULL) == ERR_OK && buf_ok(&b);
    if (ok) *out = arena_str(a, buf_str(&b));
    buf_release(&b);
    return ok;
}

static enum err check_signatures(const struct auth *c, const struct json *object, const struct json *invite)
{
    struct proof p = {.signatures = json_get(object, "signatures")};
    if (json_is(p.signatures, JSON_OBJECT) && signed_text(c->scratch, object, &p.text) && signed_by_any(c->scratch, &p, invite))
        return ERR_OK;
    return fault_set(c->f, ERR_FORBIDDEN, "No signature of the third-party invite is by one of its keys.");
}

enum err auth_check_third_party(const struct auth *c, const struct json *proof)
{
    if (auth_membership(c, c->e->state_key) == MEMBER_BAN) return fault_set(c->f, ERR_FORBIDDEN, "That user is banned from the room.");
    const struct json *object = json_get(proof, "signed");
    struct str mxid = json_string_at(object, "mxid"), token = json_string_at(object, "token");
    if (str_null(mxid) || str_null(token))
        return fault_set(c->f, ERR_BAD_JSON, "`third_party_invite` needs `signed` with `mxid` and `token`.");
    if (!str_eq(mxid, c->e->state_key)) return fault_set(c->f, ERR_FORBIDDEN, "The third-party invite is for somebody else.");
    struct auth_state_event invite = {0};
    if (!c->room->state(c->room->ctx, STR("m.room.third_party_invite"), token, &invite))
        return fault_set(c->f, ERR_FORBIDDEN, "The room has no third-party invite with that token.");
    if (!str_eq(invite.sender, c->e->sender)) return fault_set(c->f, ERR_FORBIDDEN, "The third-party invite was made by somebody else.");
    return check_signatures(c, object, invite.content);
}
