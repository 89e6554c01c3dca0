/* Identifiers: their grammar (appendices, "Identifier Grammar"), their parts, and the slot that each belongs to.
 *
 * All checks bound the length (255 bytes with the sigil), accept any bytes, and hand out slices of what they were given.
 * `out` may be NULL everywhere. */
#ifndef ROOKERY_MATRIX_ID_H
#define ROOKERY_MATRIX_ID_H

#include "base/mem.h"

enum { ID_MAX = 255, ID_SLOTS = 64 };

struct id {
    struct str local;  /* without sigil and server */
    struct str server; /* with its port; empty where the id has none (room ids of version 12, event ids) */
};

/* The slot of an id or any other key: XXH64, seed 0, low bits. Stands in stores and tokens, so it never changes. */
unsigned id_slot(struct str id);
/* The whole of that hash. */
uint64_t id_hash(struct str s);

/* A user id as others may have made it: historical localparts (any UTF-8 without ':' and NUL, empty too) are taken. */
must_use bool id_user(struct str s, struct id *out);
/* A localpart that a new account may have: [a-z0-9._=/+-]+ */
must_use bool id_localpart_is_new(struct str s);
/* `!local:server`, or `!` and 43 characters of URL-safe base64 (version 12). */
must_use bool id_room(struct str s, struct id *out);
must_use bool id_alias(struct str s, struct id *out);
/* `$` and something; server is filled for the form of room versions 1 and 2. */
must_use bool id_event(struct str s, struct id *out);
/* `host[:port]`, host a name, IPv4 or [IPv6]; port 0 when there is none. */
must_use bool id_server_name(struct str s, struct str *host, unsigned *port);
/* Device ids have no grammar; here: 1 to 255 bytes of UTF-8 without control characters. */
must_use bool id_device(struct str s);
/* mxc://server/media; local is the media id ([A-Za-z0-9_-]+). */
must_use bool id_mxc(struct str s, struct id *out);
/* Opaque identifiers: [0-9A-Za-z-._~]{1,255} */
must_use bool id_opaque(struct str s);
/* The "common namespaced identifier grammar": [a-z][a-z0-9._-]{0,254} */
must_use bool id_common(struct str s);

/* The server part of a user id, room id or alias: what follows the first ':'; empty when there is none. */
struct str id_server_of(struct str id);

#endif
