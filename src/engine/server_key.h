/* The key with which this server signs for others: made when a store is first opened, and kept there, so that it is in every backup and the same
 * for all who serve the store. Nothing is signed yet, since no event leaves for another server; but who the server is begins with its first user. */
#ifndef ROOKERY_ENGINE_SERVER_KEY_H
#define ROOKERY_ENGINE_SERVER_KEY_H

#include "crypto/crypto.h"
#include "store/store.h"

enum { SERVER_KEY_ID = 8 };

struct server_key {
    char id[SERVER_KEY_ID + 1]; /* what stands behind "ed25519:" */
    unsigned char pub[ED25519_PUBLIC_BYTES], secret[ED25519_SECRET_BYTES];
};

/* Blocking, at start. A key that is damaged is refused, not replaced: others may know it. */
must_use enum err server_key_open(struct store *store, struct server_key *out, struct fault *f);

#endif
