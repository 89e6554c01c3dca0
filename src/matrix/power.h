/* Power levels of a room as one immutable struct, parsed once per change and cached by the caller.
 *
 * Everything lives in the arena that was given, copies of the strings included: neither the events' trees nor their texts
 * need to outlive the call. Reading is safe from every thread. */
#ifndef ROOKERY_MATRIX_POWER_H
#define ROOKERY_MATRIX_POWER_H

#include "matrix/version.h"
#include "json/json.h"

/* The level of a creator in room versions where creators reign: above every number that can be written. */
static const int64_t POWER_INFINITE = INT64_MAX;

/* The levels that are one number, in the order of the bits in `given`. */
enum power_name {
    POWER_BAN,
    POWER_KICK,
    POWER_REDACT,
    POWER_INVITE,
    POWER_USERS_DEFAULT,
    POWER_EVENTS_DEFAULT,
    POWER_STATE_DEFAULT,
    POWER_NAMES
};
extern const char *const power_names[POWER_NAMES]; /* "ban", … */

struct power_entry {
    struct str name;
    int64_t level;
};
struct power_table { /* sorted by name */
    struct power_entry *e;
    size_t n;
};
struct power_levels {
    bool present;   /* there is such an event; otherwise the defaults of a room without one */
    unsigned given; /* which of `level` the event gives itself, one bit each */
    int64_t level[POWER_NAMES];
    struct power_table users, events, notifications;
    struct str *creators; /* only where creators reign; otherwise none */
    size_t creators_count;
};

/* `content` of m.room.power_levels (NULL: there is none), sender and content of m.room.create. Lenient: what the authorization
 * rules would have refused counts as absent. */
struct power_levels *power_levels_parse(struct arena *a, const struct room_version *v, const struct json *content, struct str create_sender,
                                        const struct json *create_content);

/* Does content take the form that the version wants of m.room.power_levels (rules 9.1 to 9.3; 10.1 to 10.3 in 12)? BAD_JSON. */
must_use enum err power_levels_check(const struct room_version *v, const struct json *content, struct fault *f);

/* NULL when there is none. */
const struct power_entry *power_table_find(const struct power_table *t, struct str name);
int64_t power_of_user(const struct power_levels *p, struct str user_id);
/* The level needed to send an event of that type. */
int64_t power_for_event(const struct power_levels *p, struct str type, bool is_state);
/* The level needed to trigger that notification ("room"); 50 by default. */
int64_t power_for_notification(const struct power_levels *p, struct str name);
bool power_is_creator(const struct power_levels *p, struct str user_id);

/* One level as JSON: an integer; in versions that are not strict also a decimal string, with blanks around and a sign. */
must_use bool power_level_read(const struct room_version *v, const struct json *value, int64_t *out);

#endif
