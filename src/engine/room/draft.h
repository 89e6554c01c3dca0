/* Events on their way into a room: proposed one after another, each checked against the state that the ones before make, then all
 * taken into the room at once, or none.
 *
 *     struct draft d; draft_init(&d, t, room);
 *     e = draft_add(&d, &proposal);  ...
 *     if (e == ERR_OK) e = draft_commit(&d);
 *     draft_release(&d);
 *
 * draft_add waits for nothing; draft_commit writes, and is the last thing that a turn does. */
#ifndef ROOKERY_ENGINE_ROOM_DRAFT_H
#define ROOKERY_ENGINE_ROOM_DRAFT_H

#include "engine/room/room.h"

enum { DRAFT_MAX = 600 };

struct proposal {
    struct str type, sender;
    struct str state_key; /* p NULL: no state event */
    const struct json *content;
    struct str redacts;    /* p NULL: none */
    struct str device_txn; /* empty: none */
    int64_t ts;            /* 0: now */
};

struct drafted {
    struct event *event;
    struct str fed;
    const struct json *content;
    bool relates;           /* to another event */
    enum membership before; /* of a member event's target */
};

struct draft {
    struct turn *turn;
    struct room *room;
    bool new_room;
    struct drafted *e;
    size_t count, cap;
    struct power_levels *power;
    struct str last_id;
    int64_t depth;
    struct event *redacted; /* the event that the draft's redaction empties, as it will be; owned */
};

void draft_init(struct draft *d, struct turn *t, struct room *room);
void draft_release(struct draft *d);
/* FORBIDDEN and a sentence when the room's rules do not allow it; TOO_LARGE, BAD_JSON. */
must_use enum err draft_add(struct draft *d, const struct proposal *p);
/* State as of the draft. */
struct event *draft_state(const struct draft *d, struct str type, struct str state_key);
/* Rows, items, letters to the users whose membership changes, then memory. Returns turn_ready's verdict. */
must_use enum err draft_commit(struct draft *d);
/* The id of the last one added. */
struct str draft_last_id(const struct draft *d);

#endif
