/* What compose.c (asking) and answer.c (writing) share about a look. */
#ifndef ROOKERY_ENGINE_SYNC_LOOK_H
#define ROOKERY_ENGINE_SYNC_LOOK_H

#include "engine/sync/job.h"

struct slot_ask {
    struct buf rooms; /* packed modes and rooms */
    struct str any;   /* a room of the slot: the command's key */
    bool due;         /* it is asked, and has answered */
    struct call call;
};

struct look {
    struct sync_job *job;
    struct arena arena;
    const struct sync_filter *filter; /* the job's */
    struct sync_token since, now;
    struct reply user;
    bool asked_user;
    bool asks_again; /* what could not be asked the last time */
    unsigned user_slot;
    uint64_t failed;       /* slots that are not asked yet, or could not be */
    uint64_t whole;        /* all of the user's rooms there are asked for, of others those of which something was delivered */
    uint64_t once;         /* a room there is new, or was left: told with what the user's slot tells of it, or never */
    uint64_t unheard;      /* something may have happened there between where it was read and where the gateway begins to hear of it */
    struct follower *room; /* the rooms that the user is in, as its slot tells: the job's, if all that goes with it can be told */
    size_t rooms;
    struct json *user_rooms; /* as told by the user's slot; NULL: not asked */
    struct json *room_data;
    struct slot_ask *slot[CLUSTER_SLOTS];  /* of those slots in which the user has rooms */
    struct json *changed, *left;           /* objects: user id -> true */
    struct json *presence;                 /* object: user id -> content */
    struct buf join, leave, invite, knock; /* members of the objects of these names */
};

/* JSON of a reply, into the look's arena; NULL where there is none. */
must_use enum err look_parse(struct look *l, struct str text, struct json **out);
/* What the user's slot has told of keys. It is in every answer, since a client takes its absence for none; and it has no position, so it is told also where
 * the rest of the user's news waits. */
void look_keep_key_counts(struct look *l);
/* The answer, whole; and what is in it. Waits. */
void look_write(struct look *l, struct buf *out, struct found *found);

#endif
