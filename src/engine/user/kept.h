/* Rows of a user that the cache has, too (engine/hot.h): sessions, profile, account data, rooms, filters, counts of keys. So a user who comes back after a
 * restart, a fail-over or an eviction costs the store two reads or three, and not ten.
 *
 * The proof: each turn that changes rows of these tables writes into T_changed, in the same record, at which position (cluster_config.kept). An entry counts
 * when it is as of there or later. A revoked session, an old profile and a room that was left are therefore never believed, whatever the cache has lost or
 * kept. What this owner has changed itself since it loaded the user is only told to the cache, and not asked for.
 *
 * All within turns of the user. Once per question: kept_find, then the read where it found nothing, then kept_tell. kept_range is that for rows. */
#ifndef ROOKERY_ENGINE_USER_KEPT_H
#define ROOKERY_ENGINE_USER_KEPT_H

#include "engine/hot.h"

enum { KEPT_TABLES = 8 };

/* Part of struct user_state. */
struct kept {
    bool known;                 /* the marks have been read */
    int64_t as_of;              /* the entity's `changed` then */
    int64_t mark[KEPT_TABLES];  /* when rows of the table last changed; 0: never */
    uint32_t told[KEPT_TABLES]; /* a hash of what was last told to the cache: that again is not news */
};

/* For cluster_config.kept. */
uint64_t kept_tables(void);

struct kept_question {
    struct hot_name name;
    enum table table[2]; /* what the answer is made of; twice the same where it is one */
    int64_t as_of;       /* what is read from now on has at least this */
};
/* What was told of the same question, where that is still so; `value` lies in the turn's arena. `key` is what distinguishes it from others of its first
 * table. Waits. */
must_use enum err kept_find(struct turn *t, struct kept_question *q, const struct str *key, size_t keys, struct str *value, bool *found);
/* The answer as it was read. */
void kept_tell(struct turn *t, const struct kept_question *q, struct str value);

/* turn_range for a whole prefix (no bounds, no limit) of rows of these tables, whose first key cell is the turn's user. */
must_use enum err kept_range(struct turn *t, struct store_read *r);

#endif
