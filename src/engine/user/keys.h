/* What the files about end-to-end encryption share: keys.c (devices' keys), one_time_keys.c, cross_signing.c, signatures.c. */
#ifndef ROOKERY_ENGINE_USER_KEYS_H
#define ROOKERY_ENGINE_USER_KEYS_H

#include "engine/user/user.h"

/* --- signed JSON (signatures.c); all in the arena --- */
/* A copy without what is not signed: `signatures`, `unsigned`. NULL gives NULL. */
struct json *signed_part(struct arena *a, const struct json *object);
/* Is `signature` (base64) one of the object by the ed25519 key (base64)? */
bool signed_by(struct arena *a, const struct json *object, struct str public_key, struct str signature);
/* Do both say the same, apart from who signed it? */
bool signed_same(struct arena *a, const struct json *x, const struct json *y);
struct str signature_of(const struct json *object, struct str signer, struct str key_id);
void signature_set(struct arena *a, struct json *object, struct str signer, struct str key_id, struct str signature);

/* --- keys --- */
/* The stored key of a device, of cross-signing; NULL in *out when there is none. The turn's user. Waits. */
must_use enum err device_key_read(struct turn *t, struct str device_id, struct json **out);
must_use enum err cross_signing_read(struct turn *t, const char *usage, struct json **out);
/* The one public key of a cross-signing key; null slice when it has not exactly one. */
struct str cross_signing_public(const struct json *key);
/* Adds the signatures that `signer` made on the turn's user's key `target` later. Waits. */
must_use enum err signatures_add(struct turn *t, struct json *key, struct str target, struct str signer);

#endif
