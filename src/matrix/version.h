/* Room versions: one row per version, one column per thing that differs. Code asks a column, never a number. */
#ifndef ROOKERY_MATRIX_VERSION_H
#define ROOKERY_MATRIX_VERSION_H

#include "base/str.h"

struct room_version {
    const char *name; /* "12" */
    unsigned number;
    bool supported; /* this server takes part in such rooms */

    /* events */
    bool event_id_is_hash;    /* 3+; before, the sender's server chose it */
    bool event_id_is_urlsafe; /* 4+ */
    bool canonical;           /* 6+: numbers must be canonical */
    bool room_id_is_create;   /* 12: the create event has no room_id, its hash makes the room's; it is never among auth_events */
    bool redacts_in_content;  /* 11+ */

    /* authorization */
    bool aliases_rule;       /* 1-5: m.room.aliases has a rule of its own */
    bool creator_in_content; /* 1-10: content.creator is required */
    bool creators_reign;     /* 12: creators have infinite power and do not stand in m.room.power_levels */
    bool notifications_rule; /* 6+: `notifications` is protected like `events` */
    bool knock;              /* 7+ */
    bool restricted;         /* 8+ */
    bool knock_restricted;   /* 10+ */
    bool strict_levels;      /* 10+: power levels must be integers, not strings */

    /* what redaction keeps besides the common */
    bool keeps_aliases;        /* 1-5: aliases of m.room.aliases */
    bool keeps_join_allow;     /* 8+: allow of m.room.join_rules */
    bool keeps_authorised_via; /* 9+: join_authorised_via_users_server of m.room.member */
    bool keeps_v11;            /* 11+: all of create; invite of power_levels; redacts of redaction; third_party_invite.signed of member;
                                    no origin, membership, prev_state */

    unsigned state_resolution; /* 1; 2 (2+); 3 stands for "2.1" (12) */
};

enum { ROOM_VERSION_FIRST = 1, ROOM_VERSION_LAST = 12 };

/* NULL: not supported (or never heard of). */
const struct room_version *room_version_find(struct str name);
/* Any that the specification knows, supported or not; NULL beyond. */
const struct room_version *room_version_number(unsigned number);
const struct room_version *room_version_default(void);

#endif
