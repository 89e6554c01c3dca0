#include "engine/server_key.h"

#include "base/log.h"
#include "base/random.h"

/* In the store it is its id, a blank, and the secret half in base64, which ends with the public one. Of several servers that make one at once, one's
 * counts: `out` is that. */
static enum err make(struct store *store, struct arena *a, struct str *out)
{
    struct server_key k;
    struct str id = random_id(a, SERVER_KEY_ID);
    ed25519_keypair(k.pub, k.secret);
    struct str secret = base64_encode(a, str_make((const char *)k.secret, sizeof k.secret), false);
    struct str mine = arena_printf(a, "%.*s %.*s", STR_FMT(id), STR_FMT(secret));
    mem_wipe(&k, sizeof k);
    enum err e = store->ops->meta_add(store, STR("server_key"), mine, a, out);
    if (e == ERR_OK && str_eq(*out, mine)) log_event(LOG_INFO, "engine", "server key made", "id=ed25519:%.*s", STR_FMT(id));
    return e;
}

/* Does what the secret half signs hold before the public one? */
static bool is_sound(const struct server_key *k)
{
    unsigned char signature[ED25519_SIGNATURE_BYTES];
    ed25519_sign(k->secret, STR("rookery"), signature);
    return ed25519_verify(k->pub, STR("rookery"), signature);
}

static bool parse(struct arena *a, struct str text, struct server_key *k)
{
    struct str secret;
    if (text.n <= SERVER_KEY_ID || text.p[SERVER_KEY_ID] != ' ') return false;
    if (!base64_decode(a, str_from(text, SERVER_KEY_ID + 1), false, &secret) || secret.n != sizeof k->secret) return false;
    memcpy(k->id, text.p, SERVER_KEY_ID);
    memcpy(k->secret, secret.p, sizeof k->secret);
    memcpy(k->pub, k->secret + sizeof k->secret - sizeof k->pub, sizeof k->pub);
    return is_sound(k);
}

enum err server_key_open(struct store *store, struct server_key *out, struct fault *f)
{
    struct arena a;
    struct str text;
    arena_init(&a);
    *out = (struct server_key){0};
    enum err e = store->ops->meta_get(store, STR("server_key"), &a, &text);
    if (e == ERR_NOT_FOUND) e = make(store, &a, &text);
    if (e == ERR_OK && !parse(&a, text, out)) e = ERR_INTERNAL;
    arena_release(&a);
    if (e == ERR_OK) return ERR_OK;
    return fault_set(f, e, "The server's key in the store is damaged, or cannot be read or written (%s).", err_name(e));
}
