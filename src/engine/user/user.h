/* Users at their owner: accounts, sessions, devices, profiles, account data, and which rooms they see.
 *
 * Rows are the truth; user.c keeps in memory only what lets a /sync with nothing new read nothing. The rows of a user are written in
 * turns of that user alone, and account data only by user_account_data_write. */
#ifndef ROOKERY_ENGINE_USER_USER_H
#define ROOKERY_ENGINE_USER_USER_H

#include "engine/engine.h"

enum user_kind { USER_REGULAR, USER_GUEST };

/* Guests are known by their names, which are numbers: nobody else may have such a name. */
bool user_is_guest(const struct engine *e, struct str user_id);

/* entity_kind's free_state. */
void user_free_state(void *state);

/* In every turn that changes what /sync tells the user: takes a position, tells the user's waiting clients, returns the position for the rows. */
int64_t user_changed(struct turn *t);
/* In every turn that writes T_user_room. */
void user_rooms_changed(struct turn *t);

/* The account row of the turn's user. NOT_FOUND when there is none, USER_DEACTIVATED when it is no longer in use. Waits. */
must_use enum err user_account_row(struct turn *t, struct row *out);
/* The rooms of the turn's user with that membership, in the arena. Waits. */
must_use enum err user_rooms_with(struct turn *t, const char *membership, struct str **room_id, size_t *count);

/* --- account data --- */
/* The text; NOT_FOUND. `room_id` is empty for global data. Waits. */
must_use enum err user_account_data_read(struct turn *t, struct str room_id, struct str type, struct str *json);
void user_account_data_write(struct turn *t, struct str room_id, struct str type, struct str json, int64_t position);
/* Rows of T_account_data have been deleted. */
void user_account_data_forgotten(struct turn *t);

/* --- rows that are to go: gathered while the turn may still wait, deleted when it writes --- */
struct doomed {
    struct row *row; /* only the keys */
    size_t count, cap;
};
void doom_row(struct turn *t, struct doomed *d, const struct row *row);
/* All rows that begin with these key cells. Waits. */
must_use enum err doom_range(struct turn *t, struct doomed *d, enum table table, unsigned prefix, const struct cell *key);
/* All that the turn's user has of a device: the device, its keys, messages that wait for it, its tokens. *had_keys (may be NULL) becomes true when
 * others may know the device. Waits. */
must_use enum err doom_device(struct turn *t, struct doomed *d, struct str device_id, bool *had_keys);
/* Deletes them, and tells the gateways of access tokens among them that they are void. */
void doom(struct turn *t, const struct doomed *d);

/* The turn's user has changed devices or keys: everybody who shares a room is told, and the user. Waits first, then writes: called
 * between a turn's reads and its writes. (keys.c) */
must_use enum err user_devices_changed(struct turn *t);

#endif
