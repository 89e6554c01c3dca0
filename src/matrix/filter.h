/* Filters of /sync, /messages and others: parsed once into plain structs, then matched without allocation.
 *
 * Everything lives in the arena that was given; strings point into the filter's JSON, which must live as long. */
#ifndef ROOKERY_MATRIX_FILTER_H
#define ROOKERY_MATRIX_FILTER_H

#include "matrix/path.h"
#include "json/json.h"

enum {
    FILTER_ITEMS_MAX = 2048, /* of one list */
    FILTER_WILD_MAX = 64,    /* types with a `*` in one list */
    FILTER_FIELDS_MAX = 64   /* event_fields */
};

struct filter_list {
    bool present;      /* an empty list that is present lets nothing through */
    uint32_t n, exact; /* the first `exact` items are sorted, the others have a wildcard */
    struct str *items;
};
struct filter_fields {
    bool present;
    uint32_t n;
    struct path *paths;
};
enum filter_tri { FILTER_ANY, FILTER_NO, FILTER_YES };

struct event_filter {
    bool all;      /* nothing restricts by type, sender or url */
    int64_t limit; /* -1: not given. 0 is taken, though the specification wants more, since clients use it for "none" */
    struct filter_list types, not_types, senders, not_senders, rooms, not_rooms;
    enum filter_tri contains_url;
    bool federation_format; /* beyond the specification, which has event_format in filters of /sync only: for /messages and /context */
    bool lazy_load_members, include_redundant_members, unread_thread_notifications;
    struct filter_list related_by_rel_types, related_by_senders; /* for the caller */
};
struct room_filter {
    bool include_leave;
    struct filter_list rooms, not_rooms;
    struct event_filter account_data, ephemeral, state, timeline;
};
struct sync_filter {
    struct filter_fields event_fields;
    bool federation_format;
    struct event_filter presence, account_data;
    struct room_filter room;
};

/* What no filter at all means. */
void filter_init_events(struct event_filter *f);
void filter_init_sync(struct sync_filter *f);

/* ERR_BAD_JSON with a sentence that names the member. Unknown members are ignored. */
must_use enum err filter_parse_events(struct arena *a, const struct json *v, struct event_filter *out, struct fault *f);
must_use enum err filter_parse_sync(struct arena *a, const struct json *v, struct sync_filter *out, struct fault *f);

/* By type, sender and url; rooms are asked apart. Events without a sender (account data) pass a null slice: senders do not count. */
bool filter_event_matches(const struct event_filter *f, struct str type, struct str sender, bool has_url);
bool filter_event_room_matches(const struct event_filter *f, struct str room_id);
/* The outer `rooms` and `not_rooms` of a sync filter's room part. */
bool filter_room_matches(const struct room_filter *f, struct str room_id);
/* Is it one of the list's items, or matched by one? */
bool filter_list_has(const struct filter_list *l, struct str item);

/* event_fields: a tree with only the named properties, in the arena; shares what is below them with the event. Absent: the whole event. */
struct json *filter_project(struct arena *a, const struct filter_fields *fields, const struct json *event);

#endif
