/* An event in memory: immutable, one allocation, refcounted through its item, shared by the room's state and tail, by deliveries
 * and by everything that waits. A redaction makes a new one. */
#ifndef ROOKERY_ENGINE_ROOM_EVENT_H
#define ROOKERY_ENGINE_ROOM_EVENT_H

#include "engine/engine.h"
#include "matrix/content.h"

enum { ORD_SHIFT = 20 };

struct event {
    struct item item; /* first; key: room id, position: when it came to be */
    int64_t ord;      /* its place in the room: position << ORD_SHIFT for what is made here */
    int64_t ts;
    struct str event_id, type, sender;
    struct str state_key;   /* p NULL: no state event */
    struct str client;      /* JSON object as stored: without room_id and unsigned */
    struct str content;     /* the part of `client` */
    struct str redacted_by; /* empty: not redacted */
    struct str device_txn;  /* of the sender's request: device id, 0x1f, transaction id; or empty */
    struct str extra; /* members of unsigned that are the same for everybody: `"prev_content":{…},"replaces_state":"$…"`, or empty */
    enum membership membership; /* of m.room.member */
    bool has_url;               /* content.url, for filters */
    char bytes[];
};

/* What an event is made of: see there. The bytes are copied. */
struct event_parts {
    struct str room_id, event_id, type, sender, state_key, client, content, redacted_by, device_txn, extra;
    int64_t position, ord, ts;
    const struct json *parsed; /* the content */
};
struct event *event_new(const struct event_parts *p);
/* From a row of T_timeline. NULL when the stored JSON is broken (logged). */
struct event *event_from_row(struct arena *scratch, const struct row *row);
/* As a row; the bytes stay the event's. `fed` is empty: an event in memory has not got it. */
void event_to_row(const struct event *e, struct row *out);
static inline struct event *event_ref(struct event *e)
{
    item_ref(&e->item);
    return e;
}
static inline void event_unref(struct event *e)
{
    if (e) item_unref(&e->item);
}
static inline bool event_is_state(const struct event *e)
{
    return e->state_key.p != NULL;
}
/* The position up to which everything in the room's order is at or before `ord`, and back. */
static inline int64_t ord_of_position(int64_t position)
{
    return position << ORD_SHIFT;
}
static inline int64_t ord_last_of_position(int64_t position)
{
    return (position << ORD_SHIFT) | ((1 << ORD_SHIFT) - 1);
}

#endif
