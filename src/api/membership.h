/* Joining, inviting, leaving: what the membership endpoints share with those that do the same by other ways. */
#ifndef ROOKERY_API_MEMBERSHIP_H
#define ROOKERY_API_MEMBERSHIP_H

#include "api/api.h"

/* A member event sent as state: the same rules as the endpoints. Writes the answer {event_id}. Waits. */
must_use enum err membership_by_state(struct api *r, struct str room_id, struct str target);
/* The member content of a user: displayname and avatar_url of the profile. In the arena. Waits. */
must_use enum err membership_profile(struct api *r, struct str user_id, struct json **content);
/* One action ("join", "invite", …) of the one who asks. `content`: more for the member event, or NULL. Waits. */
must_use enum err membership_do(struct api *r, struct str room_id, const char *action, struct str target, struct json *content,
                                struct reply *reply);
/* A room id as it is, or an alias' room. NOT_FOUND. Waits. */
must_use enum err membership_room(struct api *r, struct str id_or_alias, struct str *room_id);
/* Array of the rooms that who asks and the other are both in. Waits. */
must_use enum err membership_shared(struct api *r, struct str other, struct json **rooms);
/* May a local user be spoken to at all (invited)? NOT_FOUND for accounts that are not there. Waits. */
must_use enum err membership_check_target(struct api *r, struct str user_id);

#endif
