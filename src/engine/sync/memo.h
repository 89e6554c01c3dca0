/* What the owner's loop has just made for one reader of a room and can give to the next: the part of a section that is the same for all who
 * stand at the same place, and parsed events. A few dozen of each per loop, whatever the number of rooms.
 *
 * Touched by the loop's thread alone. All of it may be forgotten at any time. */
#ifndef ROOKERY_ENGINE_SYNC_MEMO_H
#define ROOKERY_ENGINE_SYNC_MEMO_H

#include "engine/room/event.h"

struct sync_memo;

struct sync_memo *sync_memo_new(void);
void sync_memo_free(struct sync_memo *m);
/* Something that was may have been changed (a redaction). */
void sync_memo_forget(struct sync_memo *m);
/* Counts the times it was told to forget: what was begun before is not to be kept. */
uint64_t sync_memo_forgot(const struct sync_memo *m);

struct section_key {
    struct str room_id;
    int64_t since, as_of;
    uint64_t filter; /* shared_filter's id */
    unsigned flags;
};
/* What is in its timeline. */
struct section_news {
    bool any;          /* there are events, or it is limited */
    size_t events;     /* how many */
    int64_t oldest_ms; /* when the first of them was sent */
};
struct section_text {
    struct bytes *members; /* of the section's object, without braces */
    struct section_news news;
};
/* NULL when there is none, or when it is so old that the events' age is wrong. */
const struct section_text *sync_memo_section(struct sync_memo *m, const struct section_key *k, int64_t now_ms);
void sync_memo_keep_section(struct sync_memo *m, const struct section_key *k, int64_t now_ms, struct str members,
                            const struct section_news *news);

/* The event as clients get it, parsed; valid until the next call. NULL when it is broken. */
const struct json *sync_memo_event(struct sync_memo *m, struct event *e);

#endif
