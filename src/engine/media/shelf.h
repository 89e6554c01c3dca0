/* Thumbnails that were made, kept on disk: one for each image (by the hash of its bytes) and size, so that it is made once. Also kept, for an hour, is
 * that an image has none, so that one which costs a decoder much is not tried at each request.
 *
 * All of it can be made again. It may be deleted at any time, while the server runs too; nothing is synced, and what a crash left half-written is found
 * out by its checksum. The folder holds `max_bytes` at most: what was not asked for the longest goes first. */
#ifndef ROOKERY_ENGINE_MEDIA_SHELF_H
#define ROOKERY_ENGINE_MEDIA_SHELF_H

#include "base/arena.h"
#include "base/err.h"

struct shelf;
/* Nothing is read or made before it is used. `max_bytes` 0: nothing is kept. */
struct shelf *shelf_new(const char *folder, uint64_t max_bytes);
/* No call may be under way. NULL is allowed. */
void shelf_free(struct shelf *s);

struct shelf_key {
    struct str image; /* hash of the image's bytes */
    unsigned width, height;
    bool crop;
};
struct shelf_item {
    enum err refusal; /* OK, or why there is no thumbnail; `bytes` is the sentence then */
    bool original;    /* the image is its own thumbnail; no bytes */
    struct str type, bytes;
};
/* False: it is not there. The item is in the arena. Waits. */
must_use bool shelf_get(struct shelf *s, const struct shelf_key *k, struct arena *a, struct shelf_item *out);
/* Keeps it, if that can be done. Waits. */
void shelf_put(struct shelf *s, const struct shelf_key *k, const struct shelf_item *item);

struct shelf_stats {
    uint64_t found, missed;
};
void shelf_stats(struct shelf *s, struct shelf_stats *out);

#endif
