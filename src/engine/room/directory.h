/* The public directory: the rooms that are listed in it, and what is told of each.
 *
 * A listed room has a row of T_public_room with its entry, written by the turn that changes what the entry tells: so nobody has to load a room to list it.
 * A slot's owner keeps the order of its listed rooms in memory (about 100 bytes each), made from the rows when first asked for. */
#ifndef ROOKERY_ENGINE_ROOM_DIRECTORY_H
#define ROOKERY_ENGINE_ROOM_DIRECTORY_H

#include "engine/room/draft.h"

/* entity_kind's free_state, for KIND_DIRECTORY: one entity per slot, by engine_key_of_slot. */
void directory_free_state(void *state);

/* What a turn does to the directory: decided while it writes, taken into memory after turn_ready. */
struct directory_change {
    enum { DIRECTORY_AS_IT_WAS, DIRECTORY_ENTRY, DIRECTORY_GONE } what;
    int64_t joined;
};
/* Writes the entry of a listed room when the draft changes what it tells. */
struct directory_change directory_draft(const struct draft *d);
/* Writes or deletes the entry, as room->is_public says. */
struct directory_change directory_publish(struct turn *t, const struct room *room);
void directory_apply(struct turn *t, const struct room *room, const struct directory_change *c);

/* A room's place in the list: those with most members first. */
struct directory_place {
    int64_t joined;
    struct str room_id;
};
/* For qsort. */
int directory_order(const void *a, const void *b);

/* Members of a JSON object that tell strangers of the room. `d`: as of the draft; NULL: as it is. */
void directory_write_entry(struct json_out *o, const struct room *room, const struct draft *d);

#endif
