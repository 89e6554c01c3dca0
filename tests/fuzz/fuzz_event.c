/* Events: {"version", "type", "sender", "room_id", "state_key", "content", "redacts", "depth", "levels", "rule"}. What is built becomes the same
 * PDU again, also redacted; redacting twice changes nothing more; and the authorization rules answer. */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "matrix/auth.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(bool ok)
{
    if (!ok) abort();
}

static const char create_id[] = "$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg";

static enum membership membership(void *ctx, struct str user)
{
    return user.n % 3 == 0 ? content_membership(json_get(ctx, "member")) : MEMBER_JOIN;
}

static bool state(void *ctx, struct str type, struct str key, struct auth_state_event *out)
{
    bool create = str_is(type, "m.room.create");
    *out = (struct auth_state_event){str_c(create_id), STR("@c:a"), json_get(ctx, create ? "create" : "rule")};
    return create || key.n % 2 == 0;
}

static void check_auth(struct arena *a, const struct room_version *v, const struct event_fields *e, struct json *in)
{
    struct auth_room room = {.version = v, .membership = membership, .state = state, .ctx = in};
    struct auth_key keys[AUTH_KEYS_MAX];
    struct fault f = {0};
    room.power = power_levels_parse(a, v, json_get(in, "levels"), STR("@c:a"), json_get(in, "create"));
    enum err bad = auth_check(a, &room, e, &f);
    must(bad == ERR_OK || f.text[0]);
    size_t n = auth_keys(v, e, keys);
    must(n <= AUTH_KEYS_MAX && (n == 0 || auth_check_keys(v, e, keys, n, NULL) == ERR_OK));
}

static void check_id(struct arena *a, const struct room_version *v, const struct event_built *b, struct str client)
{
    struct json *pdu;
    struct str id;
    must(event_pdu(a, v, b->room_id, client, b->fed, &pdu, NULL) == ERR_OK);
    must(event_id_of(a, v, pdu, &id, NULL) == ERR_OK && str_eq(id, b->event_id));
}

static void check_built(struct arena *a, const struct room_version *v, const struct event_built *b)
{
    struct str redacted, twice;
    struct json *client;
    check_id(a, v, b, b->client);
    must(json_parse(a, b->client, &client, NULL) == ERR_OK && json_get(client, "content")->raw.p == b->content.p);
    must(json_get(client, "content")->raw.n == b->content.n);
    must(event_redact_client(a, v, b->client, &redacted, NULL) == ERR_OK);
    must(event_redact_client(a, v, redacted, &twice, NULL) == ERR_OK && str_eq(redacted, twice));
    check_id(a, v, b, redacted);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct arena a = {0};
    struct json *in;
    if (crypto_init(NULL) == ERR_OK && json_parse(&a, str_make((const char *)data, size), &in, NULL) == ERR_OK) {
        const struct room_version *v = room_version_number((unsigned)json_int_at(in, "version", 12) % 13);
        struct str ids[] = {str_c(create_id)};
        struct event_fields e = {.type = json_string_at(in, "type"),
                                 .sender = json_string_at(in, "sender"),
                                 .room_id = json_string_at(in, "room_id"),
                                 .state_key = json_string_at(in, "state_key"),
                                 .content = json_get(in, "content"),
                                 .redacts = json_string_at(in, "redacts"),
                                 .prev_events = ids,
                                 .prev_count = 1,
                                 .auth_events = ids,
                                 .auth_count = 1,
                                 .depth = json_int_at(in, "depth", 1)};
        struct event_built b;
        event_redact(&a, v ? v : room_version_default(), in);
        if (v) check_auth(&a, v, &e, in);
        if (v && event_build(&a, v, &e, &b, NULL) == ERR_OK) check_built(&a, v, &b);
    }
    arena_release(&a);
    return 0;
}
