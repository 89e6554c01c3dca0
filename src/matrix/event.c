#include "matrix/event.h"

#include "crypto/crypto.h"
#include "matrix/event_priv.h"
#include "matrix/id.h"

enum {
    HASHES_ROOM = 66,   /* ,"hashes":{"sha256":"…"} */
    BESIDES_ROOM = 1024 /* what a usual event has besides its content */
};

/* --- what must hold before anything is made --- */

static enum err check_field(const char *name, struct str s, struct fault *f)
{
    if (s.n > EVENT_KEY_MAX) return fault_set(f, ERR_TOO_LARGE, "The %s is longer than %d bytes.", name, EVENT_KEY_MAX);
    if (!str_is_utf8(s)) return fault_set(f, ERR_INVALID_PARAM, "The %s is not UTF-8.", name);
    return ERR_OK;
}

static enum err check_texts(const struct event_fields *e, struct fault *f)
{
    enum err bad = check_field("event type", e->type, f);
    if (bad == ERR_OK) bad = check_field("sender", e->sender, f);
    if (bad == ERR_OK) bad = check_field("state key", e->state_key, f);
    if (bad == ERR_OK) bad = check_field("redacted event's id", e->redacts, f);
    if (bad == ERR_OK) bad = check_field("room id", e->room_id, f);
    return bad;
}

static bool event_ids_ok(const struct str *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!id_event(ids[i], NULL)) return false;
    return true;
}

static enum err check_ids(const struct room_version *v, const struct event_fields *e, struct fault *f)
{
    if (!id_user(e->sender, NULL)) return fault_set(f, ERR_INVALID_PARAM, "The sender is no user id.");
    if (!event_makes_room_id(v, e->type, e->state_key) && !id_room(e->room_id, NULL))
        return fault_set(f, ERR_INVALID_PARAM, "The room id is none.");
    if (e->prev_count > EVENT_PREV_MAX || e->auth_count > EVENT_AUTH_MAX)
        return fault_set(f, ERR_TOO_LARGE, "The event names too many others.");
    if (!event_ids_ok(e->prev_events, e->prev_count) || !event_ids_ok(e->auth_events, e->auth_count))
        return fault_set(f, ERR_INVALID_PARAM, "The event names another by an id that is none.");
    return ERR_OK;
}

static bool number_ok(int64_t n)
{
    return n >= -9007199254740991 && n <= 9007199254740991;
}

static enum err check(const struct room_version *v, const struct event_fields *e, struct fault *f)
{
    if (!v->event_id_is_urlsafe || !v->canonical) return fault_set(f, ERR_UNSUPPORTED_ROOM_VERSION, "Room version %s is too old.", v->name);
    enum err bad = check_texts(e, f);
    if (bad == ERR_OK) bad = check_ids(v, e, f);
    if (bad) return bad;
    if (!json_is(e->content, JSON_OBJECT)) return fault_set(f, ERR_BAD_JSON, "The content of an event must be a JSON object.");
    if (!number_ok(e->depth) || !number_ok(e->origin_server_ts))
        return fault_set(f, ERR_BAD_JSON, "The event's depth or time is out of range.");
    return ERR_OK;
}

/* --- the PDU's text --- */

/* The canonical text without hashes, and where its pieces end; all that is hashed or stored is put together from these. */
struct draft {
    struct buf text;
    size_t auth, content, content_end, depth, time, prev, redacts, room_id, end;
    struct str kept; /* the canonical content that redaction leaves */
};

static struct str piece(const struct draft *d, size_t from, size_t to)
{
    return str_make(d->text.p + from, to - from);
}

static void write_ids(struct buf *b, struct str name, const struct str *ids, size_t count)
{
    buf_add(b, name);
    for (size_t i = 0; i < count; i++) {
        if (i) buf_byte(b, ',');
        json_write_string(b, ids[i]);
    }
    buf_byte(b, ']');
}

static void write_member(struct buf *b, struct str name, struct str value)
{
    buf_add(b, name);
    json_write_string(b, value);
}

