/* The part of a /sync answer that is about one room: what a user who is in it, or has left it, has not seen yet. */
#ifndef ROOKERY_ENGINE_SYNC_SECTION_H
#define ROOKERY_ENGINE_SYNC_SECTION_H

#include "engine/room/timeline.h"
#include "engine/room/viewer.h"
#include "matrix/filter.h"
#include "matrix/pushrules.h"

/* The state at the end of the timeline is written under the name by which it was asked for: that of the specification, or that of MSC4222. */
enum sync_flags {
    SYNC_STATE_AFTER = 1,
    SYNC_FULL_STATE = 2,
    SYNC_INITIAL = 4,
    SYNC_STATE_AFTER_4222 = 8,
    SYNC_STATE_FORMS = SYNC_STATE_AFTER | SYNC_STATE_AFTER_4222,
};

/* What one reader wants of the rooms of a slot. */
struct section_reader {
    struct turn *turn;
    struct str user_id, device_id;
    int64_t since, as_of; /* positions of the slot: what lies in (since, as_of] is new */
    unsigned flags;
    const struct sync_filter *filter;
    uint64_t filter_id;       /* of the shared filter */
    struct str display_name;  /* in the room that is counted, see unread.c */
    struct str rules_text;    /* the user's stored push rules; empty: the defaults */
    struct push_rules *rules; /* compiled when first needed, by section_write_unread; the owner frees them */
    struct json *ignored;     /* array of user ids, or NULL */
    struct buf changed, left; /* packed user ids: device lists */
    struct buf presence;      /* packed pairs: user id, content as JSON */
    size_t events;            /* in the timelines of all sections */
    int64_t oldest_ms;        /* when the first of those was sent that came while the reader was in the room; 0: none did */
};

/* Writes the members of the room's object, without braces, into `out`; writes nothing when there is nothing new. `fresh`: the user has
 * (again) joined since, so the room is sent whole. Waits. */
must_use enum err section_joined(struct section_reader *s, struct room *room, bool fresh, struct buf *out);
/* For a room that was left (or banned from): up to the position of the leave. */
must_use enum err section_left(struct section_reader *s, struct room *room, int64_t until, struct buf *out);

/* The members with the reader's unread counts. Where the events that are to be counted cannot all be read at the moment, those that could be are counted (but for a first
 * answer, which is whole or none): the messages matter more, and one that comes later brings the right counts. Waits. */
must_use enum err section_write_unread(struct section_reader *s, struct room *room, struct json_out *o);

#endif
