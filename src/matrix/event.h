/* Events: building them (hashes, event id, the two texts that are stored), redacting them, and putting a PDU together again.
 *
 * An event is stored as two JSON texts:
 *   client  what clients see, without room_id and unsigned: content, event_id, origin_server_ts, redacts?, sender, state_key?, type
 *   fed     what other servers need besides: auth_events, depth, hashes, prev_events
 * Signatures are no part of either; they are made when an event first leaves for another server. */
#ifndef ROOKERY_MATRIX_EVENT_H
#define ROOKERY_MATRIX_EVENT_H

#include "matrix/version.h"
#include "json/json.h"

enum {
    EVENT_SIZE_MAX = 65536,     /* of the whole PDU */
    EVENT_SIGNATURE_ROOM = 512, /* of these, kept free for the signature of the sender's server and an event id */
    EVENT_KEY_MAX = 255,        /* sender, room_id, state_key, type, event_id */
    EVENT_PREV_MAX = 20,
    EVENT_AUTH_MAX = 10
};

struct event_fields {
    struct str type, sender;
    struct str room_id;   /* where the create event makes the room id, its room_id is not looked at */
    struct str state_key; /* p NULL: no state event. The empty key has a pointer that is not NULL */
    const struct json *content;
    struct str redacts; /* of m.room.redaction; p NULL: what content.redacts says. It goes where the version has it, in `client` to both */
    const struct str *prev_events, *auth_events; /* event ids */
    size_t prev_count, auth_count;
    int64_t depth, origin_server_ts;
};

/* All in the arena. */
struct event_built {
    struct str event_id;
    struct str room_id; /* the new room's id for a create event that makes it; otherwise that of the fields */
    struct str redacts; /* what a redaction names; null slice: nothing */
    struct str client, fed;
    struct str content; /* canonical; the part of `client` */
};

/* ERR_TOO_LARGE (the PDU, or a field beyond 255 bytes), ERR_BAD_JSON (content is no object, numbers that canonical JSON does not
 * have), ERR_INVALID_PARAM (ids without their grammar). UNSUPPORTED_ROOM_VERSION before 6. */
must_use enum err event_build(struct arena *a, const struct room_version *v, const struct event_fields *e, struct event_built *out,
                              struct fault *f);

/* The redacted form of an event, in client or federation form: a new tree that shares leaves with the old one, which is not
 * changed. `unsigned` is gone; event_id and room_id stay where they were. */
struct json *event_redact(struct arena *a, const struct room_version *v, const struct json *event);
/* The same for the stored client text. ERR_NOT_JSON only when that is broken. */
must_use enum err event_redact_client(struct arena *a, const struct room_version *v, struct str client, struct str *out, struct fault *f);

/* The PDU (without signatures and unsigned) from what is stored; points into the texts. */
must_use enum err event_pdu(struct arena *a, const struct room_version *v, struct str room_id, struct str client, struct str fed,
                            struct json **out, struct fault *f);

/* Hashes of a PDU's tree, as the specification has them; members that are not covered are left out here. */
must_use enum err event_content_hash(const struct json *pdu, unsigned char out[32], struct fault *f);
must_use enum err event_reference_hash(const struct room_version *v, const struct json *pdu, unsigned char out[32], struct fault *f);
/* "$" and the reference hash. */
must_use enum err event_id_of(struct arena *a, const struct room_version *v, const struct json *pdu, struct str *out, struct fault *f);
/* The room id that a create event makes, from its event id ("$…" to "!…"). */
struct str event_room_id_of_create(struct arena *a, struct str event_id);

#endif
