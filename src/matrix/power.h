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

struct power_entry {
    struct str name;
    int64_t level;
};
struct power_table { /* sorted by name */
    struct power_entry *e;
    size_t n;
};
struct power_levels {
    bool present; /* there is such an event; otherwise the defaults of a room without one */
    int64_t ban, kick, redact, invite, users_default, events_default, state_default;
    struct power_table users, events, notifications;
    struct str *creators; /* only where creators reign; otherwise none */
    size_t creators_count;
};

/* `content` of m.room.power_levels (NULL: there is none), sender and content of m.room.create. Lenient: what the authorization
 * rules would have refused counts as absent. */
struct power_levels *power_levels_parse(struct arena *a, const struct room_version *v, const struct json *content, struct str create_sender,
                                        const struct json *create_content);

int64_t power_of_user(const struct power_levels *p, struct str user_id);
/* The level needed to send an event of that type. */
int64_t power_for_event(const struct power_levels *p, struct str type, bool is_state);
/* The level needed to trigger that notification ("room"); 50 by default. */
int64_t power_for_notification(const struct power_levels *p, struct str name);
bool power_is_creator(const struct power_levels *p, struct str user_id);

/* One level as JSON: an integer; in versions that are not strict also a decimal string or a number with a fraction (cut). */
must_use bool power_level_read(const struct room_version *v, const struct json *value, int64_t *out);

#endif