/* Everything in front of the content and behind it, in the order of the keys. */
static enum err write_draft(struct draft *d, const struct room_version *v, const struct event_fields *e, struct fault *f)
{
    struct buf *b = &d->text;
    write_ids(b, STR("{\"auth_events\":["), e->auth_events, e->auth_count);
    d->auth = b->n;
    buf_add(b, STR(",\"content\":"));
    d->content = b->n;
    enum err bad = json_write_canonical(b, e->content, f);
    if (bad) return bad;
    d->content_end = b->n;
    buf_add(b, STR(",\"depth\":"));
    buf_int(b, e->depth);
    d->depth = b->n;
    buf_add(b, STR(",\"origin_server_ts\":"));
    buf_int(b, e->origin_server_ts);
    d->time = b->n;
    write_ids(b, STR(",\"prev_events\":["), e->prev_events, e->prev_count);
    d->prev = b->n;
    if (!str_null(e->redacts) && !v->redacts_in_content) write_member(b, STR(",\"redacts\":"), e->redacts);
    d->redacts = b->n;
    if (!event_makes_room_id(v, e->type, e->state_key)) write_member(b, STR(",\"room_id\":"), e->room_id);
    d->room_id = b->n;
    write_member(b, STR(",\"sender\":"), e->sender);
    if (!str_null(e->state_key)) write_member(b, STR(",\"state_key\":"), e->state_key);
    write_member(b, STR(",\"type\":"), e->type);
    buf_byte(b, '}');
    d->end = b->n;
    return ERR_OK;
}

/* Behind the draft stands what redaction leaves of the content. */
static enum err write_kept(struct arena *a, struct draft *d, const struct room_version *v, const struct event_fields *e, struct fault *f)
{
    const struct json *kept = redacted_content(a, v, e->type, e->content);
    if (kept->count == 0) {
        buf_add(&d->text, STR("{}"));
        return ERR_OK;
    }
    return json_write_canonical(&d->text, kept, f);
}

/* --- putting pieces together --- */

static struct str concat(struct arena *a, const struct str *parts, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += parts[i].n;
    char *p = arena_alloc(a, n + 1), *at = p;
    for (size_t i = 0; i < count; i++) {
        memcpy(at, parts[i].p, parts[i].n);
        at += parts[i].n;
    }
    return str_make(p, n);
}

static struct str hash_text(struct arena *a, struct str data, bool url_safe)
{
    unsigned char hash[SHA256_BYTES];
    sha256(data, hash);
    return base64_encode(a, str_make((const char *)hash, sizeof hash), url_safe);
}

static struct str hashes_member(struct arena *a, const struct draft *d)
{
    struct str text = hash_text(a, piece(d, 0, d->end), false);
    return arena_join(a, STR(",\"hashes\":{\"sha256\":\""), text, STR("\"}"));
}

/* The canonical text of the redacted event with its content hash: what the event id is the hash of. */
static struct str reference_text(struct arena *a, const struct draft *d, struct str hashes)
{
    const struct str parts[] = {
        piece(d, 0, d->content),            /* {"auth_events":[…],"content": */
        piece(d, d->end, d->text.n),        /* what is left of the content */
        piece(d, d->content_end, d->depth), /* ,"depth":… */
        hashes,                             /* ,"hashes":{…} */
        piece(d, d->depth, d->prev),        /* ,"origin_server_ts":…,"prev_events":[…] */
        piece(d, d->redacts, d->end),       /* ,"room_id":…,"sender":…,"state_key":…,"type":…} */
    };
    return concat(a, parts, sizeof parts / sizeof *parts);
}

static struct str redacts_member(struct arena *a, struct str redacts)
{
    if (str_null(redacts)) return STR("");
    struct buf b;
    buf_init(&b, 8 * EVENT_KEY_MAX);
    write_member(&b, STR(",\"redacts\":"), redacts);
    struct str text = arena_str(a, buf_str(&b));
    buf_release(&b);
    return text;
}

static const struct str client_begin = STR("{\"content\":");

