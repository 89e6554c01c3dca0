#include "crypto/crypto.h"
#include "matrix/event_priv.h"

static enum err parse_object(struct arena *a, struct str text, struct json **out, struct fault *f)
{
    enum err e = json_parse(a, text, out, f);
    if (e == ERR_OK && !json_is(*out, JSON_OBJECT)) return fault_set(f, ERR_NOT_JSON, "An event must be a JSON object.");
    return e;
}

/* Moves all members over; those that are there already are replaced. */
static void move_members(struct json *to, struct json *from)
{
    for (struct json *m = from->child, *next; m; m = next) {
        next = m->next;
        json_set(to, m->key, m);
    }
}

enum err event_pdu(struct arena *a, const struct room_version *v, struct str room_id, struct str client, struct str fed, struct json **out,
                   struct fault *f)
{
    struct json *pdu, *more;
    enum err e = parse_object(a, client, &pdu, f);
    if (e == ERR_OK) e = parse_object(a, fed, &more, f);
    if (e) return e;
    if (v->event_id_is_hash) json_remove(pdu, STR("event_id"));
    if (v->redacts_in_content) json_remove(pdu, STR("redacts"));
    if (!event_makes_room_id(v, json_string_at(pdu, "type"), json_string_at(pdu, "state_key")))
        json_set(pdu, STR("room_id"), json_new_string(a, room_id));
    move_members(pdu, more);
    *out = pdu;
    return ERR_OK;
}

/* --- hashes --- */

/* Of the canonical form of the tree, of which the top node may be changed. */
static enum err hash_tree(const struct json *tree, unsigned char out[SHA256_BYTES], struct fault *f)
{
    struct buf b;
    buf_init(&b, 2 * EVENT_SIZE_MAX);
    enum err e = json_write_canonical(&b, tree, f);
    if (e == ERR_OK && !buf_ok(&b)) e = fault_set(f, ERR_TOO_LARGE, "The event is too large.");
    if (e == ERR_OK) sha256(buf_str(&b), out);
    buf_release(&b);
    return e;
}

static struct json *without(struct arena *a, const struct json *object, const char *const *keys)
{
    struct json *out = json_new(a, JSON_OBJECT);
    json_each(m, object)
    {
        bool left_out = false;
        for (size_t i = 0; keys[i]; i++)
            left_out = left_out || str_is(m->key, keys[i]);
        if (!left_out) json_add(out, m->key, json_shallow(a, m));
    }
    return out;
}

enum err event_content_hash(const struct json *pdu, unsigned char out[SHA256_BYTES], struct fault *f)
{
    static const char *const keys[] = {"hashes", "signatures", "unsigned", NULL};
    struct arena a;
    arena_init(&a);
    enum err e = hash_tree(without(&a, pdu, keys), out, f);
    arena_release(&a);
    return e;
}

enum err event_reference_hash(const struct room_version *v, const struct json *pdu, unsigned char out[SHA256_BYTES], struct fault *f)
{
    static const char *const keys[] = {"signatures", "unsigned", "age_ts", NULL};
    static const char *const keys_hash_id[] = {"signatures", "unsigned", "age_ts", "event_id", NULL};
    struct arena a;
    arena_init(&a);
    enum err e = hash_tree(without(&a, event_redact(&a, v, pdu), v->event_id_is_hash ? keys_hash_id : keys), out, f);
    arena_release(&a);
    return e;
}

enum err event_id_of(struct arena *a, const struct room_version *v, const struct json *pdu, struct str *out, struct fault *f)
{
    unsigned char hash[SHA256_BYTES];
    enum err e = event_reference_hash(v, pdu, hash, f);
    if (e) return e;
    struct str text = base64_encode(a, str_make((const char *)hash, sizeof hash), v->event_id_is_urlsafe);
    *out = arena_join(a, STR("$"), text, STR(""));
    return ERR_OK;
}

struct str event_room_id_of_create(struct arena *a, struct str event_id)
{
    return arena_join(a, STR("!"), str_from(event_id, 1), STR(""));
}
