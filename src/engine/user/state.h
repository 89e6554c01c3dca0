/* What is remembered of a user while it is warm, so that a /sync with nothing new reads nothing. All of it can be made again from rows.
 * Only turns that hold the user's lock fill it in. */
#ifndef ROOKERY_ENGINE_USER_STATE_H
#define ROOKERY_ENGINE_USER_STATE_H

#include "engine/user/kept.h"
#include "engine/user/user.h"
#include "matrix/content.h"

struct room_mark {
    int64_t position, room_position;
    uint32_t at;        /* of the room id in `bytes` */
    uint8_t n;          /* its length */
    uint8_t membership; /* enum membership */
};

/* What /sync tells a device about itself. */
struct device_state {
    struct list link;
    bool keys_known;
    struct bytes *keys; /* packed JSON: counts of one-time keys, unused fallback keys' algorithms; NULL: not read yet */
    int64_t changed;    /* position at which they were last seen to change */
    int64_t newest;     /* no message lies above it; -1: not known */
    int64_t told;       /* newest message that an answer held and no later token has acknowledged; -1: not known */
    size_t n;
    char device_id[];
};

struct user_state {
    /* rooms that are not forgotten */
    struct room_mark *room; /* the bytes of the ids follow the marks */
    uint32_t rooms;
    bool rooms_known;
    uint8_t device_count;
    /* account data */
    bool data_known;
    const char *bytes;
    int64_t data_newest;       /* position */
    struct str rules, ignored; /* owned; empty: none. The stored push rules; a JSON array of user ids */
    /* device changes */
    bool changes_known;
    int64_t changes_newest; /* position */
    bool at_hand;           /* what its other commands read was asked for, so that they go on while the store is away */
    struct kept kept;
    struct list devices;       /* most recently used last */
    struct presence *presence; /* NULL: has not been online since it was loaded, and nothing is known from before */
    bool presence_recalled;    /* the cache has answered; queries ask it, too, and they hold no lock */
};

/* Of the turn's user; made empty when there is none. */
struct user_state *user_state(struct turn *t);
/* Waits when they are not known. */
must_use enum err user_state_rooms(struct turn *t, struct user_state *u);
must_use enum err user_state_data(struct turn *t, struct user_state *u);
static inline struct str room_mark_id(const struct user_state *u, const struct room_mark *m)
{
    return str_make(u->bytes + m->at, m->n);
}
/* Those of the next are told in turns that write such rows, before turn_ready. Where a turn fails after that, too much is read once; never too little. */
void user_state_keys_changed(struct turn *t);
void user_state_device_changed(struct turn *t, int64_t position);
void user_state_message(struct turn *t, struct str device_id, int64_t position);
/* Made when it is not there yet. */
struct device_state *user_state_device(struct user_state *u, struct str device_id);
/* Replaces an owned string. */
void user_state_keep(struct str *field, struct str value);
/* A JSON array of the ids in the content of m.ignored_user_list; empty when there are none. */
struct str user_ignored_of(struct arena *a, struct str content);

#endif