static struct str client_text(struct arena *a, const struct draft *d, struct str hash, struct str redacts)
{
    const struct str parts[] = {
        client_begin,
        piece(d, d->content, d->content_end),
        STR(",\"event_id\":\"$"),
        hash,
        STR("\""),
        piece(d, d->depth, d->time), /* ,"origin_server_ts":… */
        redacts_member(a, redacts),
        piece(d, d->room_id, d->end), /* ,"sender":…,"state_key":…,"type":…} */
    };
    return concat(a, parts, sizeof parts / sizeof *parts);
}

static struct str fed_text(struct arena *a, const struct draft *d, struct str hashes)
{
    const struct str parts[] = {
        piece(d, 0, d->auth),               /* {"auth_events":[…] */
        piece(d, d->content_end, d->depth), /* ,"depth":… */
        hashes,
        piece(d, d->time, d->prev), /* ,"prev_events":[…] */
        STR("}"),
    };
    return concat(a, parts, sizeof parts / sizeof *parts);
}

static void build(struct arena *a, const struct room_version *v, const struct draft *d, const struct event_fields *e,
                  struct event_built *out)
{
    struct str hashes = hashes_member(a, d), hash = hash_text(a, reference_text(a, d, hashes), true);
    out->event_id = arena_join(a, STR("$"), hash, STR(""));
    out->room_id = event_makes_room_id(v, e->type, e->state_key) ? event_room_id_of_create(a, out->event_id) : arena_str(a, e->room_id);
    out->redacts = str_null(e->redacts) ? e->redacts : arena_str(a, e->redacts);
    out->client = client_text(a, d, hash, e->redacts);
    out->content = str_make(out->client.p + client_begin.n, d->content_end - d->content);
    out->fed = fed_text(a, d, hashes);
}

/* --- redactions --- */

/* What a redaction names is wanted in the content by newer rooms and clients, and outside of it by older ones. */
static struct event_fields with_redacts(struct arena *a, const struct event_fields *in)
{
    struct event_fields e = *in;
    if (!str_is(e.type, "m.room.redaction") || !json_is(e.content, JSON_OBJECT)) {
        e.redacts = (struct str){0};
        return e;
    }
    struct str inside = json_string_at(e.content, "redacts");
    if (str_null(e.redacts)) e.redacts = inside;
    if (str_null(e.redacts) || (!str_null(inside) && str_eq(inside, e.redacts))) return e;
    struct json *content = json_new(a, JSON_OBJECT);
    json_each(m, e.content) if (!str_is(m->key, "redacts")) json_add(content, m->key, json_shallow(a, m));
    json_add(content, STR("redacts"), json_new_string(a, e.redacts));
    e.content = content;
    return e;
}

static enum err draft_and_build(struct arena *a, const struct room_version *v, const struct event_fields *e, struct draft *d,
                                struct event_built *out, struct fault *f)
{
    enum err bad = write_draft(d, v, e, f);
    if (bad == ERR_OK) bad = write_kept(a, d, v, e, f);
    if (bad) return bad;
    if (!buf_ok(&d->text) || d->end + HASHES_ROOM + EVENT_SIGNATURE_ROOM > EVENT_SIZE_MAX)
        return fault_set(f, ERR_TOO_LARGE, "The event would be larger than %d bytes.", EVENT_SIZE_MAX);
    build(a, v, d, e, out);
    return ERR_OK;
}

enum err event_build(struct arena *a, const struct room_version *v, const struct event_fields *fields, struct event_built *out,
                     struct fault *f)
{
    struct event_fields e = with_redacts(a, fields);
    enum err bad = check(v, &e, f);
    if (bad) return bad;
    struct draft d = {0};
    size_t usual = BESIDES_ROOM + (e.content->raw.n < EVENT_SIZE_MAX ? e.content->raw.n : 0);
    /* The event, and what redaction leaves of its content. */
    buf_init_in(&d.text, 2 * EVENT_SIZE_MAX, arena_alloc(a, usual), usual);
    bad = draft_and_build(a, v, &e, &d, out, f);
    buf_release(&d.text);
    return bad;
}
